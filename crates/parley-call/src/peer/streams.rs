//! Which of the other side's streams is the screen, as its last description says: written when a description is set, read by
//! the links of the chain when a stream begins.

use crate::sdp;
use std::sync::{Mutex, PoisonError};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct ScreenStreams(Mutex<Vec<u32>>);

impl ScreenStreams {
    /// The other side's description is about to be set.
    pub(super) fn read(&self, sdp: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = sdp::screen_ssrcs(sdp);
    }

    /// Whether the stream `ssrc` is the screen.
    pub(super) fn has(&self, ssrc: u32) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&ssrc)
    }
}
