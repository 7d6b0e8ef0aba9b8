//! How long the queue in the way is: how much longer the shortest of the last ways is than the shortest of a long time.
//!
//! A growing delay alone cannot tell a queue from jitter. Jitter leaves some packets alone, a queue none, so the minimum over a
//! short time shows the queue (the "standing queue" of CoDel, RFC 8289, 3.2, and of Copa, Arun and Balakrishnan, NSDI 2018).

use std::collections::VecDeque;

/// Over this the shortest way is looked for.
const SHORT_MS: f64 = 150.0;
/// The empty way is the shortest since between one and two of these: ways change, and clocks drift.
const LONG_MS: f64 = 15_000.0;
/// How much of each newer distance from the shortest way is taken over: a few hundred packets.
const JITTER_SHARE: f64 = 0.004;
/// Ways kept at most.
const WAYS_MAX: usize = 256;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Standing {
    ways: VecDeque<(f64, f64)>,
    base_ms: Option<f64>,
    base_next_ms: f64,
    turned_ms: f64,
    newest_ms: f64,
    jitter_ms: f64,
}

impl Standing {
    /// A packet came at `arrived_ms` of the other side's clock after `way_ms` (with an unknown constant in it). Time is that of
    /// the arrivals: when a link slows down, few departures fill much time.
    pub(super) fn add(&mut self, arrived_ms: f64, way_ms: f64) {
        self.newest_ms = self.newest_ms.max(arrived_ms);
        let arrived_ms = self.newest_ms;
        // A monotonic queue: only what is shorter than everything later is kept.
        while self.ways.back().is_some_and(|(_, later)| *later >= way_ms) {
            self.ways.pop_back();
        }
        self.ways.push_back((arrived_ms, way_ms));
        while self.ways.len() > WAYS_MAX
            || self
                .ways
                .front()
                .is_some_and(|(at, _)| *at < arrived_ms - SHORT_MS)
        {
            self.ways.pop_front();
        }
        if let Some((_, shortest)) = self.ways.front() {
            self.jitter_ms += JITTER_SHARE * (way_ms - shortest - self.jitter_ms);
        }
        let Some(base) = &mut self.base_ms else {
            (self.base_ms, self.base_next_ms, self.turned_ms) = (Some(way_ms), way_ms, arrived_ms);
            return;
        };
        *base = base.min(way_ms);
        self.base_next_ms = self.base_next_ms.min(way_ms);
        if arrived_ms - self.turned_ms > LONG_MS {
            *base = self.base_next_ms;
            self.base_next_ms = way_ms;
            self.turned_ms = arrived_ms;
        }
    }

    /// How far ways are from the shortest one of their time on average, over some seconds.
    pub(super) const fn jitter_ms(&self) -> f64 {
        self.jitter_ms
    }

    /// The queue in milliseconds.
    pub(super) fn queue_ms(&self) -> f64 {
        match (self.ways.front(), self.base_ms) {
            (Some((_, shortest)), Some(base)) => (shortest - base).max(0.0),
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_no_queue_and_a_queue_is_seen_through_jitter() {
        let mut standing = Standing::default();
        let jitter = |n: u32| f64::from(n * 37 % 100);
        for n in 0..500 {
            standing.add(f64::from(n) * 5.0, 70.0 + jitter(n));
        }
        assert!(standing.queue_ms() < 20.0);
        for n in 500..600 {
            standing.add(f64::from(n) * 5.0, 170.0 + jitter(n));
        }
        assert!((100.0..125.0).contains(&standing.queue_ms()));
    }

    #[test]
    fn a_way_that_became_longer_for_good_is_the_empty_one_in_the_end() {
        let mut standing = Standing::default();
        for n in 0..10_000 {
            standing.add(f64::from(n) * 5.0, if n < 100 { 20.0 } else { 90.0 });
        }
        assert_eq!(standing.queue_ms(), 0.0);
    }
}
