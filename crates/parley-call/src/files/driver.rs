//! The task around the [`Transfers`] with one person: carries between the app, the lanes and the disk. It decides nothing.
//! [`super::everybody`] starts one for each.

use super::disk::{DiskAnswer, DiskCommand};
use super::everybody::Told;
use super::transfer::FileCounters;
use super::transfers::{Input, Output, Transfers};
use crate::port::{Lane, LaneKind};
use bytes::{Bytes, BytesMut};
use parley_proto::limits::TRANSFERS_MAX;
use parley_proto::{ChunkFrame, FileFrame, ParticipantId, TransferId};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// How often a full window is looked at again.
const WINDOW_LOOKED_AT: Duration = Duration::from_millis(2);
/// How often the app is told how far transfers are.
const TELL_INTERVAL: Duration = Duration::from_millis(100);

/// Words that wait for their turn through the server, the newest about each transfer: room for all offers, as many answers, and what was
/// given up.
const WORDS_MAX: usize = 4 * TRANSFERS_MAX;

/// The ends of one person's driver.
pub(super) struct Ends {
    /// Its number, by which the disk answers and it tells.
    pub(super) number: u32,
    /// What the person of this side wants.
    pub(super) asked: mpsc::Receiver<Input>,
    /// Lanes that can be used.
    pub(super) new_lanes: mpsc::Receiver<(ParticipantId, LaneKind, Lane)>,
    /// To the one thread of all drivers.
    pub(super) to_disk: std::sync::mpsc::SyncSender<(u32, DiskCommand)>,
    /// Its answers to this one.
    pub(super) from_disk: mpsc::Receiver<DiskAnswer>,
    /// How far things are.
    pub(super) tell: mpsc::Sender<(u32, Told)>,
    /// Unfinished offers of everybody.
    pub(super) offers: Arc<AtomicUsize>,
}

/// Starts one. Inside a tokio runtime; it ends when the sender of `asked` is dropped.
#[expect(
    clippy::disallowed_methods,
    reason = "driver: one task for each person, ended with its handle"
)]
pub(super) fn spawn(ends: Ends) {
    let driver = Driver {
        core: Transfers::new(clock()),
        ends,
        told: None,
        offers: 0,
        files: None,
        chunks: None,
        words: None,
        waiting: VecDeque::new(),
        words_waiting: VecDeque::new(),
        words_dropped: 0,
        chunks_waiting: VecDeque::new(),
        chunks_gone: 0,
        for_disk: VecDeque::new(),
        up: false,
    };
    tokio::spawn(driver.run());
}

#[expect(clippy::disallowed_methods, reason = "driver: the clock enters here")]
pub(super) fn clock() -> Instant {
    Instant::now()
}

