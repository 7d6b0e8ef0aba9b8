//! What became of each packet of a voice, out of the reports on every packet ([`transport_cc`](super::transport_cc), which owns this): how
//! many came, how many were lost, and how often one that came follows one that was lost, which tells bursts from chance.
//!
//! Receiver reports tell the share alone, once in a second or more, and are lost as often as anything else; bursts show in them only
//! after many of them. Sans-IO; what follows from it is decided elsewhere (`parley_media::audio::clumping`, `protection`).

use parley_media::audio::clumping::Fates;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A packet that a report calls missing is lost once one that left so much later has arrived: it was not only overtaken.
const OVERTAKEN: Duration = Duration::from_millis(150);
/// Of packets this old no report comes any more; their numbers are soon others'.
const AGE_MAX: Duration = Duration::from_secs(5);
/// Packets remembered: those of that time, 20 ms each, and some.
const PACKETS_MAX: usize = 512;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// No report named it.
    Unknown,
    Missing,
    Came,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    number: u16,
    sent: Instant,
    fate: Fate,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct VoiceFates {
    /// In the order of sending, and so of their transport-wide numbers, with gaps.
    entries: VecDeque<Entry>,
    /// When the last one left of those that came.
    newest_came: Option<Instant>,
    /// Whether the one settled last was lost, where that is known.
    last_lost: Option<bool>,
}

impl VoiceFates {
    /// A packet of the voice leaves under this number.
    pub(super) fn sent(&mut self, now: Instant, number: u16) {
        self.forget_old(now);
        if self.entries.len() == PACKETS_MAX {
            self.forget_first();
        }
        self.entries.push_back(Entry {
            number,
            sent: now,
            fate: Fate::Unknown,
        });
    }

    /// A report on packets of any kind: their numbers, and when each arrived, if it did. Gives what is settled by it.
    pub(super) fn report(&mut self, now: Instant, statuses: &[(u16, Option<Duration>)]) -> Fates {
        self.forget_old(now);
        for (number, arrived) in statuses {
            self.named(*number, arrived.is_some());
        }
        let mut fates = Fates::default();
        while let Some(first) = self.entries.front().copied() {
            let overtaken = self
                .newest_came
                .is_some_and(|newest| first.sent + OVERTAKEN < newest);
            match first.fate {
                Fate::Came => fates.note(&mut self.last_lost, Some(false)),
                Fate::Missing if overtaken => fates.note(&mut self.last_lost, Some(true)),
                Fate::Unknown if overtaken => fates.note(&mut self.last_lost, None),
                Fate::Missing | Fate::Unknown => break,
            }
            self.entries.pop_front();
        }
        fates
    }

    fn named(&mut self, number: u16, came: bool) {
        let Some(first) = self.entries.front().map(|entry| entry.number) else {
            return;
        };
        let ahead = |number: u16| number.wrapping_sub(first);
        let found = self
            .entries
            .binary_search_by_key(&ahead(number), |entry| ahead(entry.number));
        let Some(entry) = found.ok().and_then(|at| self.entries.get_mut(at)) else {
            return;
        };
        if came {
            entry.fate = Fate::Came;
            self.newest_came = self.newest_came.max(Some(entry.sent));
        } else if entry.fate == Fate::Unknown {
            entry.fate = Fate::Missing;
        }
    }

    fn forget_old(&mut self, now: Instant) {
        while self
            .entries
            .front()
            .is_some_and(|entry| entry.sent + AGE_MAX < now)
        {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        self.entries.pop_front();
        self.last_lost = None;
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;

    /// The voice's packets, 20 ms apart, each third number; of pictures are those between.
    fn number(n: u64) -> u16 {
        65_500u16.wrapping_add(n as u16 * 3)
    }

    /// Which of a hundred packets of a voice came, and which tenths of them no report is told of.
    fn told(came: impl Fn(u64) -> bool, unreported: impl Fn(u64) -> bool) -> Fates {
        let start = Instant::now();
        let mut fates = VoiceFates::default();
        let mut all = Fates::default();
        for tenth in 0..10u64 {
            let of_this = tenth * 10..(tenth + 1) * 10;
            for n in of_this.clone() {
                fates.sent(start + Duration::from_millis(n * 20), number(n));
            }
            if unreported(tenth) {
                continue;
            }
            let statuses: Vec<_> = (of_this.start * 3..of_this.end * 3)
                .map(|at| {
                    let is_there = at % 3 != 0 || came(at / 3);
                    let arrived = is_there.then_some(Duration::from_millis(at));
                    (65_500u16.wrapping_add(at as u16), arrived)
                })
                .collect();
            let now = start + Duration::from_millis(of_this.end * 20 + 50);
            all += fates.report(now, &statuses);
        }
        all
    }

    #[test]
    fn what_was_lost_is_told_with_how_often_a_loss_ended() {
        // Five lost in a row, four times.
        let fates = told(|n| n % 25 >= 5, |_| false);
        assert_eq!(
            fates,
            Fates {
                known: 100,
                lost: 20,
                followed: 20,
                ended: 4
            }
        );
        // As many one by one; the last may only be late.
        let fates = told(|n| n % 5 != 1, |_| false);
        assert_eq!((fates.lost, fates.followed, fates.ended), (19, 19, 19));
    }

    #[test]
    fn of_what_no_report_named_nothing_is_known() {
        let fates = told(|n| n % 25 >= 5, |tenth| tenth == 5);
        // The fifties are unknown, and with them five lost ones: 50 to 54.
        assert_eq!((fates.known, fates.lost, fates.ended), (90, 15, 3));
    }

    #[test]
    fn what_was_overtaken_is_not_lost() {
        let start = Instant::now();
        let mut fates = VoiceFates::default();
        let at = |n: u64| start + Duration::from_millis(n * 20);
        for n in 0..20 {
            fates.sent(at(n), number(n));
        }
        let came = |n: u64| (number(n), Some(Duration::from_millis(n)));
        let first = fates.report(at(3), &[came(0), (number(1), None), came(2)]);
        assert_eq!((first.known, first.lost), (1, 0));
        let then = fates.report(at(20), &[came(1), came(12)]);
        assert_eq!(
            (then.known, then.lost),
            (2, 0),
            "and of the next nothing is known"
        );
    }

    #[test]
    fn numbers_come_round_and_memory_has_an_end() {
        let start = Instant::now();
        let mut fates = VoiceFates::default();
        fates.sent(start, 7);
        let later = start + AGE_MAX * 2;
        assert_eq!(
            fates.report(later, &[(7, None)]),
            Fates::default(),
            "it is another's by now"
        );
        for n in 0..200_000u32 {
            fates.sent(later, n as u16);
        }
        assert_eq!(fates.entries.len(), PACKETS_MAX);
        let flood: Vec<_> = (0..u16::MAX).map(|n| (n, None)).collect();
        assert_eq!(fates.report(later, &flood), Fates::default());
    }
}
