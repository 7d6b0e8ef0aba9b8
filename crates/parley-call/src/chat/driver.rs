//! The chat with everybody who is there: a [`Pair`] for each, and one task that says what the app says to all of them and brings
//! together what becomes of it. What a message counts as is decided by [`Deliveries`].

use super::ChatNews;
use super::conversation::{ChatCounters, PairNews, SayError};
use super::deliveries::Deliveries;
use super::pair::{News, Pair};
use crate::port::Lane;
use parley_proto::{ChatText, MessageId, ParticipantId};
use std::collections::{BTreeMap, VecDeque};
use tokio::sync::{mpsc, oneshot, watch};

/// Requests that may wait.
const REQUESTS_MAX: usize = 32;
/// News that may wait for the app. While it takes none, nothing more is read.
const NEWS_MAX: usize = 64;

/// The app's end of a chat. Dropping it ends its tasks.
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
    People(Vec<ParticipantId>),
}

impl ChatHandle {
    /// Sends a message to everybody who is there, now or as soon as they can be spoken to; gives it as it will be seen. While
    /// nobody is there, it waits for the first who comes.
    ///
    /// # Errors
    /// [`SayError`], when it goes to nobody.
    pub async fn say(&self, id: MessageId, text: String) -> Result<ChatText, SayError> {
        let (answer, answered) = oneshot::channel();
        let request = Request::Say { id, text, answer };
        // A task that is gone has a call that is over.
        self.requests.send(request).await.map_err(|_| SayError::TooMany)?;
        answered.await.unwrap_or(Err(SayError::TooMany))
    }

    /// Somebody can be spoken to, over this. Takes the place of a lane there was to them before.
    pub fn use_lane(&self, participant: ParticipantId, lane: Lane) {
        if self
            .requests
            .try_send(Request::Lane { participant, lane })
            .is_err()
        {
            tracing::warn!("the chat takes no lane");
        }
    }

    /// These are in the room now: what is said from now on is for them, and nobody else is waited for. False when that was not
    /// taken, and is to be said again.
    #[must_use]
    pub fn people(&self, people: Vec<ParticipantId>) -> bool {
        self.requests.try_send(Request::People(people)).is_ok()
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
    let (of_pairs, happened) = mpsc::channel(NEWS_MAX);
    let (count, counters) = watch::channel(ChatCounters::default());
    let driver = Driver {
        people: BTreeMap::new(),
        early: None,
        keys: 0,
        deliveries: Deliveries::default(),
        asked,
        happened,
        of_pairs,
        tell,
        count,
        to_tell: VecDeque::new(),
    };
    tokio::spawn(driver.run());
    ChatHandle {
        requests,
        news,
        counters,
    }
}

/// Somebody who is written to.
struct Person {
    pair: Pair,
    /// They were among those in the room: a lane may come before that is known.
    seen: bool,
}

struct Driver {
    people: BTreeMap<ParticipantId, Person>,
    /// What was said while nobody was there; whoever comes first has it.
    early: Option<Pair>,
    keys: u32,
    deliveries: Deliveries,
    asked: mpsc::Receiver<Request>,
    happened: mpsc::Receiver<News>,
    of_pairs: mpsc::Sender<News>,
    tell: mpsc::Sender<ChatNews>,
    count: watch::Sender<ChatCounters>,
    /// Waits for the app to take it.
    to_tell: VecDeque<ChatNews>,
}

impl Driver {
    async fn run(mut self) {
        let tell = self.tell.clone();
        loop {
            // An app that takes no news does not keep requests waiting. Every branch is cancel safe.
            tokio::select! {
                request = self.asked.recv() => match request {
                    Some(request) => self.obey(request).await,
                    None => return,
                },
                Some(news) = self.happened.recv(), if self.to_tell.is_empty() => self.note(news),
                room = tell.reserve(), if !self.to_tell.is_empty() => match (room, self.to_tell.pop_front()) {
                    (Ok(room), Some(news)) => room.send(news),
                    _ => return,
                },
            }
        }
    }

    async fn obey(&mut self, request: Request) {
        match request {
            // Who waits no more was told that it is not said.
            Request::Say { answer, .. } if answer.is_closed() => {}
            Request::Say { id, text, answer } => {
                let _ = answer.send(self.say(id, &text).await);
            }
            Request::Lane { participant, lane } => {
                self.person(participant).pair.use_lane(participant, lane);
            }
            Request::People(people) => self.meet(&people),
        }
    }

    async fn say(&mut self, id: MessageId, text: &str) -> Result<ChatText, SayError> {
        if self.people.is_empty() && self.early.is_none() {
            self.early = Some(begin(&mut self.keys, &self.of_pairs, &self.count));
        }
        let pairs = self.people.values().map(|person| &person.pair).chain(&self.early);
        let mut outcome = Err(SayError::TooMany);
        let mut to = Vec::new();
        for pair in pairs {
            match pair.say(id, text.to_owned()).await {
                Ok(said) => {
                    to.push(pair.key);
                    outcome = Ok(said);
                }
                Err(error) if to.is_empty() => outcome = Err(error),
                // The others have it.
                Err(error) => tracing::debug!(%error, "not said to somebody"),
            }
        }
        if outcome.is_ok() {
            self.to_tell.extend(self.deliveries.said(id, to));
        }
        outcome
    }

