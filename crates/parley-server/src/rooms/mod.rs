//! The rooms: who is in which, who is told what. A sans-IO core: messages and moments in, messages out.
//!
//! Owned by the hub's task. Deliberately absent: sockets, clocks, JSON, and any look inside what participants tell each
//! other. Room ids and tokens carry what a restarted server must know; the little that they cannot (invitations, keys, bans)
//! leaves as [`Errand::Store`] and comes back with [`Rooms::restore`].

mod admin;
mod comeback;
mod departed;
mod door;
mod entrance;
mod errand;
mod groups;
mod hashing;
mod host;
mod listeners;
mod offences;
mod room;
mod telling;
#[cfg(test)]
mod tests;
mod used;
mod ways;

pub use admin::RoomCount;
pub use errand::{DoorCounts, Errand, RoomEvent, RoomHappening};

use crate::access::{Book, Record, Source};
use crate::key::{RoomStamp, ServerKey};
use crate::sfu::Ask;
use crate::time::Moment;
use crate::token::Tokens;
use departed::Departed;
use door::{Knock, Waiter};
use entrance::JoinAsk;
use groups::Groups;
use hashing::{Hashing, Tries};
use parley_proto::limits::RESUME_GRACE_S;
use parley_proto::{
    ClientMessage, CloseCode, ErrorCode, IceServer, LeaveReason, ParticipantId, RoomId, ServerMessage,
};
use rand::Rng as _;
use rand::rngs::StdRng;
use room::{Member, Presence, Room};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use used::UsedTickets;
pub use ways::Relays;
use ways::Ways;

/// How long a lost participant's place is kept.
const GRACE: Duration = Duration::from_secs(RESUME_GRACE_S);

/// One connection, named by the driver; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(pub u64);

/// What the driver is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Send this.
    Send {
        /// To whom.
        to: ClientId,
        /// What.
        message: ServerMessage,
    },
    /// Send this to each of them.
    SendAll {
        /// To whom: more than one.
        to: Vec<ClientId>,
        /// What.
        message: ServerMessage,
    },
    /// Close this connection once everything before has been sent. The client is forgotten already.
    Close {
        /// Which.
        client: ClientId,
        /// Why.
        code: CloseCode,
    },
}

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoomCounts {
    /// Rooms with somebody in them.
    pub rooms: usize,
    /// People in them, those away included.
    pub participants: usize,
    /// People who wait in a lobby.
    pub waiting: usize,
}

/// Where a joined client sits.
#[derive(Debug, Clone, Copy)]
struct Seat {
    room: RoomId,
    id: ParticipantId,
}

/// All rooms of a server.
pub struct Rooms {
    key: ServerKey,
    stamp: RoomStamp,
    tokens: Tokens,
    ways: Ways,
    /// No room begins any more: the server is about to stop.
    draining: bool,
    rng: StdRng,
    /// Tells this life of the server from former ones.
    run: u64,
    started: Moment,
    participants_max: usize,
    rooms: HashMap<RoomId, Room>,
    seats: HashMap<ClientId, Seat>,
    used: UsedTickets,
    departed: Departed,
    /// Places kept until then. An entry may be out of date; the member's own state decides.
    deadlines: BTreeSet<(Moment, RoomId, ParticipantId)>,
    book: Book,
    /// Who waits before which room, longest first. No empty ones. Bounded by [`parley_proto::limits::LOBBY_PEOPLE_MAX`] each and by connections.
    lobbies: HashMap<RoomId, Vec<Waiter>>,
    waiting: HashMap<ClientId, RoomId>,
    /// Whose password is being checked.
    checking: HashMap<ClientId, Knock>,
    hashing: Hashing,
    /// Passwords that were guessed, and those that hosts set: guests cannot use up what the host has.
    tries: Tries,
    changes: Tries,
    /// Where connections come from, as far as it is known.
    sources: HashMap<ClientId, Source>,
    door_counts: DoorCounts,
    groups: Groups,
    outputs: Vec<Output>,
    errands: Vec<Errand>,
}

impl Rooms {
    /// No rooms yet. `rng` must be seeded from the operating system outside of tests.
    #[must_use]
    pub fn new(
        now: Moment,
        key: &ServerKey,
        ice_servers: Vec<IceServer>,
        participants_max: usize,
        mut rng: StdRng,
    ) -> Self {
        Self {
            key: key.clone(),
            stamp: RoomStamp::new(key),
            tokens: Tokens::new(key),
            ways: Ways {
                open_to_all: ice_servers,
                relays: None,
            },
            draining: false,
            run: rng.next_u64(),
            rng,
            started: now,
            participants_max,
            rooms: HashMap::new(),
            seats: HashMap::new(),
            used: UsedTickets::default(),
            departed: Departed::default(),
            deadlines: BTreeSet::new(),
            book: Book::default(),
            lobbies: HashMap::new(),
            waiting: HashMap::new(),
            checking: HashMap::new(),
            hashing: Hashing::default(),
            tries: Tries::default(),
            changes: Tries::default(),
            sources: HashMap::new(),
            door_counts: DoorCounts::default(),
            groups: Groups::default(),
            outputs: Vec::new(),
            errands: Vec::new(),
        }
    }

