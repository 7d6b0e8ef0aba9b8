//! Coming back by a resume token: to a place that is kept, after having been given up, or to a server that was restarted.
//!
//! A token is no way around a door. It leads back into the same call; into a later one of the same room it leads only where whoever
//! has the link walks in anyway. Who is refused joins anew, through the door.

use super::errand::RoomHappening;
use super::groups::Grouped;
use super::room::{Member, Presence, Room};
use super::{ClientId, GRACE, Output, Rooms, Seat, error};
use crate::key::RoomKind;
use crate::name::tidy_name;
use crate::time::Moment;
use crate::token::Resume;
use parley_proto::limits::{RESUME_GRACE_S, RESUME_LIFETIME_S, ROOM_PARTICIPANTS_MAX};
use parley_proto::{CloseCode, ErrorCode, LeaveReason, Role, RoomId, ServerMessage};
use std::time::Duration;

/// For how long after its start a server believes what tokens of its former life say.
const RECOVERY: Duration = Duration::from_secs(2 * RESUME_GRACE_S);

impl Rooms {
    pub(super) fn resume(&mut self, now: Moment, client: ClientId, version: u16, token: &str, name: &str) {
        if !self.may_enter(client, version) {
            return;
        }
        let resume = match self.tokens.read_resume(now, token) {
            Ok(resume) => resume,
            Err(code) => {
                self.door_counts.bad_tickets += 1;
                return self.refuse(client, code);
            }
        };
        // A server that takes no listeners since its restart has nobody who could let them speak.
        let resume = if self.groups.can_listen() {
            resume
        } else {
            resume.without_listeners()
        };
        let seat = Seat {
            room: resume.room,
            id: resume.id,
        };
        let name = tidy_name(name);
        let made_s = resume.exp.saturating_sub(RESUME_LIFETIME_S);
        let source = self.source_of(client);
        let put_out = self.book.was_removed(now, seat.room, seat.id)
            || self.book.ended_since(seat.room, made_s)
            || self.book.is_banned(now, seat.room, source);
        if put_out {
            self.door_counts.banned += 1;
            return self.refuse(client, ErrorCode::ResumeInvalid);
        }
        let mut learnt = Grouped::default();
        learnt.learn(&self.groups, client);
        match self.member_mut(seat) {
            Some(member) => {
                let before = std::mem::replace(&mut member.presence, Presence::Here(client));
                member.name = name;
                member.source = source;
                // After a restart it is known from another's token only, which does not say so.
                member.lent |= resume.lent;
                member.listens |= resume.listens && matches!(before, Presence::Expected { .. });
                member.grouped.able |= learnt.able;
                member.grouped.knows_listening |= learnt.knows_listening;
                self.seats.insert(client, seat);
                self.replace(seat, before);
                self.welcome(now, client, seat, true);
                self.tell_others(seat.room, seat.id, ServerMessage::ParticipantBack { id: seat.id });
            }
            None => self.come_back(now, client, seat, &resume, name),
        }
    }

