//! The task around [`Transfers`]: carries between the app, the lanes and the disk. It decides nothing.

use super::disk::{self, DiskAnswer, DiskCommand};
use super::transfer::{FileCounters, TransferSnapshot};
use super::transfers::{Input, Output, Transfers};
use crate::port::{Lane, LaneKind};
use bytes::{Bytes, BytesMut};
use parley_proto::{ChunkFrame, ParticipantId, TransferId};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};

/// Commands that may wait.
const COMMANDS_MAX: usize = 64;
/// Disk commands that may wait: more than all windows of chunks together, so the core's own bounds hold first.
const DISK_MAX: usize = 4096;
/// Disk answers that may wait.
const ANSWERS_MAX: usize = 64;
/// How often a full window is looked at again.
const WINDOW_LOOKED_AT: Duration = Duration::from_millis(2);
/// How often the app is told how far transfers are.
const TELL_INTERVAL: Duration = Duration::from_millis(100);

/// What the app asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileCommand {
    /// Send a file.
    Offer {
        /// A fresh id.
        id: TransferId,
        /// Where it is.
        path: PathBuf,
    },
    /// Take what was offered.
    Accept(TransferId),
    /// Do not.
    Refuse(TransferId),
    /// Wait.
    Pause(TransferId),
    /// Go on.
    Resume(TransferId),
    /// Give up.
    Cancel(TransferId),
}

/// The app's end of the transfers. Dropping it ends the task; parts stay on the disk.
#[derive(Debug)]
pub struct FilesHandle {
    commands: mpsc::Sender<FileCommand>,
    lanes: mpsc::Sender<(ParticipantId, LaneKind, Lane)>,
    /// Every transfer, oldest first; at most ten times a second.
    pub transfers: watch::Receiver<Vec<TransferSnapshot>>,
    /// What was refused and dropped since the call began.
    pub counters: watch::Receiver<FileCounters>,
}

impl FilesHandle {
    /// Asks something; what follows shows in the transfers. False when too much was asked at once.
    #[must_use]
    pub fn command(&self, command: FileCommand) -> bool {
        self.commands.try_send(command).is_ok()
    }

    /// One of the two lanes can be used. Takes the place of one there was before.
    pub fn use_lane(&self, participant: ParticipantId, kind: LaneKind, lane: Lane) {
        if self.lanes.try_send((participant, kind, lane)).is_err() {
            tracing::warn!(?kind, "the transfers take no lane");
        }
    }
}

/// Starts the transfers of one call; what comes goes to `folder`. Inside a tokio runtime. Nothing when there is no thread.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "driver: one task and one thread a call, ended with its handle"
)]
pub fn start(folder: PathBuf) -> Option<FilesHandle> {
    let (commands, asked) = mpsc::channel(COMMANDS_MAX);
    let (lanes, new_lanes) = mpsc::channel(8);
    let (tell, transfers) = watch::channel(Vec::new());
    let (count, counters) = watch::channel(FileCounters::default());
    let (to_disk, disk_commands) = std::sync::mpsc::sync_channel(DISK_MAX);
    let (answers, from_disk) = mpsc::channel(ANSWERS_MAX);
    let thread = std::thread::Builder::new().name("files".into()).spawn(move || {
        disk::run(folder, &disk_commands, |answer| {
            answers.blocking_send(answer).is_ok()
        });
    });
    if let Err(error) = thread {
        tracing::error!(%error, "no thread for files");
        return None;
    }
    let driver = Driver {
        core: Transfers::new(clock()),
        asked,
        new_lanes,
        to_disk,
        from_disk,
        tell,
        count,
        files: None,
        chunks: None,
        waiting: VecDeque::new(),
        chunks_waiting: VecDeque::new(),
        chunks_gone: 0,
        for_disk: VecDeque::new(),
        up: false,
    };
    tokio::spawn(driver.run());
    Some(FilesHandle {
        commands,
        lanes,
        transfers,
        counters,
    })
}

#[expect(clippy::disallowed_methods, reason = "driver: the clock enters here")]
fn clock() -> Instant {
    Instant::now()
}

