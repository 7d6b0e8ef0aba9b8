//! Two sides with real disks in temporary folders, and a way between them that can break, in virtual time.

use super::super::disk::Disk;
use super::*;
use std::fs;
use std::time::Duration;
use tempfile::TempDir;

mod cuts;
mod window;
mod words;

const MS: Duration = Duration::from_millis(1);

struct Side {
    core: Transfers,
    disk: Disk,
    folder: TempDir,
    /// What is on its way here, with the time it arrives.
    coming: VecDeque<(Instant, Input)>,
    /// Bytes of chunks that arrived.
    arrived: u64,
}

struct Two {
    now: Instant,
    sides: [Side; 2],
    ids: u8,
}

impl Two {
    #[expect(
        clippy::disallowed_methods,
        reason = "test: an arbitrary moment to count from"
    )]
    fn new() -> Self {
        let now = Instant::now();
        let side = || {
            let folder = tempfile::tempdir().unwrap();
            Side {
                core: Transfers::new(now),
                disk: Disk::new(folder.path().join("in")),
                folder,
                coming: VecDeque::new(),
                arrived: 0,
            }
        };
        Self {
            now,
            sides: [side(), side()],
            ids: 0,
        }
    }

    fn connected() -> Self {
        let mut two = Self::new();
        two.connect();
        two
    }

    fn connect(&mut self) {
        for who in 0..2 {
            let other = ParticipantId::from_bytes([2 - who as u8; 16]);
            self.tell(who, Input::Up(other));
        }
    }

    /// Everything on its way is lost.
    fn cut(&mut self) {
        for who in 0..2 {
            self.sides[who].coming.clear();
            self.tell(who, Input::Down);
        }
    }

    /// The app of a side is started again: what it knew is gone, what is on its disk is not.
    fn restart(&mut self, who: usize) {
        let side = &mut self.sides[who];
        side.core = Transfers::new(self.now);
        side.disk = Disk::new(side.folder.path().join("in"));
        side.coming.clear();
    }

    fn tell(&mut self, who: usize, input: Input) {
        self.sides[who].core.handle(self.now, input);
        self.settle(who);
    }

    fn settle(&mut self, who: usize) {
        while let Some(output) = self.sides[who].core.poll_output() {
            let arrives = self.now + 10 * MS;
            match output {
                Output::Frame(frame) => {
                    let bytes = serde_json::to_vec(&frame).unwrap().into();
                    self.sides[1 - who]
                        .coming
                        .push_back((arrives, Input::Frame(bytes)));
                }
                Output::Word(frame) => {
                    let bytes = serde_json::to_vec(&frame).unwrap().into();
                    self.sides[1 - who]
                        .coming
                        .push_back((arrives, Input::Word(bytes)));
                }
                Output::Chunk(chunk) => {
                    let bytes = chunk.write().freeze();
                    self.sides[1 - who]
                        .coming
                        .push_back((arrives, Input::Chunk(bytes)));
                }
                Output::Disk(command) => {
                    if let Some(answer) = self.sides[who].disk.carry_out(0, command) {
                        self.sides[who].core.handle(self.now, Input::Disk(answer));
                    }
                }
            }
        }
    }

    /// Lets time pass until `done`, or says what it looks like.
    fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        for _ in 0..20_000 {
            if done(self) {
                return;
            }
            self.now += MS;
            for who in 0..2 {
                while self.sides[who]
                    .coming
                    .front()
                    .is_some_and(|(at, _)| *at <= self.now)
                {
                    let (_, input) = self.sides[who].coming.pop_front().unwrap();
                    if let Input::Chunk(bytes) = &input
                        && let Some(ChunkFrame::Chunk { data, .. }) = ChunkFrame::read(bytes)
                    {
                        self.sides[who].arrived += data.len() as u64;
                    }
                    self.tell(who, input);
                }
            }
        }
        panic!("never: {what}: {:#?} {:#?}", self.list(0), self.list(1));
    }

    fn run_ms(&mut self, ms: u64) {
        let end = self.now + MS * ms as u32;
        self.until("time", |two| two.now >= end);
    }

    fn list(&self, who: usize) -> Vec<TransferSnapshot> {
        self.sides[who].core.snapshot(self.now)
    }

    fn state(&self, who: usize) -> TransferState {
        self.list(who).last().unwrap().state
    }

    fn file(&self, who: usize, name: &str, bytes: usize) -> PathBuf {
        let path = self.sides[who].folder.path().join(name);
        let data: Vec<u8> = (0..bytes)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        fs::write(&path, data).unwrap();
        path
    }

    fn offer(&mut self, who: usize, path: PathBuf) -> TransferId {
        self.ids += 1;
        let id = TransferId::from_bytes([self.ids; 16]);
        self.tell(who, Input::Offer { id, path });
        id
    }

    /// Offers, accepts and waits until so many bytes are there.
    fn send_some(&mut self, path: PathBuf, bytes: u64) -> TransferId {
        let id = self.offer(0, path);
        self.until("the question", |two| {
            two.list(1)
                .last()
                .is_some_and(|one| one.state == TransferState::Asking)
        });
        self.tell(1, Input::Accept(id));
        self.until("a part", |two| {
            two.list(1).last().is_some_and(|one| one.moved >= bytes)
        });
        id
    }

    fn both_done(&self) -> bool {
        (0..2).all(|who| self.state(who) == TransferState::Done)
    }

    fn expect_received(&mut self, sent: &std::path::Path, name: &str) {
        self.until("the end", Self::both_done);
        let received = self.list(1).last().unwrap().path.clone().unwrap();
        assert_eq!(received, self.sides[1].folder.path().join("in").join(name));
        assert!(
            fs::read(sent).unwrap() == fs::read(&received).unwrap(),
            "another content"
        );
    }

    /// Names of what is in the folder of what came.
    fn inside(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.sides[1].folder.path().join("in")) else {
            return Vec::new();
        };
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

