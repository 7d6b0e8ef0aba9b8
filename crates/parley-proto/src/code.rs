//! Why the server said no: a closed list that code branches on, each with a sentence for people.

use serde::{Deserialize, Serialize};

/// What went wrong, as the server tells it. `Unknown` stands for a code of a newer server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The message could not be read as any message of the protocol.
    Malformed,
    /// The message is longer than the limits allow.
    TooLarge,
    /// Too many messages in too short a time.
    TooFast,
    /// The two sides speak no common version.
    VersionMismatch,
    /// No such room here: a mistyped link or a link to another server.
    RoomUnknown,
    /// The room has as many people as it takes.
    RoomFull,
    /// The room has a place for one more as soon as somebody who lost the connection has either come back or been given up.
    PlaceKept,
    /// The ticket was fine once, but its time is over.
    TicketExpired,
    /// The ticket was never good, was made by another server, or was used before.
    TicketInvalid,
    /// The resume token is not (or no longer) good.
    ResumeInvalid,
    /// This participant came in from elsewhere; this connection ends.
    Replaced,
    /// The message needs a joined room first.
    NotJoined,
    /// The message makes no sense now (joined already, for one).
    OutOfOrder,
    /// The one it was sent to is not in the room.
    RecipientUnknown,
    /// The one it was sent to has lost the connection to the server for now: send it again when they are back.
    RecipientAway,
    /// The server is full or going down.
    Unavailable,
    /// A host locked the room.
    Locked,
    /// The room has a password.
    PasswordNeeded,
    /// That is not the password.
    PasswordWrong,
    /// A host did not let them in.
    NotAdmitted,
    /// The room has a lobby, and this client cannot wait in one.
    CannotWait,
    /// A host put this participant out, or the server for offences in a group.
    Removed,
    /// A host ended the call for everybody.
    Ended,
    /// Only a host may do that.
    NotAllowed,
    /// The server forwards no media now: that is turned off, full, or beginning anew.
    SfuUnavailable,
    /// What was offered to the SFU is not acceptable.
    SfuRefused,
    /// A code this build does not know.
    #[serde(other)]
    Unknown,
}

impl ErrorCode {
    /// Every code that this build sends.
    pub const ALL: [Self; 26] = [
        Self::Malformed,
        Self::TooLarge,
        Self::TooFast,
        Self::VersionMismatch,
        Self::RoomUnknown,
        Self::RoomFull,
        Self::PlaceKept,
        Self::TicketExpired,
        Self::TicketInvalid,
        Self::ResumeInvalid,
        Self::Replaced,
        Self::NotJoined,
        Self::OutOfOrder,
        Self::RecipientUnknown,
        Self::RecipientAway,
        Self::Unavailable,
        Self::Locked,
        Self::PasswordNeeded,
        Self::PasswordWrong,
        Self::NotAdmitted,
        Self::CannotWait,
        Self::Removed,
        Self::Ended,
        Self::NotAllowed,
        Self::SfuUnavailable,
        Self::SfuRefused,
    ];

    /// What a person is told: what happened and what to do.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Malformed | Self::NotJoined | Self::OutOfOrder | Self::Unknown => {
                "Parley and the server misunderstood each other. Update Parley, and if it happens again, report it."
            }
            Self::TooLarge => "A message was too large for the server.",
            Self::TooFast => "Too many messages in a short time. Wait a moment, then try again.",
            Self::VersionMismatch => {
                "This server speaks another version of Parley. Update Parley, or ask whoever runs the server to update it."
            }
            Self::RoomUnknown => {
                "There is no such call on this server. Check that the whole link was copied, or ask for a new one."
            }
            Self::RoomFull => "This call is full. Once somebody has left it, you can come in.",
            Self::PlaceKept => {
                "A place in this call is still kept for somebody whose connection broke. Try again in a minute."
            }
            Self::TicketExpired => "Your ticket to this call has run out. Open the link again.",
            Self::TicketInvalid => "The server did not accept the ticket to this call. Open the link again.",
            Self::ResumeInvalid => "The call could not be resumed. Open the link again.",
            Self::Replaced => "You joined this call from somewhere else, so it ended here.",
            Self::RecipientUnknown => "The other person is no longer in the call.",
            Self::RecipientAway => {
                "The other person's connection to the server is interrupted. Parley tries again when it is back."
            }
            Self::Unavailable => "The server cannot take new calls right now. Try again in a minute.",
            Self::Locked => "The host locked this call, so nobody new can come in. Ask them to open it.",
            Self::PasswordNeeded => "This call has a password. Enter the one you were given.",
            Self::PasswordWrong => {
                "That is not the password of this call. Try again, or ask whoever invited you."
            }
            Self::NotAdmitted => "The host did not let you into this call.",
            Self::CannotWait => {
                "The host lets people in one by one, and this Parley is too old to wait for that. Update it, then open the link again."
            }
            Self::Removed => {
                "You were removed from the call, by a host or, if this app sent what it should not, by the server."
            }
            Self::Ended => "The host ended the call for everybody.",
            Self::NotAllowed => "Only a host of the call can do that.",
            Self::SfuUnavailable => {
                "The server cannot pass on pictures and sound right now. Parley tries again in a moment."
            }
            Self::SfuRefused => {
                "The server did not accept this connection for a group. Update Parley, and if it happens again, report it."
            }
        }
    }
}
