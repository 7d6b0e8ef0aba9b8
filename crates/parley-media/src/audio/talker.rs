//! Whether somebody speaks: the voice flag of each block, and the notice "you are muted and speaking".

/// A block this quiet is never speech.
const QUIET_DBOV: f32 = -55.0;
/// Speech stands so far above the background.
const ABOVE_BACKGROUND_DB: f32 = 9.0;
/// The background is taken to rise by so much a block (4 dB in a second), and falls at once.
const BACKGROUND_RISE_DB: f32 = 0.04;
/// So sure must the noise suppressor's detector be, when it runs.
const SURE: f32 = 0.6;
/// A word's end still counts as speech: 200 ms.
const HANGOVER_BLOCKS: u32 = 20;
/// So much speech within [`MUTED_WINDOW_BLOCKS`] and the person means to be heard.
const MUTED_SPEECH_BLOCKS: u32 = 40;
const MUTED_WINDOW_BLOCKS: u32 = 100;
/// The notice stays for so long after the last word: 3 s.
const NOTICE_BLOCKS: u32 = 300;

/// Tells speech from background.
#[derive(Debug)]
pub(super) struct VoiceDetector {
    background_db: f32,
    hangover: u32,
}

impl Default for VoiceDetector {
    fn default() -> Self {
        Self {
            background_db: -50.0,
            hangover: 0,
        }
    }
}

impl VoiceDetector {
    /// Judges a block by its loudness and, when there is one, another detector's probability.
    pub(super) fn hear(&mut self, rms: f32, probability: Option<f32>) -> bool {
        let db = 20.0 * rms.max(1e-6).log10();
        self.background_db = (self.background_db + BACKGROUND_RISE_DB).min(db.max(-90.0));
        let loud = db > QUIET_DBOV && db > self.background_db + ABOVE_BACKGROUND_DB;
        let speech = match probability {
            Some(probability) => db > QUIET_DBOV && probability >= SURE,
            None => loud,
        };
        if speech {
            self.hangover = HANGOVER_BLOCKS;
        } else {
            self.hangover = self.hangover.saturating_sub(1);
        }
        self.hangover > 0
    }
}

/// Notices a person who speaks while muted.
#[derive(Debug, Default)]
pub(super) struct MutedTalker {
    speech: u32,
    window: u32,
    notice: u32,
}

impl MutedTalker {
    /// Hears the verdict on a block; tells whether to show the notice.
    pub(super) fn hear(&mut self, muted: bool, voice: bool) -> bool {
        if !muted {
            *self = Self::default();
            return false;
        }
        self.speech += u32::from(voice);
        self.window += 1;
        if self.speech >= MUTED_SPEECH_BLOCKS {
            self.notice = NOTICE_BLOCKS;
        }
        if self.window >= MUTED_WINDOW_BLOCKS || self.speech >= MUTED_SPEECH_BLOCKS {
            (self.window, self.speech) = (0, 0);
        }
        self.notice = self.notice.saturating_sub(1);
        self.notice > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{level::rms, speech};

    fn voiced(sound: impl Fn(u64) -> Vec<f32>) -> usize {
        let mut detector = VoiceDetector::default();
        (0..500u64)
            .filter(|block| detector.hear(rms(&sound(*block)), None))
            .count()
    }

    #[test]
    fn speech_is_told_from_steady_noise_and_silence() {
        let speech = voiced(|block| {
            let mut sound = vec![0.0; 480];
            speech::fill(48_000_000 + block * 480, &mut sound);
            sound
        });
        assert!(speech > 300, "{speech} of 500 blocks");
        assert_eq!(voiced(|_| vec![0.0; 480]), 0);
        let hum = voiced(|_| (0..480).map(|i| 0.02 * (i as f32 * 0.05).sin()).collect());
        assert!(hum < 250, "{hum} of 500 blocks of hum");
    }

    #[test]
    fn the_notice_needs_more_than_a_cough_and_goes_by_itself() {
        let mut talker = MutedTalker::default();
        let cough = (0..200).any(|block| talker.hear(true, block < 25));
        assert!(!cough);
        let words = (0..100).any(|_| talker.hear(true, true));
        assert!(words);
        let still_there = (0..400).map(|_| talker.hear(true, false)).last();
        assert_eq!(still_there, Some(false));
    }

    #[test]
    fn unmuting_ends_the_notice() {
        let mut talker = MutedTalker::default();
        assert!((0..100).any(|_| talker.hear(true, true)));
        assert!(!talker.hear(false, true));
    }
}
