//! The rate by receiver reports alone (RFC 3550, 6.4.1), for another side that neither reports on packets nor tells an estimate of its own.
//!
//! Down when much is lost and up when next to nothing is (draft-ietf-rmcat-gcc-02, 6), and down too when the round trip is much longer
//! than its shortest: a queue without loss. That is coarse: a report covers a second or five.

use std::collections::BTreeMap;
use std::time::Duration;

/// With more lost than this the rate goes down, by this part of the share, ...
const MUCH: f64 = 0.10;
const DOWN_PART: f64 = 0.5;
/// ... with less than this it goes up by so much a second.
const LITTLE: f64 = 0.02;
const GROWTH: f64 = 1.08;
/// It never grows beyond so many times what is sent, and a little.
const AHEAD: f64 = 1.5;
const AHEAD_BPS: f64 = 10_000.0;
/// Fewer packets say nothing.
const PACKETS_MIN: f64 = 20.0;
/// More between two reports were never sent: the numbering began anew.
const PACKETS_MAX: u32 = 20_000;
/// A round trip this much longer than the shortest one holds the rate, ...
const QUEUE_MS: f64 = 40.0;
/// ... and this much longer lowers it, to this share.
const LONG_QUEUE_MS: f64 = 90.0;
const QUEUE_KEPT: f64 = 0.85;
/// The effect of going down is waited for: the round trip and this.
const EFFECT_MS: f64 = 300.0;
/// The longest time between two reports that the rate grows for.
const PASSED_MAX_MS: f64 = 5_000.0;
/// The shortest round trip is that of one or two of these.
const SHORTEST_SPAN_MS: f64 = 30_000.0;
/// A round trip before it was measured, and the longest believed.
const ROUND_TRIP_MS: f64 = 100.0;
const ROUND_TRIP_MAX_MS: f64 = 10_000.0;

/// What a report says of one of our streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reception {
    /// Which.
    pub(crate) ssrc: u32,
    /// The share lost since the last report, in 256ths.
    pub(crate) fraction_lost: u8,
    /// The highest sequence number that came, with its cycles.
    pub(crate) highest: u32,
    /// To there and back, when the report tells.
    pub(crate) round_trip: Option<Duration>,
}

/// See the module. Streams are our own, so there are few.
#[derive(Debug, Default)]
pub(super) struct Reported {
    highest: BTreeMap<u32, u32>,
    packets: f64,
    lost: f64,
    round_trip_ms: Option<f64>,
    shortest_ms: Option<f64>,
    shortest_next_ms: f64,
    turned_ms: f64,
    updated_ms: Option<f64>,
    lowered_ms: Option<f64>,
}

impl Reported {
    /// The rate after these reports, if they say enough. `sent` is what leaves, in bits a second.
    pub(super) fn update(&mut self, now_ms: f64, rate: f64, sent: f64, streams: &[Reception]) -> Option<f64> {
        for stream in streams {
            self.add(now_ms, stream);
        }
        if self.packets < PACKETS_MIN {
            return None;
        }
        let share = (self.lost / self.packets).clamp(0.0, 1.0);
        (self.packets, self.lost) = (0.0, 0.0);
        let passed_ms = (now_ms - self.updated_ms.unwrap_or(now_ms)).clamp(0.0, PASSED_MAX_MS);
        self.updated_ms = Some(now_ms);
        let round_trip_ms = self.round_trip_ms.unwrap_or(ROUND_TRIP_MS);
        let queue_ms = self.shortest_ms.map_or(0.0, |shortest| round_trip_ms - shortest);
        let kept = if share > MUCH {
            1.0 - DOWN_PART * share
        } else if queue_ms > LONG_QUEUE_MS {
            QUEUE_KEPT
        } else if share < LITTLE && queue_ms < QUEUE_MS {
            let grown = rate * GROWTH.powf(passed_ms / 1000.0);
            return Some(grown.min(sent * AHEAD + AHEAD_BPS).max(rate));
        } else {
            return None;
        };
        let waits = self
            .lowered_ms
            .is_some_and(|lowered| now_ms - lowered < round_trip_ms + EFFECT_MS);
        if waits {
            return None;
        }
        self.lowered_ms = Some(now_ms);
        Some(rate * kept)
    }

