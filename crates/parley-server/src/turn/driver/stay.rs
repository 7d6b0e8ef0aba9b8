//! How long a stream may stay: as long as it has an allocation, and a minute without one. A connection costs more than a
//! datagram, and many can be opened by somebody who wants nothing.

use super::super::moment::Moment;
use std::time::Duration;

/// Time enough to come with credentials, or to come again after an allocation ended.
const WITHOUT_ALLOCATION: Duration = Duration::from_secs(60);

/// One stream's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stay {
    /// When it came, or last had an allocation.
    since: Moment,
}

impl Stay {
    pub(super) fn new(now: Moment) -> Self {
        Self { since: now }
    }

    /// To be asked now and then.
    pub(super) fn is_over(&mut self, now: Moment, has_allocation: bool) -> bool {
        if has_allocation {
            self.since = now;
        }
        now.since(self.since) >= WITHOUT_ALLOCATION
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_nothing_here_may_stay_a_minute() {
        let at = |s: u64| Moment::from_unix_ms(1_000_000 + s * 1000);
        let mut stay = Stay::new(at(0));
        assert!(!stay.is_over(at(59), false));
        assert!(stay.is_over(at(60), false));
        let mut stay = Stay::new(at(0));
        assert!(!stay.is_over(at(59), true));
        assert!(!stay.is_over(at(5000), true));
        assert!(!stay.is_over(at(5059), false), "it may come again");
        assert!(stay.is_over(at(5060), false));
    }
}
