//! The connection test: which ways out of this network work, what NAT there is, and what to do about it.
//!
//! `verdict` is pure: what was seen becomes sentences. `ways` looks: a driver, which asks a server what it offers and tries
//! each way once, all at the same time, within [`CHECK_MAX`]. No call, no room, nothing is left behind at the server.

mod verdict;
mod ways;

pub use verdict::{Nat, NetworkReport, Way, WayReport, WaySeen};
pub use ways::{CHECK_MAX, check_network};
