//! What was sent and not yet settled, joined with what the other side says about it.
//!
//! Reports name packets by their transport-wide number (draft-holmer-rmcat-transport-wide-cc-extensions-01). One that arrived is told of at once.
//! One that a report calls missing may only have been overtaken, so it counts as lost once others that left well after it have
//! arrived. Of one that no report ever named nothing is known: the report was lost, not the packet.

use super::packet::PacketResult;
use std::collections::VecDeque;
use std::time::Duration;

/// How much later than it another packet must have left, and arrived, before a missing one is lost.
const OVERTAKEN: Duration = Duration::from_millis(150);
/// Packets kept at most, a quarter of what their numbers can tell apart, and for how long.
const PACKETS_MAX: usize = 16_384;
const AGE_MAX: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy)]
struct Entry {
    sent: Duration,
    bytes: usize,
    probe: Option<u32>,
    missing: bool,
    arrived: bool,
}

impl Entry {
    const fn result(&self, arrived: Option<Duration>) -> PacketResult {
        PacketResult {
            sent: self.sent,
            bytes: self.bytes,
            arrived,
            probe: self.probe,
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct History {
    /// In the order of their numbers, without gaps.
    entries: VecDeque<Entry>,
    /// The number of the first.
    first: u16,
    /// How many of them, from the first on, lie before the end of what reports named.
    named: usize,
    newest_arrived: Duration,
}

impl History {
    /// A packet left under `number`. Numbers follow each other; where they do not, all before is forgotten.
    pub(super) fn sent(&mut self, number: u16, sent: Duration, bytes: usize, probe: Option<u32>) {
        if self.first.wrapping_add(self.entries.len() as u16) != number {
            self.entries.clear();
            self.named = 0;
            self.first = number;
        }
        self.entries.push_back(Entry {
            sent,
            bytes,
            probe,
            missing: false,
            arrived: false,
        });
        while self.entries.len() > PACKETS_MAX
            || self
                .entries
                .front()
                .is_some_and(|oldest| oldest.sent + AGE_MAX < sent)
        {
            self.forget_first();
        }
    }

    /// A report: numbers, and when each arrived, if it did. Gives what is settled by it, in the order of sending.
    pub(super) fn report(&mut self, statuses: &[(u16, Option<Duration>)]) -> Vec<PacketResult> {
        let mut settled = Vec::new();
        for (number, arrived) in statuses {
            let Some(entry) = self.entries.get_mut(usize::from(number.wrapping_sub(self.first))) else {
                continue;
            };
            if entry.arrived {
                continue;
            }
            match arrived {
                Some(_) => {
                    entry.arrived = true;
                    self.newest_arrived = self.newest_arrived.max(entry.sent);
                    settled.push(entry.result(*arrived));
                }
                None => entry.missing = true,
            }
        }
        while let Some(oldest) = self.entries.front()
            && (oldest.arrived || oldest.sent + OVERTAKEN < self.newest_arrived)
        {
            if oldest.missing && !oldest.arrived {
                settled.push(oldest.result(None));
            }
            self.forget_first();
        }
        settled.sort_by_key(|result| result.sent);
        settled
    }

    /// Bits of the packets between what was named so far and these numbers: a report about them was lost.
    pub(super) fn skipped_by(&mut self, statuses: &[(u16, Option<Duration>)]) -> f64 {
        let places = statuses
            .iter()
            .map(|(number, _)| usize::from(number.wrapping_sub(self.first)))
            .filter(|place| *place < self.entries.len());
        let Some((from, to)) = places.fold(None, |range: Option<(usize, usize)>, place| {
            let (from, to) = range.unwrap_or((place, place));
            Some((from.min(place), to.max(place)))
        }) else {
            return 0.0;
        };
        let skipped = self.entries.range(self.named.min(from)..from);
        let bits = skipped.map(|entry| entry.result(None).bits()).sum();
        self.named = self.named.max(to + 1);
        bits
    }

    fn forget_first(&mut self) {
        self.named = self.named.saturating_sub(1);
        if self.entries.pop_front().is_some() {
            self.first = self.first.wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Twenty packets, one each 20 ms, with numbers that wrap.
    fn twenty() -> History {
        let mut history = History::default();
        for n in 0..20u16 {
            history.sent(65_530u16.wrapping_add(n), ms(u64::from(n) * 20), 1000, None);
        }
        history
    }

    fn status(n: u16, arrived: bool) -> (u16, Option<Duration>) {
        (
            65_530u16.wrapping_add(n),
            arrived.then(|| ms(u64::from(n) * 20 + 50)),
        )
    }

    fn told(results: &[PacketResult]) -> Vec<(u64, bool)> {
        results
            .iter()
            .map(|result| (result.sent.as_millis() as u64 / 20, result.arrived.is_some()))
            .collect()
    }

    #[test]
    fn what_arrived_is_told_once_and_what_is_missing_is_waited_for() {
        let mut history = twenty();
        let first = history.report(&[status(0, true), status(1, false), status(2, true)]);
        assert_eq!(told(&first), [(0, true), (2, true)]);
        assert!(history.report(&[status(0, true), status(2, true)]).is_empty());
        let late = history.report(&[status(1, true), status(3, false), status(4, true)]);
        assert_eq!(told(&late), [(1, true), (4, true)], "it was only overtaken");
        assert_eq!(
            told(&history.report(&[status(12, true)])),
            [(3, false), (12, true)]
        );
    }

    #[test]
    fn what_no_report_named_is_neither_lost_nor_arrived() {
        let mut history = twenty();
        history.report(&[status(0, true)]);
        assert_eq!(told(&history.report(&[status(19, true)])), [(19, true)]);
    }

    #[test]
    fn numbers_that_were_never_sent_say_nothing_and_memory_has_an_end() {
        let mut history = twenty();
        assert!(history.report(&[(40_000, Some(ms(1)))]).is_empty());
        for n in 0..200_000u32 {
            history.sent(n as u16, ms(500), 1000, None);
        }
        assert!(history.entries.len() <= PACKETS_MAX);
        history.sent(7, Duration::MAX / 2, 1000, None);
        assert_eq!(history.entries.len(), 1);
    }
}
