//! Sound: the one audio thread, its mixer, voice chain, codec and jitter buffers.

mod config;
pub mod jitter;
mod status;

pub use config::{
    AudioCommand, AudioConfig, AudioInput, AudioOutput, AudioPorts, AudioTargets, PacketTime, PlayedBlock,
    StartAudioError, VoiceSettings,
};
pub use jitter::JitterCounters;
pub use status::{AudioCounters, AudioStatus, ParticipantAudio, StreamState, StreamStatus};

/// Samples per second inside the engine.
pub const SAMPLE_RATE: u32 = 48_000;
/// Samples in a block: 10 ms.
pub const BLOCK_SAMPLES: usize = 480;
/// Ten milliseconds of sound: 48 kHz, mono, -1.0 to 1.0.
pub type Block = [f32; BLOCK_SAMPLES];
/// Ten milliseconds of nothing.
pub const SILENT_BLOCK: Block = [0.0; BLOCK_SAMPLES];
