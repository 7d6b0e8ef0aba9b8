//! The pump of the computer's sound, which most calls never need: its task begins with the first share that has sound, and ends
//! with the drivers, its owners. Later shares go through the same one.
//!
//! Until then nobody takes what comes: its channel fills, and whoever records counts what found no room.

use super::send_audio;
use super::send_video::Routes;
use super::spawn::Unsent;
use parley_media::packet::EncodedAudio;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The pump, for the drivers of both connections, either of which may be the first with a share that has sound.
#[derive(Debug, Clone)]
pub(super) struct SharedSound(Arc<Mutex<SharedSoundPump>>);

impl SharedSound {
    pub(super) fn new(pump: SharedSoundPump) -> Self {
        Self(Arc::new(Mutex::new(pump)))
    }

    /// A share has sound.
    pub(super) fn start(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).start();
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct SharedSoundPump {
    /// The task's, once there is one.
    ends: Option<(mpsc::Receiver<EncodedAudio>, [Routes; 2])>,
    unsent: Arc<Unsent>,
    /// One at most. Dropping it ends it.
    task: JoinSet<()>,
}

impl SharedSoundPump {
    /// No share had sound so far.
    pub(super) fn new(packets: mpsc::Receiver<EncodedAudio>, ways: [Routes; 2], unsent: Arc<Unsent>) -> Self {
        Self {
            ends: Some((packets, ways)),
            unsent,
            task: JoinSet::new(),
        }
    }

    /// A share has sound. Each connection says so anew; only the first time counts. Within a tokio runtime.
    pub(super) fn start(&mut self) {
        let Some((mut packets, ways)) = self.ends.take() else {
            return;
        };
        // What waited until now is of the past.
        while packets.try_recv().is_ok() {
            self.unsent.screen_sound.one();
        }
        let unsent = Arc::clone(&self.unsent);
        self.task.spawn(send_audio::run(packets, ways, move || {
            unsent.screen_sound.one();
        }));
    }
}