    fn meet(&mut self, people: &[ParticipantId]) {
        for who in people {
            self.person(*who).seen = true;
        }
        let (deliveries, to_tell) = (&mut self.deliveries, &mut self.to_tell);
        self.people.retain(|who, person| {
            let stays = !person.seen || people.contains(who);
            if !stays {
                to_tell.extend(deliveries.left(person.pair.key));
            }
            stays
        });
    }

    /// Somebody, who has what was said before anybody came.
    fn person(&mut self, who: ParticipantId) -> &mut Person {
        let keys = &mut self.keys;
        let (of_pairs, count) = (&self.of_pairs, &self.count);
        let early = &mut self.early;
        self.people.entry(who).or_insert_with(|| Person {
            pair: early.take().unwrap_or_else(|| begin(keys, of_pairs, count)),
            seen: false,
        })
    }

    fn note(&mut self, news: News) {
        let News { key, with, what } = news;
        let told = match what {
            PairNews::Came(text) => with.map(|from| ChatNews::Came { from, text }),
            PairNews::Delivered(id) => self.deliveries.delivered(id, key),
            PairNews::Unanswered(id) => self.deliveries.unanswered(id, key),
        };
        self.to_tell.extend(told);
    }
}

/// One more other side.
fn begin(keys: &mut u32, of_pairs: &mpsc::Sender<News>, count: &watch::Sender<ChatCounters>) -> Pair {
    *keys = keys.wrapping_add(1);
    Pair::start(*keys, of_pairs.clone(), count.clone())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "test: a time limit")]
mod tests {
    use super::*;
    use bytes::BytesMut;
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

    fn came(from: ParticipantId, text: &ChatText) -> ChatNews {
        ChatNews::Came {
            from,
            text: text.clone(),
        }
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
        assert_eq!(next(&mut ben).await, came(to_ada, &first));
        assert_eq!(next(&mut ada).await, ChatNews::Delivered(first.id));

        // Ben's end goes; what Ada says meanwhile comes over the next lane.
        let (left, right) = lanes();
        ben.use_lane(to_ada, right);
        let second = ada
            .say(MessageId::from_bytes([2; 16]), "late".into())
            .await
            .unwrap();
        ada.use_lane(to_ben, left);
        assert_eq!(next(&mut ben).await, came(to_ada, &second));
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

    fn id(number: u8) -> ParticipantId {
        ParticipantId::from_bytes([number; 16])
    }

    #[tokio::test]
    async fn a_message_goes_to_everybody_and_is_delivered_when_all_have_it() {
        let (ada, ben, cleo) = (id(1), id(2), id(3));
        let [mut of_ada, mut of_ben, mut of_cleo] = [start(), start(), start()];
        assert!(of_ada.people(vec![ben, cleo]));
        let (left, right) = lanes();
        of_ada.use_lane(ben, left);
        of_ben.use_lane(ada, right);
        let both = of_ada.say(MessageId::from_bytes([1; 16]), "both of you".into());
        let both = both.await.unwrap();
        assert_eq!(next(&mut of_ben).await, came(ada, &both));
        // Cleo cannot be spoken to yet.
        let soon = tokio::time::timeout(Duration::from_millis(50), of_ada.news.recv());
        assert!(soon.await.is_err(), "one of two has it");
        let (left, right) = lanes();
        of_ada.use_lane(cleo, left);
        of_cleo.use_lane(ada, right);
        assert_eq!(next(&mut of_cleo).await, came(ada, &both));
        assert_eq!(next(&mut of_ada).await, ChatNews::Delivered(both.id));

        let from_ben = of_ben.say(MessageId::from_bytes([2; 16]), "from Ben".into());
        let from_cleo = of_cleo.say(MessageId::from_bytes([3; 16]), "from Cleo".into());
        let (from_ben, from_cleo) = (from_ben.await.unwrap(), from_cleo.await.unwrap());
        let mut seen = [next(&mut of_ada).await, next(&mut of_ada).await];
        seen.sort_by_key(|news| *news != came(ben, &from_ben));
        assert_eq!(seen, [came(ben, &from_ben), came(cleo, &from_cleo)]);
    }

    #[tokio::test]
    async fn whoever_leaves_is_not_waited_for() {
        let (ada, ben, cleo) = (id(1), id(2), id(3));
        let [mut of_ada, mut of_ben] = [start(), start()];
        assert!(of_ada.people(vec![ben, cleo]));
        let (left, right) = lanes();
        of_ada.use_lane(ben, left);
        of_ben.use_lane(ada, right);
        let said = of_ada.say(MessageId::from_bytes([1; 16]), "anybody?".into());
        let said = said.await.unwrap();
        assert_eq!(next(&mut of_ben).await, came(ada, &said));
        assert!(of_ada.people(vec![ben]));
        assert_eq!(next(&mut of_ada).await, ChatNews::Delivered(said.id));
        // To somebody who leaves without having it.
        assert!(of_ada.people(Vec::new()));
        let lost = of_ada.say(MessageId::from_bytes([2; 16]), "nobody".into());
        let lost = lost.await.unwrap();
        assert!(of_ada.people(vec![cleo]) && of_ada.people(Vec::new()));
        assert_eq!(next(&mut of_ada).await, ChatNews::Unanswered(lost.id));
    }
}
