//! What the library tells: its callbacks, turned into events for the driver. Callbacks run on the library's own task and
//! must not wait, so they only put into a bounded queue.

use crate::port::{Lane, LaneKind, TrackKind};
use parley_media::packet::ReceivedPacket;
use parley_proto::{Candidate, ControlMessage};
use std::sync::Arc;
use std::sync::mpsc::Receiver as PacketReceiver;
use tokio::sync::mpsc;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::{
    PeerConnectionEventHandler, RTCPeerConnectionIceEvent, RTCPeerConnectionState,
};

/// Happenings that may wait for the driver; it is quick, so this is only ever reached by a flood.
const LIBRARY_EVENTS_MAX: usize = 512;

/// What happened inside one connection.
pub(super) enum LibraryEvent {
    /// An own candidate was found.
    Candidate(Candidate),
    /// ICE and DTLS moved.
    State(RTCPeerConnectionState),
    /// The tracks changed.
    NegotiationNeeded,
    /// A stream of the other side can be spoken to (for key-frame requests).
    RemoteTrack(Arc<dyn TrackRemote>),
    /// Its packets begin to come.
    Track {
        kind: TrackKind,
        packets: PacketReceiver<ReceivedPacket>,
    },
    /// The other side's pictures began in the middle.
    KeyFrameMissing { kind: TrackKind },
    /// The control channel can be used.
    ControlOpen,
    /// A message on it.
    Control(ControlMessage),
    /// The other side answers on a data channel.
    Lane { kind: LaneKind, lane: Lane },
}

impl std::fmt::Debug for LibraryEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Candidate(_) => "Candidate",
            Self::State(_) => "State",
            Self::NegotiationNeeded => "NegotiationNeeded",
            Self::RemoteTrack(_) => "RemoteTrack",
            Self::Track { .. } => "Track",
            Self::KeyFrameMissing { .. } => "KeyFrameMissing",
            Self::ControlOpen => "ControlOpen",
            Self::Control(_) => "Control",
            Self::Lane { .. } => "Lane",
        })
    }
}

/// The way from the library's callbacks to the driver.
#[derive(Debug, Clone)]
pub(super) struct LibraryEvents(mpsc::Sender<LibraryEvent>);

impl LibraryEvents {
    pub(super) fn new() -> (Self, mpsc::Receiver<LibraryEvent>) {
        let (sender, receiver) = mpsc::channel(LIBRARY_EVENTS_MAX);
        (Self(sender), receiver)
    }

    /// Tells the driver; gives whether there was room.
    pub(super) fn tell(&self, event: LibraryEvent) -> bool {
        let told = self.0.try_send(event);
        if let Err(error) = &told {
            tracing::warn!(%error, "a happening inside the connection is lost");
        }
        told.is_ok()
    }
}

/// The library's callbacks.
pub(super) struct Callbacks(pub(super) LibraryEvents);

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Callbacks {
    async fn on_negotiation_needed(&self) {
        self.0.tell(LibraryEvent::NegotiationNeeded);
    }

    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        match event.candidate.to_json() {
            Ok(init) => {
                self.0.tell(LibraryEvent::Candidate(Candidate {
                    candidate: init.candidate,
                    sdp_mid: init.sdp_mid,
                    sdp_mline_index: init.sdp_mline_index,
                    username_fragment: init.username_fragment,
                }));
            }
            Err(error) => tracing::warn!(%error, "an own candidate cannot be written"),
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.0.tell(LibraryEvent::State(state));
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        self.0.tell(LibraryEvent::RemoteTrack(track));
    }
}
