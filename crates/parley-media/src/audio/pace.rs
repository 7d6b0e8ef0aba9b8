//! The pace of a stream that no device paces: a block each 10 ms of the clock, catching up boundedly after a stall.

use std::time::{Duration, Instant};

/// One block.
pub(super) const BLOCK_TIME: Duration = Duration::from_millis(10);
/// No further behind than this are blocks made up for; the ones before are left out.
const BEHIND_MAX: Duration = Duration::from_millis(100);

/// When the next block is due.
#[derive(Debug)]
pub(super) struct ClockPace {
    next: Instant,
}

impl ClockPace {
    /// The first block is due at `first`.
    pub(super) fn new(first: Instant) -> Self {
        Self { next: first }
    }

    /// When to wake up.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// A block that is due by `now`: the time it was due at.
    pub(super) fn take(&mut self, now: Instant) -> Option<Instant> {
        let due = self.next;
        if due > now {
            return None;
        }
        self.next = due + BLOCK_TIME;
        Some(due)
    }

    /// Leaves out what is too far behind `now`; tells how many blocks.
    pub(super) fn skip(&mut self, now: Instant) -> u64 {
        let too_far = now
            .saturating_duration_since(self.next)
            .saturating_sub(BEHIND_MAX);
        let blocks = u32::try_from(too_far.as_nanos().div_ceil(BLOCK_TIME.as_nanos())).unwrap_or(u32::MAX);
        self.next += BLOCK_TIME * blocks;
        u64::from(blocks)
    }
}

/// A moment for tests to count from.
#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "an Instant can be had in no other way; tests only add to it"
)]
pub(super) fn test_start() -> Instant {
    Instant::now() + Duration::from_secs(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_due_each_ten_milliseconds() {
        let start = test_start();
        let mut pace = ClockPace::new(start);
        let late = start + Duration::from_millis(25);
        let due: Vec<_> = std::iter::from_fn(|| pace.take(late))
            .map(|due| due - start)
            .collect();
        assert_eq!(due, [0, 10, 20].map(Duration::from_millis));
        assert_eq!(pace.next(), start + Duration::from_millis(30));
    }

    #[test]
    fn a_short_stall_is_made_up_for_and_the_end_of_a_long_one_too() {
        let start = test_start();
        let mut pace = ClockPace::new(start);
        assert_eq!(pace.skip(start + Duration::from_millis(90)), 0);
        assert_eq!(pace.skip(start + Duration::from_millis(5_003)), 491);
        assert_eq!(pace.next(), start + Duration::from_millis(4_910));
    }
}
