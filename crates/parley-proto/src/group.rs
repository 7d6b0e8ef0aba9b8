//! What clients and the server's SFU tell each other in rooms of three and more: who publishes what, who wants to see whom.
//!
//! The messages themselves are in [`crate::signal`]; `docs/protocol.md`, "Groups", tells the same for people who write another
//! client. The server decides whether a room is direct or goes through the SFU; a client follows and says when it is ready.

use crate::ParticipantId;
use serde::{Deserialize, Serialize};

/// How media flows in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TopologyMode {
    /// Between the two people themselves.
    #[default]
    Direct,
    /// Through the server's SFU.
    Sfu,
    /// Something of a newer server; ignored.
    #[serde(other)]
    Unknown,
}

/// What a track shows or plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Somebody's voice.
    Microphone,
    /// Somebody's face.
    Camera,
    /// A screen or window.
    Screen,
    /// What the computer plays whose screen it is.
    ScreenSound,
    /// Something of a newer client; not passed on.
    #[serde(other)]
    Unknown,
}

impl Source {
    /// Whether it is heard rather than seen.
    #[must_use]
    pub const fn is_sound(self) -> bool {
        matches!(self, Self::Microphone | Self::ScreenSound)
    }
}

/// One encoding of a picture, smallest first in every list.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PublishedLayer {
    /// Its name in the description and on the wire (RFC 8852); empty without simulcast.
    pub rid: String,
    /// In pixels.
    pub width: u16,
    /// In pixels.
    pub height: u16,
    /// What it takes when the picture moves, in kbit/s.
    pub kbps: u32,
}

/// One track a client sends to the SFU.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Publish {
    /// The section of the description that carries it.
    pub mid: String,
    /// What it is.
    pub source: Source,
    /// Whether anything is sent in it now: off for a muted microphone.
    pub on: bool,
    /// The encodings of a picture; empty for sound.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<PublishedLayer>,
}

/// One track that others may see or hear.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Publication {
    /// Not 0; no two of a room have the same at a time. Every packet of it carries this number as its one contributing source (CSRC, RFC
    /// 3550, 5.1), so that nobody has to guess whose media a section carries.
    pub number: u32,
    /// Whose.
    pub participant: ParticipantId,
    /// What it is.
    pub source: Source,
    /// Whether anything is sent now.
    pub on: bool,
    /// The encodings of a picture.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<PublishedLayer>,
}

/// What a client wants in one of its sections.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Wish {
    /// The section, which the client offered to receive in.
    pub mid: String,
    /// Whom to see or hear.
    pub participant: ParticipantId,
    /// What of them.
    pub source: Source,
    /// How wide it is shown, in pixels of the device.
    #[serde(default)]
    pub width: u16,
    /// How high it is shown.
    #[serde(default)]
    pub height: u16,
    /// 0 for a thumbnail, 1 in a grid, 2 who speaks or is large, 3 what is pinned or read. The higher is served first.
    #[serde(default)]
    pub priority: u8,
}

/// What became of a wish.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Down {
    /// The section.
    pub mid: String,
    /// Whom it is for.
    pub participant: ParticipantId,
    /// What of them.
    pub source: Source,
    /// How it stands.
    pub state: DownState,
    /// The layer that comes, of a picture with several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rid: Option<String>,
}

/// How a wish stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DownState {
    /// It comes.
    Flows,
    /// It will, from the next key frame on.
    Waiting,
    /// Left out: the way to this client does not carry it.
    Paused,
    /// It is not published, or off.
    #[serde(other)]
    Absent,
}

/// Why a connection to the SFU is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SfuClosed {
    /// Nothing came over it any more, or that part of the server began anew: offer again under a larger number.
    Lost,
    /// The description or a list was not acceptable.
    Refused,
    /// There is no place.
    Full,
    /// Another connection of the same participant took over.
    Replaced,
    /// It flooded the server or sent what is not its own.
    #[serde(other)]
    Kicked,
}
