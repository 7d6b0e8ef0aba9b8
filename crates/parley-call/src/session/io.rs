//! What goes into the session and what comes out of it.

use crate::call::CallCommand;
use crate::end::{EndReason, SignalingFault};
use crate::port::{Lane, LaneKind, PeerCommand, PeerEvent, TrackKind};
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
    /// To be told to the app.
    Event(SessionEvent),
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
pub(super) struct Outbox(VecDeque<Output>);

impl Outbox {
    pub(super) fn peer(&mut self, command: PeerCommand) {
        self.0.push_back(Output::Peer(command));
    }

    pub(super) fn signaling(&mut self, command: SignalingCommand) {
        self.0.push_back(Output::Signaling(command));
    }

    pub(super) fn event(&mut self, event: SessionEvent) {
        self.0.push_back(Output::Event(event));
    }

    pub(super) fn pop(&mut self) -> Option<Output> {
        self.0.pop_front()
    }
}