#[test]
fn a_file_arrives_whole_and_alone() {
    let mut two = Two::connected();
    for (bytes, name) in [(3_000_000, "large.bin"), (1, "tiny"), (0, "empty.txt")] {
        let sent = two.file(0, name, bytes);
        two.send_some(sent.clone(), 0);
        two.expect_received(&sent, name);
    }
    assert_eq!(
        two.inside(),
        ["empty.txt", "large.bin", "tiny"],
        "no parts, no journals"
    );
}

#[test]
fn nothing_moves_before_the_person_said_yes_and_nothing_after_a_no() {
    let mut two = Two::connected();
    let path = two.file(0, "a.txt", 10_000);
    let id = two.offer(0, path);
    two.run_ms(500);
    assert_eq!(
        (two.state(0), two.state(1)),
        (TransferState::Offered, TransferState::Asking)
    );
    assert_eq!(two.sides[1].arrived, 0);
    two.tell(1, Input::Refuse(id));
    two.run_ms(100);
    let declined = TransferState::Ended(TransferEnd::Declined);
    assert_eq!((two.state(0), two.state(1)), (declined, declined));
    assert!(two.inside().is_empty());
}

#[test]
fn a_dropped_connection_costs_nothing_that_arrived() {
    let mut two = Two::connected();
    let sent = two.file(0, "a.bin", 4_000_000);
    two.send_some(sent.clone(), 1_000_000);
    for _ in 0..3 {
        two.cut();
        assert_eq!(
            (two.state(0), two.state(1)),
            (TransferState::Waiting, TransferState::Waiting)
        );
        two.connect();
        two.run_ms(60);
    }
    two.expect_received(&sent, "a.bin");
    let again = two.sides[1].arrived - 4_000_000;
    assert_eq!(again, 0, "no byte that arrived is sent again");
}

#[test]
fn a_cut_after_the_last_byte_is_survived_too() {
    let mut two = Two::connected();
    let sent = two.file(0, "a.bin", 100_000);
    two.send_some(sent.clone(), 100_000);
    two.cut();
    two.connect();
    two.expect_received(&sent, "a.bin");
}

#[test]
fn a_restart_of_either_side_goes_on_where_it_stopped() {
    for restarted in 0..2 {
        let mut two = Two::connected();
        let sent = two.file(0, "a.bin", 3_000_000);
        two.send_some(sent.clone(), 1_500_000);
        two.cut();
        two.restart(restarted);
        if restarted == 0 {
            // The receiver's app does not know whether the sender comes back; its person gives up waiting.
            two.restart(1);
        }
        let before = two.sides[1].arrived;
        two.connect();
        if restarted == 0 {
            two.send_some(sent.clone(), 0);
        } else {
            two.until("the question", |two| {
                two.list(1)
                    .last()
                    .is_some_and(|one| one.state == TransferState::Asking)
            });
            let id = two.list(1)[0].id;
            two.tell(1, Input::Accept(id));
        }
        two.expect_received(&sent, "a.bin");
        let rest = two.sides[1].arrived - before;
        assert!(rest <= 1_500_000, "{rest} bytes were sent again or anew");
    }
}

