//! The call as a window shows it: how far it is, who is there, why it ended.

use super::{DoorView, GroupView, PictureState};
use serde::{Deserialize, Serialize};
use std::fmt;
use ts_rs::TS;

/// One call. Its `Debug` leaves the link out, for the link is the secret.
#[derive(Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct CallView {
    /// The link to send, with its secret.
    pub link: String,
    /// The same for the installed app.
    pub deep_link: String,
    /// Whether this side made the room.
    pub host: bool,
    /// The link leads to this computer: it works for people who can reach it (same network).
    pub served_here: bool,
    /// The link leads to this computer, and no other computer reaches it now (no network): only windows on this computer can
    /// join by it.
    pub only_here: bool,
    /// How far the call is.
    pub state: CallState,
    /// Whether the connection to the server stands (media can go on without).
    pub signaling: SignalingState,
    /// Nobody in between can see or hear anything: media goes directly, and the other side was proven genuine. Never in a
    /// call that goes through the server ([`CallView::group`]).
    pub end_to_end: bool,
    /// One's own id, while in the room.
    pub me: Option<String>,
    /// Whether this side may speak.
    pub part: PartView,
    /// The other people who may speak, in the order in which they came.
    pub people: Vec<PersonView>,
    /// The others who only listen, in the order in which they came: there may be hundreds, and none has a tile.
    pub listeners: Vec<ListenerView>,
    /// One's own place in the order of raised hands; see [`PersonView::hand_place`].
    pub hand_place: Option<u32>,
    /// The tile that a host put large for everybody: the id of a person, one's own among them, or `screen:` and the id.
    pub spotlight: Option<String>,
    /// What there is of a call through the server; absent while media goes directly only.
    pub group: Option<GroupView>,
    /// When the other side was first connected, in milliseconds since 1970; absent before.
    #[ts(type = "number | null")]
    pub connected_since_ms: Option<u64>,
    /// What the history calls it; absent before the two were connected, or when no history is kept.
    pub past: Option<String>,
    /// Who may come in, and who waits.
    pub door: DoorView,
    /// Why it ended, once it did.
    pub ended: Option<EndedView>,
}

impl fmt::Debug for CallView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallView")
            .field("host", &self.host)
            .field("served_here", &self.served_here)
            .field("only_here", &self.only_here)
            .field("state", &self.state)
            .field("signaling", &self.signaling)
            .field("end_to_end", &self.end_to_end)
            .field("part", &self.part)
            .field("people", &self.people)
            .field("listeners", &self.listeners.len())
            .field("group", &self.group)
            .field("connected_since_ms", &self.connected_since_ms)
            .field("past", &self.past)
            .field("door", &self.door)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// Getting into the room.
    Joining,
    /// In the room, alone: send the link.
    Waiting,
    /// The other one is there; a way between the two is being found and checked.
    Connecting,
    /// Media flows, the other side is proven genuine.
    Connected,
    /// Media stopped; trying to get it back.
    Reconnecting,
    /// Over.
    Ended,
}

/// The connection to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SignalingState {
    /// Not there yet.
    Connecting,
    /// There.
    Connected,
    /// Lost; trying again.
    Reconnecting,
    /// Somebody came in elsewhere with this side's place. Not tried again; the call goes on for as long as media comes.
    TakenOver,
}

/// Whether somebody may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum PartView {
    /// They may.
    #[default]
    Speaks,
    /// They only listen: microphone and camera are closed, and cannot be opened.
    Listens,
    /// A host let them speak, and their microphone was not opened since; until [`super::DoorAsk::SeenPart`].
    LetSpeak,
}

/// Another person in the call who only listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ListenerView {
    /// The id.
    pub id: String,
    /// The name; empty where they gave none.
    pub name: String,
    /// Whether they may let people in and put them out.
    pub host: bool,
    /// Their connection to the server is gone (media may go on).
    pub away: bool,
    /// Which hand theirs is in the order in which they went up; absent while it is down.
    pub hand_place: Option<u32>,
    /// What the server counted of their app that no app does; told to hosts, and absent where there is nothing.
    pub offences: Option<OffencesView>,
}

/// Another person in the call who may speak.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PersonView {
    /// The id, also the frame bridge's tile name.
    pub id: String,
    /// The name.
    pub name: String,
    /// Whether they may let people in and put them out.
    pub host: bool,
    /// Whether sound comes from them.
    pub microphone_on: bool,
    /// Whether a picture comes from them.
    pub camera_on: bool,
    /// Their connection to the server is gone (media may go on).
    pub away: bool,
    /// Their hand is up.
    pub hand_raised: bool,
    /// Which hand it is in the order in which they went up, as this side saw them, one's own among them: 1 for the first.
    /// Absent while it is down.
    pub hand_place: Option<u32>,
    /// They record what they see and hear.
    pub recording: bool,
    /// How their picture comes; it is in the tile of their id.
    pub picture: PictureState,
    /// The size of the picture that comes, once one came.
    pub video_size: Option<(u32, u32)>,
    /// Whether they share a screen or window; it is in the tile `screen:ID`.
    pub screen_on: bool,
    /// How the screen comes.
    pub screen: PictureState,
    /// Its size, once a picture of it came.
    pub screen_size: Option<(u32, u32)>,
    /// How loud they are played here: 100 as they came, 0 not at all, 200 twice as loud.
    pub volume_pct: u16,
    /// They can be offered files: in a group not everybody can.
    pub takes_files: bool,
    /// Something that they send has not come for a second.
    pub stalled: bool,
    /// What hosts are told of their client; absent where there is nothing to tell, and for guests.
    pub offences: Option<OffencesView>,
    /// How good the path to them is; in a group, the one to the server and what comes of them there.
    pub quality: Quality,
}

/// What somebody's client did in a group that no good one does; the server limits it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OffencesView {
    /// What happened, each kind once.
    pub list: Vec<OffenceView>,
    /// How often the server ended their connection for sound and pictures for it.
    pub kicks: u32,
}

/// One kind of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OffenceView {
    /// What.
    pub what: OffenceKind,
    /// How often.
    #[ts(type = "number")]
    pub count: u64,
}

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum OffenceKind {
    /// More than one client may send.
    Flood,
    /// Packets of nothing they send.
    Streams,
    /// Packets that nobody could read.
    Malformed,
    /// Key frames asked for without end.
    KeyFrames,
    /// Wishes and words faster than they are taken.
    Lists,
    /// Sound or pictures, though they only listen.
    Upstream,
    /// Wishes that nobody can mean.
    Absurd,
}

/// How good a path is, in three bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Not measured yet.
    Unknown,
    /// Nothing to complain of.
    Good,
    /// Noticeable.
    Fair,
    /// Bad.
    Poor,
}

/// Why a call is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct EndedView {
    /// For code.
    pub code: EndCode,
    /// For people: what happened and what to do.
    pub message: String,
    /// How long the two were connected, in seconds.
    #[ts(type = "number")]
    pub seconds: u64,
}

/// Why a call is over, as code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum EndCode {
    /// This side hung up.
    HungUp,
    /// The other side hung up.
    OtherLeft,
    /// The other side vanished and did not come back.
    OtherLost,
    /// Media could not be connected or was lost for good.
    ConnectionFailed,
    /// Somebody stands in the middle: the fingerprints do not match.
    NotGenuine,
    /// The server could not be reached.
    ServerUnreachable,
    /// What answered is no Parley server.
    NotAParleyServer,
    /// The server said no; the message tells why.
    Refused,
    /// A fault in Parley.
    Internal,
}
