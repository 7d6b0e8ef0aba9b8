//! The loudest of each second, from many levels a second. No clock.

use parley_media::packet::AudioLevel;

/// No sound at all, in dBov below full scale (RFC 6464).
const SILENCE: u8 = 127;

/// The loudest since the last taking.
#[derive(Debug, Clone, Copy)]
pub struct Loudness(u8);

impl Default for Loudness {
    fn default() -> Self {
        Self(SILENCE)
    }
}

impl Loudness {
    /// A level was measured.
    pub fn hear(&mut self, level: AudioLevel) {
        self.0 = self.0.min(level.minus_dbov());
    }

    /// The loudest, in dBov (0 is the loudest there is, -127 is nothing), and begins anew.
    pub fn take(&mut self) -> f32 {
        let loudest = std::mem::take(self);
        -f32::from(loudest.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loudest_of_a_second_counts_and_the_next_begins_in_silence() {
        let mut loudness = Loudness::default();
        for level in [90, 30, 127] {
            loudness.hear(AudioLevel::from_minus_dbov(level));
        }
        assert_eq!(loudness.take(), -30.0);
        assert_eq!(loudness.take(), -127.0);
    }
}
