//! [T] The one thread that reads, writes and hashes files. Carries commands out in order and answers each.
//!
//! What comes is written into `NAME.XXXXXXXX.parley-part`, beside a journal that says of which file it is a part. So a transfer
//! goes on after a restart: the part is hashed again and the rest is asked for. Only a whole file whose hash is right gets its
//! name, with a number if there is one of that name already.
//!
//! A whole file takes seconds to hash: that goes on by pieces, between the commands of other transfers ([`hashing`]).

mod hashing;
mod order;
mod part;
mod reading;

use super::name;
use hashing::{Goal, Hashing};
pub(super) use order::{DiskAnswer, DiskCommand, DiskFault};
use parley_proto::{FileHash, TransferId};
pub(super) use part::{JOURNAL_ENDING, PART_ENDING};
use part::{Journal, Part, unwritable};
use reading::Reading;
use std::collections::{HashMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError};

/// Read at once where a whole file is hashed, bytes: a millisecond or two, for which the others wait.
const HASHED_AT_ONCE: usize = 1 << 20;

/// Whose transfer, and which: whoever offers chooses the id.
type Key = (u32, TransferId);

/// The files that are open, and the folder for what comes.
#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    reading: HashMap<Key, Reading>,
    writing: HashMap<Key, Part>,
    /// What is hashed now, one piece each in turn; at most one a transfer.
    hashing: VecDeque<Hashing>,
}

