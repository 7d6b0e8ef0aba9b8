//! One person of a large room, as a client of theirs speaks to the server: a task that reads whatever comes and keeps what a test asks for.

use futures_util::{SinkExt as _, StreamExt as _};
use parley_proto::signal::SIGNAL_PATH;
use parley_proto::{Abilities, ClientMessage, PROTOCOL_VERSION, ParticipantId, RoomId, ServerMessage};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

/// What somebody heard so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard {
    pub(super) me: Option<ParticipantId>,
    pub(super) room: Option<RoomId>,
    /// Everybody, oneself included, and who of them listens.
    pub(super) people: BTreeMap<ParticipantId, bool>,
    /// The last word that was told, and how many were.
    pub(super) told: Option<Value>,
    pub(super) words: usize,
    /// The last answer of the SFU.
    pub(super) answer: Option<(u32, String)>,
    /// What others publish.
    pub(super) publications: usize,
    pub(super) refused: Vec<String>,
    pub(super) closed: bool,
    pub(super) frames: u64,
    pub(super) bytes: u64,
}

/// See the module.
pub(super) struct Person {
    say: mpsc::UnboundedSender<ClientMessage>,
    pub(super) heard: watch::Receiver<Heard>,
}

impl Person {
    /// Comes into a room (a new one for `None`), as soon as the server lets them.
    pub(super) fn come(runtime: &tokio::runtime::Runtime, server: SocketAddr, room: Option<RoomId>) -> Self {
        let (say, to_say) = mpsc::unbounded_channel();
        let (hear, heard) = watch::channel(Heard::default());
        runtime.spawn(live(server, room, to_say, hear));
        Self { say, heard }
    }

    pub(super) fn say(&self, message: ClientMessage) {
        let _ = self.say.send(message);
    }

    pub(super) fn now(&self) -> Heard {
        self.heard.borrow().clone()
    }

    pub(super) fn is(&self, so: impl Fn(&Heard) -> bool) -> bool {
        so(&self.heard.borrow())
    }
}

async fn live(
    server: SocketAddr,
    room: Option<RoomId>,
    mut to_say: mpsc::UnboundedReceiver<ClientMessage>,
    hear: watch::Sender<Heard>,
) {
    let (mut socket, _) = connect_async(format!("ws://{server}{SIGNAL_PATH}"))
        .await
        .unwrap();
    let abilities = Abilities {
        listens: true,
        several: true,
        only_listens: false,
    };
    let ask = ClientMessage::RequestTicket {
        version: PROTOCOL_VERSION,
        room,
        invitation: None,
    };
    for message in [ClientMessage::Groups(abilities), ask] {
        socket.send(text(&message)).await.unwrap();
    }
    loop {
        tokio::select! {
            said = to_say.recv() => match said {
                Some(message) => if socket.send(text(&message)).await.is_err() { break },
                None => break,
            },
            came = socket.next() => match came {
                Some(Ok(Message::Text(text))) => {
                    let message: ServerMessage = serde_json::from_str(&text).unwrap();
                    let list = match message {
                        ServerMessage::Several { list } => list,
                        message => vec![message],
                    };
                    let mut ticket = None;
                    hear.send_modify(|heard| {
                        heard.frames += 1;
                        heard.bytes += text.len() as u64;
                        for message in list {
                            ticket = ticket.take().or(heard.hear(message));
                        }
                    });
                    if let Some(ticket) = ticket {
                        let join = ClientMessage::Join {
                            version: PROTOCOL_VERSION,
                            ticket,
                            name: "somebody of hundreds".to_owned(),
                            password: None,
                            waits: true,
                        };
                        socket.send(self::text(&join)).await.unwrap();
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            },
        }
    }
    hear.send_modify(|heard| heard.closed = true);
}

fn text(message: &ClientMessage) -> Message {
    Message::text(serde_json::to_string(message).unwrap())
}

impl Heard {
    /// Gives the ticket, if that is what came.
    fn hear(&mut self, message: ServerMessage) -> Option<String> {
        match message {
            ServerMessage::Ticket { ticket, .. } => return Some(ticket),
            ServerMessage::Joined {
                you,
                room,
                participants,
                ..
            } => {
                self.me = Some(you);
                self.room = Some(room);
                self.people
                    .extend(participants.iter().map(|one| (one.id, one.listens)));
            }
            ServerMessage::Participants { list } => {
                self.people.extend(list.iter().map(|one| (one.id, one.listens)));
            }
            ServerMessage::ParticipantJoined { participant } => {
                self.people.insert(participant.id, participant.listens);
            }
            ServerMessage::ParticipantLeft { id, .. } => {
                self.people.remove(&id);
            }
            ServerMessage::ListensChanged { id, listens } => {
                self.people.insert(id, listens);
            }
            ServerMessage::Told { payload, .. } => {
                self.told = Some(payload);
                self.words += 1;
            }
            ServerMessage::SfuAnswer { connection, sdp } => self.answer = Some((connection, sdp)),
            ServerMessage::Publications { list } => self.publications = list.len(),
            ServerMessage::Error { code, .. } => self.refused.push(format!("{code:?}")),
            _ => {}
        }
        None
    }
}
