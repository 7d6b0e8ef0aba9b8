//! What goes into the session and what comes out of it.

use super::ways::Ways;
use crate::call::CallCommand;
use crate::end::{EndReason, SignalingFault};
use crate::port::{Lane, LaneKind, PeerCommand, PeerEvent, TrackKind};
use crate::sfu_port::{GroupTrack, SfuCommand, SfuEvent};
use bytes::Bytes;
use parley_media::packet::ReceivedPacket;
use parley_proto::{ClientMessage, CloseCode, Link, ParticipantId, Reaction};
use std::collections::VecDeque;
use std::sync::mpsc::Receiver;

/// What the session is told.
#[derive(Debug)]
pub enum Input {
    /// The app wants something.
    Command(CallCommand),
    /// Something happened on the way to the server. `connection` says which attempt it is about.
    Signaling {
        /// The number in [`SignalingCommand::Connect`].
        connection: u32,
        /// What.
        event: SignalingEvent,
    },
    /// Something happened on the way to the other side.
    Peer(PeerEvent),
    /// Something happened on the way to the SFU.
    Sfu(SfuEvent),
    /// The app says something on a lane of [`LaneCommand::Open`]. Not before [`super::Session::takes_frame_at`].
    Frame {
        /// To whom; nobody: to everybody in the room, whether there is a lane to them or not.
        to: Option<ParticipantId>,
        /// On which.
        kind: LaneKind,
        /// What, as it would be on a data channel.
        frame: Bytes,
    },
    /// Something happened on the connection for files to somebody of a group.
    Pair {
        /// To whom.
        participant: ParticipantId,
        /// What.
        event: PeerEvent,
    },
    /// The driver of that connection is gone, or takes no more.
    PairEnded {
        /// To whom.
        participant: ParticipantId,
    },
    /// A driver ended by itself: a fault in Parley.
    DriverFailed(&'static str),
    /// The moment of `poll_timeout` has come.
    Timeout,
}

/// What the signaling driver tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignalingEvent {
    /// The WebSocket stands.
    Opened,
    /// A text came.
    Text(String),
    /// It could not be made, or broke.
    Closed {
        /// Why.
        fault: SignalingFault,
        /// What the server said in its close frame.
        code: Option<CloseCode>,
    },
}

/// What the session wants done.
#[derive(Debug)]
pub enum Output {
    /// On the way to the server.
    Signaling(SignalingCommand),
    /// On the way to the other side.
    Peer(PeerCommand),
    /// On the way to the SFU.
    Sfu(SfuCommand),
    /// About the lanes that go through the server.
    Lane(LaneCommand),
    /// On the ways for files to people of a group.
    Pair(PairCommand),
    /// To be told to the app.
    Event(SessionEvent),
}

/// What is to be done with the connections for files between two of a group, each of which has a driver of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PairCommand {
    /// Starts a driver for one.
    Open {
        /// To whom.
        participant: ParticipantId,
    },
    /// Tells it.
    Tell {
        /// To whom it leads.
        participant: ParticipantId,
        /// What.
        command: PeerCommand,
    },
    /// Ends it.
    Close {
        /// To whom it led.
        participant: ParticipantId,
    },
}

/// What is to be done with the lanes of a group, whose frames go sealed through the server: one for chat and one for offers of files
/// with each of the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LaneCommand {
    /// Hands fresh ones to the app, in place of those that are there.
    Open {
        /// To whom.
        participant: ParticipantId,
    },
    /// A frame came on one.
    Came {
        /// From whom.
        participant: ParticipantId,
        /// On which.
        kind: LaneKind,
        /// As it would be on a data channel.
        frame: Bytes,
    },
    /// Those for offers of files end, for the group does: between two they go directly.
    EndFiles,
    /// They end: that person left.
    Close {
        /// Whose.
        participant: ParticipantId,
    },
}

/// What the signaling driver shall do.
#[derive(Debug, Clone, PartialEq)]
pub enum SignalingCommand {
    /// Opens a fresh WebSocket, dropping one that is there.
    Connect {
        /// Comes back in every event about it.
        connection: u32,
    },
    /// Sends on it.
    Send(ClientMessage),
    /// Closes it, after what was sent before.
    Disconnect,
}

