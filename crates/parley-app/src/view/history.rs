//! Calls that were, as a window lists them.

use super::{EndCode, MessageView, Quality};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What is remembered of calls on this computer. No links: their secrets are not kept.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, TS)]
pub struct HistoryView {
    /// Newest first, the latest fifty.
    pub calls: Vec<PastCallView>,
    /// What was written in the call that was asked for ([`super::AppCommand::OpenPastChat`]).
    pub opened: Option<PastChatView>,
    /// Why nothing can be remembered now.
    pub fault: Option<String>,
}

/// One call that was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PastCallView {
    /// Names it in commands.
    pub id: String,
    /// When the two were first connected, in milliseconds since 1970.
    #[ts(type = "number")]
    pub began_ms: u64,
    /// How long they were connected.
    #[ts(type = "number")]
    pub seconds: u64,
    /// The names of the others.
    pub people: Vec<String>,
    /// Whether this side made the room.
    pub host: bool,
    /// How good it was on the whole.
    pub quality: Quality,
    /// Times the media stopped.
    pub interruptions: u32,
    /// Why it ended, if that was seen.
    pub end: Option<EndCode>,
    /// What the person said of it: 1 (bad) to 5 (good).
    pub stars: Option<u8>,
    /// How many messages of it are kept.
    pub messages: u32,
}

/// What was written in one call that was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PastChatView {
    /// Which: [`PastCallView::id`].
    pub id: String,
    /// Oldest first. Authors have names, and no ids any more.
    pub messages: Vec<MessageView>,
}
