//! Webhooks: tells a program of the operator's what happens in rooms. `outbox` decides, `post` speaks HTTP, this carries between.
//!
//! One delivery at a time, in order; what cannot be delivered is tried again with back-off, then given up and counted. Nothing here
//! ever holds up the hub.

mod outbox;
mod post;

use crate::counters::Tally;
use crate::rooms::RoomEvent;
use crate::time::Clock;
use outbox::Outbox;
pub(crate) use outbox::{WebhookCounts, handle};
use post::Target;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Events on the way from the hub; more are dropped and counted.
const EVENTS_MAX: usize = 1024;

/// No file of authorities is longer.
const AUTHORITIES_BYTES_MAX: u64 = 1 << 20;

/// The shortest secret; less can be guessed.
pub(crate) const SECRET_BYTES_MIN: usize = 16;

/// Where events go, and what they are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookConfig {
    /// `https://HOST[:PORT]/PATH`, or `http://` on one's own machine or network.
    pub url: String,
    /// The HMAC key is the bytes of this text.
    pub secret: String,
    /// A PEM file with the only authorities that are trusted there; `None` trusts those of the web.
    pub authorities: Option<PathBuf>,
}

impl fmt::Debug for WebhookConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookConfig")
            .field("url", &self.url)
            .field("authorities", &self.authorities)
            .finish_non_exhaustive()
    }
}

/// Why there can be no such webhook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadWebhook {
    /// Nothing can be told there.
    #[error(
        "{url} is no address for a webhook. Write https://HOST/PATH, or http:// on your own network, and a secret of at least 16 characters."
    )]
    Address {
        /// What was said.
        url: String,
    },
    /// Nobody can be trusted there.
    #[error(
        "The file {} of webhook.ca cannot be read or is no certificate in PEM. Check the path, that the server's user may read it, and what is in it.",
        path.display()
    )]
    Authorities {
        /// The file.
        path: PathBuf,
    },
}

/// Whether there could be a webhook at this address.
pub(crate) fn is_address(url: &str) -> bool {
    Target::parse(url).is_some()
}

/// A way to the task that delivers, and the task's future.
pub(crate) fn open(
    config: &WebhookConfig,
    clock: Clock,
    tally: Arc<Tally>,
) -> Result<(mpsc::Sender<RoomEvent>, impl Future<Output = ()> + Send + use<>), BadWebhook> {
    let bad = || BadWebhook::Address {
        url: config.url.clone(),
    };
    if config.secret.len() < SECRET_BYTES_MIN {
        return Err(bad());
    }
    let mut target = Target::parse(&config.url).ok_or_else(bad)?;
    if let Some(path) = &config.authorities {
        let trusting = read_short(path).and_then(|pem| target.trusting(&pem));
        target = trusting.ok_or_else(|| BadWebhook::Authorities { path: path.clone() })?;
    }
    let (sender, events) = mpsc::channel(EVENTS_MAX);
    let outbox = Outbox::new(config.secret.clone().into_bytes());
    Ok((sender, deliver(outbox, target, events, clock, tally)))
}

/// A file that is no longer than certificates are.
fn read_short(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    let read = file
        .take(AUTHORITIES_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .ok()?;
    (read as u64 <= AUTHORITIES_BYTES_MAX).then_some(bytes)
}

/// Delivers until the hub is gone; what waits then is lost.
async fn deliver(
    mut outbox: Outbox,
    target: Target,
    mut events: mpsc::Receiver<RoomEvent>,
    clock: Clock,
    tally: Arc<Tally>,
) {
    loop {
        while let Some(delivery) = outbox.poll(clock.now()) {
            let done = target.post(&delivery).await;
            if let Err(error) = &done {
                tracing::debug!(%error, "a webhook was not delivered");
            }
            outbox.done(clock.now(), done.is_ok());
            tally.webhooks(outbox.counts());
        }
        let next = outbox.poll_timeout();
        let due = async {
            match next {
                Some(at) => tokio::time::sleep_until(clock.instant(at).into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => outbox.push(clock.now(), &event),
                None => return,
            },
            () = due => {}
        }
    }
}
