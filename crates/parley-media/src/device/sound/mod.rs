//! Microphones and speakers by `cpal`.
//!
//! A device thread opens, watches and closes streams; callbacks only copy between the device and a lock-free ring; the
//! audio thread reads and writes the other ends. This module decides nothing about sound.

mod resample;
mod ring;

pub(crate) use resample::resample_all;
pub use ring::{MicrophoneRing, PlaybackMark, SpeakerRing};

/// A moment for tests.
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an Instant can be had in no other way")]
fn test_now() -> std::time::Instant {
    std::time::Instant::now()
}
