//! The adaptive jitter buffer of one participant: packets in at any time and in any order, ten milliseconds out at a time.
//!
//! Owned by the audio thread, one for each participant. It reads no clock and knows no network: time comes as an argument.
//!
//! | who | what | why so |
//! |---|---|---|
//! | [`buffer`] | decides, for each 10 ms, what to play | the one place where time meets packets |
//! | `store` | packets in order, bounded | late, double and hostile packets end here |
//! | `seen` | knows which packets came already | a copy must not count as a late packet |
//! | `repair` | how long to wait for redundancy | it comes some packets later than what it repairs |
//! | `delay` | how late packets come, and so how long to wait | measured on arrival alone, so playing cannot disturb it |
//! | `overtaken` | how long to wait for packets that others overtook | too few for `delay`, and each of them a hole |
//! | `decoding` | makes samples of packets, and of what packets tell of others | the decoder has one owner |
//! | `slack`, `recent` | what is left of the wait, and how much was invented | measured where it is decided, remembered apart |
//! | `stretch` | leaves a pitch period out or puts one in | the delay changes without a click and without a gap |
//! | `sound` | decoded samples that wait, and how invented ones fade | the decoder's frames are longer than 10 ms |

pub mod buffer;
mod counters;
mod decoding;
mod delay;
mod overtaken;
mod recent;
mod repair;
mod seen;
mod slack;
mod sound;
mod store;
mod stretch;
#[cfg(test)]
#[expect(clippy::print_stdout, reason = "a bench prints its table")]
mod survival;
#[cfg(test)]
mod tests;

pub use buffer::JitterBuffer;
pub use counters::JitterCounters;
