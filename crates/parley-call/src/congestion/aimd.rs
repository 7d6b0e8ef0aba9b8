//! The rate by delay: up while the way keeps its length, down when a queue grows (draft-ietf-rmcat-gcc-02, 5.5).
//!
//! Upwards by a share a second as long as the link's capacity is unknown, by about a packet a round trip near it. Downwards to a
//! share of what really arrives. Two things are added to the draft: a growing delay counts only when there is a queue
//! ([`Standing`](super::standing::Standing)), so that jitter alone does not bring the rate down; and a long queue is emptied by going
//! lower for as long as it is there, because at 85 % of the capacity a queue of a second takes seven to drain.

use super::trendline::Usage;

/// Growth a second while the capacity is unknown.
const GROWTH: f64 = 1.15;
/// What is kept when a queue grows.
const BACK_OFF: f64 = 0.85;
/// The estimate is never more than this times what arrives, and a little.
const AHEAD: f64 = 1.5;
const AHEAD_BPS: f64 = 10_000.0;
/// A growing delay with less of a queue than this is jitter.
const QUEUE_MIN_MS: f64 = 12.0;
/// The same while there is less to send than might be: such a queue is not ours.
const QUEUE_MIN_IDLE_MS: f64 = 40.0;
/// One longer than this is taken for ours all the same.
const QUEUE_IDLE_OURS_MS: f64 = 100.0;
/// With few packets the shortest way is off by a part of the jitter.
const JITTER_SHARE: f64 = 1.0;
/// A queue longer than this is drained, until it is shorter than that, for so long at most.
const DRAIN_FROM_MS: f64 = 60.0;
const DRAIN_TO_MS: f64 = 25.0;
const DRAIN_MAX_MS: f64 = 4_000.0;
/// A queue that stays as long as that, and longer than this times the jitter, for this time, is drained even if it does not grow.
const LONG_JITTER: f64 = 2.0;
const LONG_MS: f64 = 700.0;
/// The same before the rate ever went down: it is a guess, and what it is too much goes into the queue from the first picture on.
const LONG_FIRST_MS: f64 = 100.0;
/// How much lower the rate is for each second of a queue, and the least.
const DRAIN_PER_MS: f64 = 0.001;
const DRAIN_MIN: f64 = 0.15;
/// After a decrease its effect is waited for: the round trip and this.
const EFFECT_MS: f64 = 150.0;
/// A packet, by which the rate grows in each response time near the capacity; at least this a second.
const PACKET_BITS: f64 = 9_600.0;
const NEAR_MIN_BPS: f64 = 4_000.0;
/// How much of each newer capacity is taken over, and how far off it may be to be the same.
const CAPACITY_SHARE: f64 = 0.05;
const DEVIATIONS: f64 = 3.0;

/// What was measured.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Measured {
    pub(super) usage: Usage,
    /// What arrives, over half a second and over the last moment.
    pub(super) rate: Option<f64>,
    pub(super) rate_now: Option<f64>,
    pub(super) queue_ms: f64,
    pub(super) jitter_ms: f64,
    pub(super) round_trip_ms: f64,
    /// There is less to send than might be.
    pub(super) idle: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Aimd {
    rate: f64,
    capacity: Capacity,
    updated_ms: Option<f64>,
    decreased_ms: f64,
    drain: Option<Drain>,
    /// Since when the queue is so long that it must be drained.
    long_since_ms: Option<f64>,
    /// A queue grew: the rate stays until the way keeps its length.
    hold: bool,
}

#[derive(Debug, Clone, Copy)]
struct Drain {
    since_ms: f64,
    capacity: f64,
}

impl Aimd {
    pub(super) fn new(rate: f64) -> Self {
        Self {
            rate,
            capacity: Capacity::default(),
            updated_ms: None,
            decreased_ms: f64::NEG_INFINITY,
            drain: None,
            long_since_ms: None,
            hold: false,
        }
    }

    pub(super) const fn rate(&self) -> f64 {
        self.rate
    }

    /// When the rate last went down, in our time.
    pub(super) const fn decreased_ms(&self) -> f64 {
        self.decreased_ms
    }

    pub(super) const fn is_draining(&self) -> bool {
        self.drain.is_some()
    }

    /// Whether the rate was brought down to what the link carries, and nothing showed since that it carries more.
    pub(super) const fn is_at_capacity(&self) -> bool {
        self.capacity.bps.is_some()
    }

    /// Something else knows better: a probe, a neighbour, a bound.
    pub(super) fn set(&mut self, rate: f64) {
        self.rate = rate;
        self.drain = None;
    }

