//! What lies below every voice, taken away: rumble, hum's first harmonic, and the constant that cheap microphones add.
//!
//! A Butterworth of second order (R. Bristow-Johnson, "Cookbook formulae for audio equalizer biquad filter coefficients"). It
//! never changes, so the canceller behind it learns it as a part of the room.

use crate::audio::{Block, SAMPLE_RATE};
use std::f64::consts::{FRAC_1_SQRT_2, TAU};

const CORNER_HZ: f64 = 80.0;

pub(super) struct HighPass {
    /// Of the sound: 1, -2, 1 times this.
    forward: f64,
    /// Of what came out one and two samples ago.
    back: [f64; 2],
    state: [f64; 2],
}

impl HighPass {
    pub(super) fn new() -> Self {
        let (sin, cos) = (TAU * CORNER_HZ / f64::from(SAMPLE_RATE)).sin_cos();
        let alpha = sin / (2.0 * FRAC_1_SQRT_2);
        let whole = 1.0 + alpha;
        Self {
            forward: (1.0 + cos) / (2.0 * whole),
            back: [-2.0 * cos / whole, (1.0 - alpha) / whole],
            state: [0.0; 2],
        }
    }

    pub(super) fn apply(&mut self, block: &mut Block) {
        for sample in block {
            let x = f64::from(*sample) * self.forward;
            let out = x + self.state[0];
            self.state[0] = self.state[1] - 2.0 * x - self.back[0] * out;
            self.state[1] = x - self.back[1] * out;
            *sample = out as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::SILENT_BLOCK;
    use crate::audio::level::rms;

    /// What is left of a tone after a second, as a ratio; of a constant at 0 Hz.
    fn left_of(hz: f64) -> f32 {
        let mut filter = HighPass::new();
        let (mut came, mut left) = (0.0, 0.0);
        for n in 0..100u64 {
            let mut block = SILENT_BLOCK;
            for (i, sample) in block.iter_mut().enumerate() {
                let at = (n * 480 + i as u64) as f64 / f64::from(SAMPLE_RATE);
                *sample = (TAU * hz * at).cos() as f32;
            }
            came = rms(&block);
            filter.apply(&mut block);
            left = rms(&block);
        }
        left / came
    }

    #[test]
    fn voices_pass_and_what_lies_below_them_does_not() {
        assert!(left_of(0.0) < 1e-4, "{}", left_of(0.0));
        assert!(left_of(20.0) < 0.1, "{}", left_of(20.0));
        assert!((left_of(300.0) - 1.0).abs() < 0.01, "{}", left_of(300.0));
    }
}
