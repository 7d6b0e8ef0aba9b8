//! The way into a room: tickets, joining, and whose place a newcomer may have.

use super::door::Knock;
use super::errand::RoomHappening;
use super::groups::Grouped;
use super::room::{Member, Presence, Room};
use super::{ClientId, Output, Rooms, Seat, error};
use crate::key::RoomKind;
use crate::name::tidy_name;
use crate::time::Moment;
use crate::token::Ticket;
use parley_proto::limits::TOKEN_BYTES_MAX;
use parley_proto::{
    CloseCode, ErrorCode, LeaveReason, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN, ParticipantId, Role, RoomId,
    ServerMessage,
};

/// What somebody says who wants to come in.
#[derive(Debug)]
pub(super) struct JoinAsk<'a> {
    pub(super) ticket: &'a str,
    pub(super) name: &'a str,
    pub(super) password: Option<String>,
    pub(super) waits: bool,
}

impl Rooms {
    pub(super) fn request_ticket(
        &mut self,
        now: Moment,
        client: ClientId,
        version: u16,
        room: Option<RoomId>,
        invitation: Option<&str>,
    ) {
        if !self.may_enter(client, version) {
            return;
        }
        let nonce = self.random();
        let ticket = match room {
            None => {
                let random = self.random();
                Some(Ticket::new(now, self.stamp.room(random), Role::Host, nonce))
            }
            Some(room) => self.right_to(now, client, room, invitation, nonce),
        };
        let Some(ticket) = ticket else {
            self.door_counts.unknown += 1;
            return self.refuse(client, ErrorCode::RoomUnknown);
        };
        if ticket.role != Role::Host && self.book.just_ended(now, ticket.room) {
            return self.refuse(client, ErrorCode::Ended);
        }
        if self.is_closed_to(ticket.room) {
            return self.refuse(client, ErrorCode::Unavailable);
        }
        if let Some(code) = self.full(now, client, ticket.room, ticket.role) {
            return self.refuse(client, code);
        }
        // Who has not come in yet has no id that relays could count by; the ticket's own is as good.
        let ice_servers = self
            .ways
            .for_user(now, &ParticipantId::from_bytes(nonce).to_string());
        let there = self.rooms.get(&ticket.room);
        let listens = there.and_then(|room| self.comes_to_listen(room, client, ticket.role));
        match self.tokens.ticket(&ticket) {
            Some(text) => self.send(
                client,
                ServerMessage::Ticket {
                    room: ticket.room,
                    ticket: text,
                    expires_in_s: ticket.exp.saturating_sub(now.unix_s()),
                    ice_servers,
                    listens,
                },
            ),
            None => self.refuse(client, ErrorCode::Unavailable),
        }
    }

    /// The ticket that somebody may have for a room, if any. All of it is looked at in any case, so that no answer comes sooner than
    /// another: neither the words nor the time tell a room that is not there from one that is closed to somebody.
    fn right_to(
        &mut self,
        now: Moment,
        client: ClientId,
        room: RoomId,
        invitation: Option<&str>,
        nonce: [u8; 16],
    ) -> Option<Ticket> {
        let kind = self.stamp.kind(&room);
        let banned = self.book.is_banned(now, room, self.source_of(client));
        let token = invitation
            .filter(|token| token.len() <= TOKEN_BYTES_MAX)
            .unwrap_or("none");
        let invited = self.book.find_invitation(now, room, token);
        let foreign = self.book.read_ticket(now, &self.key, token).and_then(Result::ok);
        if banned {
            self.door_counts.banned += 1;
        }
        let kind = kind.filter(|_| !banned)?;
        if let Some(ticket) = foreign {
            // It stays the same ticket, good for one join, and as long as it was.
            return Some(ticket).filter(|ticket| ticket.room == room && !self.used.contains(ticket));
        }
        if let Some((id, role)) = invited {
            let mut ticket = Ticket::new(now, room, role, nonce);
            ticket.invitation = Some(id);
            return Some(ticket);
        }
        (kind == RoomKind::Open).then(|| Ticket::new(now, room, Role::Guest, nonce))
    }

    pub(super) fn join(&mut self, now: Moment, client: ClientId, version: u16, ask: JoinAsk<'_>) {
        if !self.may_enter(client, version) {
            return;
        }
        let ticket = match self.read_ticket(now, ask.ticket) {
            Ok(ticket) => ticket,
            Err(code) => {
                self.door_counts.bad_tickets += 1;
                return self.refuse(client, code);
            }
        };
        if let Err(code) = self.may_use(now, client, &ticket) {
            return self.refuse(client, code);
        }
        if let Some(code) = self.full(now, client, ticket.room, ticket.role) {
            return self.refuse(client, code);
        }
        let name = tidy_name(ask.name);
        if ticket.role == Role::Host {
            return self.step_in(now, client, &ticket, name);
        }
        let waits = ask.waits;
        self.knock(now, client, Knock { ticket, name, waits }, ask.password);
    }

    /// A ticket of this server, or of an operator's backend that it knows.
    fn read_ticket(&self, now: Moment, text: &str) -> Result<Ticket, ErrorCode> {
        let Some(foreign) = self.book.read_ticket(now, &self.key, text) else {
            return self.tokens.read_ticket(now, text);
        };
        let ticket = foreign?;
        if self.stamp.is_ours(&ticket.room) {
            Ok(ticket)
        } else {
            Err(ErrorCode::TicketInvalid)
        }
    }

