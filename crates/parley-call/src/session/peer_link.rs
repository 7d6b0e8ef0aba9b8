//! The way to one other person: their numbers, negotiation, candidates, proof and health, put together. Owned by the
//! session; replaced as a whole when somebody else takes that person's place.

use super::candidates::{Fate, RemoteCandidates};
use super::context::Context;
use super::held_offer::HeldOffer;
use super::io::SessionEvent;
use super::link_state::{LinkState, Remedy};
use super::negotiation::{Damage, Negotiation};
use super::pairing::{Fit, Pairing};
use super::proof_exchange::{Parties, ProofExchange};
use super::rate::RateLimit;
use crate::end::{EndReason, SignalingFault};
use crate::port::{ConnectionPhase, Inflow, Lane, LaneKind, PeerCommand, PeerEventKind, TrackKind};
use crate::sdp;
use parley_media::packet::ReceivedPacket;
use parley_proto::limits::CANDIDATES_MAX;
use parley_proto::{
    Candidate, ControlMessage, LeaveReason, MediaState, ParticipantId, PeerEnvelope, PeerMessage, Reaction,
    SdpType,
};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// The side that came first offers itself when the other one has not by then.
const OFFER_MAX: Duration = Duration::from_secs(3);
/// Somebody who is gone may still be replaced by a fresh self for so long.
const GONE_MAX: Duration = Duration::from_secs(3);
/// Somebody who left hangs up at the same time: media that stops, and has not come back by then, was theirs.
const LEFT_MAX: Duration = Duration::from_millis(500);
/// A message on the control channel that failed is tried again after this.
const CONTROL_RETRY: Duration = Duration::from_secs(1);
/// Connections that may fail to open in a row before the person is told.
const OPEN_FAILURES_MAX: u32 = 4;
/// Fresh connections the other side may cause: so many at once, then one in two seconds.
const FRESH_LIMIT: RateLimit = RateLimit::new(5, Duration::from_secs(2));
/// How often the other side is told that it talks to a connection that is gone.
const NOTICE_LIMIT: RateLimit = RateLimit::new(2, Duration::from_secs(1));

#[derive(Debug)]
pub(super) struct PeerLink {
    me: ParticipantId,
    other: ParticipantId,
    polite: bool,
    pairing: Pairing,
    negotiation: Negotiation,
    held_offer: HeldOffer,
    candidates: RemoteCandidates,
    proofs: ProofExchange,
    state: LinkState,
    ice_servers: Vec<String>,
    local_candidates: Vec<Candidate>,
    tracks: Vec<TrackKind>,
    /// What came lately.
    inflow: Inflow,
    control_open: bool,
    /// Whether anything came on the control channel of this connection.
    control_heard: bool,
    own_media: MediaState,
    told_media: Option<MediaState>,
    own_hand: bool,
    /// What they were told of it; nothing when they may have missed it.
    told_hand: Option<bool>,
    /// It was up at some time; before, there is nothing to tell.
    hand_used: bool,
    their_hand: bool,
    /// What the other side told, if it ever did.
    their_media: Option<MediaState>,
    /// When what they were not told is told again.
    retell_at: Option<Instant>,
    open_failures: u32,
    reachable: bool,
    was_up: bool,
    renewed: bool,
    gone: Option<(Instant, LeaveReason)>,
    fresh_limit: RateLimit,
    notice_limit: RateLimit,
}

