//! What a host may do, and who is host next.

use super::errand::{Errand, RoomHappening};
use super::room::Presence;
use super::{ClientId, Output, Rooms, Seat};
use crate::access::{Banned, Password, PasswordHash, Source};
use crate::key::RoomKind;
use crate::time::Moment;
use parley_proto::limits::RESUME_LIFETIME_S;
use parley_proto::{CloseCode, ErrorCode, LeaveReason, ParticipantId, Role, RoomId, ServerMessage};
use std::time::Duration;

/// How long somebody who was put out is kept out of that room, by where they come from.
const REMOVED_FOR: Duration = Duration::from_secs(600);
/// The same for somebody who was sent away from the lobby, or whom the server put out by itself, who may share the address with others:
/// long enough that coming again and again is no fun.
pub(super) const REFUSED_FOR: Duration = Duration::from_secs(60);

impl Rooms {
    pub(super) fn admit(&mut self, now: Moment, client: ClientId, id: ParticipantId) {
        let Some(seat) = self.as_host(client) else { return };
        let waits = |lobby: &Vec<super::door::Waiter>| lobby.iter().any(|waiter| waiter.id == id);
        if !self.lobbies.get(&seat.room).is_some_and(waits) {
            return self.refuse(client, ErrorCode::RecipientUnknown);
        }
        if let Some(code) = self.full(now, client, seat.room, Role::Guest) {
            return self.refuse(client, code);
        }
        let Some(waiter) = self.take_waiter(seat.room, |waiter| waiter.id == id) else {
            return;
        };
        match self.may_use(now, waiter.client, &waiter.knock.ticket) {
            Ok(()) => self.step_in(now, waiter.client, &waiter.knock.ticket, waiter.knock.name),
            Err(code) => self.refuse(waiter.client, code),
        }
        self.tell_hosts_who_waits(seat.room);
    }

    pub(super) fn turn_away(&mut self, now: Moment, client: ClientId, id: ParticipantId) {
        let Some(seat) = self.as_host(client) else { return };
        let Some(waiter) = self.take_waiter(seat.room, |waiter| waiter.id == id) else {
            return self.refuse(client, ErrorCode::RecipientUnknown);
        };
        self.door_counts.not_admitted += 1;
        let source = self.source_of(waiter.client);
        self.keep_out(now, seat.room, source, None, REFUSED_FOR);
        self.put_out(waiter.client, ErrorCode::NotAdmitted);
        self.tell_hosts_who_waits(seat.room);
    }

    pub(super) fn set_door(
        &mut self,
        client: ClientId,
        locked: Option<bool>,
        lobby: Option<bool>,
        listen_from: Option<u16>,
    ) {
        let Some(seat) = self.as_host(client) else { return };
        self.change_door(seat, |door| {
            door.locked = locked.unwrap_or(door.locked);
            door.lobby = lobby.unwrap_or(door.lobby);
            door.listen_from = listen_from.unwrap_or(door.listen_from);
        });
    }

    pub(super) fn set_password(&mut self, now: Moment, client: ClientId, password: Option<String>) {
        let Some(seat) = self.as_host_of_the_room(client) else {
            return;
        };
        let Some(password) = password else {
            return self.change_door(seat, |door| door.password = None);
        };
        let Some(password) = Password::new(password) else {
            return self.refuse(client, ErrorCode::Malformed);
        };
        // Hashing costs as much as a try.
        if !self.hashing.has_room() || !self.changes.take(now, seat.room) {
            self.door_counts.password += 1;
            return self.refuse(client, ErrorCode::TooFast);
        }
        let salt = self.random();
        self.hashing.begin();
        self.errands.push(Errand::HashPassword {
            client,
            password,
            salt,
        });
    }

    /// What came of [`Errand::HashPassword`]; nothing where there was not enough memory. To be told of each one, also when its client
    /// is gone.
    pub fn password_hashed(&mut self, client: ClientId, hash: Option<PasswordHash>) -> Vec<Output> {
        self.hashing.end();
        // Who is gone or no host by now has no say any more.
        if self.seats.contains_key(&client)
            && let Some(seat) = self.as_host_of_the_room(client)
        {
            match hash {
                Some(hash) => self.change_door(seat, |door| door.password = Some(hash)),
                None => self.refuse(client, ErrorCode::Unavailable),
            }
        }
        std::mem::take(&mut self.outputs)
    }

    pub(super) fn put_out_of_room(&mut self, now: Moment, client: ClientId, id: ParticipantId) {
        let Some(seat) = self.as_host(client) else { return };
        let known = self.rooms.get(&seat.room).and_then(|room| room.member(id));
        if known.is_none() || id == seat.id {
            return self.refuse(client, ErrorCode::RecipientUnknown);
        }
        self.door_counts.removed += 1;
        self.expel(now, Seat { room: seat.room, id }, REMOVED_FOR);
    }

    /// Puts a member out of their room; whoever comes from where they came from is kept out for so long.
    pub(super) fn expel(&mut self, now: Moment, seat: Seat, how_long: Duration) {
        let id = seat.id;
        let member = self.rooms.get(&seat.room).and_then(|room| room.member(id));
        let Some((presence, source)) = member.map(|member| (member.presence, member.source)) else {
            return;
        };
        let for_good = Duration::from_secs(RESUME_LIFETIME_S);
        self.book
            .ban(now, Banned::Participant(seat.room, id), now + for_good);
        // Also of one who hung up a moment before.
        self.keep_out(now, seat.room, source, Some(id), how_long);
        match presence {
            Presence::Here(there) => {
                self.seats.remove(&there);
                self.put_out(there, ErrorCode::Removed);
            }
            Presence::Away { until } | Presence::Expected { until } => {
                self.deadlines.remove(&(until, seat.room, id));
            }
        }
        self.remove(now, seat.room, id, LeaveReason::Removed);
    }

