//! How much faster the speaker's clock is than the microphone's, from the way of the echo: a way that grows longer shows in the
//! phases of its bins.
//!
//! Twice a second the way is compared with what it was: the phase of the sum over all partitions of now times the conjugate of
//! then falls with the frequency, and how steeply tells by how much the way moved. What is left to correct after the
//! reference was read at the corrected rate is measured again, so an error of the measurement does not stay. Owned by the
//! canceller; knows no time but blocks.

use super::filter::{BINS, Bin, Bins, PARTITIONS};
use crate::audio::BLOCK_SAMPLES;

/// Blocks between two looks: half a second.
const EVERY: usize = 50;
/// Of them, so many must have had something played, or nothing was learnt.
const PLAYED_LEAST: usize = EVERY / 3;
/// Of what is measured, so much is corrected at once: the filter follows within a second or so, and must not be outrun.
const CORRECTED: f64 = 0.3;
/// Clocks of sound cards differ by less: 300 millionths.
const MOST: f64 = 3e-4;
/// Bins that tell: 200 Hz to 3.6 kHz. 280 millionths turn the highest by half a turn between two looks.
const TELLING: std::ops::Range<usize> = 4..72;

pub(super) struct Drift {
    before: Vec<Bins>,
    known: bool,
    blocks: usize,
    played: usize,
    more: f64,
}

impl Drift {
    pub(super) fn new() -> Self {
        Self {
            before: vec![vec![Bin::default(); BINS]; PARTITIONS],
            known: false,
            blocks: 0,
            played: 0,
            more: 0.0,
        }
    }

    /// By how much more than a sample of the speaker's a sample of the microphone's lasts.
    pub(super) const fn more(&self) -> f64 {
        self.more
    }

    /// The way changed for another reason: the next look compares with nothing older.
    pub(super) fn start_anew(&mut self) {
        (self.known, self.blocks, self.played) = (false, 0, 0);
    }

    /// A block has passed. `played`: there was something to learn the way from.
    pub(super) fn follow(&mut self, way: &[Bins], played: bool) {
        self.blocks += 1;
        self.played += usize::from(played);
        if self.blocks < EVERY {
            return;
        }
        if self.known && self.played >= PLAYED_LEAST {
            let per_sample = self.moved(way) / (BLOCK_SAMPLES * EVERY) as f64;
            self.more = (self.more - CORRECTED * per_sample).clamp(-MOST, MOST);
        }
        for (before, way) in self.before.iter_mut().zip(way) {
            before.copy_from_slice(way);
        }
        (self.known, self.blocks, self.played) = (true, 0, 0);
    }

    /// By how many samples the way has grown longer: the slope of the phases, by least squares, each as sure as it is strong.
    fn moved(&self, way: &[Bins]) -> f64 {
        let (mut slope, mut weight) = (0.0, 1e-12);
        for bin in TELLING {
            let turned: Bin = way
                .iter()
                .zip(&self.before)
                .map(|(now, then)| now[bin] * then[bin].conj())
                .sum();
            let (sure, frequency) = (f64::from(turned.norm()), bin as f64);
            slope -= sure * frequency * f64::from(turned.arg());
            weight += sure * frequency * frequency;
        }
        slope / weight * (2 * BLOCK_SAMPLES) as f64 / std::f64::consts::TAU
    }
}
