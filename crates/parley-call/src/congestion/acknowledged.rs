//! What really arrives, in bits a second of the other side's clock (draft-ietf-rmcat-gcc-02, 5.5: the incoming rate R_hat).

use std::collections::VecDeque;

/// Over this the rate is taken in general, ...
const LONG_MS: f64 = 500.0;
/// ... over this when the way just became narrower.
const SHORT_MS: f64 = 150.0;
/// Less time or fewer packets are no rate.
const TIME_MIN_MS: f64 = 100.0;
const PACKETS_MIN: usize = 5;
/// Arrivals kept at most: half a second of 50 Mbit/s.
const ARRIVALS_MAX: usize = 4096;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Acknowledged {
    arrivals: VecDeque<(f64, f64)>,
}

impl Acknowledged {
    /// A packet arrived. Those that were overtaken count for the moment they should have come.
    pub(super) fn add(&mut self, arrived_ms: f64, bits: f64) {
        let newest = self
            .arrivals
            .back()
            .map_or(arrived_ms, |(at, _)| at.max(arrived_ms));
        self.arrivals.push_back((newest, bits));
        while self.arrivals.len() > ARRIVALS_MAX
            || self
                .arrivals
                .front()
                .is_some_and(|(at, _)| *at < newest - LONG_MS)
        {
            self.arrivals.pop_front();
        }
    }

    /// Bits a second over half a second.
    pub(super) fn rate(&self) -> Option<f64> {
        self.over(LONG_MS)
    }

    /// Bits a second over the last moment.
    pub(super) fn rate_now(&self) -> Option<f64> {
        self.over(SHORT_MS)
    }

    fn over(&self, window_ms: f64) -> Option<f64> {
        let (newest, _) = *self.arrivals.back()?;
        let mut within = self.arrivals.iter().filter(|(at, _)| *at >= newest - window_ms);
        // The first one's bits took the time before it.
        let (first, _) = within.next()?;
        let time_ms = newest - first;
        let (bits, packets) = within.fold((0.0, 1), |(bits, packets), (_, more)| (bits + more, packets + 1));
        (time_ms >= TIME_MIN_MS && packets >= PACKETS_MIN).then(|| bits * 1000.0 / time_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_arrivals_and_the_last_moment_follows_at_once() {
        let mut acknowledged = Acknowledged::default();
        for n in 0..100 {
            acknowledged.add(f64::from(n) * 10.0, 10_000.0);
        }
        assert!((acknowledged.rate().unwrap() - 1e6).abs() < 1.0);
        for n in 0..10 {
            acknowledged.add(1000.0 + f64::from(n) * 20.0, 10_000.0);
        }
        assert!(acknowledged.rate().unwrap() > 7e5);
        assert!((acknowledged.rate_now().unwrap() - 5e5).abs() < 1e4);
    }

    #[test]
    fn a_few_packets_are_no_rate() {
        let mut acknowledged = Acknowledged::default();
        acknowledged.add(0.0, 1e4);
        acknowledged.add(1.0, 1e4);
        assert_eq!(acknowledged.rate(), None);
    }
}
