//! The lanes of a group's chat and of its offers of files, as the app has them of a data channel: bounded channels, whose other ends are here. What is said on them
//! goes sealed through the server, when the session says that it may; a lane that is not read drops and counts, as a data
//! channel's does.
//!
//! The chat says a message on each lane by itself. Where the same waits on most of them it is said once, to everybody; for that the first
//! one waits a moment for the others ([`GATHERED`]). Who has it already hears it again, and shows it once, as after a loss.

use crate::port::{Lane, LaneKind};
use bytes::{Bytes, BytesMut};
use parley_proto::{ChatFrame, ParticipantId};
use std::collections::BTreeMap;
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

/// What is to go, on which kind of lane, and to whom; nobody: to everybody.
pub(super) type Said = (Option<ParticipantId>, LaneKind, Bytes);

/// This side's ends of one.
#[derive(Debug)]
struct Ends {
    came: mpsc::Sender<Bytes>,
    to_go: mpsc::Receiver<BytesMut>,
    /// The first of what is to go.
    first: Option<Frame>,
}

#[derive(Debug)]
struct Frame {
    bytes: Bytes,
    /// A message that somebody wrote: others may get the same.
    written: bool,
}

/// A message that waits for the other lanes to have it too.
#[derive(Debug)]
struct Gathering {
    bytes: Bytes,
    until: Instant,
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
    gathering: Option<Gathering>,
    /// What found no room.
    pub(super) dropped: u64,
}

impl WordLanes {
    /// Makes one, in place of one that is there; gives the app's ends.
    pub(super) fn open(&mut self, participant: ParticipantId, kind: LaneKind) -> Lane {
        let (outgoing, to_go) = mpsc::channel(OUTGOING_MAX);
        let (came, incoming) = mpsc::channel(INCOMING_MAX);
        let ends = Ends {
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
        let mut wake = None;
        loop {
            let step = std::future::poll_fn(|cx| {
                self.take_up(cx);
                match self.decide(clock()) {
                    // Only to be waited for; whatever comes on a lane is looked at meanwhile.
                    Step::Wait(at) if wake == Some(at) => Poll::Pending,
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
    fn take_up(&mut self, cx: &mut Context<'_>) {
        self.lanes.retain(|_, ends| {
            if ends.first.is_none() {
                ends.first = match ends.to_go.poll_recv(cx) {
                    Poll::Ready(Some(frame)) => Some(Frame::new(frame.freeze())),
                    Poll::Ready(None) => return false,
                    Poll::Pending => None,
                };
            }
            true
        });
    }

    /// What goes, of what waits on the lanes.
    fn decide(&mut self, now: Instant) -> Step {
        let people = self.lanes.keys().filter(|(_, kind)| *kind == LaneKind::Chat);
        let may_gather = people.count() >= PEOPLE_MIN;
        let mut wait = None;
        for id in self.in_turn() {
            let Some(first) = self.lanes.get(&id).and_then(|ends| ends.first.as_ref()) else {
                continue;
            };
            if may_gather && first.written {
                let bytes = first.bytes.clone();
                match self.gather(now, &bytes) {
                    Step::Nothing => {}
                    Step::Wait(at) => {
                        wait = Some(at);
                        continue;
                    }
                    said @ Step::Say(_) => return said,
                }
            }
            if let Some(first) = self.lanes.get_mut(&id).and_then(|ends| ends.first.take()) {
                self.last = Some(id);
                return Step::Say((Some(id.0), id.1, first.bytes));
            }
        }
        wait.map_or(Step::Nothing, Step::Wait)
    }

    /// Whether a message goes to everybody, waits for that, or goes to each by itself ([`Step::Nothing`]).
    fn gather(&mut self, now: Instant, bytes: &Bytes) -> Step {
        let chats = || self.lanes.iter().filter(|((_, kind), _)| *kind == LaneKind::Chat);
        let has = |ends: &Ends| ends.first.as_ref().is_some_and(|first| first.bytes == bytes);
        let (all, have) = (chats().count(), chats().filter(|(_, ends)| has(ends)).count());
        let until = match &self.gathering {
            Some(gathering) if gathering.bytes == bytes => gathering.until,
            _ => now + GATHERED,
        };
        if have < all && now < until {
            let bytes = bytes.clone();
            self.gathering = Some(Gathering { bytes, until });
            return Step::Wait(until);
        }
        if 2 * have < all {
            return Step::Nothing;
        }
        self.gathering = None;
        for ends in self.lanes.values_mut() {
            ends.first.take_if(|first| first.bytes == bytes);
        }
        Step::Say((None, LaneKind::Chat, bytes.clone()))
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
    fn new(bytes: Bytes) -> Self {
        let written = matches!(ChatFrame::read(&bytes), Some(ChatFrame::Text(_)));
        Self { bytes, written }
    }
}

#[expect(clippy::disallowed_methods, reason = "driver: the clock enters here")]
fn clock() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        BytesMut::from(
            format!(r#"{{"type":"text","id":"EBESExQVFhcYGRobHB0eHw","text":"{text}"}}"#).as_bytes(),
        )
    }

    fn many(lanes: &mut WordLanes) -> Vec<Lane> {
        (1..=40).map(|n| lanes.open(id(n), LaneKind::Chat)).collect()
    }

    #[tokio::test]
    async fn what_is_written_to_all_goes_once_and_in_order() {
        let mut lanes = WordLanes::default();
        let chats = many(&mut lanes);
        for text in ["one", "two"] {
            for lane in &chats {
                lane.outgoing.try_send(written(text)).unwrap();
            }
        }
        for text in ["one", "two"] {
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
}
