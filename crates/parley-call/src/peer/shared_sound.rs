//! The pump of the computer's sound, which most calls never need: its task begins with the first share that has sound, and ends
//! with the driver, its owner. Later shares go through the same one.
//!
//! Until then nobody takes what comes: its channel fills, and whoever records counts what found no room.

use super::send_audio;
use super::send_video::Routes;
use super::spawn::Unsent;
use parley_media::packet::EncodedAudio;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// See the module.
#[derive(Debug)]
pub(super) struct SharedSoundPump {
    /// The task's, once there is one.
    ends: Option<(mpsc::Receiver<EncodedAudio>, Routes)>,
    unsent: Arc<Unsent>,
    /// One at most. Dropping it ends it.
    task: JoinSet<()>,
}

impl SharedSoundPump {
    /// No share had sound so far.
    pub(super) fn new(packets: mpsc::Receiver<EncodedAudio>, routes: Routes, unsent: Arc<Unsent>) -> Self {
        Self {
            ends: Some((packets, routes)),
            unsent,
            task: JoinSet::new(),
        }
    }

    /// A share has sound. Each connection says so anew; only the first time counts. Within a tokio runtime.
    pub(super) fn start(&mut self) {
        let Some((mut packets, routes)) = self.ends.take() else {
            return;
        };
        // What waited until now is of the past.
        while packets.try_recv().is_ok() {
            self.unsent.screen_sound.one();
        }
        let unsent = Arc::clone(&self.unsent);
        self.task.spawn(send_audio::run(packets, routes, move || {
            unsent.screen_sound.one();
        }));
    }
}
