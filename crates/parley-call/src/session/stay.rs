//! One stay in one room: brings together the way to the server, the people and the way to the other one. The inside of
//! [`super::Session`], which adds the queue of outputs around it.

mod files;
mod grouping;
mod host;
mod listening;
mod people;

use super::SessionConfig;
use super::context::Context;
use super::group::Group;
use super::handover::{Handover, Move};
use super::io::{Input, SessionEvent};
use super::missing::Missing;
use super::pairs::Pairs;
use super::peer_link::PeerLink;
use super::rate::RateLimit;
use super::roster::Roster;
use super::signaling::{News, Signaling};
use crate::call::CallCommand;
use crate::end::EndReason;
use crate::ice::IceServer;
use crate::port::{PeerCommand, PeerEvent, PeerEventKind};
use crate::sfu_port::SfuCommand;
use crate::snapshot::{
    CallPhase, CallSnapshot, CallTimes, PersonSnapshot, RecordingConsent, RecordingRefusal,
};
use host::DoorTold;
use parley_proto::{
    ClientMessage, ErrorCode, JoinToken, Link, LinkSecret, MediaState, Participant, PeerEnvelope, Role,
    ServerAddress,
};
use serde_json::Value;
use std::time::{Duration, Instant};

/// Messages of the other side: so many at once, then one in so much time.
const PEER_MESSAGES: RateLimit = RateLimit::new(300, Duration::from_millis(20));
/// Without a place at the server nothing can be mended: media that stops, and has not come back by itself by then, is over.
const PLACELESS_MAX: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Stay {
    server: ServerAddress,
    secret: LinkSecret,
    invitation: Option<JoinToken>,
    signaling: Signaling,
    link_told: bool,
    /// That, and what the room's server said on entering.
    ice_servers: Vec<IceServer>,
    me: Option<Participant>,
    /// Everybody else, as the server says.
    roster: Roster,
    /// Who may come back to it.
    missing: Missing,
    /// With three and more of them.
    group: Group,
    /// The connections for files to some of them.
    pairs: Pairs,
    /// A third one is there: until then the server says that it is a group, or it is none.
    third_until: Option<Instant>,
    /// To whom the direct way leads.
    other: Option<Participant>,
    /// Somebody who would take the other's place, but media still goes on with the one who is there.
    successor: Option<Participant>,
    told: DoorTold,
    link: Option<PeerLink>,
    /// What follows from a change of this machine's network.
    handover: Handover,
    /// The number of the last peer connection there was.
    generation: u32,
    media: MediaState,
    hand: bool,
    allow_recording: bool,
    /// The last wish to record found nobody.
    nobody_to_record: bool,
    peer_messages: RateLimit,
    entered: bool,
    times: CallTimes,
    ended: Option<EndReason>,
}

impl Stay {
    pub(super) fn new(now: Instant, config: SessionConfig) -> Self {
        Self {
            signaling: Signaling::new(now, &config),
            server: config.server,
            secret: config.secret,
            invitation: config.invitation,
            link_told: false,
            ice_servers: Vec::new(),
            me: None,
            roster: Roster::default(),
            missing: Missing::default(),
            group: Group::new(config.seed, config.media),
            pairs: Pairs::default(),
            third_until: None,
            other: None,
            successor: None,
            told: DoorTold::default(),
            link: None,
            handover: Handover::default(),
            generation: 0,
            media: config.media,
            hand: false,
            allow_recording: false,
            nobody_to_record: false,
            peer_messages: PEER_MESSAGES,
            entered: false,
            times: CallTimes {
                started: Some(now),
                ..CallTimes::default()
            },
            ended: None,
        }
    }

    pub(super) const fn ended(&self) -> Option<&EndReason> {
        self.ended.as_ref()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.ended.is_some() {
            return None;
        }
        let link = self.link.as_ref().and_then(PeerLink::deadline);
        let parts = [
            self.signaling.deadline(),
            link,
            self.placeless_until(),
            self.handover.deadline(),
            self.group.deadline(self.signaling.is_joined()),
            self.pairs.deadline(),
            self.missing.deadline(),
            self.third_until,
        ];
        parts.into_iter().flatten().min()
    }

