//! The lanes of a group's chat and of its offers of files, as the app has them of a data channel: bounded channels, whose other ends are here. What is said on them
//! goes sealed through the server, when the session says that it may; a lane that is not read drops and counts, as a data
//! channel's does.
//!
//! The chat says a message on each lane by itself. Where the same waits on most of them it is said once, to everybody; for that the first
//! one waits a moment for the others ([`GATHERED`]). Who has it already hears it again, and shows it once, as after a loss. Only what was
//! never said before goes so, and only while nobody's lane is younger than it: who came later hears nothing of what was said before.

use crate::port::{Lane, LaneKind};
use bytes::{Bytes, BytesMut};
use parley_proto::{ChatFrame, MessageId, ParticipantId};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::sleep_until;

/// Messages that may wait for the server; more, and the one who speaks waits.
const OUTGOING_MAX: usize = 16;
/// Messages that may wait for the app; more are dropped and counted. What honest sides have on their way fits.
const INCOMING_MAX: usize = 128;
/// With so many people and more, what is written to all of them goes once.
const PEOPLE_MIN: usize = 3;
/// So long a message waits for the other lanes to have it too.
const GATHERED: Duration = Duration::from_millis(50);
/// So many of the messages that were said last are known to have been. More than wait on a lane, and what is said again for want of an
/// answer.
const SAID_MAX: usize = 1_024;

/// What is to go, on which kind of lane, and to whom; nobody: to everybody.
pub(super) type Said = (Option<ParticipantId>, LaneKind, Bytes);

/// This side's ends of one.
#[derive(Debug)]
struct Ends {
    opened: Instant,
    came: mpsc::Sender<Bytes>,
    to_go: mpsc::Receiver<BytesMut>,
    /// The first of what is to go.
    first: Option<Frame>,
}

#[derive(Debug)]
struct Frame {
    bytes: Bytes,
    /// A message that somebody wrote: others may get the same.
    written: Option<MessageId>,
    /// When it was the first one to go.
    since: Instant,
}

/// A message among the first ones of the lanes.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    lanes: usize,
    since: Instant,
}

/// What is to be done next.
#[derive(Debug)]
enum Step {
    Say(Said),
    Wait(Instant),
    Nothing,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct WordLanes {
    lanes: BTreeMap<(ParticipantId, LaneKind), Ends>,
    /// Who spoke last: the next one comes first.
    last: Option<(ParticipantId, LaneKind)>,
    /// Messages that were said to anybody, the latest last.
    said: VecDeque<MessageId>,
    /// What found no room.
    pub(super) dropped: u64,
}

impl WordLanes {
    /// Makes one, in place of one that is there; gives the app's ends.
    pub(super) fn open(&mut self, participant: ParticipantId, kind: LaneKind) -> Lane {
        let (outgoing, to_go) = mpsc::channel(OUTGOING_MAX);
        let (came, incoming) = mpsc::channel(INCOMING_MAX);
        let ends = Ends {
            opened: clock(),
            came,
            to_go,
            first: None,
        };
        self.lanes.insert((participant, kind), ends);
        Lane {
            outgoing,
            incoming,
            answered: Arc::default(),
            allotment: Arc::default(),
        }
    }

    /// Ends all of somebody's.
    pub(super) fn close(&mut self, participant: ParticipantId) {
        self.lanes.retain(|(with, _), _| *with != participant);
    }

    /// Ends those for files.
    pub(super) fn end_files(&mut self) {
        self.lanes.retain(|(_, kind), _| *kind != LaneKind::FileWords);
    }

    /// Something came of somebody.
    pub(super) fn came(&mut self, participant: ParticipantId, kind: LaneKind, frame: Bytes) {
        let taken = self
            .lanes
            .get(&(participant, kind))
            .is_some_and(|ends| ends.came.try_send(frame).is_ok());
        self.dropped += u64::from(!taken);
    }

