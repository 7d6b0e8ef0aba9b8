//! A world of clients, servers and emulated links, and the tests that live in it.
//!
//! `harness` holds what tests and measurements stand on, `measure` and `lab` are measurements; the other modules are the tests, all in one binary, chosen by
//! module name (`cargo xtask test world`, `... desktop`). The world needs Linux: its cameras, sound cards and cables are
//! made of FUSE, PulseAudio and TUN. Elsewhere only `tidy` remains.
//!
//! A test whose tools are missing fails and says so; it is never skipped in silence.

#![allow(
    clippy::disallowed_methods,
    reason = "driver: a test world runs real processes against real clocks"
)]

#[cfg(target_os = "linux")]
pub mod harness;
#[cfg(target_os = "linux")]
pub mod lab;
#[cfg(target_os = "linux")]
pub mod measure;

#[cfg(target_os = "linux")]
#[cfg(test)]
mod desktop;
#[cfg(target_os = "linux")]
#[cfg(test)]
mod interop;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod world;
