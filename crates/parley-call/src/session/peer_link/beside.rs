//! The second connection of a link while the network changes: when there is one, when the link goes over to it, and when the one
//! before it is closed.
//!
//! What the other side says about a fresh connection through the server is anybody's word, and may well be followed beside one
//! that is well: nothing is taken from that until the other side proved on the second who they are. So nobody has to wait until
//! media stops.

use super::PeerLink;
use crate::port::{ConnectionPhase, PeerCommand, PeerEventKind, TrackKind};
use crate::sdp;
use crate::session::context::Context;
use crate::session::second::Second;
use parley_proto::{ControlMessage, PeerEnvelope, PeerMessage, SdpType};
use std::time::{Duration, Instant};

/// The other side goes over to the second connection a moment later than this one, and what it sent before is on its way.
const LEAVE_AFTER: Duration = Duration::from_secs(1);
/// Another connection in place of one that cannot be negotiated is tried again after this, where it came to nothing.
const MEND_AGAIN: Duration = Duration::from_secs(30);

/// The connection that was gone over from, until it is closed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Former {
    number: u32,
    /// When it is closed.
    pub(super) until: Instant,
    /// The other side was proven on it, ...
    proven: bool,
    /// ... and can be told things over it.
    may_say: bool,
}

impl PeerLink {
    /// The number of the second connection, while there is one that is not used yet.
    pub(in crate::session) fn second_number(&self) -> Option<u32> {
        self.second.as_ref().map(Second::number)
    }

    /// The number of the connection before, while something may still come over it.
    pub(in crate::session) fn former_number(&self) -> Option<u32> {
        self.leaving.map(|former| former.number)
    }

    /// Whether a second connection is being made that is on the networks that this machine has since then.
    pub(in crate::session) fn is_onwards_since(&self, changed: Option<Instant>) -> bool {
        let second = self.second.as_ref();
        second.is_some_and(|second| second.is_on_network_since(changed))
    }

    /// Another network of this machine is better than the one in use: a second connection is made on it. Whoever moves offers, for
    /// nobody else knows of it.
    pub(in crate::session) fn begin_beside(&mut self, cx: &mut Context<'_>) {
        if !self.second.as_ref().is_some_and(Second::is_ours) {
            self.open_beside(true, cx);
            self.offer_beside(cx);
        }
        self.settle(cx);
    }

    fn offer_beside(&mut self, cx: &mut Context<'_>) {
        let tracks = self.presence.share_tracks();
        if let Some(second) = &mut self.second {
            second.offer(tracks, cx);
        }
    }

    /// Something happened to the second connection.
    pub(in crate::session) fn on_event_beside(&mut self, kind: PeerEventKind, cx: &mut Context<'_>) {
        let proven = self.second.as_ref().is_some_and(Second::proven);
        let once = match &kind {
            PeerEventKind::Control(message) if proven => self.hear_once(message, cx),
            _ => false,
        };
        match &mut self.second {
            // Said by somebody who went over.
            Some(second) if once => second.follow(),
            Some(second) => second.on_event(kind, cx),
            None => {}
        }
        self.settle(cx);
    }

    /// Something still came over the connection before. What lasts the other side tells again over this one.
    pub(in crate::session) fn on_event_of_former(&mut self, kind: &PeerEventKind, cx: &mut Context<'_>) {
        match kind {
            PeerEventKind::Control(message) if self.leaving.is_some_and(|former| former.proven) => {
                self.hear_once(message, cx);
            }
            PeerEventKind::CommandFailed { .. } => cx.counters.peer_failures += 1,
            _ => {}
        }
        self.settle(cx);
    }

    /// Says what is said once: over the connection that is used, or, until its channel is open, over the one before.
    pub(super) fn say_once(&self, message: ControlMessage, cx: &mut Context<'_>) {
        let command = PeerCommand::SendControl(message);
        if self.leg.control_open {
            cx.out.peer(command);
        } else if self.leaving.is_some_and(|former| former.may_say) {
            cx.out.peer(PeerCommand::Beside(Box::new(command)));
        }
    }

    /// The connection cannot be negotiated any more.
    pub(super) fn mend_soon(&mut self, now: Instant) {
        self.mend_at.get_or_insert(now);
    }

    /// Whether another one in its place is wanted, and can be made now. Who has no numbers holds one connection only.
    pub(super) fn may_mend(&self) -> bool {
        let wanted = self.leg.negotiation.is_broken() && self.second.is_none();
        wanted && self.reachable && self.is_up() && self.leg.pairing.theirs().is_some()
    }

    fn mend(&mut self, cx: &mut Context<'_>) {
        if self.may_mend() && self.mend_at.is_some_and(|at| cx.now >= at) {
            tracing::info!("a connection that cannot be negotiated gets another beside it");
            self.mend_at = Some(cx.now + MEND_AGAIN);
            self.open_beside(false, cx);
            self.offer_beside(cx);
        }
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
            if self.tracks.contains(&kind) {
                continue;
            }
            if self.is_shared(kind) {
                // A screen that stands still says nothing for long: its last picture is as good as the next.
                self.tracks.push(kind);
                continue;
            }
            cx.out.direct_track_ended(self.other, kind);
        }
    }

    /// Whether they say that they share this now.
    fn is_shared(&self, kind: TrackKind) -> bool {
        let said = self.presence.their_media().unwrap_or_default();
        match kind {
            TrackKind::Screen => said.screen_on,
            TrackKind::ScreenSound => said.screen_sound_on,
            TrackKind::Audio | TrackKind::Video => false,
        }
    }

    /// What follows for the two connections from their new states.
    pub(super) fn settle_beside(&mut self, cx: &mut Context<'_>) {
        self.mend(cx);
        let (own_media, tracks) = (self.presence.own_media(), self.presence.share_tracks());
        if let Some(second) = &mut self.second {
            second.share(tracks, cx);
            second.greet(own_media, cx);
            if second.is_ready() {
                self.go_over(cx);
            } else if second.is_over(cx.now) {
                tracing::info!(number = second.number(), "a second connection came to nothing");
                cx.counters.seconds_given_up += 1;
                self.drop_beside(cx);
            }
        }
        if self.leaving.is_some_and(|former| cx.now >= former.until) {
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
        let former = std::mem::replace(&mut self.leg, leg);
        self.begin_anew(cx.now);
        self.state.on_phase(cx.now, ConnectionPhase::Connected);
        self.tracks_before = std::mem::take(&mut self.tracks);
        self.leaving = Some(Former {
            number: former.pairing.own(),
            until: cx.now + LEAVE_AFTER,
            proven: former.proofs.proven(),
            may_say: former.may_say(),
        });
        // Said over the one before, it may not have come.
        self.retell();
        for kind in held {
            self.on_event(kind, cx);
        }
    }
}
