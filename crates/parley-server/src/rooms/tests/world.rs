//! Rooms in a world with a clock of its own, and three people.

use crate::rooms::*;
use parley_proto::{PROTOCOL_VERSION, Participant};
use rand::SeedableRng as _;
use serde_json::json;

pub(super) const START: Moment = Moment::from_unix_ms(1_800_000_000_000);
pub(super) const KEY: ServerKey = ServerKey::from_bytes([7; 32]);
pub(super) const ADA: ClientId = ClientId(1);
pub(super) const BOB: ClientId = ClientId(2);
pub(super) const EVE: ClientId = ClientId(3);

/// A server in a world with a clock of its own.
pub(super) struct World {
    pub(super) rooms: Rooms,
    pub(super) now: Moment,
    /// Bob, where a test needs him later.
    pub(super) bobs: Option<Joined>,
    life: u64,
    written: Vec<Record>,
}

#[derive(Debug, Clone)]
pub(super) struct Joined {
    pub(super) me: ParticipantId,
    pub(super) room: RoomId,
    pub(super) token: String,
    pub(super) participants: Vec<Participant>,
}

impl World {
    pub(super) fn new() -> Self {
        let life = 1;
        Self {
            rooms: Rooms::new(START, &KEY, Vec::new(), 1000, StdRng::seed_from_u64(life)),
            now: START,
            bobs: None,
            life,
            written: Vec::new(),
        }
    }

    /// A new server with the same key takes over; everyone is disconnected.
    pub(super) fn restart(&mut self) {
        self.wait(2);
        self.life += 1;
        self.rooms = Rooms::new(self.now, &KEY, Vec::new(), 1000, StdRng::seed_from_u64(self.life));
    }

    /// The same, with what was written down.
    pub(super) fn restart_with_book(&mut self) {
        let stored = self
            .rooms
            .take_errands()
            .into_iter()
            .filter_map(|errand| match errand {
                Errand::Store(record) => Some(record),
                _ => None,
            });
        self.written.extend(stored);
        self.restart();
        self.rooms.restore(self.now, self.written.clone());
    }

    pub(super) fn wait(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    pub(super) fn tick(&mut self) -> Vec<Output> {
        self.rooms.handle_timeout(self.now)
    }

    pub(super) fn say(&mut self, client: ClientId, message: ClientMessage) -> Vec<Output> {
        self.rooms.handle(self.now, client, message)
    }

    pub(super) fn ticket(
        &mut self,
        client: ClientId,
        room: Option<RoomId>,
    ) -> Result<(RoomId, String), ErrorCode> {
        let version = PROTOCOL_VERSION;
        match only(self.say(
            client,
            ClientMessage::RequestTicket {
                version,
                room,
                invitation: None,
            },
        )) {
            (_, ServerMessage::Ticket { room, ticket, .. }) => Ok((room, ticket)),
            (_, ServerMessage::Error { code, .. }) => Err(code),
            other => panic!("{other:?}"),
        }
    }

    /// Joins by ticket; what it was told, and everything that was sent.
    pub(super) fn join(
        &mut self,
        client: ClientId,
        ticket: &str,
    ) -> Result<(Joined, Vec<Output>), ErrorCode> {
        let message = ClientMessage::Join {
            version: PROTOCOL_VERSION,
            ticket: ticket.to_owned(),
            name: format!("client {}", client.0),
            password: None,
            waits: true,
        };
        let outputs = self.say(client, message);
        joined(client, outputs)
    }

    pub(super) fn enter(&mut self, client: ClientId, room: Option<RoomId>) -> Joined {
        let (_, ticket) = self.ticket(client, room).unwrap();
        self.join(client, &ticket).unwrap().0
    }

    pub(super) fn resume(
        &mut self,
        client: ClientId,
        token: &str,
    ) -> Result<(Joined, Vec<Output>), ErrorCode> {
        let message = ClientMessage::Resume {
            version: PROTOCOL_VERSION,
            token: token.to_owned(),
            name: format!("client {}", client.0),
        };
        let outputs = self.say(client, message);
        joined(client, outputs)
    }

    /// Ada and Bob in one room; both with the newest token they were given.
    pub(super) fn pair(&mut self) -> (Joined, Joined) {
        let mut ada = self.enter(ADA, None);
        let (_, ticket) = self.ticket(BOB, Some(ada.room)).unwrap();
        let (bob, outputs) = self.join(BOB, &ticket).unwrap();
        ada.token = fresh_token(ADA, &outputs).expect("Ada's token names Bob from now on");
        (ada, bob)
    }
}

pub(super) fn joined(client: ClientId, outputs: Vec<Output>) -> Result<(Joined, Vec<Output>), ErrorCode> {
    match sent_to(client, &outputs).first() {
        Some(ServerMessage::Joined {
            you,
            room,
            resume_token,
            participants,
            ..
        }) => Ok((
            Joined {
                me: *you,
                room: *room,
                token: resume_token.clone(),
                participants: participants.clone(),
            },
            outputs,
        )),
        Some(ServerMessage::Error { code, .. }) => Err(*code),
        other => panic!("{other:?}"),
    }
}

pub(super) fn sent_to(client: ClientId, outputs: &[Output]) -> Vec<ServerMessage> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Send { to, message } if *to == client => Some(message.clone()),
            Output::SendAll { to, message } if to.contains(&client) => Some(message.clone()),
            _ => None,
        })
        .collect()
}

pub(super) fn fresh_token(client: ClientId, outputs: &[Output]) -> Option<String> {
    sent_to(client, outputs)
        .into_iter()
        .find_map(|message| match message {
            ServerMessage::ResumeToken { resume_token } => Some(resume_token),
            _ => None,
        })
}

/// The one message sent.
pub(super) fn only(mut outputs: Vec<Output>) -> (ClientId, ServerMessage) {
    assert_eq!(outputs.len(), 1, "{outputs:?}");
    match outputs.remove(0) {
        Output::Send { to, message } => (to, message),
        other => panic!("{other:?}"),
    }
}

pub(super) fn signal(to: ParticipantId) -> ClientMessage {
    ClientMessage::Signal {
        to,
        payload: json!({"kind": "restart"}),
    }
}
