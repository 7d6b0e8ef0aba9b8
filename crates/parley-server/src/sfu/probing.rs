//! When the library is to look for more than it knows a subscriber's way to carry.
//!
//! Owned by a peer. An estimate grows by itself to half again of what is sent and no further (so does the one of draft-ietf-rmcat-gcc-02), so a
//! layer three times as large would never be reached; and a probe is answered with what it was told to look for, be that less than
//! what was taken for granted before. So:
//!
//! * It is told to look for [`LEAST`] as soon as somebody is seen, however little is wanted. (Earlier there is nothing to look with, see `way`.)
//! * What is wanted in all is told with room to spare, and anew only when it changed by much: each larger word is a probe of its own.
//! * Where all that is wanted is granted and would fit [`ROOM`] times, it is told to look for nothing. Else it looks every five seconds for as
//!   long as a way carries more than is sent: 15 ms in which a picture waits for its turn among what fills up the probe.
//! * As long as somebody gets less than they want, it looks once more after [`SOON`], and ever more rarely while that finds nothing.
//! * Where it found nothing [`IN_VAIN`] times, each further look begins with an estimate made anew: as long as the library takes losses for
//!   the way's it sends no probe, and of a way that was narrow and is wide again it would never learn.
//!
//! Deliberately absent: padding up to what would be needed. It finds the same, and keeps a narrow way full for a picture that will never
//! fit, while everybody's voices wait behind it.

use parley_proto::Bitrate;
use std::time::{Duration, Instant};

/// Looked for whatever is wanted: what one large picture takes. A probe goes up to twice of it, for 15 ms.
const LEAST: Bitrate = Bitrate::from_kbps(1_500);
/// So much above what is wanted is looked for, so that the estimate is no bottleneck.
const ROOM: f64 = 1.5;
/// What is wanted may be so much less, as a share, before that is told.
const SAME: f64 = 0.5;
/// Between two looks, while they find something ...
const SOON: Duration = Duration::from_millis(1_500);
/// ... and at most, while they do not.
const RARELY: Duration = Duration::from_secs(30);
/// So many looks in a row without a find, some ten seconds, and the estimate is made anew.
const IN_VAIN: u32 = 3;
/// An estimate so many times as large was worth the look.
const FOUND: f64 = 1.1;
/// What is wanted fits with room to spare for so long before nothing is looked for any more ...
const FITTED: Duration = Duration::from_secs(3);
/// ... and until it fits less often than this.
const FITS_STILL: f64 = 1.2;
/// After that was told, a probe that was begun before is over: each takes 15 ms, and there are two at most.
const ENDED: Duration = Duration::from_secs(1);
/// So much more is told for another look: the library looks when it is told more than before.
const NUDGE: Bitrate = Bitrate::from_kbps(1);

/// What the library was told, and when it is told next.
#[derive(Debug)]
pub(super) struct Probing {
    /// What is wanted, as it was told.
    wanted: Bitrate,
    told: Bitrate,
    /// Since when that was not said, for nothing is to be looked for.
    rests_since: Option<Instant>,
    fits_since: Option<Instant>,
    next: Option<Instant>,
    pause: Duration,
    /// Looks in a row that found nothing.
    in_vain: u32,
    /// The estimate when it was told last.
    before: Bitrate,
}

/// What to tell the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// To look for so much.
    pub(super) rate: Bitrate,
    /// To forget what it knows of the way but its estimate.
    pub(super) afresh: bool,
}

impl Default for Probing {
    fn default() -> Self {
        Self {
            wanted: Bitrate::ZERO,
            told: Bitrate::ZERO,
            rests_since: None,
            fits_since: None,
            next: None,
            pause: SOON,
            in_vain: 0,
            before: Bitrate::ZERO,
        }
    }
}

impl Probing {
    /// What to tell it now to look for, if anything. `wanted` is what everything takes that is wanted; `lacks`: more would be given if
    /// the estimate were larger.
    pub(super) fn look(
        &mut self,
        now: Instant,
        estimate: Bitrate,
        wanted: Bitrate,
        lacks: bool,
    ) -> Option<Look> {
        let rests = self.has_enough(now, estimate, wanted, lacks);
        let wanted = wanted.scale(ROOM).max(LEAST);
        let before = self.said();
        let mut afresh = false;
        if wanted > self.wanted || wanted < self.wanted.scale(SAME) {
            // With some room above, for what is measured sways.
            self.wanted = if self.wanted == Bitrate::ZERO {
                wanted
            } else {
                wanted.scale(ROOM)
            };
            self.told = self.wanted;
        }
        if !lacks {
            self.next = None;
            self.pause = SOON;
            self.in_vain = 0;
        } else if now >= *self.next.get_or_insert(now + SOON) {
            (self.pause, self.in_vain) = if estimate >= self.before.scale(FOUND) {
                (SOON, 0)
            } else {
                ((self.pause * 2).min(RARELY), self.in_vain.saturating_add(1))
            };
            afresh = self.in_vain > IN_VAIN;
            self.next = Some(now + self.pause);
            self.before = estimate;
            self.told = Bitrate::from_bps(self.told.bps().saturating_add(NUDGE.bps()));
        }
        self.rest(now, rests);
        let rate = self.said();
        (rate != before).then_some(Look { rate, afresh })
    }

    /// Nobody is seen: nothing is to be looked for until somebody is. What to tell the library, if anything.
    pub(super) fn stop(&mut self, now: Instant) -> Option<Look> {
        let before = self.said();
        self.fits_since = None;
        self.rest(now, true);
        (before != Bitrate::ZERO).then_some(Look {
            rate: Bitrate::ZERO,
            afresh: false,
        })
    }

