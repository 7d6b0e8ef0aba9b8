//! [T] The thread that owns the file: takes what is to be kept, and tells what there is after each change.

use super::Kept;
use super::conversation::{KeptMessage, Unfinished};
use super::past_call::{CallId, PastCall};
use super::tables::{OpenTablesError, Tables};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use tokio::sync::watch;

const FILE_NAME: &str = "history.sqlite";
/// Files set aside are kept up to this many; then the last is written over.
const BAD_FILES_MAX: u32 = 100;

/// What the engine asks.
#[derive(Debug)]
pub(super) enum Ask {
    Keep(PastCall),
    Rate(CallId, u8),
    KeepMessages(CallId, Vec<KeptMessage>),
    OpenMessages(Option<CallId>),
    KeepUnfinished(Unfinished),
    ForgetUnfinished { path: PathBuf, to: String },
    Forget(CallId),
    ForgetAll,
}

/// Starts the thread; nothing when the system gives none.
pub(super) fn spawn(
    folder: PathBuf,
    asked: Receiver<Ask>,
    told: watch::Sender<Kept>,
) -> Option<std::thread::JoinHandle<()>> {
    std::thread::Builder::new()
        .name("history".into())
        .spawn(move || keep(&folder, &asked, &told))
        .inspect_err(|error| tracing::warn!(%error, "no history this time"))
        .ok()
}

fn keep(folder: &Path, asked: &Receiver<Ask>, told: &watch::Sender<Kept>) {
    let (tables, set_aside) = match open(folder) {
        Ok(opened) => opened,
        Err(error) => {
            tracing::warn!(%error, "no history this time");
            told.send_modify(|kept| kept.fault = Some(error.to_string()));
            // Asked in vain, but never refused.
            while asked.recv().is_ok() {}
            return;
        }
    };
    told.send_modify(|kept| kept.set_aside = set_aside);
    let mut keeper = Keeper {
        tables,
        opened: None,
        forgotten: None,
    };
    note(keeper.read(told), told);
    while let Ok(ask) = asked.recv() {
        let done = keeper.carry_out(ask);
        note(done.and(keeper.read(told)), told);
    }
}

struct Keeper {
    tables: Tables,
    /// Whose messages a window looks at.
    opened: Option<CallId>,
    /// What was written in the call that was forgotten last, in case that is taken back.
    forgotten: Option<(CallId, Vec<KeptMessage>)>,
}

impl Keeper {
    fn carry_out(&mut self, ask: Ask) -> rusqlite::Result<()> {
        match ask {
            Ask::Keep(call) => {
                self.tables.keep(&call)?;
                match self.forgotten.take_if(|(id, _)| *id == call.id) {
                    Some((id, messages)) => self.tables.keep_messages(&id, &messages),
                    None => Ok(()),
                }
            }
            Ask::Rate(id, stars) => self.tables.rate(&id, stars),
            Ask::KeepMessages(id, messages) => self.tables.keep_messages(&id, &messages),
            Ask::OpenMessages(id) => {
                self.opened = id;
                Ok(())
            }
            Ask::KeepUnfinished(file) => self.tables.keep_unfinished(&file),
            Ask::ForgetUnfinished { path, to } => self.tables.forget_unfinished(&path, &to),
            Ask::Forget(id) => {
                let messages = self.tables.messages(&id)?;
                self.tables.forget(Some(&id))?;
                self.opened.take_if(|opened| *opened == id);
                self.forgotten = Some((id, messages));
                Ok(())
            }
            Ask::ForgetAll => {
                (self.opened, self.forgotten) = (None, None);
                self.tables.forget(None)
            }
        }
    }

    /// Tells what there is.
    fn read(&self, told: &watch::Sender<Kept>) -> rusqlite::Result<()> {
        let calls = self.tables.calls()?;
        let unfinished = self.tables.unfinished()?;
        let opened = match &self.opened {
            Some(id) => Some((id.clone(), self.tables.messages(id)?)),
            None => None,
        };
        told.send_if_modified(|kept| {
            let changed = kept.calls != calls || kept.unfinished != unfinished || kept.opened != opened;
            (kept.calls, kept.unfinished, kept.opened) = (calls, unfinished, opened);
            changed
        });
        Ok(())
    }
}

/// A disk that is full or gone is said as long as it lasts.
fn note(done: rusqlite::Result<()>, told: &watch::Sender<Kept>) {
    let fault = done.err().map(|error| error.to_string());
    if let Some(fault) = &fault {
        tracing::warn!(fault, "the history was not written");
    }
    told.send_if_modified(|kept| {
        let changed = kept.fault != fault;
        kept.fault = fault;
        changed
    });
}

/// The tables, and where a file went that was in the way.
fn open(folder: &Path) -> Result<(Tables, Option<PathBuf>), OpenTablesError> {
    let io = |error: std::io::Error| OpenTablesError::Unreachable(error.to_string());
    std::fs::create_dir_all(folder).map_err(io)?;
    let path = folder.join(FILE_NAME);
    match Tables::open(&path) {
        Ok(tables) => Ok((tables, None)),
        Err(OpenTablesError::Damaged(reason)) => {
            let place = free_place(&path);
            tracing::warn!(reason, "history set aside");
            std::fs::rename(&path, &place).map_err(io)?;
            // What a crash left unwritten belongs to the file that is gone.
            let _ = std::fs::remove_file(folder.join(format!("{FILE_NAME}-journal")));
            Ok((Tables::open(&path)?, Some(place)))
        }
        Err(unreachable) => Err(unreachable),
    }
}

fn free_place(path: &Path) -> PathBuf {
    let place = |number| path.with_file_name(format!("{FILE_NAME}.bad-{number}"));
    (1..=BAD_FILES_MAX)
        .map(place)
        .find(|place| !place.exists())
        .unwrap_or_else(|| place(BAD_FILES_MAX))
}