struct Driver {
    core: Transfers,
    asked: mpsc::Receiver<FileCommand>,
    new_lanes: mpsc::Receiver<(ParticipantId, LaneKind, Lane)>,
    to_disk: std::sync::mpsc::SyncSender<DiskCommand>,
    from_disk: mpsc::Receiver<DiskAnswer>,
    tell: watch::Sender<Vec<TransferSnapshot>>,
    count: watch::Sender<FileCounters>,
    files: Option<(ParticipantId, Lane)>,
    chunks: Option<(ParticipantId, Lane)>,
    /// Frames and receipts that the lanes take no more of for now: one for each thing that happens.
    waiting: VecDeque<(LaneKind, BytesMut)>,
    /// Chunks that wait for room in the window. Bounded by what the core reads ahead.
    chunks_waiting: VecDeque<ChunkFrame>,
    /// Bytes of chunks that went on the present lane.
    chunks_gone: u64,
    for_disk: VecDeque<DiskCommand>,
    up: bool,
}

enum Happening {
    Input(Input),
    Lane(ParticipantId, LaneKind, Lane),
    LaneEnded(LaneKind),
    Room,
    Tell,
    Over,
}

impl Driver {
    async fn run(mut self) {
        let mut ticks = interval(TELL_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let happening = tokio::select! {
                happening = next(&mut self) => happening,
                _ = ticks.tick() => Happening::Tell,
            };
            match happening {
                Happening::Input(input) => self.core.handle(clock(), input),
                Happening::Lane(who, kind, lane) => self.take_lane(who, kind, lane),
                Happening::LaneEnded(kind) => {
                    match kind {
                        LaneKind::Files => self.files = None,
                        _ => self.chunks = None,
                    }
                    self.go_down();
                }
                Happening::Room => {}
                Happening::Tell => self.publish(),
                Happening::Over => return,
            }
            self.carry_out();
        }
    }

    fn take_lane(&mut self, who: ParticipantId, kind: LaneKind, lane: Lane) {
        if self.up {
            self.go_down();
        }
        match kind {
            LaneKind::Files => self.files = Some((who, lane)),
            LaneKind::Chunks => self.chunks = Some((who, lane)),
            LaneKind::Chat => return,
        }
        // Both of one connection: an older one has ended by now.
        let open = |lane: &Option<(ParticipantId, Lane)>| {
            lane.as_ref()
                .filter(|(_, lane)| !lane.outgoing.is_closed())
                .map(|(who, _)| *who)
        };
        if let (Some(one), Some(other)) = (open(&self.files), open(&self.chunks))
            && one == other
        {
            self.up = true;
            self.core.handle(clock(), Input::Up(one));
        }
    }

    fn go_down(&mut self) {
        self.waiting.clear();
        self.chunks_waiting.clear();
        self.chunks_gone = 0;
        if std::mem::take(&mut self.up) {
            self.files = None;
            self.chunks = None;
            self.core.handle(clock(), Input::Down);
        }
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Frame(frame) => match serde_json::to_vec(&frame) {
                    Ok(bytes) => self
                        .waiting
                        .push_back((LaneKind::Files, BytesMut::from(&bytes[..]))),
                    Err(error) => tracing::error!(%error, "a frame cannot be written"),
                },
                Output::Chunk(chunk @ ChunkFrame::Chunk { .. }) => self.chunks_waiting.push_back(chunk),
                Output::Chunk(receipt) => self.waiting.push_back((LaneKind::Chunks, receipt.write())),
                Output::Disk(command) => self.for_disk.push_back(command),
            }
        }
        // Whoever gives disk commands waits for their answers, so this never runs away; and the thread is never waited for.
        while let Some(command) = self.for_disk.pop_front() {
            if let Err(std::sync::mpsc::TrySendError::Full(command)) = self.to_disk.try_send(command) {
                self.for_disk.push_front(command);
                break;
            }
        }
        while let Some((kind, _)) = self.waiting.front() {
            let lane = if *kind == LaneKind::Files {
                &self.files
            } else {
                &self.chunks
            };
            let Some((_, lane)) = lane else {
                self.waiting.pop_front();
                continue;
            };
            let Ok(place) = lane.outgoing.try_reserve() else {
                break;
            };
            if let Some((_, message)) = self.waiting.pop_front() {
                place.send(message);
            }
        }
        self.send_chunks();
    }

    fn send_chunks(&mut self) {
        if let Some((_, lane)) = &self.chunks {
            self.core
                .on_answered(clock(), lane.answered.load(Ordering::Acquire));
            lane.allotment.want(self.core.is_sending());
            self.core.allot(lane.allotment.granted());
        }
        while !self.chunks_waiting.is_empty() && !self.must_wait() {
            let Some((_, lane)) = &self.chunks else {
                self.chunks_waiting.clear();
                return;
            };
            let Ok(place) = lane.outgoing.try_reserve() else {
                return;
            };
            if let Some(chunk) = self.chunks_waiting.pop_front() {
                let now = clock();
                let message = self.core.stamped(now, chunk).write();
                self.chunks_gone += message.len() as u64;
                self.core.spend(now, message.len() as u64);
                self.core.on_gone(now, self.chunks_gone);
                place.send(message);
            }
        }
    }

    /// Whether as much is on its way as may be, or goes as fast. What is lost on the way does not count twice: SCTP's word counts, not
    /// receipts.
    fn must_wait(&self) -> bool {
        self.chunks.as_ref().is_some_and(|(_, lane)| {
            let answered = lane.answered.load(Ordering::Acquire);
            self.chunks_gone.saturating_sub(answered) >= self.core.window() || !self.core.may_go(clock())
        })
    }

    fn publish(&self) {
        let now = self.core.snapshot(clock());
        self.count.send_replace(self.core.counters());
        self.tell.send_if_modified(|told| {
            let changed = *told != now;
            *told = now;
            changed
        });
    }
}

