//! Time that only passes while a condition holds: ten seconds to prove oneself must not run while the server is away.

use std::time::{Duration, Instant};

/// Adds up the time it was running.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stopwatch {
    before: Duration,
    running_since: Option<Instant>,
}

impl Stopwatch {
    /// Lets it run or stands it still; calling again with the same changes nothing.
    pub(super) fn set_running(&mut self, now: Instant, running: bool) {
        match (self.running_since, running) {
            (None, true) => self.running_since = Some(now),
            (Some(_), false) => {
                self.before = self.elapsed(now);
                self.running_since = None;
            }
            _ => {}
        }
    }

    /// Back to zero, still.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    pub(super) fn elapsed(&self, now: Instant) -> Duration {
        self.before
            + self
                .running_since
                .map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// The moment it reaches `total`, if it goes on running.
    pub(super) fn reaches(&self, total: Duration) -> Option<Instant> {
        self.running_since
            .map(|since| since + total.saturating_sub(self.before))
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an arbitrary moment to count from")]
mod tests {
    use super::*;

    #[test]
    fn only_running_time_counts() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut watch = Stopwatch::default();
        assert_eq!(watch.reaches(Duration::from_secs(5)), None);
        watch.set_running(at(0), true);
        watch.set_running(at(1), true);
        watch.set_running(at(2), false);
        watch.set_running(at(9), false);
        assert_eq!(watch.elapsed(at(100)), Duration::from_secs(2));
        watch.set_running(at(100), true);
        assert_eq!(watch.reaches(Duration::from_secs(5)), Some(at(103)));
    }
}
