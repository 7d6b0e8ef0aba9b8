//! How long the echo takes to come, wherever within half a second: by cross-correlation at 8 kHz, each bin weighing the same
//! (PHAT: Knapp and Carter, "The generalized correlation method for estimation of time delay", IEEE TASSP 24(4), 1976).
//!
//! The filter learns a way of a quarter of a second by itself; this is for ways that begin beyond that (Bluetooth, sound
//! servers) or before what is read, and for delays that jump. Owned by the canceller, which moves the reading of the reference.
//! Looks four times a second and allocates nothing once it is made.

use super::filter::Bin;
use crate::audio::{BLOCK_SAMPLES, Block};
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use std::sync::Arc;

/// Of the microphone, half a second is looked for,
const WINDOW: usize = 4_096;
/// in a second of what was played,
const TRANSFORM: usize = 2 * WINDOW;
/// which ends so much younger (40 ms) than what the filter reads.
const AHEAD: usize = 320;
/// The longest way, in steps: 470 ms.
const LAG_MAX: usize = TRANSFORM - WINDOW - AHEAD;
/// Blocks between two looks.
const EVERY: usize = 25;
/// What was seen before counts so much against what is seen now.
const STEADY: f32 = 0.8;
/// Bins that tell: 200 Hz to 3.5 kHz.
const TELLING: std::ops::Range<usize> = 205..3_584;
/// A peak is one when it is so many times the usual: on noise the largest of four thousand is about five times.
const CLEAR: f32 = 12.0;
/// And when the next look finds it again within so many steps.
const SAME: usize = 4;
/// Power of a second that is worth looking at.
const PLAYED_LEAST: f32 = 1e-6;

pub(super) struct EchoDelay {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    scratch: Vec<Bin>,
    played: Decimated,
    heard: Decimated,
    cross: Vec<Bin>,
    bins: Vec<Bin>,
    heard_bins: Vec<Bin>,
    time: Vec<f32>,
    blocks: usize,
    last: Option<usize>,
}

impl EchoDelay {
    pub(super) fn new() -> Self {
        let mut planner = RealFftPlanner::new();
        let forward = planner.plan_fft_forward(TRANSFORM);
        let inverse = planner.plan_fft_inverse(TRANSFORM);
        let scratch = forward.get_scratch_len().max(inverse.get_scratch_len());
        Self {
            scratch: vec![Bin::default(); scratch],
            played: Decimated::new(2 * TRANSFORM),
            heard: Decimated::new(WINDOW),
            cross: forward.make_output_vec(),
            bins: forward.make_output_vec(),
            heard_bins: forward.make_output_vec(),
            time: forward.make_input_vec(),
            forward,
            inverse,
            blocks: 0,
            last: None,
        }
    }

    /// What will be played next.
    pub(super) fn put(&mut self, block: &Block) {
        self.played.put(block);
    }

    /// Delays changed: what was seen before tells nothing any more.
    pub(super) fn forget(&mut self) {
        self.cross.fill(Bin::default());
        self.last = None;
    }

    /// What the microphone heard, and the place in what was played (counted from its first sample) that is read after it. Gives, when
    /// it is sure of it, by how many samples the echo is older than what is read.
    pub(super) fn hear(&mut self, block: &Block, place: f64) -> Option<f64> {
        self.heard.put(block);
        self.blocks += 1;
        if self.blocks < EVERY {
            return None;
        }
        self.blocks = 0;
        if !self.correlate(place) {
            return None;
        }
        // Circular, but no shift of these is wrapped around.
        let shifts = &self.time[..=TRANSFORM - WINDOW];
        let power = shifts.iter().map(|x| x * x).sum::<f32>() / shifts.len() as f32;
        let (shift, peak) = shifts
            .iter()
            .map(|x| x.abs())
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(&b.1))?;
        let again = self.last.is_some_and(|last| last.abs_diff(shift) <= SAME);
        self.last = Some(shift);
        let steps = LAG_MAX as f64 - shift as f64;
        (again && peak > CLEAR * power.sqrt()).then_some(steps * Decimated::STEP as f64)
    }

    /// The correlation of what was played and what was heard at each shift, into [`EchoDelay::time`]. False when nothing was played.
    fn correlate(&mut self, place: f64) -> bool {
        let end = (place / Decimated::STEP as f64).round() as i64 + AHEAD as i64;
        for (n, sample) in self.time.iter_mut().enumerate() {
            *sample = self.played.at(end - TRANSFORM as i64 + n as i64);
        }
        let power = self.time.iter().map(|x| x * x).sum::<f32>() / TRANSFORM as f32;
        if power < PLAYED_LEAST {
            return false;
        }
        // Refused only for a wrong length, which is fixed here and below.
        let _ = self
            .forward
            .process_with_scratch(&mut self.time, &mut self.bins, &mut self.scratch);
        self.time.fill(0.0);
        let heard = self.heard.written as i64 - WINDOW as i64;
        for (n, sample) in self.time[..WINDOW].iter_mut().enumerate() {
            *sample = self.heard.at(heard + n as i64);
        }
        let _ = self
            .forward
            .process_with_scratch(&mut self.time, &mut self.heard_bins, &mut self.scratch);
        for (cross, (played, heard)) in self.cross.iter_mut().zip(self.bins.iter().zip(&self.heard_bins)) {
            *cross = *cross * STEADY + played * heard.conj() * (1.0 - STEADY);
        }
        self.bins.fill(Bin::default());
        for bin in TELLING {
            self.bins[bin] = self.cross[bin] / (self.cross[bin].norm() + 1e-12);
        }
        let _ = self
            .inverse
            .process_with_scratch(&mut self.bins, &mut self.time, &mut self.scratch);
        true
    }
}

/// Sound at 8 kHz, the last of it.
struct Decimated {
    low_pass: [f32; Self::TAPS],
    before: [f32; Self::TAPS],
    ring: Vec<f32>,
    written: u64,
}

impl Decimated {
    /// One sample here is six of the engine's.
    const STEP: usize = 6;
    const TAPS: usize = 36;

    fn new(kept: usize) -> Self {
        let low_pass = std::array::from_fn(|tap| {
            let x = (tap as f32 - (Self::TAPS - 1) as f32 / 2.0) * 0.9 / Self::STEP as f32;
            let angle = std::f32::consts::PI * x;
            let window = (std::f32::consts::PI * (tap as f32 + 0.5) / Self::TAPS as f32).sin();
            // The middle lies between two taps, so no angle is zero.
            angle.sin() / angle * window.powi(2) / Self::STEP as f32
        });
        Self {
            low_pass,
            before: [0.0; Self::TAPS],
            ring: vec![0.0; kept],
            written: 0,
        }
    }

    fn put(&mut self, block: &Block) {
        let kept = self.ring.len();
        let mut sound = [0.0; Self::TAPS + BLOCK_SAMPLES];
        sound[..Self::TAPS].copy_from_slice(&self.before);
        sound[Self::TAPS..].copy_from_slice(block);
        for from in (0..block.len()).step_by(Self::STEP) {
            let taps = self.low_pass.iter().zip(&sound[from..]);
            self.ring[self.written as usize % kept] = taps.map(|(tap, x)| tap * x).sum();
            self.written += 1;
        }
        self.before.copy_from_slice(&sound[block.len()..]);
    }

    /// The sample at a place, silence where there is none yet or any more.
    fn at(&self, place: i64) -> f32 {
        let (written, kept) = (self.written as i64, self.ring.len() as i64);
        if place < 0 || place >= written || place < written - kept {
            return 0.0;
        }
        self.ring[(place % kept) as usize]
    }
}
