//! The call inspector: what is wrong with a call, since when and by what figures, and what happened in it.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What the inspector shows beside the graphs of [`super::StatsSample`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, TS)]
pub struct InspectorView {
    /// What is wrong now, worst first.
    pub findings: Vec<Finding>,
    /// What was wrong at any time of this call, each once, worst first.
    pub past: Vec<Finding>,
    /// What happened, oldest first; the latest 200.
    pub events: Vec<TimelineEvent>,
    /// Where the last report was saved (without `.json` and `.html`).
    pub report: Option<String>,
}

/// What somebody who begins to look at the call finds; what follows comes as events.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, TS)]
pub struct InspectionView {
    /// What is wrong and what happened.
    pub view: InspectorView,
    /// The figures of the last minutes, oldest first; those of each person only for the last one.
    pub seconds: Vec<super::StatsSample>,
}

/// One thing that is wrong. The window says it in its own words by code and figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Finding {
    /// What.
    pub code: FindingCode,
    /// Whether it ruins the call, or only shows.
    pub bad: bool,
    /// Since when, in milliseconds since 1970.
    #[ts(type = "number")]
    pub since_ms: u64,
    /// Until when; absent while it lasts.
    #[ts(type = "number | null")]
    pub until_ms: Option<u64>,
    /// The figure it was found by, now; its unit follows from the code.
    pub value: f32,
    /// The worst it was.
    pub worst: f32,
    /// The picture that is sent was made smaller meanwhile.
    pub lowered: bool,
    /// The same in English, for reports and logs.
    pub message: String,
}

/// What can be wrong; the worst kind first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum FindingCode {
    /// Packets of this side are lost on their way; percent.
    UplinkLoss,
    /// Packets of the other side are lost on their way here; percent.
    DownlinkLoss,
    /// The path carries less than a picture needs; kbit/s.
    LowBandwidth,
    /// The other side's picture stands still; seconds.
    PictureStalled,
    /// This computer takes too long to encode a picture; milliseconds.
    EncoderSlow,
    /// This computer does not keep up with pictures as large or as many as wanted; lines of a picture at most.
    PictureLimited,
    /// This computer takes too long to decode a picture; milliseconds.
    DecoderSlow,
    /// Parley takes nearly all this computer has; percent of all cores.
    ComputerBusy,
    /// What is said takes long to arrive; milliseconds there and back.
    HighRoundTrip,
    /// Packets come unevenly; milliseconds.
    Jitter,
    /// This side's microphone is on and gives nothing; seconds.
    OwnMicrophoneSilent,
    /// The other side's microphone is on, and nothing was ever heard from it; seconds.
    OtherMicrophoneSilent,
    /// The two reach each other only over a server in between; no figure.
    Relayed,
}

/// Something that happened in the call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct TimelineEvent {
    /// When, in milliseconds since 1970.
    #[ts(type = "number")]
    pub at_ms: u64,
    /// What.
    pub code: EventCode,
    /// Who or what; for some codes.
    pub detail: Option<String>,
}

/// What can happen in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum EventCode {
    /// Into the room.
    Joined,
    /// Media flows.
    Connected,
    /// Media stopped.
    Reconnecting,
    /// Over.
    Ended,
    /// Somebody came; the detail is the name.
    PersonCame,
    /// Somebody left; the detail is the name.
    PersonLeft,
    /// This side muted.
    Muted,
    /// This side unmuted.
    Unmuted,
    /// This side's camera is on.
    CameraOn,
    /// This side's camera is off.
    CameraOff,
    /// The picture sent has another size; the detail is the size.
    PictureSize,
    /// The two reach each other another way; the detail is the kinds of both ends.
    WayChanged,
    /// Something is wrong from now on; the detail is the [`FindingCode`].
    TroubleBegan,
    /// It is no more.
    TroubleEnded,
}

/// The two ends of the way that media takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PairView {
    /// This side's address and port.
    pub own: String,
    /// The other's.
    pub other: String,
    /// How they were found: `host`, `srflx`, `prflx` or `relay` (RFC 8839, 5.1).
    pub own_type: String,
    /// The same of the other's.
    pub other_type: String,
    /// How this side reaches the relay that its end is on: `udp`, `tcp` or `tls`. Absent where it is on none.
    pub relay: Option<String>,
    /// It is a stream between the two, for datagrams do not pass.
    pub over_tcp: bool,
}

impl PairView {
    /// What lies between this side's end and its other end, where it is no plain datagram.
    pub(crate) fn over(&self) -> Option<&str> {
        self.relay.as_deref().or(self.over_tcp.then_some("tcp"))
    }
}
