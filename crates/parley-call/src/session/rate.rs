//! A token bucket: so much at once, so much in the long run.

use std::time::{Duration, Instant};

/// Lets `burst` through at once and one more every `interval`.
#[derive(Debug, Clone, Copy)]
pub(super) struct RateLimit {
    burst: u32,
    interval: Duration,
    tokens: u32,
    filled: Option<Instant>,
}

impl RateLimit {
    pub(super) const fn new(burst: u32, interval: Duration) -> Self {
        Self {
            burst,
            interval,
            tokens: burst,
            filled: None,
        }
    }

    /// Whether one more may pass now.
    pub(super) fn allow(&mut self, now: Instant) -> bool {
        self.refill(now);
        let allowed = self.tokens > 0;
        self.tokens = self.tokens.saturating_sub(1);
        allowed
    }

    fn refill(&mut self, now: Instant) {
        let filled = *self.filled.get_or_insert(now);
        let passed = now.saturating_duration_since(filled).as_nanos() / self.interval.as_nanos().max(1);
        let gained = u32::try_from(passed).unwrap_or(u32::MAX);
        self.tokens = self.tokens.saturating_add(gained).min(self.burst);
        // A full bucket gains nothing; otherwise the rest of an interval is kept for the next time.
        self.filled = Some(if self.tokens == self.burst {
            now
        } else {
            filled + self.interval * gained
        });
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an arbitrary moment to count from")]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_one_an_interval() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut limit = RateLimit::new(3, Duration::from_millis(100));
        let passed = |limit: &mut RateLimit, ms, asked| (0..asked).filter(|_| limit.allow(at(ms))).count();
        assert_eq!(passed(&mut limit, 0, 10), 3);
        assert_eq!(passed(&mut limit, 99, 10), 0);
        assert_eq!(passed(&mut limit, 150, 10), 1);
        assert_eq!(passed(&mut limit, 200, 10), 1);
        assert_eq!(passed(&mut limit, 100_000, 10), 3);
    }
}
