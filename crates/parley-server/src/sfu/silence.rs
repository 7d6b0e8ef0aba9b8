//! Whether there is anything to hear in a packet of sound: what is silent is not passed on (nobody would hear it, and in a large
//! room most microphones are).
//!
//! Owned by an up track. What is quiet goes on for a second, so that the ends of words and the noise of a room are not cut.

use std::time::{Duration, Instant};

/// From so many dB below the loudest there is on, a packet counts as silent.
const SILENT_DB: u8 = 75;
const HOLD: Duration = Duration::from_secs(1);

/// What to do with a packet of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sound {
    /// Passed on.
    Heard,
    /// Passed on, the first one after silence.
    Again,
    /// Kept back.
    Silent,
}

/// One microphone's gate.
#[derive(Debug, Default)]
pub(super) struct Silence {
    heard: Option<Instant>,
    resting: bool,
}

impl Silence {
    /// A packet came whose level is so many dB below the loudest there is; `None` where packets do not tell.
    pub(super) fn judge(&mut self, now: Instant, below_db: Option<u8>) -> Sound {
        if below_db.is_none_or(|below| below < SILENT_DB) {
            self.heard = Some(now);
        }
        let heard = *self.heard.get_or_insert(now);
        if now > heard + HOLD {
            self.resting = true;
            return Sound::Silent;
        }
        if std::mem::take(&mut self.resting) {
            Sound::Again
        } else {
            Sound::Heard
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_kept_back_and_the_first_sound_after_it_is_not() {
        #[expect(clippy::disallowed_methods, reason = "a start to count from")]
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut silence = Silence::default();
        assert_eq!(
            silence.judge(at(0), Some(127)),
            Sound::Heard,
            "whoever begins is heard for a second"
        );
        assert_eq!(silence.judge(at(900), Some(30)), Sound::Heard);
        assert_eq!(silence.judge(at(1_900), Some(80)), Sound::Heard);
        assert_eq!(silence.judge(at(1_920), Some(80)), Sound::Silent);
        assert_eq!(silence.judge(at(9_000), Some(74)), Sound::Again);
        assert_eq!(silence.judge(at(9_020), Some(127)), Sound::Heard);
        assert_eq!(silence.judge(at(99_000), Some(127)), Sound::Silent);
        assert_eq!(
            silence.judge(at(99_020), None),
            Sound::Again,
            "who does not tell is always heard"
        );
    }
}
