//! How often key frames may be made: sans-IO, asked by the encode thread before each picture.
//!
//! A key frame is large, and whoever asks for many could crowd out the rest, so in the long run they are [`GAP`] apart, and further
//! where the line takes longer than that to carry one: the next would only wait behind it. A
//! few may follow each other at once: at the beginning of a call the encoder's first picture, the opening of the way and
//! the other side's first request come within milliseconds, and making the last one wait would only delay the first
//! picture that is seen.

use std::time::{Duration, Instant};

/// The mean distance between key frames under constant requests.
const GAP: Duration = Duration::from_millis(300);
/// No key frame puts the next one off for longer.
const GAP_MAX: Duration = Duration::from_secs(2);
/// How many may come at once.
const BURST: u32 = 3;

/// A bucket of [`BURST`] key frames that gains one every [`GAP`]: when the first few are used up for nothing (the other side
/// was not ready yet), the next one is a gap away and not the whole bucket.
#[derive(Debug, Default)]
pub(super) struct KeyFramePace {
    /// When the bucket is full again, once something was taken out of it.
    full_at: Option<Instant>,
}

impl KeyFramePace {
    /// Whether one may be made now.
    pub(super) fn allows(&self, now: Instant) -> bool {
        self.full_at
            .is_none_or(|full_at| full_at <= now + GAP * (BURST - 1))
    }

    /// One was made, which takes so long to send.
    pub(super) fn made(&mut self, now: Instant, takes: Duration) {
        let from = self.full_at.map_or(now, |full_at| full_at.max(now));
        self.full_at = Some(from + takes.clamp(GAP, GAP_MAX));
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
                pace.made(now, Duration::ZERO);
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
        (0..3).for_each(|_| pace.made(start, Duration::ZERO));
        let later = start + Duration::from_millis(900);
        for _ in 0..3 {
            assert!(pace.allows(later));
            pace.made(later, Duration::ZERO);
        }
        assert!(!pace.allows(later));
    }

    #[test]
    fn when_all_were_used_up_the_next_one_is_a_gap_away() {
        let start = Instant::now();
        let mut pace = KeyFramePace::default();
        (0..3).for_each(|_| pace.made(start, Duration::ZERO));
        assert!(!pace.allows(start + Duration::from_millis(299)));
        assert!(pace.allows(start + Duration::from_millis(300)));
    }

    #[test]
    fn one_that_the_line_carries_for_a_second_puts_the_next_off_until_it_is_nearly_there() {
        let start = Instant::now();
        let made = |takes: Duration| {
            let mut pace = KeyFramePace::default();
            (0..20_000)
                .filter(|ms| {
                    let now = start + Duration::from_millis(*ms);
                    let allowed = pace.allows(now);
                    if allowed {
                        pace.made(now, takes);
                    }
                    allowed
                })
                .count()
        };
        assert!((20..=21).contains(&made(Duration::from_secs(1))));
        assert!(
            (10..=11).contains(&made(Duration::from_secs(60))),
            "but not for ever"
        );
        assert!(made(Duration::from_millis(50)) > 60);
    }
}
