//! Other rates at the edge: 10 ms of the device's rate to or from 10 ms at 48 kHz.

use crate::audio::{BLOCK_SAMPLES, Block, SAMPLE_RATE, SILENT_BLOCK};
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

/// Whether the engine can live with this rate: 10 ms of it must be a whole number of samples.
pub(super) const fn rate_is_usable(rate: u32) -> bool {
    rate >= 8_000 && rate <= 192_000 && rate.is_multiple_of(100)
}

/// Samples in 10 ms at a rate.
pub(super) const fn block_at(rate: u32) -> usize {
    rate as usize / 100
}

/// Turns blocks of one rate into blocks of another. Nothing is allocated once it is made.
pub(super) struct EdgeResampler {
    inner: Fft<f32>,
    device_block: Vec<f32>,
    to_device: bool,
}

impl std::fmt::Debug for EdgeResampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EdgeResampler")
            .field("to_device", &self.to_device)
            .finish_non_exhaustive()
    }
}

impl EdgeResampler {
    /// From the device's rate to 48 kHz, or the other way. None when such a pair cannot be made.
    pub(super) fn new(device_rate: u32, to_device: bool) -> Option<Self> {
        let (from, to) = if to_device {
            (SAMPLE_RATE, device_rate)
        } else {
            (device_rate, SAMPLE_RATE)
        };
        let device = block_at(device_rate);
        let chunk = if to_device { BLOCK_SAMPLES } else { device };
        let inner = Fft::new(from as usize, to as usize, chunk, 1, FixedSync::Both).ok()?;
        let wanted = if to_device {
            (BLOCK_SAMPLES, device)
        } else {
            (device, BLOCK_SAMPLES)
        };
        ((inner.input_frames_next(), inner.output_frames_next()) == wanted).then(|| Self {
            inner,
            device_block: vec![0.0; device],
            to_device,
        })
    }

    /// Where 10 ms of the device are put in or taken out.
    pub(super) fn device_block(&mut self) -> &mut [f32] {
        &mut self.device_block
    }

    /// 48 kHz to the device's rate, into [`EdgeResampler::device_block`].
    pub(super) fn write(&mut self, block: &Block) {
        let frames = self.device_block.len();
        let done = InterleavedSlice::new(&block[..], 1, BLOCK_SAMPLES).is_ok_and(|input| {
            InterleavedSlice::new_mut(&mut self.device_block, 1, frames)
                .is_ok_and(|mut output| self.inner.process_into_buffer(&input, &mut output, None).is_ok())
        });
        if !done {
            self.device_block.fill(0.0);
        }
    }

    /// [`EdgeResampler::device_block`] to 48 kHz.
    pub(super) fn read(&mut self) -> Block {
        let mut block = SILENT_BLOCK;
        let frames = self.device_block.len();
        let done = InterleavedSlice::new(&self.device_block[..], 1, frames).is_ok_and(|input| {
            InterleavedSlice::new_mut(&mut block[..], 1, BLOCK_SAMPLES)
                .is_ok_and(|mut output| self.inner.process_into_buffer(&input, &mut output, None).is_ok())
        });
        if done { block } else { SILENT_BLOCK }
    }
}

/// A whole sound at another rate. None when the rates make no sense.
pub(crate) fn resample_all(mono: &[f32], from: u32, to: u32) -> Option<Vec<f32>> {
    if from == to || mono.is_empty() {
        return Some(mono.to_vec());
    }
    let mut resampler = Fft::<f32>::new(from as usize, to as usize, 1_024, 1, FixedSync::Both).ok()?;
    let mut out = vec![0.0; resampler.process_all_needed_output_len(mono.len())];
    let frames = out.len();
    let input = InterleavedSlice::new(mono, 1, mono.len()).ok()?;
    let mut output = InterleavedSlice::new_mut(&mut out, 1, frames).ok()?;
    let (_, made) = resampler
        .process_all_into_buffer(&input, &mut output, mono.len(), None)
        .ok()?;
    out.truncate(made);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    #[test]
    fn every_usual_rate_keeps_a_tone_a_tone() {
        for rate in [8_000, 16_000, 24_000, 32_000, 44_100, 88_200, 96_000, 192_000] {
            assert!(rate_is_usable(rate));
            let mut up = EdgeResampler::new(rate, false).unwrap();
            let mut out = Vec::new();
            for block in 0..50 {
                let start = block * block_at(rate);
                for (i, sample) in up.device_block().iter_mut().enumerate() {
                    *sample = 0.5 * (TAU * 1_000.0 * ((start + i) as f32) / rate as f32).sin();
                }
                out.extend_from_slice(&up.read());
            }
            // Past the filter's start the loudness is that of the sine, and so is the number of its zero crossings.
            let steady = &out[9_600..];
            let rms = (steady.iter().map(|s| s * s).sum::<f32>() / steady.len() as f32).sqrt();
            assert!((rms - 0.5 / 2f32.sqrt()).abs() < 0.005, "{rate}: {rms}");
            let crossings = steady.windows(2).filter(|w| w[0] < 0.0 && w[1] >= 0.0).count();
            assert!(crossings.abs_diff(steady.len() / 48) <= 1, "{rate}: {crossings}");
        }
    }

    #[test]
    fn a_block_for_the_device_has_the_devices_length() {
        let mut down = EdgeResampler::new(44_100, true).unwrap();
        down.write(&[0.25; BLOCK_SAMPLES]);
        assert_eq!(down.device_block().len(), 441);
    }

    #[test]
    fn odd_rates_are_refused() {
        for rate in [0, 11_025, 22_050, 44_101, 500_000] {
            assert!(!rate_is_usable(rate));
        }
        assert!(resample_all(&[0.0; 10], 0, 48_000).is_none());
    }
}
