//! How often something may be said: so much at once, so much in the long run, and when the next may go. Unlike
//! [`super::rate::RateLimit`], which drops what comes too often, this is for what waits its turn (the generic cell rate algorithm,
//! ITU-T I.371).

use std::time::{Duration, Instant};

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    burst: u32,
    interval: Duration,
    /// Until when what was said uses the allowance up.
    used_until: Option<Instant>,
}

impl Pace {
    pub(super) const fn new(burst: u32, interval: Duration) -> Self {
        Self {
            burst,
            interval,
            used_until: None,
        }
    }

    /// From when on the next may go; nothing if it always may.
    pub(super) fn next_at(&self) -> Option<Instant> {
        let ahead = self.interval * self.burst.saturating_sub(1);
        self.used_until.and_then(|until| until.checked_sub(ahead))
    }

    /// Whether one may go now.
    pub(super) fn is_free(&self, now: Instant) -> bool {
        self.next_at().is_none_or(|at| at <= now)
    }

    /// One goes.
    pub(super) fn take(&mut self, now: Instant) {
        self.take_as(now, 1);
    }

    /// One goes that counts as so many. It may use up more than there is: those after it wait the longer.
    pub(super) fn take_as(&mut self, now: Instant, count: u32) {
        let from = self.used_until.map_or(now, |until| until.max(now));
        self.used_until = Some(from + self.interval * count);
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an arbitrary moment to count from")]
mod tests {
    use super::*;

    #[test]
    fn so_many_go_at_once_and_then_one_an_interval() {
        let start = Instant::now();
        let mut pace = Pace::new(3, Duration::from_millis(100));
        let mut gone = Vec::new();
        for ms in 0..1000 {
            let now = start + Duration::from_millis(ms);
            while pace.is_free(now) {
                pace.take(now);
                gone.push(ms);
            }
        }
        assert_eq!(gone, [0, 0, 0, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
    }

    #[test]
    fn what_counts_as_many_goes_at_once_and_holds_up_the_next() {
        let start = Instant::now();
        let mut pace = Pace::new(3, Duration::from_millis(100));
        pace.take_as(start, 7);
        assert_eq!(pace.next_at(), Some(start + Duration::from_millis(500)));
    }
}