    /// The next thing that is to go, each in turn. Waits while there is none. Cancel safe.
    pub(super) async fn next(&mut self) -> Said {
        let mut wake: Option<Instant> = None;
        loop {
            let step = std::future::poll_fn(|cx| {
                let now = clock();
                self.take_up(cx, now);
                match self.decide(now) {
                    // Only to be waited for, and not longer than for what was there before; whatever comes on a lane is looked at meanwhile.
                    Step::Wait(at) if wake.is_some_and(|wake| wake <= at) => Poll::Pending,
                    Step::Nothing => Poll::Pending,
                    step => Poll::Ready(step),
                }
            });
            tokio::select! {
                step = step => match step {
                    Step::Say(said) => return said,
                    Step::Wait(at) => wake = Some(at),
                    Step::Nothing => {}
                },
                () = sleep_until(wake.unwrap_or_else(clock).into()), if wake.is_some() => wake = None,
            }
        }
    }

    /// Takes up the first of what is to go on each lane. Those that the app let go are forgotten: it has others.
    fn take_up(&mut self, cx: &mut Context<'_>, now: Instant) {
        self.lanes.retain(|_, ends| {
            if ends.first.is_none() {
                ends.first = match ends.to_go.poll_recv(cx) {
                    Poll::Ready(Some(frame)) => Some(Frame::new(frame.freeze(), now)),
                    Poll::Ready(None) => return false,
                    Poll::Pending => None,
                };
            }
            true
        });
    }

    /// What goes, of what waits on the lanes.
    fn decide(&mut self, now: Instant) -> Step {
        let chats = self.lanes.iter().filter(|((_, kind), _)| *kind == LaneKind::Chat);
        let all = chats.clone().count();
        // Of a message that was said before there is nothing to wait for.
        let mut waiting: BTreeMap<MessageId, Option<Waiting>> = BTreeMap::new();
        if all >= PEOPLE_MIN {
            for first in chats.clone().filter_map(|(_, ends)| ends.first.as_ref()) {
                let Some(id) = first.written else { continue };
                let known = waiting.entry(id).or_insert_with(|| {
                    let is_new = !self.said.contains(&id);
                    is_new.then_some(Waiting {
                        lanes: 0,
                        since: first.since,
                    })
                });
                if let Some(known) = known {
                    known.lanes += 1;
                    known.since = known.since.min(first.since);
                }
            }
        }
        let youngest = chats.map(|(_, ends)| ends.opened).max();
        let mut wait: Option<Instant> = None;
        for id in self.in_turn() {
            let Some(first) = self.lanes.get(&id).and_then(|ends| ends.first.as_ref()) else {
                continue;
            };
            let Some((message, held)) = first
                .written
                .and_then(|message| Some((message, (*waiting.get(&message)?)?)))
            else {
                return self.say_alone(id);
            };
            let due = held.since + GATHERED;
            if held.lanes < all && now < due {
                wait = Some(wait.map_or(due, |wait| wait.min(due)));
                continue;
            }
            let nobody_is_new = youngest.is_none_or(|opened| opened <= held.since);
            return if 2 * held.lanes >= all && (nobody_is_new || held.lanes == all) {
                self.say_to_all(message)
            } else {
                self.say_alone(id)
            };
        }
        wait.map_or(Step::Nothing, Step::Wait)
    }

    fn say_alone(&mut self, id: (ParticipantId, LaneKind)) -> Step {
        let Some(first) = self.lanes.get_mut(&id).and_then(|ends| ends.first.take()) else {
            return Step::Nothing;
        };
        self.last = Some(id);
        if let Some(message) = first.written {
            self.note_said(message);
        }
        Step::Say((Some(id.0), id.1, first.bytes))
    }

    fn say_to_all(&mut self, message: MessageId) -> Step {
        self.note_said(message);
        let mut bytes = Bytes::new();
        for ends in self.lanes.values_mut() {
            if let Some(first) = ends.first.take_if(|first| first.written == Some(message)) {
                bytes = first.bytes;
            }
        }
        Step::Say((None, LaneKind::Chat, bytes))
    }