#[test]
fn either_side_can_pause_and_only_the_one_who_did_goes_on() {
    let mut two = Two::connected();
    let sent = two.file(0, "a.bin", 3_000_000);
    let id = two.send_some(sent.clone(), 200_000);
    for who in 0..2 {
        two.tell(who, Input::Pause(id));
        two.run_ms(100);
        let arrived = two.sides[1].arrived;
        two.run_ms(300);
        assert_eq!(two.sides[1].arrived, arrived, "paused by {who}");
        assert_eq!(
            two.state(who),
            TransferState::Paused {
                here: true,
                there: false
            }
        );
        assert_eq!(
            two.state(1 - who),
            TransferState::Paused {
                here: false,
                there: true
            }
        );
        two.tell(1 - who, Input::Resume(id));
        two.run_ms(100);
        assert_eq!(two.sides[1].arrived, arrived, "not theirs to take back");
        // It lasts through a fresh connection.
        two.cut();
        two.connect();
        two.run_ms(200);
        assert_eq!(two.sides[1].arrived, arrived, "paused by {who}, after a cut");
        two.tell(who, Input::Resume(id));
        two.run_ms(30);
    }
    two.expect_received(&sent, "a.bin");
}

#[test]
fn either_side_can_cancel_and_no_part_stays() {
    for who in 0..2 {
        let mut two = Two::connected();
        let sent = two.file(0, "a.bin", 3_000_000);
        let id = two.send_some(sent, 200_000);
        assert_eq!(two.inside().len(), 2, "a part and a journal");
        two.tell(who, Input::Cancel(id));
        two.run_ms(100);
        assert_eq!(two.state(who), TransferState::Ended(TransferEnd::CancelledHere));
        assert_eq!(
            two.state(1 - who),
            TransferState::Ended(TransferEnd::CancelledThere)
        );
        assert!(two.inside().is_empty(), "{:?}", two.inside());
    }
}

#[test]
fn several_files_share_the_way() {
    let mut two = Two::connected();
    let names = ["a.bin", "b.bin", "c.bin"];
    let ids: Vec<_> = names
        .iter()
        .map(|name| {
            let path = two.file(0, name, 1_000_000);
            two.offer(0, path)
        })
        .collect();
    two.run_ms(100);
    ids.iter().for_each(|id| two.tell(1, Input::Accept(*id)));
    two.until("some of each", |two| {
        two.list(1).iter().all(|one| one.moved > 100_000)
    });
    let least_and_most = |two: &Two| {
        let moved: Vec<_> = two.list(1).iter().map(|one| one.moved).collect();
        (*moved.iter().min().unwrap(), *moved.iter().max().unwrap())
    };
    let (least, most) = least_and_most(&two);
    assert!(most < 2 * least, "{least} and {most}");
    two.until("all", |two| {
        two.list(1).iter().all(|one| one.state == TransferState::Done)
    });
}

#[test]
fn the_same_name_gets_a_number_and_nothing_is_written_over() {
    let mut two = Two::connected();
    let sent = two.file(0, "a.txt", 5_000);
    let taken = two.sides[1].folder.path().join("in");
    fs::create_dir_all(&taken).unwrap();
    fs::write(taken.join("a.txt"), "mine").unwrap();
    two.send_some(sent.clone(), 0);
    two.expect_received(&sent, "a (2).txt");
    assert_eq!(fs::read(taken.join("a.txt")).unwrap(), b"mine");
}

#[test]
fn a_file_that_changes_on_the_way_is_not_taken_for_whole() {
    let mut two = Two::connected();
    let sent = two.file(0, "a.bin", 2_000_000);
    two.send_some(sent.clone(), 500_000);
    let mut data = fs::read(&sent).unwrap();
    data[1_999_999] ^= 1;
    fs::write(&sent, data).unwrap();
    let failed = |two: &Two| {
        matches!(two.state(0), TransferState::Ended(_)) && matches!(two.state(1), TransferState::Ended(_))
    };
    two.until("the failure", failed);
    assert_eq!(
        two.state(0),
        TransferState::Ended(TransferEnd::Failed(TransferFault::Changed))
    );
}

#[test]
fn what_is_damaged_on_the_disk_is_thrown_away() {
    let mut two = Two::connected();
    let sent = two.file(0, "a.bin", 2_000_000);
    two.send_some(sent, 500_000);
    two.cut();
    two.restart(1);
    let part = two
        .inside()
        .into_iter()
        .find(|name| name.ends_with("parley-part"))
        .unwrap();
    let part = two.sides[1].folder.path().join("in").join(part);
    let mut data = fs::read(&part).unwrap();
    data[7] ^= 1;
    fs::write(&part, data).unwrap();
    two.connect();
    two.run_ms(100);
    let id = two.list(1)[0].id;
    two.tell(1, Input::Accept(id));
    two.until("the failure", |two| {
        matches!(two.state(0), TransferState::Ended(_))
    });
    for who in 0..2 {
        assert_eq!(
            two.state(who),
            TransferState::Ended(TransferEnd::Failed(TransferFault::Damaged))
        );
    }
    assert!(two.inside().is_empty(), "{:?}", two.inside());
}

