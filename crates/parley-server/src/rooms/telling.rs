//! What people in a room are told: where they are, who came, and with which token they come back.

use super::room::{Member, Presence, Room};
use super::{ClientId, Rooms, Seat};
use crate::time::Moment;
use parley_proto::limits::{GROUP_PARTICIPANTS_MAX, PEOPLE_TOLD_AT_ONCE, ROOM_PARTICIPANTS_MAX};
use parley_proto::{ErrorCode, Participant, ParticipantId, Role, RoomId, ServerMessage};

/// Others that a token names in a group, and how much of their names: with all of them it would be longer than clients keep.
const TOKEN_OTHERS: usize = 6;
const TOKEN_NAME_CHARS: usize = 12;

impl Rooms {
    /// Tells someone who came in where they are.
    pub(super) fn welcome(&mut self, now: Moment, client: ClientId, seat: Seat, resumed: bool) {
        let Some(room) = self.rooms.get(&seat.room) else {
            return;
        };
        let knows = room.member(seat.id).is_some_and(|me| me.grouped.knows_listening);
        let (participants, more) = if knows {
            in_turn(room.members(), seat.id, PEOPLE_TOLD_AT_ONCE)
        } else {
            // A client from before there were listeners keeps so many, and knows of no more than one list.
            (
                in_turn(room.members(), seat.id, GROUP_PARTICIPANTS_MAX).0,
                Vec::new(),
            )
        };
        // The debug form of ids is cut short: a log lets nobody in.
        tracing::debug!(room = ?seat.room, participant = ?seat.id, resumed, "in the room");
        match self.token_for(now, seat) {
            Some(resume_token) => {
                let message = ServerMessage::Joined {
                    you: seat.id,
                    room: seat.room,
                    resume_token,
                    participants,
                    ice_servers: self.ways.for_user(now, &seat.id.to_string()),
                    resumed,
                };
                self.send(client, message);
                for list in more {
                    self.send(client, ServerMessage::Participants { list });
                }
                self.tell_door(client, seat);
                self.tell_topology(client, seat.room);
            }
            None => self.refuse(client, ErrorCode::Unavailable),
        }
    }

    /// What somebody who came in must know of the door, where it is not simply open.
    fn tell_door(&mut self, client: ClientId, seat: Seat) {
        let Some(room) = self.rooms.get(&seat.room) else {
            return;
        };
        let is_host = room.member(seat.id).is_some_and(|me| me.role == Role::Host);
        let door = room.door.told();
        if door != parley_proto::Door::default() {
            self.send(client, ServerMessage::Door(door));
        }
        if is_host && self.lobbies.contains_key(&seat.room) {
            self.tell_who_waits(client, seat.room);
        }
    }

    /// Tells the others that someone came in.
    pub(super) fn announce(&mut self, now: Moment, seat: Seat) {
        let Some(participant) = self.member_mut(seat).map(|member| member.participant()) else {
            return;
        };
        self.tell_others(
            seat.room,
            seat.id,
            ServerMessage::ParticipantJoined { participant },
        );
        // Whoever came last is named in nobody's token where there are many before.
        if self.is_named_in_tokens(seat) {
            self.refresh_tokens(now, seat.room, seat.id);
        }
    }

    /// Whether the tokens of others name somebody.
    pub(super) fn is_named_in_tokens(&self, seat: Seat) -> bool {
        let members = self.rooms.get(&seat.room).map(Room::members).unwrap_or_default();
        let place = members.iter().position(|member| member.id == seat.id);
        place.is_some_and(|place| place <= TOKEN_OTHERS)
    }

    /// Something changed of somebody that their own token says, and those that name them.
    pub(super) fn refresh_tokens_about(&mut self, now: Moment, seat: Seat) {
        if self.is_named_in_tokens(seat) {
            self.refresh_tokens(now, seat.room, seat.id);
        }
        let there = self.member_mut(seat).map(|member| member.presence);
        if let (Some(Presence::Here(client)), Some(resume_token)) = (there, self.token_for(now, seat)) {
            self.send(client, ServerMessage::ResumeToken { resume_token });
        }
    }

    /// Gives everyone but `except` a token that names those who are in the room now.
    pub(super) fn refresh_tokens(&mut self, now: Moment, room: RoomId, except: ParticipantId) {
        for (client, id) in self.present(room, except) {
            if let Some(resume_token) = self.token_for(now, Seat { room, id }) {
                self.send(client, ServerMessage::ResumeToken { resume_token });
            }
        }
    }

    fn token_for(&self, now: Moment, seat: Seat) -> Option<String> {
        let room = self.rooms.get(&seat.room)?;
        let me = room.member(seat.id)?;
        let others = room.members().iter().filter(|member| member.id != seat.id);
        let others = if room.members().len() <= ROOM_PARTICIPANTS_MAX {
            others.map(Member::participant).collect()
        } else {
            // A token has to stay short: the first few, who bring the others with theirs, by the beginnings of their names.
            let short = |member: &Member| Participant {
                name: member.name.chars().take(TOKEN_NAME_CHARS).collect(),
                ..member.participant()
            };
            others.take(TOKEN_OTHERS).map(short).collect()
        };
        self.tokens
            .resume(now, self.run, seat.room, &me.participant(), me.lent, others)
    }

    pub(super) fn tell_others(&mut self, room: RoomId, except: ParticipantId, message: ServerMessage) {
        let others = self.present(room, except).into_iter();
        self.send_all(others.map(|(client, _)| client).collect(), message);
    }

    pub(super) fn tell_everybody(&mut self, room: RoomId, message: ServerMessage) {
        let all = self.everybody_here(room).into_iter();
        self.send_all(all.map(|(client, _, _)| client).collect(), message);
    }

    /// Who is connected in `room`, without `except`.
    pub(super) fn present(&self, room: RoomId, except: ParticipantId) -> Vec<(ClientId, ParticipantId)> {
        let here = self.everybody_here(room).into_iter();
        here.filter(|(_, id, _)| *id != except)
            .map(|(client, id, _)| (client, id))
            .collect()
    }

    /// Who is connected in `room`, and as what.
    pub(super) fn everybody_here(&self, room: RoomId) -> Vec<(ClientId, ParticipantId, Role)> {
        let members = self.rooms.get(&room).map(Room::members).unwrap_or_default();
        members
            .iter()
            .filter_map(|member| Some((member.here()?, member.id, member.role)))
            .collect()
    }
}

/// Everybody in a room in the order in which they came, in as many lists as it takes: whoever came in, and those who may speak, are in the
/// first one as far as it goes.
fn in_turn(
    members: &[Member],
    me: ParticipantId,
    at_once: usize,
) -> (Vec<Participant>, Vec<Vec<Participant>>) {
    let first = |member: &&Member| member.id == me || !member.listens;
    if members.len() <= at_once {
        return (members.iter().map(Member::participant).collect(), Vec::new());
    }
    let mut all: Vec<&Member> = members.iter().filter(first).collect();
    all.extend(members.iter().filter(|member| !first(member)));
    // Not to be pushed back by those who may speak.
    if let Some(place) = all.iter().position(|member| member.id == me) {
        all.swap(0, place);
    }
    let mut lists = all.chunks(at_once).map(|chunk| {
        let mut list: Vec<Participant> = chunk.iter().map(|member| member.participant()).collect();
        list.sort_by_key(|person| person.order);
        list
    });
    let first = lists.next().unwrap_or_default();
    (first, lists.collect())
}
