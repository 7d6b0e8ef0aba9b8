//! The way into a room: tickets, joining, coming back by token, and whose place a newcomer may have.

use super::room::{Member, Presence};
use super::{ClientId, GRACE, Output, Rooms, Seat, error};
use crate::name::tidy_name;
use crate::time::Moment;
use crate::token::Resume;
use parley_proto::limits::{RESUME_GRACE_S, TICKET_LIFETIME_S};
use parley_proto::{
    CloseCode, ErrorCode, LeaveReason, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN, Participant, ParticipantId,
    Role, RoomId, ServerMessage,
};
use std::time::Duration;

/// For how long after its start a server believes what tokens of its former life say about the others.
const RECOVERY: Duration = Duration::from_secs(2 * RESUME_GRACE_S);

impl Rooms {
    pub(super) fn request_ticket(
        &mut self,
        now: Moment,
        client: ClientId,
        version: u16,
        room: Option<RoomId>,
    ) {
        if !self.may_enter(client, version) {
            return;
        }
        let (room, role) = match room {
            None => {
                let random = self.random();
                (self.stamp.room(random), Role::Host)
            }
            Some(room) if self.stamp.is_ours(&room) => (room, Role::Guest),
            Some(_) => return self.refuse(client, ErrorCode::RoomUnknown),
        };
        if self.is_closed_to(room) {
            return self.refuse(client, ErrorCode::Unavailable);
        }
        if let Some(code) = self.full(now, room) {
            return self.refuse(client, code);
        }
        let nonce: [u8; 16] = self.random();
        // Who has not come in yet has no id that relays could count by; the ticket's own is as good.
        let ice_servers = self
            .ways
            .for_user(now, &ParticipantId::from_bytes(nonce).to_string());
        match self.tokens.ticket(now, room, role, nonce) {
            Some(ticket) => self.send(
                client,
                ServerMessage::Ticket {
                    room,
                    ticket,
                    expires_in_s: TICKET_LIFETIME_S,
                    ice_servers,
                },
            ),
            None => self.refuse(client, ErrorCode::Unavailable),
        }
    }

    pub(super) fn join(&mut self, now: Moment, client: ClientId, version: u16, ticket: &str, name: &str) {
        if !self.may_enter(client, version) {
            return;
        }
        let ticket = match self.tokens.read_ticket(now, ticket) {
            Ok(ticket) if !self.used.contains(&ticket) => ticket,
            Ok(_) => return self.refuse(client, ErrorCode::TicketInvalid),
            Err(code) => return self.refuse(client, code),
        };
        if let Some(code) = self.full(now, ticket.room) {
            return self.refuse(client, code);
        }
        if !self.has_room(now) || self.is_closed_to(ticket.room) {
            return self.refuse(client, ErrorCode::Unavailable);
        }
        self.make_place(now, ticket.room);
        self.used.insert(now, &ticket);
        let id = ParticipantId::from_bytes(self.random());
        let room = self.rooms.entry(ticket.room).or_default();
        let member = Member {
            id,
            name: tidy_name(name),
            role: ticket.role,
            order: room.next_order(now),
            presence: Presence::Here(client),
        };
        room.insert(now, member);
        let seat = Seat {
            room: ticket.room,
            id,
        };
        self.seats.insert(client, seat);
        self.welcome(now, client, seat, false);
        self.announce(now, seat);
    }

    /// Whether the server is about to stop and nobody is in this room: their call would not last.
    fn is_closed_to(&self, room: RoomId) -> bool {
        self.draining && !self.rooms.contains_key(&room)
    }

    /// Why nobody new can come into a room, if so.
    fn full(&self, now: Moment, room: RoomId) -> Option<ErrorCode> {
        let room = self.rooms.get(&room).filter(|room| !room.has_place(now))?;
        Some(if room.keeps_a_place() {
            ErrorCode::PlaceKept
        } else {
            ErrorCode::RoomFull
        })
    }

    /// Gives up someone who has been away for long, if there is no other place: most likely the newcomer is that same person,
    /// whose Parley ended without saying so.
    fn make_place(&mut self, now: Moment, room_id: RoomId) {
        let room = self.rooms.get(&room_id).filter(|room| room.is_full());
        if let Some((until, id)) = room.and_then(|room| room.long_away(now)) {
            self.deadlines.remove(&(until, room_id, id));
            self.remove(now, room_id, id, LeaveReason::Lost);
        }
    }