    /// A probe found this much.
    pub(super) fn found(&mut self, rate: f64) {
        self.set(rate);
        self.capacity = Capacity::default();
    }

    /// The way carries only this much, and what was sent beyond it lies in its queue.
    pub(super) fn narrow(&mut self, now_ms: f64, capacity: f64) {
        self.capacity.observe(capacity);
        self.rate = capacity * BACK_OFF;
        self.decreased_ms = now_ms;
        self.drain = Some(Drain {
            since_ms: now_ms,
            capacity,
        });
    }

    pub(super) fn update(&mut self, now_ms: f64, measured: Measured) {
        let passed_ms = (now_ms - self.updated_ms.unwrap_or(now_ms)).clamp(0.0, 1000.0);
        self.updated_ms = Some(now_ms);
        let queue_min = if measured.idle {
            QUEUE_MIN_IDLE_MS
        } else {
            QUEUE_MIN_MS
        };
        let queue_min = queue_min.max(measured.jitter_ms * JITTER_SHARE);
        let is_long = measured.queue_ms >= DRAIN_FROM_MS.max(measured.jitter_ms * LONG_JITTER);
        let since_ms = if is_long {
            self.long_since_ms.unwrap_or(now_ms)
        } else {
            now_ms
        };
        self.long_since_ms = is_long.then_some(since_ms);
        // A queue that is full grows no more, and is no better for that.
        let long_ms = if self.decreased_ms == f64::NEG_INFINITY {
            LONG_FIRST_MS
        } else {
            LONG_MS
        };
        let stays = now_ms - since_ms >= long_ms;
        if stays || measured.usage == Usage::Over && measured.queue_ms >= queue_min {
            self.hold = true;
            self.decrease(now_ms, measured);
        } else if measured.usage == Usage::Normal {
            self.hold = false;
        }
        if self.drain.is_some() {
            self.go_on_draining(now_ms, measured);
        } else if !self.hold && !is_long && measured.usage == Usage::Normal {
            self.increase(now_ms, passed_ms, measured);
        }
    }

    fn decrease(&mut self, now_ms: f64, measured: Measured) {
        let Some(rate) = measured.rate else {
            // Nothing is known of what arrives: half of it should. Of so little, its own jitter looks like a queue.
            if measured.idle {
                return;
            }
            if now_ms - self.decreased_ms > measured.round_trip_ms + EFFECT_MS {
                self.rate /= 2.0;
                self.decreased_ms = now_ms;
            }
            return;
        };
        let now = measured.rate_now.unwrap_or(rate);
        let arrives = if measured.queue_ms > DRAIN_FROM_MS {
            now.min(rate)
        } else {
            rate
        };
        let is_soon = now_ms - self.decreased_ms < measured.round_trip_ms + EFFECT_MS;
        let is_idle = measured.idle && measured.queue_ms < QUEUE_IDLE_OURS_MS;
        if is_soon && (is_idle || arrives > self.rate * 0.5) {
            return;
        }
        self.decreased_ms = now_ms;
        if is_idle {
            // What arrives is what was sent, and says nothing of what could be.
            self.rate *= BACK_OFF;
            return;
        }
        self.capacity.observe(arrives);
        if measured.queue_ms > DRAIN_FROM_MS {
            self.drain.get_or_insert(Drain {
                since_ms: now_ms,
                capacity: arrives,
            });
        }
        let lower = arrives * BACK_OFF;
        if lower < self.rate {
            self.rate = lower;
        } else if let Some(capacity) = self.capacity.bps {
            self.rate = self.rate.min(capacity * BACK_OFF);
        }
    }

    fn go_on_draining(&mut self, now_ms: f64, measured: Measured) {
        let Some(drain) = &mut self.drain else {
            return;
        };
        // While there is a queue, what arrives is what the link carries.
        if let Some(arrives) = measured.rate_now
            && measured.queue_ms > DRAIN_FROM_MS
        {
            drain.capacity = drain.capacity * 0.7 + arrives * 0.3;
        }
        let share = (BACK_OFF - (measured.queue_ms - DRAIN_TO_MS) * DRAIN_PER_MS).clamp(DRAIN_MIN, BACK_OFF);
        self.rate = drain.capacity * share;
        let is_done = measured.queue_ms < DRAIN_TO_MS || now_ms - drain.since_ms > DRAIN_MAX_MS;
        if is_done {
            self.rate = drain.capacity * BACK_OFF;
            self.drain = None;
        }
    }

