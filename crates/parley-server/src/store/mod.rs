//! What must survive a restart: one SQLite file beside the server's key, owned by a thread of its own.
//!
//! Records go in as they are decided and come out whole when a server starts. A file that is damaged or of a newer layout is set
//! aside (`access.sqlite.bad-1`, ...), never deleted, and told of: invitations in it are then gone, and rooms by invitation
//! stay closed. One that cannot be reached at all keeps a server from starting, for bans in it would count for nothing.

mod by_hand;
mod tables;
#[cfg(test)]
mod tests;

use crate::access::{BookError, Record};
use crate::time::Moment;
pub use by_hand::{InvitationAsk, InviteError, KEY_FILE_NAME, NewInvitation, invite, make_key};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;
use tables::{OpenTablesError, Tables};

const FILE_NAME: &str = "access.sqlite";
/// Records that may wait for the disk; more are dropped and counted. Joins by single-use invitations are the most frequent ones.
const WAITING_MAX: usize = 8192;
/// Records of one transaction.
const BATCH_MAX: usize = 256;
/// How often it is looked whether somebody else wrote into the file (`parley-server invite`, `new-key`).
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Files set aside are kept up to this many; then the last is written over.
const BAD_FILES_MAX: u32 = 100;

/// Why nothing can be kept.
#[derive(Debug, thiserror::Error)]
pub enum OpenStoreError {
    /// The disk or the system does not let us.
    #[error(
        "What the server keeps of invitations and bans could not be read or written at {}: {fault}. Check who may write there and whether the disk is full, or choose another folder with --data-dir.",
        path.display()
    )]
    Unreachable {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: String,
    },
    /// There are too many keys.
    #[error("{0}")]
    Refused(#[from] BookError),
}

/// The writing end. Dropping it writes what still waits, and ends the thread.
#[derive(Debug)]
pub(crate) struct Store {
    records: Option<SyncSender<Record>>,
    dropped: Arc<AtomicU64>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// A store with what was in it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) records: Vec<Record>,
    /// Where a file that could not be used was put.
    pub(crate) set_aside: Option<PathBuf>,
}

impl Store {
    /// Opens or makes the file in `folder`. Blocks on the disk. What somebody else writes into it later is told to `tell`, which says
    /// whether it was taken; what was not is told again.
    pub(crate) fn open(
        folder: &Path,
        now: Moment,
        tell: impl Fn(&[Record]) -> bool + Send + 'static,
    ) -> Result<Opened, OpenStoreError> {
        let (mut tables, set_aside) = open_tables(folder)?;
        let path = folder.join(FILE_NAME);
        // What was left until now is among all the rest.
        let records = tables
            .take_left()
            .and_then(|_| tables.all(now))
            .map_err(|error| unreachable(&path, error.to_string()))?;
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let failed = Arc::clone(&dropped);
        let thread = std::thread::Builder::new()
            .name("access".into())
            .spawn(move || write(&mut tables, &receiver, &failed, tell))
            .map_err(|error| unreachable(&path, error.to_string()))?;
        let store = Self {
            records: Some(sender),
            dropped,
            thread: Some(thread),
        };
        Ok(Opened {
            store,
            records,
            set_aside,
        })
    }

    /// Writes soon. Never waits.
    pub(crate) fn write(&self, record: Record) {
        let sent = self
            .records
            .as_ref()
            .is_some_and(|records| records.try_send(record).is_ok());
        if !sent {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            tracing::error!("the disk is too slow: something about invitations or bans was not written down");
        }
    }

    /// Records that were not written.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.records = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes invitations and bans down failed");
        }
    }
}

fn open_tables(folder: &Path) -> Result<(Tables, Option<PathBuf>), OpenStoreError> {
    let path = folder.join(FILE_NAME);
    std::fs::create_dir_all(folder).map_err(|error| unreachable(&path, error.to_string()))?;
    make_private(&path).map_err(|error| unreachable(&path, error.to_string()))?;
    match Tables::open(&path) {
        Ok(tables) => Ok((tables, None)),
        Err(OpenTablesError::Unreachable(fault)) => Err(unreachable(&path, fault)),
        Err(OpenTablesError::Damaged(fault)) => {
            let aside = (1..=BAD_FILES_MAX)
                .map(|number| folder.join(format!("{FILE_NAME}.bad-{number}")))
                .find(|aside| !aside.exists())
                .unwrap_or_else(|| folder.join(format!("{FILE_NAME}.bad-{BAD_FILES_MAX}")));
            tracing::warn!(
                "{} could not be used ({fault}), so it was put aside as {}. Invitations, keys and bans in it do not count any more: make new ones, or put a backup in its place and start again.",
                path.display(),
                aside.display()
            );
            std::fs::rename(&path, &aside).map_err(|error| unreachable(&path, error.to_string()))?;
            // What belonged to the old file must not be taken for the new one's.
            let _ = std::fs::remove_file(folder.join(format!("{FILE_NAME}-journal")));
            make_private(&path).map_err(|error| unreachable(&path, error.to_string()))?;
            match Tables::open(&path) {
                Ok(tables) => Ok((tables, Some(aside))),
                Err(OpenTablesError::Damaged(fault) | OpenTablesError::Unreachable(fault)) => {
                    Err(unreachable(&path, fault))
                }
            }
        }
    }
}

/// Nobody but the server's user reads it. SQLite gives the files beside it the same rights.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn unreachable(path: &Path, fault: String) -> OpenStoreError {
    OpenStoreError::Unreachable {
        path: path.to_owned(),
        fault,
    }
}

/// [T] Writes what waits, many at once, and looks for what others left, until the server is gone.
fn write(
    tables: &mut Tables,
    records: &Receiver<Record>,
    failed: &AtomicU64,
    tell: impl Fn(&[Record]) -> bool,
) {
    let mut left = Left::default();
    loop {
        match records.recv_timeout(LOOK_EVERY) {
            Ok(first) => {
                let mut batch = vec![first];
                while batch.len() < BATCH_MAX
                    && let Ok(next) = records.try_recv()
                {
                    batch.push(next);
                }
                if let Err(error) = tables.write(&batch) {
                    failed.fetch_add(batch.len() as u64, Ordering::Relaxed);
                    tracing::error!(%error, "invitations or bans could not be written down");
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if let Err(error) = left.look(tables, &tell) {
            tracing::debug!(%error, "what was left for the server cannot be read yet");
        }
    }
}

/// What others left in the file and nobody was told of yet.
#[derive(Default)]
struct Left {
    /// Changes when somebody else has written.
    version: Option<i64>,
    untold: Vec<Record>,
}

impl Left {
    fn look(&mut self, tables: &mut Tables, tell: impl Fn(&[Record]) -> bool) -> rusqlite::Result<()> {
        let version = Some(tables.version()?);
        if version != self.version {
            self.untold.extend(tables.take_left()?);
            self.version = version;
        }
        if !self.untold.is_empty() && tell(&self.untold) {
            self.untold.clear();
        }
        Ok(())
    }
}
