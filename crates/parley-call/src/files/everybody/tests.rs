//! The transfers with everybody, whose lanes a test holds the far ends of.

use super::*;
use crate::files::{TransferEnd, TransferFault, TransferState};
use bytes::{Bytes, BytesMut};
use parley_proto::Bitrate;
use parley_proto::files::{ChunkFrame, FileFrame, FileHash, Offer};
use std::sync::atomic::Ordering;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

/// The other side's end of a lane.
struct Far {
    says: mpsc::Sender<Bytes>,
    hears: mpsc::Receiver<BytesMut>,
}

impl Far {
    fn new() -> (Self, Lane) {
        let (outgoing, hears) = mpsc::channel(16);
        let (says, incoming) = mpsc::channel(16);
        let lane = Lane {
            outgoing,
            incoming,
            answered: Arc::default(),
            allotment: Arc::default(),
        };
        (Self { says, hears }, lane)
    }

    fn say(&self, frame: &FileFrame) {
        self.says
            .try_send(serde_json::to_vec(frame).unwrap().into())
            .unwrap();
    }

    async fn accepted(&mut self, id: TransferId) {
        let answer = tokio::time::timeout(SOON, self.hears.recv()).await;
        let frame = FileFrame::read(&answer.expect("an answer").expect("a lane"));
        assert_eq!(frame, Some(FileFrame::Accept { id, offset: 0 }));
    }
}

#[tokio::test]
async fn an_offer_that_is_there_before_the_second_lane_is_answered_once_both_are() {
    let folder = tempfile::tempdir().unwrap();
    let mut handle = start(folder.path().to_owned()).unwrap();
    let (who, id) = (
        ParticipantId::from_bytes([1; 16]),
        TransferId::from_bytes([7; 16]),
    );
    let offer = FileFrame::Offer(Offer {
        id,
        name: "a.bin".into(),
        size: 100_000,
        fingerprint: FileHash::from_bytes([3; 32]),
    });
    // The first time it is asked about, after a fresh connection it is taken by itself.
    for known in [false, true] {
        let (mut files, lane) = Far::new();
        files.say(&offer);
        handle.use_lane(who, LaneKind::Files, lane);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let (_chunks, lane) = Far::new();
        handle.use_lane(who, LaneKind::Chunks, lane);
        if !known {
            let asked = handle.transfers.wait_for(|list| !list.is_empty());
            tokio::time::timeout(SOON, asked)
                .await
                .expect("a question")
                .unwrap();
            assert!(handle.command(FileCommand::Accept(id)));
        }
        files.accepted(id).await;
    }
}

/// Bytes of the chunks that come until nothing more does.
async fn chunks_until_silence(far: &mut Far) -> u64 {
    let mut bytes = 0;
    while let Ok(Some(message)) = tokio::time::timeout(Duration::from_millis(300), far.hears.recv()).await {
        assert!(matches!(
            ChunkFrame::read(&message.clone().freeze()),
            Some(ChunkFrame::Chunk { .. })
        ));
        bytes += message.len() as u64;
    }
    bytes
}

/// A transfer of a megabyte that the other side has accepted, `allotted` by the call; its handle, and the far end of the chunks.
async fn sending(folder: &std::path::Path, allotted: Option<Bitrate>) -> (FilesHandle, Far, Far, Lane) {
    let path = folder.join("large.bin");
    std::fs::write(&path, vec![7; 1 << 20]).unwrap();
    let handle = start(folder.join("in")).unwrap();
    let (who, id) = (
        ParticipantId::from_bytes([1; 16]),
        TransferId::from_bytes([7; 16]),
    );
    let (mut files, files_lane) = Far::new();
    let (chunks, chunks_lane) = Far::new();
    chunks_lane.allotment.grant(allotted);
    let kept = Lane {
        outgoing: chunks_lane.outgoing.clone(),
        incoming: mpsc::channel(1).1,
        answered: Arc::clone(&chunks_lane.answered),
        allotment: Arc::clone(&chunks_lane.allotment),
    };
    handle.use_lane(who, LaneKind::Files, files_lane);
    handle.use_lane(who, LaneKind::Chunks, chunks_lane);
    assert!(handle.command(FileCommand::Offer { id, path, to: None }));
    let offer = tokio::time::timeout(SOON, files.hears.recv()).await;
    let offer = FileFrame::read(&offer.expect("an offer").expect("a lane"));
    assert!(matches!(offer, Some(FileFrame::Offer(_))), "{offer:?}");
    files.say(&FileFrame::Accept { id, offset: 0 });
    (handle, files, chunks, kept)
}