    fn note_said(&mut self, message: MessageId) {
        if self.said.contains(&message) {
            return;
        }
        if self.said.len() == SAID_MAX {
            self.said.pop_front();
        }
        self.said.push_back(message);
    }

    /// All lanes, whoever spoke last last.
    fn in_turn(&self) -> Vec<(ParticipantId, LaneKind)> {
        let last = self.last;
        let after = |id: &&(ParticipantId, LaneKind)| last.is_none_or(|last| **id > last);
        let before = |id: &&(ParticipantId, LaneKind)| !after(id);
        let ids = self.lanes.keys();
        ids.clone()
            .filter(after)
            .chain(ids.filter(before))
            .copied()
            .collect()
    }
}

impl Frame {
    fn new(bytes: Bytes, now: Instant) -> Self {
        let written = match ChatFrame::read(&bytes) {
            Some(ChatFrame::Text(text)) => Some(text.id),
            _ => None,
        };
        Self {
            bytes,
            written,
            since: now,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "driver: the clock enters here")]
fn clock() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_proto::ChatText;

    fn id(n: u8) -> ParticipantId {
        ParticipantId::from_bytes([n; 16])
    }

    #[tokio::test]
    async fn each_who_has_something_to_say_is_heard_in_turn() {
        let mut lanes = WordLanes::default();
        let ends: Vec<Lane> = (1..=3).map(|n| lanes.open(id(n), LaneKind::Chat)).collect();
        for lane in &ends {
            for _ in 0..2 {
                lane.outgoing.send(BytesMut::from(&b"{}"[..])).await.unwrap();
            }
        }
        let mut heard = Vec::new();
        for _ in 0..6 {
            heard.push(lanes.next().await.0);
        }
        assert_eq!(heard, [1, 2, 3, 1, 2, 3].map(|n| Some(id(n))));
    }

    #[tokio::test]
    async fn a_lane_that_the_app_let_go_is_gone_and_a_full_one_drops() {
        let mut lanes = WordLanes::default();
        let (mut kept, dropped) = (
            lanes.open(id(1), LaneKind::Chat),
            lanes.open(id(2), LaneKind::Chat),
        );
        drop(dropped);
        kept.outgoing.send(BytesMut::from(&b"{}"[..])).await.unwrap();
        lanes.last = Some((id(1), LaneKind::Chat));
        assert_eq!(lanes.next().await.0, Some(id(1)));
        assert_eq!(lanes.lanes.len(), 1);
        for _ in 0..INCOMING_MAX + 2 {
            lanes.came(id(1), LaneKind::Chat, Bytes::from_static(b"{}"));
        }
        lanes.came(id(9), LaneKind::Chat, Bytes::new());
        assert_eq!(lanes.dropped, 3);
        assert!(kept.incoming.recv().await.is_some());
    }
    #[tokio::test]
    async fn what_is_said_of_files_has_a_lane_of_its_own_and_ends_with_the_chat() {
        let mut lanes = WordLanes::default();
        let mut chat = lanes.open(id(1), LaneKind::Chat);
        let mut files = lanes.open(id(1), LaneKind::FileWords);
        lanes.came(id(1), LaneKind::FileWords, Bytes::from_static(b"{}"));
        assert!(files.incoming.recv().await.is_some());
        assert!(chat.incoming.try_recv().is_err());
        files.outgoing.send(BytesMut::from(&b"{}"[..])).await.unwrap();
        assert_eq!(lanes.next().await.1, LaneKind::FileWords);
        lanes.close(id(1));
        assert!(chat.outgoing.is_closed() && files.outgoing.is_closed());
    }

    fn written(text: &str) -> BytesMut {
        let id = MessageId::from_bytes([text.len() as u8; 16]);
        let text = ChatFrame::Text(ChatText {
            id,
            text: text.to_owned(),
        });
        BytesMut::from(&serde_json::to_vec(&text).unwrap()[..])
    }

    fn many(lanes: &mut WordLanes) -> Vec<Lane> {
        (1..=40).map(|n| lanes.open(id(n), LaneKind::Chat)).collect()
    }

