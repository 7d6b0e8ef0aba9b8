//! How like a second of sound is to the built-in speech of any moment up to a second before.
//!
//! It knows nothing of clicks nor of time; [`super::SoundMeter`] gives it whole windows at 12 kHz.

use super::{RATE, STEP};
use crate::audio::speech;
use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use std::sync::Arc;

/// Sound later than this counts as not arrived: 1 s.
const LAG_MAX: usize = RATE;
/// Power of a window of reference that is worth comparing.
const REFERENCE_LEAST: f32 = 1e-5;
/// For a window and all lags of it.
const FFT: usize = 32_768;
/// A window is compared in parts of 100 ms,
const PART: usize = RATE / 10;
/// each of which may lie so much beside the window's lag: 100 ms.
const SHIFT_MAX: usize = RATE / 10;
/// For a part and all its shifts.
const PART_FFT: usize = 4_096;
/// A part moves from where the one before was only to become so much more alike.
const MOVE_LEAST: f64 = 0.05;
/// A part with less than this share of the mean energy tells nothing about where it lies.
const QUIET: f64 = 0.05;

/// Finds how like a second of sound is to the speech of any moment up to [`LAG_MAX`] before.
pub(super) struct Likeness {
    whole: Correlator,
    part: Correlator,
}

/// What a part adds to the likeness of its window.
#[derive(Default)]
struct Sum {
    cross: f64,
    heard: f64,
    said: f64,
}

impl Likeness {
    pub(super) fn new() -> Self {
        Self {
            whole: Correlator::new(FFT),
            part: Correlator::new(PART_FFT),
        }
    }

    /// Of a second of sound whose first sample was played at `position`. None when nothing was said.
    pub(super) fn of(&mut self, heard: &[f32], position: u64) -> Option<f32> {
        let mut said = vec![0.0; LAG_MAX + heard.len()];
        speech::fill_every(
            STEP as u64,
            position.saturating_sub((LAG_MAX * STEP) as u64),
            &mut said,
        );
        let energies = window_energies(&said, heard.len());
        let loudest = energies.iter().copied().fold(0.0, f64::max);
        if loudest < f64::from(REFERENCE_LEAST) * heard.len() as f64 {
            return None;
        }
        let cross = self.whole.cross(heard, &said)?;
        // A nearly empty stretch of the reference matches anything.
        let mut at = best(cross, &energies, loudest / 10.0)?;
        let said_mean = energies[at] * PART as f64 / heard.len() as f64;
        let heard_mean = energy(heard) * PART as f64 / heard.len() as f64;
        let (mut sum, window) = (Sum::default(), at);
        for (number, part) in heard.chunks_exact(PART).enumerate() {
            let offset = number * PART;
            let from = (window + offset).saturating_sub(SHIFT_MAX);
            let to = (window + offset + PART + SHIFT_MAX).min(said.len());
            let near = &said[from..to];
            let own = energy(part);
            let cross = self.part.cross(part, near)?;
            let energies = window_energies(near, PART);
            let like = |at: usize| f64::from(cross[at]) / (energies[at].max(QUIET * said_mean) * own).sqrt();
            let stay = (at + offset).saturating_sub(from).min(cross.len() - 1);
            let mut here = stay;
            if own > QUIET * heard_mean
                && let Some(elsewhere) = best(cross, &energies, QUIET * said_mean)
                && like(elsewhere) > like(stay) + MOVE_LEAST
            {
                here = elsewhere;
            }
            at = (here + from).saturating_sub(offset);
            sum.cross += peak(cross, here);
            sum.heard += own;
            sum.said += energies[here];
        }
        let likeness = sum.cross / (sum.heard * sum.said).sqrt().max(1e-9);
        Some((likeness as f32).clamp(0.0, 1.0))
    }
}

/// Where the correlation is best for the energy there, of the places with more than `least`.
fn best(cross: &[f32], energies: &[f64], least: f64) -> Option<usize> {
    let like = |(at, energy): (usize, &f64)| (at, f64::from(cross[at]) / energy.sqrt());
    energies
        .iter()
        .enumerate()
        .filter(|(_, energy)| **energy > least)
        .map(like)
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(at, _)| at)
}

/// The correlation where it is largest near a place, which is between two samples as often as not: a quarter of one costs the built-in speech
/// two hundredths of its likeness, and half of one more. By a parabola: 0.96 and more are left of it wherever it lies.
fn peak(cross: &[f32], at: usize) -> f64 {
    let of = |at: usize| cross.get(at).copied().map(f64::from);
    let here = f64::from(cross[at]);
    let before = at.checked_sub(1).and_then(of);
    let (Some(before), Some(after)) = (before, of(at + 1)) else {
        return here;
    };
    let bend = 2.0 * here - before - after;
    if here < before.max(after) || bend <= 0.0 {
        return here;
    }
    here + (before - after).powi(2) / (8.0 * bend)
}

fn energy(sound: &[f32]) -> f64 {
    sound.iter().map(|sample| f64::from(*sample).powi(2)).sum()
}

/// Correlates by Fourier transforms.
struct Correlator {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    time: Vec<f32>,
    heard: Vec<Complex<f32>>,
    said: Vec<Complex<f32>>,
}

impl Correlator {
    /// For sounds of up to `length` samples.
    fn new(length: usize) -> Self {
        let mut planner = RealFftPlanner::new();
        let forward = planner.plan_fft_forward(length);
        Self {
            inverse: planner.plan_fft_inverse(length),
            time: forward.make_input_vec(),
            heard: forward.make_output_vec(),
            said: forward.make_output_vec(),
            forward,
        }
    }

    /// The correlation of what was heard with what was said, for each place in it.
    fn cross(&mut self, heard: &[f32], said: &[f32]) -> Option<&[f32]> {
        self.load(heard);
        self.forward.process(&mut self.time, &mut self.heard).ok()?;
        self.load(said);
        self.forward.process(&mut self.time, &mut self.said).ok()?;
        let length = self.time.len() as f32;
        for (said, heard) in self.said.iter_mut().zip(&self.heard) {
            *said *= heard.conj() / length;
        }
        self.inverse.process(&mut self.said, &mut self.time).ok()?;
        self.time.get(..=said.len().checked_sub(heard.len())?)
    }

    fn load(&mut self, sound: &[f32]) {
        self.time.fill(0.0);
        self.time[..sound.len()].copy_from_slice(sound);
    }
}

/// The energy of each stretch of `length`.
fn window_energies(sound: &[f32], length: usize) -> Vec<f64> {
    let mut energy = energy(&sound[..length]);
    let mut energies = vec![energy];
    for (gone, come) in sound.iter().zip(&sound[length..]) {
        energy += f64::from(*come).powi(2) - f64::from(*gone).powi(2);
        energies.push(energy);
    }
    energies
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::speech::SECOND;

    #[test]
    fn where_sound_lies_between_two_samples_hardly_matters() {
        for late in 0..2 * STEP as u64 {
            let mut likeness = Likeness::new();
            let mut alike = Vec::new();
            for second in 10..15 {
                let position = second * SECOND;
                let mut heard = vec![0.0; RATE];
                // A tenth of a second late, and a bit.
                speech::fill_every(STEP as u64, position - SECOND / 10 - late, &mut heard);
                alike.extend(likeness.of(&heard, position));
            }
            assert!(alike.len() >= 3, "{alike:?}");
            assert!(
                alike.iter().all(|alike| *alike > 0.95),
                "{late} samples: {alike:?}"
            );
        }
    }
}