    pub(super) fn handle(&mut self, input: Input, cx: &mut Context<'_>) {
        match input {
            Input::Command(command) => self.on_command(command, cx),
            Input::Signaling { connection, event } => {
                let news = self
                    .signaling
                    .on_event(cx.now, connection, event, cx.out, cx.counters);
                self.on_news(news, cx);
                // What is the end of a stay is the end of what was said along with it.
                while cx.end.is_none()
                    && let Some(news) = self.signaling.on_more(cx.now, cx.out, cx.counters)
                {
                    self.on_news(news, cx);
                }
            }
            Input::Peer(event) => self.on_peer(event, cx),
            Input::Sfu(event) => self.group.on_event(event, cx),
            Input::Frame { to, kind, frame } => self.on_frame(to, kind, &frame, cx),
            Input::Pair { participant, event } => self.pairs.on_event(participant, event, cx),
            Input::PairEnded { participant } => self.pairs.on_ended(participant, cx),
            Input::DriverFailed(what) => cx.end = Some(EndReason::Internal(what)),
            Input::Timeout => {
                let news = self.signaling.on_timeout(cx.now, cx.out, cx.counters);
                self.on_news(news, cx);
                if let Some(link) = &mut self.link {
                    link.on_timeout(cx);
                }
                self.notice_the_gone(cx);
                self.group.on_timeout(cx.now);
                self.missing.on_timeout(cx.now);
                self.pairs.on_timeout(cx);
                if self.third_until.take_if(|until| cx.now >= *until).is_some() {
                    self.meet_somebody(cx);
                }
                if self.placeless_until().is_some_and(|until| cx.now >= until) {
                    cx.end = Some(taken_over());
                }
            }
        }
        self.finish_turn(cx);
    }

    pub(super) fn snapshot(&self) -> CallSnapshot {
        let person = |other: &Participant| {
            let link = self.link.as_ref();
            PersonSnapshot {
                id: other.id,
                name: other.name.clone(),
                role: other.role,
                away: other.away,
                listens: other.listens,
                media: link.map_or_else(MediaState::default, PeerLink::their_media),
                media_told: link.is_some_and(PeerLink::media_told),
                hand_raised: link.is_some_and(PeerLink::their_hand),
                recording: link.is_some_and(PeerLink::they_record),
                stalled: link.is_some_and(PeerLink::lacks_something),
                proven: link.is_some_and(PeerLink::proven),
            }
        };
        CallSnapshot {
            phase: self.phase(),
            signaling: self.signaling.phase(),
            signaling_fault: self.signaling.fault(),
            link: self.link_to_send(),
            me: self.me.as_ref().map(|me| me.id),
            role: self.role(),
            listens: self.listens(),
            entrance: self.signaling.entrance(),
            comes_to_listen: self.signaling.comes_to_listen(),
            door: self.told.door,
            waiting: self.told.waiting.clone(),
            people: if self.group.in_force() {
                self.people_of_group()
            } else {
                self.other.iter().map(person).collect()
            },
            missing: self.missing.ids().collect(),
            times: self.times,
            connected_at: self
                .times
                .proven
                .max(self.times.connected)
                .filter(|_| self.times.up())
                .or(self.group.first_up()),
            recording: self.recording(),
            offences: self.group.offences(self.me.as_ref()),
            spotlight: self.group.spotlight(self.me.as_ref(), &self.roster),
            group: self.group.snapshot(),
            ended: self.ended.clone(),
        }
    }

    fn phase(&self) -> CallPhase {
        if self.ended.is_some() {
            return CallPhase::Ended;
        }
        if !self.entered {
            return CallPhase::GreenRoom;
        }
        if !self.signaling.was_joined() {
            return CallPhase::Joining;
        }
        if self.group.in_force() {
            return self.phase_of_group();
        }
        match &self.link {
            None => CallPhase::Waiting,
            Some(link) if link.flows() => CallPhase::Connected,
            Some(link) if link.was_up() => CallPhase::Reconnecting,
            Some(_) => CallPhase::Connecting,
        }
    }

    fn recording(&self) -> RecordingConsent {
        if self.nobody_to_record {
            return RecordingConsent::Refused(RecordingRefusal::NobodyThere);
        }
        if self.group.in_force() {
            return self.group.consent();
        }
        let link = self.link.as_ref();
        link.map_or(RecordingConsent::Unasked, PeerLink::may_record)
    }

    /// A wish to record is about whoever is there now.
    fn record(&mut self, on: bool, cx: &mut Context<'_>) {
        let grouped = self.group.in_force() && !self.roster.is_empty();
        let link = self.link.as_mut().filter(|link| !on || link.is_up());
        self.nobody_to_record = on && link.is_none() && !grouped;
        self.group.record(cx.now, on && !self.nobody_to_record);
        if let Some(link) = link {
            link.record(on, cx);
        }
    }

    fn link_to_send(&self) -> Option<Link> {
        Some(Link {
            server: self.server.clone(),
            room: self.signaling.room()?,
            secret: self.secret.clone(),
            invitation: self.invitation.clone(),
        })
    }

