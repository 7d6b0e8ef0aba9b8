//! [T] The thread that owns the file: takes what is to be kept, and tells what there is after each change.

use super::Kept;
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
    tell(&tables, told);
    while let Ok(ask) = asked.recv() {
        let done = match &ask {
            Ask::Keep(call) => tables.keep(call),
            Ask::Rate(id, stars) => tables.rate(id, *stars),
            Ask::Forget(id) => tables.forget(Some(id)),
            Ask::ForgetAll => tables.forget(None),
        };
        note(done, told);
        tell(&tables, told);
    }
}

fn tell(tables: &Tables, told: &watch::Sender<Kept>) {
    let calls = tables.calls();
    if let Ok(calls) = &calls {
        told.send_if_modified(|kept| {
            let changed = kept.calls != *calls;
            kept.calls.clone_from(calls);
            changed
        });
    }
    if calls.is_err() {
        note(calls.map(drop), told);
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
