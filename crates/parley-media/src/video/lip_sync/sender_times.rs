//! What is known of the clocks of one sender's sound and picture: which moment each RTP time stands for, as the sender reports
//! (RFC 3550, 6.4.1), and when what was captured then comes here by the quickest way. Sans-IO inside; the handle is shared
//! by whoever receives packets and whoever shows pictures.
//!
//! Nothing here is believed at once after it was contradicted: a report that does not fit the one before it counts from the
//! next one that fits it, and until then for neither track, since a clock that was set jumps for both.

use crate::time::{AUDIO_CLOCK_HZ, ArrivalTime, RtpTime, VIDEO_CLOCK_HZ};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Two reports fit each other when their two clocks went on equally far, to within this ...
const FIT_US: i64 = 50_000;
/// ... and one part in so many: no sound card's clock is worse.
const FIT_PART: i64 = 200;
/// A transit that differs so much from the quickest is another stream's: counting begins anew.
const ANOTHER_US: i64 = 3_000_000;
/// Two of these make the time of which the quickest counts.
const WINDOW: Duration = Duration::from_secs(1);

/// Which of the two tracks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lip {
    /// What is heard.
    Sound,
    /// What is seen.
    Picture,
}

/// A moment of the sender's clock of the day: seconds since 1900 in the upper, parts of a second in the lower half (RFC 5905, 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// Microseconds since an earlier moment; negative when it is a later one. Right over 68 years, also across the end of an
    /// era.
    fn us_since(self, earlier: Self) -> i64 {
        let difference = self.0.wrapping_sub(earlier.0) as i64;
        ((i128::from(difference) * 1_000_000) >> 32) as i64
    }
}

/// The shared handle. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct SenderTimes(Arc<Mutex<Known>>);

#[derive(Debug)]
struct Known {
    sound: Reported,
    picture: Reported,
    sound_arrivals: Quickest,
    /// How long pictures were held last, and sound was to be at least.
    kept_us: (i64, i64),
}

impl Default for Known {
    fn default() -> Self {
        Self {
            sound: Reported::default(),
            picture: Reported::default(),
            sound_arrivals: Quickest::new(AUDIO_CLOCK_HZ),
            kept_us: (0, 0),
        }
    }
}

impl SenderTimes {
    /// With nothing known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another stream begins in this track: what was known of the earlier one counts no more.
    pub fn begin(&self, which: Lip) {
        let mut known = self.lock();
        match which {
            Lip::Sound => {
                known.sound = Reported::default();
                known.sound_arrivals = Quickest::new(AUDIO_CLOCK_HZ);
            }
            Lip::Picture => known.picture = Reported::default(),
        }
    }

    /// The sender reports that `rtp_time` of this track is its `ntp`.
    pub fn report(&self, which: Lip, ntp: NtpTime, rtp_time: RtpTime) {
        let mut known = self.lock();
        let jumped = match which {
            Lip::Sound => known.sound.take(ntp, rtp_time, AUDIO_CLOCK_HZ),
            Lip::Picture => known.picture.take(ntp, rtp_time, VIDEO_CLOCK_HZ),
        };
        if jumped {
            known.sound.settled = false;
            known.picture.settled = false;
        }
    }

    /// A packet of sound came, not sent again. Pictures are counted by whoever shows them, when they are whole.
    pub fn sound_arrived(&self, at: ArrivalTime, rtp_time: RtpTime) {
        self.lock().sound_arrivals.observe(at.0, rtp_time);
    }

    /// How much later what was said at some moment arrives than what was seen then is whole, each by its quickest way;
    /// negative when the picture is the later one. `None` while the reports of either are missing or were contradicted, or while
    /// no sound comes.
    pub(super) fn sound_behind_us(&self, now: Instant, pictures: &Quickest) -> Option<i64> {
        let known = self.lock();
        let (sound, picture) = (known.sound.settled()?, known.picture.settled()?);
        let heard = known.sound_arrivals.moment(now, sound.rtp_time)?;
        let seen = pictures.moment(now, picture.rtp_time)?;
        Some(
            heard
                .us_after(seen)
                .saturating_sub(sound.ntp.us_since(picture.ntp)),
        )
    }

    pub(super) fn kept_us(&self) -> (i64, i64) {
        self.lock().kept_us
    }