    pub(super) fn ask_mute(&mut self, client: ClientId, id: Option<ParticipantId>) {
        let Some(seat) = self.as_host(client) else { return };
        let asked: Vec<ClientId> = self
            .present(seat.room, seat.id)
            .into_iter()
            .filter(|(_, other)| id.is_none_or(|id| id == *other))
            .map(|(client, _)| client)
            .collect();
        if asked.is_empty() && id.is_some() {
            return self.refuse(client, ErrorCode::RecipientUnknown);
        }
        self.send_all(asked, ServerMessage::MuteAsked { by: seat.id });
    }

    pub(super) fn end_for_all(&mut self, now: Moment, client: ClientId) {
        let Some(seat) = self.as_host(client) else { return };
        self.seats.remove(&client);
        self.outputs.push(Output::Close {
            client,
            code: CloseCode::Left,
        });
        self.end_room(now, seat.room, Some(seat.id));
    }

    /// Ends a call for everybody but one who knows. False when nobody is in it.
    pub(super) fn end_room(&mut self, now: Moment, room_id: RoomId, knows: Option<ParticipantId>) -> bool {
        self.part(room_id);
        let Some(room) = self.rooms.remove(&room_id) else {
            return false;
        };
        self.door_counts.ended += 1;
        self.book.keep_door(room_id, |door| door.ended = Some(now));
        for member in room.members() {
            self.depart(now, member.id);
            match member.presence {
                _ if knows == Some(member.id) => {}
                Presence::Here(there) => {
                    self.seats.remove(&there);
                    self.put_out(there, ErrorCode::Ended);
                }
                Presence::Away { until } | Presence::Expected { until } => {
                    self.deadlines.remove(&(until, room_id, member.id));
                }
            }
            let left = RoomHappening::Left {
                id: member.id,
                reason: LeaveReason::Left,
            };
            self.happened(now, room_id, left);
        }
        self.happened(now, room_id, RoomHappening::Ended);
        self.dismiss_lobby(room_id, ErrorCode::Ended);
        true
    }

    /// Where there is no host any more, whoever came first and is here becomes one.
    pub(super) fn find_host(&mut self, now: Moment, room_id: RoomId) {
        let Some(room) = self.rooms.get_mut(&room_id) else {
            return;
        };
        let Some(id) = room.next_host() else { return };
        if let Some(member) = room.member_mut(id) {
            member.lend_host();
        }
        let role = Role::Host;
        self.tell_everybody(room_id, ServerMessage::RoleChanged { id, role });
        if self.lobbies.contains_key(&room_id) {
            self.tell_hosts_who_waits(room_id);
        }
        self.let_the_host_speak(now, room_id, id);
    }

    /// The seat of a client that may do this; otherwise it is told that it may not.
    pub(super) fn as_host(&mut self, client: ClientId) -> Option<Seat> {
        let Some(seat) = self.seats.get(&client).copied() else {
            self.refuse(client, ErrorCode::NotJoined);
            return None;
        };
        let member = self.rooms.get(&seat.room).and_then(|room| room.member(seat.id));
        if member.is_none_or(|member| member.role != Role::Host) {
            self.door_counts.not_allowed += 1;
            self.refuse(client, ErrorCode::NotAllowed);
            return None;
        }
        Some(seat)
    }

    /// The same for what stays with a room by invitation when its call is over: whoever is host only because the host left may not
    /// shut those out who are invited.
    fn as_host_of_the_room(&mut self, client: ClientId) -> Option<Seat> {
        let seat = self.as_host(client)?;
        if self.is_host_of_the_room(seat) {
            return Some(seat);
        }
        self.door_counts.not_allowed += 1;
        self.refuse(client, ErrorCode::NotAllowed);
        None
    }

    fn is_host_of_the_room(&self, seat: Seat) -> bool {
        let member = self.rooms.get(&seat.room).and_then(|room| room.member(seat.id));
        self.stamp.kind(&seat.room) == Some(RoomKind::Open) || member.is_some_and(|member| !member.lent)
    }

    fn change_door(&mut self, seat: Seat, change: impl FnOnce(&mut super::door::RoomDoor)) {
        let room_id = seat.room;
        let lasts = self.is_host_of_the_room(seat);
        let Some(room) = self.rooms.get_mut(&room_id) else {
            return;
        };
        let before = room.door;
        change(&mut room.door);
        let door = room.door;
        if door == before {
            return;
        }
        if lasts && self.stamp.kind(&room_id) == Some(RoomKind::Invited) {
            self.book.keep_door(room_id, |kept| {
                kept.lobby = door.lobby;
                kept.password = door.password;
                // Also what the server would do by itself: it may be told something else tomorrow.
                if door.listen_from != before.listen_from {
                    kept.listen_from = Some(door.listen_from);
                }
            });
        }
        self.tell_everybody(room_id, ServerMessage::Door(door.told()));
    }

    /// Keeps out who comes from there, unless somebody in the room does too who is not the one that goes.
    fn keep_out(
        &mut self,
        now: Moment,
        room: RoomId,
        source: Option<Source>,
        goes: Option<ParticipantId>,
        how_long: Duration,
    ) {
        let Some(source) = source else { return };
        let shared = self
            .everybody_here(room)
            .iter()
            .any(|(client, id, _)| Some(*id) != goes && self.source_of(*client) == Some(source));
        if !shared {
            self.book.ban(now, Banned::FromRoom(room, source), now + how_long);
        }
    }

    pub(super) fn source_of(&self, client: ClientId) -> Option<Source> {
        self.sources.get(&client).copied()
    }
}
