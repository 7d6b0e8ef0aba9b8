//! The task around [`Chat`]: carries between the app and the lane. It decides nothing.

use super::conversation::{Chat, ChatCounters, ChatNews, SayError};
use crate::port::Lane;
use bytes::{Bytes, BytesMut};
use parley_proto::{ChatText, MessageId, ParticipantId};
use std::time::Instant;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep_until;

/// Requests that may wait.
const REQUESTS_MAX: usize = 32;
/// News that may wait for the app. While it takes none, nothing more is read.
const NEWS_MAX: usize = 64;

/// The app's end of a chat. Dropping it ends the task.
#[derive(Debug)]
pub struct ChatHandle {
    requests: mpsc::Sender<Request>,
    /// What happens, in order.
    pub news: mpsc::Receiver<ChatNews>,
    /// What was refused, repeated and not answered since the call began.
    pub counters: watch::Receiver<ChatCounters>,
}

#[derive(Debug)]
enum Request {
    Say {
        id: MessageId,
        text: String,
        answer: oneshot::Sender<Result<ChatText, SayError>>,
    },
    Lane {
        participant: ParticipantId,
        lane: Lane,
    },
}

impl ChatHandle {
    /// Sends a message, now or as soon as the other side can be spoken to; gives it as it will be seen.
    ///
    /// # Errors
    /// [`SayError`].
    pub async fn say(&self, id: MessageId, text: String) -> Result<ChatText, SayError> {
        let (answer, answered) = oneshot::channel();
        let request = Request::Say { id, text, answer };
        // A task that is gone has a call that is over.
        self.requests.send(request).await.map_err(|_| SayError::TooMany)?;
        answered.await.unwrap_or(Err(SayError::TooMany))
    }

    /// The other side can be spoken to, over this. Takes the place of a lane there was before.
    pub fn use_lane(&self, participant: ParticipantId, lane: Lane) {
        if self
            .requests
            .try_send(Request::Lane { participant, lane })
            .is_err()
        {
            tracing::warn!("the chat takes no lane");
        }
    }
}

/// Starts the chat of one call. Inside a tokio runtime.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "driver: one task a call, ended with its handle"
)]
pub fn start() -> ChatHandle {
    let (requests, asked) = mpsc::channel(REQUESTS_MAX);
    let (tell, news) = mpsc::channel(NEWS_MAX);
    let (count, counters) = watch::channel(ChatCounters::default());
    let driver = Driver {
        chat: Chat::default(),
        asked,
        tell,
        count,
        lane: None,
        with: None,
        to_go: None,
        to_tell: None,
    };
    tokio::spawn(driver.run());
    ChatHandle {
        requests,
        news,
        counters,
    }
}

#[expect(clippy::disallowed_methods, reason = "driver: the clock enters here")]
fn clock() -> Instant {
    Instant::now()
}

struct Driver {
    chat: Chat,
    asked: mpsc::Receiver<Request>,
    tell: mpsc::Sender<ChatNews>,
    count: watch::Sender<ChatCounters>,
    lane: Option<Lane>,
    with: Option<ParticipantId>,
    /// Waits for room in the lane.
    to_go: Option<BytesMut>,
    /// Waits for the app to take it.
    to_tell: Option<ChatNews>,
}

enum Happening {
    Asked(Request),
    Came(Bytes),
    LaneEnded,
    Passed,
    TimeUp,
    Over,
}

impl Driver {
    async fn run(mut self) {
        loop {
            self.take_up();
            match self.next().await {
                Happening::Asked(Request::Say { id, text, answer }) => {
                    // Who waits no more was told that it is not said.
                    if !answer.is_closed() {
                        let _ = answer.send(self.chat.say(clock(), id, &text));
                    }
                }
                Happening::Asked(Request::Lane { participant, lane }) => self.use_lane(participant, lane),
                Happening::Came(bytes) => self.chat.on_bytes(clock(), &bytes),
                Happening::LaneEnded => self.end_lane(),
                Happening::Passed => {}
                Happening::TimeUp => self.chat.on_timeout(clock()),
                Happening::Over => return,
            }
        }
    }