    pub(super) fn keep_us(&self, delay_us: i64, hold_us: i64) {
        self.lock().kept_us = (delay_us, hold_us);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which RTP time is which moment, as reported last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Report {
    ntp: NtpTime,
    rtp_time: RtpTime,
}

/// The reports of one track.
#[derive(Debug, Default)]
struct Reported {
    last: Option<Report>,
    settled: bool,
}

impl Reported {
    /// Takes a report in; gives whether it contradicts the one before.
    fn take(&mut self, ntp: NtpTime, rtp_time: RtpTime, hz: u32) -> bool {
        if ntp.0 == 0 {
            return false; // a sender that has no clock of the day (RFC 3550, 6.4.1)
        }
        let report = Report { ntp, rtp_time };
        let Some(last) = self.last.replace(report) else {
            self.settled = true;
            return false;
        };
        let said_us = ntp.us_since(last.ntp);
        let counted_us = ticks_us(rtp_time.since(last.rtp_time).into(), hz);
        let may_differ_us = FIT_US + (counted_us / FIT_PART).abs();
        self.settled = said_us.saturating_sub(counted_us).saturating_abs() <= may_differ_us;
        !self.settled
    }

    fn settled(&self) -> Option<Report> {
        self.last.filter(|_| self.settled)
    }
}

/// When the quickest packets (or pictures) of a stream came, of the last one to two seconds in which any came.
#[derive(Debug)]
pub(super) struct Quickest {
    hz: u32,
    line: Option<Line>,
}

#[derive(Debug)]
struct Line {
    begun: Instant,
    newest: RtpTime,
    /// Ticks from the first packet to the newest.
    ticks: i64,
    window_end: Instant,
    minimum_us: i64,
    before_us: Option<i64>,
    seen: Instant,
}

/// A stream that gave nothing for so long has no line: what it would tell is a guess.
const STALE: Duration = Duration::from_secs(10);

/// A moment, told from another one: what is extrapolated may lie before anything that this machine can name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    from: Instant,
    plus_us: i64,
}

impl Moment {
    fn us_after(self, other: Self) -> i64 {
        us_between(other.from, self.from).saturating_add(self.plus_us.saturating_sub(other.plus_us))
    }

    /// As a time of this machine; the beginning of the stream when it is before that.
    pub(super) fn instant(self) -> Instant {
        match u64::try_from(self.plus_us) {
            Ok(us) => self
                .from
                .checked_add(Duration::from_micros(us))
                .unwrap_or(self.from),
            Err(_) => self.from,
        }
    }
}

impl Quickest {
    pub(super) const fn new(hz: u32) -> Self {
        Self { hz, line: None }
    }

    /// One came.
    pub(super) fn observe(&mut self, at: Instant, rtp_time: RtpTime) {
        let hz = self.hz;
        let line = self.line.as_mut();
        if !line.is_some_and(|line| line.observe(at, rtp_time, hz)) {
            self.line = Some(Line::new(at, rtp_time));
        }
    }

    /// When what has this RTP time comes by the quickest way.
    pub(super) fn moment(&self, now: Instant, rtp_time: RtpTime) -> Option<Moment> {
        let line = self.line.as_ref()?;
        let is_stale = now.saturating_duration_since(line.seen) > STALE;
        let ticks = line.ticks.saturating_add(rtp_time.since(line.newest).into());
        (!is_stale).then(|| Moment {
            from: line.begun,
            plus_us: ticks_us(ticks, self.hz).saturating_add(line.quickest_us()),
        })
    }
}

impl Line {
    fn new(at: Instant, rtp_time: RtpTime) -> Self {
        Self {
            begun: at,
            newest: rtp_time,
            ticks: 0,
            window_end: at + WINDOW,
            minimum_us: 0,
            before_us: None,
            seen: at,
        }
    }

    /// False when this belongs to another line.
    fn observe(&mut self, at: Instant, rtp_time: RtpTime, hz: u32) -> bool {
        let step = i64::from(rtp_time.since(self.newest));
        let ticks = self.ticks.saturating_add(step);
        let transit_us = us_between(self.begun, at).saturating_sub(ticks_us(ticks, hz));
        if transit_us.saturating_sub(self.quickest_us()).saturating_abs() > ANOTHER_US {
            return false;
        }
        if step > 0 {
            (self.newest, self.ticks) = (rtp_time, ticks);
        }
        self.seen = self.seen.max(at);
        if at >= self.window_end {
            self.before_us = Some(self.minimum_us);
            self.minimum_us = transit_us;
            self.window_end = at + WINDOW;
        } else {
            self.minimum_us = self.minimum_us.min(transit_us);
        }
        true
    }

