//! A room of three and more, as far as it concerns who is there and the direct way to one of them. What goes through the SFU is
//! [`Group`]'s.
//!
//! A direct way that was up is kept when a group begins, and ends only once both are ready for the SFU: whoever cannot reach that still
//! hears the other. While there is a group, a direct way that fails ends nothing but itself.

use super::Stay;
use super::files::is_about_files;
use crate::end::{EndReason, SignalingFault};
use crate::port::LaneKind;
use crate::seal::WordKey;
use crate::session::context::Context;
use crate::session::group::{Around, Follow, Group, TOPOLOGY_MAX};
use crate::session::peer_link::PeerLink;
use crate::snapshot::{CallPhase, PersonSnapshot};
use bytes::Bytes;
use parley_proto::limits::PEOPLE_TOLD_AT_ONCE;
use parley_proto::{ErrorCode, Participant, ParticipantId, ServerMessage, TopologyMode};
use std::time::Instant;

impl Stay {
    /// The group, and what is around it.
    fn group_and_around(&mut self) -> (&mut Group, Around<'_>) {
        let around = Around {
            me: self.me.as_ref().map(|me| me.id),
            joined: self.signaling.is_joined(),
            roster: &self.roster,
            link: self.link.as_ref(),
            ice_servers: &self.ice_servers,
        };
        (&mut self.group, around)
    }

    /// The server says how media flows in this room.
    pub(super) fn on_topology(
        &mut self,
        mode: TopologyMode,
        number: u32,
        ready: Vec<ParticipantId>,
        cx: &mut Context<'_>,
    ) {
        let (Some(mode), Some(room)) = (
            self.group.take_topology(mode, number, ready),
            self.signaling.room(),
        ) else {
            cx.counters.stale += 1;
            return;
        };
        self.third_until = None;
        self.group.set_key(WordKey::derive(&self.secret, room));
        if !self.roster.is_empty() {
            self.times.met.get_or_insert(cx.now);
        }
        match mode {
            TopologyMode::Sfu => self.go_through_sfu(cx),
            _ => self.go_back(cx),
        }
    }

    fn go_through_sfu(&mut self, cx: &mut Context<'_>) {
        self.successor = None;
        let me = self.me.as_ref().map(|me| me.id);
        let kept = |link: &PeerLink| link.was_up() && Some(link.me()) == me && self.roster.has(link.other());
        if !self.link.as_ref().is_some_and(kept) {
            self.drop_link(cx);
        }
        self.group.go_through_sfu(&self.roster, cx);
        self.agree_with_roster();
    }

    fn go_back(&mut self, cx: &mut Context<'_>) {
        let alone_or_two = self.roster.len() <= 1;
        if !alone_or_two {
            cx.counters.out_of_order += 1;
            return;
        }
        self.group.go_back(cx);
        let Some(other) = self.roster.everybody().first().cloned() else {
            return;
        };
        if self.link.as_ref().is_some_and(|link| link.other() != other.id) {
            self.drop_link(cx);
        }
        self.meet(other, cx);
        if self.group.wants_to_record()
            && let Some(link) = &mut self.link
        {
            link.record(true, cx);
        }
    }

    /// Ends the direct way, and nothing else.
    pub(super) fn drop_link(&mut self, cx: &mut Context<'_>) {
        if let Some(mut link) = self.link.take() {
            self.generation = link.last_number();
            link.close(false, cx);
            self.handover.reset();
        }
        self.other = None;
        self.successor = None;
        cx.said.clear();
        cx.said_beside.clear();
    }

    /// A third one is there. Whether that is a group the server says next; until then nobody is met.
    pub(super) fn expect_group(&mut self, now: Instant) {
        self.third_until = Some(now + TOPOLOGY_MAX);
    }

    /// Whom the direct way leads to is away, or back, as everybody else. After a restart of the server they may not be back yet: media
    /// tells whether they are there.
    pub(super) fn agree_with_roster(&mut self) {
        if let Some(other) = &mut self.other {
            other.away = self.roster.get(other.id).is_none_or(|there| there.away);
        }
    }

    /// The server says who is in the room, of which it is about to say that it is a group.
    pub(super) fn on_joined_group(&mut self, cx: &mut Context<'_>) {
        self.group.expect(cx.now);
        let gone = |link: &PeerLink| !self.roster.has(link.other()) && !link.is_up();
        if self.link.as_ref().is_some_and(gone) {
            self.drop_link(cx);
        }
        self.agree_with_roster();
    }

    /// The server says something about the people of a group.
    pub(super) fn on_room_of_group(&mut self, message: ServerMessage, cx: &mut Context<'_>) {
        match message {
            ServerMessage::ParticipantJoined { participant } if self.roster.has(participant.id) => {
                self.group.welcome(&participant, cx);
                self.agree_with_roster();
            }
            // Right after coming back; how media flows is told next, and then all of them are welcomed.
            ServerMessage::Participants { .. } => self.agree_with_roster(),
            ServerMessage::ParticipantLeft { id, .. } if self.is_other(id) => self.drop_link(cx),
            ServerMessage::ParticipantLeft { .. } => {}
            ServerMessage::ParticipantAway { .. } => self.agree_with_roster(),
            ServerMessage::ParticipantBack { id } => {
                self.agree_with_roster();
                if let Some(person) = self.roster.get(id) {
                    self.group.welcome(person, cx);
                }
            }
            ServerMessage::Signal { from, payload } if is_about_files(&payload) => {
                self.on_pair_signal(from, payload, cx);
            }
            ServerMessage::Signal { from, payload } if self.is_other(from) => self.on_signal(payload, cx),
            ServerMessage::Door(_)
            | ServerMessage::AtTheDoor { .. }
            | ServerMessage::RoleChanged { .. }
            | ServerMessage::ListensChanged { .. }
            | ServerMessage::MuteAsked { .. } => self.on_door(message, cx),
            ServerMessage::Error { code, .. } => {
                self.group.on_refused(cx.now, code);
                cx.counters.out_of_order += u64::from(code != ErrorCode::SfuUnavailable);
            }
            _ => cx.counters.stale += 1,
        }
    }

