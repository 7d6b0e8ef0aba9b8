//! The sans-IO core of the chat with one other side.
//!
//! The contract: after every input take frames with [`Chat::poll_frame`] and news with [`Chat::poll_news`] until there are
//! none. Frames only come while a lane is up. Before handing over what came, ask [`Chat::may_take`], and [`Chat::take_at`] when
//! that may be: the rest waits in the lane, whose sender waits for answers.

use parley_proto::limits::CHAT_TEXT_CHARS_MAX;
use parley_proto::{ChatFrame, ChatText, MessageId, chat::presentable};
use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

/// Messages that wait for an answer of the other side; more are refused.
const UNANSWERED_MAX: usize = 256;
/// Of these so many are on the way at once.
const ON_THE_WAY_MAX: usize = 32;
/// Ids of messages that were shown already. A message that is sent again is among the last ones.
const SHOWN_MAX: usize = 2 * UNANSWERED_MAX;
/// Answers that may wait for the lane. While there are so many nothing more is taken; an honest side waits for fewer.
const ANSWERS_MAX: usize = 2 * ON_THE_WAY_MAX;
/// Messages that are taken at once, ...
const BURST_MAX: u32 = 40;
/// ... and then one in so much time: more than a person writes in the long run.
const TEXT_INTERVAL: Duration = Duration::from_millis(500);
/// What shows nothing, answers above all, takes less of the allowance.
const OTHER_INTERVAL: Duration = Duration::from_millis(50);
/// A message without an answer for so long is told as not delivered: longer than a connection takes to be made anew.
const ANSWER_MAX: Duration = Duration::from_secs(15);

/// What became of a message to one other side, or a new one of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PairNews {
    /// The other side wrote.
    Came(ChatText),
    /// The other side has one's own message.
    Delivered(MessageId),
    /// The other side has not answered for it in time: it does not read messages, or cannot be reached. It is said again whenever
    /// there is a lane, and may be delivered later.
    Unanswered(MessageId),
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SayError {
    /// Nothing in it to be shown.
    #[error("There is nothing to send in this message.")]
    Empty,
    /// Too many characters.
    #[error("This message is too long. Send it in parts of at most {CHAT_TEXT_CHARS_MAX} characters.")]
    TooLong,
    /// Too much waits.
    #[error("Too many messages wait to be sent. Wait until the connection is back.")]
    TooMany,
}

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChatCounters {
    /// What came and was no frame, or had nothing to show.
    pub malformed: u64,
    /// Messages that came a second time.
    pub repeated: u64,
    /// Messages that were not answered in time.
    pub unanswered: u64,
}

impl ChatCounters {
    /// What came to it since it was like this.
    pub(super) const fn since(self, before: Self) -> Self {
        Self {
            malformed: self.malformed - before.malformed,
            repeated: self.repeated - before.repeated,
            unanswered: self.unanswered - before.unanswered,
        }
    }

    /// As much more.
    pub(super) const fn add(&mut self, more: Self) {
        self.malformed += more.malformed;
        self.repeated += more.repeated;
        self.unanswered += more.unanswered;
    }

    /// All by name.
    #[must_use]
    pub const fn list(&self) -> [(&'static str, u64); 3] {
        [
            ("chat_messages_malformed", self.malformed),
            ("chat_messages_repeated", self.repeated),
            ("chat_messages_unanswered", self.unanswered),
        ]
    }
}

/// One's own message, until it is answered.
#[derive(Debug)]
struct Waiting {
    text: ChatText,
    since: Instant,
    /// Whether it was told that there is no answer.
    overdue: bool,
}

/// The chat with one other side, through all connections to it.
#[derive(Debug, Default)]
pub struct Chat {
    up: bool,
    /// Not answered yet, oldest first.
    unanswered: VecDeque<Waiting>,
    /// How many of them went on the present lane.
    gone: usize,
    answers: VecDeque<MessageId>,
    shown: HashSet<MessageId>,
    shown_order: VecDeque<MessageId>,
    news: VecDeque<PairNews>,
    /// When the allowance for what comes is used up to.
    taken_until: Option<Instant>,
    counters: ChatCounters,
}

impl Chat {
    /// Takes a message of one's own; gives it as the other side will see it.
    ///
    /// # Errors
    /// [`SayError`]: it is not sent.
    pub fn say(&mut self, now: Instant, id: MessageId, text: &str) -> Result<ChatText, SayError> {
        if self.unanswered.len() >= UNANSWERED_MAX {
            return Err(SayError::TooMany);
        }
        let blank = text
            .chars()
            .all(|c| c.is_whitespace() || parley_proto::chat::is_hidden(c));
        let text = presentable(text).ok_or(if blank { SayError::Empty } else { SayError::TooLong })?;
        let message = ChatText { id, text };
        self.unanswered.push_back(Waiting {
            text: message.clone(),
            since: now,
            overdue: false,
        });
        Ok(message)
    }

