//! The rooms of a server under any sequence of messages, disconnections, waits and restarts.

use crate::bytes::Plan;
use parley_proto::limits::{PEOPLE_TOLD_AT_ONCE, ROOM_PARTICIPANTS_MAX};
use parley_proto::{
    Abilities, ClientMessage, Offence, OffenceCount, ParticipantId, RoomId, ServerMessage, SfuClosed,
};
use parley_server::gate::{Gate, Verdict};
use parley_server::rooms::{ClientId, Errand, Output, RoomCounts, Rooms};
use parley_server::sfu::{Ask, Command, Event, What};
use parley_server::{Moment, ServerKey};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Connections at once.
const CLIENTS: u8 = 5;
/// People in a room whose clients all can take part in groups: who may speak, and who listens.
const SPEAKERS_MAX: usize = 4;
const LISTENERS_MAX: usize = 2;
const GROUP_MAX: usize = SPEAKERS_MAX + LISTENERS_MAX;
/// Steps of one plan; more find nothing new and take time.
const STEPS_MAX: usize = 400;
/// What is remembered of tickets, tokens, rooms and people.
const MEMORY: usize = 32;

/// Nobody hears what is not meant for them, no room has too many people, who cannot take part in a group is in none, the SFU is told
/// of everybody who leaves it, and nothing is left when everyone is gone.
pub(crate) fn rooms(data: &[u8]) {
    let mut world = World::new();
    let mut plan = Plan(data);
    for _ in 0..STEPS_MAX {
        if plan.is_over() {
            break;
        }
        world.step(&mut plan);
    }
    world.end();
}

struct World {
    rooms: Rooms,
    now: Moment,
    life: u64,
    next_client: u64,
    /// Lists that the SFU was given.
    lists: u64,
    /// The connection of each slot.
    clients: BTreeMap<u8, ClientId>,
    /// Where each connection sits, as it was told.
    seats: BTreeMap<ClientId, (RoomId, ParticipantId)>,
    tickets: Vec<String>,
    tokens: Vec<String>,
    known_rooms: Vec<RoomId>,
    people: Vec<ParticipantId>,
    /// Connections that said they can take part in groups.
    able: BTreeSet<ClientId>,
    /// People who came over such a connection once; over which they come back is their own affair.
    able_people: BTreeSet<ParticipantId>,
    topologies: Vec<u32>,
    /// Whom the SFU knows.
    in_sfu: BTreeSet<(RoomId, ParticipantId)>,
}

impl World {
    fn new() -> Self {
        let now = Moment::from_unix_ms(1_800_000_000_000);
        Self {
            rooms: fresh(now, 0),
            now,
            life: 0,
            next_client: 0,
            lists: 0,
            clients: BTreeMap::new(),
            seats: BTreeMap::new(),
            tickets: Vec::new(),
            tokens: Vec::new(),
            known_rooms: Vec::new(),
            people: Vec::new(),
            able: BTreeSet::new(),
            able_people: BTreeSet::new(),
            topologies: Vec::new(),
            in_sfu: BTreeSet::new(),
        }
    }

    fn step(&mut self, plan: &mut Plan<'_>) {
        let slot = plan.byte();
        match slot / CLIENTS % 12 {
            0 => self.disconnect(slot % CLIENTS),
            1 => self.wait(u64::from(plan.u16()) * 100),
            2 => self.restart(),
            3 => self.say_text(slot % CLIENTS, plan),
            what => {
                let message = self.message(what, plan);
                self.say(slot % CLIENTS, message);
            }
        }
        let counts = self.rooms.counts();
        assert!(counts.participants >= self.seats.len(), "{counts:?}");
        assert!(counts.participants <= counts.rooms * GROUP_MAX, "{counts:?}");
    }

