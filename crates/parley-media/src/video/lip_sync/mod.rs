//! When a picture is to be shown so that lips and words go together. Sans-IO: pictures, times and the wait of the sound in, a
//! moment out. Owned by the receive thread.
//!
//! Sound waits in its jitter buffer for as long as the network asks for; a picture shown as soon as it is whole would be ahead of
//! it. So each picture is shown a *delay* after the moment at which the quickest of the last pictures would have been whole: the
//! delay is what the sound waits longer, and pictures that came unevenly are shown as evenly as the sound is heard.
//!
//! What a sender reports can be wrong or hostile: the delay stays within [`DELAY_MAX`], moves by small steps, and stays as it is
//! while the reports say nothing or nonsense (RFC 3550, 6.4.1; bounds after ITU-R BT.1359-1, which lets words be later than
//! lips rather than earlier). What comes after both, the speaker's ring and the drawing, takes about equally long and is left out.

mod sender_times;

use crate::time::{ArrivalTime, RtpTime, VIDEO_CLOCK_HZ};
use sender_times::Quickest;
pub use sender_times::{Lip, NtpTime, SenderTimes};
use std::time::{Duration, Instant};

/// No picture is held longer than this.
pub const DELAY_MAX: Duration = Duration::from_millis(300);
/// So much the picture is aimed to be ahead: within the bounds with room on both sides, and shown that much sooner.
const LEAD_US: i64 = 25_000;
/// Within so much of its aim the delay rests.
const REST_US: i64 = 8_000;
/// The delay moves by no more than this part of the time that passes: 60 ms a second is not seen.
const MOVE_PART: i64 = 16;
/// A pause moves it no further than this one.
const MOVE_TIME_MAX: Duration = Duration::from_millis(200);
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
}

/// See the module.
#[derive(Debug)]
pub struct LipSync {
    times: SenderTimes,
    /// How long sound waits after it came, once it is heard.
    sound_wait: Option<Duration>,
    pictures: Quickest,
    delay_us: i64,
    /// When it was moved last.
    moved: Option<Instant>,
    /// What the delay would have to be for lips and words to go together exactly.
    together_us: Option<i64>,
    sound_behind_us: Option<i64>,
}

impl LipSync {
    /// Follows what `times` comes to know. Begins with the delay at which the last one with these times ended: another connection to
    /// the same person moves nothing.
    #[must_use]
    pub fn new(times: SenderTimes) -> Self {
        Self {
            delay_us: times.delay_us(),
            times,
            sound_wait: None,
            pictures: Quickest::new(VIDEO_CLOCK_HZ),
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
        self.pictures.observe(completed.0, rtp_time);
        self.aim(now);
        let Some(quickest) = self.pictures.moment(now, rtp_time) else {
            return completed.0;
        };
        let quickest = quickest.instant();
        let delay = Duration::from_micros(u64::try_from(self.delay_us).unwrap_or(0));
        let due = quickest + delay;
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
        }
    }

    /// Moves the delay towards where it belongs.
    fn aim(&mut self, now: Instant) {
        let passed = self
            .moved
            .replace(now)
            .map_or(Duration::ZERO, |moved| now.saturating_duration_since(moved));
        self.together_us = self.together(now);
        let Some(together_us) = self.together_us else {
            return;
        };
        let max_us = i64::try_from(DELAY_MAX.as_micros()).unwrap_or(i64::MAX);
        let aim_us = together_us.saturating_sub(LEAD_US).clamp(0, max_us);
        let away_us = aim_us - self.delay_us;
        if away_us.abs() <= REST_US {
            return;
        }
        let step_us = i64::try_from(passed.min(MOVE_TIME_MAX).as_micros()).unwrap_or(0) / MOVE_PART;
        self.delay_us += away_us.clamp(-step_us, step_us);
        self.times.keep_delay_us(self.delay_us);
    }

    fn together(&self, now: Instant) -> Option<i64> {
        let wait_us = i64::try_from(self.sound_wait?.as_micros()).ok()?;
        let behind_us = self.times.sound_behind_us(now, &self.pictures)?;
        let together_us = behind_us.saturating_add(wait_us);
        (together_us.saturating_abs() <= NONSENSE_US).then_some(together_us)
    }
}

#[cfg(test)]
mod tests;