struct Driver {
    core: Transfers,
    ends: Ends,
    /// What was told last.
    told: Option<Told>,
    /// Of the unfinished offers of everybody, those of this person.
    offers: usize,
    files: Option<(ParticipantId, Lane)>,
    chunks: Option<(ParticipantId, Lane)>,
    /// What goes through the server, in a group.
    words: Option<Lane>,
    /// Frames and receipts that the lanes take no more of for now: one for each thing that happens.
    waiting: VecDeque<(LaneKind, BytesMut)>,
    /// Words wait by themselves: a server takes them slowly, and connections need not wait for that. The oldest goes where there are too
    /// many; what was offered is said anew once both are there again.
    words_waiting: VecDeque<(TransferId, BytesMut)>,
    words_dropped: u64,
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
            let has_any = !self.core.is_empty();
            let happening = tokio::select! {
                happening = next(&mut self) => happening,
                // Of somebody with whom there is nothing nothing is told.
                _ = ticks.tick(), if has_any => Happening::Tell,
            };
            match happening {
                Happening::Input(Input::Back) => self.come_back(),
                Happening::Input(input) => self.core.handle(clock(), input),
                Happening::Lane(who, kind, lane) => self.take_lane(who, kind, lane),
                Happening::LaneEnded(LaneKind::FileWords) => {
                    self.words = None;
                    self.core.handle(clock(), Input::Near(false));
                }
                Happening::LaneEnded(kind) => {
                    match kind {
                        LaneKind::Files => self.files = None,
                        _ => self.chunks = None,
                    }
                    self.go_down();
                }
                Happening::Room => {}
                Happening::Tell => self.publish(),
                Happening::Over => break,
            }
            self.carry_out();
            self.count_offers();
        }
        self.ends.offers.fetch_sub(self.offers, Ordering::AcqRel);
    }

    /// Those of everybody are bounded together.
    fn count_offers(&mut self) {
        let offers = self.core.unfinished_offers();
        let before = std::mem::replace(&mut self.offers, offers);
        let all = &self.ends.offers;
        if offers > before {
            all.fetch_add(offers - before, Ordering::AcqRel);
        } else {
            all.fetch_sub(before - offers, Ordering::AcqRel);
        }
        let elsewhere = all.load(Ordering::Acquire).saturating_sub(offers);
        self.core.set_offers_elsewhere(elsewhere);
    }

    fn take_lane(&mut self, who: ParticipantId, kind: LaneKind, lane: Lane) {
        if kind == LaneKind::FileWords {
            self.words_waiting.clear();
            self.words = Some(lane);
            self.core.handle(clock(), Input::Near(true));
            return;
        }
        if self.up {
            self.go_down();
        }
        match kind {
            LaneKind::Files => self.files = Some((who, lane)),
            LaneKind::Chunks => self.chunks = Some((who, lane)),
            LaneKind::Chat | LaneKind::FileWords => return,
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

    /// They are back, and what leads to them may be here before the word that they were gone.
    fn come_back(&mut self) {
        self.core.handle(clock(), Input::Back);
        if self.words.is_some() {
            self.core.handle(clock(), Input::Near(true));
        }
        if self.up
            && let Some(who) = self.files.as_ref().map(|(who, _)| *who)
        {
            self.core.handle(clock(), Input::Up(who));
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
                Output::Frame(frame) => {
                    if let Some(bytes) = written(&frame) {
                        self.waiting.push_back((LaneKind::Files, bytes));
                    }
                }
                Output::Word(frame) => self.wait_with_word(&frame),
                Output::Chunk(chunk @ ChunkFrame::Chunk { .. }) => self.chunks_waiting.push_back(chunk),
                Output::Chunk(receipt) => self.waiting.push_back((LaneKind::Chunks, receipt.write())),
                Output::Disk(command) => self.for_disk.push_back(command),
            }
        }
        // Whoever gives disk commands waits for their answers, so this never runs away; and the thread is never waited for.
        while let Some(command) = self.for_disk.pop_front() {
            if let Err(std::sync::mpsc::TrySendError::Full((_, command))) =
                self.ends.to_disk.try_send((self.ends.number, command))
            {
                self.for_disk.push_front(command);
                break;
            }
        }
        while let Some((kind, _)) = self.waiting.front() {
            let Some(outgoing) = self.lane(*kind).map(|lane| lane.outgoing.clone()) else {
                self.waiting.pop_front();
                continue;
            };
            let Ok(place) = outgoing.try_reserve() else {
                break;
            };
            if let Some((_, message)) = self.waiting.pop_front() {
                place.send(message);
            }
        }
        self.send_words();
        self.send_chunks();
    }

    fn wait_with_word(&mut self, frame: &FileFrame) {
        let (Some(id), Some(bytes)) = (word_about(frame), written(frame)) else {
            return;
        };
        // Of one transfer only the newest word counts.
        self.words_waiting.retain(|(known, _)| *known != id);
        if self.words_waiting.len() >= WORDS_MAX {
            self.words_waiting.pop_front();
            self.words_dropped += 1;
        }
        self.words_waiting.push_back((id, bytes));
    }

    fn send_words(&mut self) {
        let Some(lane) = &self.words else {
            self.words_waiting.clear();
            return;
        };
        while !self.words_waiting.is_empty() {
            let Ok(place) = lane.outgoing.try_reserve() else {
                return;
            };
            if let Some((_, message)) = self.words_waiting.pop_front() {
                place.send(message);
            }
        }
    }

    fn lane(&self, kind: LaneKind) -> Option<&Lane> {
        match kind {
            LaneKind::Files => self.files.as_ref().map(|(_, lane)| lane),
            _ => self.chunks.as_ref().map(|(_, lane)| lane),
        }
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

    fn publish(&mut self) {
        let now = Told {
            transfers: self.core.snapshot(clock()),
            counters: self.core.counters().plus(FileCounters {
                words_dropped: self.words_dropped,
                ..FileCounters::default()
            }),
            way: self.core.way(),
        };
        // Where there is no room it is told the next time.
        if self.told.as_ref() != Some(&now)
            && self.ends.tell.try_send((self.ends.number, now.clone())).is_ok()
        {
            self.told = Some(now);
        }
    }
}

/// Waits. Every branch is cancel safe.
async fn next(driver: &mut Driver) -> Happening {
    let must_wait = driver.must_wait();
    let chunk_blocked = !driver.chunks_waiting.is_empty();
    let blocked = driver.waiting.front().map(|(kind, _)| *kind);
    let blocked = blocked.or_else(|| (chunk_blocked && !must_wait).then_some(LaneKind::Chunks));
    let words_blocked = !driver.words_waiting.is_empty();
    let words_room = driver.words.as_ref().filter(|_| words_blocked);
    let words_room = words_room.map(|lane| lane.outgoing.clone());
    let room = blocked
        .and_then(|kind| driver.lane(kind))
        .map(|lane| lane.outgoing.clone());
    let Driver {
        ends,
        files,
        chunks,
        words,
        up,
        ..
    } = driver;
    // An offer that is heard while the other lane is still missing could not be answered, and nobody says it again.
    let both = *up;
    tokio::select! {
        biased;
        Some((who, kind, lane)) = ends.new_lanes.recv() => Happening::Lane(who, kind, lane),
        command = ends.asked.recv() => command.map_or(Happening::Over, Happening::Input),
        word = said(words) => word.map_or(Happening::LaneEnded(LaneKind::FileWords), |bytes| Happening::Input(Input::Word(bytes))),
        frame = heard(files), if both => frame.map_or(Happening::LaneEnded(LaneKind::Files), |bytes| Happening::Input(Input::Frame(bytes))),
        Some(answer) = ends.from_disk.recv() => Happening::Input(Input::Disk(answer)),
        chunk = heard(chunks), if both => chunk.map_or(Happening::LaneEnded(LaneKind::Chunks), |bytes| Happening::Input(Input::Chunk(bytes))),
        () = has_room(room) => Happening::Room,
        () = has_room(words_room) => Happening::Room,
        () = sleep(WINDOW_LOOKED_AT), if chunk_blocked && must_wait => Happening::Room,
    }
}

async fn heard(lane: &mut Option<(ParticipantId, Lane)>) -> Option<Bytes> {
    match lane {
        Some((_, lane)) => lane.incoming.recv().await,
        None => std::future::pending().await,
    }
}

async fn said(words: &mut Option<Lane>) -> Option<Bytes> {
    match words {
        Some(lane) => lane.incoming.recv().await,
        None => std::future::pending().await,
    }
}

fn written(frame: &FileFrame) -> Option<BytesMut> {
    match serde_json::to_vec(frame) {
        Ok(bytes) => Some(BytesMut::from(&bytes[..])),
        Err(error) => {
            tracing::error!(%error, "a frame cannot be written");
            None
        }
    }
}

/// Which transfer a word is about; nothing of what is never said as one.
const fn word_about(frame: &FileFrame) -> Option<TransferId> {
    match frame {
        FileFrame::Offer(offer) => Some(offer.id),
        FileFrame::Refuse { id, .. } | FileFrame::Cancel { id } => Some(*id),
        _ => None,
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
