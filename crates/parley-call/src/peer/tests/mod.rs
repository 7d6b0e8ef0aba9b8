//! Whole peers in one process, connected over loopback. Each test is bounded and closes what it opened.

mod bare;
mod beside;
mod calls;
mod faults;
mod hostile;
mod lanes;
mod loss;
mod opening;
mod pair;
mod picture_path;
mod relay;
mod screen;
#[cfg(target_os = "linux")]
mod soak;
mod tcp;
mod torn;
