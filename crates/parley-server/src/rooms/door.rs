//! At the door: lock, password and lobby, for everybody who is no host. What a host does to it is in `host`.

use super::errand::Errand;
use super::{ClientId, Output, Rooms, error};
use crate::access::{Password, PasswordHash};
use crate::key::RoomKind;
use crate::time::Moment;
use crate::token::Ticket;
use parley_proto::limits::LOBBY_PEOPLE_MAX;
use parley_proto::{CloseCode, Door, ErrorCode, ParticipantId, Role, RoomId, ServerMessage, WaitingPerson};

/// How the door of a room stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct RoomDoor {
    pub(super) locked: bool,
    pub(super) lobby: bool,
    pub(super) password: Option<PasswordHash>,
    /// From so many people on whoever comes listens; 0: nobody.
    pub(super) listen_from: u16,
}

impl RoomDoor {
    /// As people are told.
    pub(super) const fn told(&self) -> Door {
        Door {
            locked: self.locked,
            lobby: self.lobby,
            password: self.password.is_some(),
            listen_from: self.listen_from,
        }
    }

    /// Whether whoever has the link walks in.
    pub(super) const fn is_open(&self) -> bool {
        !self.locked && !self.lobby && self.password.is_none()
    }
}

/// Somebody with a good ticket before the door.
#[derive(Debug, Clone)]
pub(super) struct Knock {
    pub(super) ticket: Ticket,
    pub(super) name: String,
    pub(super) waits: bool,
}

/// Somebody in the lobby.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) client: ClientId,
    pub(super) id: ParticipantId,
    pub(super) knock: Knock,
}

impl Rooms {
    /// Lets somebody in, asks for the password, or has them wait.
    pub(super) fn knock(&mut self, now: Moment, client: ClientId, knock: Knock, password: Option<String>) {
        let room = knock.ticket.room;
        let door = self.door(room);
        if door.locked {
            self.door_counts.locked += 1;
            return self.refuse(client, ErrorCode::Locked);
        }
        let Some(hash) = door.password else {
            return self.past_password(now, client, knock);
        };
        let Some(password) = password else {
            self.door_counts.password += 1;
            return self.refuse(client, ErrorCode::PasswordNeeded);
        };
        let Some(password) = Password::new(password) else {
            self.door_counts.password += 1;
            return self.refuse(client, ErrorCode::PasswordWrong);
        };
        if !self.hashing.has_room() || !self.tries.take(now, room) {
            self.door_counts.password += 1;
            return self.refuse(client, ErrorCode::TooFast);
        }
        self.checking.insert(client, knock);
        self.hashing.begin();
        self.errands.push(Errand::CheckPassword {
            client,
            hash,
            password,
        });
    }

    /// What came of [`Errand::CheckPassword`]; to be told of each one, also when its client is gone.
    pub fn password_checked(&mut self, now: Moment, client: ClientId, right: bool) -> Vec<Output> {
        self.hashing.end();
        // Who is gone by now asked in vain.
        if let Some(knock) = self.checking.remove(&client) {
            if !right {
                self.door_counts.password += 1;
                self.refuse(client, ErrorCode::PasswordWrong);
            } else if let Err(code) = self.may_use(now, client, &knock.ticket) {
                self.refuse(client, code);
            } else if self.door(knock.ticket.room).locked {
                self.door_counts.locked += 1;
                self.refuse(client, ErrorCode::Locked);
            } else {
                self.past_password(now, client, knock);
            }
        }
        std::mem::take(&mut self.outputs)
    }

    fn past_password(&mut self, now: Moment, client: ClientId, knock: Knock) {
        if self.door(knock.ticket.room).lobby {
            self.wait(client, knock);
        } else {
            self.step_in(now, client, &knock.ticket, knock.name);
        }
    }

    fn wait(&mut self, client: ClientId, knock: Knock) {
        if !knock.waits {
            self.door_counts.not_admitted += 1;
            return self.refuse(client, ErrorCode::CannotWait);
        }
        let room = knock.ticket.room;
        let id = ParticipantId::from_bytes(self.random());
        let lobby = self.lobbies.entry(room).or_default();
        if lobby.len() >= LOBBY_PEOPLE_MAX {
            self.door_counts.not_admitted += 1;
            return self.refuse(client, ErrorCode::Unavailable);
        }
        lobby.push(Waiter { client, id, knock });
        self.waiting.insert(client, room);
        self.send(client, ServerMessage::Waiting);
        self.tell_hosts_who_waits(room);
    }

    /// How the door of a room stands; of an empty one, as it was kept.
    pub(super) fn door(&self, room: RoomId) -> RoomDoor {
        match self.rooms.get(&room) {
            Some(room) => room.door,
            None => self.kept_door(room),
        }
    }

    /// How the door of a room that begins stands: open rooms begin open.
    pub(super) fn kept_door(&self, room: RoomId) -> RoomDoor {
        if self.stamp.kind(&room) != Some(RoomKind::Invited) {
            return RoomDoor {
                listen_from: self.groups.listeners.from,
                ..RoomDoor::default()
            };
        }
        let kept = self.book.door(room);
        RoomDoor {
            locked: false,
            lobby: kept.lobby,
            password: kept.password,
            listen_from: kept.listen_from.unwrap_or(self.groups.listeners.from),
        }
    }

    /// Takes a client out of wherever it waits, if it does.
    pub(super) fn stop_waiting(&mut self, client: ClientId) {
        self.checking.remove(&client);
        if let Some(room) = self.waiting.remove(&client) {
            self.take_waiter(room, |waiter| waiter.client == client);
            self.tell_hosts_who_waits(room);
        }
    }

    /// Takes somebody out of a lobby, without a word.
    pub(super) fn take_waiter(&mut self, room: RoomId, which: impl Fn(&Waiter) -> bool) -> Option<Waiter> {
        let lobby = self.lobbies.get_mut(&room)?;
        let place = lobby.iter().position(which)?;
        let waiter = lobby.remove(place);
        if lobby.is_empty() {
            self.lobbies.remove(&room);
        }
        self.waiting.remove(&waiter.client);
        Some(waiter)
    }

    /// Sends everybody away who waits for a room.
    pub(super) fn dismiss_lobby(&mut self, room: RoomId, code: ErrorCode) {
        for waiter in self.lobbies.remove(&room).unwrap_or_default() {
            self.waiting.remove(&waiter.client);
            self.put_out(waiter.client, code);
        }
    }

    /// Tells a client why, and closes its connection.
    pub(super) fn put_out(&mut self, client: ClientId, code: ErrorCode) {
        self.send(client, error(code, true));
        self.outputs.push(Output::Close {
            client,
            code: CloseCode::Refused,
        });
    }

    pub(super) fn tell_hosts_who_waits(&mut self, room: RoomId) {
        let hosts: Vec<ClientId> = self
            .everybody_here(room)
            .into_iter()
            .filter(|(_, _, role)| *role == Role::Host)
            .map(|(client, _, _)| client)
            .collect();
        for host in hosts {
            self.tell_who_waits(host, room);
        }
    }

    pub(super) fn tell_who_waits(&mut self, host: ClientId, room: RoomId) {
        let waiters = self.lobbies.get(&room).map(Vec::as_slice).unwrap_or_default();
        let people = waiters.iter().map(|waiter| WaitingPerson {
            id: waiter.id,
            name: waiter.knock.name.clone(),
        });
        let people = people.collect();
        self.send(host, ServerMessage::AtTheDoor { people });
    }
}
