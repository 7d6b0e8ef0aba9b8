//! One direction of a cable: packets with times in, packets with times out. Sans-IO, seeded, so that an hour of traffic is
//! a matter of milliseconds.
//!
//! ```text
//! arrive -> down? lost? -> [queue: drop-tail] -> serialise at the rate -> [flight: delay, jitter, late, twice] -> deliver
//! ```

use super::CableSpec;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

/// The queue may always hold this much, however slow the cable is.
const QUEUE_BYTES_MIN: usize = 3000;
/// Lateness is remembered for this many packets.
const LATENESS_MAX: usize = 1 << 20;

/// What happened to packets in one direction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Came in.
    pub arrived: u64,
    /// Came out.
    pub delivered: u64,
    /// Lost on the way, as the cable was told to.
    pub lost: u64,
    /// Found the queue full.
    pub queue_drops: u64,
    /// Came out later than the cable intended, 99th percentile in microseconds: above 5,000 the machine was too busy for
    /// the cable to be believed.
    pub late_us_p99: u32,
}

/// One direction.
#[derive(Debug)]
pub struct Direction {
    spec: CableSpec,
    random: Random,
    queue: VecDeque<(Instant, Vec<u8>)>,
    queue_bytes: usize,
    /// When the wire is done with the packet before.
    free_at: Instant,
    /// The last moment a packet in order comes out.
    in_order_until: Instant,
    in_burst: bool,
    flight: BinaryHeap<Reverse<(Instant, u64, Vec<u8>)>>,
    departures: u64,
    counters: Counters,
    lateness_us: Vec<u32>,
}

impl Direction {
    /// A direction as described, with the same accidents for the same seed.
    #[must_use]
    pub fn new(spec: CableSpec, seed: u64, now: Instant) -> Self {
        Self {
            spec,
            random: Random::new(seed),
            queue: VecDeque::new(),
            queue_bytes: 0,
            free_at: now,
            in_order_until: now,
            in_burst: false,
            flight: BinaryHeap::new(),
            departures: 0,
            counters: Counters::default(),
            lateness_us: Vec::new(),
        }
    }

    /// The cable is like this from now on; what is under way stays so.
    pub fn change(&mut self, spec: CableSpec) {
        self.spec = spec;
    }

    /// A packet comes in.
    pub fn arrive(&mut self, now: Instant, packet: Vec<u8>) {
        self.counters.arrived += 1;
        if self.spec.down || self.is_lost() {
            self.counters.lost += 1;
            return;
        }
        if self.queue_is_full(packet.len()) {
            self.counters.queue_drops += 1;
            return;
        }
        self.queue_bytes += packet.len();
        self.queue.push_back((now, packet));
        self.advance(now);
    }

    /// A packet comes in to which nothing ever happens but the delay, whatever the cable is like.
    pub fn pass_by(&mut self, now: Instant, packet: Vec<u8>) {
        self.counters.arrived += 1;
        self.take_off(now + Duration::from_secs_f64(self.spec.delay_ms / 1e3), packet);
    }

    /// The next packet that is due at `now`, if one is.
    pub fn deliver(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.advance(now);
        if self.flight.peek().is_none_or(|Reverse((due, _, _))| *due > now) {
            return None;
        }
        let Reverse((due, _, packet)) = self.flight.pop()?;
        self.counters.delivered += 1;
        if self.lateness_us.len() < LATENESS_MAX {
            let late_us = now.saturating_duration_since(due).as_micros();
            self.lateness_us.push(u32::try_from(late_us).unwrap_or(u32::MAX));
        }
        Some(packet)
    }

    /// How long what is queued now will take onto the wire; nothing where there is no rate.
    #[must_use]
    pub fn queued(&self) -> Duration {
        self.spec.serialisation(self.queue_bytes)
    }

    /// When something happens next by itself.
    #[must_use]
    pub fn next_event(&self) -> Option<Instant> {
        let departure = self
            .queue
            .front()
            .map(|(arrived, _)| (*arrived).max(self.free_at));
        let delivery = self.flight.peek().map(|Reverse((due, _, _))| *due);
        departure.into_iter().chain(delivery).min()
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut sorted = self.lateness_us.clone();
        sorted.sort_unstable();
        let rank = sorted.len().saturating_sub(1) * 99 / 100;
        Counters {
            late_us_p99: sorted.get(rank).copied().unwrap_or(0),
            ..self.counters.clone()
        }
    }

