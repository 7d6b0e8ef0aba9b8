//! When packets leave: so many at once, as often as makes the rate. Sans-IO: time is an argument.

use std::time::Duration;

/// Bursts that may be due at once; whoever is later than that lets them go instead of making one large burst of them.
const CATCH_UP_MAX: u32 = 16;

/// How packets are offered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    /// Bytes of each.
    pub(super) bytes: usize,
    /// How many leave at once, from one client.
    pub(super) burst: u32,
    /// How many leave a second, over all clients.
    pub(super) per_s: u32,
}

/// Tells when the next burst is due.
#[derive(Debug)]
pub(super) struct Pace {
    step: Duration,
    next: Duration,
}

impl Pace {
    /// Begins at zero.
    pub(super) fn new(shape: Shape) -> Self {
        Self {
            step: Duration::from_secs_f64(f64::from(shape.burst) / f64::from(shape.per_s.max(1))),
            next: Duration::ZERO,
        }
    }

    /// How many bursts are to leave, so long after the beginning.
    pub(super) fn due(&mut self, elapsed: Duration) -> u32 {
        let mut due = 0;
        while self.next <= elapsed && due < CATCH_UP_MAX {
            self.next += self.step;
            due += 1;
        }
        if due == CATCH_UP_MAX {
            self.next = self.next.max(elapsed);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(burst: u32) -> Pace {
        Pace::new(Shape {
            bytes: 160,
            burst,
            per_s: 1000,
        })
    }

    #[test]
    fn the_rate_is_the_same_in_bursts_and_one_by_one() {
        for burst in [1, 10] {
            let mut pace = pace(burst);
            let sent: u32 = (0..1000)
                .map(|ms| pace.due(Duration::from_millis(ms)) * burst)
                .sum();
            assert_eq!(sent, 1000, "bursts of {burst}");
        }
    }

    #[test]
    fn whoever_comes_late_catches_up_a_little_and_lets_the_rest_go() {
        let mut pace = pace(1);
        assert_eq!(pace.due(Duration::from_millis(5)), 6);
        assert_eq!(pace.due(Duration::from_secs(5)), CATCH_UP_MAX);
        assert!(
            pace.due(Duration::from_millis(5_001)) <= 2,
            "no flood after a pause"
        );
    }
}
