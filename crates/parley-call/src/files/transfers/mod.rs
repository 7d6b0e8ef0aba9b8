//! The sans-IO core of all transfers with one other side.
//!
//! The contract: after every [`Transfers::handle`] take outputs with [`Transfers::poll_output`] until there is none, and carry
//! them out in order. Disk commands are answered by [`Input::Disk`], in the order they were given. Frames and chunks only come
//! out while the lanes are up. Time never goes backwards.
//!
//! In a group there is no connection before somebody accepted: until there is, offers, and that one is not wanted, go by word through
//! the server ([`Input::Near`], [`Output::Word`]). All else waits for the lanes, over which everything is offered again.

mod hear;
mod one;
mod person;
mod serve;

use super::delivery::Delivery;
use super::disk::{DiskAnswer, DiskCommand, DiskFault};
use super::name::is_harmless;
use super::pace::Pace;
use super::share::Share;
use super::transfer::{Direction, FileCounters, TransferEnd, TransferFault, TransferSnapshot, TransferState};
use bytes::Bytes;
use one::{Stage, Transfer, offer_of};
use parley_proto::limits::{FILE_BYTES_MAX, TRANSFERS_ALL_MAX, TRANSFERS_MAX};
use parley_proto::{
    Bitrate, ChunkFrame, FileFrame, FileHash, Offer, ParticipantId, RefusalReason, TransferId,
};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Instant;

/// Transfers that are kept to be looked at when they are over; the oldest go first.
const OVER_MAX: usize = 64;
/// What a sender may have sent beyond what is on the disk here: more than any honest window.
const UNWRITTEN_BYTES_MAX: u64 = 16 << 20;
/// That a file was given up is said so often by word: a server takes few words, and each is lost only with somebody's way to it.
const GIVEN_UP_WORDS: u8 = 2;
/// A receipt goes for so many bytes at the latest, or when everything that came is written.
const RECEIPT_BYTES: u64 = 256 << 10;
/// Bytes that are read ahead of the window: what is lost holds receipts back, and must not hold back what could go meanwhile.
const AHEAD_MIN: u64 = 64 << 10;
const AHEAD_MAX: u64 = 2 << 20;
/// What the core is told.
#[derive(Debug)]
pub(super) enum Input {
    /// The person wants to send a file.
    Offer {
        /// A fresh id.
        id: TransferId,
        /// Where it is.
        path: PathBuf,
    },
    /// The person wants a file that was offered.
    Accept(TransferId),
    /// The person does not.
    Refuse(TransferId),
    /// Wait.
    Pause(TransferId),
    /// Go on.
    Resume(TransferId),
    /// Give up; a part that came is thrown away.
    Cancel(TransferId),
    /// The lanes are up.
    Up(ParticipantId),
    /// They are down.
    Down,
    /// Words can be said through the server, from now on anew or no more.
    Near(bool),
    /// Such a word came.
    Word(Bytes),
    /// The other side left for good.
    Gone,
    /// They did not: they are back, as who they were.
    Back,
    /// Something came on the files lane.
    Frame(Bytes),
    /// Something came on the chunks lane.
    Chunk(Bytes),
    /// The disk has done something.
    Disk(DiskAnswer),
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(super) enum Output {
    /// To go on the files lane.
    Frame(FileFrame),
    /// To be said through the server.
    Word(FileFrame),
    /// To go on the chunks lane.
    Chunk(ChunkFrame),
    /// For the disk.
    Disk(DiskCommand),
}

/// All transfers with one other side.
#[derive(Debug)]
pub(super) struct Transfers {
    /// Against it stamps are counted.
    start: Instant,
    up: bool,
    /// Words go through the server.
    near: bool,
    with: Option<ParticipantId>,
    /// Offers that wait for this side's person from everybody else.
    offers_elsewhere: usize,
    list: Vec<Transfer>,
    pace: Pace,
    delivery: Delivery,
    share: Share,
    /// Which of those that may send is next.
    turn: usize,
    /// What this side offered and gave up. The word of it may be lost with a connection, so it is said again over the next one:
    /// nothing else would tell the receiver. The newest few that nothing was answered about, and how often each was said by word.
    given_up: VecDeque<(TransferId, u8)>,
    out: VecDeque<Output>,
    counters: FileCounters,
}

impl Transfers {
    /// None yet. `start` is any moment.
    #[must_use]
    pub(super) fn new(start: Instant) -> Self {
        Self {
            start,
            up: false,
            near: false,
            with: None,
            offers_elsewhere: 0,
            list: Vec::new(),
            pace: Pace::default(),
            delivery: Delivery::default(),
            share: Share::default(),
            turn: 0,
            given_up: VecDeque::new(),
            out: VecDeque::new(),
            counters: FileCounters::default(),
        }
    }

