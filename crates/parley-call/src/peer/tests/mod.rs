//! Whole peers in one process, connected over loopback. Each test is bounded and closes what it opened.

mod calls;
mod pair;