    fn increase(&mut self, now_ms: f64, passed_ms: f64, measured: Measured) {
        if measured
            .rate
            .is_some_and(|rate| self.capacity.is_exceeded_by(rate))
        {
            self.capacity = Capacity::default();
        }
        let grown = if self.capacity.bps.is_some() {
            let response_s = (measured.round_trip_ms + 100.0) / 1000.0;
            let a_second = (PACKET_BITS / response_s).max(NEAR_MIN_BPS);
            self.rate + a_second * passed_ms / 1000.0
        } else {
            self.rate * GROWTH.powf(passed_ms / 1000.0)
        };
        // Right after a decrease, what arrives is still less than what leaves.
        let cap = match measured.rate {
            Some(rate) if !measured.idle => rate * AHEAD + AHEAD_BPS,
            _ => self.rate,
        };
        if grown > self.rate && self.rate < cap && now_ms > self.decreased_ms {
            self.rate = grown.min(cap);
        }
    }
}

/// What the link carried each time a queue grew, with its deviation (draft-ietf-rmcat-gcc-02, 5.5).
#[derive(Debug, Clone, Copy, Default)]
struct Capacity {
    bps: Option<f64>,
    /// Square of the deviation, as a share of the rate and in kbit/s.
    deviation: f64,
}

impl Capacity {
    fn observe(&mut self, bps: f64) {
        let Some(before) = self.bps else {
            (self.bps, self.deviation) = (Some(bps), 0.4);
            return;
        };
        let off = (before - bps) / 1000.0;
        self.deviation = ((1.0 - CAPACITY_SHARE) * self.deviation
            + CAPACITY_SHARE * off * off / (before / 1000.0).max(1.0))
        .clamp(0.4, 2.5);
        let spread = self.spread(before);
        self.bps = Some(if (bps - before).abs() > spread {
            // Another link, or another share of it.
            bps
        } else {
            before + CAPACITY_SHARE * (bps - before)
        });
    }

    fn spread(&self, bps: f64) -> f64 {
        DEVIATIONS * (self.deviation * (bps / 1000.0).max(1.0)).sqrt() * 1000.0
    }

    fn is_exceeded_by(&self, bps: f64) -> bool {
        self.bps
            .is_some_and(|capacity| bps > capacity + self.spread(capacity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(usage: Usage, rate: f64, queue_ms: f64) -> Measured {
        Measured {
            usage,
            rate: Some(rate),
            rate_now: Some(rate),
            queue_ms,
            jitter_ms: 0.0,
            round_trip_ms: 50.0,
            idle: false,
        }
    }

    #[test]
    fn it_grows_while_all_is_well_and_no_further_than_what_arrives_shows() {
        let mut aimd = Aimd::new(1e6);
        for n in 0..100 {
            aimd.update(f64::from(n) * 100.0, measured(Usage::Normal, 1e6, 0.0));
        }
        assert!((aimd.rate() - 1.51e6).abs() < 1e3, "{}", aimd.rate());
    }

    #[test]
    fn a_queue_brings_it_below_what_arrives_and_a_long_one_lower_until_it_is_gone() {
        let mut aimd = Aimd::new(2e6);
        aimd.update(0.0, measured(Usage::Over, 1e6, 30.0));
        assert!((aimd.rate() - 0.85e6).abs() < 1.0);
        let mut aimd = Aimd::new(2e6);
        aimd.update(0.0, measured(Usage::Over, 1e6, 800.0));
        assert!(aimd.rate() < 0.3e6, "{}", aimd.rate());
        aimd.update(1000.0, measured(Usage::Normal, 1e6, 10.0));
        assert!((aimd.rate() - 0.85e6).abs() < 1.0, "{}", aimd.rate());
    }

    #[test]
    fn one_who_sends_little_does_not_fall_to_what_they_send() {
        let mut aimd = Aimd::new(2e6);
        let idle = Measured {
            idle: true,
            ..measured(Usage::Over, 6e4, 50.0)
        };
        aimd.update(0.0, idle);
        aimd.update(100.0, idle);
        assert!(
            (aimd.rate() - 1.7e6).abs() < 1.0,
            "once in a while: {}",
            aimd.rate()
        );
    }

    #[test]
    fn a_growing_delay_without_a_queue_is_jitter() {
        let mut aimd = Aimd::new(2e6);
        aimd.update(0.0, measured(Usage::Over, 1e6, 3.0));
        assert_eq!(aimd.rate(), 2e6);
    }
}
