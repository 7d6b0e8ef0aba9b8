//! Who only listens in a room: who comes so, whom a host makes one, and how many places there are for each.
//!
//! A listener hears, sees, writes and raises a hand; what they send of sound and pictures the SFU leaves out, which is told by
//! [`Ask::Part`] before each of their offers. There are none in a call of two that goes directly: a room with one of them goes through the
//! SFU, and whoever is alone may speak. Deliberately absent: media, and how offences are counted.

use super::room::{Member, Room};
use super::{ClientId, Rooms, Seat};
use crate::sfu::{Ask, Part};
use crate::time::Moment;
use parley_proto::limits::{GROUP_LISTENERS_MAX, GROUP_PARTICIPANTS_MAX, ROOM_PARTICIPANTS_MAX};
use parley_proto::{ComesToListen, ErrorCode, Offence, ParticipantId, Role, RoomId, ServerMessage};

/// How many people of each kind a room takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) speakers: usize,
    /// Without any, everybody counts as one who speaks.
    pub(super) listeners: usize,
}

impl Places {
    /// A call of two.
    pub(super) const PAIR: Self = Self {
        speakers: ROOM_PARTICIPANTS_MAX,
        listeners: 0,
    };
}

/// What the server was told of listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ListenerTerms {
    /// In one room.
    pub(super) max: usize,
    /// From so many people on whoever comes listens, in rooms whose hosts said nothing of it; 0: nobody.
    pub(super) from: u16,
}

impl Member {
    /// What the SFU takes of them.
    pub(super) const fn part(&self) -> Part {
        match (self.listens, self.grouped.knows_listening) {
            (false, _) => Part::Speaks,
            (true, true) => Part::Listens,
            (true, false) => Part::ListensUnaware,
        }
    }
}

impl Rooms {
    /// The same with so many listeners in one room beside those who may speak, and from so many people on newcomers come as listeners
    /// where hosts say nothing of it (0: never).
    #[must_use]
    pub fn with_listeners(mut self, max: usize, from: u16) -> Self {
        self.groups.listeners = ListenerTerms {
            max: max.min(GROUP_LISTENERS_MAX),
            from,
        };
        self
    }

    /// Whether somebody who comes into this room now would only listen, and why.
    pub(super) fn comes_to_listen(&self, room: &Room, client: ClientId, role: Role) -> Option<ComesToListen> {
        let from = usize::from(room.door.listen_from);
        let places = self.places_in(room, client);
        let people = room.members().len();
        if places.listeners == 0 || people == 0 {
            return None;
        }
        if self.groups.abilities(client).only_listens {
            return Some(ComesToListen::Asked);
        }
        // Where nobody else may speak there is a place for one who listens.
        match role {
            Role::Host => None,
            Role::Guest if from == 0 => None,
            Role::Guest if people >= from => Some(ComesToListen::Many),
            Role::Guest => (people >= places.speakers).then_some(ComesToListen::Full),
        }
    }

    /// A host makes somebody a listener, or lets them speak.
    pub(super) fn set_listens(&mut self, now: Moment, client: ClientId, id: ParticipantId, listens: bool) {
        let Some(seat) = self.as_host(client) else { return };
        let Some(room) = self.rooms.get(&seat.room) else {
            return;
        };
        let Some(member) = room.member(id) else {
            return self.refuse(client, ErrorCode::RecipientUnknown);
        };
        if member.listens == listens {
            return;
        }
        let places = self.places_in(room, client);
        if listens && (places.listeners == 0 || room.members().len() < ROOM_PARTICIPANTS_MAX) {
            return self.refuse(client, ErrorCode::SfuUnavailable);
        }
        if room.is_full(places, listens) {
            return self.refuse(client, ErrorCode::RoomFull);
        }
        self.change_part(now, Seat { room: seat.room, id }, listens);
        self.arrange(now, seat.room);
    }

    /// Somebody only listens from now on, or may speak: everybody is told, and the SFU.
    fn change_part(&mut self, now: Moment, seat: Seat, listens: bool) {
        let Some(member) = self.member_mut(seat) else {
            return;
        };
        member.listens = listens;
        let in_sfu = member.grouped.in_sfu;
        // They may be away, or not have heard of it yet.
        let part = match member.part() {
            Part::Listens => Part::ListensUntold,
            part => part,
        };
        tracing::debug!(room = ?seat.room, participant = ?seat.id, listens, "another part");
        if in_sfu {
            self.ask_sfu(seat, Ask::Part(part));
        }
        let id = seat.id;
        self.tell_everybody(seat.room, ServerMessage::ListensChanged { id, listens });
        if !listens {
            self.name_to_older_clients(seat);
        }
        self.refresh_tokens_about(now, seat);
    }

    /// A client from before there were listeners may not know somebody who listened: there were too many. Now they may be seen and heard.
    fn name_to_older_clients(&mut self, seat: Seat) {
        let room = self.rooms.get(&seat.room);
        let Some(room) = room.filter(|room| room.members().len() > GROUP_PARTICIPANTS_MAX) else {
            return;
        };
        let unaware = |member: &&Member| member.id != seat.id && !member.grouped.knows_listening;
        let there: Vec<ClientId> = room
            .members()
            .iter()
            .filter(unaware)
            .filter_map(Member::here)
            .collect();
        if let Some(participant) = room.member(seat.id).map(Member::participant) {
            self.send_all(there, ServerMessage::ParticipantJoined { participant });
        }
    }

    /// Nobody is there any more to whom somebody who is left alone could listen, or who could let them speak.
    pub(super) fn let_the_last_one_speak(&mut self, now: Moment, room_id: RoomId) {
        let Some([last]) = self.rooms.get(&room_id).map(Room::members) else {
            return;
        };
        if last.listens {
            let seat = Seat {
                room: room_id,
                id: last.id,
            };
            self.change_part(now, seat, false);
        }
    }

    /// Whoever became host because nobody else was there may speak: nobody else could let them.
    pub(super) fn let_the_host_speak(&mut self, now: Moment, room_id: RoomId, id: ParticipantId) {
        let seat = Seat { room: room_id, id };
        if self.member_mut(seat).is_some_and(|member| member.listens) {
            self.change_part(now, seat, false);
        }
    }

    /// Before a listener's wish goes to the SFU: it is told that they are one, for it may have begun anew. A client that knows what that
    /// is publishes nothing.
    pub(super) fn note_listener(&mut self, now: Moment, seat: Seat, ask: &Ask) {
        let Some(member) = self.member_mut(seat) else {
            return;
        };
        let part = member.part();
        if part == Part::Speaks {
            return;
        }
        // Also where the next word of theirs is the one too many.
        member.grouped.in_sfu = true;
        let publishes = match ask {
            Ask::Offer { publish, .. } | Ask::Publish(publish) => !publish.is_empty(),
            _ => false,
        };
        match ask {
            // Whoever says that they send nothing knows that they listen.
            Ask::Offer { .. } | Ask::Publish(_) if !publishes => self.ask_sfu(seat, Ask::Part(part)),
            Ask::Offer { .. } if part == Part::Listens => self.ask_sfu(seat, Ask::Part(Part::ListensUntold)),
            Ask::Offer { .. } => self.ask_sfu(seat, Ask::Part(part)),
            _ => {}
        }
        if publishes && part == Part::Listens {
            self.misspeaks(now, seat, Offence::Upstream);
        }
    }
}
