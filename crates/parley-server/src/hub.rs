//! The hub: the task that owns the rooms. Connections send it what they read; it fills their queues.
//!
//! A queue that is full means a client that does not read: its connection is cut, it may resume. A driver: all decisions
//! are in [`crate::rooms`].

use crate::access::Source;
use crate::counters::Tally;
use crate::errands::{Errands, Hashed};
use crate::places::Places;
use crate::rooms::{ClientId, Output, Rooms};
use crate::stage::Stage;
use crate::time::{Clock, Moment};
use axum::extract::ws::Utf8Bytes;
use parley_proto::limits::{SIGNAL_QUEUE_BYTES_MAX, SIGNAL_QUEUE_MESSAGES_MAX};
use parley_proto::{ClientMessage, CloseCode, ServerMessage};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};

/// Messages of all connections waiting for the hub; when full, connections wait, and their clients with them.
const INBOX_MESSAGES_MAX: usize = 1024;

/// What a connection tells the hub.
#[derive(Debug)]
pub(crate) enum Inbound {
    /// It is there, and comes from there.
    Opened(ClientId, Mailbox, Option<Source>),
    /// It read a message.
    Message(ClientId, ClientMessage),
    /// It is gone.
    Closed(ClientId),
    /// Whoever runs the server wants to know or have something.
    Asked(Question),
    /// A password was hashed for it.
    Hashed(ClientId, Hashed),
    /// The SFU wants somebody to know something.
    Sfu(crate::sfu::Event),
}

/// What whoever runs the server asks of the rooms. It answers its asker by itself.
pub(crate) struct Question(Ask);

type Ask = Box<dyn FnOnce(&mut Rooms, Moment) -> Vec<Output> + Send>;

impl Question {
    pub(crate) fn new(ask: impl FnOnce(&mut Rooms, Moment) -> Vec<Output> + Send + 'static) -> Self {
        Self(Box::new(ask))
    }
}

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Question(…)")
    }
}

/// What a connection is asked to write.
#[derive(Debug)]
pub(crate) enum Outbound {
    Text {
        text: Utf8Bytes,
        /// It may go a moment later, with others ([`crate::bundle`]).
        can_wait: bool,
    },
    Close(CloseCode),
}

impl Outbound {
    /// A text that goes at once.
    pub(crate) const fn urgent(text: Utf8Bytes) -> Self {
        let can_wait = false;
        Self::Text { text, can_wait }
    }
}

/// The hub's end of a connection.
#[derive(Debug)]
pub(crate) struct Mailbox {
    queue: mpsc::Sender<Outbound>,
    /// Bytes of text in the queue.
    bytes: Arc<AtomicUsize>,
    /// Cuts the connection without waiting for what is queued.
    cut: oneshot::Sender<()>,
}

/// A connection's end.
#[derive(Debug)]
pub(crate) struct Desk {
    queue: mpsc::Receiver<Outbound>,
    bytes: Arc<AtomicUsize>,
    cut: oneshot::Receiver<()>,
}

impl Desk {
    /// What is to be written next, and the signal that the connection is to be cut.
    pub(crate) fn split(self) -> (Outgoing, oneshot::Receiver<()>) {
        let outgoing = Outgoing {
            queue: self.queue,
            bytes: self.bytes,
        };
        (outgoing, self.cut)
    }
}

/// The queue of one client, read by its writer.
#[derive(Debug)]
pub(crate) struct Outgoing {
    queue: mpsc::Receiver<Outbound>,
    bytes: Arc<AtomicUsize>,
}

impl Outgoing {
    /// `None` when the hub is gone.
    pub(crate) async fn next(&mut self) -> Option<Outbound> {
        let outbound = self.queue.recv().await?;
        if let Outbound::Text { text, .. } = &outbound {
            self.bytes.fetch_sub(text.len(), Ordering::Relaxed);
        }
        Some(outbound)
    }
}

/// Both ends of a bounded queue for one client.
pub(crate) fn mailbox() -> (Mailbox, Desk) {
    let (queue, messages) = mpsc::channel(SIGNAL_QUEUE_MESSAGES_MAX);
    let (cut, when_cut) = oneshot::channel();
    let bytes = Arc::new(AtomicUsize::new(0));
    let desk = Desk {
        queue: messages,
        bytes: Arc::clone(&bytes),
        cut: when_cut,
    };
    (Mailbox { queue, bytes, cut }, desk)
}

/// A bounded way to the hub.
pub(crate) fn inbox() -> (mpsc::Sender<Inbound>, mpsc::Receiver<Inbound>) {
    mpsc::channel(INBOX_MESSAGES_MAX)
}

/// A message as text, which all who get it share.
#[derive(Debug, Clone)]
struct Letter {
    text: Utf8Bytes,
    can_wait: bool,
}

impl Letter {
    fn new(message: &ServerMessage) -> Option<Self> {
        let text = serde_json::to_string(message).ok()?.into();
        let can_wait = crate::bundle::can_wait(message);
        Some(Self { text, can_wait })
    }
}

pub(crate) struct Hub {
    pub(crate) rooms: Rooms,
    pub(crate) clock: Clock,
    pub(crate) tally: Arc<Tally>,
    errands: Errands,
    places: Arc<Places>,
    clients: HashMap<ClientId, Mailbox>,
}

