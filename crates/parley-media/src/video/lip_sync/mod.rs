//! When a picture is to be shown so that lips and words go together. Sans-IO: pictures, times and the wait of the sound in, a
//! moment out. Owned by the receive thread.
//!
//! Sound waits in its jitter buffer for as long as the network asks for; a picture shown as soon as it is whole would be ahead of
//! it. So each picture is shown a *delay* after the moment at which the quickest of the last pictures would have been whole: the
//! delay is what the sound waits longer, and pictures that came unevenly are shown as evenly as the sound is heard.
//!
//! Where it is the picture that takes longer (a narrow uplink, a slow encoder), nothing can hurry it: then the sound has to wait. How
//! long at least is told in [`LipSyncFigures::sound_hold_ms`]: no more than brings words within the bounds, and at most [`HOLD_MAX`],
//! since people talk to each other.
//!
//! Where packets are lost, pictures are held for what is sent again ([`cushion`]), if that is longer than for the sound.
//!
//! What a sender reports can be wrong or hostile: the delay stays within [`DELAY_MAX`], moves by small steps, and stays as it is
//! while the reports say nothing or nonsense (RFC 3550, 6.4.1; bounds after ITU-R BT.1359-1, which lets words be later than
//! lips rather than earlier). What comes after both, the speaker's ring and the drawing, takes about equally long and is left out.

mod cushion;
mod sender_times;

use crate::time::{ArrivalTime, RtpTime, VIDEO_CLOCK_HZ};
use cushion::Cushion;
use sender_times::Quickest;
pub use sender_times::{Lip, NtpTime, SenderTimes};
use std::time::{Duration, Instant};

/// No picture is held longer than this.
pub const DELAY_MAX: Duration = Duration::from_millis(300);
/// No sound is asked to wait longer than this for pictures.
pub const HOLD_MAX: Duration = Duration::from_millis(120);
/// So much words may be ahead of most pictures before they are held: within the bounds, and talk stays quick.
const WORDS_FIRST_US: i64 = 30_000;
/// The hold moves by no more than this part of the time that passes, which stretching sound follows unheard.
const HOLD_PART: i64 = 32;
/// A picture that is later than this was repaired or waited for: that is a freeze, and no reason to hold the sound.
const LATE_MAX_US: i64 = 400_000;
/// How fast it is learned that pictures come later, in parts of each, ...
const LATER_PART: i64 = 8;
/// ... and that they come sooner: seconds, so that most of them count and not the middle.
const SOONER_PART: i64 = 128;
/// So much the picture is aimed to be ahead: within the bounds with room on both sides, and shown that much sooner.
const LEAD_US: i64 = 25_000;
/// Within so much of its aim the delay rests.
const REST_US: i64 = 8_000;
/// The delay moves by no more than this part of the time that passes: 60 ms a second is not seen.
const MOVE_PART: i64 = 16;
/// At the very beginning nobody knows yet how it moves, and sound waits longest then, for what the first pictures put into the way: a
/// third of the time.
const FIRST: Duration = Duration::from_millis(650);
const FIRST_MOVE_PART: i64 = 3;
/// A pause moves it no further than this one.
const MOVE_TIME_MAX: Duration = Duration::from_millis(200);
/// Nor does one picture ever move it further than the longest pause does: at 27 pictures a second and more that is no bound.
const JUMP_US: i64 = 200_000 / MOVE_PART;
/// Lips and words that seem so far apart are a mistake in the reports.
const NONSENSE_US: i64 = 1_500_000;

/// What is known of how lips and words go together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LipSyncFigures {
    /// How long pictures are held now beyond what the quickest takes, in milliseconds.
    pub delay_ms: f32,
    /// How much later words are heard than the lips are seen, in milliseconds, of the last picture: negative when the words are
    /// first. Absent while it is not known.
    pub sound_behind_ms: Option<f32>,
    /// How long sound should wait at least between its arrival and its playout, for pictures that are slower than it.
    pub sound_hold_ms: f32,
}

/// See the module.
#[derive(Debug)]
pub struct LipSync {
    times: SenderTimes,
    /// How long sound waits after it came, once it is heard.
    sound_wait: Option<Duration>,
    pictures: Quickest,
    cushion: Cushion,
    delay_us: i64,
    /// How long the sound is to wait at least.
    hold_us: i64,
    /// Until when the delay may move fast.
    first_until: Option<Instant>,
    /// When they were moved last.
    moved: Option<Instant>,
    /// How much later than the quickest most pictures are whole.
    late_us: i64,
    /// What the delay would have to be for lips and words to go together exactly.
    together_us: Option<i64>,
    sound_behind_us: Option<i64>,
}

