//! What changes all the time and therefore comes apart from the state: meters and figures.

use super::{PairView, PictureState};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Meters, about 15 times a second while a microphone is open. 0.0 is silence, 1.0 as loud as it gets, already shaped for
/// a meter (decibels from -60 to 0).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Levels {
    /// One's own microphone, also while muted.
    pub microphone: f32,
    /// What the speaker plays.
    pub speaker: f32,
    /// The other people.
    pub people: Vec<PersonLevel>,
}

/// The meter of one person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PersonLevel {
    /// Who.
    pub id: String,
    /// How loud.
    pub level: f32,
}

/// One second of a call in figures.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, TS)]
pub struct StatsSample {
    /// Milliseconds since the call was joined.
    #[ts(type = "number")]
    pub at_ms: u64,
    /// Round trip to the other side, in milliseconds.
    pub rtt_ms: Option<f32>,
    /// What the path is thought to carry, in kbit/s.
    pub estimate_kbps: Option<u32>,
    /// What leaves, in kbit/s.
    pub sent_kbps: u32,
    /// What comes, in kbit/s.
    pub received_kbps: u32,
    /// Packets lost on the way to here in this second, in percent.
    pub loss_in_pct: f32,
    /// Packets lost on the way to the other side, in percent, as told by them.
    pub loss_out_pct: f32,
    /// Pictures encoded and sent in this second.
    pub fps_sent: f32,
    /// Pictures decoded in this second.
    pub fps_received: f32,
    /// The size sent.
    pub sent_size: Option<(u32, u32)>,
    /// The size received.
    pub received_size: Option<(u32, u32)>,
    /// How long sound waits in the jitter buffer, in milliseconds.
    pub jitter_buffer_ms: Option<f32>,
    /// Sound that was invented for lost packets, in percent of this second.
    pub concealed_pct: f32,
    /// How unevenly packets come, in milliseconds.
    pub jitter_ms: f32,
    /// What the encoder aims at, in kbit/s.
    pub target_kbps: Option<u32>,
    /// To scale and encode a picture, in milliseconds.
    pub encode_ms: Option<f32>,
    /// Lines that a picture of this side has at most because this computer does not keep up with more.
    pub lines_max: Option<u32>,
    /// To decode a picture, in milliseconds.
    pub decode_ms: Option<f32>,
    /// What Parley's process takes (without the window's own), in percent of one core.
    pub cpu_pct: Option<f32>,
    /// The other side's picture stands still because parts of it are missing.
    pub frozen: bool,
    /// The loudest of one's own microphone in this second, in dBov (-127: nothing at all).
    pub microphone_dbov: Option<f32>,
    /// The loudest of what came from the others.
    pub heard_dbov: Option<f32>,
    /// What came of each of the others.
    pub people: Vec<PersonFigures>,
    /// The layers of one's own picture that were sent, smallest first; in a call of two only the largest.
    pub sent_layers: Vec<LayerFigures>,
    /// The way that media takes.
    pub pair: Option<PairView>,
    /// What carries sound and pictures now.
    pub codecs: Vec<String>,
    /// How the two reach each other, in words ("direct, UDP, 192.168.…").
    pub path: Option<String>,
    /// Counters of everything that was dropped anywhere, by name.
    #[ts(type = "Record<string, number>")]
    pub drops: std::collections::BTreeMap<String, u64>,
}

/// What was sent of one layer of one's own picture in one second.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, TS)]
pub struct LayerFigures {
    /// `q`, `h` or `f`, the largest.
    pub layer: String,
    /// Its size.
    pub size: Option<(u32, u32)>,
    /// Pictures in this second.
    pub fps: f32,
    /// Kilobits in this second.
    pub kbps: u32,
}

/// What came of one person in one second of a call.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, TS)]
pub struct PersonFigures {
    /// Who: the id of a person. In a report, a number.
    pub id: String,
    /// How their picture comes.
    pub picture: PictureState,
    /// Which layer of it comes: `q`, `h` or `f`, the largest; absent where there is one only.
    pub layer: Option<String>,
    /// The size that comes.
    pub size: Option<(u32, u32)>,
    /// Pictures decoded in this second.
    pub fps: f32,
    /// Their picture stands still because parts of it are missing.
    pub frozen: bool,
    /// To decode a picture, in milliseconds.
    pub decode_ms: Option<f32>,
    /// How their screen comes.
    pub screen: PictureState,
    /// The size that comes of it.
    pub screen_size: Option<(u32, u32)>,
    /// Pictures of it decoded in this second.
    pub screen_fps: f32,
    /// How long their sound waits in its jitter buffer, in milliseconds; absent while none comes.
    pub jitter_buffer_ms: Option<f32>,
    /// Sound that was invented for lost packets, in percent of this second.
    pub concealed_pct: f32,
    /// How unevenly their packets come, in milliseconds.
    pub jitter_ms: f32,
}
