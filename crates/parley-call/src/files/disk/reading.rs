//! A file that is sent: read where the other side wants it, and hashed from its beginning on, whatever is read.

use super::HASHED_AT_ONCE;
use super::order::{DiskAnswer, DiskFault};
use parley_proto::{FileHash, TransferId};
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// What of beginning and end goes into a fingerprint.
const FINGERPRINT_BYTES: u64 = 64 << 10;

/// An open file, and how far it was hashed.
#[derive(Debug)]
pub(super) struct Reading {
    file: File,
    metadata: Metadata,
    hasher: blake3::Hasher,
    hashed_to: u64,
    at: u64,
}

impl Reading {
    /// Opens it.
    ///
    /// # Errors
    /// `Unreadable` if it cannot be opened or is no file.
    pub(super) fn open(id: TransferId, path: &Path) -> Result<(Self, DiskAnswer), DiskFault> {
        let mut file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(DiskFault::Unreadable);
        }
        let size = metadata.len();
        let fingerprint = fingerprint(&mut file, &metadata).map_err(unreadable)?;
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        file.rewind().map_err(unreadable)?;
        let reading = Self {
            file,
            metadata,
            hasher: blake3::Hasher::new(),
            hashed_to: 0,
            at: 0,
        };
        let looked = DiskAnswer::Looked {
            id,
            name,
            size,
            fingerprint,
        };
        Ok((reading, looked))
    }

    /// How long it was when it was opened, bytes.
    pub(super) fn size(&self) -> u64 {
        self.metadata.len()
    }

    /// Everything before this byte is hashed.
    pub(super) const fn hashed_to(&self) -> u64 {
        self.hashed_to
    }

    /// Fills `data` from this byte on, which must not lie behind what is hashed.
    ///
    /// # Errors
    /// `Changed` if the file ends before, `Unreadable` if it cannot be read.
    pub(super) fn read_at(&mut self, offset: u64, data: &mut [u8]) -> Result<(), DiskFault> {
        self.seek(offset)?;
        self.fill(data)?;
        let end = offset + data.len() as u64;
        if end > self.hashed_to && offset <= self.hashed_to {
            let known = usize::try_from(self.hashed_to - offset).unwrap_or(data.len());
            self.hasher.update(data.get(known..).unwrap_or_default());
            self.hashed_to = end;
        }
        Ok(())
    }

    /// Hashes a piece on the way to this byte; whether it is reached.
    ///
    /// # Errors
    /// As [`Self::read_at`].
    pub(super) fn hash_towards(&mut self, to: u64) -> Result<bool, DiskFault> {
        if self.hashed_to < to {
            let left = usize::try_from(to - self.hashed_to).unwrap_or(HASHED_AT_ONCE);
            let mut data = vec![0; left.min(HASHED_AT_ONCE)];
            self.read_at(self.hashed_to, &mut data)?;
        }
        Ok(self.hashed_to >= to)
    }

    /// The hash of all of it, once all was hashed.
    ///
    /// # Errors
    /// `Changed` if it is not what it was when it was opened.
    pub(super) fn hash(&self) -> Result<FileHash, DiskFault> {
        let now = self.file.metadata().map_err(unreadable)?;
        if now.len() != self.metadata.len() || changed_ns(&now) != changed_ns(&self.metadata) {
            return Err(DiskFault::Changed);
        }
        Ok(FileHash::from_bytes(*self.hasher.finalize().as_bytes()))
    }

    fn seek(&mut self, to: u64) -> Result<(), DiskFault> {
        if self.at != to {
            self.at = self.file.seek(SeekFrom::Start(to)).map_err(unreadable)?;
        }
        Ok(())
    }

    fn fill(&mut self, data: &mut [u8]) -> Result<(), DiskFault> {
        self.file.read_exact(data).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => DiskFault::Changed,
            _ => unreadable(error),
        })?;
        self.at += data.len() as u64;
        Ok(())
    }
}

fn fingerprint(file: &mut File, metadata: &Metadata) -> io::Result<FileHash> {
    let mut hasher = blake3::Hasher::new();
    let size = metadata.len();
    hasher.update(&size.to_le_bytes());
    hasher.update(&changed_ns(metadata).to_le_bytes());
    for from in [0, size.saturating_sub(FINGERPRINT_BYTES)] {
        file.seek(SeekFrom::Start(from))?;
        let mut data = Vec::new();
        (&*file).take(FINGERPRINT_BYTES).read_to_end(&mut data)?;
        hasher.update(&data);
    }
    Ok(FileHash::from_bytes(*hasher.finalize().as_bytes()))
}

/// When a file changed, in nanoseconds since 1970; zero where the system does not say.
fn changed_ns(metadata: &Metadata) -> u128 {
    let since = metadata
        .modified()
        .ok()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    since.unwrap_or_default().as_nanos()
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unreadable(error: io::Error) -> DiskFault {
    tracing::info!(%error, "a file cannot be read");
    DiskFault::Unreadable
}
