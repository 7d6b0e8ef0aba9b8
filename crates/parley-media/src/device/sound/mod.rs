//! Microphones and speakers: found by `cpal`, opened by it too, but for those of Linux's sound servers.
//!
//! A device thread opens, watches and closes streams; callbacks only copy between the device and a lock-free ring; the
//! audio thread reads and writes the other ends. This module decides nothing about sound.

mod health;
mod hosts;
mod keeper;
mod ladder;
mod priority;
#[cfg(target_os = "linux")]
mod pulse_stream;
mod resample;
pub(crate) mod ring;
mod stream;
mod thread;
mod trouble;

use super::Device;
pub use hosts::Direction;
pub(crate) use priority::raise_this_thread;
pub(crate) use resample::resample_all;
pub use ring::{MicrophoneRing, PlaybackMark, SpeakerRing};
pub use thread::{SoundDevices, SoundEvent, SoundNews};
pub use trouble::{DeviceTrouble, TroubleKind};

/// The microphones a person can choose, the system's default first. Blocks for some milliseconds.
#[must_use]
pub fn list_microphones() -> Vec<Device> {
    hosts::list(Direction::In)
}

/// The speakers a person can choose, the system's default first. Blocks for some milliseconds.
#[must_use]
pub fn list_speakers() -> Vec<Device> {
    hosts::list(Direction::Out)
}

/// A moment for tests.
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an Instant can be had in no other way")]
fn test_now() -> std::time::Instant {
    std::time::Instant::now()
}