    fn message(&self, what: u8, plan: &mut Plan<'_>) -> ClientMessage {
        let pick = plan.byte();
        let version = if pick == 255 { 2 } else { 1 };
        match what {
            4 => ClientMessage::RequestTicket {
                version,
                room: None,
                invitation: None,
            },
            5 => ClientMessage::RequestTicket {
                version,
                room: picked(&self.known_rooms, pick),
                invitation: None,
            },
            6 | 7 => ClientMessage::Join {
                version,
                ticket: picked(&self.tickets, pick).unwrap_or_default(),
                name: String::from_utf8_lossy(plan.take(4)).into_owned(),
                password: (pick & 1 == 1).then(|| "secret".to_owned()),
                waits: pick & 2 == 2,
            },
            8 | 9 => ClientMessage::Resume {
                version,
                token: picked(&self.tokens, pick).unwrap_or_default(),
                name: String::new(),
            },
            10 => ClientMessage::Signal {
                to: picked(&self.people, pick).unwrap_or_else(|| ParticipantId::from_bytes([pick; 16])),
                payload: serde_json::Value::Null,
            },
            _ if pick < 128 => ClientMessage::Leave,
            _ if pick < 192 => ClientMessage::Ping {
                nonce: u32::from(pick),
            },
            _ => self.of_groups(pick, plan),
        }
    }

    fn of_groups(&self, pick: u8, plan: &mut Plan<'_>) -> ClientMessage {
        match pick % 8 {
            0 | 1 => ClientMessage::Groups(Abilities {
                listens: pick % 16 < 8,
                several: pick & 16 == 0,
                only_listens: pick & 32 == 0,
            }),
            2 => ClientMessage::SetListens {
                id: picked(&self.people, plan.byte()).unwrap_or(ParticipantId::from_bytes([0; 16])),
                listens: pick & 64 == 0,
            },
            3 => ClientMessage::SfuOffer {
                connection: u32::from(plan.byte() % 4),
                sdp: "v=0".to_owned(),
                publish: Vec::new(),
            },
            4 => ClientMessage::Publish { publish: Vec::new() },
            5 => ClientMessage::Subscribe {
                downs: Vec::new(),
                kbps_max: None,
            },
            6 => {
                let to = plan.byte();
                ClientMessage::Tell {
                    payload: serde_json::Value::Null,
                    to: (to & 1 == 1).then(|| picked(&self.people, to / 2)).flatten(),
                }
            }
            _ => ClientMessage::TopologyReady {
                number: picked(&self.topologies, plan.byte()).unwrap_or_default(),
            },
        }
    }

    /// Any text, through the gate.
    fn say_text(&mut self, slot: u8, plan: &mut Plan<'_>) {
        let length = usize::from(plan.byte());
        let text = String::from_utf8_lossy(plan.take(length));
        if let Verdict::Pass(message) = Gate::new(self.now).admit(self.now, &text) {
            self.say(slot, message);
        }
    }

    fn say(&mut self, slot: u8, message: ClientMessage) {
        let client = *self.clients.entry(slot).or_insert_with(|| {
            self.next_client += 1;
            ClientId(self.next_client)
        });
        if matches!(message, ClientMessage::Groups(_)) {
            self.able.insert(client);
        }
        let outputs = self.rooms.handle(self.now, client, message);
        self.check(outputs);
    }

    fn disconnect(&mut self, slot: u8) {
        if let Some(client) = self.clients.remove(&slot) {
            self.seats.remove(&client);
            let outputs = self.rooms.disconnected(self.now, client);
            self.check(outputs);
        }
    }

    fn wait(&mut self, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
        let outputs = self.rooms.handle_timeout(self.now);
        self.check(outputs);
        assert!(
            self.rooms.poll_timeout().is_none_or(|at| at > self.now),
            "a timer that stays"
        );
    }

    /// The same key in a new process.
    fn restart(&mut self) {
        self.life += 1;
        self.now = self.now + Duration::from_secs(1);
        self.rooms = fresh(self.now, self.life);
        self.clients.clear();
        self.seats.clear();
        self.in_sfu.clear();
    }

