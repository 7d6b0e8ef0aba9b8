//! A second connection beside the first, while the network changes: made, found and proven on its own, with media flowing over
//! the first all the while. Sans-IO; owned by a [`super::peer_link::PeerLink`], which goes over to it once it
//! [is ready](Second::is_ready) and forgets it if it [came to nothing](Second::is_over).
//!
//! It is ready when it is connected, when the other side proved on it who they are, when something came over it that they
//! send only after this side was proven to them (a word on its control channel, or media), and when the tracks of an own share are
//! agreed on. Then both gates are open, and whatever is sent over it is heard and seen. Nothing that goes wrong with it is a reason
//! to touch the first.
//!
//! The other side goes over to it as soon as it hears our greeting. So nobody gives it up in the moment in which that may happen:
//! once greeted, it is kept for as long as a greeting may be on its way, and as what they send then may be.

use super::context::Context;
use super::io::{Outbox, Output};
use super::leg::{Leg, ShareTracks};
use super::pairing::{Fit, Pairing};
use crate::port::{ConnectionPhase, PeerCommand, PeerEventKind};
use crate::sdp;
use parley_proto::{ControlMessage, MediaState, PeerEnvelope, PeerMessage, SdpType};
use std::time::{Duration, Instant};

/// What is not ready by then is given up, unless the other side was greeted: then nobody is greeted any more, ...
const READY_MAX: Duration = Duration::from_secs(5);
/// ... and so much later it is given up too: the last greeting may have been lost once on its way, and so may their word be.
const LAST_WORD: Duration = Duration::from_secs(2);
/// The tracks of a share are waited for so long: two round trips through a slow server.
const TRACKS_MAX: Duration = Duration::from_secs(2);
/// A greeting is lost when their channel was not open yet, so it is said again.
const GREET_AGAIN: Duration = Duration::from_millis(250);
/// Tracks, lanes and words that came over it and wait until it is taken.
const HELD_MAX: usize = 32;

/// See the module.
#[derive(Debug)]
pub(super) struct Second {
    leg: Leg,
    /// This machine's network changed, not theirs.
    ours: bool,
    opened: Instant,
    until: Instant,
    connected: bool,
    failed: bool,
    /// Something came that only they send who know this side as proven.
    heard: bool,
    /// Media came, or a word that goes over no other: they went over to it.
    followed: bool,
    /// When they are greeted again, once they were greeted.
    greet_at: Option<Instant>,
    /// The tracks of a share that are to go over it.
    wanted: ShareTracks,
    /// Until when those are waited for.
    tracks_until: Option<Instant>,
    held: Vec<PeerEventKind>,
}

impl Second {
    /// One that is being opened; `leg` has its number.
    pub(super) fn new(now: Instant, leg: Leg, ours: bool) -> Self {
        Self {
            leg,
            ours,
            opened: now,
            until: now + READY_MAX,
            connected: false,
            failed: false,
            heard: false,
            followed: false,
            greet_at: None,
            wanted: ShareTracks::default(),
            tracks_until: Some(now + TRACKS_MAX),
            held: Vec::new(),
        }
    }

    /// Its number.
    pub(super) const fn number(&self) -> u32 {
        self.leg.pairing.own()
    }

    /// Whether it was made because this machine's network changed.
    pub(super) const fn is_ours(&self) -> bool {
        self.ours
    }

    /// Whether it is worth waiting for where this machine's network changed at that moment: it is on what is there since.
    pub(super) fn is_on_network_since(&self, changed: Option<Instant>) -> bool {
        self.ours || changed.is_some_and(|at| self.opened >= at)
    }

    /// Whether the other side is proven on it.
    pub(super) const fn proven(&self) -> bool {
        self.leg.proofs.proven()
    }

    /// Whether both sides can go over to it.
    pub(super) const fn is_ready(&self) -> bool {
        let stands = self.connected && self.leg.proofs.proven() && !self.failed;
        // What they send is heard over the one that is used, so whoever went over is not kept waiting.
        stands && self.heard && (self.followed || self.tracks_agreed())
    }