impl LipSync {
    /// Follows what `times` comes to know. Begins with the delay at which the last one with these times ended: another connection to
    /// the same person moves nothing.
    #[must_use]
    pub fn new(times: SenderTimes) -> Self {
        let (delay_us, hold_us) = times.kept_us();
        Self {
            delay_us,
            hold_us,
            late_us: 0,
            times,
            sound_wait: None,
            pictures: Quickest::new(VIDEO_CLOCK_HZ),
            cushion: Cushion::default(),
            first_until: None,
            moved: None,
            together_us: None,
            sound_behind_us: None,
        }
    }

    /// How long the sound waits between its arrival and its playout; none while it is not heard.
    pub fn set_sound_wait(&mut self, wait: Option<Duration>) {
        self.sound_wait = wait.filter(|wait| *wait > Duration::ZERO);
    }

    /// A picture is whole since `completed`: when to show it. Never before that, and at most [`DELAY_MAX`] after.
    pub fn place(&mut self, now: Instant, completed: ArrivalTime, rtp_time: RtpTime) -> Instant {
        self.place_in(now, completed, rtp_time, false)
    }

    /// The same for a picture of which something came only after it was sent again.
    pub fn place_repaired(&mut self, now: Instant, completed: ArrivalTime, rtp_time: RtpTime) -> Instant {
        self.place_in(now, completed, rtp_time, true)
    }

    fn place_in(
        &mut self,
        now: Instant,
        completed: ArrivalTime,
        rtp_time: RtpTime,
        repaired: bool,
    ) -> Instant {
        self.pictures.observe(completed.0, rtp_time);
        let Some(quickest) = self.pictures.moment(now, rtp_time) else {
            return completed.0;
        };
        let quickest = quickest.instant();
        let late = completed.0.saturating_duration_since(quickest);
        self.note_late(late);
        self.aim(now);
        let delay = Duration::from_micros(u64::try_from(self.delay_us).unwrap_or(0));
        let repaired_late = if repaired { late } else { Duration::ZERO };
        let due = quickest + delay.max(self.cushion.note(now, repaired_late));
        due.clamp(completed.0, completed.0 + DELAY_MAX)
    }

    /// A picture of this RTP time was shown.
    pub fn shown(&mut self, at: Instant, rtp_time: RtpTime) {
        self.sound_behind_us = self.together_us.and_then(|together_us| {
            let quickest = self.pictures.moment(at, rtp_time)?.instant();
            let late = at.saturating_duration_since(quickest).as_micros();
            Some(together_us.saturating_sub(i64::try_from(late).ok()?))
        });
    }

    /// What is known now.
    #[must_use]
    pub fn figures(&self) -> LipSyncFigures {
        let ms = |us: i64| us as f32 / 1e3;
        LipSyncFigures {
            delay_ms: ms(self.delay_us),
            sound_behind_ms: self.sound_behind_us.map(ms),
            sound_hold_ms: ms(self.hold_us),
        }
    }

    fn note_late(&mut self, late: Duration) {
        let late_us = i64::try_from(late.as_micros()).unwrap_or(i64::MAX);
        if late_us <= LATE_MAX_US {
            let away_us = late_us - self.late_us;
            let part = if away_us > 0 { LATER_PART } else { SOONER_PART };
            self.late_us += away_us / part;
        }
    }

    /// Moves delay and hold towards where they belong.
    fn aim(&mut self, now: Instant) {
        let passed = self
            .moved
            .replace(now)
            .map_or(Duration::ZERO, |moved| now.saturating_duration_since(moved));
        let passed_us = whole_us(passed.min(MOVE_TIME_MAX));
        let is_first = now < *self.first_until.get_or_insert(now + FIRST);
        let part = if is_first { FIRST_MOVE_PART } else { MOVE_PART };
        self.together_us = None;
        let Some((behind_us, wait)) = self
            .times
            .sound_behind_us(now, &self.pictures)
            .zip(self.sound_wait)
        else {
            return;
        };
        let together_us = behind_us.saturating_add(whole_us(wait));
        if together_us.saturating_abs() > NONSENSE_US {
            return;
        }
        self.together_us = Some(together_us);
        let delay_us = together_us.saturating_sub(LEAD_US);
        let hold_us = (self.late_us - WORDS_FIRST_US).saturating_sub(behind_us);
        step(
            &mut self.delay_us,
            delay_us,
            DELAY_MAX,
            (passed_us / part).min(JUMP_US),
        );
        step(&mut self.hold_us, hold_us, HOLD_MAX, passed_us / HOLD_PART);
        self.times.keep_us(self.delay_us, self.hold_us);
    }
}

/// Moves `is` towards `aim`, within zero and `max`, by no more than `step_us`; not at all when it is near enough.
fn step(is: &mut i64, aim: i64, max: Duration, step_us: i64) {
    let away_us = aim.clamp(0, whole_us(max)) - *is;
    if away_us.abs() > REST_US {
        *is += away_us.clamp(-step_us, step_us);
    }
}

fn whole_us(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