    /// The other side can be spoken to. What it did not answer is said again.
    pub fn lane_up(&mut self) {
        self.up = true;
        self.gone = 0;
    }

    /// It cannot any more.
    pub fn lane_down(&mut self) {
        self.up = false;
        self.gone = 0;
        // Who asked gets the message again and answers then.
        self.answers.clear();
    }

    /// Somebody else is there now: what the one before did not answer is nobody's business.
    pub fn forget(&mut self) {
        self.lane_down();
        for mut waiting in std::mem::take(&mut self.unanswered) {
            self.give_up(&mut waiting);
        }
        self.shown.clear();
        self.shown_order.clear();
    }

    /// When [`Chat::on_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        // They wait in the order in which they were said.
        let next = self.unanswered.iter().find(|waiting| !waiting.overdue)?;
        Some(next.since + ANSWER_MAX)
    }

    /// Time has passed.
    pub fn on_timeout(&mut self, now: Instant) {
        let mut all = std::mem::take(&mut self.unanswered);
        for waiting in all.iter_mut().filter(|waiting| waiting.since + ANSWER_MAX <= now) {
            self.give_up(waiting);
        }
        self.unanswered = all;
    }

    /// Whether more may be handed over: not while the other side takes no answers.
    #[must_use]
    pub fn may_take(&self) -> bool {
        self.answers.len() < ANSWERS_MAX
    }

    /// From when on the next message of the other side may be handed over; at once if this is not later than now.
    #[must_use]
    pub fn take_at(&self) -> Option<Instant> {
        Some(self.taken_until? - TEXT_INTERVAL * (BURST_MAX - 1))
    }

    /// Takes what came on the lane.
    pub fn on_bytes(&mut self, now: Instant, bytes: &[u8]) {
        let taken = match ChatFrame::read(bytes) {
            Some(ChatFrame::Text(text)) => self.on_text(&text),
            Some(ChatFrame::Delivered { id }) => self.on_delivered(id),
            Some(ChatFrame::Unknown) => OTHER_INTERVAL,
            None => {
                self.counters.malformed += 1;
                OTHER_INTERVAL
            }
        };
        self.taken_until = Some(self.taken_until.map_or(now, |until| until.max(now)) + taken);
    }

    /// The next frame to put on the lane.
    pub fn poll_frame(&mut self) -> Option<ChatFrame> {
        if !self.up {
            return None;
        }
        if let Some(id) = self.answers.pop_front() {
            return Some(ChatFrame::Delivered { id });
        }
        if self.gone >= ON_THE_WAY_MAX {
            return None;
        }
        let next = self.unanswered.get(self.gone)?;
        self.gone += 1;
        Some(ChatFrame::Text(next.text.clone()))
    }

    /// The next thing to tell.
    pub fn poll_news(&mut self) -> Option<PairNews> {
        self.news.pop_front()
    }

    /// What was counted.
    #[must_use]
    pub const fn counters(&self) -> ChatCounters {
        self.counters
    }

    /// Tells once that there is no answer.
    fn give_up(&mut self, waiting: &mut Waiting) {
        if !std::mem::replace(&mut waiting.overdue, true) {
            self.counters.unanswered += 1;
            self.news.push_back(PairNews::Unanswered(waiting.text.id));
        }
    }

    /// Gives what it takes of the allowance, as the next one.
    fn on_text(&mut self, text: &ChatText) -> Duration {
        let id = text.id;
        let Some(shown) = presentable(&text.text) else {
            // Answered all the same, or it would come for ever.
            self.counters.malformed += 1;
            self.answers.push_back(id);
            return OTHER_INTERVAL;
        };
        self.answers.push_back(id);
        if !self.shown.insert(id) {
            self.counters.repeated += 1;
            return OTHER_INTERVAL;
        }
        self.shown_order.push_back(id);
        if self.shown_order.len() > SHOWN_MAX
            && let Some(oldest) = self.shown_order.pop_front()
        {
            self.shown.remove(&oldest);
        }
        self.news.push_back(PairNews::Came(ChatText { id, text: shown }));
        TEXT_INTERVAL
    }

