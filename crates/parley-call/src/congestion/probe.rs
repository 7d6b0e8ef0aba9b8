//! Probes: a few packets at more than the present rate, and how fast they arrive shows what else the way carries.
//!
//! When: two at the start, again at twice what was found while more is found, after the ceiling rose, and now and then while the way
//! is calm, also after a decrease and while there is little to send. Growth by a share a second alone needs half a minute for what a
//! probe finds in two round trips (the idea of packet trains: Jain and Dovrolis, "Pathload", 2002; clusters as in libwebrtc).

use std::collections::VecDeque;

/// Multiples of the first rate that are probed at the start.
const AT_START: [f64; 2] = [3.0, 6.0];
/// How much more the next one tries once one found more, ...
const FURTHER: f64 = 2.0;
/// ... which is when it arrived at no less than this share of its rate.
const FOUND: f64 = 0.7;
/// A probe lasts this long, and has so many bits at least: four packets.
const LASTS_MS: f64 = 15.0;
const BITS_MIN: f64 = 4.0 * 9_600.0;
/// The first one is filled up to less: the rate that it is a multiple of is a guess, and on a narrow way the first sound waits behind it.
const FIRST_LASTS_MS: f64 = 9.0;
/// One that cannot be filled up may be shorter, down to this share.
const SHORTEST: f64 = 0.5;
/// Waits between the probes of a calm way: at first, and after each that found nothing more, up to a last.
const WAIT_MS: f64 = 2_000.0;
const WAIT_FACTOR: f64 = 1.5;
const WAIT_MAX_MS: f64 = 5_000.0;
/// The way must be calm for this long.
const CALM_MS: f64 = 800.0;
/// A probe that was not heard of in this time is forgotten.
const FORGOTTEN_MS: f64 = 2_000.0;
/// So much of it must have arrived.
const ARRIVED_MIN: f64 = 0.8;
const PACKETS_MIN: usize = 3;
/// Packets of one probe looked at.
const PACKETS_MAX: usize = 256;
/// Arriving slower than it left by this share shows the capacity, of which so much is used.
const SATURATED: f64 = 0.9;
const USED: f64 = 0.95;
/// What the first probe shows is believed also when it is less than the first rate, which is a guess: from so many bits on.
const NARROW_BITS_MIN: f64 = 30_000.0;
/// Packets left together when that took no more than this share of the time of their arrivals, and that no less than so long.
const TOGETHER: f64 = 0.5;
const TOGETHER_MIN_MS: f64 = 20.0;
/// Arriving faster than it left by this factor, something held it and let it go.
const HELD: f64 = 2.0;

/// Packets to be sent at a rate, with padding as far as there is nothing else.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ProbeCluster {
    /// By this its packets are told from others.
    pub(crate) id: u32,
    /// Bits a second.
    pub(crate) bps: f64,
    /// How much, in bytes.
    pub(crate) bytes: usize,
}

#[derive(Debug)]
struct Running {
    cluster: ProbeCluster,
    since_ms: f64,
    seen: Vec<(f64, f64, f64)>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Probes {
    next_id: u32,
    /// Rates to probe next.
    planned: VecDeque<f64>,
    running: Option<Running>,
    /// Whether one was heard of.
    heard: bool,
    /// The last one arrived slower than it left.
    full: bool,
    /// What the first one showed, when that is less than the first rate.
    narrow: Option<f64>,
    ended_ms: f64,
    wait_ms: f64,
    calm_since_ms: Option<f64>,
}

impl Probes {
    /// With the rate the connection starts with.
    pub(super) fn new(start: f64) -> Self {
        Self {
            planned: AT_START.into_iter().map(|times| start * times).collect(),
            wait_ms: WAIT_MS,
            ..Self::default()
        }
    }

    /// There may be more than before: half way and all the way are probed.
    pub(super) fn raised(&mut self, rate: f64, max: f64) {
        self.planned.clear();
        self.planned.extend([(rate * FURTHER).min(max), max]);
    }

