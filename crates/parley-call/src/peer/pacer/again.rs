//! What was sent again lately. Where packets are lost by chance, the other side asks for each more than once in a round trip, and
//! each time is answered; where the way is full, an answer before the last one can have come would only make the queue longer.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Packets remembered: more than leave again in the longest time that counts.
const KEPT_MAX: usize = 1024;
/// For longer than this nothing is remembered.
const AGE_MAX: Duration = Duration::from_millis(500);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Again {
    left: HashMap<u64, Instant>,
    order: VecDeque<(Instant, u64)>,
}

impl Again {
    /// Whether `packet` was sent again less than `within` ago.
    pub(super) fn is_recent(&self, now: Instant, packet: u64, within: Duration) -> bool {
        self.left
            .get(&packet)
            .is_some_and(|left| now.saturating_duration_since(*left) < within.min(AGE_MAX))
    }

    /// `packet` is sent again.
    pub(super) fn sent(&mut self, now: Instant, packet: u64) {
        self.left.insert(packet, now);
        self.order.push_back((now, packet));
        while self.order.len() > KEPT_MAX
            || self
                .order
                .front()
                .is_some_and(|(left, _)| now.saturating_duration_since(*left) > AGE_MAX)
        {
            if let Some((left, packet)) = self.order.pop_front()
                && self.left.get(&packet) == Some(&left)
            {
                self.left.remove(&packet);
            }
        }
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
    fn what_left_a_moment_ago_is_known_and_no_longer_than_that() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let within = Duration::from_millis(40);
        let mut again = Again::default();
        again.sent(at(0), 7);
        assert!(again.is_recent(at(39), 7, within) && !again.is_recent(at(39), 8, within));
        assert!(!again.is_recent(at(40), 7, within));
        again.sent(at(50), 7);
        assert!(again.is_recent(at(80), 7, within));
        for n in 0..10_000 {
            again.sent(at(100 + n / 100), n);
        }
        assert!(again.left.len() <= KEPT_MAX && again.order.len() <= KEPT_MAX);
        again.sent(at(5_000), 1);
        assert_eq!((again.left.len(), again.order.len()), (1, 1));
    }
}
