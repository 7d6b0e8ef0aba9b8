//! How often key frames may be made: sans-IO, asked by the encode thread before each picture.
//!
//! A key frame is large, and whoever asks for many could crowd out the rest, so in the long run they are [`GAP`] apart. A
//! few may follow each other at once: at the beginning of a call the encoder's first picture, the opening of the way and
//! the other side's first request come within milliseconds, and making the last one wait would only delay the first
//! picture that is seen.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The mean distance between key frames under constant requests.
const GAP: Duration = Duration::from_millis(300);
/// How many may come at once.
const BURST: usize = 3;

/// Remembers the last key frames.
#[derive(Debug, Default)]
pub(super) struct KeyFramePace {
    made: VecDeque<Instant>,
}

impl KeyFramePace {
    /// Whether one may be made now.
    pub(super) fn allows(&self, now: Instant) -> bool {
        let window = GAP * BURST as u32;
        let recent = self
            .made
            .iter()
            .filter(|made| now.saturating_duration_since(**made) < window);
        recent.count() < BURST
    }

    /// One was made.
    pub(super) fn made(&mut self, now: Instant) {
        if self.made.len() == BURST {
            self.made.pop_front();
        }
        self.made.push_back(now);
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;

    #[test]
    fn a_few_come_at_once_and_many_only_in_time() {
        let start = Instant::now();
        let mut pace = KeyFramePace::default();
        let mut made = Vec::new();
        for ms in 0..3_000 {
            let now = start + Duration::from_millis(ms);
            if pace.allows(now) {
                pace.made(now);
                made.push(ms);
            }
        }
        assert_eq!(&made[..3], [0, 1, 2]);
        assert!((9..=12).contains(&made.len()), "{made:?}");
    }

    #[test]
    fn after_a_pause_the_next_ones_are_free_again() {
        let start = Instant::now();
        let mut pace = KeyFramePace::default();
        (0..3).for_each(|_| pace.made(start));
        assert!(!pace.allows(start + Duration::from_millis(899)));
        assert!(pace.allows(start + Duration::from_millis(900)));
    }
}