    /// Whether it came to nothing.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.failed || now >= self.over_at()
    }

    fn over_at(&self) -> Instant {
        // Who was greeted may have gone over to it, or be about to.
        match self.greet_at {
            Some(_) => self.until + LAST_WORD,
            None => self.until,
        }
    }

    /// Whether the tracks of an own share are agreed on, or were waited for long enough.
    const fn tracks_agreed(&self) -> bool {
        let none = !self.wanted.screen && !self.wanted.sound;
        let agreed = self.leg.has_tracks(self.wanted) && self.leg.negotiation.is_settled();
        none || agreed || self.tracks_until.is_none()
    }

    /// Gives what it is, and what came over it meanwhile.
    pub(super) fn into_parts(self) -> (Leg, Vec<PeerEventKind>) {
        (self.leg, self.held)
    }

    /// Whether a message with these numbers is about it rather than about `first`.
    pub(super) fn is_meant(&self, first: &Pairing, from: Option<u32>, to: Option<u32>) -> bool {
        match (to, from) {
            (Some(to), _) => to == self.number(),
            (None, Some(_)) if self.leg.pairing.is_paired() => from == self.leg.pairing.theirs(),
            (None, Some(_)) => first.judge(from, None) == Fit::TheirsIsNew,
            (None, None) => false,
        }
    }

    /// Makes an offer for it, with the tracks of a share that there is now.
    pub(super) fn offer(&mut self, wanted: ShareTracks, cx: &mut Context<'_>) {
        self.wanted = wanted;
        self.act(cx, |leg, cx| {
            leg.add_tracks(wanted, cx);
            leg.negotiation.want_offer(false, cx);
        });
    }

    /// Has the tracks of a share agreed on before it takes over: added later, a picture would end with the first.
    pub(super) fn share(&mut self, wanted: ShareTracks, cx: &mut Context<'_>) {
        self.wanted = wanted;
        if !self.leg.has_tracks(wanted) && self.leg.negotiation.is_settled() {
            self.act(cx, |leg, cx| {
                leg.add_tracks(wanted, cx);
                leg.negotiation.want_offer(false, cx);
            });
        }
    }

    /// They said something over it that is said over the connection in use alone: they went over to it.
    pub(super) const fn follow(&mut self) {
        self.heard = true;
        self.followed = true;
    }

    /// A message about it came.
    pub(super) fn on_message(&mut self, envelope: PeerEnvelope, cx: &mut Context<'_>) {
        let PeerEnvelope {
            message,
            connection: from,
            to_connection: to,
        } = envelope;
        if self.leg.pairing.judge(from, to) != Fit::Fits {
            cx.counters.stale += 1;
            return;
        }
        match message {
            PeerMessage::Description { sdp_type, sdp } => self.on_description(from, sdp_type, sdp, cx),
            PeerMessage::Candidate(candidate) => {
                self.act(cx, |leg, cx| leg.on_candidate(candidate, cx));
            }
            PeerMessage::Proof { mac } => self.act(cx, |leg, cx| leg.proofs.on_proof(&mac, cx)),
            // Of a fresh connection of theirs, for which this is the answer.
            PeerMessage::Restart | PeerMessage::Unknown => {}
        }
    }

    fn on_description(&mut self, from: Option<u32>, sdp_type: SdpType, sdp: String, cx: &mut Context<'_>) {
        let Some(fingerprint) = self.leg.fingerprint(sdp_type, &sdp, cx) else {
            return;
        };
        if self.leg.is_other_certificate(fingerprint) {
            cx.counters.stale += 1;
        } else {
            self.act(cx, |leg, cx| {
                leg.on_description(from, sdp_type, sdp, fingerprint, cx);
            });
        }
    }

    /// Something happened to it.
    pub(super) fn on_event(&mut self, kind: PeerEventKind, cx: &mut Context<'_>) {
        match kind {
            PeerEventKind::LocalDescription { sdp_type, sdp } => match sdp::fingerprint(&sdp) {
                Ok(fingerprint) => self.act(cx, |leg, cx| leg.on_local(sdp_type, sdp, fingerprint, cx)),
                Err(_) => self.failed = true,
            },
            PeerEventKind::RemoteDescriptionSet { sdp_type } => {
                self.act(cx, |leg, cx| leg.on_remote_set(sdp_type, cx));
            }
            PeerEventKind::LocalCandidate(candidate) => {
                self.act(cx, |leg, cx| leg.on_local_candidate(candidate, cx));
            }
            PeerEventKind::Connection(phase) => {
                self.connected = phase == ConnectionPhase::Connected;
                self.failed |= phase == ConnectionPhase::Failed;
            }
            PeerEventKind::ControlOpen => self.leg.control_open = true,
            PeerEventKind::Control(_) | PeerEventKind::Track { .. } => {
                // An offer in advance is no greeting: they are not ready yet.
                let is_offer = matches!(kind, PeerEventKind::Control(ControlMessage::Offer { .. }));
                self.heard |= !is_offer;
                self.followed |= matches!(kind, PeerEventKind::Track { .. });
                self.hold(kind, cx);
            }
            PeerEventKind::Lane { .. } => self.hold(kind, cx),
            PeerEventKind::NoRelay => self.failed = true,
            PeerEventKind::CommandFailed { command, detail } => {
                cx.counters.peer_failures += 1;
                tracing::debug!(command, detail, "the second connection could not do that");
                let may_fail = ["send_control", "add_candidate", "add_screen", "add_screen_sound"];
                self.failed |= !may_fail.contains(&command);
            }
            // An offer for a track follows it at once; the rest is about the connection that is used.
            PeerEventKind::NegotiationNeeded
            | PeerEventKind::LanesStuck
            | PeerEventKind::Inflow(_)
            | PeerEventKind::NetworkChanged(_) => {}
        }
    }

    fn hold(&mut self, kind: PeerEventKind, cx: &mut Context<'_>) {
        // Said again and again as a greeting: the last one says it all.
        let is_state =
            |kind: &PeerEventKind| matches!(kind, PeerEventKind::Control(ControlMessage::MediaState(_)));
        if is_state(&kind) {
            self.held.retain(|held| !is_state(held));
        }
        if self.held.len() < HELD_MAX {
            self.held.push(kind);
        } else {
            cx.counters.flooded += 1;
        }
    }

    /// The other side can be told things again: what may have been lost is said once more.
    pub(super) fn repeat(&mut self, cx: &mut Context<'_>) {
        self.act(cx, |leg, cx| {
            leg.negotiation.repeat(cx);
            leg.repeat_candidates(cx);
            leg.proofs.repeat(cx);
        });
    }

    pub(super) fn on_timeout(&mut self, cx: &mut Context<'_>) {
        self.tracks_until.take_if(|until| cx.now >= *until);
        if self.leg.negotiation.repeat_at().is_some_and(|at| cx.now >= at) {
            self.repeat(cx);
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        let greet_at = self.greet_at.filter(|at| *at < self.until);
        [self.leg.negotiation.repeat_at(), greet_at, self.tracks_until]
            .into_iter()
            .flatten()
            .fold(self.over_at(), Instant::min)
    }

    /// Greets the other side over it, once it is proven, what is shared can go over it, and until it is taken: that shows them that
    /// they may go over to it.
    pub(super) fn greet(&mut self, own_media: MediaState, cx: &mut Context<'_>) {
        let is_due = self
            .greet_at
            .map_or_else(|| self.tracks_agreed(), |at| cx.now >= at);
        if !self.leg.may_say() || !is_due {
            return;
        }
        if cx.now >= self.until {
            // That was the last one, however late this turn is.
            self.greet_at = self.greet_at.map(|_| self.until);
            return;
        }
        self.greet_at = Some(cx.now + GREET_AGAIN);
        let greeting = PeerCommand::SendControl(ControlMessage::MediaState(own_media));
        cx.out.peer(PeerCommand::Beside(Box::new(greeting)));
    }

    /// Lets its parts act as those of the first do, and says of everything that follows that it is about the second.
    fn act(&mut self, cx: &mut Context<'_>, act: impl FnOnce(&mut Leg, &mut Context<'_>)) {
        let mut out = Outbox::default();
        let mut inner = Context::new(cx.now, &mut out, &mut *cx.counters);
        act(&mut self.leg, &mut inner);
        let Context { said, end, .. } = inner;
        // What would end a call that has nothing else: a wrong proof.
        self.failed |= end.is_some();
        while let Some(output) = out.pop() {
            if let Output::Peer(command) = output {
                cx.out.peer(PeerCommand::Beside(Box::new(command)));
            }
        }
        let said = said.into_iter().map(|message| self.leg.envelope(message));
        cx.said_beside.extend(said);
    }
}
