//! What files may take of the way beside sound and pictures: written by the call, which splits the estimate, and read by the transfers.
//!
//! One for each connection, shared as two plain numbers: both sides look often, and only the newest counts.

use parley_proto::Bitrate;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// See the module.
#[derive(Debug)]
pub struct Allotment {
    /// The largest number: whatever there is.
    bps: AtomicU64,
    wanted: AtomicBool,
}

impl Default for Allotment {
    fn default() -> Self {
        Self {
            bps: AtomicU64::new(u64::MAX),
            wanted: AtomicBool::new(false),
        }
    }
}

impl Allotment {
    /// So much at most from now on; `None`: what the path has left by the transfers' own measure of delay.
    pub fn grant(&self, most: Option<Bitrate>) {
        let bps = most.map_or(u64::MAX, Bitrate::bps);
        self.bps.store(bps, Ordering::Relaxed);
    }

    /// What was granted last.
    #[must_use]
    pub fn granted(&self) -> Option<Bitrate> {
        let bps = self.bps.load(Ordering::Relaxed);
        (bps != u64::MAX).then(|| Bitrate::from_bps(bps))
    }

    /// Whether there is something to be sent.
    pub fn want(&self, wanted: bool) {
        self.wanted.store(wanted, Ordering::Relaxed);
    }

    /// What was said last.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }
}