    fn add(&mut self, now_ms: f64, stream: &Reception) {
        let before = self.highest.insert(stream.ssrc, stream.highest);
        let packets = before.map_or(0, |before| stream.highest.wrapping_sub(before));
        if packets <= PACKETS_MAX {
            self.packets += f64::from(packets);
            self.lost += f64::from(packets) * f64::from(stream.fraction_lost) / 256.0;
        }
        let measured_ms = stream.round_trip.map(|time| time.as_secs_f64() * 1000.0);
        let Some(measured_ms) = measured_ms.filter(|ms| *ms <= ROUND_TRIP_MAX_MS) else {
            return;
        };
        self.round_trip_ms = Some(measured_ms);
        let Some(shortest) = &mut self.shortest_ms else {
            (self.shortest_ms, self.shortest_next_ms, self.turned_ms) =
                (Some(measured_ms), measured_ms, now_ms);
            return;
        };
        *shortest = shortest.min(measured_ms);
        self.shortest_next_ms = self.shortest_next_ms.min(measured_ms);
        if now_ms - self.turned_ms > SHORTEST_SPAN_MS {
            *shortest = self.shortest_next_ms;
            (self.shortest_next_ms, self.turned_ms) = (measured_ms, now_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A minute of a report each second over packets that fill the rate; gives the rate at the end.
    fn after(fraction_lost: u8, round_trip_ms: impl Fn(f64) -> u64) -> f64 {
        let mut reported = Reported::default();
        let mut rate = 1e6;
        let mut highest = 65_000u32;
        for second in 0..60 {
            highest += (rate / 9_600.0) as u32;
            let stream = Reception {
                ssrc: 1,
                fraction_lost,
                highest,
                round_trip: Some(Duration::from_millis(round_trip_ms(rate))),
            };
            let now_ms = f64::from(second) * 1000.0;
            rate = reported.update(now_ms, rate, rate, &[stream]).unwrap_or(rate);
            rate = rate.clamp(1e5, 2.5e6);
        }
        rate
    }

    #[test]
    fn a_way_that_loses_nothing_is_used_more_and_more_and_one_that_loses_much_ever_less() {
        assert_eq!(after(0, |_| 40), 2.5e6);
        assert_eq!(after(12, |_| 40), 1e6, "5 % says neither");
        assert_eq!(after(255, |_| 40), 1e5);
    }

    #[test]
    fn a_queue_without_loss_is_seen_by_the_round_trip() {
        // What is more than 1.5 Mbit/s lies in the queue, a millisecond for each kbit/s.
        let rate = after(0, |rate| 40 + ((rate - 1.5e6).max(0.0) / 1e3) as u64);
        assert!((1.2e6..1.7e6).contains(&rate), "{rate}");
    }

    #[test]
    fn a_few_packets_say_nothing_and_neither_does_a_numbering_that_begins_anew() {
        let mut reported = Reported::default();
        let stream = |highest| Reception {
            ssrc: 1,
            fraction_lost: 255,
            highest,
            round_trip: None,
        };
        let mut update =
            |second, highest| reported.update(f64::from(second) * 1000.0, 1e6, 1e6, &[stream(highest)]);
        assert_eq!(update(0, 5_000), None);
        assert_eq!(update(1, 5_010), None);
        assert_eq!(update(2, 7), None, "backwards");
        assert!(update(3, 40).is_some());
    }

    #[test]
    fn what_is_not_sent_does_not_make_the_rate_grow() {
        let mut reported = Reported::default();
        let mut rate = 1e6;
        for second in 0..60u32 {
            let stream = Reception {
                ssrc: 1,
                fraction_lost: 0,
                highest: second * 50,
                round_trip: None,
            };
            rate = reported
                .update(f64::from(second) * 1000.0, rate, 4e4, &[stream])
                .unwrap_or(rate);
        }
        assert_eq!(rate, 1e6);
    }
}
