//! The writing half of one signaling connection: what the hub queued, what the gate answers, and signs of life. A driver; what is written
//! together and when is [`Bundle`]'s.

use crate::bundle::Bundle;
use crate::hub::{Outbound, Outgoing};
use crate::socket::Surroundings;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::SinkExt as _;
use futures_util::stream::SplitSink;
use parley_proto::CloseCode;
use parley_proto::limits::SIGNAL_PING_S;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};

/// How long one message may take to be written before the client counts as not reading.
const WRITE_MAX: Duration = Duration::from_secs(10);

/// See the module.
pub(crate) struct Writer<'a> {
    sink: SplitSink<WebSocket, Message>,
    around: &'a Surroundings,
    /// Whether the client takes several messages in one.
    several: &'a AtomicBool,
    bundle: Bundle,
}

/// Nothing can be written any more.
struct Broken;

enum Next {
    /// To be written by itself, at once.
    Alone(Outbound),
    Queued(Outbound),
    Due,
    Ping,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(
        sink: SplitSink<WebSocket, Message>,
        around: &'a Surroundings,
        several: &'a AtomicBool,
    ) -> Self {
        Self {
            sink,
            around,
            several,
            bundle: Bundle::default(),
        }
    }

    /// Writes until told to close (true) or until the client takes no more (false).
    pub(crate) async fn run(mut self, mut queue: Outgoing, mut answers: mpsc::Receiver<Outbound>) -> bool {
        let mut ping = tokio::time::interval(Duration::from_secs(SIGNAL_PING_S));
        ping.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let now = self.around.clock.now();
            let due = self.bundle.due(now);
            let timer = async {
                match due {
                    None => std::future::pending().await,
                    Some(at) if at <= now => {}
                    Some(at) => sleep_until(self.around.clock.instant(at).into()).await,
                }
            };
            // What is queued is looked at before what is due is written: it may go along.
            let next = tokio::select! {
                biased;
                Some(answer) = answers.recv() => Next::Alone(answer),
                // The hub is gone, and the server with it.
                outbound = queue.next(), if !self.bundle.is_full() => {
                    Next::Queued(outbound.unwrap_or(Outbound::Close(CloseCode::GoingAway)))
                }
                () = timer => Next::Due,
                _ = ping.tick() => Next::Ping,
            };
            let done = match next {
                Next::Alone(Outbound::Text { text, .. }) => {
                    self.write(Message::Text(text)).await.map(|()| false)
                }
                Next::Queued(Outbound::Text { text, can_wait }) => {
                    self.take(text, can_wait).await.map(|()| false)
                }
                Next::Alone(Outbound::Close(code)) | Next::Queued(Outbound::Close(code)) => {
                    self.close(code).await.map(|()| true)
                }
                Next::Due => self.flush().await.map(|()| false),
                Next::Ping => self.write(Message::Ping(Vec::new().into())).await.map(|()| false),
            };
            match done {
                Ok(false) => {}
                Ok(true) => return true,
                Err(Broken) => return false,
            }
        }
    }

    async fn take(&mut self, text: Utf8Bytes, can_wait: bool) -> Result<(), Broken> {
        if !self.several.load(Ordering::Relaxed) {
            self.flush().await?;
            return self.write(Message::Text(text)).await;
        }
        if !self.bundle.has_room(&text) {
            self.flush().await?;
        }
        self.bundle.add(text, can_wait);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Broken> {
        match self.bundle.take(self.around.clock.now()) {
            Some(text) => self.write(Message::Text(text)).await,
            None => Ok(()),
        }
    }

    async fn close(&mut self, code: CloseCode) -> Result<(), Broken> {
        self.flush().await?;
        self.write(close_frame(code)).await
    }

    async fn write(&mut self, message: Message) -> Result<(), Broken> {
        match timeout(WRITE_MAX, self.sink.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Broken),
            Err(_stuck) => {
                self.around.tally.slow_clients_closed.add();
                Err(Broken)
            }
        }
    }
}

fn close_frame(code: CloseCode) -> Message {
    Message::Close(Some(CloseFrame {
        code: code.number(),
        reason: "".into(),
    }))
}
