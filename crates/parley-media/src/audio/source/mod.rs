//! Where the sound of this side comes from, as the engine sees it: a block of 10 ms when one is due.

mod wav;

use super::{Block, SAMPLE_RATE, SILENT_BLOCK, speech};
use crate::device::sound::MicrophoneRing;
pub use wav::{LoadWavError, check_wav};
pub(super) use wav::{WavLoad, WavLoop};

const TONE_HZ: f64 = 440.0;
const TONE_PEAK: f64 = 0.1;

/// A source that is ready to give sound.
#[derive(Debug)]
pub(super) enum Source {
    /// Nothing is wanted.
    Off,
    /// Something is wanted and not there (yet).
    Absent,
    /// The built-in speech.
    Speech,
    /// A steady tone.
    Tone,
    /// A file.
    Wav(WavLoop),
    /// A microphone.
    Microphone(MicrophoneRing),
}

impl Source {
    /// Whether the clock paces it (a microphone paces itself).
    pub(super) const fn paced_by_clock(&self) -> bool {
        matches!(self, Self::Speech | Self::Tone | Self::Wav(_))
    }

    /// The next 10 ms of a source that the clock paces, beginning at `position` (samples since the UNIX epoch).
    pub(super) fn block(&mut self, position: u64) -> Block {
        let mut block = SILENT_BLOCK;
        match self {
            Self::Speech => speech::fill(position, &mut block),
            Self::Tone => tone(position, &mut block),
            Self::Wav(wav) => wav.fill(&mut block),
            Self::Off | Self::Absent | Self::Microphone(_) => {}
        }
        block
    }
}

fn tone(position: u64, block: &mut Block) {
    // The tone repeats with the second, so the position within it is enough and stays exact.
    let start = position % u64::from(SAMPLE_RATE);
    for (offset, sample) in block.iter_mut().enumerate() {
        let t = (start + offset as u64) as f64 / f64::from(SAMPLE_RATE);
        *sample = (TONE_PEAK * (std::f64::consts::TAU * TONE_HZ * t).sin()) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tone_has_no_seam() {
        let mut source = Source::Tone;
        let sound: Vec<f32> = (0..300)
            .flat_map(|block| source.block(96_000_000 - 48_000 + block * 480))
            .collect();
        let steepest = sound.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
        assert!(steepest < 0.1 * std::f32::consts::TAU * 440.0 / 48_000.0 * 1.01);
    }
}
