//! Measurements: what a call costs, how long it takes to stand, how late it is. Made by real programs; `cargo xtask call`
//! and `cargo xtask bench` print them.

pub mod bench;
pub mod call;
pub mod capture;
pub mod cost;
pub mod files;
pub mod group;
pub mod ladder;
pub mod parley;
pub mod rows;
pub mod set_up;
pub mod sfu;
pub mod signaling;
pub mod turn;
pub mod voice;
pub mod window;
