//! How much a call may take: of the network, and of this computer's power.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// How much calls may take, kept between runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct SavingSettings {
    /// How much of the network pictures take, either way.
    pub mode: SavingMode,
    /// The most that pictures take in each direction, in kbit/s; none: as much as helps and the line carries.
    pub kbps_max: Option<u32>,
    /// Pictures are smaller and fewer, so that the battery lasts longer.
    pub energy: bool,
}

impl SavingSettings {
    /// The limits that make sense, in kbit/s: less is no picture, more is never sent.
    pub const KBPS: std::ops::RangeInclusive<u32> = 100..=10_000;
}

/// How much of the network pictures take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SavingMode {
    /// As much as helps.
    #[default]
    Off,
    /// Small pictures, few of them, sent and asked for.
    LowData,
    /// No picture of a camera, sent or asked for. A screen still comes.
    AudioOnly,
}
