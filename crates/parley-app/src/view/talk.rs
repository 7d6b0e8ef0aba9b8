//! What people tell each other beside picture and sound, as a window shows it: messages, reactions, raised hands, files. Comes apart
//! from [`super::AppState`], because it is long and changes by itself.

use super::{TransferView, UnfinishedView};
use parley_proto::Reaction;
use serde::{Deserialize, Serialize};
use std::fmt;
use ts_rs::TS;

/// Everything of the side panel; sent again, whole, at most ten times a second when something in it changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
pub struct TalkView {
    /// What was written in this call, oldest first; the oldest go when there are very many.
    pub messages: Vec<MessageView>,
    /// Reactions of the last seconds, oldest first.
    pub reactions: Vec<ReactionView>,
    /// One's own hand is up.
    pub hand_raised: bool,
    /// Files on their way, and those that were, oldest first.
    pub transfers: Vec<TransferView>,
    /// Files of earlier calls that did not arrive, newest first; those that are on their way again are not among them.
    pub unfinished: Vec<UnfinishedView>,
}

/// One message. Its `Debug` leaves the words out.
#[derive(Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct MessageView {
    /// Another one for each, whoever wrote it: given here, not by the author.
    pub id: String,
    /// Who wrote it: the id of a person; absent for oneself.
    pub author: Option<String>,
    /// The author's name at that time; empty for oneself.
    pub name: String,
    /// The words. Text, never markup.
    pub text: String,
    /// When it was sent or came, in milliseconds since 1970, by this computer's clock.
    #[ts(type = "number")]
    pub at_ms: u64,
    /// What became of it. What came is always delivered.
    pub delivery: Delivery,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// On its way.
    Sending,
    /// The other side has it.
    Delivered,
    /// The other side did not answer in time. It may still come to be delivered.
    NotDelivered,
}

impl fmt::Debug for MessageView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageView")
            .field("id", &self.id)
            .field("delivery", &self.delivery)
            .finish_non_exhaustive()
    }
}

/// One reaction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ReactionView {
    /// Counts up, so that two of a kind are two.
    pub number: u32,
    /// Whose: the id of a person; absent for oneself.
    pub author: Option<String>,
    /// Which.
    pub reaction: ReactionKind,
}

/// Which reaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ReactionKind {
    /// Thumbs up.
    ThumbsUp,
    /// A heart.
    Heart,
    /// Thumbs down.
    ThumbsDown,
    /// A laughing face.
    Laugh,
    /// A flame.
    Fire,
    /// A party popper.
    Party,
}

impl ReactionKind {
    /// As it goes to the others.
    #[must_use]
    pub const fn on_the_wire(self) -> Reaction {
        match self {
            Self::ThumbsUp => Reaction::ThumbsUp,
            Self::Heart => Reaction::Heart,
            Self::ThumbsDown => Reaction::ThumbsDown,
            Self::Laugh => Reaction::Laugh,
            Self::Fire => Reaction::Fire,
            Self::Party => Reaction::Party,
        }
    }

    /// As it came; nothing for one that this build does not know.
    #[must_use]
    pub const fn from_wire(reaction: Reaction) -> Option<Self> {
        Some(match reaction {
            Reaction::ThumbsUp => Self::ThumbsUp,
            Reaction::Heart => Self::Heart,
            Reaction::ThumbsDown => Self::ThumbsDown,
            Reaction::Laugh => Self::Laugh,
            Reaction::Fire => Self::Fire,
            Reaction::Party => Self::Party,
            Reaction::Unknown => return None,
        })
    }
}
