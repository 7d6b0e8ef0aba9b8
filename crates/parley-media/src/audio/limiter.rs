//! The soft limiter behind the mixer: several people at once must not overdrive the speaker.
//!
//! Transparent below [`KNEE`]. Above, the gain of a whole block goes down at once and comes back slowly; what is left of a
//! peak inside the block that set it off is bent by a smooth knee, so that nothing ever passes 1.0.

use super::Block;

/// Where it begins to work, linear.
const KNEE: f32 = 0.8;
/// Gain regained in a block: from half to full in about 0.7 s.
const RELEASE_PER_BLOCK: f32 = 1.01;

/// One limiter with its present gain.
#[derive(Debug)]
pub(crate) struct Limiter {
    gain: f32,
}

impl Default for Limiter {
    fn default() -> Self {
        Self { gain: 1.0 }
    }
}

impl Limiter {
    /// Limits one block in place. Samples that are no numbers become silence.
    pub(crate) fn apply(&mut self, block: &mut Block) {
        let mut peak = 0.0f32;
        for sample in block.iter_mut() {
            if !sample.is_finite() {
                *sample = 0.0;
            }
            peak = peak.max(sample.abs());
        }
        let wanted = if peak > KNEE { KNEE / peak } else { 1.0 };
        let end = wanted.min(self.gain * RELEASE_PER_BLOCK);
        if end >= 1.0 && self.gain >= 1.0 {
            self.gain = 1.0;
            return;
        }
        let step = (end - self.gain) / block.len() as f32;
        for sample in block.iter_mut() {
            self.gain += step;
            *sample = bend(*sample * self.gain);
        }
        self.gain = end;
    }
}

fn bend(sample: f32) -> f32 {
    let over = sample.abs() - KNEE;
    if over <= 0.0 {
        return sample;
    }
    let room = 1.0 - KNEE;
    sample.signum() * (KNEE + room * (over / room).tanh())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(amplitude: f32) -> Block {
        std::array::from_fn(|i| amplitude * (i as f32 * 0.13).sin())
    }

    #[test]
    fn ordinary_sound_passes_untouched() {
        let mut limiter = Limiter::default();
        let mut block = tone(0.79);
        limiter.apply(&mut block);
        assert_eq!(block, tone(0.79));
    }

    #[test]
    fn nothing_ever_passes_full_scale() {
        let mut limiter = Limiter::default();
        for amplitude in [0.1, 5.0, 1.2, 40.0, 0.5, f32::INFINITY, 3.0] {
            let mut block = tone(amplitude);
            limiter.apply(&mut block);
            assert!(block.iter().all(|s| s.abs() <= 1.0), "amplitude {amplitude}");
        }
    }

    #[test]
    fn the_gain_comes_back_after_a_loud_moment() {
        let mut limiter = Limiter::default();
        limiter.apply(&mut tone(4.0));
        let mut block = tone(0.5);
        limiter.apply(&mut block);
        assert!(block.iter().all(|s| s.abs() < 0.15));
        for _ in 0..200 {
            limiter.apply(&mut tone(0.5));
        }
        let mut block = tone(0.5);
        limiter.apply(&mut block);
        assert_eq!(block, tone(0.5));
    }
}
