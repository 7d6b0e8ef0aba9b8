//! One's own sound and the sound of the others: the audio engine while it is wanted.

use super::retire;
use parley_media::audio::{AudioCommand, AudioConfig, AudioEngine, AudioStatus, StartAudioError};
use parley_media::packet::EncodedAudio;
use tokio::sync::{mpsc, watch};

/// The audio engine, or its absence.
#[derive(Debug, Default)]
pub(super) struct Sound(Option<Open>);

#[derive(Debug)]
struct Open {
    engine: AudioEngine,
    /// Gone once a call took it; the next call needs a new engine.
    encoded: Option<mpsc::Receiver<EncodedAudio>>,
    status: watch::Receiver<AudioStatus>,
}

impl Sound {
    /// Starts the engine unless it runs.
    pub(super) fn open(&mut self, config: AudioConfig) -> Result<(), StartAudioError> {
        if self.0.is_none() {
            let (engine, ports) = AudioEngine::spawn(config)?;
            self.0 = Some(Open {
                engine,
                encoded: Some(ports.encoded),
                status: ports.status,
            });
        }
        Ok(())
    }

    pub(super) fn close(&mut self) {
        // Stopping waits for the devices.
        if let Some(open) = self.0.take() {
            retire(open.engine);
        }
    }

    pub(super) const fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// Nothing happens while the engine does not run: it gets its wishes when it starts.
    pub(super) fn send(&self, command: AudioCommand) {
        if let Some(open) = &self.0 {
            open.engine.send(command);
        }
    }

    /// The packets to send, for one call.
    pub(super) fn take_encoded(&mut self) -> Option<mpsc::Receiver<EncodedAudio>> {
        self.0.as_mut()?.encoded.take()
    }

    pub(super) fn status(&self) -> Option<AudioStatus> {
        self.0.as_ref().map(|open| open.status.borrow().clone())
    }

    /// Returns when the status changed. Cancel safe.
    pub(super) async fn changed(&mut self) {
        if let Some(open) = &mut self.0
            && open.status.changed().await.is_ok()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}

impl Drop for Sound {
    fn drop(&mut self) {
        self.close();
    }
}
