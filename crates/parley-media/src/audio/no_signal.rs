//! A microphone that is open and gives nothing at all: not quiet, but digital zero, as one does that is switched off at the
//! device or in the system. Every real one that is on has some noise. Owned by the audio thread; no clock, blocks are time.

use super::Block;

/// So many blocks of nothing are no accident: five seconds.
const BLOCKS: u32 = 500;
/// What rounding may leave of zero.
const ZERO: f32 = 1e-7;

/// Counts blocks of nothing, as they come from the device.
#[derive(Debug, Default)]
pub(super) struct NoSignal {
    /// Those of nothing, since the last of something.
    blocks: u32,
    /// The other way round.
    of_something: u32,
}

impl NoSignal {
    /// Ten milliseconds of the microphone, untouched.
    pub(super) fn hear(&mut self, block: &Block) {
        let nothing = block.iter().all(|sample| sample.abs() < ZERO);
        (self.blocks, self.of_something) = if nothing {
            (self.blocks.saturating_add(1), 0)
        } else {
            (0, self.of_something.saturating_add(1))
        };
    }

    /// Another microphone, or none: judged anew.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Whether it has given nothing for so long that somebody should know.
    pub(super) const fn is_sure(&self) -> bool {
        self.blocks >= BLOCKS
    }

    /// Whether it has given something for as long, without a gap: not one that falls silent with every pause in speech.
    pub(super) const fn is_steady(&self) -> bool {
        self.of_something >= BLOCKS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::SILENT_BLOCK;

    #[test]
    fn five_seconds_of_nothing_are_told_and_the_faintest_noise_ends_it() {
        let mut ear = NoSignal::default();
        let mut faint = SILENT_BLOCK;
        faint[17] = -1.0 / 32_768.0;
        for _ in 1..BLOCKS {
            ear.hear(&SILENT_BLOCK);
        }
        assert!(!ear.is_sure());
        ear.hear(&SILENT_BLOCK);
        assert!(ear.is_sure());
        ear.hear(&faint);
        assert!(!ear.is_sure());
        for _ in 0..BLOCKS {
            ear.hear(&SILENT_BLOCK);
        }
        ear.forget();
        assert!(!ear.is_sure());
    }

    #[test]
    fn a_steady_signal_is_one_without_a_gap() {
        let mut ear = NoSignal::default();
        let mut faint = SILENT_BLOCK;
        faint[17] = -1.0 / 32_768.0;
        for gap in [true, false] {
            for _ in 1..BLOCKS {
                ear.hear(&faint);
            }
            assert!(!ear.is_steady());
            if gap {
                ear.hear(&SILENT_BLOCK);
            }
        }
        ear.hear(&faint);
        assert!(ear.is_steady());
        ear.hear(&SILENT_BLOCK);
        assert!(!ear.is_steady());
        for _ in 0..BLOCKS {
            ear.hear(&faint);
        }
        ear.forget();
        assert!(!ear.is_steady(), "another microphone is judged anew");
    }
}