    /// Takes in what was written down before a restart. To be called before anybody comes.
    pub fn restore(&mut self, now: Moment, records: Vec<Record>) {
        for record in &records {
            match record {
                Record::TicketUsed { jti, exp_s } => self.used.insert_kept(now, *exp_s, jti.clone()),
                Record::Departed { id, at } => {
                    self.departed.insert(*at, *id);
                }
                _ => {}
            }
        }
        self.book = Book::from_records(now, records);
    }

    /// What is to be done besides the outputs, in order. To be called after each of the other calls.
    pub fn take_errands(&mut self) -> Vec<Errand> {
        let records = self.book.take_records().into_iter().map(Errand::Store);
        self.errands.extend(records);
        std::mem::take(&mut self.errands)
    }

    /// What was refused and done at the doors so far.
    #[must_use]
    pub const fn door_counts(&self) -> DoorCounts {
        self.door_counts
    }

    /// A connection comes from there. Optional; who comes from nowhere is never kept out by it.
    pub fn opened(&mut self, client: ClientId, source: Option<Source>) {
        if let Some(source) = source {
            self.sources.insert(client, source);
        }
    }

    /// The same with relays, for which everyone is given credentials.
    #[must_use]
    pub fn with_relays(mut self, relays: Option<Relays>) -> Self {
        self.ways.relays = relays;
        self
    }

    /// From now on no room begins; those that are there go on, and their people come and go.
    pub const fn drain(&mut self) {
        self.draining = true;
    }

    /// A message of `client`; what follows from it, in order.
    pub fn handle(&mut self, now: Moment, client: ClientId, message: ClientMessage) -> Vec<Output> {
        match message {
            ClientMessage::RequestTicket {
                version,
                room,
                invitation,
            } => self.request_ticket(now, client, version, room, invitation.as_deref()),
            ClientMessage::Join {
                version,
                ticket,
                name,
                password,
                waits,
            } => {
                let ask = JoinAsk {
                    ticket: &ticket,
                    name: &name,
                    password,
                    waits,
                };
                self.join(now, client, version, ask);
            }
            ClientMessage::Resume { version, token, name } => {
                self.resume(now, client, version, &token, &name);
            }
            ClientMessage::Signal { to, payload } => self.signal(client, to, payload),
            ClientMessage::Admit { id } => self.admit(now, client, id),
            ClientMessage::Refuse { id } => self.turn_away(now, client, id),
            ClientMessage::SetDoor {
                locked,
                lobby,
                listen_from,
            } => self.set_door(client, locked, lobby, listen_from),
            ClientMessage::SetPassword { password } => self.set_password(now, client, password),
            ClientMessage::Remove { id } => self.put_out_of_room(now, client, id),
            ClientMessage::AskMute { id } => self.ask_mute(client, id),
            ClientMessage::SetListens { id, listens } => self.set_listens(now, client, id, listens),
            ClientMessage::EndForAll => self.end_for_all(now, client),
            ClientMessage::Groups(abilities) => self.can_group(client, abilities),
            ClientMessage::TopologyReady { number } => self.topology_ready(client, number),
            ClientMessage::SfuOffer {
                connection,
                sdp,
                publish,
            } => self.sfu_offer(now, client, connection, sdp, publish),
            ClientMessage::Publish { publish } => self.sfu_list(now, client, Ask::Publish(publish)),
            ClientMessage::Subscribe { downs, kbps_max } => self.subscribe(now, client, downs, kbps_max),
            ClientMessage::Tell { payload, to } => self.tell(now, client, payload, to),
            ClientMessage::Leave => self.leave(now, client),
            ClientMessage::Ping { nonce } => self.send(client, ServerMessage::Pong { nonce }),
            ClientMessage::Unknown => {}
        }
        std::mem::take(&mut self.outputs)
    }

    /// The connection of `client` is gone.
    pub fn disconnected(&mut self, now: Moment, client: ClientId) -> Vec<Output> {
        self.stop_waiting(client);
        self.sources.remove(&client);
        self.groups.gone(client);
        if let Some(seat) = self.seats.remove(&client) {
            let until = now + GRACE;
            tracing::debug!(room = ?seat.room, participant = ?seat.id, "away");
            if let Some(member) = self.member_mut(seat) {
                member.presence = Presence::Away { until };
                self.deadlines.insert((until, seat.room, seat.id));
                self.tell_others(seat.room, seat.id, ServerMessage::ParticipantAway { id: seat.id });
            }
        }
        std::mem::take(&mut self.outputs)
    }