#[tokio::test]
async fn what_sctp_answered_makes_room_although_a_lost_packet_holds_back_every_receipt() {
    let folder = tempfile::tempdir().unwrap();
    let (_handle, _files, mut chunks, lane) = sending(folder.path(), None).await;
    let answered = lane.answered;
    let first = chunks_until_silence(&mut chunks).await;
    assert!((8 << 10..64 << 10).contains(&first), "the first window: {first}");
    answered.store(first, Ordering::Release);
    let second = chunks_until_silence(&mut chunks).await;
    assert!(
        (first / 2..=first * 2).contains(&second),
        "{second} after {first}"
    );
    // Without a word of either it stays as it is.
    assert_eq!(chunks_until_silence(&mut chunks).await, 0);
}

#[tokio::test]
async fn what_the_call_allots_is_asked_for_and_kept_to() {
    let folder = tempfile::tempdir().unwrap();
    let begun = driver::clock();
    let (_handle, _files, mut chunks, lane) = sending(folder.path(), Some(Bitrate::from_kbps(160))).await;
    // Two kilobytes each 100 ms, until the smallest window is full, for nothing is answered.
    let held = chunks_until_silence(&mut chunks).await;
    let took = begun.elapsed();
    assert!((8 << 10..=12 << 10).contains(&held), "{held}");
    assert!(took >= Duration::from_millis(550), "{took:?}");
    assert!(lane.allotment.is_wanted());
    lane.allotment.grant(None);
    lane.answered.store(held, Ordering::Release);
    assert!(chunks_until_silence(&mut chunks).await >= 8 << 10, "and goes on");
}

fn who(n: u8) -> ParticipantId {
    ParticipantId::from_bytes([n; 16])
}

async fn heard(far: &mut Far) -> FileFrame {
    let frame = tokio::time::timeout(SOON, far.hears.recv()).await;
    FileFrame::read(&frame.expect("a frame").expect("a lane")).expect("a frame of files")
}

#[tokio::test]
async fn a_file_for_two_people_is_a_transfer_with_each_and_ends_with_whoever_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.pdf");
    std::fs::write(&path, vec![7; 1000]).unwrap();
    let mut handle = start(folder.path().join("in")).unwrap();
    let mut far = Vec::new();
    for n in [1, 2] {
        let (words, lane) = Far::new();
        handle.use_lane(who(n), LaneKind::FileWords, lane);
        far.push(words);
    }
    let ids = [1, 2].map(|n| TransferId::from_bytes([n; 16]));
    for (n, id) in [1, 2].into_iter().zip(ids) {
        let (path, to) = (path.clone(), Some(who(n)));
        assert!(handle.command(FileCommand::Offer { id, path, to }));
    }
    for (words, id) in far.iter_mut().zip(ids) {
        let frame = heard(words).await;
        assert!(
            matches!(&frame, FileFrame::Offer(offer) if offer.id == id),
            "{frame:?}"
        );
    }
    let both = handle.transfers.wait_for(|list| list.len() == 2);
    let list = tokio::time::timeout(SOON, both).await.unwrap().unwrap().clone();
    assert_eq!([list[0].with, list[1].with], [Some(who(1)), Some(who(2))]);
    let may = |n| FileWay {
        participant: who(n),
        wanted: false,
    };
    let ways = handle.ways.wait_for(|ways| *ways == [may(1), may(2)]);
    tokio::time::timeout(SOON, ways).await.expect("ways").unwrap();
    // Only what is with the one who left ends.
    assert!(handle.command(FileCommand::People(vec![who(2), who(3)])));
    let gone = TransferState::Ended(TransferEnd::Failed(TransferFault::OtherGone));
    let left = handle.transfers.wait_for(|list| list[0].state == gone);
    let list = tokio::time::timeout(SOON, left)
        .await
        .expect("an end")
        .unwrap()
        .clone();
    assert_eq!(list[1].state, TransferState::Offered);
    // Back under the same id, they are offered it again.
    assert!(handle.command(FileCommand::People(vec![who(1), who(2)])));
    let again = heard(&mut far[0]).await;
    assert!(
        matches!(&again, FileFrame::Offer(offer) if offer.id == ids[0]),
        "{again:?}"
    );
    far[1].say(&FileFrame::Refuse {
        id: ids[1],
        reason: parley_proto::RefusalReason::Declined,
    });
    let declined = TransferState::Ended(TransferEnd::Declined);
    let over = handle.transfers.wait_for(|list| list[1].state == declined);
    tokio::time::timeout(SOON, over).await.expect("a no").unwrap();
}

