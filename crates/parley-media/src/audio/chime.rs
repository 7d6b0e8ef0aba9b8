//! The speaker test: three soft bells, made here so that no file is needed.

use super::{Block, SAMPLE_RATE};

/// Frequency in Hz and onset in samples: a rising triad, a fifth of a second apart.
const BELLS: [(f32, usize); 3] = [(523.25, 0), (659.26, 9_600), (783.99, 19_200)];
/// Samples of the whole chime: 1.5 s.
const LENGTH: usize = 72_000;
const LOUDNESS: f32 = 0.12;
/// A bell falls to a third in a quarter of a second.
const DECAY_S: f32 = 0.25;

/// A chime in the middle of its sounding.
#[derive(Debug, Default)]
pub(super) struct Chime {
    at: usize,
}

impl Chime {
    /// Adds the next 10 ms to a block; false once it has ended.
    pub(super) fn add_to(&mut self, block: &mut Block) -> bool {
        for sample in block.iter_mut() {
            *sample += sample_at(self.at);
            self.at += 1;
        }
        self.at < LENGTH
    }
}

fn sample_at(at: usize) -> f32 {
    let fade_out = ((LENGTH.saturating_sub(at)) as f32 / 4_800.0).min(1.0);
    let bells = BELLS.iter().filter(|(_, onset)| at >= *onset).map(|(hz, onset)| {
        let t = (at - onset) as f32 / SAMPLE_RATE as f32;
        let strike = (t / 0.005).min(1.0);
        let angle = std::f32::consts::TAU * hz * t;
        strike * (-t / DECAY_S).exp() * (angle.sin() + 0.3 * (2.0 * angle).sin() * (-t / 0.1).exp())
    });
    LOUDNESS * fade_out * bells.sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{SILENT_BLOCK, level::rms};

    #[test]
    fn it_is_soft_ends_by_itself_and_ends_in_silence() {
        let mut chime = Chime::default();
        let mut loudest = 0.0f32;
        let mut blocks = 1;
        let mut block = SILENT_BLOCK;
        while chime.add_to(&mut block) {
            loudest = loudest.max(rms(&block));
            block = SILENT_BLOCK;
            blocks += 1;
        }
        assert_eq!(blocks, 150);
        assert!((0.03..0.3).contains(&loudest), "{loudest}");
        assert!(rms(&block[400..]) < 0.001);
    }
}
