//! The border between the session and the driver of the connection to the server's SFU, for rooms of three and more: commands
//! one way, events the other, as [`crate::port`] is for the direct one. Both connections may be there at once, while a call
//! goes over from one to the other.
//!
//! The driver carries commands out strictly in order. It makes at most one connection at a time live: a larger `connection`
//! replaces the one before only once it is connected, so nothing is missed in between. `docs/protocol.md`, "Groups".

use crate::config::VideoLimits;
use crate::ice::IceServer;
use crate::key_frame::KeyFrameRequester;
use crate::port::{ConnectionPhase, TrackKind};
use parley_media::packet::ReceivedPacket;
use parley_media::video::SenderTimes;
use parley_proto::{ParticipantId, Publication, Publish, Source};
use std::sync::mpsc::Receiver;

/// What the session asks of the driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SfuCommand {
    /// Makes a fresh connection: own tracks to send, sections to receive in.
    Open {
        /// Counts up with every `Open`; comes back in every event about it.
        connection: u32,
        /// What helps to find a way.
        ice_servers: Vec<IceServer>,
        /// With microphone and camera; a listener has neither.
        speaks: bool,
    },
    /// From now on this side sends, or sends nothing at all to the SFU. Where the newest connection has no microphone and camera yet they
    /// are added to it: [`SfuEventKind::NegotiationNeeded`] follows.
    Speak(bool),
    /// Creates an offer and sets it: answered by [`SfuEventKind::LocalOffer`] or [`SfuEventKind::CommandFailed`].
    MakeOffer {
        /// Whether ICE starts anew.
        ice_restart: bool,
    },
    /// The server's answer to it: answered by [`SfuEventKind::AnswerSet`] or `CommandFailed`.
    SetAnswer {
        /// The SDP.
        sdp: String,
    },
    /// Adds the track of the screen, and of what the computer plays: [`SfuEventKind::NegotiationNeeded`] follows where there is
    /// one to add. Later connections have them from the start.
    AddScreen {
        /// With the computer's sound.
        sound: bool,
    },
    /// Everything the others publish now: packets name theirs by its number (their one CSRC).
    Publications(Vec<Publication>),
    /// Which encodings somebody watches; nothing else is encoded.
    LayersWanted {
        /// Of which own track.
        source: Source,
        /// By name; an empty name is a track without simulcast; none, and nobody watches.
        rids: Vec<String>,
    },
    /// The most video there may be from now on.
    Limit(VideoLimits),
    /// Ends the connection.
    Close,
}

/// What the driver tells the session.
#[derive(Debug)]
pub struct SfuEvent {
    /// Which connection it is about.
    pub connection: u32,
    /// What happened.
    pub kind: SfuEventKind,
}

/// What happened to a connection to the SFU.
#[derive(Debug)]
pub enum SfuEventKind {
    /// An own offer was made and set.
    LocalOffer {
        /// The SDP to send.
        sdp: String,
        /// What is sent in which section; whether it is on is the session's to say.
        publish: Vec<Publish>,
        /// The sections to receive in, in the order in which they should be used.
        receive: Vec<ReceiveSection>,
    },
    /// The server's answer was set.
    AnswerSet,
    /// The tracks changed; an offer is needed.
    NegotiationNeeded,
    /// ICE and DTLS together.
    Connection(ConnectionPhase),
    /// Somebody's sound or picture begins to come; a picture with its key frame. The packets of a publication come in the same
    /// channel, whatever section carries them.
    Track(GroupTrack),
    /// It ended: its publication is gone.
    TrackEnded {
        /// Whose.
        participant: ParticipantId,
        /// Which.
        kind: TrackKind,
    },
    /// Packets of a camera that is on stopped for a second (`false`) or go on (`true`). Whether it is wished is not known here, and
    /// of the others nothing follows: silence is not sent, and a screen may stand still.
    Flow {
        /// Whose.
        participant: ParticipantId,
        /// Which.
        kind: TrackKind,
        /// Whether they come.
        comes: bool,
    },
    /// A command could not be carried out.
    CommandFailed {
        /// Which.
        command: &'static str,
        /// Why, for the log.
        detail: String,
    },
}

/// A section of the description that something can be received in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiveSection {
    /// Its name.
    pub mid: String,
    /// Whether it is for sound.
    pub sound: bool,
}

/// Somebody's sound or picture, as it comes through the SFU.
#[derive(Debug)]
pub struct GroupTrack {
    /// Whose.
    pub participant: ParticipantId,
    /// Which.
    pub kind: TrackKind,
    /// The packets; bounded, full means dropped and counted.
    pub packets: Receiver<ReceivedPacket>,
    /// How to ask for a key frame of it; without effect for sound.
    pub key_frames: KeyFrameRequester,
    /// How its clocks go together with those of the same person's other track.
    pub times: SenderTimes,
}

/// What the app wants to see, for [`crate::CallCommand::Look`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whom.
    pub participant: ParticipantId,
    /// [`TrackKind::Video`] or [`TrackKind::Screen`].
    pub kind: TrackKind,
    /// How wide it is shown, in pixels of the device.
    pub width: u16,
    /// How high it is shown.
    pub height: u16,
    /// 0 for a thumbnail, 1 in a grid, 2 who speaks or is large, 3 what is pinned or read.
    pub priority: u8,
}

/// How the call through the SFU stands, in [`crate::CallSnapshot::group`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupSnapshot {
    /// The connection to the SFU stands.
    pub up: bool,
    /// Who speaks now, dominant first.
    pub speakers: Vec<ParticipantId>,
    /// What became of what the app wants to see.
    pub downs: Vec<DownSnapshot>,
}

impl GroupSnapshot {
    /// Whether pictures are left out because the way to this side does not carry them: what this side saves itself is none of the way's.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.downs
            .iter()
            .any(|down| down.state == parley_proto::DownState::Paused && !down.saved)
    }
}

/// What became of one wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownSnapshot {
    /// Whom.
    pub participant: ParticipantId,
    /// What of them.
    pub kind: TrackKind,
    /// How it stands.
    pub state: parley_proto::DownState,
    /// It is left out, and was beyond what this side asked for itself ([`parley_proto::MediaState::picture_kbps_max`]).
    pub saved: bool,
    /// The layer that comes.
    pub rid: Option<String>,
}