    fn is_lost(&mut self) -> bool {
        if self.spec.burst_pct > 0.0 {
            self.in_burst = if self.in_burst {
                !self.random.chance(self.spec.unburst_pct)
            } else {
                self.random.chance(self.spec.burst_pct)
            };
        } else {
            self.in_burst = false;
        }
        let lost_pct = if self.in_burst {
            self.spec.bad_pct
        } else {
            self.spec.loss_pct
        };
        self.random.chance(lost_pct)
    }

    fn queue_is_full(&self, bytes: usize) -> bool {
        if self.spec.rate_bps <= 0.0 {
            return false;
        }
        let room = (self.spec.queue_ms / 1e3 * self.spec.rate_bps / 8.0) as usize;
        self.queue_bytes + bytes > room.max(QUEUE_BYTES_MIN)
    }

    /// Puts everything on the wire whose turn has come.
    fn advance(&mut self, now: Instant) {
        while let Some((arrived, _)) = self.queue.front() {
            let start = (*arrived).max(self.free_at);
            if start > now {
                return;
            }
            let Some((_, packet)) = self.queue.pop_front() else {
                return;
            };
            self.queue_bytes -= packet.len();
            self.free_at = start + self.spec.serialisation(packet.len());
            let due = self.travel(self.free_at);
            if self.random.chance(self.spec.twice_pct) {
                self.take_off(due, packet.clone());
            }
            self.take_off(due, packet);
        }
    }

    /// When a packet that left at `left` comes out.
    fn travel(&mut self, left: Instant) -> Instant {
        let jitter_ms = if self.spec.jitter_ms > 0.0 {
            self.random.gauss() * self.spec.jitter_ms
        } else {
            0.0
        };
        let due = left + Duration::from_secs_f64((self.spec.delay_ms + jitter_ms).max(0.0) / 1e3);
        if self.random.chance(self.spec.reorder_pct) {
            return due + Duration::from_secs_f64(self.spec.late_ms / 1e3);
        }
        self.in_order_until = self.in_order_until.max(due);
        self.in_order_until
    }

    fn take_off(&mut self, due: Instant, packet: Vec<u8>) {
        self.departures += 1;
        self.flight.push(Reverse((due, self.departures, packet)));
    }
}

