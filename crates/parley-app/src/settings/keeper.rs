//! [T] The thread that writes settings: a disk may take its time, and the engine has a call to look after. The newest
//! settings win; what still waits when the app closes is written before.

use super::FILE_NAME;
use parley_media::slot::{Slot, Taken};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// How long the thread sleeps between two looks at an empty place.
const IDLE: Duration = Duration::from_secs(3600);

/// Where settings are handed over. Dropping it waits until they are written.
#[derive(Debug)]
pub(super) struct Keeper {
    newest: Slot<Value>,
    pen: Pen,
    thread: Option<JoinHandle<()>>,
}

/// What writes, and says how it went.
#[derive(Debug, Clone)]
struct Pen {
    path: PathBuf,
    fault: watch::Sender<Option<String>>,
}

impl Keeper {
    pub(super) fn of(path: PathBuf) -> Self {
        let newest = Slot::new();
        let pen = Pen {
            path,
            fault: watch::Sender::new(None),
        };
        let (of_thread, to_write) = (pen.clone(), newest.clone());
        let thread = std::thread::Builder::new()
            .name("settings".into())
            .spawn(move || of_thread.keep(&to_write))
            .inspect_err(|error| tracing::warn!(%error, "settings are written in place"))
            .ok();
        Self { newest, pen, thread }
    }

    /// Writes these, unless newer ones come first.
    pub(super) fn keep(&self, settings: Value) {
        if self.thread.is_some() {
            self.newest.put(settings);
        } else {
            self.pen.write(&settings);
        }
    }

    /// Why the last writing failed, if it did.
    pub(super) fn fault(&self) -> watch::Receiver<Option<String>> {
        self.pen.fault.subscribe()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.newest.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the settings' thread failed");
        }
    }
}

impl Pen {
    fn keep(self, newest: &Slot<Value>) {
        loop {
            match newest.take(IDLE) {
                Taken::Value(settings) => self.write(&settings),
                Taken::TimedOut => {}
                Taken::Closed => return,
            }
        }
    }

    fn write(&self, settings: &Value) {
        let path = &self.path;
        let fault = write_whole(path, settings)
            .err()
            .map(|error| format!("cannot write {}: {error}", path.display()));
        if let Some(fault) = &fault {
            tracing::warn!(fault, "settings were not kept");
        }
        // A disk that fails each time is told each time: the person may have put the first word away.
        self.fault.send_if_modified(|told| {
            let news = fault.is_some() || told.is_some();
            *told = fault;
            news
        });
    }
}

/// Beside the file first, then renamed over it: a crash leaves the old or the new one, never half of one.
fn write_whole(path: &Path, settings: &Value) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut text = serde_json::to_string_pretty(settings)?;
    text.push('\n');
    // Two instances side by side must not write the same temporary file.
    let beside = path.with_file_name(format!("{FILE_NAME}.{}.new", std::process::id()));
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written
        .and_then(|()| fs::rename(&beside, path))
        .inspect_err(|_| drop(fs::remove_file(&beside)))
}
