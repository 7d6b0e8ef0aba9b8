//! The second connection of a link while the network changes: when there is one, when the link goes over to it, and when the one
//! before it is closed.
//!
//! What the other side says about a fresh connection through the server is anybody's word, and may well be followed beside one
//! that is well: nothing is taken from that until the other side proved on the second who they are. So nobody has to wait until
//! media stops.

use super::PeerLink;
use crate::port::{ConnectionPhase, PeerCommand, PeerEventKind};
use crate::sdp;
use crate::session::context::Context;
use crate::session::io::SessionEvent;
use crate::session::second::Second;
use parley_proto::{PeerEnvelope, PeerMessage, SdpType};
use std::time::Duration;

/// The other side goes over to the second connection a moment later than this one, and what it sent before is on its way.
const LEAVE_AFTER: Duration = Duration::from_secs(1);

impl PeerLink {
    /// The number of the second connection, while there is one that is not used yet.
    pub(in crate::session) fn second_number(&self) -> Option<u32> {
        self.second.as_ref().map(Second::number)
    }

    /// Another network of this machine is better than the one in use: a second connection is made on it. Whoever moves offers, for
    /// nobody else knows of it.
    pub(in crate::session) fn begin_beside(&mut self, cx: &mut Context<'_>) {
        if self.second.is_none() {
            self.open_beside(true, cx);
            if let Some(second) = &mut self.second {
                second.offer(cx);
            }
        }
        self.settle(cx);
    }

    /// Something happened to the second connection.
    pub(in crate::session) fn on_event_beside(&mut self, kind: PeerEventKind, cx: &mut Context<'_>) {
        if let Some(second) = &mut self.second {
            second.on_event(kind, cx);
        }
        self.settle(cx);
    }

    /// Whether a message is about the second connection.
    pub(super) fn is_beside(&self, envelope: &PeerEnvelope) -> bool {
        let (from, to) = (envelope.connection, envelope.to_connection);
        let second = self.second.as_ref();
        second.is_some_and(|second| second.is_meant(&self.leg.pairing, from, to))
    }

    pub(super) fn on_message_beside(&mut self, envelope: PeerEnvelope, cx: &mut Context<'_>) {
        if let Some(second) = &mut self.second {
            second.on_message(envelope, cx);
        }
        self.settle(cx);
    }

    /// They offer a fresh connection while media flows over the one there is: a second one is opened for it, not too often. False
    /// if this is something else, or nothing is to be kept.
    pub(super) fn is_met_beside(&mut self, message: &PeerMessage, cx: &mut Context<'_>) -> bool {
        let PeerMessage::Description {
            sdp_type: SdpType::Offer,
            sdp,
        } = message
        else {
            return false;
        };
        if !self.holds_fast() || sdp::fingerprint(sdp).is_err() {
            return false;
        }
        let allowed = self.beside_limit.allow(cx.now);
        if allowed {
            self.open_beside(false, cx);
        } else {
            cx.counters.flooded += 1;
        }
        allowed
    }

    fn open_beside(&mut self, ours: bool, cx: &mut Context<'_>) {
        self.drop_beside(cx);
        let number = self.next_number();
        cx.counters.connections_opened += 1;
        cx.out.peer(PeerCommand::OpenBeside {
            generation: number,
            ice_servers: self.ice_servers.clone(),
            elsewhere: ours,
        });
        self.second = Some(Second::new(cx.now, self.leg.beside(number), ours));
    }

    /// There is one connection again, the one that is used.
    pub(super) fn drop_beside(&mut self, cx: &mut Context<'_>) {
        let second = self.second.take().is_some();
        if second || self.leaving.take().is_some() {
            cx.out.peer(PeerCommand::CloseBeside);
        }
        for kind in std::mem::take(&mut self.tracks_before) {
            if !self.tracks.contains(&kind) {
                cx.out.event(SessionEvent::TrackEnded {
                    participant: self.other,
                    kind,
                });
            }
        }
    }

    /// What follows for the two connections from their new states.
    pub(super) fn settle_beside(&mut self, cx: &mut Context<'_>) {
        let own_media = self.presence.own_media();
        if let Some(second) = &mut self.second {
            second.greet(own_media, cx);
            if second.is_ready() {
                self.go_over(cx);
            } else if second.is_over(cx.now) {
                tracing::info!(number = second.number(), "a second connection came to nothing");
                cx.counters.seconds_given_up += 1;
                self.drop_beside(cx);
            }
        }
        if self.leaving.is_some_and(|until| cx.now >= until) {
            self.drop_beside(cx);
        }
    }

    /// The second connection is the one that is used from now on, and the first is left.
    fn go_over(&mut self, cx: &mut Context<'_>) {
        let Some(second) = self.second.take() else {
            return;
        };
        cx.out.peer(PeerCommand::TakeOver);
        cx.counters.handovers += u64::from(second.is_ours());
        cx.moved |= second.is_ours();
        let (leg, held) = second.into_parts();
        self.leg = leg;
        self.begin_anew(cx.now);
        self.state.on_phase(cx.now, ConnectionPhase::Connected);
        self.tracks_before = std::mem::take(&mut self.tracks);
        self.leaving = Some(cx.now + LEAVE_AFTER);
        // Said over the one before, it may not have come.
        self.retell();
        for kind in held {
            self.on_event(kind, cx);
        }
    }
}
