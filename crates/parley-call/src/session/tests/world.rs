//! Two sessions, a server and a path between them, in virtual time: an hour of call takes milliseconds.

mod delivery;
mod pairs;
mod sfu;

use super::fake_peer::FakePeer;
use super::fake_server::{FakeServer, Reply, room};
use super::fake_sfu::FakeSfu;
use crate::call::CallCommand;
use crate::end::{EndReason, SignalingFault};
use crate::port::{PeerCommand, PeerEvent, PeerEventKind, TrackKind};
use crate::session::{
    Input, LaneCommand, Output, Session, SessionConfig, SessionEvent, SignalingCommand, SignalingEvent,
};
use crate::snapshot::{CallPhase, CallSnapshot};
use bytes::Bytes;
use delivery::Delivery;
use parley_proto::{
    CloseCode, ControlMessage, LinkSecret, MediaState, ParticipantId, Reaction, ServerAddress, ServerMessage,
};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// What an adversary between server and clients does to messages.
pub(super) type Tamper = fn(&mut ServerMessage);

#[derive(Debug)]
pub(super) struct Party {
    pub(super) session: Session,
    pub(super) peer: FakePeer,
    pub(super) sfu: FakeSfu,
    /// Connections for files.
    pub(super) pairs: BTreeMap<ParticipantId, FakePeer>,
    /// How many there were.
    pub(super) pairs_opened: u8,
    connection: Option<u32>,
    pub(super) ended: Option<EndReason>,
    pub(super) tracks: usize,
    /// Which those are, and whether they come through the SFU: another of a kind takes the place of the one before.
    kinds: Vec<(ParticipantId, TrackKind, bool)>,
    /// Lanes through the server that are open, and what came on them.
    pub(super) lanes: Vec<ParticipantId>,
    pub(super) frames: Vec<(ParticipantId, Bytes)>,
    /// No packet to the SFU passes.
    pub(super) no_sfu: bool,
    pub(super) reactions: Vec<Reaction>,
    /// How often a host asked to mute.
    pub(super) mute_asked: u32,
    /// No packet of signaling passes.
    pub(super) cut_off: bool,
    crashed: bool,
}

impl Party {
    fn track(&mut self, participant: ParticipantId, kind: TrackKind, begins: Option<bool>) {
        let is_it = |there: &(ParticipantId, TrackKind, bool)| (there.0, there.1) == (participant, kind);
        let known = self.kinds.iter().any(is_it);
        assert!(begins.is_some() || known, "{kind:?} ends, and was not there");
        self.kinds.retain(|there| !is_it(there));
        self.kinds
            .extend(begins.map(|by_sfu| (participant, kind, by_sfu)));
        self.tracks = self.kinds.len();
    }

    /// Whether the app has a track of somebody, and whether that comes through the SFU.
    pub(super) fn has(&self, participant: ParticipantId, kind: TrackKind) -> Option<bool> {
        let mut of_them = self.kinds.iter();
        of_them
            .find(|there| (there.0, there.1) == (participant, kind))
            .map(|there| there.2)
    }

    fn lane(&mut self, command: LaneCommand) {
        match command {
            LaneCommand::Open { participant } => {
                self.lanes.retain(|there| *there != participant);
                self.lanes.push(participant);
            }
            LaneCommand::Came {
                participant, frame, ..
            } => self.frames.push((participant, frame)),
            LaneCommand::EndFiles => {}
            LaneCommand::Close { participant } => self.lanes.retain(|there| *there != participant),
        }
    }
}

