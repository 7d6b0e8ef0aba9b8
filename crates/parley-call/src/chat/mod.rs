//! What people write to each other during a call.
//!
//! [`Chat`] decides, for each other side and without sockets, clocks or randomness: what goes on the lane when, what is new and what
//! came before, what is delivered. [`start`] is the task around all of them. What was said is kept by neither: the app gets it
//! once, as [`ChatNews`].

mod conversation;
mod deliveries;
mod driver;
mod pair;

pub use conversation::{Chat, ChatCounters, PairNews, SayError};
pub use driver::{ChatHandle, start};
use parley_proto::{ChatText, MessageId, ParticipantId};

/// What became of a message, or a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatNews {
    /// Somebody wrote.
    Came {
        /// Who.
        from: ParticipantId,
        /// What.
        text: ChatText,
    },
    /// Everybody whom it was for has one's own message, but for those who did not answer in time.
    Delivered(MessageId),
    /// Nobody has answered for it in time: they do not read messages, or cannot be reached. It is said again whenever there is a
    /// lane, and may be delivered later.
    Unanswered(MessageId),
}
