//! How many copies of each packet of sound a subscriber gets: as many as their way loses, and has room for.
//!
//! What is lost is told by receiver reports (RFC 3550, 6.4.1) of the sections of sound. What was lost before it came here is no loss of
//! this way: [`Fates`] knows which numbers were given out to nothing. More at once, less only after calm, as between two
//! (`parley_media::audio::protection`, where the shares come from):
//!
//! | share lost | copies |
//! |---|---|
//! | below 5 % | 0: Opus' own redundancy, in the next packet, repairs it |
//! | from 5 % | 1 |
//! | from 15 % | 2 |
//! | from 25 % | 3 |
//!
//! They need room, and are given up at once where there is none: what a full line loses, it loses because it is full, and more on it would lose
//! more. It is taken for full while what it is taken to carry falls, and while a picture is tried on it that may not fit.
//!
//! A [`Shield`] is owned by a way, [`Fates`] by each down track of sound. Deliberately absent: packets (`copies`).

use super::copies::COPIES_MAX;
use parley_proto::Bitrate;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// From so much loss on there are 1, 2 and 3 copies.
const BEGIN: [f64; COPIES_MAX as usize] = [0.05, 0.15, 0.25];
/// They are given up again below this share of it,
const END: f64 = 0.6;
/// after so many shares in a row.
const CALM: u32 = 5;
/// A share is taken of so many packets at least: of fewer, one more or less is too much of it,
const PACKETS_MIN: u64 = 50;
/// and over so long: sections are reported on one after the other.
const EVERY: Duration = Duration::from_secs(1);
/// Voices and copies take no more than this of what the way carries.
const SHARE: f64 = 0.8;
/// An estimate below this share of what it was before falls, ...
const FALLS: f64 = 0.9;
/// ... and there are no copies until it did not for so long.
const REST: Duration = Duration::from_secs(2);
/// Numbers without a packet that are remembered.
const GAPS_MAX: usize = 256;

/// What became of the packets of a section, as far as it was told.
#[derive(Debug)]
pub(super) struct Fates {
    /// The number after the highest that was given out.
    next: u64,
    /// Numbers that were given out to nothing, lowest first: what has them was lost on its way here.
    gaps: VecDeque<u64>,
    /// The highest number that was reported on, and what was called lost by then.
    told: (u64, u64),
}

impl Fates {
    /// Nothing was sent; the first packet will be `first_seq`.
    pub(super) fn new(first_seq: u16) -> Self {
        let first = u64::from(first_seq);
        Self {
            next: first,
            gaps: VecDeque::new(),
            told: (first.saturating_sub(1), 0),
        }
    }

    /// A packet leaves under this number.
    pub(super) fn sent(&mut self, seq: u64) {
        if seq == self.next {
            self.next += 1;
        } else if seq > self.next {
            let first = self.next.max(seq.saturating_sub(GAPS_MAX as u64));
            self.gaps.extend(first..seq);
            while self.gaps.len() > GAPS_MAX {
                self.gaps.pop_front();
            }
            self.next = seq + 1;
        } else if let Ok(at) = self.gaps.binary_search(&seq) {
            self.gaps.remove(at);
        }
    }

