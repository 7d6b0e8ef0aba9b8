//! [T] The one thread that reads, writes and hashes files. Carries commands out in order and answers each.
//!
//! What comes is written into `NAME.XXXXXXXX.parley-part`, beside a journal that says of which file it is a part. So a transfer
//! goes on after a restart: the part is hashed again and the rest is asked for. Only a whole file whose hash is right gets its
//! name, with a number if there is one of that name already.

use super::name;
use bytes::Bytes;
use parley_proto::{FileHash, TransferId};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::time::UNIX_EPOCH;

/// How a part is called, after the file's name.
pub(super) const PART_ENDING: &str = ".parley-part";
/// How its journal is called.
pub(super) const JOURNAL_ENDING: &str = ".parley-journal";
/// What of beginning and end goes into a fingerprint.
const FINGERPRINT_BYTES: u64 = 64 << 10;
/// Read at once where all of a file is hashed.
const HASHED_AT_ONCE: usize = 1 << 20;
/// Files of one name.
const NUMBERS_MAX: u32 = 10_000;
/// A larger journal was not written by Parley.
const JOURNAL_BYTES_MAX: u64 = 64 << 10;

/// What the disk is asked.
#[derive(Debug, PartialEq)]
pub(super) enum DiskCommand {
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
pub(super) enum DiskAnswer {
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
pub(super) enum DiskFault {
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

/// What a part is of.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Journal {
    name: String,
    size: u64,
    fingerprint: FileHash,
}

#[derive(Debug)]
struct Reading {
    file: File,
    metadata: Metadata,
    hasher: blake3::Hasher,
    hashed_to: u64,
    at: u64,
}

#[derive(Debug)]
struct Writing {
    file: File,
    part: PathBuf,
    journal: PathBuf,
    name: String,
    hasher: blake3::Hasher,
    at: u64,
}

/// Whose transfer, and which: whoever offers chooses the id.
type Key = (u32, TransferId);

/// The files that are open, and the folder for what comes.
#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    reading: HashMap<Key, Reading>,
    writing: HashMap<Key, Writing>,
}

/// Carries commands out until nobody gives any. Whoever gives one has a number, by which the answer is told.
pub(super) fn run(
    folder: PathBuf,
    commands: &Receiver<(u32, DiskCommand)>,
    mut answer: impl FnMut(u32, DiskAnswer),
) {
    let mut disk = Disk::new(folder);
    while let Ok((whose, command)) = commands.recv() {
        if let Some(done) = disk.carry_out(whose, command) {
            answer(whose, done);
        }
    }
}

impl Disk {
    /// Writes into `folder`, which is made when it is needed.
    #[must_use]
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            reading: HashMap::new(),
            writing: HashMap::new(),
        }
    }

    /// Does one thing for whoever has this number, and tells what came of it.
    pub(super) fn carry_out(&mut self, whose: u32, command: DiskCommand) -> Option<DiskAnswer> {
        let (id, done) = match command {
            DiskCommand::Look { id, path } => (id, self.look((whose, id), &path)),
            DiskCommand::Read {
                id,
                turn,
                offset,
                bytes,
            } => (id, self.read((whose, id), turn, offset, bytes)),
            DiskCommand::Hash { id } => (id, self.hash((whose, id))),
            DiskCommand::Create {
                id,
                name,
                size,
                fingerprint,
            } => (
                id,
                self.create(
                    (whose, id),
                    Journal {
                        name,
                        size,
                        fingerprint,
                    },
                ),
            ),
            DiskCommand::Write { id, offset, data } => (id, self.write((whose, id), offset, &data)),
            DiskCommand::Complete { id, hash } => (id, self.complete((whose, id), hash)),
            DiskCommand::Release { id, discard } => {
                self.release((whose, id), discard);
                return None;
            }
        };
        Some(done.unwrap_or_else(|fault| DiskAnswer::Failed { id, fault }))
    }

    fn look(&mut self, key: Key, path: &Path) -> Result<DiskAnswer, DiskFault> {
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
        let reading = Reading {
            file,
            metadata,
            hasher: blake3::Hasher::new(),
            hashed_to: 0,
            at: 0,
        };
        self.reading.insert(key, reading);
        Ok(DiskAnswer::Looked {
            id: key.1,
            name,
            size,
            fingerprint,
        })
    }

    fn read(&mut self, key: Key, turn: u32, offset: u64, bytes: usize) -> Result<DiskAnswer, DiskFault> {
        let reading = self.reading.get_mut(&key).ok_or(DiskFault::Unreadable)?;
        let mut data = vec![0; bytes];
        reading.read_at(offset, &mut data)?;
        Ok(DiskAnswer::Read {
            id: key.1,
            turn,
            offset,
            data: data.into(),
        })
    }

    fn hash(&mut self, key: Key) -> Result<DiskAnswer, DiskFault> {
        let reading = self.reading.get_mut(&key).ok_or(DiskFault::Unreadable)?;
        reading.hash_up_to(reading.metadata.len())?;
        let now = reading.file.metadata().map_err(unreadable)?;
        if now.len() != reading.metadata.len() || changed_ns(&now) != changed_ns(&reading.metadata) {
            return Err(DiskFault::Changed);
        }
        let hash = FileHash::from_bytes(*reading.hasher.finalize().as_bytes());
        Ok(DiskAnswer::Hashed { id: key.1, hash })
    }

    fn create(&mut self, key: Key, journal: Journal) -> Result<DiskAnswer, DiskFault> {
        // Checked when it was offered; what names a path is checked where it is used, too.
        if !name::is_harmless(&journal.name) {
            return Err(DiskFault::Failed);
        }
        fs::create_dir_all(&self.folder).map_err(|error| unwritable(&error))?;
        let mark: String = journal.fingerprint.to_string().chars().take(8).collect();
        let mut stem = format!("{}.{mark}", journal.name);
        if self
            .writing
            .values()
            .any(|other| other.part == self.beside(&stem, PART_ENDING))
        {
            // The same file twice at once.
            stem = format!("{stem}.{}.{}", key.0, key.1.redacted());
        }
        let (part, notes) = (
            self.beside(&stem, PART_ENDING),
            self.beside(&stem, JOURNAL_ENDING),
        );
        let known = read_journal(&notes).is_some_and(|known| known == journal);
        let writing = open_part(part, notes, journal, known).map_err(|error| unwritable(&error))?;
        let offset = writing.at;
        self.writing.insert(key, writing);
        Ok(DiskAnswer::Created { id: key.1, offset })
    }

    fn beside(&self, stem: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{stem}{ending}"))
    }

    fn write(&mut self, key: Key, offset: u64, data: &[u8]) -> Result<DiskAnswer, DiskFault> {
        let writing = self
            .writing
            .get_mut(&key)
            .filter(|open| open.at == offset)
            .ok_or(DiskFault::Failed)?;
        writing.file.write_all(data).map_err(|error| unwritable(&error))?;
        writing.hasher.update(data);
        writing.at += data.len() as u64;
        Ok(DiskAnswer::Written {
            id: key.1,
            to: writing.at,
        })
    }

    fn complete(&mut self, key: Key, hash: FileHash) -> Result<DiskAnswer, DiskFault> {
        let writing = self.writing.remove(&key).ok_or(DiskFault::Failed)?;
        if writing.hasher.finalize().as_bytes() != hash.as_bytes() {
            remove(&[&writing.part, &writing.journal]);
            return Err(DiskFault::Damaged);
        }
        drop(writing.file);
        let path =
            give_name(&self.folder, &writing.part, &writing.name).map_err(|error| unwritable(&error))?;
        remove(&[&writing.journal]);
        Ok(DiskAnswer::Completed { id: key.1, path })
    }

    fn release(&mut self, key: Key, discard: bool) {
        self.reading.remove(&key);
        if let Some(writing) = self.writing.remove(&key)
            && (discard || writing.at == 0)
        {
            drop(writing.file);
            remove(&[&writing.part, &writing.journal]);
        }
    }
}

