//! What the rooms ask for besides sending. A driver: hashes on threads for that, a few at once, and brings the answers to the hub.

use crate::access::PasswordHash;
use crate::counters::Tally;
use crate::hub::Inbound;
use crate::rooms::{ClientId, Errand, RoomEvent};
use crate::store::Store;
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
            tally,
        }
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