impl PeerLink {
    /// Opens the first connection, with the number `generation`. The one who came second offers at once.
    pub(super) fn open(
        parties: Parties,
        generation: u32,
        ice_servers: Vec<String>,
        own_media: MediaState,
        reachable: bool,
        cx: &mut Context<'_>,
    ) -> Self {
        let polite = parties.polite;
        let mut link = Self {
            me: parties.me,
            other: parties.other,
            polite,
            pairing: Pairing::new(generation),
            negotiation: Negotiation::new(polite),
            held_offer: HeldOffer::default(),
            candidates: RemoteCandidates::default(),
            proofs: ProofExchange::new(parties),
            state: LinkState::new(cx.now, polite, reachable),
            ice_servers,
            local_candidates: Vec::new(),
            tracks: Vec::new(),
            inflow: Inflow::default(),
            control_open: false,
            control_heard: false,
            own_media,
            told_media: None,
            own_hand: false,
            told_hand: None,
            hand_used: false,
            their_hand: false,
            their_media: None,
            retell_at: None,
            open_failures: 0,
            reachable,
            was_up: false,
            renewed: false,
            gone: None,
            fresh_limit: FRESH_LIMIT,
            notice_limit: NOTICE_LIMIT,
        };
        link.open_connection(cx);
        if polite {
            link.negotiation.want_offer(false, cx);
        }
        link
    }

    /// Who this side was when the link was made: proofs are bound to it.
    pub(super) const fn me(&self) -> ParticipantId {
        self.me
    }

    pub(super) const fn other(&self) -> ParticipantId {
        self.other
    }

    pub(super) const fn is_polite(&self) -> bool {
        self.polite
    }

    /// The number of the connection there is.
    pub(super) const fn generation(&self) -> u32 {
        self.pairing.own()
    }

    /// Whether they ever said what their microphone and camera do.
    pub(super) const fn media_told(&self) -> bool {
        self.their_media.is_some()
    }

    /// What their microphone and camera do: what they say, or, of somebody who says nothing, what comes.
    pub(super) fn their_media(&self) -> MediaState {
        self.their_media.unwrap_or_else(|| MediaState {
            microphone_on: self.tracks.contains(&TrackKind::Audio),
            camera_on: self.tracks.contains(&TrackKind::Video),
        })
    }

    /// Whether their hand is raised.
    pub(super) const fn their_hand(&self) -> bool {
        self.their_hand
    }

    pub(super) const fn proven(&self) -> bool {
        self.proofs.proven()
    }

    /// Whether media can flow now.
    pub(super) fn is_up(&self) -> bool {
        self.state.is_connected() && self.proofs.proven()
    }

    /// Whether it does: as far as ICE can tell, and as what comes shows.
    pub(super) fn flows(&self) -> bool {
        self.is_up() && !self.is_stalled()
    }

    /// Whether packets of a track that should flow have stopped, on a connection that stands.
    pub(super) fn lacks_something(&self) -> bool {
        let lacks = |said: MediaState| {
            (said.microphone_on && !self.inflow.audio) || (said.camera_on && !self.inflow.video)
        };
        self.is_up() && self.their_media.is_some_and(lacks)
    }

    /// Whether nothing came lately although something should: faster than ICE, which waits for five seconds.
    fn is_stalled(&self) -> bool {
        let said = self.their_media();
        (said.microphone_on || said.camera_on) && !self.inflow.anything
    }

    /// Whether media could flow at some time.
    pub(super) const fn was_up(&self) -> bool {
        self.was_up
    }

    /// Whether ICE and DTLS stand.
    pub(super) fn is_connected(&self) -> bool {
        self.state.is_connected()
    }

    /// Since when ICE and DTLS do not stand; `None` while they do.
    pub(super) const fn down_since(&self) -> Option<Instant> {
        self.state.down_since()
    }

    /// For how long there has been no media.
    pub(super) fn outage(&self, now: Instant) -> Duration {
        self.state.outage(now)
    }

    /// Puts the numbers on what is to be said.
    pub(super) const fn envelope(&self, message: PeerMessage) -> PeerEnvelope {
        PeerEnvelope {
            message,
            connection: Some(self.pairing.own()),
            to_connection: self.pairing.theirs(),
        }
    }

    /// The other side can, or cannot, be told things. What may have been lost before is said again.
    pub(super) fn set_reachable(&mut self, reachable: bool, cx: &mut Context<'_>) {
        let again = reachable && !self.reachable;
        self.reachable = reachable;
        if reachable {
            self.gone = None;
        }
        self.state.set_reachable(cx.now, reachable);
        if again {
            self.repeat(cx);
            self.proofs.repeat(cx);
            if self.polite && self.negotiation.is_untouched() {
                self.negotiation.want_offer(false, cx);
            }
        }
        self.settle(cx);
    }