    /// Seats someone whom this server does not have (any more): it was restarted, or gave them up.
    fn come_back(&mut self, now: Moment, client: ClientId, seat: Seat, resume: &Resume, name: String) {
        let lost = self.rooms.get(&seat.room).and_then(|room| room.lost(seat.id));
        let same_call = self.is_recovering(now, resume) || lost.is_some();
        // What was lent for one call is given back with it.
        let lent = resume.lent && same_call;
        let role = if resume.lent && !same_call {
            Role::Guest
        } else {
            resume.role
        };
        // Hosts stand before no door, and nobody before one that is simply open.
        let leads_back = same_call || role == Role::Host || self.door(seat.room).is_open();
        if self.departed.contains(seat.id) || !leads_back {
            self.door_counts.bad_tickets += 1;
            return self.refuse(client, ErrorCode::ResumeInvalid);
        }
        // Into another call they come like anybody.
        let room = self.rooms.get(&seat.room);
        let listens = match lost {
            // What a host said since the token was made holds.
            Some(listened) => listened,
            None if same_call => resume.listens,
            None => room.is_some_and(|room| self.comes_to_listen(room, client, role).is_some()),
        };
        // Not among those who know of no listeners, or with a client that does not: of two people one who listens makes a group.
        let can_listen = match room {
            Some(room) => self.places_in(room, client).listeners > 0,
            None => self.groups.is_able(client),
        };
        let listens = listens && can_listen;
        // Someone only known from a token gives way to someone who is really here.
        let full = room.filter(|room| room.is_full(self.places_in(room, client), listens));
        let given_way = full.and_then(|room| room.unconfirmed());
        if full.is_some() && given_way.is_none() {
            return self.refuse(client, ErrorCode::RoomFull);
        }
        // Only now: whoever is refused takes nobody's place on a full server.
        if !self.has_room(now) {
            return self.refuse(client, ErrorCode::Unavailable);
        }
        // They may have been the one who gave way to that.
        if let Some((until, id)) = given_way
            && self.deadlines.remove(&(until, seat.room, id))
        {
            self.remove(now, seat.room, id, LeaveReason::Lost);
        }
        let source = self.source_of(client);
        let mut grouped = Grouped::default();
        grouped.learn(&self.groups, client);
        let room = self.begin(seat.room);
        let first = room.members().is_empty();
        room.insert(
            now,
            Member {
                id: seat.id,
                name,
                role,
                lent,
                order: resume.order,
                presence: Presence::Here(client),
                listens,
                source,
                grouped,
            },
        );
        self.comes_from_before(seat, resume.others.len());
        self.seats.insert(client, seat);
        if first {
            self.happened(now, seat.room, RoomHappening::Started);
        }
        let joined = RoomHappening::Joined { id: seat.id, role };
        self.happened(now, seat.room, joined);
        if self.is_recovering(now, resume) {
            self.expect_others(now, client, seat.room, resume);
        }
        if self.stamp.kind(&seat.room) == Some(RoomKind::Open)
            && let Some(next) = self.rooms.get(&seat.room).and_then(Room::next_host)
            && let Some(member) = self.member_mut(Seat { id: next, ..seat })
        {
            member.lend_host();
        }
        self.welcome(now, client, seat, true);
        self.announce(now, seat);
        self.arrange(now, seat.room);
    }

    /// Whether this server is being rebuilt from tokens of its former life, of which this is one.
    fn is_recovering(&self, now: Moment, resume: &Resume) -> bool {
        resume.run != self.run && now < self.started + RECOVERY
    }

    /// After a restart: whom the token names is on the way back too, so they are away and not gone.
    fn expect_others(&mut self, now: Moment, client: ClientId, room_id: RoomId, resume: &Resume) {
        let others = &resume.others;
        // More than one other, or somebody who listens: it was a group, so all of them could take part in one.
        let listeners = resume.listens || others.iter().any(|other| other.listens);
        let able = others.len() >= ROOM_PARTICIPANTS_MAX || listeners;
        let until = now + GRACE;
        for other in others {
            // A token may be from before somebody was put out.
            if self.departed.contains(other.id) || self.book.was_removed(now, room_id, other.id) {
                continue;
            }
            let Some(room) = self.rooms.get(&room_id) else {
                return;
            };
            let places = self.places_in(room, client);
            let Some(room) = self.rooms.get_mut(&room_id) else {
                return;
            };
            if room.is_full(places, other.listens) || room.member(other.id).is_some() {
                continue;
            }
            room.insert(
                now,
                Member {
                    id: other.id,
                    name: tidy_name(&other.name),
                    role: other.role,
                    lent: false,
                    order: other.order,
                    presence: Presence::Expected { until },
                    listens: other.listens && places.listeners > 0,
                    source: None,
                    grouped: Grouped::able(able),
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
}