/// What the app is told once.
#[derive(Debug)]
pub enum SessionEvent {
    /// There is a link and a ticket.
    Ready(Link),
    /// Sound or pictures begin to come.
    Track {
        /// From whom.
        participant: ParticipantId,
        /// Which.
        kind: TrackKind,
        /// The packets.
        packets: Receiver<ReceivedPacket>,
    },
    /// Sound or pictures begin to come through the SFU, in place of what came of the same person and kind.
    GroupTrack(GroupTrack),
    /// No more comes in a track.
    TrackEnded {
        /// From whom.
        participant: ParticipantId,
        /// Which.
        kind: TrackKind,
    },
    /// Somebody reacts.
    Reaction {
        /// Who.
        participant: ParticipantId,
        /// How.
        reaction: Reaction,
    },
    /// A host asks this side to mute its microphone.
    MuteAsked {
        /// Who asks.
        participant: ParticipantId,
    },
    /// A data channel can be used.
    Lane {
        /// To whom.
        participant: ParticipantId,
        /// Which.
        kind: LaneKind,
        /// Its two ends.
        lane: Lane,
    },
    /// The call is over.
    Ended(EndReason),
}

/// Outputs that wait to be polled. Bounded by what one input can cause.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: VecDeque<Output>,
    ways: Ways,
}

impl Outbox {
    pub(super) fn peer(&mut self, command: PeerCommand) {
        self.queue.push_back(Output::Peer(command));
    }

    pub(super) fn sfu(&mut self, command: SfuCommand) {
        self.queue.push_back(Output::Sfu(command));
    }

    pub(super) fn pair(&mut self, command: PairCommand) {
        self.queue.push_back(Output::Pair(command));
    }

    pub(super) fn lane(&mut self, command: LaneCommand) {
        self.queue.push_back(Output::Lane(command));
    }

    pub(super) fn signaling(&mut self, command: SignalingCommand) {
        self.queue.push_back(Output::Signaling(command));
    }

    pub(super) fn event(&mut self, event: SessionEvent) {
        self.queue.push_back(Output::Event(event));
    }

    pub(super) fn pop(&mut self) -> Option<Output> {
        self.queue.pop_front()
    }

    /// A track begins to come directly.
    pub(super) fn direct_track(
        &mut self,
        participant: ParticipantId,
        kind: TrackKind,
        packets: Receiver<ReceivedPacket>,
    ) {
        let told = self.ways.direct_track(participant, kind, packets);
        self.events(told);
    }

    /// No more of it comes directly.
    pub(super) fn direct_track_ended(&mut self, participant: ParticipantId, kind: TrackKind) {
        let told = self.ways.direct_ended(participant, kind);
        self.events(told);
    }

    /// A data channel opened.
    pub(super) fn direct_lane(&mut self, participant: ParticipantId, kind: LaneKind, lane: Lane) {
        let told = self.ways.direct_lane(participant, kind, lane);
        self.events(told);
    }

    /// A track begins to come through the SFU.
    pub(super) fn sfu_track(&mut self, track: GroupTrack) {
        let told = self.ways.sfu_track(track);
        self.events(told);
    }

    /// No more of it comes through the SFU.
    pub(super) fn sfu_track_ended(&mut self, participant: ParticipantId, kind: TrackKind) {
        let told = self.ways.sfu_ended(participant, kind);
        self.events(told);
    }

    /// The SFU carries nothing for now.
    pub(super) fn sfu_down(&mut self) {
        let told = self.ways.sfu_down();
        self.events(told);
    }

    /// It carries nothing any more.
    pub(super) fn sfu_over(&mut self) {
        let told = self.ways.sfu_over();
        self.events(told);
    }

    /// Which way is taken from now on where both carry something.
    pub(super) fn prefer_sfu(&mut self, sfu: bool) {
        let told = self.ways.prefer_sfu(sfu);
        self.events(told);
    }

    /// Nothing of somebody comes any more.
    pub(super) fn forget(&mut self, participant: ParticipantId) {
        let told = self.ways.forget(participant);
        self.events(told);
    }

    /// Whether a track comes through the SFU.
    pub(super) fn is_by_sfu(&self, participant: ParticipantId, kind: TrackKind) -> bool {
        self.ways.is_by_sfu(participant, kind)
    }

    fn events(&mut self, told: impl IntoIterator<Item = SessionEvent>) {
        self.queue.extend(told.into_iter().map(Output::Event));
    }
}
