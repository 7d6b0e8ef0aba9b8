//! What the rooms ask for besides sending. A driver: hashes on threads for that, a few at once, and brings the answers to the hub.

use crate::access::PasswordHash;
use crate::counters::Tally;
use crate::hub::Inbound;
use crate::rooms::{ClientId, Errand, RoomEvent};
use crate::sfu::driver::SfuDriver;
use crate::sfu::{Ask, Command, Event, What};
use crate::store::Store;
use parley_proto::SfuClosed;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};

/// Passwords hashed at once: each takes 19 MiB and a whole core. How many wait for it the rooms bound, who hear of each one.
const HASHING_MAX: usize = 2;

/// The hub's hands.
#[derive(Debug)]
pub(crate) struct Errands {
    /// Weak: a hub that held its own inbox open would never see that everybody is gone.
    hub: mpsc::WeakSender<Inbound>,
    hashing: Arc<Semaphore>,
    store: Option<Store>,
    webhook: Option<mpsc::Sender<RoomEvent>>,
    sfu: Option<Arc<SfuDriver>>,
    tally: Arc<Tally>,
}

impl Errands {
    pub(crate) fn new(
        hub: &mpsc::Sender<Inbound>,
        store: Option<Store>,
        webhook: Option<mpsc::Sender<RoomEvent>>,
        tally: Arc<Tally>,
    ) -> Self {
        Self {
            hub: hub.downgrade(),
            hashing: Arc::new(Semaphore::new(HASHING_MAX)),
            store,
            webhook,
            sfu: None,
            tally,
        }
    }

    /// The same with an SFU.
    pub(crate) fn with_sfu(mut self, sfu: Option<Arc<SfuDriver>>) -> Self {
        self.sfu = sfu;
        self
    }

    /// What could not be written down.
    pub(crate) fn unwritten(&self) -> u64 {
        self.store.as_ref().map_or(0, Store::dropped)
    }

    /// Never waits.
    pub(crate) fn run(&self, errand: Errand) {
        match errand {
            Errand::CheckPassword {
                client,
                hash,
                password,
            } => self.hash(client, Hashed::Checked(false), move || {
                Hashed::Checked(hash.fits(&password))
            }),
            Errand::HashPassword {
                client,
                password,
                salt,
            } => self.hash(client, Hashed::Made(None), move || {
                Hashed::Made(PasswordHash::make(&password, salt))
            }),
            Errand::Store(record) => {
                if let Some(store) = &self.store {
                    store.write(record);
                }
            }
            Errand::Tell(event) => {
                if let Some(webhook) = &self.webhook
                    && webhook.try_send(event).is_err()
                {
                    self.tally.webhooks_dropped.add();
                }
            }
            Errand::Sfu(command) => self.hand_over(command),
        }
    }

    /// A thread that has too much to do takes no more: who offered a connection is told to come again, the rest is said again by its
    /// client with the next change.
    fn hand_over(&self, command: Command) {
        let (room, participant) = (command.room, command.participant);
        let connection = match &command.ask {
            Ask::Offer { connection, .. } => Some(*connection),
            _ => None,
        };
        let taken = self.sfu.as_ref().is_some_and(|sfu| sfu.command(command));
        if let Some(connection) = connection.filter(|_| !taken)
            && let Some(hub) = self.hub.upgrade()
        {
            let reason = SfuClosed::Full;
            let what = What::Closed { connection, reason };
            // A hub with a full inbox hears of the offer again soon enough.
            let _ = hub.try_send(Inbound::Sfu(Event {
                room,
                participant,
                what,
            }));
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "driver: hashing must not hold up the hub"
    )]
    fn hash(&self, client: ClientId, failed: Hashed, work: impl FnOnce() -> Hashed + Send + 'static) {
        // Not the store: its file is closed when the hub ends.
        let (hub, hashing) = (self.hub.clone(), Arc::clone(&self.hashing));
        tokio::spawn(async move {
            let Ok(_turn) = hashing.acquire().await else {
                return;
            };
            let hashed = tokio::task::spawn_blocking(work).await.unwrap_or(failed);
            if let Some(hub) = hub.upgrade() {
                // A hub that is gone needs no answer.
                let _ = hub.send(Inbound::Hashed(client, hashed)).await;
            }
        });
    }
}

/// What came of hashing.
#[derive(Debug)]
pub(crate) enum Hashed {
    /// Whether the password was right.
    Checked(bool),
    /// The hash of a fresh one.
    Made(Option<PasswordHash>),
}
