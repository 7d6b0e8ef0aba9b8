//! Endpoints and the real server, over loopback and over emulated links.

mod call_connects;
mod call_party;
#[cfg(target_os = "linux")]
mod endpoints;