    /// The server says that the other side will not come back as the one it was. Media may go on all the same.
    pub(super) fn set_gone(&mut self, now: Instant, reason: LeaveReason) {
        self.gone.get_or_insert((now, reason));
    }

    /// Why they are gone for good, if they are: the server said so, nobody took their place, and no media comes.
    pub(super) fn gone(&self, now: Instant) -> Option<LeaveReason> {
        self.gone_for_good_at()
            .filter(|at| now >= *at)
            .and(self.gone)
            .map(|(_, reason)| reason)
    }

    fn gone_for_good_at(&self) -> Option<Instant> {
        let (said_at, reason) = self.gone?;
        let wait = match reason {
            LeaveReason::Left => LEFT_MAX,
            LeaveReason::Lost => GONE_MAX,
        };
        Some(said_at.max(self.state.down_since()?) + wait)
    }

    pub(super) fn set_own_media(&mut self, media: MediaState, cx: &mut Context<'_>) {
        self.own_media = media;
        self.settle(cx);
    }

    pub(super) fn set_own_hand(&mut self, raised: bool, cx: &mut Context<'_>) {
        self.own_hand = raised;
        self.hand_used |= raised;
        self.settle(cx);
    }

    /// Shows the other side a reaction, if they can see it now: later it would mean nothing.
    pub(super) fn react(&self, reaction: Reaction, cx: &mut Context<'_>) {
        if self.control_open && self.is_up() {
            cx.out
                .peer(PeerCommand::SendControl(ControlMessage::Reaction { reaction }));
        }
    }

    /// A message of the other side came.
    pub(super) fn on_message(&mut self, envelope: PeerEnvelope, cx: &mut Context<'_>) {
        let PeerEnvelope {
            message,
            connection: from,
            to_connection: to,
        } = envelope;
        match self.pairing.judge(from, to) {
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
            PeerMessage::Candidate(candidate) => self.on_candidate(candidate, cx),
            PeerMessage::Proof { mac } => self.proofs.on_proof(&mac, cx),
            PeerMessage::Restart => self.on_restart(from, cx),
            PeerMessage::Unknown => {}
        }
        self.settle(cx);
    }

    /// Something happened to the connection of this link's generation.
    pub(super) fn on_event(&mut self, kind: PeerEventKind, cx: &mut Context<'_>) {
        match kind {
            PeerEventKind::LocalDescription { sdp_type, sdp } => self.on_local(sdp_type, sdp, cx),
            PeerEventKind::RemoteDescriptionSet { sdp_type } => self.on_remote_set(sdp_type, cx),
            PeerEventKind::LocalCandidate(candidate) => {
                if self.local_candidates.len() < CANDIDATES_MAX && !self.local_candidates.contains(&candidate)
                {
                    self.local_candidates.push(candidate.clone());
                    cx.say(PeerMessage::Candidate(candidate));
                }
            }
            PeerEventKind::NegotiationNeeded => {
                // The first negotiation is under way by itself.
                if self.negotiation.remote().is_some() {
                    self.negotiation.want_offer(false, cx);
                }
            }
            PeerEventKind::Connection(phase) => self.on_phase(phase, cx),
            PeerEventKind::ControlOpen => {
                self.control_open = true;
                self.retell();
            }
            PeerEventKind::Control(message) => self.on_control(&message, cx),
            PeerEventKind::Track { kind, packets } => self.on_track(kind, packets, cx),
            PeerEventKind::Lane { kind, lane } => self.on_lane(kind, lane, cx),
            PeerEventKind::Inflow(inflow) => self.on_inflow(inflow, cx),
            PeerEventKind::CommandFailed { command, detail } => self.on_failed(command, &detail, cx),
        }
        self.settle(cx);
    }