/// Carries commands out until nobody gives any. Whoever gives one has a number, by which the answer is told.
pub(super) fn run(
    folder: PathBuf,
    commands: &Receiver<(u32, DiskCommand)>,
    mut answer: impl FnMut(u32, DiskAnswer),
) {
    let mut disk = Disk::new(folder);
    loop {
        // While something is hashed nothing is waited for, and each command pays for one piece: neither waits for the other.
        let command = if disk.is_hashing() {
            commands.try_recv()
        } else {
            commands.recv().map_err(|_| TryRecvError::Disconnected)
        };
        match command {
            Ok((whose, command)) => {
                if let Some(done) = disk.give(whose, command) {
                    answer(whose, done);
                }
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return,
        }
        disk.hash_on(&mut answer);
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
            hashing: VecDeque::new(),
        }
    }

    /// Whether there is something to hash: then [`Self::hash_on`] is called again.
    pub(super) fn is_hashing(&self) -> bool {
        !self.hashing.is_empty()
    }

    /// Does one thing for whoever has this number, and tells what came of it; nothing yet if a file must be hashed first.
    pub(super) fn give(&mut self, whose: u32, command: DiskCommand) -> Option<DiskAnswer> {
        let id = command.id();
        let key = (whose, id);
        if let DiskCommand::Release { discard, .. } = command {
            self.release(key, discard);
            return None;
        }
        if let Some(hashing) = self.hashing.iter_mut().find(|one| one.is_of(key)) {
            // In order. As many as its transfer may ask at once.
            hashing.hold(command);
            return None;
        }
        let done = match command {
            DiskCommand::Look { path, .. } => self.look(key, &path),
            DiskCommand::Read { offset, .. } if self.must_hash(key, offset) => {
                // The receiver had the beginning already.
                self.hashing.push_back(Hashing::of_sent(key, offset, command));
                return None;
            }
            DiskCommand::Read {
                turn, offset, bytes, ..
            } => self.read(key, turn, offset, bytes),
            DiskCommand::Hash { .. } => match self.reading.get(&key).map(Reading::size) {
                Some(size) if self.must_hash(key, size) => {
                    self.hashing.push_back(Hashing::of_sent(key, size, command));
                    return None;
                }
                _ => self.hash(key),
            },
            DiskCommand::Create {
                name,
                size,
                fingerprint,
                ..
            } => {
                let journal = Journal {
                    name,
                    size,
                    fingerprint,
                };
                match self.create(key, journal) {
                    Ok(()) => {
                        self.hashing.push_back(Hashing::of_part(key));
                        return None;
                    }
                    Err(fault) => Err(fault),
                }
            }
            DiskCommand::Write { offset, data, .. } => self.write(key, offset, &data),
            DiskCommand::Complete { hash, .. } => self.complete(key, hash),
            DiskCommand::Release { .. } => return None,
        };
        Some(done.unwrap_or_else(|fault| DiskAnswer::Failed { id, fault }))
    }

    /// Hashes one piece of whatever is next, and answers what waited for it.
    pub(super) fn hash_on(&mut self, answer: &mut impl FnMut(u32, DiskAnswer)) {
        let Some(hashing) = self.hashing.pop_front() else {
            return;
        };
        let (whose, id) = hashing.key();
        let key = (whose, id);
        let hashed = match hashing.goal() {
            Goal::Sent(to) => match self.reading.get_mut(&key) {
                Some(reading) => reading.hash_towards(to),
                None => Err(DiskFault::Unreadable),
            },
            Goal::Part => match self.writing.get_mut(&key) {
                Some(part) => part.hash_on(),
                None => Err(DiskFault::Failed),
            },
        };
        let goal = hashing.goal();
        let first = match (hashed, goal) {
            (Ok(false), _) => return self.hashing.push_back(hashing),
            (Ok(true), Goal::Sent(_)) => None,
            (Ok(true), Goal::Part) => {
                let offset = self.writing.get(&key).map_or(0, Part::at);
                Some(DiskAnswer::Created { id, offset })
            }
            (Err(fault), _) => Some(DiskAnswer::Failed { id, fault }),
        };
        let failed = matches!(first, Some(DiskAnswer::Failed { .. }));
        let mut held = hashing.into_held();
        if failed && matches!(goal, Goal::Sent(_)) {
            // What it was hashed for has its answer.
            held.pop_front();
        }
        if failed && let Some(part) = self.writing.remove(&key) {
            part.keep();
        }
        if let Some(done) = first {
            answer(whose, done);
        }
        for command in held {
            if let Some(done) = self.give(whose, command) {
                answer(whose, done);
            }
        }
    }

    /// Whether not everything before this byte is hashed.
    fn must_hash(&self, key: Key, to: u64) -> bool {
        self.reading
            .get(&key)
            .is_some_and(|reading| reading.hashed_to() < to)
    }

    fn look(&mut self, key: Key, path: &Path) -> Result<DiskAnswer, DiskFault> {
        let (reading, looked) = Reading::open(key.1, path)?;
        self.reading.insert(key, reading);
        Ok(looked)
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

    fn hash(&self, key: Key) -> Result<DiskAnswer, DiskFault> {
        let reading = self.reading.get(&key).ok_or(DiskFault::Unreadable)?;
        let hash = reading.hash()?;
        Ok(DiskAnswer::Hashed { id: key.1, hash })
    }

    fn create(&mut self, key: Key, journal: Journal) -> Result<(), DiskFault> {
        // Checked when it was offered; what names a path is checked where it is used, too.
        if !name::is_harmless(&journal.name) {
            return Err(DiskFault::Failed);
        }
        fs::create_dir_all(&self.folder).map_err(|error| unwritable(&error))?;
        let mark: String = journal.fingerprint.to_string().chars().take(8).collect();
        let mut stem = format!("{}.{mark}", journal.name);
        let place = Part::path(&self.folder, &stem);
        if self.writing.values().any(|other| other.lies_at(&place)) {
            // The same file twice at once.
            stem = format!("{stem}.{}.{}", key.0, key.1.redacted());
        }
        let part = Part::open(&self.folder, &stem, journal).map_err(|error| unwritable(&error))?;
        self.writing.insert(key, part);
        Ok(())
    }

    fn write(&mut self, key: Key, offset: u64, data: &[u8]) -> Result<DiskAnswer, DiskFault> {
        let part = self.writing.get_mut(&key).ok_or(DiskFault::Failed)?;
        let to = part.append(offset, data)?;
        Ok(DiskAnswer::Written { id: key.1, to })
    }

    fn complete(&mut self, key: Key, hash: FileHash) -> Result<DiskAnswer, DiskFault> {
        let part = self.writing.remove(&key).ok_or(DiskFault::Failed)?;
        let path = part.complete(&self.folder, hash)?;
        Ok(DiskAnswer::Completed { id: key.1, path })
    }

    fn release(&mut self, key: Key, discard: bool) {
        self.hashing.retain(|one| !one.is_of(key));
        self.reading.remove(&key);
        if let Some(part) = self.writing.remove(&key) {
            if discard { part.discard() } else { part.keep() }
        }
    }
}

#[cfg(test)]
mod tests;
