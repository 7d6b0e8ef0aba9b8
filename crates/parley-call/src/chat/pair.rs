//! The task around [`Chat`]: carries between the driver of the whole chat and the lane to one other side. It decides nothing.

use super::conversation::{Chat, ChatCounters, PairNews, SayError};
use crate::port::Lane;
use bytes::{Bytes, BytesMut};
use parley_proto::{ChatText, MessageId, ParticipantId};
use std::time::Instant;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep_until;

/// Requests that may wait.
const REQUESTS_MAX: usize = 32;

/// The chat with one other side. Dropping it ends the task.
#[derive(Debug)]
pub(super) struct Pair {
    /// No other one has it.
    pub(super) key: u32,
    requests: mpsc::Sender<Request>,
}

/// Something that happened in it.
#[derive(Debug)]
pub(super) struct News {
    /// In which one.
    pub(super) key: u32,
    /// Who is at the other end, once somebody was.
    pub(super) with: Option<ParticipantId>,
    pub(super) what: PairNews,
}

#[derive(Debug)]
enum Request {
    Say {
        id: MessageId,
        text: String,
        answer: oneshot::Sender<Result<ChatText, SayError>>,
    },
    Lane {
        with: ParticipantId,
        lane: Lane,
    },
}

impl Pair {
    /// Starts the task. Inside a tokio runtime. What happens goes to `tell`; while nobody takes it, nothing more is read. What is
    /// counted is added to `count`.
    #[expect(
        clippy::disallowed_methods,
        reason = "driver: one task for each other side, ended with its handle"
    )]
    pub(super) fn start(key: u32, tell: mpsc::Sender<News>, count: watch::Sender<ChatCounters>) -> Self {
        let (requests, asked) = mpsc::channel(REQUESTS_MAX);
        let driver = Driver {
            chat: Chat::default(),
            key,
            asked,
            tell,
            count,
            counted: ChatCounters::default(),
            lane: None,
            with: None,
            to_go: None,
            to_tell: None,
        };
        tokio::spawn(driver.run());
        Self { key, requests }
    }

    /// Says a message to the other side; gives it as they will see it.
    pub(super) async fn say(&self, id: MessageId, text: String) -> Result<ChatText, SayError> {
        let (answer, answered) = oneshot::channel();
        let request = Request::Say { id, text, answer };
        self.requests.send(request).await.map_err(|_| SayError::TooMany)?;
        answered.await.unwrap_or(Err(SayError::TooMany))
    }

    /// The other side can be spoken to, over this. Takes the place of a lane there was before.
    pub(super) fn use_lane(&self, with: ParticipantId, lane: Lane) {
        if self.requests.try_send(Request::Lane { with, lane }).is_err() {
            tracing::warn!("the chat takes no lane");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "driver: the clock enters here")]
fn clock() -> Instant {
    Instant::now()
}

struct Driver {
    chat: Chat,
    key: u32,
    asked: mpsc::Receiver<Request>,
    tell: mpsc::Sender<News>,
    count: watch::Sender<ChatCounters>,
    /// What of it was counted already.
    counted: ChatCounters,
    lane: Option<Lane>,
    with: Option<ParticipantId>,
    /// Waits for room in the lane.
    to_go: Option<BytesMut>,
    /// Waits to be taken.
    to_tell: Option<News>,
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
                Happening::Asked(Request::Lane { with, lane }) => self.use_lane(with, lane),
                Happening::Came(bytes) => self.chat.on_bytes(clock(), &bytes),
                Happening::LaneEnded => self.end_lane(),
                Happening::Passed => {}
                Happening::TimeUp => self.chat.on_timeout(clock()),
                Happening::Over => return self.finish().await,
            }
        }
    }

    /// The other side left: what it said before is told all the same.
    async fn finish(mut self) {
        if let Some(lane) = &mut self.lane {
            while self.chat.may_take()
                && let Ok(bytes) = lane.incoming.try_recv()
            {
                self.chat.on_bytes(clock(), &bytes);
            }
        }
        self.lane = None;
        self.take_up();
        while let Some(news) = self.to_tell.take() {
            if self.tell.send(news).await.is_err() {
                return;
            }
            self.take_up();
        }
    }

    fn use_lane(&mut self, with: ParticipantId, lane: Lane) {
        self.end_lane();
        self.with = Some(with);
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
        let more = self.chat.counters().since(self.counted);
        self.counted = self.chat.counters();
        self.count.send_if_modified(|told| {
            told.add(more);
            more != ChatCounters::default()
        });
        if self.to_tell.is_none() {
            let (key, with) = (self.key, self.with);
            self.to_tell = self.chat.poll_news().map(|what| News { key, with, what });
        }
        if self.to_go.is_none()
            && let Some(frame) = self.chat.poll_frame()
        {
            self.to_go = serde_json::to_vec(&frame)
                .ok()
                .map(|bytes| BytesMut::from(&bytes[..]));
        }
    }

    /// Waits. Neither a lane that nobody drains nor news that nobody takes keep requests waiting. Every branch is cancel
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
            // Who is gone drops the handle too, which ends this task.
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