    /// When [`Rooms::handle_timeout`] wants to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Moment> {
        let lost = self.deadlines.first().map(|(at, _, _)| *at);
        lost.into_iter().chain(self.groups.next_timeout()).min()
    }

    /// Gives up those who did not come back in time.
    pub fn handle_timeout(&mut self, now: Moment) -> Vec<Output> {
        while let Some((at, room, id)) = self.deadlines.first().copied() {
            if at > now {
                break;
            }
            self.deadlines.pop_first();
            let lost = self
                .rooms
                .get(&room)
                .and_then(|room| room.member(id))
                .is_some_and(|member| member.presence.lost_at(now));
            if lost {
                self.remove(now, room, id, LeaveReason::Lost);
            }
        }
        self.go_back(now);
        self.tell_late_offences(now);
        std::mem::take(&mut self.outputs)
    }

    /// Whether a link to this room would be known here.
    #[must_use]
    pub fn knows(&self, room: &RoomId) -> bool {
        self.stamp.is_ours(room)
    }

    /// Whether a client is in a room, or waits in the lobby of one.
    #[must_use]
    pub fn has_joined(&self, client: ClientId) -> bool {
        self.seats.contains_key(&client) || self.waiting.contains_key(&client)
    }

    /// How many there are.
    #[must_use]
    pub fn counts(&self) -> RoomCounts {
        RoomCounts {
            rooms: self.rooms.len(),
            // Everybody in a room is connected or waited for: no walk through all rooms, for this is asked after each message.
            participants: self.seats.len() + self.deadlines.len(),
            waiting: self.waiting.len(),
        }
    }

    fn signal(&mut self, client: ClientId, to: ParticipantId, payload: serde_json::Value) {
        let Some(seat) = self.seats.get(&client).copied() else {
            return self.refuse(client, ErrorCode::NotJoined);
        };
        let recipient = self
            .rooms
            .get(&seat.room)
            .filter(|_| to != seat.id)
            .and_then(|room| room.member(to));
        match recipient.map(|member| member.presence) {
            None => self.refuse(client, ErrorCode::RecipientUnknown),
            Some(Presence::Here(there)) => self.send(
                there,
                ServerMessage::Signal {
                    from: seat.id,
                    payload,
                },
            ),
            Some(Presence::Away { .. } | Presence::Expected { .. }) => {
                self.refuse(client, ErrorCode::RecipientAway);
            }
        }
    }

    fn leave(&mut self, now: Moment, client: ClientId) {
        self.stop_waiting(client);
        if let Some(seat) = self.seats.remove(&client) {
            self.remove(now, seat.room, seat.id, LeaveReason::Left);
        }
        self.outputs.push(Output::Close {
            client,
            code: CloseCode::Left,
        });
    }

    /// Takes a member out of a room, and the room away when it was the last one.
    fn remove(&mut self, now: Moment, room_id: RoomId, id: ParticipantId, reason: LeaveReason) {
        tracing::debug!(room = ?room_id, participant = ?id, ?reason, "gone");
        if reason != LeaveReason::Lost {
            self.depart(now, id);
        }
        self.forget_in_sfu(Seat { room: room_id, id });
        let named = self.is_named_in_tokens(Seat { room: room_id, id });
        let mut over = false;
        if let Some(room) = self.rooms.get_mut(&room_id) {
            room.remove(id, reason);
            over = room.members().is_empty();
        }
        self.happened(now, room_id, RoomHappening::Left { id, reason });
        self.tell_others(room_id, id, ServerMessage::ParticipantLeft { id, reason });
        if over {
            self.rooms.remove(&room_id);
            self.happened(now, room_id, RoomHappening::Ended);
            self.lobby_without_host(room_id);
        } else {
            self.find_host(now, room_id);
        }
        if named {
            self.refresh_tokens(now, room_id, id);
        }
        self.arrange(now, room_id);
    }

    /// Notes, also for after a restart, that somebody comes back by no token.
    fn depart(&mut self, now: Moment, id: ParticipantId) {
        if self.departed.insert(now, id) {
            self.errands.push(Errand::Store(Record::Departed { id, at: now }));
        }
    }

    /// Nobody is in the room any more who could let somebody in. By invitation a host may still come; elsewhere none ever does.
    fn lobby_without_host(&mut self, room_id: RoomId) {
        if self.stamp.kind(&room_id) == Some(crate::key::RoomKind::Open) {
            self.dismiss_lobby(room_id, ErrorCode::Ended);
        }
    }

    fn happened(&mut self, at: Moment, room: RoomId, what: RoomHappening) {
        self.errands.push(Errand::Tell(RoomEvent { at, room, what }));
    }

    fn member_mut(&mut self, seat: Seat) -> Option<&mut Member> {
        self.rooms.get_mut(&seat.room)?.member_mut(seat.id)
    }

    fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    fn refuse(&mut self, client: ClientId, code: ErrorCode) {
        self.door_counts.refused(code);
        self.send(client, error(code, false));
    }

    fn send(&mut self, to: ClientId, message: ServerMessage) {
        self.outputs.push(Output::Send { to, message });
    }

    /// Tells all of them the same, which is made into text once.
    fn send_all(&mut self, to: Vec<ClientId>, message: ServerMessage) {
        match to[..] {
            [] => {}
            [to] => self.send(to, message),
            _ => self.outputs.push(Output::SendAll { to, message }),
        }
    }
}

/// The error message of `code`.
pub(crate) fn error(code: ErrorCode, fatal: bool) -> ServerMessage {
    ServerMessage::Error {
        code,
        message: code.sentence().to_owned(),
        fatal,
    }
}
