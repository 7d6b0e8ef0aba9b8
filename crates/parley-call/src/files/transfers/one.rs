//! One transfer, as the core keeps it.

use super::super::name::harmless;
use super::super::transfer::{Direction, TransferEnd, TransferFault};
use parley_proto::{FileHash, Offer, TransferId};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Speed is that of the last while.
const SPEED_SPAN: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Sender: the disk looks at the file.
    Reading,
    /// Sender: offered, or about to be once the lanes are up.
    Offered,
    /// Receiver: the person is asked.
    Asking,
    /// Receiver: accepted, the disk opens the part.
    Opening,
    /// Chunks go or come, whenever lanes are up and nobody paused.
    Moving,
    /// Sender: the hash was asked for or said. Receiver: it is compared.
    Checking,
    Done,
    Over(TransferEnd),
}

#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) id: TransferId,
    pub(super) direction: Direction,
    pub(super) name: String,
    pub(super) path: Option<PathBuf>,
    pub(super) size: u64,
    pub(super) fingerprint: FileHash,
    pub(super) stage: Stage,
    /// The receiver said yes at some time.
    pub(super) accepted: bool,
    pub(super) paused_here: bool,
    pub(super) paused_there: bool,
    /// On the receiver's disk, as far as known here.
    pub(super) moved: u64,
    /// Sender: read up to here. Receiver: came up to here.
    pub(super) next: u64,
    /// Sender: how often the receiver accepted; what was read for an earlier time is of no use.
    pub(super) turn: u32,
    /// Receiver: receipts were given up to here.
    pub(super) receipted: u64,
    /// Receiver: how long the last chunk took.
    pub(super) delay_ms: u32,
    /// Receiver: what the sender says the hash is.
    pub(super) hash: Option<FileHash>,
    pub(super) speed: VecDeque<(Instant, u64)>,
}

impl Transfer {
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Done | Stage::Over(_))
    }

    /// Whether it ended because the other side was taken to be gone.
    pub(super) fn ended_with_them(&self) -> bool {
        self.stage == Stage::Over(TransferEnd::Failed(TransferFault::OtherGone))
    }

    pub(super) const fn may_move(&self) -> bool {
        matches!(self.stage, Stage::Moving) && !self.paused_here && !self.paused_there
    }

    pub(super) fn moved_to(&mut self, now: Instant, to: u64) {
        self.moved = self.moved.max(to);
        self.speed.push_back((now, self.moved));
        while self.speed.len() > 2
            && self
                .speed
                .get(1)
                .is_some_and(|(at, _)| now.saturating_duration_since(*at) > SPEED_SPAN)
        {
            self.speed.pop_front();
        }
    }

    pub(super) fn bytes_per_s(&self, now: Instant) -> u64 {
        let (Some((since, from)), true) = (self.speed.front(), self.may_move()) else {
            return 0;
        };
        let seconds = now.saturating_duration_since(*since).as_secs_f64();
        if seconds < 0.05 {
            return 0;
        }
        (self.moved.saturating_sub(*from) as f64 / seconds) as u64
    }
}

pub(super) fn offer_of(transfer: &Transfer) -> Offer {
    Offer {
        id: transfer.id,
        name: harmless(&transfer.name),
        size: transfer.size,
        fingerprint: transfer.fingerprint,
    }
}
