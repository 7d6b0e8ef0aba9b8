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
    blocks: u32,
}

impl NoSignal {
    /// Ten milliseconds of the microphone, untouched.
    pub(super) fn hear(&mut self, block: &Block) {
        let nothing = block.iter().all(|sample| sample.abs() < ZERO);
        self.blocks = if nothing { self.blocks.saturating_add(1) } else { 0 };
    }

    /// Another microphone, or none: judged anew.
    pub(super) fn forget(&mut self) {
        self.blocks = 0;
    }

    /// Whether it has given nothing for so long that somebody should know.
    pub(super) const fn is_sure(&self) -> bool {
        self.blocks >= BLOCKS
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
}