    fn check(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send { to, message } => {
                    assert!(
                        self.clients.values().any(|client| *client == to),
                        "{to:?} is gone"
                    );
                    self.check_message(to, message);
                }
                Output::SendAll { to, message } => {
                    assert!(to.len() > 1, "one is told by itself");
                    for to in to {
                        assert!(
                            self.clients.values().any(|client| *client == to),
                            "{to:?} is gone"
                        );
                        self.check_message(to, message.clone());
                    }
                }
                Output::Close { client, .. } => {
                    self.seats.remove(&client);
                    self.clients.retain(|_, known| *known != client);
                }
            }
        }
        for errand in self.rooms.take_errands() {
            if let Errand::Sfu(command) = errand {
                self.serve(command);
            }
        }
    }

    /// The SFU's part: it answers every offer, ends every fourth connection, and thinks ill of every third list.
    fn serve(&mut self, command: Command) {
        let Command {
            room,
            participant,
            ask,
        } = command;
        let what = match ask {
            Ask::Leave => {
                assert!(
                    self.in_sfu.remove(&(room, participant)),
                    "somebody leaves who never came"
                );
                return;
            }
            Ask::Kick => return,
            Ask::Part(_) => {
                // Remembered there, also of whoever never connects.
                self.in_sfu.insert((room, participant));
                return;
            }
            Ask::Offer { connection: 3, .. } => What::Closed {
                connection: 3,
                reason: SfuClosed::Full,
            },
            Ask::Offer { connection, sdp, .. } => What::Answer { connection, sdp },
            Ask::Publish(_) => {
                self.lists += 1;
                if self.lists.is_multiple_of(3) {
                    What::Offences {
                        list: vec![OffenceCount {
                            what: Offence::Streams,
                            count: u64::MAX / 2,
                        }],
                        kicked: self.lists.is_multiple_of(2),
                    }
                } else {
                    What::Publications(Vec::new())
                }
            }
            Ask::Subscribe { .. } => What::Downs(Vec::new()),
        };
        self.in_sfu.insert((room, participant));
        let outputs = self.rooms.sfu_told(
            self.now,
            Event {
                room,
                participant,
                what,
            },
        );
        self.check(outputs);
    }

    fn check_message(&mut self, to: ClientId, message: ServerMessage) {
        let seat = self.seats.get(&to).copied();
        match message {
            ServerMessage::Ticket { room, ticket, .. } => {
                remember(&mut self.tickets, ticket);
                remember(&mut self.known_rooms, room);
            }
            ServerMessage::Joined {
                you,
                room,
                resume_token,
                participants,
                ..
            } => {
                assert!(seat.is_none(), "joined twice");
                if self.able.contains(&to) {
                    self.able_people.insert(you);
                }
                let max = if self.able_people.contains(&you) {
                    GROUP_MAX
                } else {
                    ROOM_PARTICIPANTS_MAX
                };
                assert!(participants.len() <= max, "{participants:?}");
                assert!(
                    participants.windows(2).all(|pair| pair[0].order < pair[1].order),
                    "{participants:?}"
                );
                assert!(
                    participants.iter().any(|p| p.id == you && !p.away),
                    "{participants:?}"
                );
                self.seats.insert(to, (room, you));
                remember(&mut self.tokens, resume_token);
                remember(&mut self.people, you);
            }
            ServerMessage::ResumeToken { resume_token } => {
                assert!(seat.is_some(), "a token for nobody");
                remember(&mut self.tokens, resume_token);
            }
            ServerMessage::Signal { from, .. } => {
                let room = seat.map(|(room, _)| room);
                let sender = self.seats.values().find(|(_, id)| *id == from);
                assert!(
                    room.is_some() && sender.map(|(room, _)| *room) == room,
                    "heard across rooms"
                );
                assert!(seat.is_some_and(|(_, id)| id != from), "heard by its sender");
            }
            ServerMessage::ParticipantJoined { participant } => {
                assert!(
                    seat.is_some_and(|(_, id)| id != participant.id),
                    "told about oneself"
                );
            }
            ServerMessage::ParticipantLeft { id, .. }
            | ServerMessage::ParticipantAway { id }
            | ServerMessage::ParticipantBack { id } => {
                assert!(seat.is_some_and(|(_, me)| me != id), "told about oneself");
            }
            ServerMessage::Participants { list } => {
                assert!(
                    (1..=PEOPLE_TOLD_AT_ONCE).contains(&list.len()),
                    "{} at once",
                    list.len()
                );
                assert!(
                    seat.is_some_and(|(_, me)| list.iter().all(|one| one.id != me)),
                    "told about oneself"
                );
            }
            ServerMessage::Several { list } => {
                assert!(
                    list.is_empty(),
                    "made where messages are written, and not by rooms"
                );
            }
            ServerMessage::ListensChanged { .. } => {
                assert!(
                    seat.is_some_and(|(_, me)| self.able_people.contains(&me)),
                    "of no use"
                );
            }
            ServerMessage::MuteAsked { by } => {
                assert!(seat.is_some_and(|(_, me)| me != by), "asked by oneself");
            }
            ServerMessage::Topology { number, .. } => {
                assert!(
                    seat.is_some_and(|(_, me)| self.able_people.contains(&me)),
                    "of no use"
                );
                remember(&mut self.topologies, number);
            }
            ServerMessage::ParticipantReady { id, .. } => {
                assert!(seat.is_some_and(|(_, me)| me != id), "told about oneself");
            }
            ServerMessage::Told { from, .. } => {
                let sender = self.seats.values().find(|(_, id)| *id == from);
                assert!(
                    seat.is_some_and(
                        |(room, me)| me != from && sender.is_some_and(|(there, _)| *there == room)
                    ),
                    "heard across rooms, or by its sender"
                );
            }
            ServerMessage::Offences { id, .. } => {
                assert!(seat.is_some_and(|(_, me)| me != id), "told about oneself");
            }
            ServerMessage::SfuAnswer { .. }
            | ServerMessage::SfuClosed { .. }
            | ServerMessage::Publications { .. }
            | ServerMessage::LayersWanted { .. }
            | ServerMessage::Downs { .. }
            | ServerMessage::Speakers { .. } => {
                assert!(
                    seat.is_some_and(|(_, me)| self.able_people.contains(&me)),
                    "told outside"
                );
            }
            ServerMessage::Waiting => assert!(seat.is_none(), "waiting inside"),
            ServerMessage::AtTheDoor { .. } | ServerMessage::Door(_) | ServerMessage::RoleChanged { .. } => {
                assert!(seat.is_some(), "told outside");
            }
            ServerMessage::Error { .. }
            | ServerMessage::Pong { .. }
            | ServerMessage::GoingAway
            | ServerMessage::Unknown => {}
        }
    }

    fn end(mut self) {
        for slot in 0..CLIENTS {
            self.disconnect(slot);
        }
        self.wait(3_600_000);
        assert_eq!(self.rooms.counts(), RoomCounts::default(), "somebody is left");
        assert_eq!(self.in_sfu, BTreeSet::new(), "the SFU still knows somebody");
        assert_eq!(self.rooms.poll_timeout(), None);
    }
}

fn fresh(now: Moment, life: u64) -> Rooms {
    let key = ServerKey::from_bytes([1; 32]);
    Rooms::new(now, &key, Vec::new(), 8, StdRng::seed_from_u64(life))
        .with_groups(Some(SPEAKERS_MAX))
        .with_listeners(LISTENERS_MAX, 3)
}

fn picked<T: Clone>(from: &[T], pick: u8) -> Option<T> {
    from.get(usize::from(pick) % from.len().max(1)).cloned()
}

fn remember<T>(memory: &mut Vec<T>, what: T) {
    if memory.len() == MEMORY {
        memory.remove(0);
    }
    memory.push(what);
}