    #[tokio::test]
    async fn what_is_written_to_all_goes_once_and_in_order() {
        let mut lanes = WordLanes::default();
        let chats = many(&mut lanes);
        for text in ["one", "three"] {
            for lane in &chats {
                lane.outgoing.try_send(written(text)).unwrap();
            }
        }
        for text in ["one", "three"] {
            let said = lanes.next().await;
            assert_eq!(said, (None, LaneKind::Chat, written(text).freeze()));
        }
        assert!(lanes.lanes.values().all(|ends| ends.first.is_none()));
    }

    #[tokio::test]
    async fn whoever_is_late_does_not_keep_the_others_waiting_and_has_it_alone() {
        let mut lanes = WordLanes::default();
        let chats = many(&mut lanes);
        for lane in &chats[1..] {
            lane.outgoing.try_send(written("hello")).unwrap();
        }
        // An answer does not wait for what is gathered.
        chats[0].outgoing.try_send(BytesMut::from(&b"{}"[..])).unwrap();
        assert_eq!(lanes.next().await.0, Some(id(1)));
        assert_eq!(lanes.next().await.0, None, "after a moment");
        chats[0].outgoing.try_send(written("hello")).unwrap();
        assert_eq!(lanes.next().await.0, Some(id(1)), "only who has not heard it");
    }

    #[tokio::test]
    async fn what_few_are_told_goes_to_each() {
        let mut lanes = WordLanes::default();
        let chats = many(&mut lanes);
        for lane in &chats[..5] {
            lane.outgoing.try_send(written("again")).unwrap();
        }
        for n in 1..=5 {
            assert_eq!(lanes.next().await.0, Some(id(n)));
        }
    }

    /// What is said of so many, within a second.
    async fn heard(lanes: &mut WordLanes, many: usize) -> Vec<(Option<ParticipantId>, Bytes)> {
        let mut heard = Vec::new();
        for _ in 0..many {
            let said = tokio::time::timeout(Duration::from_secs(1), lanes.next()).await;
            let (to, _, bytes) = said.expect("something is said");
            heard.push((to, bytes));
        }
        heard
    }

    #[tokio::test]
    async fn whoever_is_a_message_behind_holds_nobody_up() {
        let mut lanes = WordLanes::default();
        let chats = many(&mut lanes);
        chats[0].outgoing.try_send(written("before")).unwrap();
        for lane in &chats {
            lane.outgoing.try_send(written("now")).unwrap();
        }
        // Once it said the one before it has the other with everybody.
        let before = (Some(id(1)), written("before").freeze());
        let now = (None, written("now").freeze());
        assert_eq!(heard(&mut lanes, 2).await, [before, now]);
        assert!(lanes.lanes.values().all(|ends| ends.first.is_none()));
    }

    #[tokio::test]
    async fn what_was_said_before_somebody_came_is_not_said_to_them() {
        let mut lanes = WordLanes::default();
        let chats = many(&mut lanes);
        let say = |from: usize| {
            for lane in &chats[from..] {
                lane.outgoing.try_send(written("before")).unwrap();
            }
        };
        say(0);
        assert_eq!(heard(&mut lanes, 1).await[0].0, None);
        // Said again, for most have not answered.
        let _late = lanes.open(id(99), LaneKind::Chat);
        say(10);
        let again = heard(&mut lanes, chats.len() - 10).await;
        assert!(again.iter().all(|(to, _)| to.is_some_and(|to| to != id(99))));
        // And while it waits.
        for lane in &chats {
            lane.outgoing.try_send(written("a while ago")).unwrap();
        }
        let cx = &mut Context::from_waker(std::task::Waker::noop());
        lanes.take_up(cx, clock());
        let _later = lanes.open(id(98), LaneKind::Chat);
        let alone = heard(&mut lanes, chats.len()).await;
        assert!(alone.iter().all(|(to, _)| to.is_some_and(|to| to != id(98))));
    }
}
