//! Which of the other side's streams are the screen and its sound, as its last description says: written when a description is
//! set, read by the links of the chain when a stream begins.

use crate::sdp;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct ScreenStreams(Mutex<Ssrcs>);

#[derive(Debug, Default)]
struct Ssrcs {
    pictures: Vec<u32>,
    sound: Vec<u32>,
}

impl ScreenStreams {
    /// The other side's description is about to be set.
    pub(super) fn read(&self, sdp: &str) {
        *self.lock() = Ssrcs {
            pictures: sdp::screen_ssrcs(sdp),
            sound: sdp::screen_sound_ssrcs(sdp),
        };
    }

    /// Whether the stream `ssrc` is the screen.
    pub(super) fn has(&self, ssrc: u32) -> bool {
        self.lock().pictures.contains(&ssrc)
    }

    /// Whether it is what the other side's computer plays.
    pub(super) fn has_sound(&self, ssrc: u32) -> bool {
        self.lock().sound.contains(&ssrc)
    }

    fn lock(&self) -> MutexGuard<'_, Ssrcs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