#[test]
fn somebody_elses_arrival_ends_what_was_meant_for_another() {
    let mut two = Two::connected();
    let sent = two.file(0, "a.bin", 3_000_000);
    two.send_some(sent, 200_000);
    two.cut();
    two.tell(0, Input::Up(ParticipantId::from_bytes([77; 16])));
    assert_eq!(
        two.state(0),
        TransferState::Ended(TransferEnd::Failed(TransferFault::OtherGone))
    );
    assert!(two.sides[1].coming.is_empty(), "a stranger is offered nothing");
}

// --- hostile sides ---

fn hash() -> FileHash {
    FileHash::from_bytes([3; 32])
}

fn says(two: &mut Two, frame: &FileFrame) {
    let bytes = serde_json::to_vec(frame).unwrap().into();
    two.tell(1, Input::Frame(bytes));
}

fn offers(two: &mut Two, n: u16, name: &str, size: u64) -> TransferId {
    let mut bytes = [0xee; 16];
    bytes[..2].copy_from_slice(&n.to_le_bytes());
    let id = TransferId::from_bytes(bytes);
    let offer = Offer {
        id,
        name: name.into(),
        size,
        fingerprint: hash(),
    };
    says(two, &FileFrame::Offer(offer));
    id
}

#[test]
fn hostile_offers_are_refused_and_counted() {
    let mut two = Two::connected();
    for (n, name) in ["../../etc/passwd", "a\\b", "CON.txt", "", "..", "a\0"]
        .iter()
        .enumerate()
    {
        offers(&mut two, n as u16, name, 10);
    }
    offers(&mut two, 100, "huge.bin", u64::MAX);
    assert!(two.list(1).is_empty());
    for n in 0..10_000 {
        offers(&mut two, 1_000 + n, "fine.txt", 10);
    }
    assert_eq!(two.list(1).len(), TRANSFERS_MAX);
    let counters = two.sides[1].core.counters();
    assert_eq!(counters.names_refused, 6);
    assert_eq!(counters.sizes_refused, 1);
    assert_eq!(counters.offers_refused, 10_000 - TRANSFERS_MAX as u64);
    assert!(two.inside().is_empty());
}

#[test]
fn chunks_that_nobody_asked_for_go_nowhere() {
    let mut two = Two::connected();
    let id = offers(&mut two, 1, "a.bin", 100);
    let chunk = |offset: u64, len: usize| {
        let data = vec![1; len].into();
        Input::Chunk(
            ChunkFrame::Chunk {
                id,
                offset,
                stamp_ms: 0,
                data,
            }
            .write()
            .freeze(),
        )
    };
    two.tell(1, chunk(0, 10));
    assert!(two.inside().is_empty(), "not accepted yet");
    two.tell(1, Input::Accept(id));
    two.tell(1, chunk(0, 60));
    two.tell(1, chunk(60, 60));
    assert_eq!(
        two.state(1),
        TransferState::Ended(TransferEnd::Failed(TransferFault::OutOfStep)),
        "beyond the end"
    );
    two.tell(1, chunk(60, 10));
    for nonsense in [&b""[..], b"\x10", &[0xff; 100]] {
        two.tell(1, Input::Chunk(Bytes::copy_from_slice(nonsense)));
        two.tell(1, Input::Frame(Bytes::copy_from_slice(nonsense)));
    }
    let counters = two.sides[1].core.counters();
    assert_eq!(counters.out_of_place, 3);
    assert_eq!(counters.malformed, 6);
}

#[test]
fn a_receiver_cannot_take_what_was_not_offered_or_more_than_was() {
    let mut two = Two::connected();
    let path = two.file(1, "mine.txt", 1000);
    let id = two.offer(1, path);
    says(
        &mut two,
        &FileFrame::Accept {
            id: TransferId::from_bytes([9; 16]),
            offset: 0,
        },
    );
    says(&mut two, &FileFrame::Accept { id, offset: 1001 });
    assert_eq!(two.state(1), TransferState::Offered);
    says(&mut two, &FileFrame::Received { id });
    assert_eq!(two.state(1), TransferState::Offered, "not even accepted");
    says(&mut two, &FileFrame::Accept { id, offset: 0 });
    for receipt in [1001, u64::MAX] {
        let bytes = ChunkFrame::Receipt {
            id,
            offset: receipt,
            delay_ms: 0,
        }
        .write()
        .freeze();
        two.tell(1, Input::Chunk(bytes));
    }
    assert!(two.list(1)[0].moved <= 1000);
    // The same id as somebody else's transfer, the other way.
    let offer = Offer {
        id,
        name: "x".into(),
        size: 1,
        fingerprint: hash(),
    };
    says(&mut two, &FileFrame::Offer(offer));
    assert_eq!(two.list(1).len(), 1);
}
