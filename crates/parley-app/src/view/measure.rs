//! What changes all the time and therefore comes apart from the state: meters and figures.

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
    /// How the two reach each other, in words ("direct, UDP, 192.168.…").
    pub path: Option<String>,
    /// Counters of everything that was dropped anywhere, by name.
    #[ts(type = "Record<string, number>")]
    pub drops: std::collections::BTreeMap<String, u64>,
}
