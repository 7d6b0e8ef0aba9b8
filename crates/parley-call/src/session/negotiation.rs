//! Perfect negotiation over one peer connection (W3C WebRTC 1.0, section 10.7), with an explicit rollback, because the
//! library does none by itself.
//!
//! The peer driver does one thing at a time, so this does too: an operation is out, or none is; what comes meanwhile waits
//! in one place. Descriptions that reach this far belong to this connection (`pairing`) and carry a usable fingerprint.
//!
//! What fails leaves the connection as it was before, by a rollback where one is needed, and is tried again a few times; what
//! goes on failing is [`Damage::Broken`], and only another connection helps.

use super::context::Context;
use crate::port::PeerCommand;
use crate::sdp;
use parley_proto::{PeerMessage, SdpType};
use std::time::{Duration, Instant};

/// An offer without an answer is said again after this: either may have been lost with a connection to the server.
const REPEAT_AFTER: Duration = Duration::from_secs(2);
/// One that was said again so often is not going to be answered.
const REPEATS_MAX: u32 = 5;
/// What failed is tried again after this, ...
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// ... so often in a row, and then, for as long as there is no other connection, after this.
const RETRIES_MAX: u32 = 3;
const RETRY_BROKEN_AFTER: Duration = Duration::from_secs(10);

/// What the peer driver is busy with.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Operation {
    MakingOffer,
    SettingOffer(String),
    /// To `offer`, which is set in place of what was set `before`.
    MakingAnswer {
        offer: String,
        before: Option<String>,
    },
    SettingAnswer(String),
}

/// What is tried again, and when.
#[derive(Debug, PartialEq, Eq)]
struct Retry {
    at: Instant,
    of: Failed,
}

#[derive(Debug, PartialEq, Eq)]
enum Failed {
    /// An own offer, or the answer to it.
    Offer { ice_restart: bool },
    /// The answer to this offer.
    Answer(String),
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
    /// That offer, or the one being made, starts ICE anew.
    offer_restarts: bool,
    operation: Option<Operation>,
    held_offer: Option<String>,
    /// An offer to make as soon as possible; true for one with an ICE restart.
    wanted: Option<bool>,
    retry: Option<Retry>,
    /// What failed in a row.
    failures: u32,
    /// It failed too often, and nothing succeeded since.
    broken: bool,
    local: Option<(SdpType, String)>,
    remote: Option<String>,
    answered_offer: Option<String>,
    said_at: Option<Instant>,
    /// How often the own offer that is out was said again.
    repeats: u32,
}

