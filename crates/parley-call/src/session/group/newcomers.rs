//! How newcomers are told what everybody knows: each by itself and at once, as long as few come; of many who come together those who wait are
//! told by one word to everybody. Sans-IO; used by what is said to newcomers.

use crate::session::pace::Pace;
use std::time::{Duration, Instant};

/// So many and more who wait are told by one word.
const MANY: usize = 3;

/// See the module.
#[derive(Debug)]
pub(super) struct Newcomers(Pace);

impl Default for Newcomers {
    /// A handful is told at once, and then somebody, or everybody who waits, twice a second.
    fn default() -> Self {
        Self(Pace::new(8, Duration::from_millis(500)))
    }
}

impl Newcomers {
    /// Whether so many are told by one word.
    pub(super) fn are_many(waiting: impl Iterator) -> bool {
        waiting.take(MANY).count() == MANY
    }

    /// Whether one word more may be said to them now; it counts as said.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let free = self.0.is_free(now);
        if free {
            self.0.take(now);
        }
        free
    }

    /// From when on the next may be said, where some wait.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.0.next_at()
    }
}
