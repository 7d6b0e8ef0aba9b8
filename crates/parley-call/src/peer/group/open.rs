//! A connection to the SFU with what came of it so far.

use super::connection::Connection;
use crate::peer::guarded_voice::GuardedVoice;
use crate::peer::library::LibraryEvent;
use crate::peer::network_watch::NetworkWatch;
use crate::peer::stats::{Pair, Sampler};
use crate::peer::way::Selected;
use crate::port::ConnectionPhase;
use crate::relay::relays::Relays;
use std::net::SocketAddr;
use tokio::sync::mpsc;
use webrtc::peer_connection::RTCPeerConnectionState;

/// See the module.
pub(super) struct Open {
    pub(super) connection: Connection,
    pub(super) library: mpsc::Receiver<LibraryEvent>,
    /// Those behind streams.
    pub(super) relays: Relays,
    pub(super) sampler: Sampler,
    /// What is lost of the own voice on its way to the server, and what is done against it.
    pub(super) guarded: GuardedVoice,
    /// What is bound.
    pub(super) addresses: Vec<SocketAddr>,
    /// Whether that is still there.
    pub(super) network: NetworkWatch,
    /// The pair in use, as it was a second ago at most.
    pub(super) pair: Option<Pair>,
    /// The addresses that packets go between, as they were a look ago.
    pub(super) selected: Option<Selected>,
    /// Whether ICE and DTLS stand at this moment.
    pub(super) up: bool,
    /// Whether media goes. Also while nothing is heard: that says little of what arrives there, and checks are lost as everything is.
    pub(super) sends: bool,
}

impl Open {
    /// It is over, whatever ICE says.
    pub(super) const fn gives_up(&mut self) {
        (self.up, self.sends) = (false, false);
    }

    /// What follows within it from the library's word, and where it stands if that changed.
    pub(super) fn on_library(&mut self, event: LibraryEvent) -> Option<ConnectionPhase> {
        let state = match event {
            LibraryEvent::State(state) => state,
            LibraryEvent::RemoteTrack(track) => {
                self.connection.on_remote_track(track);
                return None;
            }
            // The server needs no candidates, the session knows when there is an offer, and tracks come another way.
            _ => return None,
        };
        let phase = match state {
            RTCPeerConnectionState::Connecting => ConnectionPhase::Connecting,
            RTCPeerConnectionState::Connected => ConnectionPhase::Connected,
            RTCPeerConnectionState::Disconnected => ConnectionPhase::Disconnected,
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed => ConnectionPhase::Failed,
            _ => return None,
        };
        self.up = phase == ConnectionPhase::Connected;
        self.sends = (self.sends || self.up) && phase != ConnectionPhase::Failed;
        if self.up {
            self.relays.rest();
        } else {
            self.connection.rounds.set(true);
            self.relays.look_again();
        }
        if let Some(tcp) = &self.connection.tcp {
            if self.up {
                tcp.rest();
            } else {
                tcp.look_again();
            }
        }
        Some(phase)
    }
}
