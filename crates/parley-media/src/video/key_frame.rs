//! The flag by which a key frame is asked for: raised by the call when the other side needs one, taken by the encode thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A wish for a key frame. Clones share it; wishes before the next frame are one.
#[derive(Debug, Clone, Default)]
pub struct KeyFrameFlag(Arc<AtomicBool>);

impl KeyFrameFlag {
    /// A lowered flag.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for the next frame to be a key frame.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether one was asked for since the last time; lowers the flag.
    #[must_use]
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}
