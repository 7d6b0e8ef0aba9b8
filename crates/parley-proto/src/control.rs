//! What two connected participants tell each other directly, over the data channel `parley-control` (negotiated id 0).
//!
//! JSON text, one message each; the server never sees it. Unknown messages and fields are ignored.

use crate::id::ParticipantId;
use serde::{Deserialize, Serialize};

/// The label of the data channel.
pub const CONTROL_CHANNEL_LABEL: &str = "parley-control";
/// Its negotiated stream id.
pub const CONTROL_CHANNEL_ID: u16 = 0;

/// One message on the control channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ControlMessage {
    /// What the sender's microphone and camera do now. Sent on open and on every change.
    MediaState(MediaState),
    /// Whether the sender's hand is raised. Sent on open if it is, and on every change.
    Hand {
        /// It is up.
        raised: bool,
    },
    /// The sender reacts to what is said; shown for a moment.
    Reaction {
        /// How.
        reaction: Reaction,
    },
    /// An offer of the sender is on its way through the server: the other side may take it up while media flows, which it does
    /// with no other.
    Offer {
        /// SHA-256 of its SDP, in 64 hexadecimal digits.
        digest: String,
    },
    /// The sender wants to record what it sees and hears, or does, or does no more. Both questions and announcements are
    /// answered by [`ControlMessage::MayRecord`].
    Recording {
        /// Which.
        state: RecordingState,
    },
    /// Whether the sender lets itself be recorded. A client that never says so does not.
    MayRecord {
        /// It does.
        allowed: bool,
    },
    /// A host puts somebody large for everybody, or nobody any more. In groups, by word; from anybody but a host it means nothing.
    Spotlight {
        /// Whom; nobody without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        participant: Option<ParticipantId>,
        /// Their screen, rather than their picture.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        screen: bool,
    },
    /// The sender hangs up: this is no network fault.
    Bye,
    /// A message of a newer client.
    #[serde(other)]
    Unknown,
}

/// What is being sent, told so that silence and darkness can be explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MediaState {
    /// Sound is being sent.
    pub microphone_on: bool,
    /// A picture is being sent.
    pub camera_on: bool,
    /// A screen or window is being shown, in a second track of pictures.
    #[serde(default)]
    pub screen_on: bool,
    /// What is shown moves (a film) rather than being read.
    #[serde(default)]
    pub screen_moves: bool,
    /// The sender can show the other side's screen. Clients without the field cannot, and are sent none.
    #[serde(default)]
    pub takes_screen: bool,
    /// With the screen comes what the sender's computer plays, in a second track of sound.
    #[serde(default)]
    pub screen_sound_on: bool,
    /// The sender can play such a track. For clients without the field it would be the microphone's.
    #[serde(default)]
    pub takes_screen_sound: bool,
    /// The sender takes files in a group: hears of them by words, and makes a connection for them. Said in groups only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub takes_files: bool,
    /// The most of pictures that the sender wants to get, in kbit/s: zero for nothing of the camera. Without the field, whatever the
    /// path carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture_kbps_max: Option<u32>,
    /// The sender speaks what deep redundancy (DRED, in Opus' padding) tells of a lost voice. For clients without the field it would be
    /// bits in vain.
    #[serde(default, skip_serializing_if = "is_false")]
    pub takes_deep_redundancy: bool,
}

/// By reference, for serde asks so.
const fn is_false(value: &bool) -> bool {
    !*value
}

/// How far the sender is with recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    /// It does not.
    #[default]
    Off,
    /// It asks whether it may; nothing is recorded yet.
    Asking,
    /// It does.
    On,
    /// Something of a newer client; ignored.
    #[serde(other)]
    Unknown,
}

/// A reaction that floats over the picture for a moment. A closed set, so that nothing else can be made to float there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reaction {
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
    /// One of a newer client; shown as nothing.
    #[serde(other)]
    Unknown,
}
