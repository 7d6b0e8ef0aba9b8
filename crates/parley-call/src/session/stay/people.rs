//! Who is in the room: who comes, who is away, who takes whose place, who is gone.

use super::Stay;
use crate::end::EndReason;
use crate::proof::ProofKey;
use crate::session::context::Context;
use crate::session::ice;
use crate::session::peer_link::PeerLink;
use crate::session::proof_exchange::Parties;
use crate::session::signaling::Joined;
use parley_proto::limits::NAME_CHARS_MAX;
use parley_proto::{ErrorCode, LeaveReason, Participant, ParticipantId, ServerMessage};
use std::time::Duration;

/// Somebody who leaves after so long without media leaves because there is none.
const HOPELESS_AFTER: Duration = Duration::from_secs(15);

impl Stay {
    pub(super) fn on_joined(&mut self, joined: Joined, cx: &mut Context<'_>) {
        self.times.joined.get_or_insert(cx.now);
        // Named anew each time, with fresh credentials.
        self.ice_servers = ice::usable(&joined.ice_servers, &self.server);
        if let Some(link) = &mut self.link {
            link.set_ice_servers(self.ice_servers.clone());
        }
        let (mine, others): (Vec<_>, Vec<_>) = joined
            .participants
            .into_iter()
            .partition(|participant| participant.id == joined.you);
        let Some(me) = mine.into_iter().next() else {
            cx.counters.malformed_from_server += 1;
            return self.signaling.ask_again_later(cx.now, cx.out);
        };
        let listens = me.listens || others.iter().any(|other| other.listens);
        self.know_myself(me, cx);
        // What differs from an open door is told again.
        self.told = super::DoorTold::default();
        self.note_everybody(&others, cx);
        if self.group.in_force() {
            return self.on_joined_group(cx);
        }
        // Two of whom one listens are a group too.
        if others.len() > 1 || listens {
            // A newcomer to a group meets nobody directly.
            self.expect_group(cx.now);
            return self.agree_with_roster();
        }
        self.meet_one_of(&others, cx);
    }

    /// The server says whom it knows now.
    fn note_everybody(&mut self, others: &[Participant], cx: &mut Context<'_>) {
        let before: Vec<ParticipantId> = self.roster.ids().collect();
        let shown = |person: &Participant| Participant {
            name: presentable(&person.name),
            ..person.clone()
        };
        self.roster.reset(others.iter().map(shown).collect());
        for gone in before.into_iter().filter(|id| !self.roster.has(*id)) {
            self.missing.note(cx.now, gone);
            self.group.forget(gone, cx);
        }
        for there in self.roster.ids() {
            self.missing.forget(there);
        }
    }

    /// It is a call of two after all.
    pub(super) fn meet_somebody(&mut self, cx: &mut Context<'_>) {
        let others = self.roster.everybody().to_vec();
        self.meet_one_of(&others, cx);
    }

    fn meet_one_of(&mut self, others: &[Participant], cx: &mut Context<'_>) {
        let known = self.other.as_ref().map(|other| other.id);
        let present = |other: &&Participant| Some(other.id) == known;
        let next = others
            .iter()
            .find(present)
            .or_else(|| others.iter().find(|other| !other.away))
            .or_else(|| others.first());
        match next {
            Some(other) => self.meet(other.clone(), cx),
            // After a restart of the server the other one may not be back yet: media tells whether they are there.
            None => self.set_away(true),
        }
    }

    pub(super) fn on_room(&mut self, message: ServerMessage, cx: &mut Context<'_>) {
        self.note_people(&message, cx);
        match message {
            ServerMessage::Topology { mode, number, ready } => self.on_topology(mode, number, ready, cx),
            ServerMessage::ParticipantReady { .. }
            | ServerMessage::SfuAnswer { .. }
            | ServerMessage::SfuClosed { .. }
            | ServerMessage::Publications { .. }
            | ServerMessage::LayersWanted { .. }
            | ServerMessage::Downs { .. }
            | ServerMessage::Speakers { .. }
            | ServerMessage::Offences { .. }
            | ServerMessage::Told { .. } => self.on_group_message(message, cx),
            message if self.group.in_force() => self.on_room_of_group(message, cx),
            ServerMessage::Participants { .. } => {}
            ServerMessage::ParticipantJoined { participant } => self.on_arrival(participant, cx),
            ServerMessage::ParticipantLeft {
                id,
                reason: LeaveReason::Removed,
            } if self.is_other(id) => self.on_removed(cx),
            ServerMessage::ParticipantLeft { id, reason } if self.is_other(id) => self.on_left(reason, cx),
            ServerMessage::ParticipantLeft { id, .. } if self.is_successor(id) => self.successor = None,
            ServerMessage::ParticipantAway { id } if self.is_successor(id) => self.set_successor_away(true),
            ServerMessage::ParticipantBack { id } if self.is_successor(id) => self.set_successor_away(false),
            ServerMessage::ParticipantAway { id } if self.is_other(id) => self.set_away(true),
            ServerMessage::ParticipantBack { id } if self.is_other(id) => {
                self.set_away(false);
                if let Some(other) = self.other.clone() {
                    self.meet(other, cx);
                }
            }
            ServerMessage::Signal { from, payload } if self.is_other(from) => self.on_signal(payload, cx),
            ServerMessage::Door(_)
            | ServerMessage::AtTheDoor { .. }
            | ServerMessage::RoleChanged { .. }
            | ServerMessage::ListensChanged { .. }
            | ServerMessage::MuteAsked { .. } => self.on_door(message, cx),
            ServerMessage::Error {
                code: ErrorCode::RecipientAway,
                ..
            } => self.set_away(true),
            ServerMessage::Error {
                code: ErrorCode::RecipientUnknown,
                ..
            } => cx.counters.stale += 1,
            ServerMessage::Error { .. } => cx.counters.out_of_order += 1,
            _ => cx.counters.stale += 1,
        }
    }