    fn on_delivered(&mut self, id: MessageId) -> Duration {
        let Some(at) = self
            .unanswered
            .iter()
            .take(self.gone)
            .position(|waiting| waiting.text.id == id)
        else {
            return OTHER_INTERVAL;
        };
        self.unanswered.remove(at);
        self.gone -= 1;
        self.news.push_back(PairNews::Delivered(id));
        OTHER_INTERVAL
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;

    /// Two people and a way between them that can break, losing what is on it.
    struct Two {
        sides: [Chat; 2],
        shown: [Vec<String>; 2],
        delivered: [usize; 2],
        now: Instant,
        ids: u8,
    }

    impl Two {
        fn connected() -> Self {
            let mut two = Self {
                sides: Default::default(),
                shown: Default::default(),
                delivered: [0; 2],
                now: Instant::now(),
                ids: 0,
            };
            two.mend();
            two
        }

        fn says(&mut self, who: usize, text: &str) {
            self.ids += 1;
            self.sides[who]
                .say(self.now, MessageId::from_bytes([self.ids; 16]), text)
                .unwrap();
        }

        fn cut(&mut self) {
            self.sides.iter_mut().for_each(Chat::lane_down);
        }

        fn mend(&mut self) {
            self.sides.iter_mut().for_each(Chat::lane_up);
        }

        /// Carries frames of `who` to the other side; those from the `lost`th on are lost.
        fn carry(&mut self, who: usize, lost: usize) {
            let mut n = 0;
            while let Some(frame) = self.sides[who].poll_frame() {
                n += 1;
                if n > lost {
                    continue;
                }
                let other = &mut self.sides[1 - who];
                self.now = self.now.max(other.take_at().unwrap_or(self.now));
                other.on_bytes(self.now, &serde_json::to_vec(&frame).unwrap());
                while let Some(news) = other.poll_news() {
                    match news {
                        PairNews::Came(text) => self.shown[1 - who].push(text.text),
                        PairNews::Delivered(_) => self.delivered[1 - who] += 1,
                        PairNews::Unanswered(id) => panic!("{id} is answered in time"),
                    }
                }
            }
        }

        fn carry_all(&mut self) {
            for _ in 0..100 {
                self.carry(0, usize::MAX);
                self.carry(1, usize::MAX);
            }
        }
    }

    #[test]
    fn messages_arrive_in_order_and_are_answered() {
        let mut two = Two::connected();
        for text in ["one", "two", "three"] {
            two.says(0, text);
        }
        two.says(1, "four");
        two.carry_all();
        assert_eq!(two.shown, [vec!["four"], vec!["one", "two", "three"]]);
        assert_eq!(two.delivered, [3, 1]);
    }

    #[test]
    fn what_was_lost_comes_again_in_order_and_only_once() {
        let mut two = Two::connected();
        for n in 0..100 {
            two.says(0, &format!("{n}"));
        }
        // Some arrive but their answers are lost, some do not arrive.
        two.carry(0, 7);
        two.cut();
        two.mend();
        two.carry(0, 20);
        two.carry(1, 3);
        two.cut();
        two.says(0, "written while there was no connection");
        two.mend();
        two.carry_all();
        let mut expected: Vec<_> = (0..100).map(|n| n.to_string()).collect();
        expected.push("written while there was no connection".into());
        assert_eq!(two.shown[1], expected);
        assert_eq!(two.delivered[0], 101);
        assert!(two.sides[1].counters().repeated > 0);
    }

    #[test]
    fn without_a_lane_nothing_goes_and_the_queue_is_bounded() {
        let (mut chat, now) = (Chat::default(), Instant::now());
        for n in 0..UNANSWERED_MAX {
            let id = MessageId::from_bytes([(n % 256) as u8; 16]);
            chat.say(now, id, "waiting").unwrap();
        }
        let id = MessageId::from_bytes([0xff; 16]);
        assert_eq!(chat.say(now, id, "one more"), Err(SayError::TooMany));
        assert_eq!(chat.poll_frame(), None);
        chat.lane_up();
        let on_the_way = std::iter::from_fn(|| chat.poll_frame()).count();
        assert_eq!(on_the_way, ON_THE_WAY_MAX);
    }

    #[test]
    fn what_cannot_be_shown_is_not_sent_and_not_shown() {
        let (mut chat, now) = (Chat::default(), Instant::now());
        let id = MessageId::from_bytes([1; 16]);
        assert_eq!(chat.say(now, id, " \u{202e}\n"), Err(SayError::Empty));
        assert_eq!(
            chat.say(now, id, &"x".repeat(CHAT_TEXT_CHARS_MAX + 1)),
            Err(SayError::TooLong)
        );
        chat.lane_up();
        let control = ChatFrame::Text(ChatText {
            id,
            text: "\u{1}".into(),
        });
        for hostile in [
            &b"\xff\xfe"[..],
            b"{}",
            &vec![b'['; 100_000],
            &serde_json::to_vec(&control).unwrap(),
        ] {
            chat.on_bytes(now, hostile);
        }
        assert_eq!(chat.poll_news(), None);
        assert_eq!(chat.counters().malformed, 4);
        // An answer to what was never said changes nothing.
        chat.on_bytes(now, &serde_json::to_vec(&ChatFrame::Delivered { id }).unwrap());
        assert_eq!(chat.poll_news(), None);
    }

    #[test]
    fn what_nobody_answers_is_told_once_and_may_be_delivered_later() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let id = |n| MessageId::from_bytes([n; 16]);
        let mut chat = Chat::default();
        chat.say(at(0), id(1), "is anybody there?").unwrap();
        chat.say(at(3), id(2), "hello?").unwrap();
        chat.lane_up();
        assert_eq!(std::iter::from_fn(|| chat.poll_frame()).count(), 2);
        assert_eq!(chat.poll_timeout(), Some(start + ANSWER_MAX));
        chat.on_timeout(at(14));
        assert_eq!(chat.poll_news(), None);
        chat.on_timeout(at(15));
        assert_eq!(chat.poll_news(), Some(PairNews::Unanswered(id(1))));
        assert_eq!(chat.poll_timeout(), Some(at(3) + ANSWER_MAX));
        chat.on_timeout(at(60));
        assert_eq!(chat.poll_news(), Some(PairNews::Unanswered(id(2))));
        assert_eq!((chat.poll_timeout(), chat.poll_news()), (None, None));
        assert_eq!(chat.counters().unanswered, 2);
        // A fresh connection: both are said again, and one is answered.
        chat.lane_down();
        chat.lane_up();
        assert_eq!(std::iter::from_fn(|| chat.poll_frame()).count(), 2);
        let answer = ChatFrame::Delivered { id: id(1) };
        chat.on_bytes(at(61), &serde_json::to_vec(&answer).unwrap());
        assert_eq!(chat.poll_news(), Some(PairNews::Delivered(id(1))));
        // Somebody else takes the place of the one it was written to.
        chat.say(at(62), id(3), "and you?").unwrap();
        chat.forget();
        assert_eq!(
            chat.poll_news(),
            Some(PairNews::Unanswered(id(3))),
            "not told before"
        );
        assert_eq!(chat.poll_news(), None);
    }