    /// Whether the library is certain to look for nothing.
    pub(super) fn is_quiet(&self, now: Instant) -> bool {
        let rested = self.rests_since.is_some_and(|since| now >= since + ENDED);
        self.told == Bitrate::ZERO || rested
    }

    fn has_enough(&mut self, now: Instant, estimate: Bitrate, wanted: Bitrate, lacks: bool) -> bool {
        let times = if self.rests_since.is_some() {
            FITS_STILL
        } else {
            ROOM
        };
        if lacks || estimate < wanted.scale(times) {
            self.fits_since = None;
            return false;
        }
        now >= *self.fits_since.get_or_insert(now) + FITTED
    }

    fn rest(&mut self, now: Instant, rests: bool) {
        if rests {
            self.rests_since.get_or_insert(now);
        } else {
            self.rests_since = None;
        }
    }

    /// What the library was told last.
    const fn said(&self) -> Bitrate {
        match self.rests_since {
            Some(_) => Bitrate::ZERO,
            None => self.told,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a start to count from")]
    fn start() -> Instant {
        Instant::now()
    }

    const fn kbps(kbps: u64) -> Bitrate {
        Bitrate::from_kbps(kbps)
    }

    #[test]
    fn it_is_told_however_little_is_wanted_and_not_for_every_sway() {
        let now = start();
        let mut probing = Probing::default();
        let mut look = |wanted| probing.look(now, kbps(500), wanted, false).map(|look| look.rate);
        assert_eq!(look(Bitrate::ZERO), Some(LEAST));
        assert_eq!(look(kbps(900)), None);
        let more = look(kbps(2_000)).unwrap();
        assert!(more >= kbps(3_000), "{more}");
        for sway in [1_900, 2_100, 2_000, 1_500] {
            assert_eq!(look(kbps(sway)), None);
        }
        assert_eq!(look(kbps(100)), Some(kbps(2_250)));
    }

    #[test]
    fn what_is_known_is_forgotten_where_nothing_was_found_for_long() {
        let start = start();
        let mut probing = Probing::default();
        let mut looks = |tenths: std::ops::Range<u64>, estimate| {
            tenths
                .filter_map(|tenth| {
                    let now = start + Duration::from_millis(100 * tenth);
                    probing.look(now, estimate, kbps(1_000), true)
                })
                .map(|look| look.afresh)
                .collect::<Vec<bool>>()
        };
        // The first word, a look that any estimate answers, three in vain, and what follows.
        let afresh = looks(0..600, kbps(400));
        assert_eq!(afresh[..7], [false, false, false, false, false, true, true]);
        // What grows is not forgotten.
        assert!(!looks(1_000..1_100, kbps(800)).contains(&true));
    }

    #[test]
    fn where_all_fits_for_a_while_nothing_is_looked_for_until_it_fits_no_more() {
        let start = start();
        let ms = |ms| start + Duration::from_millis(ms);
        let mut probing = Probing::default();
        assert!(probing.is_quiet(start), "nothing was looked for yet");
        let rest = Some(Look {
            rate: Bitrate::ZERO,
            afresh: false,
        });
        let told = probing.look(start, kbps(2_000), kbps(1_000), false);
        assert!(told.is_some() && !probing.is_quiet(start));
        assert_eq!(probing.look(ms(2_900), kbps(2_000), kbps(1_000), false), None);
        assert_eq!(probing.look(ms(3_100), kbps(2_000), kbps(1_000), false), rest);
        assert!(!probing.is_quiet(ms(3_200)), "a probe may be on its way");
        assert!(probing.is_quiet(ms(4_200)));
        // The estimate of a way that is not filled comes down a little.
        assert_eq!(probing.look(ms(5_000), kbps(1_300), kbps(1_000), false), None);
        assert_eq!(probing.look(ms(6_000), kbps(1_100), kbps(1_000), false), told);
        assert!(!probing.is_quiet(ms(6_000)));
        assert_eq!(probing.look(ms(7_000), kbps(1_300), kbps(1_000), false), None);
        assert_eq!(probing.look(ms(20_000), kbps(1_300), kbps(1_000), false), None);
        // And so it is where nobody is to be seen for a while.
        assert_eq!(probing.stop(ms(21_000)), rest);
        assert_eq!(probing.stop(ms(21_100)), None);
        assert!(probing.is_quiet(ms(22_000)));
        assert_eq!(probing.look(ms(23_000), kbps(1_300), kbps(1_000), false), told);
    }

    #[test]
    fn who_lacks_something_is_looked_for_ever_more_rarely_while_nothing_is_found() {
        let start = start();
        let mut probing = Probing::default();
        probing.look(start, kbps(400), kbps(1_000), true);
        let mut looks = |from_s: u64, until_s: u64, estimate: Bitrate| {
            (from_s * 10..until_s * 10)
                .filter(|tick| {
                    let now = start + Duration::from_millis(100 * tick);
                    probing.look(now, estimate, kbps(1_000), true).is_some()
                })
                .map(|tick| tick / 10)
                .collect::<Vec<u64>>()
        };
        let in_vain = looks(0, 120, kbps(400));
        let pauses: Vec<u64> = in_vain.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(pauses.is_sorted(), "{in_vain:?}");
        assert!((6..=10).contains(&in_vain.len()), "{in_vain:?}");
        let found = looks(160, 164, kbps(800));
        assert!(found.len() >= 2, "the way is wider now: {found:?}");
    }
}
