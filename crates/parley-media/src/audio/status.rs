//! What the engine says of itself: the states of its two streams, meters, and a line for everyone who is heard.

use super::echo_test::EchoTestState;
use super::jitter::JitterCounters;
use crate::device::sound::{DeviceTrouble, TroubleKind};
use crate::device::{Device, Replaced};
use crate::packet::AudioLevel;
use parley_proto::ParticipantId;

/// The engine's snapshot, renewed ten times a second.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioStatus {
    /// The source.
    pub input: StreamStatus,
    /// The speaker.
    pub output: StreamStatus,
    /// How loud the source is (also while muted), the loudest of the last 100 ms.
    pub microphone_level: AudioLevel,
    /// How loud the speaker is, the loudest of the last 100 ms.
    pub speaker_level: AudioLevel,
    /// The person speaks and is muted.
    pub speaking_while_muted: bool,
    /// The microphone is open and has given nothing, not even noise, for seconds.
    pub no_signal: bool,
    /// The microphone is open and has given something, if only noise, for seconds and without a gap.
    pub steady_signal: bool,
    /// The speaker test sounds.
    pub test_sound_playing: bool,
    /// What the echo test does.
    pub echo_test: EchoTestState,
    /// Everyone who is heard.
    pub participants: Vec<ParticipantAudio>,
    /// What their computers play beside their voices, of those who share it.
    pub shared: Vec<ParticipantAudio>,
    /// What was lost on the way through this engine.
    pub counters: AudioCounters,
}

impl Default for AudioStatus {
    fn default() -> Self {
        Self {
            input: StreamStatus::default(),
            output: StreamStatus::default(),
            microphone_level: AudioLevel::SILENCE,
            speaker_level: AudioLevel::SILENCE,
            speaking_while_muted: false,
            no_signal: false,
            steady_signal: false,
            test_sound_playing: false,
            echo_test: EchoTestState::Off,
            participants: Vec::new(),
            shared: Vec::new(),
            counters: AudioCounters::default(),
        }
    }
}

/// One of the two streams.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamStatus {
    /// How it is.
    pub state: StreamState,
    /// The id of the device in use.
    pub id: Option<String>,
    /// The human name of what is in use.
    pub name: Option<String>,
    /// What went wrong, for the log and the curious.
    pub detail: Option<String>,
    /// What this one took the place of.
    pub replaced: Option<Replaced>,
}

impl StreamStatus {
    /// Being opened.
    pub(super) fn starting(name: Option<String>) -> Self {
        Self {
            state: StreamState::Starting,
            name,
            ..Self::default()
        }
    }

    /// An open device.
    pub(super) fn running(device: Device, detail: Option<String>, replaced: Option<Replaced>) -> Self {
        Self {
            replaced,
            state: StreamState::Running,
            id: Some(device.id),
            name: Some(device.name),
            detail,
        }
    }

    /// Wanted, and it does not work.
    pub(super) fn failed(name: Option<String>, detail: String) -> Self {
        Self {
            state: StreamState::Failed,
            name,
            detail: Some(detail),
            ..Self::default()
        }
    }
}

impl From<DeviceTrouble> for StreamStatus {
    fn from(trouble: DeviceTrouble) -> Self {
        let state = match trouble.kind {
            TroubleKind::Missing => StreamState::Missing,
            TroubleKind::Busy => StreamState::Busy,
            TroubleKind::Denied => StreamState::Denied,
            TroubleKind::Failed => StreamState::Failed,
        };
        Self {
            state,
            detail: Some(trouble.detail),
            ..Self::default()
        }
    }
}

/// How a stream is. A stream that is not `Running` or `Off` is tried again with back-off for as long as it is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum StreamState {
    /// Not wanted.
    #[default]
    Off,
    /// Being opened.
    Starting,
    /// Sound flows.
    Running,
    /// There is no such device, or none at all.
    Missing,
    /// Somebody else holds it.
    Busy,
    /// The system does not let us.
    Denied,
    /// Anything else; see the detail.
    Failed,
}

/// One person who is heard.
#[derive(Debug, Clone, PartialEq)]
pub struct ParticipantAudio {
    /// Who.
    pub id: ParticipantId,
    /// How loud, the loudest of the last 100 ms.
    pub level: AudioLevel,
    /// How late packets come after the quickest, in milliseconds: what the jitter buffer makes up for.
    pub jitter_ms: f32,
    /// How long sound waits here now, in milliseconds.
    pub delay_ms: f32,
    /// How much of the last seconds' sound was invented, percent.
    pub concealed_pct: f32,
    /// Counted since they came.
    pub counters: JitterCounters,
}

/// What was lost or repaired on the way through the engine, since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AudioCounters {
    /// Packets made.
    pub packets_encoded: u64,
    /// Packets dropped because nobody took them.
    pub packets_dropped: u64,
    /// 10 ms blocks the encoder refused.
    pub encode_errors: u64,
    /// 10 ms blocks of playout left out after a stall of this thread.
    pub playout_skipped: u64,
    /// 10 ms blocks of capture left out after a stall of this thread.
    pub capture_skipped: u64,
    /// Times the speaker found too little to play.
    pub speaker_underruns: u64,
    /// Samples of the microphone thrown away because this thread was late.
    pub microphone_overruns: u64,
    /// Played blocks nobody took from the tap.
    pub tap_dropped: u64,
    /// Played blocks that did not get into the recording.
    pub record_dropped: u64,
    /// Blocks of either half of the call that a recorder did not take.
    pub call_record_dropped: u64,
    /// Times a device was opened again.
    pub device_rebuilds: u64,
}
