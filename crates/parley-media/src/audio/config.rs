//! What the audio engine is asked to do: its configuration at the start and the commands afterwards. Plain values; the
//! engine decides what becomes of them.

use super::Block;
use crate::packet::{EncodedAudio, ReceivedPacket};
use parley_proto::{Bitrate, ParticipantId};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch;

use super::status::AudioStatus;

/// How the engine starts. `AudioConfig::default()` hears nothing and plays to nobody.
#[derive(Debug, Default)]
pub struct AudioConfig {
    /// Where sound comes from.
    pub input: AudioInput,
    /// Where the sound of the others goes.
    pub output: AudioOutput,
    /// The voice chain's switches.
    pub voice: VoiceSettings,
    /// Whether to start muted.
    pub muted: bool,
    /// A wav file (48 kHz, mono, 16 bit) of what the speaker played.
    pub record: Option<PathBuf>,
    /// A copy of every block that was played, with the time of its playback. Full means dropped and counted.
    pub tap: Option<SyncSender<PlayedBlock>>,
    /// How much sound goes into one packet.
    pub packet_time: PacketTime,
}

/// Where sound comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AudioInput {
    /// A microphone.
    Device {
        /// Its id from [`crate::device::list_microphones`]; none follows the system's default.
        id: Option<String>,
    },
    /// Syllabic chirps with a click at each whole second of the wall clock (see [`super::speech`]).
    Speech,
    /// A steady soft tone of 440 Hz.
    Tone,
    /// A wav file, from the beginning again at its end.
    Wav {
        /// Where it is.
        path: PathBuf,
    },
    /// Nothing: no packets are made at all.
    #[default]
    Off,
}

/// Where the sound of the others goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AudioOutput {
    /// A speaker.
    Device {
        /// Its id from [`crate::device::list_speakers`]; none follows the system's default.
        id: Option<String>,
    },
    /// Nowhere, but at the pace of the clock, as if a speaker were there.
    #[default]
    Null,
}

/// The voice chain's switches. They count for a microphone; built-in sources and files skip the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoiceSettings {
    /// Takes the speaker's sound out of the microphone's.
    pub echo_cancellation: bool,
    /// Takes steady noise out.
    pub noise_suppression: bool,
    /// Brings quiet and loud voices to a like level.
    pub gain_control: bool,
    /// Built-in sources and files go through the chain too.
    pub apply_to_files: bool,
}

impl Default for VoiceSettings {
    fn default() -> Self {
        Self {
            echo_cancellation: true,
            noise_suppression: true,
            gain_control: true,
            apply_to_files: false,
        }
    }
}

/// What the encoder must produce now: decided by the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioTargets {
    /// Bits per second of Opus, 6,000 to 128,000 (values outside are brought inside).
    pub bitrate: Bitrate,
    /// How many percent of the packets are expected to be lost; redundancy follows it.
    pub expected_loss_pct: u8,
    /// How far back deep redundancy tells of a voice, milliseconds, 0 to [`DEEP_MS_MAX`] in steps of ten; 0: none. It takes its bits from
    /// `bitrate`, and the place of Opus' own redundancy.
    pub deep_ms: u16,
}

/// The furthest that deep redundancy reaches back: 1 s.
pub const DEEP_MS_MAX: u16 = 1_000;

impl Default for AudioTargets {
    fn default() -> Self {
        Self {
            bitrate: Bitrate::from_kbps(32),
            expected_loss_pct: 5,
            deep_ms: 0,
        }
    }
}

/// How much sound goes into one packet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PacketTime {
    /// 10 ms: ten less of delay, twice the packets.
    Ms10,
    /// 20 ms.
    #[default]
    Ms20,
}

impl PacketTime {
    /// In blocks of 10 ms.
    #[must_use]
    pub const fn blocks(self) -> usize {
        match self {
            Self::Ms10 => 1,
            Self::Ms20 => 2,
        }
    }
}

/// What the rest of the program holds of a running engine.
#[derive(Debug)]
pub struct AudioPorts {
    /// The packets to send. When nobody takes them they are dropped and counted.
    pub encoded: tokio::sync::mpsc::Receiver<EncodedAudio>,
    /// What the engine says of itself, ten times a second.
    pub status: watch::Receiver<AudioStatus>,
}

/// What may be asked of a running engine.
#[derive(Debug)]
pub enum AudioCommand {
    /// Muted keeps the track and its meter and sends silence.
    SetMuted(bool),
    /// Another source.
    SetInput(AudioInput),
    /// Another speaker.
    SetOutput(AudioOutput),
    /// The voice chain's switches.
    SetVoice(VoiceSettings),
    /// The encoder's targets.
    SetTargets(AudioTargets),
    /// Somebody else's sound begins to come. The same id again replaces the packets' channel and starts afresh.
    AddParticipant {
        /// Who.
        id: ParticipantId,
        /// Their packets, as they come.
        packets: Receiver<ReceivedPacket>,
    },
    /// They left.
    RemoveParticipant(ParticipantId),
    /// What somebody's computer plays begins to come, beside their voice. As loud as they are; the same id again starts afresh.
    AddSharedSound {
        /// Whose.
        id: ParticipantId,
        /// Its packets, as they come.
        packets: Receiver<ReceivedPacket>,
    },
    /// It does not come any more.
    RemoveSharedSound(ParticipantId),
    /// How loud to play somebody: 1.0 as they came, at most 4.0.
    SetVolume {
        /// Who.
        id: ParticipantId,
        /// Linear.
        gain: f32,
    },
    /// How long somebody's voice waits at least between its arrival and its playout, at most 200 ms: for a picture that is slower.
    SetLeastWait {
        /// Whose.
        id: ParticipantId,
        /// How long.
        wait: Duration,
    },
    /// Hands both halves of the call to a recorder from now on; `None` ends that. Full means dropped and counted.
    Record(Option<SyncSender<RecordedBlock>>),
    /// Plays a soft chime on the speaker, for the person to hear whether it works.
    PlayTestSound,
    /// Records some seconds of what others would hear and plays them on the speaker; or ends that.
    TestEcho(bool),
}

/// Ten milliseconds that were played.
#[derive(Debug, Clone)]
pub struct PlayedBlock {
    /// 48 kHz, mono.
    pub samples: Block,
    /// When the playback callback took its first sample (without a device: when the block was due), wall clock.
    pub played_at: SystemTime,
    /// The same on this machine's monotonic clock.
    pub played: Instant,
}

/// Ten milliseconds of one half of a call, for a recorder.
#[derive(Debug, Clone)]
pub struct RecordedBlock {
    /// Which half.
    pub half: CallHalf,
    /// 48 kHz, mono.
    pub samples: Block,
    /// When its first sample was played, or captured.
    pub at: Instant,
}

/// The two halves of what is heard in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallHalf {
    /// The others, as they were played.
    Played,
    /// One's own voice, as it was sent. Nothing comes while it is muted.
    Own,
}

/// Why the engine could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartAudioError {
    /// The operating system gave no thread.
    #[error("no thread for the sound: {0}")]
    Thread(#[source] std::io::Error),
    /// The codec could not be made.
    #[error("the Opus codec could not start: {0}")]
    Codec(#[from] super::codec::OpusError),
    /// The recording could not be opened.
    #[error("cannot write the recording {path}: {source}")]
    Record {
        /// Where.
        path: PathBuf,
        /// Why.
        source: hound::Error,
    },
}
