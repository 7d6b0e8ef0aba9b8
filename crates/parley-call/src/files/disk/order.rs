//! What the disk is asked, what it answers, and what can go wrong there. No file is touched here.

use bytes::Bytes;
use parley_proto::{FileHash, TransferId};
use std::path::PathBuf;

/// What the disk is asked.
#[derive(Debug, PartialEq)]
pub(in crate::files) enum DiskCommand {
    /// Opens a file to be sent: answered by `Looked`.
    Look { id: TransferId, path: PathBuf },
    /// Reads a part of it: answered by `Read`, with the same `turn`.
    Read {
        id: TransferId,
        turn: u32,
        offset: u64,
        bytes: usize,
    },
    /// Hashes the whole of it (what was read already is not read again): answered by `Hashed`.
    Hash { id: TransferId },
    /// Opens a part to be written, one that is there already if it is of this file: answered by `Created`.
    Create {
        id: TransferId,
        name: String,
        size: u64,
        fingerprint: FileHash,
    },
    /// Appends: answered by `Written`.
    Write {
        id: TransferId,
        offset: u64,
        data: Bytes,
    },
    /// Everything was written: answered by `Completed`.
    Complete { id: TransferId, hash: FileHash },
    /// Closes, and throws a part away or keeps it. Not answered.
    Release { id: TransferId, discard: bool },
}

/// What it did.
#[derive(Debug, PartialEq)]
pub(in crate::files) enum DiskAnswer {
    /// A file can be sent.
    Looked {
        id: TransferId,
        name: String,
        size: u64,
        fingerprint: FileHash,
    },
    /// A part of it.
    Read {
        id: TransferId,
        turn: u32,
        offset: u64,
        data: Bytes,
    },
    /// The hash of all of it.
    Hashed { id: TransferId, hash: FileHash },
    /// A part is open; so much of it is there.
    Created { id: TransferId, offset: u64 },
    /// Everything before this byte is written.
    Written { id: TransferId, to: u64 },
    /// It is whole, and here.
    Completed { id: TransferId, path: PathBuf },
    /// That did not work.
    Failed { id: TransferId, fault: DiskFault },
}

/// Why something did not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::files) enum DiskFault {
    /// The file cannot be read, or is none.
    Unreadable,
    /// It is not what it was.
    Changed,
    /// No room.
    Full,
    /// The part cannot be written.
    Failed,
    /// The hash is another one.
    Damaged,
}

impl DiskCommand {
    /// Of which transfer.
    pub(super) const fn id(&self) -> TransferId {
        match self {
            Self::Look { id, .. }
            | Self::Read { id, .. }
            | Self::Hash { id }
            | Self::Create { id, .. }
            | Self::Write { id, .. }
            | Self::Complete { id, .. }
            | Self::Release { id, .. } => *id,
        }
    }
}
