//! Sound: the one audio thread, its mixer, voice chain, codec and jitter buffers.
//!
//! [`AudioEngine`] owns the thread. Inside, one format: 48 kHz, mono, `f32` in -1.0..=1.0, in blocks of 10 ms; whatever a
//! device or a file has is converted at the edge. The order of work in a tick is told in [`engine`]. This module does not
//! touch the network and opens no device itself (that is [`crate::device`]).

mod capture;
mod chime;
pub mod clumping;
mod codec;
mod config;
pub mod echo;
mod echo_test;
mod engine;
mod hush;
mod input;
pub mod jitter;
mod level;
pub(crate) mod limiter;
mod no_signal;
mod output;
mod pace;
mod participant;
mod played;
mod playout;
pub mod probe;
pub mod protection;
mod record;
pub mod red;
mod shared;
mod source;
pub mod speech;
mod status;
mod talker;
mod voice;
mod wall;

pub use codec::{OpusError, without_padding};
pub use config::{
    AudioCommand, AudioConfig, AudioInput, AudioOutput, AudioPorts, AudioTargets, CallHalf, DEEP_MS_MAX,
    PacketTime, PlayedBlock, RecordedBlock, StartAudioError, VoiceSettings,
};
pub use echo_test::EchoTestState;
pub use engine::AudioEngine;
pub use jitter::JitterCounters;
pub use shared::{SharedSound, SharedSoundStatus};
pub use source::{LoadWavError, check_wav};
pub use status::{AudioCounters, AudioStatus, ParticipantAudio, StreamState, StreamStatus};

/// Samples per second inside the engine.
pub const SAMPLE_RATE: u32 = 48_000;
/// Samples in a block: 10 ms.
pub const BLOCK_SAMPLES: usize = 480;
/// Ten milliseconds of sound: 48 kHz, mono, -1.0 to 1.0.
pub type Block = [f32; BLOCK_SAMPLES];
/// Ten milliseconds of nothing.
pub const SILENT_BLOCK: Block = [0.0; BLOCK_SAMPLES];
