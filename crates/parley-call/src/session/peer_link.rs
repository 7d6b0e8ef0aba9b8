//! The way to one other person: their numbers, negotiation, candidates, proof and health, put together. Owned by the
//! session; replaced as a whole when somebody else takes that person's place.

mod beside;
mod driven;
mod hearing;

use super::context::Context;
use super::held_offer::HeldOffer;
use super::leg::Leg;
use super::link_state::{LinkState, Remedy};
use super::presence::Presence;
use super::proof_exchange::Parties;
use super::rate::RateLimit;
use super::recording::Recording;
use super::second::Second;
use crate::end::{EndReason, SignalingFault};
use crate::ice::IceServer;
use crate::port::{Inflow, PeerCommand, TrackKind};
use crate::sdp;
use crate::snapshot::RecordingConsent;
use beside::Former;
use parley_proto::{
    ControlMessage, LeaveReason, MediaState, ParticipantId, PeerEnvelope, PeerMessage, Reaction, SdpType,
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
/// Second ones, beside one that is well.
const BESIDE_LIMIT: RateLimit = RateLimit::new(3, Duration::from_secs(5));
/// How often the other side is told that it talks to a connection that is gone.
const NOTICE_LIMIT: RateLimit = RateLimit::new(2, Duration::from_secs(1));

#[derive(Debug)]
pub(super) struct PeerLink {
    me: ParticipantId,
    other: ParticipantId,
    polite: bool,
    /// The connection that is used.
    leg: Leg,
    /// The one beside it, while the network changes.
    second: Option<Second>,
    /// The connection before, while what is still on its way over it is waited for.
    leaving: Option<Former>,
    /// The number of the last connection that there was.
    last_number: u32,
    held_offer: HeldOffer,
    state: LinkState,
    ice_servers: Vec<IceServer>,
    tracks: Vec<TrackKind>,
    /// Those of the connection before, which end unless they come over this one.
    tracks_before: Vec<TrackKind>,
    /// What came lately.
    inflow: Inflow,
    presence: Presence,
    recording: Recording,
    /// When what they were not told is told again.
    retell_at: Option<Instant>,
    /// The offer that the other side itself said is coming ([`sdp::digest`]): that word came over the proven connection.
    announced_offer: Option<String>,
    /// When another connection is made beside one that cannot be negotiated any more.
    mend_at: Option<Instant>,
    open_failures: u32,
    reachable: bool,
    was_up: bool,
    renewed: bool,
    gone: Option<(Instant, LeaveReason)>,
    fresh_limit: RateLimit,
    beside_limit: RateLimit,
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
            leg: Leg::new(generation, parties),
            second: None,
            leaving: None,
            last_number: generation,
            held_offer: HeldOffer::default(),
            state: LinkState::new(cx.now, polite, reachable),
            ice_servers,
            tracks: Vec::new(),
            tracks_before: Vec::new(),
            inflow: Inflow::default(),
            presence: Presence::new(own_media),
            recording: Recording::default(),
            retell_at: None,
            announced_offer: None,
            mend_at: None,
            open_failures: 0,
            reachable,
            was_up: false,
            renewed: false,
            gone: None,
            fresh_limit: FRESH_LIMIT,
            beside_limit: BESIDE_LIMIT,
            notice_limit: NOTICE_LIMIT,
        };
        link.open_connection(cx);
        if polite {
            link.leg.negotiation.want_offer(false, cx);
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
        self.leg.pairing.own()
    }

    /// The number of the last connection there was, used or not.
    pub(super) const fn last_number(&self) -> u32 {
        self.last_number
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
        self.leg.proofs.proven()
    }

    /// What comes over the connection that is used.
    pub(super) fn tracks(&self) -> &[TrackKind] {
        &self.tracks
    }

    /// Whether media can flow now.
    pub(super) fn is_up(&self) -> bool {
        self.state.is_connected() && self.leg.proofs.proven()
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
        self.flows() && !self.lulls()
    }

    /// Whether media flowed, and nothing came for half a second where something should.
    pub(super) fn lulls(&self) -> bool {
        let said = self.their_media();
        self.is_up() && self.inflow.lull && (said.microphone_on || said.camera_on)
    }

    /// Whether much of it is lost, for seconds already.
    pub(super) fn loses_much(&self) -> bool {
        self.flows() && self.inflow.lossy
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
        self.leg.envelope(message)
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
            self.leg.proofs.repeat(cx);
            if let Some(second) = &mut self.second {
                second.repeat(cx);
            }
            if self.polite && self.leg.negotiation.is_untouched() {
                self.leg.negotiation.want_offer(false, cx);
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
        if self.is_up() {
            self.say_once(ControlMessage::Reaction { reaction }, cx);
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
        self.leg.proofs.on_timeout(cx);
        self.recording.on_timeout(cx.now);
        if self.retell_at.take_if(|at| cx.now >= *at).is_some() {
            self.retell();
        }
        self.leg.negotiation.on_timeout(cx);
        if self.reachable {
            if self.leg.negotiation.repeat_at().is_some_and(|at| cx.now >= at) {
                self.repeat_offer(cx);
            }
            if self.awaits_first_offer() && self.state.in_step(cx.now) >= OFFER_MAX {
                self.leg.negotiation.want_offer(false, cx);
            }
        }
        if let Some(second) = &mut self.second {
            second.on_timeout(cx);
        }
        // What is mended by a second one is not mended beside that.
        let mends = self.second.is_none();
        match mends.then(|| self.state.due(cx.now)).flatten() {
            Some(Remedy::RestartIce) => {
                cx.counters.ice_restarts += 1;
                self.leg.negotiation.want_offer(true, cx);
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
        let repeat = self.leg.negotiation.repeat_at().filter(|_| self.reachable);
        let first_offer = self
            .state
            .step_reaches(OFFER_MAX)
            .filter(|_| self.awaits_first_offer());
        let parts = [
            repeat,
            self.leg.negotiation.retry_at(),
            self.mend_at.filter(|_| self.may_mend()),
            first_offer,
            self.gone_for_good_at(),
            self.retell_at,
            self.recording.deadline(),
            self.state.deadline().filter(|_| self.second.is_none()),
            self.second.as_ref().map(Second::deadline),
            self.leaving.map(|former| former.until),
            self.leg.proofs.deadline(),
        ];
        parts.into_iter().flatten().min()
    }

    /// Says goodbye on the way that is nearest.
    pub(super) fn close(&mut self, with_goodbye: bool, cx: &mut Context<'_>) {
        if with_goodbye && self.is_up() {
            self.say_once(ControlMessage::Bye, cx);
        }
        cx.out.peer(PeerCommand::Close);
        self.end_tracks(cx);
    }

    /// All tracks end, because somebody else takes this person's place.
    pub(super) fn end_tracks(&mut self, cx: &mut Context<'_>) {
        let before = std::mem::take(&mut self.tracks_before);
        let gone = before.into_iter().filter(|kind| !self.tracks.contains(kind));
        let gone: Vec<_> = gone.chain(self.tracks.iter().copied()).collect();
        self.tracks.clear();
        for kind in gone {
            cx.out.direct_track_ended(self.other, kind);
        }
    }

    const fn awaits_first_offer(&self) -> bool {
        !self.polite && self.leg.negotiation.is_untouched()
    }

    fn open_connection(&self, cx: &mut Context<'_>) {
        cx.counters.connections_opened += 1;
        cx.out.peer(PeerCommand::Open {
            generation: self.generation(),
            ice_servers: self.ice_servers.clone(),
        });
    }

    /// Replaces the connection by a fresh one.
    fn renew(&mut self, cx: &mut Context<'_>) {
        self.drop_beside(cx);
        let number = self.next_number();
        self.leg.renew(number);
        self.begin_anew(cx.now);
        self.end_tracks(cx);
        self.open_connection(cx);
    }

    const fn next_number(&mut self) -> u32 {
        self.last_number = self.last_number.wrapping_add(1);
        self.last_number
    }

    /// What is of the connection before is forgotten.
    fn begin_anew(&mut self, now: Instant) {
        self.held_offer = HeldOffer::default();
        self.inflow = Inflow::default();
        self.state.renew(now);
        self.announced_offer = None;
        self.mend_at = None;
        self.retell_at = None;
        self.renewed = true;
    }

    /// Replaces it of one's own accord, and says so.
    fn start_afresh(&mut self, cx: &mut Context<'_>) {
        self.renew(cx);
        cx.say(PeerMessage::Restart);
        if self.polite {
            self.leg.negotiation.want_offer(false, cx);
        }
    }

    /// Replaces it because this machine is on another network now. Whoever moves offers, for nobody else knows of it.
    pub(super) fn move_over(&mut self, cx: &mut Context<'_>) {
        self.renew(cx);
        cx.say(PeerMessage::Restart);
        self.leg.negotiation.want_offer(false, cx);
        self.settle(cx);
    }

    fn repeat(&mut self, cx: &mut Context<'_>) {
        if self.renewed && !self.leg.pairing.is_paired() {
            cx.say(PeerMessage::Restart);
        }
        self.leg.negotiation.repeat(cx);
        if !self.state.is_connected() {
            self.leg.repeat_candidates(cx);
        }
    }

    /// An own offer has no answer yet.
    fn repeat_offer(&mut self, cx: &mut Context<'_>) {
        if !self.flows() {
            self.repeat(cx);
        } else if self.leg.negotiation.mends() {
            // What it was to mend is well again, and for as long as it is the other side lets offers wait too.
            self.leg.negotiation.take_back(cx);
        } else if self.leg.negotiation.is_unanswered() {
            self.leg.negotiation.give_up(cx);
            self.mend_soon(cx.now);
        } else {
            // The word that it is ours may be what was lost.
            if let Some(offer) = self.leg.negotiation.offer() {
                self.leg.announce(offer, cx);
            }
            self.leg.negotiation.repeat(cx);
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
                self.leg.on_candidate(candidate, cx);
            }
        }
        self.settle_beside(cx);
        let connected = self.state.is_connected();
        self.leg.proofs.set_waiting(cx.now, connected && self.reachable);
        self.was_up |= self.is_up();
        while self.leg.may_say()
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
        if connected && self.leg.proofs.proven() {
            self.leg.add_tracks(self.presence.share_tracks(), cx);
        }
    }
}
