//! Perfect negotiation over one peer connection (W3C WebRTC 1.0, section 10.7), with an explicit rollback, because the
//! library does none by itself.
//!
//! The peer driver does one thing at a time, so this does too: an operation is out, or none is; what comes meanwhile waits
//! in one place. Descriptions that reach this far belong to this connection (`pairing`) and carry a usable fingerprint.

use super::context::Context;
use crate::port::PeerCommand;
use crate::sdp;
use parley_proto::{PeerMessage, SdpType};
use std::time::{Duration, Instant};

/// An offer without an answer is said again after this: either may have been lost with a connection to the server.
const REPEAT_AFTER: Duration = Duration::from_secs(2);

/// What the peer driver is busy with.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Operation {
    MakingOffer,
    SettingOffer(String),
    MakingAnswer,
    SettingAnswer(String),
}

/// What a failed operation leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// The connection is as it was.
    None,
    /// The connection is of no more use for negotiations.
    Broken,
}

#[derive(Debug)]
pub(super) struct Negotiation {
    polite: bool,
    /// An offer of ours is set and has no answer yet.
    offer_out: bool,
    operation: Option<Operation>,
    held_offer: Option<String>,
    /// An offer to make as soon as possible; true for one with an ICE restart.
    wanted: Option<bool>,
    local: Option<(SdpType, String)>,
    remote: Option<String>,
    answered_offer: Option<String>,
    said_at: Option<Instant>,
}

impl Negotiation {
    pub(super) const fn new(polite: bool) -> Self {
        Self {
            polite,
            offer_out: false,
            operation: None,
            held_offer: None,
            wanted: None,
            local: None,
            remote: None,
            answered_offer: None,
            said_at: None,
        }
    }

    /// The other side's description that is set.
    pub(super) fn remote(&self) -> Option<&str> {
        self.remote.as_deref()
    }

    /// Whether nothing happened yet: no offer made or taken, none wanted.
    pub(super) const fn is_untouched(&self) -> bool {
        self.local.is_none() && self.remote.is_none() && self.operation.is_none() && self.wanted.is_none()
    }

    /// Makes an offer as soon as nothing stands against it.
    pub(super) fn want_offer(&mut self, ice_restart: bool, cx: &mut Context<'_>) {
        self.wanted = Some(self.wanted.unwrap_or(false) || ice_restart);
        self.go_on(cx);
    }

    pub(super) fn on_offer(&mut self, sdp: String, cx: &mut Context<'_>) {
        if self.operation.is_none() && !self.offer_out && self.has_answered(&sdp) {
            // The answer was lost on the way.
            return self.say_local(cx);
        }
        if matches!(&self.operation, Some(Operation::SettingOffer(current)) if *current == sdp) {
            return;
        }
        let answer_is_being_set = matches!(self.operation, Some(Operation::SettingAnswer(_)));
        let own_offer = self.operation == Some(Operation::MakingOffer) || self.offer_out;
        if own_offer && !answer_is_being_set {
            cx.counters.glares += 1;
            if !self.polite {
                return;
            }
        }
        self.held_offer = Some(sdp);
        self.go_on(cx);
    }

    /// Whether this offer was answered, so that it can only be a repeat.
    pub(super) fn has_answered(&self, offer: &str) -> bool {
        self.answered_offer.as_deref() == Some(offer)
    }

    /// Takes an own offer back that has no answer and needs none any more.
    pub(super) fn take_back(&mut self, cx: &mut Context<'_>) {
        if self.awaits_answer() {
            self.offer_out = false;
            self.local = None;
            self.said_at = None;
            cx.out.peer(PeerCommand::Rollback);
            self.go_on(cx);
        }
    }

    /// Whether an answer is what is missing.
    pub(super) const fn awaits_answer(&self) -> bool {
        self.offer_out && self.operation.is_none()
    }

    pub(super) fn on_answer(&mut self, sdp: String, cx: &mut Context<'_>) {
        if self.awaits_answer() {
            self.set_remote(SdpType::Answer, sdp, cx);
        } else {
            cx.counters.out_of_order += 1;
        }
    }

