//! A bottleneck: a rate that changes, a queue with an end, propagation, jitter, loss. Times are milliseconds.

use std::collections::VecDeque;

/// Deterministic random numbers (xorshift64*).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// From zero to one.
    pub(super) fn share(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// What a link is like.
#[derive(Clone)]
pub(super) struct Way {
    /// From when on it carries how many bits a second.
    pub(super) capacity: Vec<(f64, f64)>,
    /// One way, without the queue.
    pub(super) delay_ms: f64,
    /// How long the queue gets before its end drops.
    pub(super) queue_ms: f64,
    /// The share lost at random behind the queue, ...
    pub(super) loss: f64,
    /// ... in runs of this many on average.
    pub(super) burst: f64,
    /// At most this more, evenly.
    pub(super) jitter_ms: f64,
    /// Whether packets may overtake each other by it.
    pub(super) reorders: bool,
    /// This share of the packets comes so many milliseconds late, and is overtaken.
    pub(super) late: (f64, f64),
    /// From when until when nothing gets through.
    pub(super) outage: Option<(f64, f64)>,
}

impl Way {
    pub(super) fn new(kbps: f64, delay_ms: f64) -> Self {
        Self {
            capacity: vec![(0.0, kbps * 1000.0)],
            delay_ms,
            queue_ms: 200.0,
            loss: 0.0,
            burst: 1.0,
            jitter_ms: 0.0,
            reorders: false,
            late: (0.0, 0.0),
            outage: None,
        }
    }

    pub(super) fn bps(&self, now: f64) -> f64 {
        self.capacity
            .iter()
            .rev()
            .find(|(from, _)| *from <= now)
            .map_or(1.0, |(_, bps)| *bps)
    }
}

/// A packet under way.
pub(super) struct Packet<T> {
    pub(super) bits: f64,
    pub(super) item: T,
}

/// See the module.
pub(super) struct Link<T> {
    pub(super) way: Way,
    queue: VecDeque<Packet<T>>,
    queued_bits: f64,
    /// When the first of the queue has left it.
    done_ms: Option<f64>,
    flying: Vec<(f64, T)>,
    last_ms: f64,
    losing: bool,
    dice: Dice,
}

impl<T> Link<T> {
    pub(super) fn new(way: Way, seed: u64) -> Self {
        Self {
            way,
            queue: VecDeque::new(),
            queued_bits: 0.0,
            done_ms: None,
            flying: Vec::new(),
            last_ms: 0.0,
            losing: false,
            dice: Dice::new(seed),
        }
    }

    pub(super) fn queue_ms(&self, now: f64) -> f64 {
        self.queued_bits * 1000.0 / self.way.bps(now)
    }

    pub(super) fn send(&mut self, now: f64, bits: f64, item: T) {
        // The end of the queue holds at least a few packets.
        let room = (self.way.queue_ms * self.way.bps(now) / 1000.0).max(36_000.0);
        if self.queued_bits + bits > room {
            return;
        }
        self.queued_bits += bits;
        self.queue.push_back(Packet { bits, item });
        if self.done_ms.is_none() {
            self.done_ms = Some(now + bits * 1000.0 / self.way.bps(now));
        }
    }

    /// What arrived by `now`, each with its time.
    pub(super) fn arrived(&mut self, now: f64) -> Vec<(f64, T)> {
        while let Some(done) = self.done_ms
            && done <= now
        {
            let Some(packet) = self.queue.pop_front() else {
                break;
            };
            self.queued_bits -= packet.bits;
            self.done_ms = self
                .queue
                .front()
                .map(|next| done + next.bits * 1000.0 / self.way.bps(done));
            self.losing = if self.losing {
                self.dice.share() < 1.0 - 1.0 / self.way.burst
            } else {
                self.dice.share() < self.way.loss / (self.way.burst * (1.0 - self.way.loss))
            };
            let is_lost = if self.way.burst > 1.0 {
                self.losing
            } else {
                self.dice.share() < self.way.loss
            };
            let at = done + self.way.delay_ms + self.dice.share() * self.way.jitter_ms;
            let at = if self.way.reorders {
                at
            } else {
                at.max(self.last_ms)
            };
            self.last_ms = self.last_ms.max(at);
            let is_late = self.way.late.0 > 0.0 && self.dice.share() < self.way.late.0;
            let at = if is_late { at + self.way.late.1 } else { at };
            let is_out = self
                .way
                .outage
                .is_some_and(|(from, to)| (from..to).contains(&done));
            if !is_lost && !is_out {
                self.flying.push((at, packet.item));
            }
        }
        let mut arrived: Vec<_> = self.flying.extract_if(.., |(at, _)| *at <= now).collect();
        arrived.sort_by(|a, b| a.0.total_cmp(&b.0));
        arrived
    }
}