    /// Another way: what was under way says nothing of it, and what it carries beyond `rate` is probed first.
    pub(super) fn rerouted(&mut self, now_ms: f64, rate: f64) {
        self.disturbed();
        self.running = None;
        self.full = false;
        self.ended_ms = now_ms;
        self.planned.push_back(rate * FURTHER);
    }

    /// Queues shrink or grow: nothing is to be learned by probing, and what is planned would only make them longer.
    pub(super) fn disturbed(&mut self) {
        self.calm_since_ms = None;
        self.planned.clear();
        self.wait_ms = WAIT_MS;
    }

    /// The next one, if it is time. `rate` is the present target. `at_hand`: there is nothing to fill it up with, only so many bytes
    /// that wait anyway, so it is as long as they reach, or waits for more of them.
    pub(super) fn next(
        &mut self,
        now_ms: f64,
        rate: f64,
        max: f64,
        is_calm: bool,
        at_hand: Option<usize>,
    ) -> Option<ProbeCluster> {
        if self
            .running
            .as_ref()
            .is_some_and(|running| now_ms - running.since_ms > FORGOTTEN_MS)
        {
            self.running = None;
            self.ended_ms = now_ms;
        }
        if !is_calm {
            self.calm_since_ms = None;
        }
        let calm_ms = now_ms - *self.calm_since_ms.get_or_insert(now_ms);
        if self.running.is_some() || rate >= max {
            return None;
        }
        let waited = now_ms - self.ended_ms >= self.wait_ms;
        if self.planned.is_empty() && is_calm && calm_ms >= CALM_MS && waited {
            self.planned.push_back(rate * FURTHER);
        }
        let bps = loop {
            let bps = self.planned.front()?.min(max);
            // What is there already needs no probe.
            if bps > rate * 1.05 {
                break bps;
            }
            self.planned.pop_front();
        };
        let is_filled = at_hand.is_none();
        let lasts_ms = if self.heard || !is_filled {
            LASTS_MS
        } else {
            FIRST_LASTS_MS
        };
        let mut bits = (bps * lasts_ms / 1000.0).max(BITS_MIN);
        if let Some(bytes) = at_hand {
            let there = bytes as f64 * 8.0;
            if there < BITS_MIN.max(bits * SHORTEST) {
                return None;
            }
            bits = bits.min(there);
        }
        self.planned.pop_front();
        self.next_id = self.next_id.wrapping_add(1);
        let cluster = ProbeCluster {
            id: self.next_id,
            bps,
            bytes: (bits / 8.0) as usize,
        };
        self.running = Some(Running {
            cluster,
            since_ms: now_ms,
            seen: Vec::new(),
        });
        Some(cluster)
    }

    /// A packet of a probe arrived.
    pub(super) fn add(&mut self, id: u32, sent_ms: f64, arrived_ms: f64, bits: f64) {
        if let Some(running) = &mut self.running
            && running.cluster.id == id
            && running.seen.len() < PACKETS_MAX
        {
            running.seen.push((sent_ms, arrived_ms, bits));
        }
    }

    /// Whether the last one showed the end of what the way carries.
    pub(super) const fn is_full(&self) -> bool {
        self.full
    }

    /// Whether one was heard of, and so something is known of the way.
    pub(super) const fn is_heard(&self) -> bool {
        self.heard
    }

    /// What the way carries, once, when the first probe showed that it is less than the first rate.
    pub(super) const fn take_narrow(&mut self) -> Option<f64> {
        self.narrow.take()
    }

