//! Packets that left together, and how much later than sent apart they arrived (draft-ietf-rmcat-gcc-02, 5.2 and 5.3).
//!
//! A pacer sends in bursts, and links with grants (radio, cable) deliver in bursts. Neither tells of a queue, so what left
//! within 5 ms is one group, and so is what arrived at once although it was sent over a longer time.

/// What leaves within this belongs together; so does what arrives within this of its forerunner, having been sent later.
const BURST_MS: f64 = 5.0;
/// No group is longer than this, however fast it arrived.
const GROUP_MAX_MS: f64 = 100.0;
/// Groups that arrive before their forerunners, after which all begins anew: the other side's clock was set.
const BACKWARDS_MAX: u8 = 3;

#[derive(Debug, Clone, Copy)]
struct Group {
    first_sent_ms: f64,
    last_sent_ms: f64,
    first_arrived_ms: f64,
    last_arrived_ms: f64,
}

/// Between two groups.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Gap {
    /// When the later one was complete, in the other side's time.
    pub(super) arrived_ms: f64,
    /// Time between their departures, always more than zero.
    pub(super) sent_apart_ms: f64,
    /// Time between their arrivals.
    pub(super) arrived_apart_ms: f64,
}

impl Gap {
    /// How much the way grew (draft-ietf-rmcat-gcc-02, 5.2: inter-group delay variation).
    pub(super) fn delay_ms(&self) -> f64 {
        self.arrived_apart_ms - self.sent_apart_ms
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Groups {
    before: Option<Group>,
    current: Option<Group>,
    backwards: u8,
}

impl Groups {
    /// The next packet that arrived, in the order of sending. Gives a gap when it completes a group that had a forerunner.
    pub(super) fn add(&mut self, sent_ms: f64, arrived_ms: f64) -> Option<Gap> {
        let Some(current) = &mut self.current else {
            self.current = Some(Group::of(sent_ms, arrived_ms));
            return None;
        };
        if sent_ms < current.first_sent_ms {
            return None;
        }
        if current.takes(sent_ms, arrived_ms) {
            current.last_sent_ms = current.last_sent_ms.max(sent_ms);
            current.last_arrived_ms = current.last_arrived_ms.max(arrived_ms);
            return None;
        }
        let complete = *current;
        *current = Group::of(sent_ms, arrived_ms);
        let before = self.before.replace(complete)?;
        let gap = Gap {
            arrived_ms: complete.last_arrived_ms,
            sent_apart_ms: complete.last_sent_ms - before.last_sent_ms,
            arrived_apart_ms: complete.last_arrived_ms - before.last_arrived_ms,
        };
        if gap.arrived_apart_ms < 0.0 {
            self.backwards += 1;
            if self.backwards >= BACKWARDS_MAX {
                *self = Self::default();
            }
            return None;
        }
        self.backwards = 0;
        (gap.sent_apart_ms > 0.0).then_some(gap)
    }
}

impl Group {
    const fn of(sent_ms: f64, arrived_ms: f64) -> Self {
        Self {
            first_sent_ms: sent_ms,
            last_sent_ms: sent_ms,
            first_arrived_ms: arrived_ms,
            last_arrived_ms: arrived_ms,
        }
    }

    fn takes(&self, sent_ms: f64, arrived_ms: f64) -> bool {
        if sent_ms - self.first_sent_ms <= BURST_MS {
            return true;
        }
        let sent_apart = sent_ms - self.last_sent_ms;
        let arrived_apart = arrived_ms - self.last_arrived_ms;
        (-GROUP_MAX_MS..=BURST_MS).contains(&arrived_apart)
            && arrived_apart < sent_apart
            && arrived_ms - self.first_arrived_ms < GROUP_MAX_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(packets: &[(f64, f64)]) -> Vec<f64> {
        let mut groups = Groups::default();
        packets
            .iter()
            .filter_map(|(sent, arrived)| groups.add(*sent, *arrived))
            .map(|gap| gap.delay_ms())
            .collect()
    }

    #[test]
    fn a_steady_way_does_not_grow() {
        let packets: Vec<_> = (0..10)
            .map(|n| (f64::from(n) * 20.0, f64::from(n) * 20.0 + 50.0))
            .collect();
        assert_eq!(gaps(&packets), [0.0; 8]);
    }

    #[test]
    fn what_left_together_is_one_group() {
        let packets = [(0.0, 50.0), (2.0, 60.0), (4.0, 70.0), (20.0, 80.0), (40.0, 90.0)];
        // The first group's end is 4 -> 70, the second's 20 -> 80.
        assert_eq!(gaps(&packets), [-6.0]);
    }

    #[test]
    fn a_clock_that_was_set_back_begins_anew() {
        let mut packets: Vec<_> = (0..10)
            .map(|n| (f64::from(n) * 20.0, 1e9 + f64::from(n) * 20.0))
            .collect();
        packets.extend((10..40).map(|n| (f64::from(n) * 20.0, f64::from(n) * 20.0)));
        let gaps = gaps(&packets);
        assert!(
            gaps.len() > 25 && gaps.iter().all(|gap| gap.abs() < 1e-6),
            "{gaps:?}"
        );
    }
}