impl Hub {
    pub(crate) fn new(
        rooms: Rooms,
        clock: Clock,
        tally: Arc<Tally>,
        errands: Errands,
        places: Arc<Places>,
    ) -> Self {
        Self {
            rooms,
            clock,
            tally,
            errands,
            places,
            clients: HashMap::new(),
        }
    }

    /// Runs until the server stops (then everyone is told) or all connections and the server are gone.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Inbound>, mut stage: watch::Receiver<Stage>) {
        loop {
            let deadline = self.rooms.poll_timeout().map(|at| self.clock.instant(at));
            let timeout = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                inbound = inbox.recv() => match inbound {
                    Some(inbound) => self.take(inbound),
                    None => return,
                },
                () = timeout => {
                    let outputs = self.rooms.handle_timeout(self.clock.now());
                    self.deliver(outputs);
                }
                changed = stage.changed() => {
                    let now = *stage.borrow_and_update();
                    // A server that is gone without a word is gone all the same.
                    if changed.is_err() || now == Stage::Stopping {
                        return self.going_away();
                    }
                    if now == Stage::Draining {
                        self.rooms.drain();
                    }
                }
            }
            for errand in self.rooms.take_errands() {
                self.errands.run(errand);
            }
            self.count();
        }
    }

    fn count(&self) {
        let (counts, doors) = (self.rooms.counts(), self.rooms.door_counts());
        self.tally.rooms.set(counts.rooms);
        self.tally.participants.set(counts.participants);
        self.tally.waiting.set(counts.waiting);
        self.tally.doors(&doors, self.errands.unwritten());
    }

    fn take(&mut self, inbound: Inbound) {
        let now = self.clock.now();
        let outputs = match inbound {
            Inbound::Opened(client, mailbox, source) => {
                self.clients.insert(client, mailbox);
                self.rooms.opened(client, source);
                return;
            }
            // What a connection still sent after it was closed is no longer anybody's word.
            Inbound::Message(client, _) if !self.clients.contains_key(&client) => return,
            Inbound::Message(client, message) => self.rooms.handle(now, client, message),
            Inbound::Asked(Question(ask)) => ask(&mut self.rooms, now),
            Inbound::Sfu(event) => self.rooms.sfu_told(now, event),
            Inbound::Hashed(client, Hashed::Checked(right)) => {
                self.rooms.password_checked(now, client, right)
            }
            Inbound::Hashed(client, Hashed::Made(hash)) => self.rooms.password_hashed(client, hash),
            Inbound::Closed(client) => {
                self.clients.remove(&client);
                self.rooms.disconnected(now, client)
            }
        };
        self.deliver(outputs);
    }

    /// Hands out what the rooms decided, and what follows from cutting those who do not read.
    fn deliver(&mut self, outputs: Vec<Output>) {
        let mut slow = Vec::new();
        for output in outputs {
            match output {
                Output::Send { to, message } => {
                    // Nothing else can change whether somebody has joined without ending the connection.
                    if matches!(
                        message,
                        ServerMessage::Joined { .. } | ServerMessage::Waiting | ServerMessage::Error { .. }
                    ) {
                        self.places.set_joined(to, self.rooms.has_joined(to));
                    }
                    if let Some(letter) = Letter::new(&message)
                        && self.post(to, letter).is_err()
                    {
                        slow.push(to);
                    }
                }
                Output::SendAll { to, message } => {
                    let Some(letter) = Letter::new(&message) else {
                        continue;
                    };
                    slow.extend(
                        to.into_iter()
                            .filter(|to| self.post(*to, letter.clone()).is_err()),
                    );
                }
                Output::Close { client, code } => {
                    if let Some(mailbox) = self.clients.remove(&client)
                        && mailbox.queue.try_send(Outbound::Close(code)).is_err()
                    {
                        let _ = mailbox.cut.send(());
                    }
                }
            }
        }
        for client in slow {
            let Some(mailbox) = self.clients.remove(&client) else {
                continue;
            };
            self.tally.slow_clients_closed.add();
            tracing::info!(client = client.0, "a client does not read, cutting it");
            let _ = mailbox.cut.send(());
            let outputs = self.rooms.disconnected(self.clock.now(), client);
            self.deliver(outputs);
        }
    }

    /// Queues a message. An error means the queue is full.
    fn post(&self, to: ClientId, letter: Letter) -> Result<(), ()> {
        let Some(mailbox) = self.clients.get(&to) else {
            return Ok(());
        };
        let Letter { text, can_wait } = letter;
        let bytes = text.len();
        if mailbox.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > SIGNAL_QUEUE_BYTES_MAX {
            return Err(());
        }
        match mailbox.queue.try_send(Outbound::Text { text, can_wait }) {
            // A closed queue belongs to a connection that is just ending and will say so itself.
            Ok(()) | Err(TrySendError::Closed(_)) => Ok(()),
            Err(TrySendError::Full(_)) => Err(()),
        }
    }

    fn going_away(self) {
        if let Some(letter) = Letter::new(&ServerMessage::GoingAway) {
            for client in self.clients.keys() {
                let _ = self.post(*client, letter.clone());
            }
        }
        for mailbox in self.clients.into_values() {
            let _ = mailbox.queue.try_send(Outbound::Close(CloseCode::GoingAway));
        }
    }
}
