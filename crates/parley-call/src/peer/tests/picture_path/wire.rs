//! One direction of a way: a rate with a queue that drops at its end, a delay, loss by chance or in runs. Virtual time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Deterministic random numbers (xorshift64*).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// From zero to one.
    pub(super) fn share(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// What a direction is like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) bps: f64,
    pub(super) delay: Duration,
    /// How long the queue gets.
    pub(super) queue: Duration,
    /// The share that is lost, ...
    pub(super) loss: f64,
    /// ... in runs of so many on average.
    pub(super) run: f64,
    /// From when until when, in milliseconds, it is how much slower.
    pub(super) dip: Option<(u64, u64, f64)>,
}

impl Way {
    /// 20 ms, and a queue of 200 ms, as in the lab.
    pub(super) const fn new(kbps: u32) -> Self {
        Self {
            bps: kbps as f64 * 1e3,
            delay: Duration::from_millis(20),
            queue: Duration::from_millis(200),
            loss: 0.0,
            run: 1.0,
            dip: None,
        }
    }

    /// With a queue of half a second, and only `kbps` between two moments.
    pub(super) const fn dipping(self, from_ms: u64, to_ms: u64, kbps: u32) -> Self {
        Self {
            queue: Duration::from_millis(500),
            dip: Some((from_ms, to_ms, kbps as f64 * 1e3)),
            ..self
        }
    }

    pub(super) const fn losing(self, loss: f64, run: f64) -> Self {
        Self { loss, run, ..self }
    }
}

/// See the module.
pub(super) struct Wire<T> {
    way: Way,
    start: Instant,
    /// When the link is done with everything in its queue.
    free_at: Instant,
    flying: VecDeque<(Instant, T)>,
    losing: bool,
    dice: Dice,
    /// Bytes that came out, and packets that did not for want of room.
    pub(super) bytes: usize,
    pub(super) overflown: u32,
}

impl<T> Wire<T> {
    pub(super) fn new(way: Way, seed: u64, now: Instant) -> Self {
        Self {
            way,
            start: now,
            free_at: now,
            flying: VecDeque::new(),
            losing: false,
            dice: Dice::new(seed),
            bytes: 0,
            overflown: 0,
        }
    }

    pub(super) fn queued(&self, now: Instant) -> Duration {
        self.free_at.saturating_duration_since(now)
    }

    pub(super) fn send(&mut self, now: Instant, bytes: usize, item: T) {
        let chance = self.dice.share();
        self.losing = if self.losing {
            chance < 1.0 - 1.0 / self.way.run
        } else {
            chance < self.way.loss / (self.way.run * (1.0 - self.way.loss))
        };
        let lost = if self.way.run > 1.0 {
            self.losing
        } else {
            chance < self.way.loss
        };
        if lost {
            return;
        }
        let passed_ms = now.saturating_duration_since(self.start).as_millis() as u64;
        let bps = match self.way.dip {
            Some((from_ms, to_ms, bps)) if (from_ms..to_ms).contains(&passed_ms) => bps,
            _ => self.way.bps,
        };
        let takes = Duration::from_secs_f64(bytes as f64 * 8.0 / bps);
        if self.queued(now) + takes > self.way.queue {
            self.overflown += 1;
            return;
        }
        self.free_at = self.free_at.max(now) + takes;
        self.bytes += bytes;
        self.flying.push_back((self.free_at + self.way.delay, item));
    }

    pub(super) fn arrived(&mut self, now: Instant) -> Option<(Instant, T)> {
        let is_there = self.flying.front().is_some_and(|(at, _)| *at <= now);
        if is_there { self.flying.pop_front() } else { None }
    }
}