    fn use_lane(&mut self, participant: ParticipantId, lane: Lane) {
        self.end_lane();
        let before = self.with.replace(participant);
        if before.is_some_and(|before| before != participant) {
            self.chat.forget();
        }
        self.lane = Some(lane);
        self.chat.lane_up();
    }

    fn end_lane(&mut self) {
        self.lane = None;
        self.to_go = None;
        self.chat.lane_down();
    }

    /// Holds the next frame and the next news, which go when there is room for them.
    fn take_up(&mut self) {
        let counters = self.chat.counters();
        self.count
            .send_if_modified(|told| std::mem::replace(told, counters) != counters);
        if self.to_tell.is_none() {
            self.to_tell = self.chat.poll_news();
        }
        if self.to_go.is_none()
            && let Some(frame) = self.chat.poll_frame()
        {
            self.to_go = serde_json::to_vec(&frame)
                .ok()
                .map(|bytes| BytesMut::from(&bytes[..]));
        }
    }

    /// Waits. Neither a lane that nobody drains nor an app that takes no news keeps requests waiting. Every branch is cancel
    /// safe: what is passed on leaves its place only once there is room.
    async fn next(&mut self) -> Happening {
        let take_at = self.chat.take_at().filter(|at| *at > clock());
        let reads = self.to_tell.is_none() && self.chat.may_take();
        let overdue_at = self.chat.poll_timeout();
        let (outgoing, incoming) = self.lane.as_mut().map_or((None, None), |lane| {
            (Some(&lane.outgoing), Some(&mut lane.incoming))
        });
        tokio::select! {
            request = self.asked.recv() => request.map_or(Happening::Over, Happening::Asked),
            happening = come(incoming, take_at), if reads => happening,
            happening = pass_on(outgoing, &mut self.to_go) => happening,
            // An app that is gone drops the handle, which ends this task.
            happening = pass_on(Some(&self.tell), &mut self.to_tell) => match happening {
                Happening::LaneEnded => Happening::Over,
                other => other,
            },
            () = sleep_until(overdue_at.unwrap_or_else(clock).into()), if overdue_at.is_some() => Happening::TimeUp,
        }
    }
}

/// The next thing of the lane, not before its time.
async fn come(incoming: Option<&mut mpsc::Receiver<Bytes>>, not_before: Option<Instant>) -> Happening {
    let Some(incoming) = incoming else {
        return std::future::pending().await;
    };
    if let Some(at) = not_before {
        sleep_until(at.into()).await;
    }
    incoming
        .recv()
        .await
        .map_or(Happening::LaneEnded, Happening::Came)
}

