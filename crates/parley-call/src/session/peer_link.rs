//! The way to one other person: their numbers, negotiation, candidates, proof and health, put together. Owned by the
//! session; replaced as a whole when somebody else takes that person's place.

mod driven;
mod hearing;

use super::candidates::RemoteCandidates;
use super::context::Context;
use super::held_offer::HeldOffer;
use super::io::SessionEvent;
use super::link_state::{LinkState, Remedy};
use super::negotiation::Negotiation;
use super::pairing::Pairing;
use super::presence::Presence;
use super::proof_exchange::{Parties, ProofExchange};
use super::rate::RateLimit;
use super::recording::Recording;
use crate::end::{EndReason, SignalingFault};
use crate::ice::IceServer;
use crate::port::{Inflow, PeerCommand, TrackKind};
use crate::sdp;
use crate::snapshot::RecordingConsent;
use parley_proto::{
    Candidate, ControlMessage, LeaveReason, MediaState, ParticipantId, PeerEnvelope, PeerMessage, Reaction,
    SdpType,
};
use std::time::{Duration, Instant};

/// The side that came first offers itself when the other one has not by then.
const OFFER_MAX: Duration = Duration::from_secs(3);
/// Somebody who is gone may still be replaced by a fresh self for so long.
const GONE_MAX: Duration = Duration::from_secs(3);
/// Somebody who left hangs up at the same time: media that stops, and has not come back by then, was theirs.
const LEFT_MAX: Duration = Duration::from_millis(500);
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
    ice_servers: Vec<IceServer>,
    local_candidates: Vec<Candidate>,
    tracks: Vec<TrackKind>,
    /// What came lately.
    inflow: Inflow,
    control_open: bool,
    /// Whether anything came on the control channel of this connection.
    control_heard: bool,
    presence: Presence,
    recording: Recording,
    /// When what they were not told is told again.
    retell_at: Option<Instant>,
    /// The offer that the other side itself said is coming ([`sdp::digest`]): that word came over the proven connection.
    announced_offer: Option<String>,
    /// Whether the screen's track is on this connection.
    screen_added: bool,
    /// The same for what the computer plays.
    screen_sound_added: bool,
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
        ice_servers: Vec<IceServer>,
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
            presence: Presence::new(own_media),
            recording: Recording::default(),
            retell_at: None,
            announced_offer: None,
            screen_added: false,
            screen_sound_added: false,
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

    /// What helps to find a way from the next connection on: the server names it anew, with credentials that last longer. One that
    /// stands keeps its relay.
    pub(super) fn set_ice_servers(&mut self, servers: Vec<IceServer>) {
        self.ice_servers = servers;
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
        self.presence.their_media().is_some()
    }

    /// What their microphone and camera do: what they say, or, of somebody who says nothing, what comes.
    pub(super) fn their_media(&self) -> MediaState {
        self.presence.their_media().unwrap_or_else(|| MediaState {
            microphone_on: self.tracks.contains(&TrackKind::Audio),
            camera_on: self.tracks.contains(&TrackKind::Video),
            ..MediaState::default()
        })
    }

    /// Whether their hand is raised.
    pub(super) const fn their_hand(&self) -> bool {
        self.presence.their_hand()
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
        // Of somebody who was asked for no pictures none are missed.
        let wants_pictures = self.presence.own_media().picture_kbps_max != Some(0);
        let lacks = |said: MediaState| {
            let pictures = said.camera_on && wants_pictures;
            (said.microphone_on && !self.inflow.audio) || (pictures && !self.inflow.video)
        };
        self.is_up() && self.presence.their_media().is_some_and(lacks)
    }

    /// Whether nothing came lately although something should: faster than ICE, which waits for five seconds.
    fn is_stalled(&self) -> bool {
        let said = self.their_media();
        (said.microphone_on || said.camera_on) && !self.inflow.anything
    }

    /// Whether media speaks against what comes through the server about another connection: that is anybody's word. After half a
    /// second in which nothing came, where something should, it may well be true: then they moved to another network.
    fn holds_fast(&self) -> bool {
        let said = self.their_media();
        let lull = self.inflow.lull && (said.microphone_on || said.camera_on);
        self.flows() && !lull
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
            LeaveReason::Lost | LeaveReason::Removed => GONE_MAX,
        };
        Some(said_at.max(self.state.down_since()?) + wait)
    }

    pub(super) fn set_own_media(&mut self, media: MediaState, cx: &mut Context<'_>) {
        self.presence.set_own_media(media);
        self.settle(cx);
    }

    pub(super) fn set_own_hand(&mut self, raised: bool, cx: &mut Context<'_>) {
        self.presence.set_own_hand(raised);
        self.settle(cx);
    }

    /// Shows the other side a reaction, if they can see it now: later it would mean nothing.
    pub(super) fn react(&self, reaction: Reaction, cx: &mut Context<'_>) {
        if self.control_open && self.is_up() {
            cx.out
                .peer(PeerCommand::SendControl(ControlMessage::Reaction { reaction }));
        }
    }

    /// Whether they record.
    pub(super) fn they_record(&self) -> bool {
        self.recording.they_record()
    }

    /// What they said to this side's wish to record.
    pub(super) const fn may_record(&self) -> RecordingConsent {
        self.recording.consent()
    }

    /// Asks whether they may be recorded, or says that they are no more.
    pub(super) fn record(&mut self, on: bool, cx: &mut Context<'_>) {
        self.recording.wish(cx.now, on);
        self.settle(cx);
    }

    pub(super) fn allow_recording(&mut self, allowed: bool, cx: &mut Context<'_>) {
        self.recording.allow(allowed);
        self.settle(cx);
    }

    pub(super) fn on_timeout(&mut self, cx: &mut Context<'_>) {
        self.proofs.on_timeout(cx);
        self.recording.on_timeout(cx.now);
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
            self.recording.deadline(),
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
        self.announced_offer = None;
        self.screen_added = false;
        self.screen_sound_added = false;
        self.control_open = false;
        self.control_heard = false;
        self.retell_at = None;
        self.renewed = true;
        self.end_tracks(cx);
        self.open_connection(cx);
    }

    /// Replaces it of one's own accord, and says so.
    fn start_afresh(&mut self, cx: &mut Context<'_>) {
        self.renew(cx);
        cx.say(PeerMessage::Restart);
        if self.polite {
            self.negotiation.want_offer(false, cx);
        }
    }

    /// Replaces it because this machine is on another network now. Whoever moves offers, for nobody else knows of it.
    pub(super) fn move_over(&mut self, cx: &mut Context<'_>) {
        self.renew(cx);
        cx.say(PeerMessage::Restart);
        self.negotiation.want_offer(false, cx);
        self.settle(cx);
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

    /// What lasts is told again: the other side may not have heard it.
    fn retell(&mut self) {
        self.presence.retell();
        self.recording.retell();
    }

    /// What follows from the parts' new states.
    fn settle(&mut self, cx: &mut Context<'_>) {
        let may_come = !self.holds_fast() || self.held_offer.is(|sdp| self.is_announced(sdp));
        if may_come && let Some(taken) = self.held_offer.take(cx.now) {
            self.on_description(taken.from, SdpType::Offer, taken.sdp, cx);
            for candidate in taken.candidates {
                self.on_candidate(candidate, cx);
            }
        }
        let connected = self.state.is_connected();
        self.proofs.set_waiting(cx.now, connected && self.reachable);
        self.was_up |= self.is_up();
        while self.control_open
            && self.proofs.proven()
            && let Some(message) = self
                .presence
                .next_message()
                .or_else(|| self.recording.next_message())
        {
            cx.out.peer(PeerCommand::SendControl(message));
        }
        self.offer_screen(connected, cx);
    }

    fn is_announced(&self, offer: &str) -> bool {
        self.announced_offer
            .as_ref()
            .is_some_and(|announced| *announced == sdp::digest(offer))
    }

    /// The screen's track is added when there is something to show to somebody who can see it, and stays for the rest of the
    /// connection. So is that of what the computer plays.
    fn offer_screen(&mut self, connected: bool, cx: &mut Context<'_>) {
        let (own, Some(their)) = (self.presence.own_media(), self.presence.their_media()) else {
            return;
        };
        if !connected || !self.proofs.proven() {
            return;
        }
        if own.screen_on && their.takes_screen && !self.screen_added {
            self.screen_added = true;
            cx.out.peer(PeerCommand::AddScreen);
        }
        if own.screen_sound_on && their.takes_screen_sound && !self.screen_sound_added {
            self.screen_sound_added = true;
            cx.out.peer(PeerCommand::AddScreenSound);
        }
    }
}
