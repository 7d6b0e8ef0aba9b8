//! The task around [`Chat`]: carries between the app and the lane. It decides nothing.

use super::conversation::{Chat, ChatNews, SayError};
use crate::port::Lane;
use bytes::{Bytes, BytesMut};
use parley_proto::{ChatText, MessageId, ParticipantId};
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};
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
    let driver = Driver {
        chat: Chat::default(),
        asked,
        tell,
        lane: None,
        with: None,
    };
    tokio::spawn(driver.run());
    ChatHandle { requests, news }
}

#[expect(clippy::disallowed_methods, reason = "driver: the clock enters here")]
fn clock() -> Instant {
    Instant::now()
}

struct Driver {
    chat: Chat,
    asked: mpsc::Receiver<Request>,
    tell: mpsc::Sender<ChatNews>,
    lane: Option<Lane>,
    with: Option<ParticipantId>,
}

enum Happening {
    Asked(Request),
    Came(Bytes),
    LaneEnded,
    Over,
}

impl Driver {
    async fn run(mut self) {
        loop {
            match self.next().await {
                Happening::Asked(Request::Say { id, text, answer }) => {
                    // Who asked may be gone.
                    let _ = answer.send(self.chat.say(id, &text));
                }
                Happening::Asked(Request::Lane { participant, lane }) => {
                    if self
                        .with
                        .replace(participant)
                        .is_some_and(|before| before != participant)
                    {
                        self.chat.forget();
                    }
                    self.lane = Some(lane);
                    self.chat.lane_up();
                }
                Happening::Came(bytes) => self.chat.on_bytes(clock(), &bytes),
                Happening::LaneEnded => {
                    self.lane = None;
                    self.chat.lane_down();
                }
                Happening::Over => return,
            }
            self.carry_out().await;
        }
    }

    /// Waits. Every branch is cancel safe.
    async fn next(&mut self) -> Happening {
        let take_at = self.chat.take_at().filter(|at| *at > clock());
        let lane = &mut self.lane;
        let came = async {
            if let Some(at) = take_at {
                sleep_until(at.into()).await;
            }
            match lane {
                Some(lane) => lane
                    .incoming
                    .recv()
                    .await
                    .map_or(Happening::LaneEnded, Happening::Came),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            request = self.asked.recv() => request.map_or(Happening::Over, Happening::Asked),
            happening = came => happening,
        }
    }

    async fn carry_out(&mut self) {
        while let Some(news) = self.chat.poll_news() {
            // An app that is gone drops the handle, which ends this task.
            let _ = self.tell.send(news).await;
        }
        while let (Some(lane), Some(frame)) = (&self.lane, self.chat.poll_frame()) {
            match serde_json::to_vec(&frame) {
                Ok(bytes) if lane.outgoing.send(BytesMut::from(&bytes[..])).await.is_ok() => {}
                // It ends, and what was not answered goes on the next one.
                _ => break,
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "test: a time limit")]
mod tests {
    use super::*;
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
            },
            Lane {
                outgoing: to_left,
                incoming: right,
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
}