/// Waits. Every branch is cancel safe.
async fn next(driver: &mut Driver) -> Happening {
    let must_wait = driver.must_wait();
    let chunk_blocked = !driver.chunks_waiting.is_empty();
    let blocked = driver.waiting.front().map(|(kind, _)| *kind);
    let blocked = blocked.or_else(|| (chunk_blocked && !must_wait).then_some(LaneKind::Chunks));
    let Driver {
        asked,
        new_lanes,
        from_disk,
        files,
        chunks,
        up,
        ..
    } = driver;
    // An offer that is heard while the other lane is still missing could not be answered, and nobody says it again.
    let both = *up;
    let room = match blocked {
        Some(LaneKind::Files) => files.as_ref().map(|(_, lane)| lane.outgoing.clone()),
        Some(_) => chunks.as_ref().map(|(_, lane)| lane.outgoing.clone()),
        None => None,
    };
    tokio::select! {
        biased;
        Some((who, kind, lane)) = new_lanes.recv() => Happening::Lane(who, kind, lane),
        command = asked.recv() => command.map_or(Happening::Over, |command| Happening::Input(input_of(command))),
        frame = heard(files), if both => frame.map_or(Happening::LaneEnded(LaneKind::Files), |bytes| Happening::Input(Input::Frame(bytes))),
        Some(answer) = from_disk.recv() => Happening::Input(Input::Disk(answer)),
        chunk = heard(chunks), if both => chunk.map_or(Happening::LaneEnded(LaneKind::Chunks), |bytes| Happening::Input(Input::Chunk(bytes))),
        () = has_room(room) => Happening::Room,
        () = sleep(WINDOW_LOOKED_AT), if chunk_blocked && must_wait => Happening::Room,
    }
}

async fn heard(lane: &mut Option<(ParticipantId, Lane)>) -> Option<Bytes> {
    match lane {
        Some((_, lane)) => lane.incoming.recv().await,
        None => std::future::pending().await,
    }
}

/// Waits until a lane that is full takes one more.
async fn has_room(lane: Option<mpsc::Sender<BytesMut>>) {
    let has_room = match lane {
        Some(lane) => lane.reserve().await.is_ok(),
        None => false,
    };
    if !has_room {
        // It ended, which is told by what comes from it.
        std::future::pending::<()>().await;
    }
}

fn input_of(command: FileCommand) -> Input {
    match command {
        FileCommand::Offer { id, path } => Input::Offer { id, path },
        FileCommand::Accept(id) => Input::Accept(id),
        FileCommand::Refuse(id) => Input::Refuse(id),
        FileCommand::Pause(id) => Input::Pause(id),
        FileCommand::Resume(id) => Input::Resume(id),
        FileCommand::Cancel(id) => Input::Cancel(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_proto::Bitrate;
    use parley_proto::files::{FileFrame, FileHash, Offer};
    use std::sync::Arc;

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
        while let Ok(Some(message)) = tokio::time::timeout(Duration::from_millis(300), far.hears.recv()).await
        {
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
        assert!(handle.command(FileCommand::Offer { id, path }));
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
        let begun = clock();
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
}
