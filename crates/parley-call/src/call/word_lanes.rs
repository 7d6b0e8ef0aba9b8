//! The lanes of a group's chat and of its offers of files, as the app has them of a data channel: bounded channels, whose other ends are here. What is said on them
//! goes sealed through the server, when the session says that it may; a lane that is not read drops and counts, as a data
//! channel's does.

use crate::port::{Lane, LaneKind};
use bytes::{Bytes, BytesMut};
use parley_proto::ParticipantId;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::mpsc;

/// Messages that may wait for the server; more, and the one who speaks waits.
const OUTGOING_MAX: usize = 16;
/// Messages that may wait for the app; more are dropped and counted. What honest sides have on their way fits.
const INCOMING_MAX: usize = 128;

/// This side's ends of one.
#[derive(Debug)]
struct Ends {
    came: mpsc::Sender<Bytes>,
    to_go: mpsc::Receiver<BytesMut>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct WordLanes {
    lanes: BTreeMap<(ParticipantId, LaneKind), Ends>,
    /// Who spoke last: the next one comes first.
    last: Option<(ParticipantId, LaneKind)>,
    /// What found no room.
    pub(super) dropped: u64,
}

impl WordLanes {
    /// Makes one, in place of one that is there; gives the app's ends.
    pub(super) fn open(&mut self, participant: ParticipantId, kind: LaneKind) -> Lane {
        let (outgoing, to_go) = mpsc::channel(OUTGOING_MAX);
        let (came, incoming) = mpsc::channel(INCOMING_MAX);
        self.lanes.insert((participant, kind), Ends { came, to_go });
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
    pub(super) async fn next(&mut self) -> (ParticipantId, LaneKind, Bytes) {
        std::future::poll_fn(|cx| {
            let last = self.last;
            let mut over = Vec::new();
            let mut found = None;
            let after = |id: &(ParticipantId, LaneKind)| last.is_none_or(|last| *id > last);
            let order: Vec<(ParticipantId, LaneKind)> = self
                .lanes
                .keys()
                .filter(|id| after(id))
                .chain(self.lanes.keys().filter(|id| !after(id)))
                .copied()
                .collect();
            for id in order {
                let Some(ends) = self.lanes.get_mut(&id) else {
                    continue;
                };
                match ends.to_go.poll_recv(cx) {
                    Poll::Ready(Some(frame)) => {
                        found = Some((id.0, id.1, frame.freeze()));
                        break;
                    }
                    // The app has another lane for them.
                    Poll::Ready(None) => over.push(id),
                    Poll::Pending => {}
                }
            }
            for id in over {
                self.lanes.remove(&id);
            }
            match found {
                Some(found) => {
                    self.last = Some((found.0, found.1));
                    Poll::Ready(found)
                }
                None => Poll::Pending,
            }
        })
        .await
    }
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
        assert_eq!(heard, [1, 2, 3, 1, 2, 3].map(id));
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
        assert_eq!(lanes.next().await.0, id(1));
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
}