    pub(super) fn on_timeout(&mut self, cx: &mut Context<'_>) {
        self.proofs.on_timeout(cx);
        if self.retell_at.take_if(|at| cx.now >= *at).is_some() {
            self.retell();
        }
        if self.reachable {
            if self.negotiation.repeat_at().is_some_and(|at| cx.now >= at) {
                if self.flows() {
                    // What it was to mend is well again, and for as long as it is the other side lets offers wait too.
                    self.negotiation.take_back(cx);
                } else {
                    self.repeat(cx);
                }
            }
            if self.awaits_first_offer() && self.state.in_step(cx.now) >= OFFER_MAX {
                self.negotiation.want_offer(false, cx);
            }
        }
        match self.state.due(cx.now) {
            Some(Remedy::RestartIce) => {
                cx.counters.ice_restarts += 1;
                self.negotiation.want_offer(true, cx);
            }
            Some(Remedy::FreshConnection) => self.start_afresh(cx),
            Some(Remedy::GiveUp(reason)) => cx.end = Some(reason),
            Some(Remedy::GiveUpSilent) => {
                cx.end = Some(EndReason::ServerUnreachable(SignalingFault::Lost));
            }
            None => {}
        }
        self.settle(cx);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let repeat = self.negotiation.repeat_at().filter(|_| self.reachable);
        let first_offer = self
            .state
            .step_reaches(OFFER_MAX)
            .filter(|_| self.awaits_first_offer());
        let parts = [
            repeat,
            first_offer,
            self.gone_for_good_at(),
            self.retell_at,
            self.state.deadline(),
            self.proofs.deadline(),
        ];
        parts.into_iter().flatten().min()
    }

    /// Says goodbye on the way that is nearest.
    pub(super) fn close(&mut self, with_goodbye: bool, cx: &mut Context<'_>) {
        if with_goodbye && self.is_up() {
            cx.out.peer(PeerCommand::SendControl(ControlMessage::Bye));
        }
        cx.out.peer(PeerCommand::Close);
        self.end_tracks(cx);
    }

    /// All tracks end, because somebody else takes this person's place.
    pub(super) fn end_tracks(&mut self, cx: &mut Context<'_>) {
        for kind in self.tracks.drain(..) {
            cx.out.event(SessionEvent::TrackEnded {
                participant: self.other,
                kind,
            });
        }
    }

    const fn awaits_first_offer(&self) -> bool {
        !self.polite && self.negotiation.is_untouched()
    }

    fn open_connection(&self, cx: &mut Context<'_>) {
        cx.counters.connections_opened += 1;
        cx.out.peer(PeerCommand::Open {
            generation: self.pairing.own(),
            ice_servers: self.ice_servers.clone(),
        });
    }

    /// Replaces the connection by a fresh one.
    fn renew(&mut self, cx: &mut Context<'_>) {
        self.pairing.renew();
        self.negotiation = Negotiation::new(self.polite);
        self.held_offer = HeldOffer::default();
        self.inflow = Inflow::default();
        self.candidates = RemoteCandidates::default();
        self.proofs.renew();
        self.state.renew(cx.now);
        self.local_candidates.clear();
        self.control_open = false;
        self.control_heard = false;
        self.retell_at = None;
        self.renewed = true;
        self.end_tracks(cx);
        self.open_connection(cx);
    }