/// Puts what waits into the channel, once there is one with room.
async fn pass_on<T>(channel: Option<&mpsc::Sender<T>>, waiting: &mut Option<T>) -> Happening {
    let (Some(channel), true) = (channel, waiting.is_some()) else {
        return std::future::pending().await;
    };
    let Ok(room) = channel.reserve().await else {
        return Happening::LaneEnded;
    };
    if let Some(thing) = waiting.take() {
        room.send(thing);
    }
    Happening::Passed
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "test: a time limit")]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    /// Two lanes, end to end.
    fn lanes() -> (Lane, Lane) {
        let (to_right, mut from_left) = mpsc::channel::<BytesMut>(16);
        let (to_left, mut from_right) = mpsc::channel::<BytesMut>(16);
        let (right_in, right) = mpsc::channel(16);
        let (left_in, left) = mpsc::channel(16);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    Some(bytes) = from_left.recv() => if right_in.send(bytes.freeze()).await.is_err() { return },
                    Some(bytes) = from_right.recv() => if left_in.send(bytes.freeze()).await.is_err() { return },
                    else => return,
                }
            }
        });
        (
            Lane {
                outgoing: to_right,
                incoming: left,
                answered: Arc::default(),
                allotment: Arc::default(),
            },
            Lane {
                outgoing: to_left,
                incoming: right,
                answered: Arc::default(),
                allotment: Arc::default(),
            },
        )
    }

    async fn next(chat: &mut ChatHandle) -> ChatNews {
        tokio::time::timeout(Duration::from_secs(10), chat.news.recv())
            .await
            .unwrap()
            .unwrap()
    }

    #[tokio::test]
    async fn a_message_waits_for_a_lane_and_survives_the_loss_of_one() {
        let (mut ada, mut ben) = (start(), start());
        let (to_ada, to_ben) = (
            ParticipantId::from_bytes([1; 16]),
            ParticipantId::from_bytes([2; 16]),
        );
        let first = ada
            .say(MessageId::from_bytes([1; 16]), " early ".into())
            .await
            .unwrap();
        assert_eq!(first.text, "early");
        let (left, right) = lanes();
        ada.use_lane(to_ben, left);
        ben.use_lane(to_ada, right);
        assert_eq!(next(&mut ben).await, ChatNews::Came(first.clone()));
        assert_eq!(next(&mut ada).await, ChatNews::Delivered(first.id));

        // Ben's end goes; what Ada says meanwhile comes over the next lane.
        let (left, right) = lanes();
        ben.use_lane(to_ada, right);
        let second = ada
            .say(MessageId::from_bytes([2; 16]), "late".into())
            .await
            .unwrap();
        ada.use_lane(to_ben, left);
        assert_eq!(next(&mut ben).await, ChatNews::Came(second.clone()));
        assert_eq!(next(&mut ada).await, ChatNews::Delivered(second.id));
    }

    /// Says so many messages, each of which must be taken at once.
    async fn say_many(chat: &ChatHandle, many: std::ops::Range<u8>) {
        for n in many {
            let saying = chat.say(MessageId::from_bytes([n; 16]), "words".into());
            let said = tokio::time::timeout(Duration::from_secs(10), saying).await;
            said.expect("the chat serves nobody any more").unwrap();
        }
    }

    #[tokio::test]
    async fn a_lane_that_nobody_drains_keeps_nobody_waiting() {
        let ada = start();
        let (outgoing, _full) = mpsc::channel(1);
        let (_silent, incoming) = mpsc::channel(1);
        let lane = Lane {
            outgoing,
            incoming,
            answered: Arc::default(),
            allotment: Arc::default(),
        };
        ada.use_lane(ParticipantId::from_bytes([2; 16]), lane);
        say_many(&ada, 0..100).await;
    }

    #[tokio::test]
    async fn an_app_that_takes_no_news_is_served_all_the_same() {
        let ada = start();
        let (outgoing, mut sent) = mpsc::channel(1);
        let (answer, incoming) = mpsc::channel(256);
        let lane = Lane {
            outgoing,
            incoming,
            answered: Arc::default(),
            allotment: Arc::default(),
        };
        ada.use_lane(ParticipantId::from_bytes([2; 16]), lane);
        let answering = tokio::spawn(async move {
            for n in 0..NEWS_MAX + 2 {
                sent.recv().await.unwrap();
                let id = MessageId::from_bytes([n as u8; 16]);
                let delivered = parley_proto::ChatFrame::Delivered { id };
                let bytes = serde_json::to_vec(&delivered).unwrap();
                answer.send(bytes.into()).await.unwrap();
            }
            (sent, answer)
        });
        let more = NEWS_MAX as u8 + 2;
        say_many(&ada, 0..more).await;
        let _lane = tokio::time::timeout(Duration::from_secs(10), answering)
            .await
            .unwrap()
            .unwrap();
        say_many(&ada, more..more + 100).await;
    }
}
