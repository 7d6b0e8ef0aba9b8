//! The data channels beside the control channel: negotiated, ordered, reliable, and each handed on as a [`Lane`] once the
//! other side answers on it.
//!
//! webrtc 0.21.1 drops what comes before the channel is open on the side it comes to. So each side says hello until it hears
//! something, and nothing else is said before. A peer without lanes never answers, and there never is one.

use super::library::{LibraryEvent, LibraryEvents};
use super::meter::Meter;
use crate::port::{Lane, LaneKind};
use bytes::{Bytes, BytesMut};
use parley_proto::chat::{CHAT_CHANNEL_ID, CHAT_CHANNEL_LABEL};
use parley_proto::files::{CHUNKS_CHANNEL_ID, CHUNKS_CHANNEL_LABEL, FILES_CHANNEL_ID, FILES_CHANNEL_LABEL};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelInit};
use webrtc::peer_connection::PeerConnection;

/// Said until something is heard.
const HELLO: &[u8] = &[1];
/// Said once for every hello.
const HELLO_ANSWER: &[u8] = &[2];
/// Time between two hellos, ...
const HELLO_INTERVAL: Duration = Duration::from_millis(200);
/// ... and how many there are at most: a minute's worth.
const HELLOS_MAX: u32 = 300;
/// Messages that may wait for the library; more, and the one who speaks waits.
const OUTGOING_MAX: usize = 16;
/// Messages that may wait for the app; more are dropped and counted. What honest sides have on their way fits.
const INCOMING_MAX: usize = 512;

/// How often it is asked how much is answered.
const ANSWERS_LOOKED_AT: Duration = Duration::from_millis(2);

const LANES: [(LaneKind, &str, u16); 3] = [
    (LaneKind::Chat, CHAT_CHANNEL_LABEL, CHAT_CHANNEL_ID),
    (LaneKind::Files, FILES_CHANNEL_LABEL, FILES_CHANNEL_ID),
    (LaneKind::Chunks, CHUNKS_CHANNEL_LABEL, CHUNKS_CHANNEL_ID),
];

/// A channel on which nothing was said yet.
pub(super) struct Unopened {
    kind: LaneKind,
    channel: Arc<dyn DataChannel>,
    events: LibraryEvents,
    meter: Arc<Meter>,
}

/// Makes the channels of a connection.
pub(super) async fn create_all(
    peer: &dyn PeerConnection,
    events: &LibraryEvents,
    meter: &Arc<Meter>,
) -> webrtc::error::Result<Vec<Unopened>> {
    let mut lanes = Vec::with_capacity(LANES.len());
    for (kind, label, id) in LANES {
        let init = RTCDataChannelInit {
            negotiated: Some(id),
            ..Default::default()
        };
        lanes.push(Unopened {
            kind,
            channel: peer.create_data_channel(label, Some(init)).await?,
            events: events.clone(),
            meter: Arc::clone(meter),
        });
    }
    Ok(lanes)
}

impl Unopened {
    /// The channel, to be asked how much of what was said is not answered.
    pub(super) fn channel(&self) -> Arc<dyn DataChannel> {
        Arc::clone(&self.channel)
    }

    /// Greets, hands the lane on, and carries what comes and goes until the channel or the task is ended.
    pub(super) async fn run(self) {
        let (outgoing, to_go) = mpsc::channel(OUTGOING_MAX);
        let (came, incoming) = mpsc::channel(INCOMING_MAX);
        let answered = Arc::new(AtomicU64::new(0));
        let lane = Lane {
            outgoing,
            incoming,
            answered: Arc::clone(&answered),
            allotment: Arc::clone(&self.meter.files),
        };
        let writing = write(
            Arc::clone(&self.channel),
            to_go,
            Arc::clone(&self.meter),
            answered,
        );
        // Reading must go on while writing waits for room: it is what comes that makes room.
        tokio::join!(writing, self.read(lane, came));
    }

    async fn read(self, lane: Lane, came: mpsc::Sender<Bytes>) {
        let mut lane = Some(lane);
        let (mut open, mut hellos) = (false, 0);
        let mut ticks = tokio::time::interval(HELLO_INTERVAL);
        loop {
            let event = tokio::select! {
                event = self.channel.poll() => event,
                _ = ticks.tick(), if open && lane.is_some() && hellos < HELLOS_MAX => {
                    hellos += 1;
                    self.say(HELLO).await;
                    continue;
                }
            };
            match event {
                None => return,
                Some(DataChannelEvent::OnOpen) => open = true,
                Some(DataChannelEvent::OnMessage(message)) => {
                    if message.data == HELLO {
                        self.say(HELLO_ANSWER).await;
                    }
                    if let Some(lane) = lane.take() {
                        self.events.tell(LibraryEvent::Lane {
                            kind: self.kind,
                            lane,
                        });
                    }
                    if message.data != HELLO
                        && message.data != HELLO_ANSWER
                        && came.try_send(message.data.freeze()).is_err()
                    {
                        self.meter.drops.lane_full.one();
                    }
                }
                Some(_) => {}
            }
        }
    }

    async fn say(&self, word: &[u8]) {
        match self.channel.try_send(BytesMut::from(word)).await {
            Ok(()) => self.meter.said.add(word.len() as u64),
            Err(error) => tracing::debug!(%error, lane = ?self.kind, "a greeting was not taken"),
        }
    }
}

/// Waits while more than the library's limit is on its way. Tells what is answered, for as long as something is not.
async fn write(
    channel: Arc<dyn DataChannel>,
    mut to_go: mpsc::Receiver<BytesMut>,
    meter: Arc<Meter>,
    answered: Arc<AtomicU64>,
) {
    let (mut said, mut known) = (0, 0);
    loop {
        tokio::select! {
            biased;
            message = to_go.recv() => {
                let Some(message) = message else { return };
                let bytes = message.len() as u64;
                if let Err(error) = channel.send(message).await {
                    tracing::debug!(%error, "a lane takes no more");
                    return;
                }
                meter.said.add(bytes);
                said += bytes;
            }
            () = tokio::time::sleep(ANSWERS_LOOKED_AT), if known < said => {}
        }
        let waits = channel.outstanding_bytes().await.unwrap_or(0) as u64;
        known = said.saturating_sub(waits);
        answered.store(known, Ordering::Release);
    }
}