#[derive(Debug)]
pub(super) struct World {
    start: Instant,
    now: Instant,
    pub(super) parties: Vec<Party>,
    pub(super) server: FakeServer,
    pub(super) server_up: bool,
    pub(super) path_up: bool,
    /// Whether a second connection comes to stand beside a first one.
    pub(super) second_path_up: bool,
    /// A party whom nothing reaches, although the others are reached.
    pub(super) deaf: Option<usize>,
    pub(super) tamper: Option<Tamper>,
    /// Words on the control channel of the connection in use reach the other side, as they always do between two that are made.
    pub(super) carries_words: bool,
    /// Whoever starts Parley wants only to listen.
    pub(super) newcomers_only_listen: bool,
    /// One message in so many is doubled, or overtaken by the next; 0 for never.
    pub(super) disorder: u64,
    queue: BTreeMap<(Instant, u64), Delivery>,
    sequence: u64,
    random: u64,
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "an arbitrary moment to count from")]
    pub(super) fn new(seed: u64) -> Self {
        let now = Instant::now();
        Self {
            start: now,
            now,
            parties: Vec::new(),
            server: FakeServer::new(),
            server_up: true,
            path_up: true,
            second_path_up: true,
            deaf: None,
            tamper: None,
            carries_words: false,
            newcomers_only_listen: false,
            disorder: 0,
            queue: BTreeMap::new(),
            sequence: 0,
            random: seed,
        }
    }

    /// Two people, the first one in the room before the second.
    pub(super) fn pair(seed: u64) -> Self {
        let mut world = Self::new(seed);
        let ada = world.arrive(None);
        world.run_ms(500);
        world.command(ada, CallCommand::Enter);
        world.run_ms(500);
        let ben = world.arrive(Some([3; 16]));
        world.command(ben, CallCommand::Enter);
        world
    }

    /// The same, after they connected.
    pub(super) fn connected_pair(seed: u64) -> Self {
        let mut world = Self::pair(seed);
        world.run_s(5);
        world.expect_media();
        world
    }

    /// The same, where all words on control channels are carried.
    pub(super) fn talking_pair(seed: u64) -> Self {
        let mut world = Self::pair(seed);
        world.carries_words = true;
        world.run_s(5);
        world.expect_media();
        world
    }

    /// Another person starts Parley: with the link's secret, or to make the room.
    pub(super) fn arrive(&mut self, secret: Option<[u8; 16]>) -> usize {
        let number = self.parties.len();
        let session = Session::new(
            self.now,
            SessionConfig {
                server: ServerAddress::new(false, "localhost", 7788).unwrap(),
                room: secret.map(|_| room()),
                secret: LinkSecret::from_bytes(secret.unwrap_or([3; 16])),
                invitation: None,
                name: format!("party {number}"),
                media: MediaState::default(),
                seed: self.random.wrapping_add(number as u64),
                only_listens: self.newcomers_only_listen,
            },
        );
        self.parties.push(Party {
            session,
            peer: FakePeer::new(number as u8 + 1, self.now),
            sfu: FakeSfu::default(),
            pairs: BTreeMap::new(),
            pairs_opened: 0,
            connection: None,
            ended: None,
            tracks: 0,
            kinds: Vec::new(),
            lanes: Vec::new(),
            frames: Vec::new(),
            no_sfu: false,
            reactions: Vec::new(),
            mute_asked: 0,
            cut_off: false,
            crashed: false,
        });
        self.settle(number);
        number
    }

    pub(super) fn command(&mut self, party: usize, command: CallCommand) {
        self.input(party, Input::Command(command));
    }

    pub(super) fn snapshot(&self, party: usize) -> CallSnapshot {
        self.parties[party].session.snapshot()
    }

    pub(super) fn phase(&self, party: usize) -> CallPhase {
        self.snapshot(party).phase
    }

    pub(super) fn ended(&self, party: usize) -> Option<&EndReason> {
        self.parties[party].ended.as_ref()
    }

    /// Whether media goes both ways between the last two who are there.
    pub(super) fn media_flows(&self) -> bool {
        let alive: Vec<&Party> = self.parties.iter().filter(|party| !party.crashed).collect();
        matches!(alive[..], [.., a, b] if a.peer.is_heard_by(&b.peer) && b.peer.is_heard_by(&a.peer)
            && self.path_up)
    }

    /// Whether the screen that one of two shares is seen by the other in this moment.
    pub(super) fn screen_is_seen(&self, sharer: usize) -> bool {
        let [from, to] = [sharer, 1 - sharer].map(|party| &self.parties[party].peer);
        from.is_seen_by(to)
    }

    pub(super) fn expect_media(&self) {
        assert!(self.media_flows(), "no media: {:#?}", self.parties);
    }

    /// The connection to the server breaks, and both ends notice.
    pub(super) fn break_signaling(&mut self, party: usize) {
        if let Some(connection) = self.parties[party].connection.take() {
            let fault = SignalingFault::Lost;
            self.push_ms(
                0,
                Delivery::ToClient {
                    party,
                    connection,
                    event: SignalingEvent::Closed { fault, code: None },
                },
            );
            // What was sent before arrives before.
            self.push_ms(45, Delivery::HungUp { party, connection });
        }
    }

    /// The server goes down, for a while.
    pub(super) fn stop_server(&mut self) {
        self.server_up = false;
        for party in 0..self.parties.len() {
            self.break_signaling(party);
        }
    }

    pub(super) fn start_server(&mut self, new_keys: bool) {
        self.server.restart(new_keys);
        self.server_up = true;
    }

    /// The process is gone from one moment to the next.
    pub(super) fn crash(&mut self, party: usize) {
        self.break_signaling(party);
        let gone = &mut self.parties[party];
        gone.crashed = true;
        gone.peer.open = false;
        self.look();
    }

    /// The server says something that it should not.
    pub(super) fn server_says(&mut self, party: usize, text: String) {
        if let Some(connection) = self.parties[party].connection {
            self.push_ms(
                1,
                Delivery::ToClient {
                    party,
                    connection,
                    event: SignalingEvent::Text(text),
                },
            );
        }
    }

    /// The server closes a connection of its own accord.
    pub(super) fn server_closes(&mut self, party: usize, code: CloseCode) {
        if let Some(connection) = self.parties[party].connection {
            let event = SignalingEvent::Closed {
                fault: SignalingFault::Lost,
                code: Some(code),
            };
            self.push_ms(
                1,
                Delivery::ToClient {
                    party,
                    connection,
                    event,
                },
            );
        }
    }

    /// Something comes on the control channel.
    pub(super) fn hears(&mut self, party: usize, message: ControlMessage) {
        self.peer_tells(party, PeerEventKind::Control(message));
    }

    /// The peer driver of a party tells something about the connection that there is.
    pub(super) fn peer_tells(&mut self, party: usize, kind: PeerEventKind) {
        let event = PeerEvent {
            generation: self.parties[party].peer.generation,
            kind,
        };
        self.input(party, Input::Peer(event));
    }

    pub(super) fn set_path(&mut self, up: bool) {
        self.path_up = up;
        self.look();
    }

    pub(super) fn set_deaf(&mut self, party: Option<usize>) {
        self.deaf = party;
        self.look();
    }

    pub(super) fn run_s(&mut self, seconds: u64) {
        self.run_ms(seconds * 1000);
    }

    pub(super) fn run_ms(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        loop {
            let next_delivery = self.queue.keys().next().map(|(at, _)| *at);
            let alive = |party: &&Party| !party.crashed;
            let timeouts = self.parties.iter().filter(alive);
            let next_timeout = timeouts.filter_map(|party| party.session.poll_timeout()).min();
            let next = next_delivery.into_iter().chain(next_timeout).min();
            let Some(at) = next.filter(|at| *at <= until) else {
                break;
            };
            assert!(self.sequence < 2_000_000, "the world does not come to rest");
            self.now = self.now.max(at);
            if next_delivery == Some(at) {
                if let Some((_, delivery)) = self.queue.pop_first() {
                    self.deliver(delivery);
                }
            } else {
                for party in 0..self.parties.len() {
                    let due = |party: &Party| party.session.poll_timeout().is_some_and(|due| due <= at);
                    if !self.parties[party].crashed && due(&self.parties[party]) {
                        self.input(party, Input::Timeout);
                    }
                }
            }
            self.sequence += 1;
        }
        self.now = until;
        let replies = self.server.expire(self.now);
        self.reply(replies);
    }

    /// A number below `below`, from the seed.
    pub(super) fn random(&mut self, below: u64) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % below.max(1)
    }

    fn push_ms(&mut self, ms: u64, delivery: Delivery) {
        self.push(self.now + Duration::from_millis(ms), delivery);
    }

    fn push(&mut self, at: Instant, delivery: Delivery) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), delivery);
    }

    /// When a message sent now arrives: messages of one direction keep their order, unless disorder is wanted.
    fn latency_ms(&mut self) -> u64 {
        if self.disorder > 0 && self.random(self.disorder) == 0 {
            return 10 + self.random(30);
        }
        10
    }

    fn look(&mut self) {
        for ms in [20, 1_100, 8_100, 10_000, 15_100] {
            self.push_ms(ms, Delivery::Look);
        }
    }

    fn input(&mut self, party: usize, input: Input) {
        if !self.parties[party].crashed {
            self.parties[party].session.handle(self.now, input);
            self.settle(party);
        }
    }

    /// Carries out what a session decided.
    fn settle(&mut self, party: usize) {
        let mut outputs = VecDeque::new();
        while let Some(output) = self.parties[party].session.poll_output() {
            outputs.push_back(output);
        }
        for output in outputs {
            match output {
                Output::Signaling(command) => self.signal(party, command),
                Output::Peer(command) => {
                    self.carry_word(party, &command);
                    let mut random = self.random;
                    let latency = || {
                        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        Duration::from_micros(500 + (random >> 33) % 4_000)
                    };
                    let events = self.parties[party].peer.command(self.now, command, latency);
                    self.random(1);
                    for (at, event) in events {
                        self.push(at, Delivery::FromPeer { party, event });
                    }
                    self.look();
                }
                Output::Sfu(command) => {
                    for event in self.parties[party].sfu.command(command) {
                        self.push_ms(2, Delivery::FromSfu { party, event });
                    }
                    self.look();
                }
                Output::Lane(command) => self.parties[party].lane(command),
                Output::Pair(command) => self.serve_pair(party, command),
                Output::Event(SessionEvent::Track {
                    participant, kind, ..
                }) => self.parties[party].track(participant, kind, Some(false)),
                Output::Event(SessionEvent::GroupTrack(track)) => {
                    self.parties[party].track(track.participant, track.kind, Some(true));
                }
                Output::Event(SessionEvent::TrackEnded { participant, kind }) => {
                    self.parties[party].track(participant, kind, None);
                }
                Output::Event(SessionEvent::Reaction { reaction, .. }) => {
                    self.parties[party].reactions.push(reaction);
                }
                Output::Event(SessionEvent::MuteAsked { .. }) => self.parties[party].mute_asked += 1,
                Output::Event(SessionEvent::Lane { .. }) => {}
                Output::Event(SessionEvent::Ended(reason)) => self.parties[party].ended = Some(reason),
                Output::Event(SessionEvent::Ready(_)) => {}
            }
        }
    }

    /// What is said on a control channel reaches a second connection of the other side, and where words are carried any.
    fn carry_word(&mut self, party: usize, command: &PeerCommand) {
        let (beside, message) = match command {
            PeerCommand::SendControl(message) => (false, message),
            PeerCommand::Beside(command) => match &**command {
                PeerCommand::SendControl(message) => (true, message),
                _ => return,
            },
            _ => return,
        };
        let any = self.carries_words;
        for other in (0..self.parties.len()).filter(|other| *other != party) {
            let Ok([from, to]) = self.parties.get_disjoint_mut([party, other]) else {
                continue;
            };
            let event = from
                .peer
                .place(beside)
                .filter(|place| place.media_flows())
                .and_then(|place| to.peer.hear(place, message.clone(), any));
            if let Some(event) = event {
                self.push_ms(8, Delivery::FromPeer { party: other, event });
            }
        }
    }

    fn signal(&mut self, party: usize, command: SignalingCommand) {
        match command {
            SignalingCommand::Connect { connection } => {
                if self.server_up && !self.parties[party].cut_off {
                    self.parties[party].connection = Some(connection);
                    self.push_ms(10, Delivery::Opened { party, connection });
                } else {
                    let fault = SignalingFault::Refused;
                    self.push_ms(
                        10,
                        Delivery::Refused {
                            party,
                            connection,
                            fault,
                        },
                    );
                }
            }
            SignalingCommand::Send(message) => {
                if let Some(connection) = self.parties[party].connection {
                    let ms = self.latency_ms();
                    self.push_ms(
                        ms,
                        Delivery::ToServer {
                            party,
                            connection,
                            message,
                        },
                    );
                }
            }
            SignalingCommand::Disconnect => {
                if let Some(connection) = self.parties[party].connection.take() {
                    self.push_ms(45, Delivery::HungUp { party, connection });
                }
            }
        }
    }

    fn deliver(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Opened { party, connection } => self.input(
                party,
                Input::Signaling {
                    connection,
                    event: SignalingEvent::Opened,
                },
            ),
            Delivery::Refused {
                party,
                connection,
                fault,
            } => self.input(
                party,
                Input::Signaling {
                    connection,
                    event: SignalingEvent::Closed { fault, code: None },
                },
            ),
            Delivery::ToServer {
                party,
                connection,
                message,
            } => {
                if self.server_up && !self.parties[party].cut_off {
                    let replies = self.server.handle(self.now, (party, connection), message);
                    self.reply(replies);
                    if self.server.groups.on {
                        self.push_ms(1, Delivery::Look);
                    }
                }
            }
            Delivery::ToClient {
                party,
                connection,
                event,
            } => {
                self.input(party, Input::Signaling { connection, event });
            }
            Delivery::HungUp { party, connection } => {
                let replies = self.server.disconnected(self.now, (party, connection));
                self.reply(replies);
            }
            Delivery::FromPeer { party, event } => {
                self.input(party, Input::Peer(event));
                self.look();
            }
            Delivery::FromSfu { party, event } => {
                self.input(party, Input::Sfu(event));
                self.look();
            }
            Delivery::FromPair {
                party,
                participant,
                event,
            } => self.hear_pair(party, participant, event),
            Delivery::Look => {
                self.look_now();
                self.look_at_pairs();
                self.look_at_sfu();
            }
        }
    }

    fn look_now(&mut self) {
        let alive: Vec<usize> = (0..self.parties.len())
            .filter(|party| !self.parties[*party].crashed)
            .collect();
        for party in &alive {
            let others = alive.iter().filter(|other| *other != party);
            let others: Vec<&FakePeer> = others.map(|other| &self.parties[*other].peer).collect();
            let [first, second] = self.parties[*party].peer.carries(&others);
            let now = self.now;
            let hears = self.path_up && self.deaf != Some(*party);
            let peer = &mut self.parties[*party].peer;
            let mut events = peer.check(now, first && hears);
            events.extend(peer.check_second(now, second && hears && self.second_path_up));
            for other in alive.iter().filter(|other| *other != party) {
                if let Ok([here, there]) = self.parties.get_disjoint_mut([*party, *other]) {
                    events.extend(here.peer.see(&there.peer));
                }
            }
            for event in events {
                self.input(*party, Input::Peer(event));
            }
        }
    }

    fn reply(&mut self, replies: Vec<Reply>) {
        for reply in replies {
            let ((party, connection), event) = match reply {
                Reply::Message(client, mut message) => {
                    if let Some(tamper) = self.tamper {
                        tamper(&mut message);
                    }
                    (
                        client,
                        SignalingEvent::Text(serde_json::to_string(&message).unwrap()),
                    )
                }
                Reply::Close(client, code) => (
                    client,
                    SignalingEvent::Closed {
                        fault: SignalingFault::Lost,
                        code: Some(code),
                    },
                ),
            };
            if self.parties[party].cut_off || !self.server_up {
                continue;
            }
            let ms = self.latency_ms();
            if self.disorder > 0 && self.random(self.disorder) == 0 {
                self.push_ms(
                    ms + 3,
                    Delivery::ToClient {
                        party,
                        connection,
                        event: event.clone(),
                    },
                );
            }
            self.push_ms(
                ms,
                Delivery::ToClient {
                    party,
                    connection,
                    event,
                },
            );
        }
    }

    /// Seconds since the world began.
    pub(super) fn seconds(&self) -> u64 {
        self.now.duration_since(self.start).as_secs()
    }
}
