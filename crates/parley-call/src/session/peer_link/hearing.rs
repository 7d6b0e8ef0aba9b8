//! What the other side says through the server, and what follows from it. Anybody's word until media flows, and no more then.

use super::PeerLink;
use crate::session::context::Context;
use crate::session::pairing::Fit;
use parley_proto::{PeerEnvelope, PeerMessage, SdpType};

impl PeerLink {
    /// A message of the other side came.
    pub(in crate::session) fn on_message(&mut self, envelope: PeerEnvelope, cx: &mut Context<'_>) {
        if self.is_beside(&envelope) {
            self.held_offer.forget_before(envelope.connection);
            return self.on_message_beside(envelope, cx);
        }
        let PeerEnvelope {
            message,
            connection: from,
            to_connection: to,
        } = envelope;
        self.held_offer.forget_before(from);
        match self.leg.pairing.judge(from, to) {
            Fit::Fits => {}
            Fit::TheirsIsOld => {
                cx.counters.stale += 1;
                return;
            }
            Fit::OursIsNew => {
                cx.counters.stale += 1;
                if self.notice_limit.allow(cx.now) {
                    cx.say(PeerMessage::Restart);
                }
                return;
            }
            Fit::TheirsIsNew if self.is_met_beside(&message, cx) => {
                let about_second = PeerEnvelope {
                    message,
                    connection: from,
                    to_connection: to,
                };
                // The same may have waited before, while there was no room for another beside the first.
                let waited = self.held_offer.take(cx.now).filter(|waited| waited.from == from);
                self.on_message_beside(about_second, cx);
                for candidate in waited.into_iter().flat_map(|waited| waited.candidates) {
                    let about_second = PeerEnvelope {
                        message: PeerMessage::Candidate(candidate),
                        connection: from,
                        to_connection: to,
                    };
                    self.on_message_beside(about_second, cx);
                }
                return;
            }
            Fit::TheirsIsNew if self.waits_with_new(from, &message, cx) => return,
            Fit::TheirsIsNew => {
                let begins = matches!(
                    message,
                    PeerMessage::Restart
                        | PeerMessage::Description {
                            sdp_type: SdpType::Offer,
                            ..
                        }
                );
                if !begins || !self.follow(cx) {
                    cx.counters.stale += 1;
                    return;
                }
            }
        }
        match message {
            PeerMessage::Description {
                sdp_type: SdpType::Offer,
                sdp,
            } if self.must_wait(&sdp) => {
                cx.counters.offers_held += 1;
                self.held_offer.hold(cx.now, from, sdp);
            }
            PeerMessage::Description { sdp_type, sdp } => self.on_description(from, sdp_type, sdp, cx),
            PeerMessage::Candidate(candidate) => self.leg.on_candidate(candidate, cx),
            PeerMessage::Proof { mac } => self.leg.proofs.on_proof(&mac, cx),
            PeerMessage::Restart => self.on_restart(from, cx),
            PeerMessage::Unknown => {}
        }
        self.settle(cx);
    }

    /// While media flows, what comes about a fresh connection of theirs that cannot be met beside the one there is waits: it may be
    /// a lie of the server, and it may be that they moved to another network, which shows as soon as nothing comes any more. Gives
    /// whether it was kept.
    fn waits_with_new(&mut self, from: Option<u32>, message: &PeerMessage, cx: &mut Context<'_>) -> bool {
        if !self.holds_fast() {
            return false;
        }
        match message {
            PeerMessage::Description {
                sdp_type: SdpType::Offer,
                sdp,
            } => {
                cx.counters.offers_held += 1;
                self.held_offer.hold(cx.now, from, sdp.clone());
                true
            }
            PeerMessage::Candidate(candidate) => self.held_offer.hold_candidate(from, candidate),
            _ => false,
        }
    }

    fn on_restart(&mut self, from: Option<u32>, cx: &mut Context<'_>) {
        let repeated = self.leg.pairing.is_paired();
        if repeated && (from.is_some() || !self.follow(cx)) {
            cx.counters.stale += 1;
            return;
        }
        self.leg.pairing.saw(from);
        if self.polite && self.leg.negotiation.is_untouched() {
            self.leg.negotiation.want_offer(false, cx);
        } else if self.leg.negotiation.awaits_answer() && self.notice_limit.allow(cx.now) {
            self.leg.negotiation.repeat(cx);
        }
    }

    /// Whether an offer has to wait until media stops, unless the other side said over the connection that it is coming.
    /// A repeat is harmless, and one that meets an own offer is part of mending.
    fn must_wait(&self, offer: &str) -> bool {
        self.holds_fast()
            && !self.leg.negotiation.has_answered(offer)
            && !self.leg.negotiation.awaits_answer()
            && !self.is_announced(offer)
    }

    pub(super) fn on_description(
        &mut self,
        from: Option<u32>,
        sdp_type: SdpType,
        sdp: String,
        cx: &mut Context<'_>,
    ) {
        let Some(fingerprint) = self.leg.fingerprint(sdp_type, &sdp, cx) else {
            return;
        };
        // Another certificate is another connection, whatever the numbers say.
        if self.leg.is_other_certificate(fingerprint) && (sdp_type == SdpType::Answer || !self.follow(cx)) {
            cx.counters.stale += 1;
            return;
        }
        // Whatever waited of this connection is older.
        self.held_offer.forget(from);
        if sdp_type == SdpType::Offer {
            self.state.on_offer(cx.now);
        }
        self.leg.on_description(from, sdp_type, sdp, fingerprint, cx);
    }

    /// Replaces it because the other side did. False if it did so too often, or cannot have: messages through the server are
    /// anybody's word, and media that comes over a proven connection is not. Who really has a fresh one stops sending on the old
    /// one and says so again.
    fn follow(&mut self, cx: &mut Context<'_>) -> bool {
        if self.holds_fast() {
            return false;
        }
        let allowed = self.fresh_limit.allow(cx.now);
        if allowed {
            self.renew(cx);
        } else {
            cx.counters.flooded += 1;
        }
        allowed
    }
}
