//! The adaptive jitter buffer of one participant: packets in at any time and in any order, ten milliseconds out at a time.
//!
//! Owned by the audio thread, one for each participant. It reads no clock and knows no network: time comes as an argument.

mod counters;

pub use counters::JitterCounters;