impl Reading {
    fn read_at(&mut self, offset: u64, data: &mut [u8]) -> Result<(), DiskFault> {
        if offset > self.hashed_to {
            // The receiver had the beginning already.
            self.hash_up_to(offset)?;
        }
        self.seek(offset)?;
        self.fill(data)?;
        let end = offset + data.len() as u64;
        if end > self.hashed_to {
            let known = usize::try_from(self.hashed_to - offset).unwrap_or(data.len());
            self.hasher.update(data.get(known..).unwrap_or_default());
            self.hashed_to = end;
        }
        Ok(())
    }

    fn hash_up_to(&mut self, to: u64) -> Result<(), DiskFault> {
        let mut data = vec![0; HASHED_AT_ONCE];
        while self.hashed_to < to {
            let bytes = usize::try_from(to - self.hashed_to).map_or(data.len(), |left| left.min(data.len()));
            self.seek(self.hashed_to)?;
            let part = data.get_mut(..bytes).unwrap_or_default();
            self.fill(part)?;
            self.hasher.update(part);
            self.hashed_to += bytes as u64;
        }
        Ok(())
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

/// Opens a part: what is there of it when it is known, else an empty one.
fn open_part(part: PathBuf, notes: PathBuf, journal: Journal, known: bool) -> io::Result<Writing> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(!known)
        .open(&part)?;
    let mut hasher = blake3::Hasher::new();
    let mut at = 0;
    if known {
        let mut data = vec![0; HASHED_AT_ONCE];
        while at < journal.size {
            let left = usize::try_from(journal.size - at).map_or(data.len(), |left| left.min(data.len()));
            let got = file.read(data.get_mut(..left).unwrap_or_default())?;
            if got == 0 {
                break;
            }
            hasher.update(data.get(..got).unwrap_or_default());
            at += got as u64;
        }
        file.set_len(at)?;
        file.seek(SeekFrom::Start(at))?;
    } else {
        fs::write(&notes, serde_json::to_vec(&journal)?)?;
    }
    Ok(Writing {
        file,
        part,
        journal: notes,
        name: journal.name,
        hasher,
        at,
    })
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

fn remove(paths: &[&Path]) {
    for path in paths {
        if let Err(error) = fs::remove_file(path) {
            tracing::debug!(%error, "a part stays");
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unreadable(error: io::Error) -> DiskFault {
    tracing::info!(%error, "a file cannot be read");
    DiskFault::Unreadable
}

fn unwritable(error: &io::Error) -> DiskFault {
    tracing::info!(%error, "a file cannot be written");
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => DiskFault::Full,
        _ => DiskFault::Failed,
    }
}

#[cfg(test)]
mod tests;
