//! Numbers and times of one publication's stream, without a break where the section changes in which it comes. Sans-IO.
//!
//! Within a section the server numbers on over a change of person (`docs/protocol.md`, "Groups"), so a person's packets have gaps
//! where others were shown, and begin anywhere in another section or over a fresh connection. What receives them takes
//! gaps for loss (RFC 3550, A.3). So each stay in a section, a [`Tenure`], is shifted to follow what came before.

use std::time::{Duration, Instant};

/// Places that are left for what was lost at the beginning of a tenure and may still come.
const MISSED: u16 = 16;
/// Packets that are so far behind the first one seen of a tenure still belong to it: what was lost comes a round trip or two later.
const LATE: u16 = 128;
/// The beginning of a tenure is forgotten when it is so far back, long before numbers come round again.
const FAR: u16 = 0x4000;
/// No step in time is longer: half the range of 32 bits would read as backwards.
const STEP_MAX: Duration = Duration::from_secs(3_600);

/// A stay of one publication in one section: how its numbers there become those of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tenure {
    /// The publication's.
    pub(super) number: u32,
    /// It does not begin before this number of the section.
    first: u16,
    shift: u16,
    time_shift: u32,
}

impl Tenure {
    /// A packet's number and time in the stream.
    pub(super) const fn place(&self, sequence: u16, time: u32) -> (u16, u32) {
        (sequence.wrapping_add(self.shift), self.time(time))
    }

    /// A time of the section in the stream.
    pub(super) const fn time(&self, time: u32) -> u32 {
        time.wrapping_add(self.time_shift)
    }

    /// Whether this number of the section comes after its beginning.
    pub(super) const fn is_ahead(&self, sequence: u16) -> bool {
        sequence.wrapping_sub(self.first) < 0x8000
    }

    /// Whether a packet that names its publication belongs to it.
    pub(super) const fn has(&self, sequence: u16) -> bool {
        self.is_ahead(sequence) || self.first.wrapping_sub(sequence) <= LATE
    }

    /// A packet of it came; gives whether its beginning lies so far back that nothing of before can come any more.
    pub(super) const fn goes_on(&mut self, sequence: u16) -> bool {
        let lasts = sequence.wrapping_sub(self.first);
        if lasts < FAR || lasts >= 0x8000 {
            return false;
        }
        self.first = sequence.wrapping_sub(FAR / 2);
        true
    }
}

/// What was given out last of one stream.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    newest: Option<Newest>,
}

#[derive(Debug, Clone, Copy)]
struct Newest {
    sequence: u16,
    time: u32,
    at: Instant,
}

impl Numbering {
    /// The publication `number` begins in a section with this packet. `is_first`: nothing of it can have been missed.
    pub(super) fn begin(
        &self,
        now: Instant,
        number: u32,
        (sequence, time): (u16, u32),
        clock_hz: u32,
        is_first: bool,
    ) -> Tenure {
        let (follows, begins) = match self.newest {
            None => (sequence, time),
            Some(newest) => {
                let missed = if is_first { 0 } else { MISSED };
                let passed = now.saturating_duration_since(newest.at).min(STEP_MAX);
                let ticks = passed.as_micros() * u128::from(clock_hz) / 1_000_000;
                // At least one, or two pictures would be one.
                let ticks = u32::try_from(ticks).unwrap_or(u32::MAX).max(1);
                (
                    newest.sequence.wrapping_add(1).wrapping_add(missed),
                    newest.time.wrapping_add(ticks),
                )
            }
        };
        Tenure {
            number,
            first: sequence,
            shift: follows.wrapping_sub(sequence),
            time_shift: begins.wrapping_sub(time),
        }
    }

    /// This was given out.
    pub(super) fn gave(&mut self, now: Instant, (sequence, time): (u16, u32)) {
        let is_newer = |newest: Newest| {
            let ahead = sequence.wrapping_sub(newest.sequence);
            ahead != 0 && ahead < 0x8000
        };
        if self.newest.is_none_or(is_newer) {
            self.newest = Some(Newest {
                sequence,
                time,
                at: now,
            });
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;

    #[test]
    fn a_stay_elsewhere_follows_what_came_before_in_number_and_in_time() {
        let start = Instant::now();
        let mut numbering = Numbering::default();
        let first = numbering.begin(start, 7, (65_530, u32::MAX - 100), 48_000, true);
        for n in 0..10u16 {
            let at = first.place(
                65_530u16.wrapping_add(n),
                (u32::MAX - 100).wrapping_add(u32::from(n) * 960),
            );
            assert_eq!(at.0, 65_530u16.wrapping_add(n), "the first stay is as it is");
            numbering.gave(start + Duration::from_millis(20 * u64::from(n)), at);
        }
        let last = (3, (u32::MAX - 100).wrapping_add(9 * 960));
        // Overtaken ones change nothing.
        numbering.gave(start + Duration::from_millis(185), (2, last.1 - 960));
        let later = start + Duration::from_millis(180 + 500);
        let second = numbering.begin(later, 7, (100, 5_000), 48_000, true);
        assert_eq!(second.place(100, 5_000), (4, last.1.wrapping_add(24_000)));
        assert_eq!(second.place(102, 6_920), (6, last.1.wrapping_add(25_920)));
        let third = numbering.begin(start, 7, (9, 9), 48_000, false);
        assert_eq!(
            third.place(9, 9),
            (4 + MISSED, last.1.wrapping_add(1)),
            "room for what may still come, and time goes on"
        );
    }

    #[test]
    fn a_stay_has_what_is_late_of_it_and_lasts_for_more_packets_than_there_are_numbers() {
        let mut tenure = Numbering::default().begin(Instant::now(), 7, (40, 0), 90_000, true);
        assert!(tenure.has(40) && tenure.has(30) && tenure.has(40u16.wrapping_sub(LATE)));
        assert!(!tenure.has(40u16.wrapping_sub(LATE + 1)));
        let mut forgotten = 0;
        for n in 0..200_000u32 {
            let sequence = (40 + n) as u16;
            assert!(tenure.is_ahead(sequence), "{n}");
            assert_eq!(tenure.place(sequence, n), (sequence, n));
            forgotten += u32::from(tenure.goes_on(sequence));
            assert!(!tenure.goes_on(sequence.wrapping_sub(20)), "a late one");
        }
        assert!((15..30).contains(&forgotten), "{forgotten}");
    }
}