    #[test]
    fn who_takes_no_answers_is_not_heard_for_ever() {
        let mut chat = Chat::default();
        chat.lane_up();
        let text = ChatFrame::Text(ChatText {
            id: MessageId::from_bytes([1; 16]),
            text: "again".into(),
        });
        let bytes = serde_json::to_vec(&text).unwrap();
        let taken = (0..1000)
            .take_while(|_| {
                let may = chat.may_take();
                chat.on_bytes(Instant::now(), &bytes);
                may
            })
            .count();
        assert_eq!(taken, ANSWERS_MAX);
    }

    #[test]
    fn a_flood_waits_and_a_person_does_not() {
        let text = |n: u32| {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&n.to_le_bytes());
            let text = ChatText {
                id: MessageId::from_bytes(id),
                text: "words".into(),
            };
            serde_json::to_vec(&ChatFrame::Text(text)).unwrap()
        };
        let start = Instant::now();
        let mut chat = Chat::default();
        let taken = (0..1000)
            .take_while(|n| {
                let may = chat.take_at().is_none_or(|at| at <= start);
                chat.on_bytes(start, &text(*n));
                may
            })
            .count();
        assert_eq!(taken, BURST_MAX as usize);
        let mut chat = Chat::default();
        for n in 0..200u32 {
            let now = start + Duration::from_millis(600) * n;
            assert!(chat.take_at().is_none_or(|at| at <= now));
            chat.on_bytes(now, &text(n));
        }
        // Answers to all that is on the way do not wait.
        let mut chat = Chat::default();
        for _ in 0..200 {
            assert!(chat.take_at().is_none_or(|at| at <= start));
            chat.on_bytes(start, b"{}");
        }
    }
}