#[tokio::test]
async fn an_offer_under_an_id_of_somebody_who_is_gone_can_be_decided() {
    let folder = tempfile::tempdir().unwrap();
    let mut handle = start(folder.path().join("in")).unwrap();
    let id = TransferId::from_bytes([7; 16]);
    let offer = FileFrame::Offer(Offer {
        id,
        name: "a.bin".into(),
        size: 1000,
        fingerprint: FileHash::from_bytes([3; 32]),
    });
    let mut far = Vec::new();
    for n in [1, 2] {
        let (words, lane) = Far::new();
        handle.use_lane(who(n), LaneKind::FileWords, lane);
        words.say(&offer);
        far.push(words);
        let asks = |list: &Vec<TransferSnapshot>| list.len() == usize::from(n);
        let asked = handle.transfers.wait_for(asks);
        tokio::time::timeout(SOON, asked)
            .await
            .expect("a question")
            .unwrap();
        assert!(handle.command(FileCommand::People(vec![who(2)])));
    }
    assert!(handle.command(FileCommand::Refuse(id)));
    let reason = parley_proto::RefusalReason::Declined;
    assert_eq!(heard(&mut far[1]).await, FileFrame::Refuse { id, reason });
}

#[tokio::test]
async fn of_the_answers_about_one_transfer_only_the_newest_waits_for_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let handle = start(folder.path().join("in")).unwrap();
    let (mut words, lane) = Far::new();
    handle.use_lane(who(1), LaneKind::FileWords, lane);
    let offer = FileFrame::Offer(Offer {
        id: TransferId::from_bytes([7; 16]),
        name: "../a.bin".into(),
        size: 1000,
        fingerprint: FileHash::from_bytes([3; 32]),
    });
    for _ in 0..60 {
        let said = serde_json::to_vec(&offer).unwrap();
        words.says.send(said.into()).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut answers = 0;
    while let Ok(Some(_)) = tokio::time::timeout(Duration::from_millis(300), words.hears.recv()).await {
        answers += 1;
    }
    assert_eq!(answers, 17, "those that the lane took, and one");
}

#[tokio::test]
async fn what_is_offered_before_anybody_came_is_for_whoever_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.pdf");
    std::fs::write(&path, vec![7; 1000]).unwrap();
    let mut handle = start(folder.path().join("in")).unwrap();
    let id = TransferId::from_bytes([1; 16]);
    assert!(handle.command(FileCommand::Offer { id, path, to: None }));
    let there = handle.transfers.wait_for(|list| !list.is_empty());
    let list = tokio::time::timeout(SOON, there).await.unwrap().unwrap().clone();
    assert_eq!(list[0].with, None);
    let (mut words, lane) = Far::new();
    handle.use_lane(who(5), LaneKind::FileWords, lane);
    assert!(matches!(heard(&mut words).await, FileFrame::Offer(_)));
    let known = handle.transfers.wait_for(|list| list[0].with == Some(who(5)));
    tokio::time::timeout(SOON, known).await.expect("a name").unwrap();
}

#[tokio::test]
async fn what_is_offered_after_everybody_left_is_for_whoever_comes_next() {
    for next in [1, 2] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.pdf");
        std::fs::write(&path, vec![7; 1000]).unwrap();
        let mut handle = start(folder.path().join("in")).unwrap();
        let (mut words, lane) = Far::new();
        handle.use_lane(who(1), LaneKind::FileWords, lane);
        assert!(handle.command(FileCommand::People(vec![who(1)])));
        let ids = [1, 2].map(|n| TransferId::from_bytes([n; 16]));
        let offer = |id| FileCommand::Offer {
            id,
            path: path.clone(),
            to: None,
        };
        assert!(handle.command(offer(ids[0])));
        assert!(matches!(heard(&mut words).await, FileFrame::Offer(offer) if offer.id == ids[0]));
        drop(words);
        assert!(handle.command(FileCommand::People(Vec::new())));
        assert!(handle.command(offer(ids[1])));
        let both = |list: &Vec<TransferSnapshot>| {
            list.len() == 2 && list.iter().all(|one| one.state == TransferState::Offered)
        };
        let list = tokio::time::timeout(SOON, handle.transfers.wait_for(both)).await;
        let list = list.expect("both wait").unwrap().clone();
        assert_eq!([list[0].with, list[1].with], [Some(who(1)), None]);
        assert!(handle.command(FileCommand::People(vec![who(next)])));
        let (mut words, lane) = Far::new();
        handle.use_lane(who(next), LaneKind::FileWords, lane);
        // Whoever is back is offered again what they were offered before.
        for id in ids.into_iter().skip(usize::from(next - 1)) {
            let frame = heard(&mut words).await;
            assert!(
                matches!(&frame, FileFrame::Offer(offer) if offer.id == id),
                "{frame:?}"
            );
        }
        let theirs = |list: &Vec<TransferSnapshot>| list.len() == 2 && list[1].with == Some(who(next));
        let known = tokio::time::timeout(SOON, handle.transfers.wait_for(theirs)).await;
        known.expect("a name").unwrap();
    }
}