impl Negotiation {
    pub(super) const fn new(polite: bool) -> Self {
        Self {
            polite,
            offer_out: false,
            offer_restarts: false,
            operation: None,
            held_offer: None,
            wanted: None,
            retry: None,
            failures: 0,
            broken: false,
            local: None,
            remote: None,
            answered_offer: None,
            said_at: None,
            repeats: 0,
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

    /// Whether something was agreed on, and nothing is under way that would change it.
    pub(super) const fn is_settled(&self) -> bool {
        let rests = self.operation.is_none() && !self.offer_out && self.held_offer.is_none();
        rests && self.wanted.is_none() && self.retry.is_none() && self.remote.is_some()
    }

    /// Whether it failed so often that only another connection helps.
    pub(super) const fn is_broken(&self) -> bool {
        self.broken
    }

    /// Makes an offer as soon as nothing stands against it.
    pub(super) fn want_offer(&mut self, ice_restart: bool, cx: &mut Context<'_>) {
        let comes_again = matches!(&self.retry, Some(retry) if matches!(retry.of, Failed::Offer { .. }));
        if comes_again && !ice_restart {
            return;
        }
        self.wanted = Some(self.wanted.unwrap_or(false) || ice_restart);
        self.go_on(cx);
    }

    pub(super) fn on_offer(&mut self, sdp: String, cx: &mut Context<'_>) {
        if self.operation.is_none() && !self.offer_out && self.has_answered(&sdp) {
            // The answer was lost on the way.
            return self.say_local(cx);
        }
        if self.is_answering(&sdp) {
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

    fn is_answering(&self, sdp: &str) -> bool {
        match &self.operation {
            Some(Operation::SettingOffer(offer) | Operation::MakingAnswer { offer, .. }) => offer == sdp,
            _ => false,
        }
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

    /// Takes an own offer back that nobody answers: as it is, the connection cannot be negotiated.
    pub(super) fn give_up(&mut self, cx: &mut Context<'_>) {
        self.broken = true;
        self.take_back(cx);
    }

    /// Whether an answer is what is missing.
    pub(super) const fn awaits_answer(&self) -> bool {
        self.offer_out && self.operation.is_none()
    }

    /// Whether the own offer that waits for its answer is there to mend the way alone.
    pub(super) const fn mends(&self) -> bool {
        self.awaits_answer() && self.offer_restarts
    }

    /// Whether it was said so often that no answer is to be expected.
    pub(super) const fn is_unanswered(&self) -> bool {
        self.awaits_answer() && self.repeats >= REPEATS_MAX
    }

    /// The own offer that waits for its answer.
    pub(super) fn offer(&self) -> Option<&str> {
        let local = self.local.as_ref().filter(|_| self.awaits_answer());
        local.map(|(_, sdp)| sdp.as_str())
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
        self.operation = match (sdp_type, self.operation.take()) {
            (SdpType::Offer, Some(Operation::MakingOffer)) => {
                self.offer_out = true;
                self.repeats = 0;
                None
            }
            (SdpType::Answer, Some(Operation::MakingAnswer { offer, .. })) => {
                self.answered_offer = Some(offer);
                self.succeed();
                None
            }
            (_, other) => {
                self.operation = other;
                cx.counters.out_of_order += 1;
                return;
            }
        };
        self.local = Some((sdp_type, sdp));
        if self.held_offer.is_none() || sdp_type == SdpType::Answer {
            self.say_local(cx);
        }
        self.go_on(cx);
    }

    /// The other side's description was set. Gives it, for the candidates that waited.
    pub(super) fn on_remote_set(&mut self, sdp_type: SdpType, cx: &mut Context<'_>) -> Option<&str> {
        match (sdp_type, self.operation.take()) {
            (SdpType::Offer, Some(Operation::SettingOffer(offer))) => {
                let before = self.remote.replace(offer.clone());
                self.operation = Some(Operation::MakingAnswer { offer, before });
                cx.out.peer(PeerCommand::MakeAnswer);
            }
            (SdpType::Answer, Some(Operation::SettingAnswer(sdp))) => {
                self.remote = Some(sdp);
                self.offer_out = false;
                self.succeed();
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

    const fn succeed(&mut self) {
        self.failures = 0;
        self.broken = false;
    }

    /// The operation that was out failed. `carries`: media flows over the connection meanwhile, so there is time to try again.
    pub(super) fn on_failed(&mut self, carries: bool, cx: &mut Context<'_>) -> Damage {
        let ice_restart = self.offer_restarts;
        let damage = match self.operation.take() {
            // Theirs, and of no use: they make another.
            None | Some(Operation::SettingOffer(_)) => Damage::None,
            Some(Operation::SettingAnswer(_)) => {
                // An answer nobody can use: the offer is taken back, so that another may follow.
                self.offer_out = false;
                cx.out.peer(PeerCommand::Rollback);
                self.fail(Failed::Offer { ice_restart }, cx.now)
            }
            Some(Operation::MakingOffer) if carries => self.fail(Failed::Offer { ice_restart }, cx.now),
            Some(Operation::MakingAnswer { offer, before }) if carries => {
                self.remote = before;
                cx.out.peer(PeerCommand::Rollback);
                self.fail(Failed::Answer(offer), cx.now)
            }
            Some(Operation::MakingOffer | Operation::MakingAnswer { .. }) => Damage::Broken,
        };
        self.go_on(cx);
        damage
    }

    fn fail(&mut self, of: Failed, now: Instant) -> Damage {
        self.failures = self.failures.saturating_add(1);
        let too_often = self.broken || self.failures > RETRIES_MAX;
        let wait = if too_often {
            RETRY_BROKEN_AFTER
        } else {
            RETRY_AFTER
        };
        // What the other side wants it says again by itself.
        if !too_often || matches!(of, Failed::Offer { .. }) {
            self.retry = Some(Retry { at: now + wait, of });
        }
        if too_often {
            self.failures = 0;
            self.broken = true;
            return Damage::Broken;
        }
        Damage::None
    }

    /// When what failed is to be tried again.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retry.as_ref().map(|retry| retry.at)
    }

    pub(super) fn on_timeout(&mut self, cx: &mut Context<'_>) {
        match self.retry.take_if(|retry| cx.now >= retry.at) {
            Some(Retry {
                of: Failed::Offer { ice_restart },
                ..
            }) => self.want_offer(ice_restart, cx),
            Some(Retry {
                of: Failed::Answer(offer),
                ..
            }) => self.on_offer(offer, cx),
            None => {}
        }
    }

    /// Says again what may have been lost.
    pub(super) fn repeat(&mut self, cx: &mut Context<'_>) {
        let making = matches!(
            self.operation,
            Some(Operation::MakingOffer | Operation::MakingAnswer { .. })
        );
        let ours_is_last = self.offer_out || matches!(self.local, Some((SdpType::Answer, _)));
        if ours_is_last && !making {
            self.repeats = self.repeats.saturating_add(1);
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
            // What it does not do itself is still to be done after it; which tracks are left to offer the library says.
            let restarts = self.restarts_ice(&offer);
            self.wanted.take_if(|ice_restart| restarts || !*ice_restart);
            self.retry
                .take_if(|retry| restarts || retry.of != Failed::Offer { ice_restart: true });
            self.set_remote(SdpType::Offer, offer, cx);
        } else if !self.offer_out
            && let Some(ice_restart) = self.wanted.take()
        {
            self.retry = None;
            self.offer_restarts = ice_restart;
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

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;
    use crate::session::io::{Outbox, Output};
    use crate::stats::SessionCounters;

    /// Names of what the peer driver was asked to do.
    fn asked(out: &mut Outbox) -> Vec<&'static str> {
        let name = |output| match output {
            Output::Peer(command) => command.name(),
            other => panic!("{other:?}"),
        };
        std::iter::from_fn(|| out.pop()).map(name).collect()
    }

    #[test]
    fn an_answer_nobody_can_read_is_followed_by_another_offer_a_few_times_and_then_rarely() {
        let (mut out, mut counters) = (Outbox::default(), SessionCounters::default());
        let mut negotiation = Negotiation::new(true);
        let start = Instant::now();
        let mut now = start;
        negotiation.want_offer(false, &mut Context::new(now, &mut out, &mut counters));
        let mut waits = Vec::new();
        for attempt in 0..6 {
            let mut cx = Context::new(now, &mut out, &mut counters);
            negotiation.on_local(SdpType::Offer, format!("offer {attempt}"), &mut cx);
            negotiation.on_answer("garbage".into(), &mut cx);
            let damage = negotiation.on_failed(true, &mut cx);
            assert_eq!(damage == Damage::Broken, attempt > 2, "{attempt}");
            // The library says that something is still to be offered: it is, in its time.
            negotiation.want_offer(false, &mut cx);
            assert_eq!(
                asked(&mut out),
                ["make_offer", "set_remote", "rollback"],
                "{attempt}"
            );
            let again = negotiation.retry_at().unwrap();
            waits.push(again - now);
            now = again;
            negotiation.on_timeout(&mut Context::new(now, &mut out, &mut counters));
        }
        let [often, rarely] = [RETRY_AFTER, RETRY_BROKEN_AFTER];
        assert_eq!(waits, [often, often, often, rarely, rarely, rarely]);
        assert!(negotiation.is_broken());
        let mut cx = Context::new(now, &mut out, &mut counters);
        negotiation.on_local(SdpType::Offer, "offer".into(), &mut cx);
        negotiation.on_answer("good".into(), &mut cx);
        negotiation.on_remote_set(SdpType::Answer, &mut cx);
        assert!(negotiation.is_settled() && !negotiation.is_broken());
    }

    #[test]
    fn an_offer_whose_answer_fails_leaves_what_was_agreed_on_before() {
        let (mut out, mut counters) = (Outbox::default(), SessionCounters::default());
        let mut negotiation = Negotiation::new(true);
        let start = Instant::now();
        let mut cx = Context::new(start, &mut out, &mut counters);
        negotiation.on_offer("first".into(), &mut cx);
        negotiation.on_remote_set(SdpType::Offer, &mut cx);
        negotiation.on_local(SdpType::Answer, "answer".into(), &mut cx);
        negotiation.on_offer("second".into(), &mut cx);
        negotiation.on_remote_set(SdpType::Offer, &mut cx);
        assert_eq!(negotiation.remote(), Some("second"));
        assert_eq!(negotiation.on_failed(true, &mut cx), Damage::None);
        assert_eq!(negotiation.remote(), Some("first"));
        assert!(!negotiation.has_answered("second"), "it may be said again");
        asked(&mut out);
        let at = negotiation.retry_at().unwrap();
        let mut cx = Context::new(at, &mut out, &mut counters);
        negotiation.on_timeout(&mut cx);
        negotiation.on_remote_set(SdpType::Offer, &mut cx);
        negotiation.on_local(SdpType::Answer, "answer".into(), &mut cx);
        assert!(negotiation.has_answered("second") && negotiation.is_settled());
        assert_eq!(asked(&mut out), ["set_remote", "make_answer"]);
    }
}