    /// Replaces it because the other side did. False if it did so too often, or cannot have: messages through the server are
    /// anybody's word, and media that comes over a proven connection is not. Who really has a fresh one stops sending on the old
    /// one and says so again.
    fn follow(&mut self, cx: &mut Context<'_>) -> bool {
        if self.flows() {
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

    /// Replaces it of one's own accord, and says so.
    fn start_afresh(&mut self, cx: &mut Context<'_>) {
        self.renew(cx);
        cx.say(PeerMessage::Restart);
        if self.polite {
            self.negotiation.want_offer(false, cx);
        }
    }

    fn repeat(&mut self, cx: &mut Context<'_>) {
        if self.renewed && !self.pairing.is_paired() {
            cx.say(PeerMessage::Restart);
        }
        self.negotiation.repeat(cx);
        if !self.state.is_connected() {
            for candidate in &self.local_candidates {
                cx.say(PeerMessage::Candidate(candidate.clone()));
            }
        }
    }

    fn on_restart(&mut self, from: Option<u32>, cx: &mut Context<'_>) {
        let repeated = self.pairing.is_paired();
        if repeated && (from.is_some() || !self.follow(cx)) {
            cx.counters.stale += 1;
            return;
        }
        self.pairing.saw(from);
        if self.polite && self.negotiation.is_untouched() {
            self.negotiation.want_offer(false, cx);
        } else if self.negotiation.awaits_answer() && self.notice_limit.allow(cx.now) {
            self.negotiation.repeat(cx);
        }
    }

    /// Whether an offer has to wait until media stops. A repeat is harmless, and one that meets an own offer is part of mending.
    fn must_wait(&self, offer: &str) -> bool {
        self.flows() && !self.negotiation.has_answered(offer) && !self.negotiation.awaits_answer()
    }

    fn on_description(&mut self, from: Option<u32>, sdp_type: SdpType, sdp: String, cx: &mut Context<'_>) {
        let fingerprint = match sdp::fingerprint(&sdp) {
            Ok(fingerprint) => fingerprint,
            Err(error) => {
                cx.counters.malformed_from_peer += 1;
                tracing::debug!(%error, "a description was not used");
                return;
            }
        };
        if sdp_type == SdpType::Answer && !self.negotiation.awaits_answer() {
            cx.counters.out_of_order += 1;
            return;
        }
        // Another certificate is another connection, whatever the numbers say.
        let other_certificate = self.proofs.theirs().is_some_and(|known| known != fingerprint);
        if other_certificate && (sdp_type == SdpType::Answer || !self.follow(cx)) {
            cx.counters.stale += 1;
            return;
        }
        self.pairing.pair(from);
        match sdp_type {
            SdpType::Offer => {
                self.state.on_offer(cx.now);
                self.negotiation.on_offer(sdp, cx);
            }
            SdpType::Answer => self.negotiation.on_answer(sdp, cx),
        }
        self.proofs.set_theirs(fingerprint, cx);
    }

    fn on_candidate(&mut self, candidate: Candidate, cx: &mut Context<'_>) {
        match self.candidates.take_in(candidate, self.negotiation.remote()) {
            Fate::Use(candidate) => cx.out.peer(PeerCommand::AddCandidate(candidate)),
            Fate::Held => {}
            Fate::Dropped => cx.counters.candidates_dropped += 1,
            Fate::Malformed => cx.counters.malformed_from_peer += 1,
        }
    }

    fn on_local(&mut self, sdp_type: SdpType, sdp: String, cx: &mut Context<'_>) {
        let Ok(fingerprint) = sdp::fingerprint(&sdp) else {
            cx.end = Some(EndReason::Internal("own description without a fingerprint"));
            return;
        };
        self.open_failures = 0;
        self.local_candidates.retain(|candidate| {
            let ufrag = candidate.username_fragment.as_deref();
            ufrag.is_none_or(|ufrag| sdp::has_ufrag(&sdp, ufrag))
        });
        self.negotiation.on_local(sdp_type, sdp, cx);
        self.proofs.set_own(fingerprint, cx);
    }

    fn on_remote_set(&mut self, sdp_type: SdpType, cx: &mut Context<'_>) {
        if let Some(remote) = self.negotiation.on_remote_set(sdp_type, cx) {
            for candidate in self.candidates.release(remote) {
                cx.out.peer(PeerCommand::AddCandidate(candidate));
            }
        }
    }

    fn on_phase(&mut self, phase: ConnectionPhase, cx: &mut Context<'_>) {
        tracing::debug!(?phase, generation = self.pairing.own(), "connection");
        self.state.on_phase(cx.now, phase);
    }

    fn on_control(&mut self, message: &ControlMessage, cx: &mut Context<'_>) {
        if !self.proofs.proven() {
            cx.counters.out_of_order += 1;
            return;
        }
        if !std::mem::replace(&mut self.control_heard, true) {
            // What was said before their channel was open too is lost: webrtc 0.21.1 drops it.
            self.retell();
        }
        match message {
            ControlMessage::MediaState(media) => self.their_media = Some(*media),
            ControlMessage::Hand { raised } => self.their_hand = *raised,
            ControlMessage::Reaction {
                reaction: Reaction::Unknown,
            } => {}
            ControlMessage::Reaction { reaction } => cx.out.event(SessionEvent::Reaction {
                participant: self.other,
                reaction: *reaction,
            }),
            ControlMessage::Bye => cx.end = Some(EndReason::OtherLeft),
            ControlMessage::Unknown => {}
        }
    }

    fn on_track(&mut self, kind: TrackKind, packets: Receiver<ReceivedPacket>, cx: &mut Context<'_>) {
        if !self.proofs.proven() {
            cx.counters.out_of_order += 1;
            return;
        }
        if !self.tracks.contains(&kind) {
            self.tracks.push(kind);
        }
        cx.out.event(SessionEvent::Track {
            participant: self.other,
            kind,
            packets,
        });
    }

    fn on_lane(&mut self, kind: LaneKind, lane: Lane, cx: &mut Context<'_>) {
        if !self.proofs.proven() {
            cx.counters.out_of_order += 1;
            return;
        }
        cx.out.event(SessionEvent::Lane {
            participant: self.other,
            kind,
            lane,
        });
    }

    /// What lasts is told again: the other side may not have heard it.
    fn retell(&mut self) {
        self.told_media = None;
        self.told_hand = None;
    }

    fn on_inflow(&mut self, inflow: Inflow, cx: &mut Context<'_>) {
        let flowed = self.flows();
        self.inflow = inflow;
        cx.counters.stalls += u64::from(flowed && !self.flows());
    }

    fn on_failed(&mut self, command: &'static str, detail: &str, cx: &mut Context<'_>) {
        cx.counters.peer_failures += 1;
        tracing::warn!(command, detail, "the peer driver could not do that");
        match command {
            "open" => return self.on_open_failed(cx),
            "send_control" => {
                self.retell_at = Some(cx.now + CONTROL_RETRY);
                return;
            }
            _ => {}
        }
        let negotiates = ["make_offer", "set_remote", "make_answer"].contains(&command);
        let broken = negotiates && self.negotiation.on_failed(cx) == Damage::Broken;
        // A connection that carries media is worth more than one that can be negotiated: time will tell.
        if broken && !self.state.is_connected() && self.fresh_limit.allow(cx.now) {
            self.start_afresh(cx);
        }
    }

    /// There is no connection at all: another one is tried, a few times.
    fn on_open_failed(&mut self, cx: &mut Context<'_>) {
        self.open_failures += 1;
        if self.open_failures >= OPEN_FAILURES_MAX {
            cx.end = Some(EndReason::NoConnection);
        } else {
            self.state.on_phase(cx.now, ConnectionPhase::Failed);
        }
    }

    /// What follows from the parts' new states.
    fn settle(&mut self, cx: &mut Context<'_>) {
        if !self.flows()
            && let Some((from, sdp)) = self.held_offer.take(cx.now)
        {
            self.on_description(from, SdpType::Offer, sdp, cx);
        }
        let connected = self.state.is_connected();
        self.proofs.set_waiting(cx.now, connected && self.reachable);
        self.was_up |= self.is_up();
        if self.control_open && self.proofs.proven() && self.told_media != Some(self.own_media) {
            self.told_media = Some(self.own_media);
            let message = ControlMessage::MediaState(self.own_media);
            cx.out.peer(PeerCommand::SendControl(message));
        }
        let hand_due = self.hand_used && self.told_hand != Some(self.own_hand);
        if self.control_open && self.proofs.proven() && hand_due {
            self.told_hand = Some(self.own_hand);
            let message = ControlMessage::Hand {
                raised: self.own_hand,
            };
            cx.out.peer(PeerCommand::SendControl(message));
        }
    }
}