    /// Whether a genuine ticket (still) lets this client in. Asked anew after everything that took time.
    pub(super) fn may_use(
        &mut self,
        now: Moment,
        client: ClientId,
        ticket: &Ticket,
    ) -> Result<(), ErrorCode> {
        let revoked = ticket.invitation.is_some_and(|id| !self.book.is_invited(now, id))
            || ticket.key.is_some_and(|id| !self.book.is_key(id));
        if revoked || self.used.contains(ticket) {
            self.door_counts.bad_tickets += 1;
            return Err(ErrorCode::TicketInvalid);
        }
        if self.book.is_banned(now, ticket.room, self.source_of(client)) {
            self.door_counts.banned += 1;
            return Err(ErrorCode::RoomUnknown);
        }
        if ticket.role != Role::Host && self.book.just_ended(now, ticket.room) {
            return Err(ErrorCode::Ended);
        }
        if !self.used.has_room(now, ticket) {
            return Err(ErrorCode::Unavailable);
        }
        Ok(())
    }

    /// Seats somebody who may come in, and uses their ticket up.
    pub(super) fn step_in(&mut self, now: Moment, client: ClientId, ticket: &Ticket, name: String) {
        if let Some(code) = self.full(now, client, ticket.room, ticket.role) {
            return self.refuse(client, code);
        }
        if !self.has_room(now) || self.is_closed_to(ticket.room) {
            return self.refuse(client, ErrorCode::Unavailable);
        }
        self.make_place(now, client, ticket);
        self.used.insert(now, ticket);
        if let Some(id) = ticket.invitation {
            self.book.use_invitation(id);
        }
        if ticket.once {
            self.book.ticket_used(ticket);
        }
        let id = ParticipantId::from_bytes(self.random());
        let source = self.source_of(client);
        let mut grouped = Grouped::default();
        grouped.learn(&self.groups, client);
        let open = self.stamp.kind(&ticket.room) == Some(RoomKind::Open);
        let room = self.rooms.get(&ticket.room);
        let listens = room.and_then(|room| self.comes_to_listen(room, client, ticket.role));
        let room = self.begin(ticket.room);
        let first = room.members().is_empty();
        let mut member = Member {
            id,
            name,
            role: ticket.role,
            lent: false,
            order: room.next_order(now),
            presence: Presence::Here(client),
            listens: listens.is_some(),
            source,
            grouped,
        };
        // A call that everybody left and somebody opens again by its link would have no host ever.
        if first && open && member.role != Role::Host {
            member.lend_host();
        }
        let role = member.role;
        room.insert(now, member);
        let seat = Seat {
            room: ticket.room,
            id,
        };
        self.seats.insert(client, seat);
        if first {
            self.happened(now, seat.room, RoomHappening::Started);
        }
        self.happened(now, seat.room, RoomHappening::Joined { id, role });
        self.welcome(now, client, seat, false);
        self.announce(now, seat);
        self.arrange(now, seat.room);
    }

    /// The room, begun if it is empty.
    pub(super) fn begin(&mut self, id: RoomId) -> &mut Room {
        let door = self.door(id);
        self.rooms.entry(id).or_insert_with(|| Room::behind(door))
    }

    /// Whether the server is about to stop and nobody is in this room: their call would not last.
    fn is_closed_to(&self, room: RoomId) -> bool {
        self.draining && !self.rooms.contains_key(&room)
    }

    /// Why nobody new can come into a room, if so.
    pub(super) fn full(&self, now: Moment, client: ClientId, room: RoomId, role: Role) -> Option<ErrorCode> {
        let room = self.rooms.get(&room)?;
        let listens = self.comes_to_listen(room, client, role).is_some();
        if room.has_place(now, self.places_in(room, client), listens) {
            return None;
        }
        Some(if room.keeps_a_place() {
            ErrorCode::PlaceKept
        } else {
            ErrorCode::RoomFull
        })
    }

    /// Gives up someone who has been away for long, if there is no other place: most likely the newcomer is that same person,
    /// whose Parley ended without saying so.
    fn make_place(&mut self, now: Moment, client: ClientId, ticket: &Ticket) {
        let room_id = ticket.room;
        let Some(room) = self.rooms.get(&room_id) else {
            return;
        };
        let (places, listens) = (
            self.places_in(room, client),
            self.comes_to_listen(room, client, ticket.role).is_some(),
        );
        let gives_way = if room.is_pair() {
            // Nor is a group made of two people and one who was there before.
            room.long_away(now, |_| true)
        } else if room.is_full(places, listens) {
            room.gives_way(now, places, listens)
        } else {
            None
        };
        if let Some((until, id)) = gives_way {
            self.deadlines.remove(&(until, room_id, id));
            self.remove(now, room_id, id, LeaveReason::Lost);
        }
    }

    /// Common to everything that comes before being in a room.
    pub(super) fn may_enter(&mut self, client: ClientId, version: u16) -> bool {
        let busy = self.waiting.contains_key(&client) || self.checking.contains_key(&client);
        if busy || self.seats.contains_key(&client) {
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
    pub(super) fn has_room(&mut self, now: Moment) -> bool {
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