    /// What the present probe found, once enough of it arrived; plans the next one when that was more than `rate`.
    pub(super) fn found(&mut self, now_ms: f64, rate: f64, max: f64) -> Option<f64> {
        let running = self.running.as_ref()?;
        let bits: f64 = running.seen.iter().map(|(_, _, bits)| bits).sum();
        if running.seen.len() < PACKETS_MIN || bits < running.cluster.bytes as f64 * 8.0 * ARRIVED_MIN {
            return None;
        }
        let found = measure(&running.seen);
        let probed = running.cluster.bps;
        self.full = found.map_or(self.full, |found| found < probed * SATURATED);
        if found.is_some_and(|found| found < probed * FOUND) {
            // The way is full at less: what was to be tried at more would only lie in its queue.
            self.planned.clear();
        }
        if !std::mem::replace(&mut self.heard, true) && bits >= NARROW_BITS_MIN {
            self.narrow = arriving(&running.seen).filter(|came| *came < rate * SATURATED);
        }
        self.running = None;
        self.ended_ms = now_ms;
        let found = found.filter(|found| *found > rate).map(|found| found.min(max));
        match found {
            Some(found) if found > rate * 1.1 => self.wait_ms = WAIT_MS,
            _ => self.wait_ms = (self.wait_ms * WAIT_FACTOR).min(WAIT_MAX_MS),
        }
        if let Some(found) = found
            && found >= probed * FOUND
            && found < max
            && self.planned.is_empty()
        {
            self.planned.push_back((found * FURTHER).min(max));
        }
        found
    }
}

/// Bits a second at which packets arrived that had left together, unless they did not.
fn arriving(seen: &[(f64, f64, f64)]) -> Option<f64> {
    let span = |of: fn(&(f64, f64, f64)) -> f64| {
        let times = seen.iter().map(of);
        times.clone().fold(f64::NEG_INFINITY, f64::max) - times.fold(f64::INFINITY, f64::min)
    };
    let (left_ms, came_ms) = (span(|seen| seen.0), span(|seen| seen.1));
    let first = seen.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let bits = seen.iter().map(|(_, _, bits)| bits).sum::<f64>() - first.2;
    (came_ms >= TOGETHER_MIN_MS && left_ms <= came_ms * TOGETHER).then(|| bits * 1000.0 / came_ms)
}

/// Bits a second of a cluster that arrived, unless its times are no good.
fn measure(seen: &[(f64, f64, f64)]) -> Option<f64> {
    let mut sent = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
    let mut arrived = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
    let mut bits = 0.0;
    for (sent_ms, arrived_ms, more) in seen {
        bits += more;
        // The last one that left takes no time of the sending, the first one that came none of the arriving.
        if *sent_ms >= sent.1 {
            (sent.1, sent.2) = (*sent_ms, *more);
        }
        sent.0 = sent.0.min(*sent_ms);
        if *arrived_ms < arrived.0 {
            (arrived.0, arrived.2) = (*arrived_ms, *more);
        }
        arrived.1 = arrived.1.max(*arrived_ms);
    }
    let rate = |(first, last, not_counted): (f64, f64, f64)| {
        let time_ms = last - first;
        (1.0..1000.0)
            .contains(&time_ms)
            .then(|| (bits - not_counted) * 1000.0 / time_ms)
    };
    let (left, came) = (rate(sent)?, rate(arrived)?);
    if came > left * HELD {
        return None;
    }
    Some(if came < left * SATURATED {
        came * USED
    } else {
        left.min(came)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends what is asked for over a link of `capacity` and gives what is found in the end.
    fn found(start: f64, capacity: f64, max: f64) -> f64 {
        let mut probes = Probes::new(start);
        let mut rate = start;
        for n in 0..100 {
            let now = f64::from(n) * 100.0;
            if let Some(cluster) = probes.next(now, rate, max, true, None) {
                for k in 0..cluster.bytes.div_ceil(1200) {
                    let at = |bps: f64| now + k as f64 * 9_600_000.0 / bps;
                    probes.add(
                        cluster.id,
                        at(cluster.bps),
                        40.0 + at(capacity.min(cluster.bps)),
                        9_600.0,
                    );
                }
            }
            rate = probes.found(now + 90.0, rate, max).unwrap_or(rate);
        }
        rate
    }

    #[test]
    fn what_the_way_carries_is_found_and_nothing_above_the_ceiling() {
        let three = found(3e5, 3e6, 1e7);
        assert!((2.7e6..3.0e6).contains(&three), "{three}");
        let ceiling = found(3e5, 1e8, 2e6);
        assert!((1.85e6..=2e6).contains(&ceiling), "{ceiling}");
        let narrow = found(3e5, 3.2e5, 1e7);
        assert!(narrow < 3.2e5, "{narrow}");
    }

    #[test]
    fn a_first_rate_that_is_more_than_the_way_carries_is_seen_from_the_first_probe_alone() {
        let mut probes = Probes::new(1.4e6);
        for (probe, expect) in [(0, true), (1, false)] {
            let now = f64::from(probe) * 6_000.0;
            let cluster = probes.next(now, 1.4e6, 2.8e6, true, None).unwrap();
            for k in 0..10 {
                let at = |bps: f64| now + f64::from(k) * 9_600_000.0 / bps;
                probes.add(cluster.id, at(cluster.bps), 40.0 + at(1e6), 9_600.0);
            }
            assert_eq!(probes.found(now + 100.0, 1.4e6, 2.8e6), None);
            let narrow = probes.take_narrow();
            assert_eq!(narrow.is_some(), expect);
            assert!(narrow.is_none_or(|bps| (bps - 1e6).abs() < 1.0), "{narrow:?}");
        }
    }

    #[test]
    fn the_first_probe_puts_no_more_into_the_way_than_it_must() {
        let mut probes = Probes::new(1.4e6);
        let first = probes.next(0.0, 1.4e6, 1e7, true, None).unwrap();
        assert!(first.bytes <= 4_800, "160 ms of 240 kbit/s: {first:?}");
        for k in 0..4 {
            let at = f64::from(k) * 9_600_000.0 / first.bps;
            probes.add(first.id, at, 40.0 + at, 9_600.0);
        }
        let found = probes.found(100.0, 1.4e6, 1e7).unwrap();
        let second = probes.next(200.0, found, 1e7, true, None).unwrap();
        assert!(second.bytes > 15_000, "{second:?}");
    }

    #[test]
    fn what_was_held_and_let_go_at_once_says_nothing() {
        assert_eq!(
            measure(&[(0.0, 0.0, 1e4), (10.0, 1.0, 1e4), (20.0, 2.0, 1e4)]),
            None
        );
    }

    #[test]
    fn a_probe_that_is_never_heard_of_is_forgotten() {
        let mut probes = Probes::new(1e6);
        assert!(probes.next(0.0, 1e6, 1e7, true, None).is_some());
        assert!(probes.next(100.0, 1e6, 1e7, true, None).is_none());
        assert!(probes.next(2_100.0, 1e6, 1e7, true, None).is_some());
    }

    #[test]
    fn without_filling_it_waits_for_what_is_there_anyway() {
        let mut probes = Probes::new(1e6);
        // 3 Mbit/s for 15 ms are 5,625 bytes.
        assert!(probes.next(0.0, 1e6, 1e7, true, Some(4_000)).is_none());
        let short = probes.next(10.0, 1e6, 1e7, true, Some(5_000)).unwrap();
        assert_eq!((short.bps, short.bytes), (3e6, 5_000));
    }

    #[test]
    fn another_way_is_probed_first_and_what_was_under_way_is_forgotten() {
        let mut probes = Probes::new(1e6);
        let old = probes.next(0.0, 1e6, 1e7, true, None).unwrap();
        probes.rerouted(50.0, 1e6);
        let new = probes.next(60.0, 1e6, 1e7, false, None).unwrap();
        assert_eq!(new.bps, 2e6);
        for n in 0..10 {
            probes.add(old.id, f64::from(n), f64::from(n) + 20.0, 9_600.0);
        }
        assert_eq!(probes.found(100.0, 1e6, 1e7), None);
    }
}
