//! Meters: how loud a run of blocks was.

use super::Block;
use crate::packet::AudioLevel;

/// Holds the loudest block since it was last read.
#[derive(Debug, Default)]
pub(super) struct Meter {
    loudest: f32,
}

impl Meter {
    /// Listens to a block.
    pub(super) fn hear(&mut self, block: &Block) {
        self.loudest = self.loudest.max(rms(block));
    }

    /// The loudest since the last reading.
    pub(super) fn read(&mut self) -> AudioLevel {
        AudioLevel::from_rms(std::mem::take(&mut self.loudest))
    }
}

/// Root mean square. A sample that is no number counts as silence.
pub(super) fn rms(samples: &[f32]) -> f32 {
    if samples.is_empty() {
        return 0.0;
    }
    let power = samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32;
    if power.is_finite() { power.sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_shows_the_loudest_block_once() {
        let mut meter = Meter::default();
        meter.hear(&[0.01; 480]);
        meter.hear(&[0.1; 480]);
        meter.hear(&[0.001; 480]);
        assert_eq!(meter.read().minus_dbov(), 20);
        assert_eq!(meter.read(), AudioLevel::SILENCE);
    }

    #[test]
    fn what_is_no_number_is_silence() {
        assert_eq!(rms(&[f32::NAN; 4]), 0.0);
        assert_eq!(rms(&[]), 0.0);
    }
}
