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
use std::sync::Arc;
use tokio::sync::mpsc;

/// Events on the way from the hub; more are dropped and counted.
const EVENTS_MAX: usize = 1024;

/// The shortest secret; less can be guessed.
pub(crate) const SECRET_BYTES_MIN: usize = 16;

/// Where events go, and what they are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookConfig {
    /// `https://HOST[:PORT]/PATH`, or `http://` on one's own machine or network.
    pub url: String,
    /// The HMAC key is the bytes of this text.
    pub secret: String,
}

impl fmt::Debug for WebhookConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookConfig")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Why there can be no such webhook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{url} is no address for a webhook. Write https://HOST/PATH, or http:// on your own network, and a secret of at least 16 characters."
)]
pub struct BadWebhook {
    url: String,
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
    let bad = || BadWebhook {
        url: config.url.clone(),
    };
    if config.secret.len() < SECRET_BYTES_MIN {
        return Err(bad());
    }
    let target = Target::parse(&config.url).ok_or_else(bad)?;
    let (sender, events) = mpsc::channel(EVENTS_MAX);
    let outbox = Outbox::new(config.secret.clone().into_bytes());
    Ok((sender, deliver(outbox, target, events, clock, tally)))
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
