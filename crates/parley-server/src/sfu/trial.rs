//! A try with one picture where no face seems to fit. What goes down then are voices, and an estimate grows to half again of what is sent and no
//! further, so that on a thin line nobody would ever be seen; and whenever something was looked for it falls to less than what is sent, whether
//! the way is full or not. So one small picture beside the voices is sent until it shows that it does not fit:
//!
//! * At first the estimate has to grow: it does so by 8 % a second where the way has room, and where it is full it does not.
//! * Once it was as large as what is sent, it may be less for [`LASTS`], as after something was looked for, but not by much for [`LOW`].
//! * After a try that failed comes the next one [`AGAIN`] later, and ever more rarely. What is much more than the way is known to carry is
//!   not tried.
//!
//! Owned by a way. Deliberately absent: which picture (`way`), and what fits.

use parley_proto::Bitrate;
use std::time::{Duration, Instant};

/// Nobody was seen for so long: by then what was looked for is found.
const DARK: Duration = Duration::from_secs(2);
/// What voices and picture take may be so many times as much as the way is known to carry.
const BOLD: f64 = 1.6;
/// Somebody was seen for so long without a try: the way carries it.
const FITTED: Duration = Duration::from_secs(5);
/// Within so long the estimate grows ...
const GROWS: Duration = Duration::from_millis(2_500);
/// ... to so many times of what it was.
const GREW: f64 = 1.05;
/// Once it was as large as what is sent, it is so again within so long.
const LASTS: Duration = Duration::from_secs(10);
/// So small a share of what is sent (before it was as large, of the largest estimate) ...
const FELL: f64 = 0.75;
/// ... for so long, and it does not fit.
const LOW: Duration = Duration::from_secs(1);
/// After a try that failed, the next one: so much later, then twice that, ...
const AGAIN: Duration = Duration::from_secs(12);
/// ... and at most.
const RARELY: Duration = Duration::from_secs(120);

/// See the module.
#[derive(Debug)]
pub(super) struct Trial {
    /// Since when nobody is seen.
    dark_since: Option<Instant>,
    /// Since when somebody is, without a try.
    fits_since: Option<Instant>,
    running: Option<Running>,
    /// Not before.
    next: Option<Instant>,
    pause: Duration,
}

/// A picture that is sent, and what the estimate made of it.
#[derive(Debug, Clone, Copy)]
struct Running {
    most: Bitrate,
    /// When it grew last, or was large enough.
    grew: Instant,
    /// It was as large as what is sent.
    carried: bool,
    low_since: Option<Instant>,
}

impl Default for Trial {
    fn default() -> Self {
        Self {
            dark_since: None,
            fits_since: None,
            running: None,
            next: None,
            pause: AGAIN,
        }
    }
}

/// Whether a picture that takes so much with everything beside it may be tried. `unknown`: nothing is known of the way yet, so that any
/// picture is better than none.
pub(super) fn dares(estimate: Bitrate, takes: Bitrate, unknown: bool) -> bool {
    unknown || takes <= estimate.scale(BOLD)
}

impl Trial {
    /// Whether the picture is sent although it seems not to fit. `takes` is what it takes with all that goes down beside it, `None` while
    /// nobody is to be seen; `fits`: it is seen without that; `unknown` as for [`dares`].
    pub(super) fn runs(
        &mut self,
        now: Instant,
        estimate: Bitrate,
        takes: Option<Bitrate>,
        fits: bool,
        unknown: bool,
    ) -> bool {
        let possible = takes.filter(|takes| dares(estimate, *takes, unknown));
        if fits || possible.is_none() {
            self.dark_since = None;
        }
        let Some(takes) = possible else {
            self.running = None;
            return false;
        };
        if fits {
            self.note_that_it_fits(now, estimate, takes);
            return false;
        }
        self.fits_since = None;
        if let Some(running) = &mut self.running {
            if running.goes_on(now, estimate, takes) {
                return true;
            }
            self.running = None;
            self.next = Some(now + self.pause);
            self.pause = (self.pause * 2).min(RARELY);
        }
        let dark = now >= *self.dark_since.get_or_insert(now) + DARK;
        let begins = dark && self.next.is_none_or(|next| now >= next);
        if begins {
            self.running = Some(Running::new(now, estimate));
        }
        begins
    }

    /// Where it fits no more, that is gone on from.
    fn note_that_it_fits(&mut self, now: Instant, estimate: Bitrate, takes: Bitrate) {
        if now >= *self.fits_since.get_or_insert(now) + FITTED {
            self.running = Some(Running {
                carried: estimate >= takes,
                ..Running::new(now, estimate)
            });
            self.pause = AGAIN;
        } else if let Some(running) = &mut self.running {
            running.goes_on(now, estimate, takes);
        }
    }
}