    pub(super) fn resume(&mut self, now: Moment, client: ClientId, version: u16, token: &str, name: &str) {
        if !self.may_enter(client, version) {
            return;
        }
        let resume = match self.tokens.read_resume(now, token) {
            Ok(resume) => resume,
            Err(code) => return self.refuse(client, code),
        };
        let seat = Seat {
            room: resume.room,
            id: resume.id,
        };
        let name = tidy_name(name);
        match self.member_mut(seat) {
            Some(member) => {
                let before = std::mem::replace(&mut member.presence, Presence::Here(client));
                member.name = name;
                self.seats.insert(client, seat);
                self.replace(seat, before);
                self.welcome(now, client, seat, true);
                self.tell_others(
                    seat.room,
                    seat.id,
                    &ServerMessage::ParticipantBack { id: seat.id },
                );
            }
            None => self.come_back(now, client, seat, &resume, name),
        }
    }

    /// Seats someone whom this server does not have (any more): it was restarted, or gave them up.
    fn come_back(&mut self, now: Moment, client: ClientId, seat: Seat, resume: &Resume, name: String) {
        if !self.has_room(now) {
            return self.refuse(client, ErrorCode::Unavailable);
        }
        let room = self.rooms.entry(seat.room).or_default();
        if room.has_left(seat.id) {
            return self.refuse(client, ErrorCode::ResumeInvalid);
        }
        // Someone only known from a token gives way to someone who is really here.
        let given_way = room.unconfirmed().filter(|_| room.is_full());
        if let Some((until, id)) = given_way {
            self.deadlines.remove(&(until, seat.room, id));
            self.remove(now, seat.room, id, LeaveReason::Lost);
        }
        let room = self.rooms.entry(seat.room).or_default();
        if room.is_full() {
            return self.refuse(client, ErrorCode::RoomFull);
        }
        room.insert(
            now,
            Member {
                id: seat.id,
                name,
                role: resume.role,
                order: resume.order,
                presence: Presence::Here(client),
            },
        );
        self.seats.insert(client, seat);
        if resume.run != self.run && now < self.started + RECOVERY {
            self.expect_others(now, seat.room, &resume.others);
        }
        self.welcome(now, client, seat, true);
        self.announce(now, seat);
    }

    /// After a restart: whom the token names is on the way back too, so they are away and not gone.
    fn expect_others(&mut self, now: Moment, room_id: RoomId, others: &[Participant]) {
        let until = now + GRACE;
        let Some(room) = self.rooms.get_mut(&room_id) else {
            return;
        };
        for other in others {
            if room.is_full() || room.member(other.id).is_some() || room.has_left(other.id) {
                continue;
            }
            room.insert(
                now,
                Member {
                    id: other.id,
                    name: tidy_name(&other.name),
                    role: other.role,
                    order: other.order,
                    presence: Presence::Expected { until },
                },
            );
            self.deadlines.insert((until, room_id, other.id));
        }
    }

    /// Ends the connection, or the waiting, that was before a participant came back.
    fn replace(&mut self, seat: Seat, before: Presence) {
        match before {
            Presence::Here(old) => {
                self.seats.remove(&old);
                self.send(old, error(ErrorCode::Replaced, true));
                self.outputs.push(Output::Close {
                    client: old,
                    code: CloseCode::Replaced,
                });
            }
            Presence::Away { until } | Presence::Expected { until } => {
                self.deadlines.remove(&(until, seat.room, seat.id));
            }
        }
    }

    /// Common to everything that comes before being in a room.
    fn may_enter(&mut self, client: ClientId, version: u16) -> bool {
        if self.seats.contains_key(&client) {
            self.refuse(client, ErrorCode::OutOfOrder);
            return false;
        }
        if !(PROTOCOL_VERSION_MIN..=PROTOCOL_VERSION).contains(&version) {
            self.send(client, error(ErrorCode::VersionMismatch, true));
            self.outputs.push(Output::Close {
                client,
                code: CloseCode::Refused,
            });
            return false;
        }
        true
    }

    /// Whether the server takes one more. Those who are here are never put out; when all places are taken, the one whose kept
    /// place runs out first gives way, so that nobody fills a server by coming in and vanishing.
    fn has_room(&mut self, now: Moment) -> bool {
        if self.seats.len() >= self.participants_max {
            return false;
        }
        if self.seats.len() + self.deadlines.len() >= self.participants_max
            && let Some((_, room, id)) = self.deadlines.pop_first()
        {
            self.remove(now, room, id, LeaveReason::Lost);
        }
        true
    }
}
