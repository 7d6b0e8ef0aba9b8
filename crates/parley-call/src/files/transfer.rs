//! What a transfer is like from outside: plain values.

use parley_proto::{ParticipantId, RefusalReason, TransferId};
use std::path::PathBuf;

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From here.
    Sending,
    /// To here.
    Receiving,
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferState {
    /// The file is being looked at.
    Reading,
    /// The other side has not decided yet.
    Offered,
    /// This side has not decided yet.
    Asking,
    /// Decided, but nothing moves: there is no connection, or the disk prepares.
    Waiting,
    /// On its way.
    Moving,
    /// Somebody wants it to wait.
    Paused {
        /// This side does.
        here: bool,
        /// The other side does.
        there: bool,
    },
    /// Everything is there; the hash is being compared.
    Checking,
    /// There, and whole.
    Done,
    /// Over without that.
    Ended(TransferEnd),
}

/// Why a transfer is over without having come through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransferEnd {
    /// The receiver did not want it.
    Declined,
    /// This side gave up.
    CancelledHere,
    /// The other side gave up.
    CancelledThere,
    /// It did not work.
    Failed(TransferFault),
}

/// Why a transfer did not work. What came so far is kept where going on makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransferFault {
    /// The file cannot be read (it is gone, a folder, or not allowed).
    Unreadable,
    /// The file changed while it was being sent.
    Changed,
    /// This side's disk is full.
    DiskFull,
    /// This side's disk does not take it.
    DiskFailed,
    /// The other side's disk is full.
    OtherDiskFull,
    /// The other side's disk does not take it.
    OtherDiskFailed,
    /// What arrived is not what was sent.
    Damaged,
    /// Too many transfers at once.
    TooMany,
    /// The name or the size is refused by the other side.
    Refused,
    /// The other one is gone.
    OtherGone,
    /// The other side does not keep to the protocol.
    OutOfStep,
}

impl TransferFault {
    /// What the sender makes of a receiver's reason.
    pub(super) const fn of(reason: RefusalReason) -> Self {
        match reason {
            RefusalReason::TooMany => Self::TooMany,
            RefusalReason::DiskFull => Self::OtherDiskFull,
            RefusalReason::DiskFailed => Self::OtherDiskFailed,
            RefusalReason::Damaged => Self::Damaged,
            RefusalReason::Declined
            | RefusalReason::BadName
            | RefusalReason::TooLarge
            | RefusalReason::Unknown => Self::Refused,
        }
    }
}

/// One transfer, as others may see it.
#[derive(Debug, Clone, PartialEq)]
pub struct TransferSnapshot {
    /// Its id.
    pub id: TransferId,
    /// From whom, or to whom; nobody while whoever it is for has not come.
    pub with: Option<ParticipantId>,
    /// Which way.
    pub direction: Direction,
    /// The file's name.
    pub name: String,
    /// Its size in bytes; zero before it was looked at.
    pub size: u64,
    /// Bytes that are on the receiver's disk.
    pub moved: u64,
    /// How fast, lately.
    pub bytes_per_s: u64,
    /// How far it is.
    pub state: TransferState,
    /// Where it is on this computer: the file that is sent, or the one that was received once it is whole.
    pub path: Option<PathBuf>,
}

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileCounters {
    /// Offers refused for their name.
    pub names_refused: u64,
    /// Offers refused for their size.
    pub sizes_refused: u64,
    /// Offers refused because there were too many.
    pub offers_refused: u64,
    /// What came and could not be read.
    pub malformed: u64,
    /// What came and made no sense.
    pub out_of_place: u64,
    /// Words through the server for which there was no room.
    pub words_dropped: u64,
}

impl FileCounters {
    /// Both together.
    pub(super) const fn plus(self, other: Self) -> Self {
        Self {
            names_refused: self.names_refused + other.names_refused,
            sizes_refused: self.sizes_refused + other.sizes_refused,
            offers_refused: self.offers_refused + other.offers_refused,
            malformed: self.malformed + other.malformed,
            out_of_place: self.out_of_place + other.out_of_place,
            words_dropped: self.words_dropped + other.words_dropped,
        }
    }

    /// All by name.
    #[must_use]
    pub const fn list(&self) -> [(&'static str, u64); 6] {
        [
            ("file_names_refused", self.names_refused),
            ("file_sizes_refused", self.sizes_refused),
            ("file_offers_refused", self.offers_refused),
            ("file_frames_malformed", self.malformed),
            ("file_frames_out_of_place", self.out_of_place),
            ("file_words_dropped", self.words_dropped),
        ]
    }
}
