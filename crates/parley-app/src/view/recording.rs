//! Recording the call: how far it is, how it ended, where it goes, and whether others may.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// One's own recording. Whether others record stands in [`super::PersonView::recording`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
pub struct RecordingView {
    /// How far it is.
    pub stage: RecordingStage,
    /// When it began, in milliseconds since 1970; absent before, and after.
    #[ts(type = "number | null")]
    pub since_ms: Option<u64>,
    /// How the last one ended, or why there was none; until the next one, or until it was seen.
    pub ended: Option<RecordingEnded>,
}

/// How far a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RecordingStage {
    /// There is none.
    #[default]
    Off,
    /// The others are being asked.
    Asking,
    /// It is on.
    On,
    /// Its file is being finished.
    Finishing,
}

/// A recording that is over, or did not begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RecordingEnded {
    /// Grows with each, so that two are told apart.
    pub number: u32,
    /// Why.
    pub why: RecordingStop,
    /// Where its file is; absent when nothing was recorded.
    pub path: Option<String>,
    /// How long it is.
    pub seconds: u32,
}

/// Why a recording is over, or did not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RecordingStop {
    /// The person ended it.
    Stopped,
    /// The call is over.
    CallEnded,
    /// Whoever agreed to it is gone.
    TheyLeft,
    /// Nobody is there to be recorded.
    NobodyThere,
    /// Another one does not allow it, or no longer.
    SaidNo,
    /// Another one's client does not answer.
    NoAnswer,
    /// The disk is full.
    DiskFull,
    /// The folder or the file cannot be written.
    CannotWrite,
    /// Anything else.
    Failed,
}

/// Whether others may record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct RecordingSettings {
    /// Others may record, seen by everybody.
    pub allowed: bool,
}

impl Default for RecordingSettings {
    fn default() -> Self {
        Self { allowed: true }
    }
}