    /// An own description was made and set: it is said, unless it loses a glare at once.
    pub(super) fn on_local(&mut self, sdp_type: SdpType, sdp: String, cx: &mut Context<'_>) {
        match (sdp_type, &self.operation) {
            (SdpType::Offer, Some(Operation::MakingOffer)) => self.offer_out = true,
            (SdpType::Answer, Some(Operation::MakingAnswer)) => {}
            _ => {
                cx.counters.out_of_order += 1;
                return;
            }
        }
        self.operation = None;
        self.local = Some((sdp_type, sdp));
        if self.held_offer.is_none() || sdp_type == SdpType::Answer {
            self.say_local(cx);
        }
        self.go_on(cx);
    }

    /// The other side's description was set. Gives it, for the candidates that waited.
    pub(super) fn on_remote_set(&mut self, sdp_type: SdpType, cx: &mut Context<'_>) -> Option<&str> {
        match (sdp_type, self.operation.take()) {
            (SdpType::Offer, Some(Operation::SettingOffer(sdp))) => {
                self.remote = Some(sdp.clone());
                self.answered_offer = Some(sdp);
                self.operation = Some(Operation::MakingAnswer);
                cx.out.peer(PeerCommand::MakeAnswer);
            }
            (SdpType::Answer, Some(Operation::SettingAnswer(sdp))) => {
                self.remote = Some(sdp);
                self.offer_out = false;
                self.go_on(cx);
            }
            (_, other) => {
                self.operation = other;
                cx.counters.out_of_order += 1;
                return None;
            }
        }
        self.remote.as_deref()
    }

    /// The operation that was out failed.
    pub(super) fn on_failed(&mut self, cx: &mut Context<'_>) -> Damage {
        let damage = match self.operation.take() {
            None | Some(Operation::SettingOffer(_)) => Damage::None,
            Some(Operation::SettingAnswer(_)) => {
                // An answer nobody can use: the offer is taken back, so that another may follow.
                self.offer_out = false;
                cx.out.peer(PeerCommand::Rollback);
                Damage::None
            }
            Some(Operation::MakingOffer | Operation::MakingAnswer) => Damage::Broken,
        };
        self.go_on(cx);
        damage
    }

    /// Says again what may have been lost.
    pub(super) fn repeat(&mut self, cx: &mut Context<'_>) {
        let making = matches!(
            self.operation,
            Some(Operation::MakingOffer | Operation::MakingAnswer)
        );
        let ours_is_last = self.offer_out || matches!(self.local, Some((SdpType::Answer, _)));
        if ours_is_last && !making {
            self.say_local(cx);
        }
    }

    /// When an offer without an answer is to be repeated.
    pub(super) fn repeat_at(&self) -> Option<Instant> {
        let waiting = self.offer_out && self.operation.is_none();
        self.said_at.filter(|_| waiting).map(|at| at + REPEAT_AFTER)
    }

    fn say_local(&mut self, cx: &mut Context<'_>) {
        if let Some((sdp_type, sdp)) = self.local.clone() {
            self.said_at = Some(cx.now);
            cx.say(PeerMessage::Description { sdp_type, sdp });
        }
    }

    fn go_on(&mut self, cx: &mut Context<'_>) {
        if self.operation.is_some() {
            return;
        }
        if let Some(offer) = self.held_offer.take() {
            if self.offer_out {
                self.offer_out = false;
                cx.out.peer(PeerCommand::Rollback);
            }
            if self.wanted != Some(true) || self.restarts_ice(&offer) {
                self.wanted = None;
            }
            self.set_remote(SdpType::Offer, offer, cx);
        } else if !self.offer_out
            && let Some(ice_restart) = self.wanted.take()
        {
            self.operation = Some(Operation::MakingOffer);
            cx.out.peer(PeerCommand::MakeOffer { ice_restart });
        }
    }

    fn restarts_ice(&self, offer: &str) -> bool {
        let current = self.remote.as_deref().unwrap_or_default();
        !sdp::ufrags(offer).any(|ufrag| sdp::has_ufrag(current, ufrag))
    }

    fn set_remote(&mut self, sdp_type: SdpType, sdp: String, cx: &mut Context<'_>) {
        self.operation = Some(match sdp_type {
            SdpType::Offer => Operation::SettingOffer(sdp.clone()),
            SdpType::Answer => Operation::SettingAnswer(sdp.clone()),
        });
        cx.out.peer(PeerCommand::SetRemote { sdp_type, sdp });
    }
}
