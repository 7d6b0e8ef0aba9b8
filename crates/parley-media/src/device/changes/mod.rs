//! The system's own word that devices came or went, so that nobody has to look once a second.
//!
//! | system | sound | cameras |
//! |---|---|---|
//! | Linux | the subscription of PulseAudio and PipeWire ([`sound_server`]) | inotify on `/dev` ([`nodes`]) |
//! | others | none: who wants to know has to look | none |
//!
//! Owned by whoever wants to know, one thread each (a shared one would have to live in the world of all of them, and tests
//! have several). It says only that something changed; what there is now, the lists say.

#[cfg(target_os = "linux")]
mod listen;
pub(crate) mod nodes;
#[cfg(target_os = "linux")]
mod sound_server;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What may be another list now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Changed {
    /// Microphones or speakers, or which of them is the default one.
    Sound,
    /// Cameras.
    Cameras,
}

/// Listens until dropped.
#[derive(Debug)]
pub struct DeviceChanges {
    told: Told,
    #[cfg(target_os = "linux")]
    _listener: Option<listen::Listener>,
}

/// Of what the system tells now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told(Arc<Marks>);

#[derive(Debug, Default)]
struct Marks {
    sound: AtomicBool,
    cameras: AtomicBool,
}

impl Told {
    fn mark(&self, of: Changed) -> &AtomicBool {
        match of {
            Changed::Sound => &self.0.sound,
            Changed::Cameras => &self.0.cameras,
        }
    }

    pub(crate) fn get(&self, of: Changed) -> bool {
        self.mark(of).load(Ordering::Relaxed)
    }

    #[cfg(target_os = "linux")]
    fn set(&self, of: Changed, told: bool) {
        self.mark(of).store(told, Ordering::Relaxed);
    }
}

impl DeviceChanges {
    /// Starts to listen for changes of `of`. `tell` is called on the listener's thread and must not wait; once for each
    /// change, and once whenever listening begins, for what changed before.
    #[must_use]
    pub fn listen(of: &[Changed], tell: impl FnMut(Changed) + Send + 'static) -> Self {
        let told = Told::default();
        #[cfg(target_os = "linux")]
        let _listener = listen::Listener::spawn(of, told.clone(), tell)
            .inspect_err(|error| tracing::warn!(%error, "nobody listens for devices"))
            .ok();
        #[cfg(not(target_os = "linux"))]
        let _ = (of, tell);
        Self {
            told,
            #[cfg(target_os = "linux")]
            _listener,
        }
    }

    /// Whether the system tells of these now. If not, who wants to know has to look.
    #[must_use]
    pub fn tells(&self, of: Changed) -> bool {
        self.told.get(of)
    }
}
