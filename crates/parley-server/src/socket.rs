//! One signaling connection: reads through the gate, has [`crate::writer`] write what the hub queued, watches for silence. A driver.

use crate::access::Source;
use crate::counters::Tally;
use crate::gate::{Gate, Verdict};
use crate::hub::{Inbound, Outbound, mailbox};
use crate::places::{GiveWay, Place};
use crate::rooms::{ClientId, error};
use crate::time::Clock;
use crate::writer::Writer;
use axum::extract::ws::{Message, WebSocket};
use futures_util::StreamExt as _;
use futures_util::stream::SplitStream;
use parley_proto::limits::SIGNAL_SILENCE_S_MAX;
use parley_proto::{ClientMessage, CloseCode, ErrorCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{timeout, timeout_at};

/// How long the other side's farewell is waited for after ours.
const FAREWELL_MAX: Duration = Duration::from_secs(1);
/// Answers of the gate waiting to be written; when full, the connection reads no further until they are.
const ANSWERS_MAX: usize = 8;

/// What every connection shares.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) hub: mpsc::Sender<Inbound>,
    pub(crate) clock: Clock,
    pub(crate) tally: Arc<Tally>,
    /// How long a connection may be there without joining.
    pub(crate) join_max: Duration,
}

/// Serves one connection until it ends, for whatever reason.
pub(crate) async fn serve(
    socket: WebSocket,
    client: ClientId,
    source: Option<Source>,
    mut stay: (Place, GiveWay),
    around: Surroundings,
) {
    let (sink, mut stream) = socket.split();
    let (mailbox, desk) = mailbox();
    let (answers, answers_out) = mpsc::channel(ANSWERS_MAX);
    let opened = Inbound::Opened(client, mailbox, source);
    if around.hub.send(opened).await.is_err() {
        return;
    }
    around.tally.connections.add();
    around.tally.connections_accepted.add();
    let (queue, cut) = desk.split();
    let closed = {
        let several = AtomicBool::new(false);
        let mut reading = std::pin::pin!(read(&mut stream, client, answers, &mut stay, (&around, &several)));
        let writer = Writer::new(sink, &around, &several);
        tokio::select! {
            // Ends only when told to close, or when nothing can be written any more: so what is queued goes out first.
            closed = writer.run(queue, answers_out) => {
                if !closed {
                    // What came before the connection broke still counts: a goodbye above all, after which clients read no more.
                    let _ = timeout(FAREWELL_MAX, &mut reading).await;
                }
                closed
            }
            () = &mut reading => false,
            // Only a value means "cut"; a dropped sender means that the queue knows how it ends.
            Ok(()) = cut => false,
        }
    };
    let _ = around.hub.send(Inbound::Closed(client)).await;
    if closed {
        // A socket dropped with unread bytes is reset, and the reset may overtake what was written last.
        let _ = timeout(FAREWELL_MAX, async {
            while let Some(Ok(_)) = stream.next().await {}
        })
        .await;
    }
    around.tally.connections.sub();
}

/// Reads until the client is gone. Returns at once then; when the client is to be closed, waits for the writer to do it.
async fn read(
    stream: &mut SplitStream<WebSocket>,
    client: ClientId,
    answers: mpsc::Sender<Outbound>,
    (place, give_way): &mut (Place, GiveWay),
    (around, several): (&Surroundings, &AtomicBool),
) {
    let came = around.clock.now();
    let mut gate = Gate::new(came);
    let mut heard = came;
    let close = loop {
        let silent_at = heard + Duration::from_secs(SIGNAL_SILENCE_S_MAX);
        let late_at = came + around.join_max;
        let until = if place.is_joined() {
            silent_at
        } else {
            silent_at.min(late_at)
        };
        let read = tokio::select! {
            read = timeout_at(around.clock.instant(until).into(), stream.next()) => read,
            () = give_way.wait() => break CloseCode::Unjoined,
        };
        let message = match read {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => {
                if is_offence(&error) {
                    around.tally.malformed.add();
                }
                break CloseCode::TooLarge;
            }
            Ok(None) => return,
            Err(_over) if around.clock.now() >= silent_at => {
                around.tally.silent_clients_closed.add();
                break CloseCode::Silent;
            }
            // Joined meanwhile.
            Err(_over) if place.is_joined() => continue,
            Err(_over) => {
                around.tally.unjoined_late.add();
                break CloseCode::Unjoined;
            }
        };
        let now = around.clock.now();
        heard = now;
        let verdict = match message {
            Message::Text(text) => gate.admit(now, &text),
            Message::Binary(_) => gate.admit_binary(now),
            // tungstenite answers pings itself; a pong is a sign of life and nothing else.
            Message::Ping(_) | Message::Pong(_) => match gate.admit_control(now) {
                None => continue,
                Some(verdict) => verdict,
            },
            Message::Close(_) => return,
        };
        around.tally.messages.add();
        let (code, fatal) = match verdict {
            Verdict::Pass(message) => {
                if let ClientMessage::Groups(said) = &message {
                    several.store(said.several, Ordering::Relaxed);
                }
                if around.hub.send(Inbound::Message(client, message)).await.is_err() {
                    return;
                }
                continue;
            }
            Verdict::Refuse(code) => (code, false),
            Verdict::Close(code) => (code, true),
        };
        tracing::debug!(client = client.0, ?code, fatal, "refused a message");
        count(&around.tally, code, fatal);
        let Ok(text) = serde_json::to_string(&error(code, fatal)) else {
            return;
        };
        if answers.send(Outbound::urgent(text.into())).await.is_err() {
            return;
        }
        if fatal {
            break CloseCode::Offences;
        }
    };
    tracing::debug!(client = client.0, ?close, "closing a client");
    if answers.send(Outbound::Close(close)).await.is_ok() {
        // The writer ends the connection once it is through; where nothing can be written any more, there is nothing to wait for.
        answers.closed().await;
    }
}

/// Whether the other side said what is no WebSocket message, or one far beyond the limit. A connection that merely broke is nobody's
/// fault. The library's errors have no other face here than their words.
fn is_offence(error: &axum::Error) -> bool {
    let words = error.to_string();
    !words.starts_with("IO error") && !words.contains("without closing handshake")
}

fn count(tally: &Tally, code: ErrorCode, fatal: bool) {
    if code == ErrorCode::TooFast {
        tally.rate_limited.add();
    } else {
        tally.malformed.add();
    }
    if fatal {
        tally.offenders_closed.add();
    }
}