    fn on_command(&mut self, command: CallCommand, cx: &mut Context<'_>) {
        match command {
            CallCommand::SetName(name) => self.signaling.set_name(name),
            CallCommand::Enter => {
                self.entered = true;
                self.times.entered.get_or_insert(cx.now);
                self.signaling.enter(cx.now, cx.out);
            }
            CallCommand::SetMediaState(media) => {
                self.media = media;
                self.tell_own_media(cx);
            }
            CallCommand::Limit(limits) => {
                cx.out.peer(PeerCommand::Limit(limits));
                cx.out.sfu(SfuCommand::Limit(limits));
            }
            CallCommand::RaiseHand(raised) => {
                self.hand = raised;
                self.group.set_own_hand(raised);
                if let Some(link) = &mut self.link {
                    link.set_own_hand(raised, cx);
                }
            }
            CallCommand::React(reaction) if self.says_by_words() => self.group.react(reaction, cx),
            CallCommand::React(reaction) => {
                if let Some(link) = &self.link {
                    link.react(reaction, cx);
                }
            }
            CallCommand::AllowRecording(allowed) => {
                self.allow_recording = allowed;
                self.group.allow_recording(allowed);
                if let Some(link) = &mut self.link {
                    link.allow_recording(allowed, cx);
                }
            }
            CallCommand::Record(on) => self.record(on, cx),
            CallCommand::Password(password) => self.signaling.try_password(cx.now, password, cx.out),
            CallCommand::Admit(id) => self.as_host(ClientMessage::Admit { id }, cx),
            CallCommand::Refuse(id) => self.as_host(ClientMessage::Refuse { id }, cx),
            CallCommand::Lock(locked) => {
                let locked = Some(locked);
                self.set_door(locked, None, None, cx);
            }
            CallCommand::Lobby(lobby) => {
                let lobby = Some(lobby);
                self.set_door(None, lobby, None, cx);
            }
            CallCommand::ListenFrom(people) => self.set_door(None, None, Some(people), cx),
            CallCommand::SetListens { id, listens } => {
                self.as_host(ClientMessage::SetListens { id, listens }, cx);
            }
            CallCommand::SetPassword(password) => self.as_host(ClientMessage::SetPassword { password }, cx),
            CallCommand::Remove(id) => self.as_host(ClientMessage::Remove { id }, cx),
            CallCommand::AskMute(id) => self.as_host(ClientMessage::AskMute { id }, cx),
            CallCommand::Spotlight(spotlight) => {
                let may = self.role() == Some(Role::Host);
                self.group.put_in_spotlight(spotlight, may, cx);
            }
            CallCommand::Look(looks) => self.group.look(looks),
            CallCommand::FileWays(ways) => self.pairs.wish(cx.now, ways),
            CallCommand::EndForAll => self.end_for_all(cx),
            CallCommand::Leave => cx.end = Some(EndReason::HungUp),
        }
    }

    fn on_peer(&mut self, event: PeerEvent, cx: &mut Context<'_>) {
        match &mut self.link {
            Some(link) if link.generation() == event.generation => match event.kind {
                PeerEventKind::NetworkChanged(change) => {
                    if !change.in_use && change.reaches_others && link.second_number().is_some() {
                        // What is on its way to the other network needs the server, whose connection was on this one.
                        self.signaling.come_back_now(cx.now, cx.out);
                    }
                    self.handover.on_change(cx.now, change);
                }
                kind => link.on_event(kind, cx),
            },
            Some(link) if link.second_number() == Some(event.generation) => {
                link.on_event_beside(event.kind, cx);
            }
            Some(link) if link.former_number() == Some(event.generation) => {
                link.on_event_of_former(&event.kind, cx);
            }
            // What a replaced connection still says. Only its failures are worth a number.
            _ => {
                let failed = matches!(event.kind, PeerEventKind::CommandFailed { .. });
                cx.counters.peer_failures += u64::from(failed);
            }
        }
    }

    fn on_news(&mut self, news: Option<News>, cx: &mut Context<'_>) {
        match news {
            None | Some(News::Lost) => {}
            Some(News::Ticket) => {
                self.times.ticket.get_or_insert(cx.now);
                if !self.link_told
                    && let Some(link) = self.link_to_send()
                {
                    self.link_told = true;
                    cx.out.event(SessionEvent::Ready(link));
                }
            }
            Some(News::Joined(joined)) => self.on_joined(joined, cx),
            Some(News::Room(message)) => self.on_room(message, cx),
            Some(News::Refused(reason)) => {
                if self.link.as_ref().is_some_and(PeerLink::is_up) || self.group.is_up() {
                    self.signaling.ask_again_later(cx.now, cx.out);
                } else {
                    cx.end = Some(reason);
                }
            }
            Some(News::TakenOver) => {
                if self.link.as_ref().is_some_and(PeerLink::is_up) {
                    self.signaling.stand_aside(cx.now, cx.out);
                } else {
                    cx.end = Some(taken_over());
                }
            }
            Some(News::End(reason)) => cx.end = Some(reason),
        }
    }

