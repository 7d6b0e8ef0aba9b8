//! The pacer: what goes to the network now, and what waits.
//!
//! In place of the library's, which has one queue (sound waits behind pictures: with the target below the media rate 687 of
//! some 1,200 packets of sound had come out after 24 s) and starts at 1 Mbit/s whatever the estimator says. [`queue`] is
//! the sans-IO core; [`link`] puts it into the chain; [`room`] tells the video pump when to hold the encoder; [`padding`] fills
//! up the probes of the congestion control; [`again`] keeps answers apart where the way is full,
//! and [`beyond_repair`] knows what is answered no more, since a key frame is there sooner.

mod again;
mod beyond_repair;
pub(super) mod link;
mod padding;
pub(super) mod queue;
pub(super) mod room;