    fn quickest_us(&self) -> i64 {
        self.before_us
            .map_or(self.minimum_us, |before| before.min(self.minimum_us))
    }
}

fn ticks_us(ticks: i64, hz: u32) -> i64 {
    let us = i128::from(ticks) * 1_000_000 / i128::from(hz.max(1));
    i64::try_from(us).unwrap_or(if us < 0 { i64::MIN } else { i64::MAX })
}

/// Microseconds from `from` to `to`, negative when `to` is the earlier.
fn us_between(from: Instant, to: Instant) -> i64 {
    let us = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    match to.checked_duration_since(from) {
        Some(later) => us(later),
        None => -us(from.saturating_duration_since(to)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "test: any moment will do as the start")]
    fn start() -> Instant {
        Instant::now() + Duration::from_secs(100)
    }

    #[test]
    fn the_clock_of_the_day_is_counted_across_the_end_of_its_era() {
        let half = 1u64 << 31;
        assert_eq!(NtpTime(half).us_since(NtpTime(0)), 500_000);
        assert_eq!(NtpTime(half).us_since(NtpTime(u64::MAX - half + 1)), 1_000_000);
        assert_eq!(NtpTime(u64::MAX - half + 1).us_since(NtpTime(half)), -1_000_000);
    }

    #[test]
    fn the_quickest_of_the_last_seconds_counts_and_a_longer_way_is_learned() {
        let (begin, mut quickest) = (start(), Quickest::new(90_000));
        let at = |ms: u64| begin + Duration::from_millis(ms);
        let expects = |quickest: &Quickest, now_ms: u64| {
            let moment = quickest.moment(at(now_ms), RtpTime(0)).unwrap();
            us_between(begin, moment.instant()) / 1000
        };
        for n in 0..30u32 {
            let late = if n % 3 == 0 { 20 } else { 45 };
            quickest.observe(at(u64::from(n) * 33 + late), RtpTime(n * 33 * 90));
        }
        assert_eq!(expects(&quickest, 1_000), 20);
        for n in 30..120u32 {
            quickest.observe(at(u64::from(n) * 33 + 70), RtpTime(n * 33 * 90));
        }
        assert_eq!(expects(&quickest, 4_000), 70);
        assert!(quickest.moment(at(30_000), RtpTime(0)).is_none(), "too long ago");
    }

    #[test]
    fn numbers_of_another_stream_begin_anew_and_wrapping_ones_do_not() {
        let (begin, mut quickest) = (start(), Quickest::new(90_000));
        let first = u32::MAX - 45_000;
        for n in 0..40u32 {
            let at = begin + Duration::from_millis(u64::from(n) * 33);
            quickest.observe(at, RtpTime(first.wrapping_add(n * 33 * 90)));
        }
        let begun = |quickest: &Quickest| quickest.line.as_ref().map(|line| line.begun);
        assert_eq!(begun(&quickest), Some(begin));
        let later = begin + Duration::from_secs(2);
        quickest.observe(later, RtpTime(700_000_000));
        assert_eq!(begun(&quickest), Some(later));
    }

    #[test]
    fn a_report_that_contradicts_the_last_counts_for_nobody_until_it_is_confirmed() {
        let times = SenderTimes::new();
        let (now, mut pictures) = (start(), Quickest::new(90_000));
        times.sound_arrived(ArrivalTime(now), RtpTime(0));
        pictures.observe(now, RtpTime(0));
        let behind_ms = || times.sound_behind_us(now, &pictures).map(|us| us / 1000);
        let second = 1u64 << 32;
        times.report(Lip::Sound, NtpTime(9 * second), RtpTime(0));
        assert_eq!(behind_ms(), None, "of the picture nothing is known yet");
        times.report(Lip::Picture, NtpTime(0), RtpTime(7));
        assert_eq!(behind_ms(), None, "a sender without a clock says nothing");
        times.report(Lip::Picture, NtpTime(9 * second), RtpTime(900));
        assert_eq!(behind_ms(), Some(-10));
        // The sender's clock is set back by an hour, which its sound tells first.
        let hour = 3_600 * second;
        let back = |s: u64| NtpTime((s * second).wrapping_sub(hour));
        times.report(Lip::Sound, back(10), RtpTime(48_000));
        assert_eq!(behind_ms(), None);
        times.report(Lip::Picture, back(10), RtpTime(90_900));
        times.report(Lip::Sound, back(11), RtpTime(96_000));
        assert_eq!(behind_ms(), None, "the picture's is not confirmed yet");
        times.report(Lip::Picture, back(11), RtpTime(180_900));
        assert_eq!(behind_ms(), Some(-10));
        times.begin(Lip::Picture);
        assert_eq!(behind_ms(), None);
    }
}
