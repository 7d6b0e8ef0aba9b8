//! A file that comes: written into a part, beside a journal that says of which file it is a part, until it is whole and gets its
//! name.

use super::super::name;
use super::HASHED_AT_ONCE;
use super::order::DiskFault;
use parley_proto::FileHash;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// How a part is called, after the file's name.
pub(in crate::files) const PART_ENDING: &str = ".parley-part";
/// How its journal is called.
pub(in crate::files) const JOURNAL_ENDING: &str = ".parley-journal";
/// Files of one name.
const NUMBERS_MAX: u32 = 10_000;
/// A larger journal was not written by Parley.
const JOURNAL_BYTES_MAX: u64 = 64 << 10;

/// What a part is of.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Journal {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) fingerprint: FileHash,
}

/// An open part: `at` is where the next bytes go, and everything before is hashed.
#[derive(Debug)]
pub(super) struct Part {
    file: File,
    path: PathBuf,
    journal: PathBuf,
    name: String,
    hasher: blake3::Hasher,
    at: u64,
    /// What of it was there when it was opened: all of it is hashed before anything is appended.
    there: u64,
}

impl Part {
    /// Opens it: what is there of it when its journal is of the same file, else an empty one.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn open(folder: &Path, stem: &str, journal: Journal) -> io::Result<Self> {
        let path = Self::path(folder, stem);
        let notes = folder.join(format!("{stem}{JOURNAL_ENDING}"));
        let known = read_journal(&notes).is_some_and(|known| known == journal);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(!known)
            .open(&path)?;
        let there = file.metadata()?.len().min(journal.size);
        if known {
            file.set_len(there)?;
        } else {
            fs::write(&notes, serde_json::to_vec(&journal)?)?;
        }
        Ok(Self {
            file,
            path,
            journal: notes,
            name: journal.name,
            hasher: blake3::Hasher::new(),
            at: 0,
            there,
        })
    }

    /// Where a part of this stem lies.
    pub(super) fn path(folder: &Path, stem: &str) -> PathBuf {
        folder.join(format!("{stem}{PART_ENDING}"))
    }

    /// Whether it lies there.
    pub(super) fn lies_at(&self, path: &Path) -> bool {
        self.path == path
    }

    /// Everything before this byte is written and hashed.
    pub(super) const fn at(&self) -> u64 {
        self.at
    }

    /// Hashes a piece of what was there; whether all of that is hashed.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn hash_on(&mut self) -> Result<bool, DiskFault> {
        if self.at < self.there {
            let left = usize::try_from(self.there - self.at).unwrap_or(HASHED_AT_ONCE);
            let mut data = vec![0; left.min(HASHED_AT_ONCE)];
            let got = self.file.read(&mut data).map_err(|error| unwritable(&error))?;
            self.hasher.update(data.get(..got).unwrap_or_default());
            self.at += got as u64;
            if got == 0 {
                // Somebody made it shorter meanwhile.
                self.there = self.at;
            }
        }
        Ok(self.at >= self.there)
    }

    /// Appends.
    ///
    /// # Errors
    /// `Full`, or `Failed` where this is not the next byte.
    pub(super) fn append(&mut self, offset: u64, data: &[u8]) -> Result<u64, DiskFault> {
        if offset != self.at {
            return Err(DiskFault::Failed);
        }
        let written = self
            .file
            .seek(SeekFrom::Start(offset))
            .and_then(|_| self.file.write_all(data));
        written.map_err(|error| unwritable(&error))?;
        self.hasher.update(data);
        self.at += data.len() as u64;
        Ok(self.at)
    }

    /// It is whole: gives it its name in `folder`, where it then lies.
    ///
    /// # Errors
    /// `Damaged` if its hash is another one; then it is gone.
    pub(super) fn complete(self, folder: &Path, hash: FileHash) -> Result<PathBuf, DiskFault> {
        if self.hasher.finalize().as_bytes() != hash.as_bytes() {
            self.discard();
            return Err(DiskFault::Damaged);
        }
        drop(self.file);
        let path = give_name(folder, &self.path, &self.name).map_err(|error| unwritable(&error))?;
        remove(&self.journal);
        Ok(path)
    }

    /// Closes it: kept for later if there is any of it.
    pub(super) fn keep(self) {
        if self.at.max(self.there) == 0 {
            self.discard();
        }
    }

    /// Throws it away.
    pub(super) fn discard(self) {
        drop(self.file);
        remove(&self.path);
        remove(&self.journal);
    }
}

fn read_journal(path: &Path) -> Option<Journal> {
    let file = File::open(path).ok()?;
    serde_json::from_reader(file.take(JOURNAL_BYTES_MAX)).ok()
}

/// Gives a whole file its name, or the first with a number that is free. Never writes over anything.
fn give_name(folder: &Path, part: &Path, wanted: &str) -> io::Result<PathBuf> {
    for number in 1..NUMBERS_MAX {
        let path = folder.join(name::numbered(wanted, number));
        // Whoever makes the file has the name; then it is replaced by the whole one.
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(place) => {
                drop(place);
                return fs::rename(part, &path).map(|()| path);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::from(ErrorKind::AlreadyExists))
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::debug!(%error, "a part stays");
    }
}

pub(super) fn unwritable(error: &io::Error) -> DiskFault {
    tracing::info!(%error, "a file cannot be written");
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => DiskFault::Full,
        _ => DiskFault::Failed,
    }
}
