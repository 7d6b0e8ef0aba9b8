//! Sound between its samples: a windowed sinc, read at any fraction of a sample.
//!
//! A table of [`PHASES`] fractions, straight lines between them. It owns no sound; who reads keeps the samples.

use std::f32::consts::PI;

/// Samples that one value is made of.
pub(super) const TAPS: usize = 32;
/// So many of them lie before the place that is read, or on it.
pub(super) const BEFORE: usize = TAPS / 2;
/// Fractions of a sample in the table; what lies between two of them is 90 dB below the sound.
const PHASES: usize = 256;

/// The weights of the samples around a place, for any place.
pub(super) struct Fraction {
    table: Vec<[f32; TAPS]>,
}

impl Fraction {
    pub(super) fn new() -> Self {
        let weights = |phase: usize| {
            let part = phase as f32 / PHASES as f32;
            std::array::from_fn(|tap| {
                let x = tap as f32 - (BEFORE - 1) as f32 - part;
                let sinc = if x.abs() < 1e-6 {
                    1.0
                } else {
                    (PI * x).sin() / (PI * x)
                };
                sinc * (PI * x / (TAPS + 2) as f32).cos().powi(2)
            })
        };
        Self {
            table: (0..=PHASES).map(weights).collect(),
        }
    }

    /// The sound at `part` (0 to 1) after the middle: `around` gives sample by sample what lies there, from [`BEFORE`] - 1
    /// samples before the middle on.
    pub(super) fn at(&self, part: f64, around: impl Iterator<Item = f32>) -> f32 {
        let place = part as f32 * PHASES as f32;
        // A part that rounds up to the next sample is the last phase's end.
        let phase = (place as usize).min(PHASES - 1);
        let (mut low, mut high) = (0.0, 0.0);
        for ((sample, a), b) in around.zip(&self.table[phase]).zip(&self.table[phase + 1]) {
            low += a * sample;
            high += b * sample;
        }
        low + (place - phase as f32) * (high - low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_the_same_tone_at_any_fraction() {
        let fraction = Fraction::new();
        let tone = |at: f64| (at * 0.4).sin() as f32;
        for n in 0..100 {
            let at = 50.0 + f64::from(n) * 1.0137;
            let middle = at.floor();
            let around = (0..TAPS).map(|tap| tone(middle + tap as f64 - (BEFORE - 1) as f64));
            let read = fraction.at(at - middle, around);
            assert!((read - tone(at)).abs() < 2e-3, "{at}: {read}");
        }
    }
}