/// Seeded accidents (xorshift64).
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Even between 0 and 1.
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn chance(&mut self, percent: f64) -> bool {
        percent > 0.0 && self.unit() * 100.0 < percent
    }

    /// Normal with mean 0 and deviation 1 (Box and Muller).
    fn gauss(&mut self) -> f64 {
        let (a, b) = (self.unit().max(1e-12), self.unit());
        (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends `count` packets of 1,000 bytes, one every millisecond, and gives what came out: (number, milliseconds under way).
    fn send(spec: &str, count: u32) -> (Vec<(u32, f64)>, Counters) {
        let start = Instant::now();
        let mut direction = Direction::new(spec.parse().unwrap(), 7, start);
        let mut out = Vec::new();
        for tick in 0..count + 5_000 {
            let now = start + Duration::from_millis(u64::from(tick));
            if tick < count {
                let mut packet = vec![0; 1000];
                packet[..4].copy_from_slice(&tick.to_be_bytes());
                direction.arrive(now, packet);
            }
            while let Some(packet) = direction.deliver(now) {
                let number = u32::from_be_bytes(packet[..4].try_into().unwrap());
                out.push((number, f64::from(tick - number)));
            }
        }
        let counters = direction.counters();
        (out, counters)
    }

    #[test]
    fn a_perfect_cable_delivers_everything_at_once() {
        let (out, counters) = send("", 1000);
        assert_eq!(out.len(), 1000);
        assert!(out.iter().all(|(_, ms)| *ms == 0.0));
        assert_eq!(counters.lost + counters.queue_drops, 0);
    }

    #[test]
    fn delay_holds_and_jitter_keeps_the_order() {
        let (out, _) = send("delay=20", 1000);
        assert!(out.iter().all(|(_, ms)| (20.0..=21.0).contains(ms)));
        let (out, _) = send("delay=30,jitter=5", 5000);
        assert!(out.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let mean = out.iter().map(|(_, ms)| ms).sum::<f64>() / out.len() as f64;
        // Staying in order pushes the mean up; packets a millisecond apart wait for the slowest before them.
        assert!((30.0..50.0).contains(&mean), "{mean}");
    }

    #[test]
    fn loss_is_what_was_asked_for() {
        let (out, counters) = send("loss=2", 50_000);
        assert_eq!(out.len() as u64 + counters.lost, 50_000);
        assert!((900..1100).contains(&counters.lost), "{}", counters.lost);
    }

    #[test]
    fn bursts_lose_neighbours() {
        let (out, counters) = send("burst=1,unburst=25", 50_000);
        // One burst per hundred good packets, four packets long: about 4 in 104.
        let share = counters.lost as f64 / 50_000.0;
        assert!((0.03..0.05).contains(&share), "{share}");
        let bursts = out.windows(2).filter(|pair| pair[1].0 - pair[0].0 > 1).count() as f64;
        let length = counters.lost as f64 / bursts;
        assert!((3.0..5.0).contains(&length), "{length}");
    }

    #[test]
    fn in_a_bad_time_some_come_through_and_in_a_good_one_some_do_not() {
        // Half of the time is bad: 60 of 100 are lost then, and 2 of 100 otherwise.
        let (_, counters) = send("burst=10,unburst=10,bad=60,loss=2", 50_000);
        let share = counters.lost as f64 / 50_000.0;
        assert!((0.28..0.34).contains(&share), "{share}");
    }

    #[test]
    fn a_queue_is_as_long_as_the_wire_is_busy_with_it() {
        let start = Instant::now();
        let mut direction = Direction::new("rate=1m,queue=1000".parse().unwrap(), 7, start);
        assert_eq!(direction.queued(), Duration::ZERO);
        for _ in 0..11 {
            direction.arrive(start, vec![0; 1_250]);
        }
        // The first one is on the wire already.
        assert_eq!(direction.queued(), Duration::from_millis(100));
        let _ = direction.deliver(start + Duration::from_millis(60));
        assert!(direction.queued() <= Duration::from_millis(50));
        direction.change("rate=2m,queue=1000".parse().unwrap());
        assert!(direction.queued() <= Duration::from_millis(25));
    }

    #[test]
    fn a_slow_cable_queues_first_and_drops_then() {
        // 8 Mbit/s are offered, 4 pass.
        let (out, counters) = send("rate=4m,queue=100", 10_000);
        assert!((4900..5200).contains(&out.len()), "{}", out.len());
        assert!(counters.queue_drops > 4500);
        let longest = out.iter().map(|(_, ms)| *ms).fold(0.0, f64::max);
        assert!((95.0..110.0).contains(&longest), "{longest}");
    }

    #[test]
    fn late_and_double_packets_come_as_asked() {
        let (out, _) = send("reorder=1,late=15,twice=1", 20_000);
        let doubles = out.len() - 20_000;
        assert!((140..260).contains(&doubles), "{doubles}");
        let late = out.iter().filter(|(_, ms)| *ms >= 15.0).count();
        assert!((140..270).contains(&late), "{late}");
    }

    #[test]
    fn what_passes_by_takes_its_time_and_nothing_else() {
        let start = Instant::now();
        let spec = "rate=100k,delay=20,loss=50,jitter=90,down=1";
        let mut direction = Direction::new(spec.parse().unwrap(), 7, start);
        (0..100).for_each(|_| direction.pass_by(start, vec![0; 1_000]));
        let after = |ms| start + Duration::from_millis(ms);
        assert_eq!(direction.deliver(after(19)), None);
        assert_eq!(std::iter::from_fn(|| direction.deliver(after(20))).count(), 100);
        assert_eq!(direction.counters().lost, 0);
    }

    #[test]
    fn a_cable_that_is_down_passes_nothing() {
        let (out, counters) = send("down=1", 100);
        assert!(out.is_empty());
        assert_eq!(counters.lost, 100);
    }
}