    /// Takes in what happened.
    pub(super) fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Offer { id, path } => self.offer(id, path),
            Input::Accept(id) => self.accept(id),
            Input::Refuse(id) => self.refuse(id),
            Input::Pause(id) => self.pause(id, true),
            Input::Resume(id) => self.pause(id, false),
            Input::Cancel(id) => self.cancel(id),
            Input::Up(who) => self.come_up(who),
            Input::Down => self.go_down(),
            Input::Frame(bytes) => match FileFrame::read(&bytes) {
                Some(frame) => self.on_frame(now, frame),
                None => self.counters.malformed += 1,
            },
            Input::Near(near) => self.come_near(near),
            Input::Word(bytes) => match FileFrame::read(&bytes) {
                Some(frame) if is_word(&frame) => self.on_frame(now, frame),
                _ => self.counters.malformed += 1,
            },
            Input::Gone => self.on_gone_for_good(),
            Input::Back => self.on_back(),
            Input::Chunk(bytes) => match ChunkFrame::read(&bytes) {
                Some(ChunkFrame::Chunk {
                    id,
                    offset,
                    stamp_ms,
                    data,
                }) => self.on_chunk(now, id, offset, stamp_ms, data),
                Some(ChunkFrame::Receipt { id, offset, delay_ms }) => {
                    self.on_receipt(now, id, offset, delay_ms);
                }
                None => self.counters.malformed += 1,
            },
            Input::Disk(answer) => self.on_disk(now, answer),
        }
        self.read_on();
        self.forget_oldest();
    }

    /// What is to be done next.
    pub(super) fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Bytes of chunks that may be on their way at once. What is given out beyond that waits for room.
    #[must_use]
    pub(super) fn window(&self) -> u64 {
        let wished = self.pace.window();
        if self.share.is_held() || self.pace.sees_queue() {
            wished
        } else {
            wished.max(self.delivery.window() as u64)
        }
    }

    /// What the call allots files from now on; `None`: whatever they find.
    pub(super) fn allot(&mut self, most: Option<Bitrate>) {
        let was_held = self.share.is_held();
        if self.share.allot(most) {
            self.pace.hold(true);
        } else if was_held && most.is_none() {
            self.pace.hold(false);
        }
    }

    /// Whether a chunk may go now, as far as what is allotted goes.
    #[must_use]
    pub(super) fn may_go(&self, now: Instant) -> bool {
        self.share.may_go(now)
    }

    /// A chunk of `bytes` goes, of what is allotted.
    pub(super) fn spend(&mut self, now: Instant, bytes: u64) {
        self.share.gone(now, bytes);
    }

    /// Whether a file is on its way from here.
    #[must_use]
    pub(super) fn is_sending(&self) -> bool {
        let moving = |one: &Transfer| one.direction == Direction::Sending && one.stage == Stage::Moving;
        self.up && self.list.iter().any(|one| moving(one) && one.may_move())
    }

    /// Whether there is anything at all.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty() && self.counters == FileCounters::default()
    }

    /// Whether a connection is of use: `Some(true)` where something is to move, `Some(false)` where it may come to that at the other
    /// side's wish, or once nobody wants it to wait any more.
    #[must_use]
    pub(super) fn way(&self) -> Option<bool> {
        let goes_on = |one: &Transfer| {
            let waits = one.paused_here || one.paused_there;
            one.accepted && !one.is_over() && !waits
        };
        let may = |one: &Transfer| match one.direction {
            Direction::Sending => !one.is_over(),
            // Its sender may not have heard that it is here.
            Direction::Receiving => one.accepted,
        };
        if self.list.iter().any(goes_on) {
            return Some(true);
        }
        self.list.iter().any(may).then_some(false)
    }

    /// Offers that wait for a decision, or are being received.
    #[must_use]
    pub(super) fn unfinished_offers(&self) -> usize {
        let unfinished = |one: &&Transfer| one.direction == Direction::Receiving && !one.is_over();
        self.list.iter().filter(unfinished).count()
    }

    /// So many there are from everybody else: all together are bounded.
    pub(super) const fn set_offers_elsewhere(&mut self, offers: usize) {
        self.offers_elsewhere = offers;
    }

    /// So many bytes of chunks have gone altogether since both lanes were there.
    pub(super) fn on_gone(&mut self, now: Instant, gone: u64) {
        self.delivery.on_gone(now, gone);
    }

    /// So many of them are answered by SCTP.
    pub(super) fn on_answered(&mut self, now: Instant, answered: u64) {
        self.delivery.on_answered(now, answered);
    }

    /// A chunk as it goes out at this moment: it is from here on that its way counts.
    #[must_use]
    pub(super) fn stamped(&self, now: Instant, chunk: ChunkFrame) -> ChunkFrame {
        match chunk {
            ChunkFrame::Chunk { id, offset, data, .. } => ChunkFrame::Chunk {
                id,
                offset,
                stamp_ms: self.clock_ms(now),
                data,
            },
            receipt @ ChunkFrame::Receipt { .. } => receipt,
        }
    }

    /// Every transfer, oldest first.
    #[must_use]
    pub(super) fn snapshot(&self, now: Instant) -> Vec<TransferSnapshot> {
        let one = |transfer: &Transfer| TransferSnapshot {
            id: transfer.id,
            with: self.with,
            direction: transfer.direction,
            name: transfer.name.clone(),
            size: transfer.size,
            moved: transfer.moved,
            bytes_per_s: if self.up { transfer.bytes_per_s(now) } else { 0 },
            state: self.state(transfer),
            path: transfer.path.clone(),
        };
        self.list.iter().map(one).collect()
    }

    /// What was counted.
    #[must_use]
    pub(super) const fn counters(&self) -> FileCounters {
        self.counters
    }

    fn state(&self, transfer: &Transfer) -> TransferState {
        let paused = transfer.paused_here || transfer.paused_there;
        match transfer.stage {
            Stage::Reading => TransferState::Reading,
            Stage::Asking => TransferState::Asking,
            Stage::Done => TransferState::Done,
            Stage::Over(end) => TransferState::Ended(end),
            Stage::Checking => TransferState::Checking,
            Stage::Moving | Stage::Offered | Stage::Opening if paused => TransferState::Paused {
                here: transfer.paused_here,
                there: transfer.paused_there,
            },
            Stage::Offered if !transfer.accepted => TransferState::Offered,
            Stage::Moving if self.up => TransferState::Moving,
            Stage::Moving | Stage::Offered | Stage::Opening => TransferState::Waiting,
        }
    }

    fn find(&mut self, id: TransferId, direction: Direction) -> Option<&mut Transfer> {
        self.list
            .iter_mut()
            .find(|transfer| transfer.id == id && transfer.direction == direction)
    }

    fn say(&mut self, frame: FileFrame) {
        if self.up {
            self.out.push_back(Output::Frame(frame));
        } else if self.near && is_word(&frame) {
            self.out.push_back(Output::Word(frame));
        }
    }

    fn disk(&mut self, command: DiskCommand) {
        self.out.push_back(Output::Disk(command));
    }

    fn forget_oldest(&mut self) {
        while self.list.iter().filter(|one| one.is_over()).count() > OVER_MAX {
            let Some(oldest) = self.list.iter().position(Transfer::is_over) else {
                return;
            };
            self.list.remove(oldest);
        }
    }
}

/// What is said through the server while there is no connection: the rest means something only on one.
const fn is_word(frame: &FileFrame) -> bool {
    matches!(
        frame,
        FileFrame::Offer(_) | FileFrame::Refuse { .. } | FileFrame::Cancel { .. }
    )
}

#[cfg(test)]
mod tests;
