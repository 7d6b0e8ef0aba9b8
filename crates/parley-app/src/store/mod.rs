//! What is remembered of calls on this computer: one SQLite file, `history.sqlite`, owned by a thread of its own.
//!
//! The engine sends what is to be kept and watches what is there; it never waits for a disk. A file that is damaged or
//! of a newer layout is set aside (`history.sqlite.bad-1`, ...), never deleted; without a usable file calls work, and only
//! remembering does not. Nothing here knows of links: their secrets are not kept.

mod conversation;
mod keeper;
mod past_call;
mod tables;

pub use conversation::{KeptMessage, Unfinished};
pub use past_call::{CallId, PastCall, Seconds};

use keeper::Ask;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use tokio::sync::watch;

/// Writes that may wait for the disk; more are dropped and counted. A call asks for a handful.
const ASKS_MAX: usize = 64;
/// Past calls a window is told of, newest first.
pub const TOLD_MAX: u32 = 50;
/// Past calls that are kept; older ones go.
pub const KEPT_MAX: u32 = 1000;

/// Unfinished files that are kept; the oldest go. Twice as many as may be on their way at once.
pub const UNFINISHED_MAX: u32 = 64;

/// What is remembered, as it was last read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Kept {
    /// Past calls, newest first, at most [`TOLD_MAX`].
    pub calls: Vec<PastCall>,
    /// What was written in the call that a window looks at, oldest first.
    pub opened: Option<(CallId, Vec<KeptMessage>)>,
    /// Files that were offered and are not there yet, newest first.
    pub unfinished: Vec<Unfinished>,
    /// Where a file that could not be used was put.
    pub set_aside: Option<PathBuf>,
    /// Why nothing can be remembered now.
    pub fault: Option<String>,
}

/// The engine's end. Dropping it writes what still waits, and ends the thread.
#[derive(Debug)]
pub struct Store {
    asks: Option<SyncSender<Ask>>,
    kept: watch::Receiver<Kept>,
    dropped: Arc<AtomicU64>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Store {
    /// Opens the file in `folder`, on a thread of its own; what is in it shows in [`Store::kept`] as soon as it was read.
    #[must_use]
    pub fn open(folder: &Path) -> Self {
        let (asks, asked) = sync_channel(ASKS_MAX);
        let (told, kept) = watch::channel(Kept::default());
        let thread = keeper::spawn(folder.to_owned(), asked, told);
        Self {
            asks: thread.is_some().then_some(asks),
            kept,
            dropped: Arc::default(),
            thread,
        }
    }

    /// What is remembered.
    #[must_use]
    pub fn kept(&self) -> watch::Receiver<Kept> {
        self.kept.clone()
    }

    /// Keeps a call, or what is new of one that is kept already. What a person said of it ([`Store::rate`]) stays.
    pub fn keep(&self, call: PastCall) {
        self.ask(Ask::Keep(call));
    }

    /// Keeps how a person found a call: 1 (bad) to 5 (good).
    pub fn rate(&self, id: CallId, stars: u8) {
        self.ask(Ask::Rate(id, stars));
    }

    /// Keeps what was written in a call that is kept, instead of what was kept of it before.
    pub fn keep_messages(&self, id: CallId, messages: Vec<KeptMessage>) {
        self.ask(Ask::KeepMessages(id, messages));
    }

    /// Reads what was written in a call: it shows in [`Kept::opened`]. Nothing: it is not looked at any more.
    pub fn open_messages(&self, id: Option<CallId>) {
        self.ask(Ask::OpenMessages(id));
    }

    /// Keeps that a file is not there yet.
    pub fn keep_unfinished(&self, file: Unfinished) {
        self.ask(Ask::KeepUnfinished(file));
    }

    /// Forgets a file: it is there, or is not to be sent any more.
    pub fn forget_unfinished(&self, path: PathBuf, to: String) {
        self.ask(Ask::ForgetUnfinished { path, to });
    }

    /// Forgets one call, with what was written in it. Keeping the same call again at once brings that back too.
    pub fn forget(&self, id: CallId) {
        self.ask(Ask::Forget(id));
    }

    /// Forgets all calls and files.
    pub fn forget_all(&self) {
        self.ask(Ask::ForgetAll);
    }

    /// Writes that found the disk too far behind.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn ask(&self, ask: Ask) {
        let taken = self.asks.as_ref().is_some_and(|asks| asks.try_send(ask).is_ok());
        if !taken {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            tracing::warn!("the history could not be written");
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.asks = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the history's thread failed");
        }
    }
}

#[cfg(test)]
mod tests;