    pub(super) fn is_other(&self, id: ParticipantId) -> bool {
        self.other.as_ref().is_some_and(|other| other.id == id)
    }

    fn is_successor(&self, id: ParticipantId) -> bool {
        self.successor
            .as_ref()
            .is_some_and(|successor| successor.id == id)
    }

    fn set_successor_away(&mut self, away: bool) {
        if let Some(successor) = &mut self.successor {
            successor.away = away;
        }
    }

    pub(super) fn set_away(&mut self, away: bool) {
        if let Some(other) = &mut self.other {
            other.away = away;
        }
    }

    fn on_arrival(&mut self, newcomer: Participant, cx: &mut Context<'_>) {
        if self.roster.present() > 1 || newcomer.listens || self.listens() {
            return self.expect_group(cx.now);
        }
        let is_me = self.me.as_ref().is_some_and(|me| me.id == newcomer.id);
        let place_taken = !self.is_other(newcomer.id)
            && self.other.as_ref().is_some_and(|other| !other.away)
            && self
                .link
                .as_ref()
                .is_some_and(|link| link.is_connected() && !link.is_up());
        if is_me || place_taken {
            cx.counters.stale += 1;
            return;
        }
        self.meet(newcomer, cx);
    }

    /// Somebody is there: the one that was there, or a new one, who gets a connection of their own.
    pub(super) fn meet(&mut self, mut other: Participant, cx: &mut Context<'_>) {
        let (Some(me), Some(room)) = (&self.me, self.signaling.room()) else {
            return;
        };
        other.name = presentable(&other.name);
        // The orders of two never are the same; if they were, the ids would still agree on who is who.
        let polite = (me.order, me.id) > (other.order, other.id);
        let same = self
            .link
            .as_ref()
            .is_some_and(|link| link.other() == other.id && link.me() == me.id && link.is_polite() == polite);
        let (me, id, away) = (me.id, other.id, other.away);
        if same {
            self.other = Some(other);
            return;
        }
        if self.link.as_ref().is_some_and(PeerLink::is_up) {
            // Who is in the room is the server's word; who is at the other end was proven.
            cx.counters.stale += 1;
            self.set_away(true);
            self.successor = Some(other);
            return;
        }
        self.successor = None;
        self.other = Some(other);
        if let Some(mut old) = self.link.take() {
            self.generation = old.last_number();
            old.end_tracks(cx);
        }
        self.handover.reset();
        self.times.met.get_or_insert(cx.now);
        self.generation = self.generation.wrapping_add(1);
        let parties = Parties {
            key: ProofKey::derive(&self.secret, room),
            room,
            me,
            other: id,
            polite,
        };
        let mut link = PeerLink::open(
            parties,
            self.generation,
            self.ice_servers.clone(),
            self.own_media(),
            !away,
            cx,
        );
        link.set_own_hand(self.hand, cx);
        link.allow_recording(self.allow_recording, cx);
        self.link = Some(link);
    }

    fn on_left(&mut self, reason: LeaveReason, cx: &mut Context<'_>) {
        let hopeless = self
            .link
            .as_ref()
            .is_some_and(|link| !link.is_connected() && link.outage(cx.now) >= HOPELESS_AFTER);
        match (reason, &mut self.link) {
            (reason, Some(link)) if reason == LeaveReason::Lost || link.is_up() => {
                link.set_gone(cx.now, reason);
                self.set_away(true);
            }
            (LeaveReason::Left, _) if hopeless => cx.end = Some(EndReason::ConnectionFailed),
            (LeaveReason::Left, _) => cx.end = Some(EndReason::OtherLeft),
            (LeaveReason::Lost | LeaveReason::Removed, _) => self.other = None,
        }
    }

    /// Somebody is gone for good: the end of a call, or of waiting for one who was never really here.
    pub(super) fn notice_the_gone(&mut self, cx: &mut Context<'_>) {
        let reason = self.link.as_ref().and_then(|link| link.gone(cx.now));
        if let (Some(reason), Some(mut link)) = (reason, self.link.take_if(|_| reason.is_some())) {
            self.generation = link.last_number();
            link.close(false, cx);
            self.other = None;
            if link.was_up() {
                cx.end = Some(match reason {
                    LeaveReason::Left => EndReason::OtherLeft,
                    LeaveReason::Lost | LeaveReason::Removed => EndReason::OtherLost,
                });
            }
        }
    }
}

/// A name without characters that show nothing or turn the direction of others, and not too long: it comes from somebody else.
pub(super) fn presentable(name: &str) -> String {
    name.chars()
        .filter(|character| !parley_proto::chat::is_hidden(*character))
        .take(NAME_CHARS_MAX)
        .collect()
}