    /// Keeps who is there up to date, in calls of two as well.
    pub(super) fn note_people(&mut self, message: &ServerMessage, cx: &mut Context<'_>) {
        match message {
            ServerMessage::ParticipantJoined { participant } => self.note_arrival(participant),
            ServerMessage::Participants { list } => {
                for participant in list.iter().take(PEOPLE_TOLD_AT_ONCE) {
                    self.note_arrival(participant);
                }
            }
            ServerMessage::ParticipantLeft { id, .. } => {
                self.missing.forget(*id);
                let was_there = self.roster.remove(*id);
                if was_there {
                    self.group.forget(*id, cx);
                }
            }
            ServerMessage::ParticipantAway { id } => self.roster.set_away(*id, true),
            ServerMessage::ParticipantBack { id } => self.roster.set_away(*id, false),
            _ => {}
        }
    }

    fn note_arrival(&mut self, participant: &Participant) {
        if self.me.as_ref().is_some_and(|me| me.id == participant.id) {
            return;
        }
        self.missing.forget(participant.id);
        let name = super::people::presentable(&participant.name);
        self.roster.add(Participant {
            name,
            ..participant.clone()
        });
    }

    /// The server says something that only groups know.
    pub(super) fn on_group_message(&mut self, message: ServerMessage, cx: &mut Context<'_>) {
        let (group, around) = self.group_and_around();
        group.on_server(message, around, cx);
    }

    /// Whether what is said once goes to everybody through the server.
    pub(super) fn says_by_words(&self) -> bool {
        let direct = self.link.as_ref().is_some_and(PeerLink::is_up);
        self.group.is_sfu() || self.group.in_force() && !direct
    }

    /// The app says something to somebody of a group, or to everybody.
    pub(super) fn on_frame(
        &mut self,
        to: Option<ParticipantId>,
        kind: LaneKind,
        frame: &Bytes,
        cx: &mut Context<'_>,
    ) {
        let (group, around) = self.group_and_around();
        group.say_frame(around, to, kind, frame, cx);
    }

    /// From when on the next of these is taken.
    pub(in crate::session) fn takes_frame_at(&self, now: Instant) -> Option<Instant> {
        self.group.takes_frame_at(now, self.signaling.is_joined())
    }

    /// What follows in a group, and for the direct way.
    pub(super) fn settle_group(&mut self, cx: &mut Context<'_>) {
        if self.group.in_force() && cx.end.as_ref().is_some_and(is_of_the_direct_way) {
            tracing::info!(reason = ?cx.end, "the direct way ended, and the group goes on");
            cx.end = None;
            self.drop_link(cx);
        }
        let (group, around) = self.group_and_around();
        match group.settle(around, cx) {
            Some(Follow::EndDirect) => self.drop_link(cx),
            Some(Follow::Over) => self.group.end(cx),
            Some(Follow::NoGroup) => {
                self.group.end(cx);
                self.meet_somebody(cx);
            }
            None => {}
        }
        if !self.group.in_force() && self.roster.len() <= 1 && self.missing.is_empty() {
            self.group.nobody_is_missing();
        }
        self.settle_pairs(cx);
        for message in std::mem::take(&mut cx.to_server) {
            let sent = self.signaling.send(message, cx.out);
            cx.counters.signals_dropped += u64::from(!sent);
        }
        if self.group.in_force() && self.group.is_hopeless(cx.now) && cx.end.is_none() {
            let fault = self.signaling.fault().unwrap_or(SignalingFault::Lost);
            cx.end = Some(EndReason::ServerUnreachable(fault));
        }
    }

    /// How far a call through the SFU is.
    pub(super) fn phase_of_group(&self) -> CallPhase {
        let link = self.link.as_ref();
        let was_up = self.group.first_up().is_some() || link.is_some_and(PeerLink::was_up);
        if self.roster.is_empty() {
            CallPhase::Waiting
        } else if self.group.is_up() || link.is_some_and(PeerLink::flows) {
            CallPhase::Connected
        } else if was_up {
            CallPhase::Reconnecting
        } else {
            CallPhase::Connecting
        }
    }

    pub(super) fn people_of_group(&self) -> Vec<PersonSnapshot> {
        let person = |person: &Participant| {
            let link = self.link.as_ref().filter(|link| link.other() == person.id);
            self.group.person(person, link)
        };
        self.roster.everybody().iter().map(person).collect()
    }
}

/// Whether that is the end of the direct way to one person: of a group, nothing else.
const fn is_of_the_direct_way(reason: &EndReason) -> bool {
    matches!(
        reason,
        EndReason::OtherLeft
            | EndReason::OtherLost
            | EndReason::ConnectionFailed
            | EndReason::NoConnection
            | EndReason::NoRelay
            | EndReason::NotGenuine(_)
            | EndReason::ServerUnreachable(_)
    )
}