    /// When a call is over whose place at the server somebody else has.
    fn placeless_until(&self) -> Option<Instant> {
        let link = self.link.as_ref().filter(|_| self.signaling.is_taken_over())?;
        Some(link.down_since()? + PLACELESS_MAX)
    }

    fn on_signal(&mut self, payload: Value, cx: &mut Context<'_>) {
        let Some(link) = &mut self.link else {
            cx.counters.stale += 1;
            return;
        };
        if !self.peer_messages.allow(cx.now) {
            cx.counters.flooded += 1;
            return;
        }
        match serde_json::from_value::<PeerEnvelope>(payload) {
            Ok(envelope) => link.on_message(envelope, cx),
            Err(error) => {
                cx.counters.malformed_from_peer += 1;
                tracing::debug!(%error, "unreadable message of the other side");
            }
        }
    }

    /// Goes over to another network, once that is due.
    fn move_over(&mut self, cx: &mut Context<'_>) {
        if let Some(link) = &self.link {
            self.handover.on_connection(link.generation());
        }
        let up = self.link.as_ref().is_some_and(PeerLink::is_up);
        if self.link.as_ref().is_some_and(PeerLink::lulls) {
            self.handover.on_lull(cx.now);
        }
        let silent = |link: &PeerLink| link.was_up() && !link.flows();
        if self.link.as_ref().is_some_and(silent) {
            self.handover.on_silence(cx.now);
        }
        if self.link.as_ref().is_some_and(PeerLink::loses_much) {
            self.handover.on_loss(cx.now);
        }
        let beside = self.link.as_ref().is_some_and(|link| {
            if self.handover.hurries() {
                // One that they wanted may be on addresses that are gone.
                link.is_onwards_since(self.handover.changed())
            } else {
                link.second_number().is_some()
            }
        });
        match (self.handover.due(cx.now, up, beside), &mut self.link) {
            (Some(Move::Beside), Some(link)) if up => link.begin_beside(cx),
            (Some(_), link) => {
                cx.counters.handovers += 1;
                // The way to the server went over the same network.
                self.signaling.come_back_now(cx.now, cx.out);
                if let Some(link) = link {
                    link.move_over(cx);
                }
            }
            (None, _) => {}
        }
    }

    /// What follows from a turn: who can be told things now, what is told, and whether that was all.
    fn finish_turn(&mut self, cx: &mut Context<'_>) {
        self.move_over(cx);
        if !self.link.as_ref().is_some_and(PeerLink::is_up)
            && !self.group.in_force()
            && let Some(successor) = self.successor.take()
        {
            self.meet(successor, cx);
        }
        let reachable = self.signaling.is_joined() && self.other.as_ref().is_some_and(|other| !other.away);
        if let Some(link) = &mut self.link {
            link.set_reachable(reachable, cx);
            self.times.note(cx.now, link.is_connected(), link.proven());
        }
        self.settle_group(cx);
        self.flush(reachable, cx);
        if std::mem::take(&mut cx.moved) {
            // Before the network that was left is gone too.
            self.signaling.come_back_now(cx.now, cx.out);
        }
        if let Some(reason) = cx.end.take() {
            self.end(reason, cx);
        }
    }

    fn flush(&mut self, reachable: bool, cx: &mut Context<'_>) {
        let (said, beside) = (std::mem::take(&mut cx.said), std::mem::take(&mut cx.said_beside));
        let Some(link) = &self.link else { return };
        let said = said.into_iter().map(|message| link.envelope(message));
        for envelope in said.chain(beside) {
            let payload = serde_json::to_value(envelope);
            let sent = match payload {
                // What cannot be told now is said again when it can.
                Ok(payload) if reachable => {
                    let to = link.other();
                    self.signaling.send(ClientMessage::Signal { to, payload }, cx.out)
                }
                _ => false,
            };
            cx.counters.signals_dropped += u64::from(!sent);
        }
    }

    fn end(&mut self, reason: EndReason, cx: &mut Context<'_>) {
        let reason = match reason {
            // The server is there, the other one is not.
            EndReason::ServerUnreachable(_) if self.signaling.is_joined() => EndReason::OtherLost,
            reason => reason,
        };
        // The server first: its goodbye waits for nobody, and frees the place.
        self.signaling.finish(cx.out);
        if let Some(mut link) = self.link.take() {
            link.close(reason == EndReason::HungUp, cx);
        }
        self.group.end(cx);
        self.pairs.close_all(cx);
        cx.out.event(SessionEvent::Ended(reason.clone()));
        self.ended = Some(reason);
    }
}

/// The end of a call whose place at the server somebody else has.
const fn taken_over() -> EndReason {
    EndReason::Refused {
        code: ErrorCode::Replaced,
        message: String::new(),
    }
}