impl Running {
    const fn new(now: Instant, estimate: Bitrate) -> Self {
        Self {
            most: estimate,
            grew: now,
            carried: false,
            low_since: None,
        }
    }

    /// Notes what the estimate is. Whether it still may fit.
    fn goes_on(&mut self, now: Instant, estimate: Bitrate, takes: Bitrate) -> bool {
        self.carried |= estimate >= takes;
        if estimate >= takes || estimate >= self.most.scale(GREW) {
            self.most = self.most.max(estimate);
            self.grew = now;
        }
        let (least, lasts) = if self.carried {
            (takes.scale(FELL), LASTS)
        } else {
            (self.most.scale(FELL), GROWS)
        };
        if estimate >= least {
            self.low_since = None;
        } else if now >= *self.low_since.get_or_insert(now) + LOW {
            return false;
        }
        now < self.grew + lasts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAKES: Option<Bitrate> = Some(kbps(220));

    const fn kbps(kbps: u64) -> Bitrate {
        Bitrate::from_kbps(kbps)
    }

    #[expect(clippy::disallowed_methods, reason = "a start to count from")]
    fn start() -> Instant {
        Instant::now()
    }

    /// When tries begin and end within so many seconds, in tenths of a second, with an estimate that depends on how long one runs.
    fn tries(seconds: u64, estimate: impl Fn(Option<u64>) -> Bitrate) -> Vec<(u64, u64)> {
        let start = start();
        let mut trial = Trial::default();
        let mut all = Vec::new();
        let mut began = None;
        for tick in 0..seconds * 10 {
            let now = start + Duration::from_millis(100 * tick);
            let runs = trial.runs(
                now,
                estimate(began.map(|began| tick - began)),
                TAKES,
                false,
                false,
            );
            match began {
                None if runs => began = Some(tick),
                Some(from) if !runs => {
                    all.push((from, tick));
                    began = None;
                }
                _ => {}
            }
        }
        all.extend(began.map(|from| (from, seconds * 10)));
        all
    }

    #[test]
    fn where_the_estimate_grows_to_what_is_sent_it_goes_on_though_looks_make_it_fall() {
        let estimate = |runs: Option<u64>| match runs {
            None => kbps(140),
            Some(tenths) if tenths < 80 => kbps(140 + tenths),
            // It falls to 0.85 of what is sent, and grows again.
            Some(tenths) => kbps(187 + (tenths % 50) * 2),
        };
        assert_eq!(tries(120, estimate), [(20, 1_200)]);
    }

    #[test]
    fn where_it_stands_still_the_try_is_short_and_the_next_ones_ever_more_rare() {
        let all = tries(600, |_| kbps(140));
        assert!(all.iter().all(|(from, until)| until - from <= 26), "{all:?}");
        let begins: Vec<u64> = all.iter().map(|(from, _)| from / 10).collect();
        assert_eq!(begins, [2, 16, 43, 93, 192, 314, 437, 559]);
    }

    #[test]
    fn what_is_hardly_ever_reached_is_given_up() {
        // The queue of a way that carries a little less fills again and again.
        let full = |runs: Option<u64>| match runs {
            Some(20) => kbps(220),
            Some(tenths) => kbps(180 + tenths % 20),
            None => kbps(180),
        };
        let all = tries(40, full);
        assert_eq!(all[0], (20, 140));
        let fallen = |runs: Option<u64>| match runs {
            Some(tenths) if tenths > 20 => kbps(160),
            Some(tenths) => kbps(180 + tenths * 2),
            None => kbps(180),
        };
        assert_eq!(tries(20, fallen)[0], (20, 51));
    }

    #[test]
    fn what_is_far_too_much_is_not_tried_unless_nothing_is_known() {
        assert_eq!(tries(60, |_| kbps(100)), []);
        let mut trial = Trial::default();
        let now = start();
        assert!(!trial.runs(now, kbps(80), TAKES, false, true));
        assert!(trial.runs(now + DARK, kbps(80), TAKES, false, true));
        assert!(!trial.runs(now + DARK, kbps(80), TAKES, false, false));
        assert!(!trial.runs(now + DARK, kbps(80), None, false, true));
    }

    #[test]
    fn a_picture_that_fitted_is_gone_on_with_at_once() {
        let mut trial = Trial::default();
        let now = start();
        assert!(!trial.runs(now, kbps(500), TAKES, true, false));
        assert!(
            !trial.runs(now, kbps(190), TAKES, false, false),
            "what was taken for granted at first says nothing"
        );
        for tenths in 0..=50 {
            let now = now + Duration::from_millis(100 * tenths);
            assert!(!trial.runs(now, kbps(260), TAKES, true, false));
        }
        assert!(trial.runs(now + FITTED, kbps(190), TAKES, false, false));
    }
}