    /// A report has come: up to which number, and how many are missing since the beginning. Gives how many packets that tells of anew, and
    /// how many of them were lost.
    pub(super) fn reported(&mut self, highest: u64, lost: u64) -> (u64, u64) {
        let (before, lost_before) = self.told;
        // An older report that was overtaken, or of numbers that were never given out.
        if highest <= before || highest >= self.next {
            return (0, 0);
        }
        self.told = (highest, lost);
        let mut empty = 0;
        while self.gaps.front().is_some_and(|gap| *gap <= highest) {
            self.gaps.pop_front();
            empty += 1;
        }
        let sent = (highest - before).saturating_sub(empty);
        // Fewer than before where something came late; and nobody loses more than was sent.
        let lost = lost.saturating_sub(lost_before).saturating_sub(empty);
        (sent, if lost > sent { 0 } else { lost })
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Shield {
    sent: u64,
    lost: u64,
    /// When a share was taken last.
    taken: Option<Instant>,
    wanted: u8,
    calm: u32,
    /// The largest estimate since it fell last, and when that was.
    most: Bitrate,
    fell: Option<Instant>,
}

impl Shield {
    /// Reports told of so many packets, of which so many were lost.
    pub(super) fn reported(&mut self, (sent, lost): (u64, u64)) {
        self.sent += sent;
        self.lost += lost;
    }

    /// Time has come to `now`, and the way is taken to carry so much.
    pub(super) fn look(&mut self, now: Instant, estimate: Bitrate) {
        if estimate < self.most.scale(FALLS) {
            self.fell = Some(now);
            self.most = estimate;
        }
        self.most = self.most.max(estimate);
        let early = self.taken.is_some_and(|taken| now < taken + EVERY);
        if early || self.sent < PACKETS_MIN {
            return;
        }
        self.taken = Some(now);
        let share = self.lost as f64 / self.sent as f64;
        (self.sent, self.lost) = (0, 0);
        self.take(share);
        tracing::debug!(share, copies = self.wanted, "what a way loses of sound");
    }

    fn take(&mut self, share: f64) {
        let wanted = copies_at(share, 1.0);
        if wanted > self.wanted {
            (self.wanted, self.calm) = (wanted, 0);
        } else if copies_at(share, END) < self.wanted {
            self.calm += 1;
            if self.calm >= CALM {
                // One at a time.
                (self.wanted, self.calm) = (self.wanted - 1, 0);
            }
        } else {
            self.calm = 0;
        }
    }

    /// How many copies go along with each packet, where voices take so much with so many.
    pub(super) fn copies(&self, now: Instant, estimate: Bitrate, mut takes: impl FnMut(u8) -> Bitrate) -> u8 {
        if self.fell.is_some_and(|fell| now < fell + REST) {
            return 0;
        }
        let fits = |copies: &u8| takes(*copies) <= estimate.scale(SHARE);
        (1..=self.wanted).rev().find(fits).unwrap_or(0)
    }
}

fn copies_at(share: f64, part: f64) -> u8 {
    BEGIN.iter().filter(|begin| share >= **begin * part).count() as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VOICE: Bitrate = Bitrate::from_kbps(32);
    const WIDE: Bitrate = Bitrate::from_kbps(2_000);

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a start to count from")]
        Instant::now()
    }

    /// How many copies, where voices take so much without any.
    fn copies(shield: &Shield, voices: Bitrate, estimate: Bitrate) -> u8 {
        let with = |copies| Bitrate::from_bps(voices.bps() * (1 + u64::from(copies)));
        shield.copies(start(), estimate, with)
    }

    fn after(per_cents: &[u64]) -> Shield {
        let mut shield = Shield::default();
        let mut now = start();
        for lost in per_cents {
            // Two sections, of which one had more to say.
            shield.reported((90, *lost));
            shield.reported((10, 0));
            shield.look(now, WIDE);
            now += EVERY;
        }
        shield
    }

    #[test]
    fn more_loss_more_copies_and_without_any_none() {
        let copies = |lost| copies(&after(&[lost]), VOICE, WIDE);
        assert_eq!(
            [0, 4, 5, 14, 15, 24, 25, 60, 90].map(copies),
            [0, 0, 1, 1, 2, 2, 3, 3, 3]
        );
    }

    #[test]
    fn they_come_at_once_and_go_one_by_one_after_calm() {
        let copies = |per_cents: &[u64]| copies(&after(per_cents), VOICE, WIDE);
        assert_eq!(copies(&[30, 0, 0, 0, 0]), 3);
        assert_eq!(copies(&[30, 0, 0, 0, 0, 0]), 2);
        assert_eq!(copies(&[&[30][..], &[0; 15]].concat()), 0);
        assert_eq!(
            copies(&[16, 11, 16, 11, 11, 11, 11, 11]),
            2,
            "around a threshold nothing changes"
        );
        assert_eq!(
            copies(&[30, 0, 0, 0, 30, 0, 0, 0, 0]),
            3,
            "a bad one begins the calm anew"
        );
    }

    #[test]
    fn few_packets_tell_nothing_until_there_are_more() {
        let mut shield = Shield::default();
        let start = start();
        for second in 0..5 {
            assert_eq!(copies(&shield, VOICE, WIDE), 0);
            shield.reported((10, 5));
            shield.look(start + EVERY * second, WIDE);
        }
        assert_eq!(copies(&shield, VOICE, WIDE), 3);
        // Nor does what comes within the same second.
        for _ in 0..10 {
            shield.reported((100, 0));
            shield.look(start + EVERY * 4, WIDE);
        }
        assert_eq!(copies(&shield, VOICE, WIDE), 3);
    }

    #[test]
    fn a_narrow_way_has_room_for_fewer() {
        let four = Bitrate::from_kbps(128);
        let copies = |voices, kbps| copies(&after(&[40]), voices, Bitrate::from_kbps(kbps));
        assert_eq!(
            [350, 160, 120, 80, 70].map(|kbps| copies(VOICE, kbps)),
            [3, 3, 2, 1, 0]
        );
        assert_eq!([350, 800].map(|kbps| copies(four, kbps)), [1, 3]);
    }

    #[test]
    fn while_what_the_way_carries_falls_there_are_none() {
        let mut shield = Shield::default();
        let start = start();
        shield.reported((100, 30));
        let mut seen = Vec::new();
        for tenths in 0..80u32 {
            let now = start + Duration::from_millis(100) * tenths;
            let kbps = match tenths {
                0..20 => 2_000,
                // It wavers, ...
                20..30 => 1_900 - u64::from(tenths % 2) * 50,
                // falls for a second, stays, and grows again.
                30..40 => 2_000 - u64::from(tenths - 29) * 100,
                40..60 => 1_000,
                _ => 1_000 + u64::from(tenths - 60) * 50,
            };
            let estimate = Bitrate::from_kbps(kbps);
            shield.look(now, estimate);
            seen.push(shield.copies(now, estimate, |copies| {
                Bitrate::from_kbps(32 * (1 + u64::from(copies)))
            }));
        }
        let none: Vec<usize> = (0..80).filter(|at| seen[*at] == 0).collect();
        assert_eq!(none, (32..58).collect::<Vec<_>>());
        assert!(seen.iter().all(|copies| [0, 3].contains(copies)), "{seen:?}");
    }

    #[test]
    fn what_was_lost_before_it_came_here_is_no_loss_of_this_way() {
        let mut fates = Fates::new(100);
        // Every fifth is lost on the way up, and each of those of the first half comes late.
        for seq in 100..200u64 {
            if seq % 5 != 0 {
                fates.sent(seq);
            } else if seq < 150 {
                fates.sent(seq + 1);
                fates.sent(seq);
            }
        }
        assert_eq!(fates.reported(149, 3), (50, 3));
        assert_eq!(fates.reported(200, 13), (0, 0), "it was never sent");
        assert_eq!(fates.reported(199, 16), (40, 3));
        assert_eq!(fates.reported(150, 9), (0, 0), "overtaken");
    }

    #[test]
    fn reports_that_cannot_be_tell_of_no_loss() {
        let mut fates = Fates::new(0);
        for seq in 0..1_000 {
            fates.sent(seq);
        }
        // A negative number, as it is read, and back.
        assert_eq!(fates.reported(100, 0xff_ffff), (100, 0));
        assert_eq!(fates.reported(200, 1), (100, 0));
        assert_eq!(fates.reported(u64::MAX, 5), (0, 0));
        fates.sent(1 << 60);
        assert!(fates.gaps.len() <= GAPS_MAX);
    }

    proptest! {
        #[test]
        fn nobody_loses_more_than_was_sent(steps in proptest::collection::vec((any::<bool>(), 0u64..2_000, 0u64..2_000), 1..200)) {
            let mut fates = Fates::new(5);
            for (sends, number, lost) in steps {
                if sends {
                    fates.sent(number);
                } else {
                    let (sent, lost) = fates.reported(number, lost);
                    prop_assert!(lost <= sent && sent <= 2_000);
                }
                prop_assert!(fates.gaps.len() <= GAPS_MAX && fates.gaps.iter().is_sorted());
            }
        }
    }
}
