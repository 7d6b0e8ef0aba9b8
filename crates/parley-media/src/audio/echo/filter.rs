//! The way of the echo, learnt: a Kalman filter in the frequency domain, in partitions of one block.
//!
//! Enzner and Vary, "Frequency-domain adaptive Kalman filter for acoustic echo control in hands-free telephones", Signal
//! Processing 86(6), 2006; in partitions, with a diagonal covariance: Kuech, Mabande and Enzner, "State-space architecture of
//! the partitioned-block-based acoustic echo controller", ICASSP 2014. What makes it fit for two people at once: how fast it
//! learns follows from how sure it is of each bin and how much there is besides the echo, so nobody has to decide who speaks.
//!
//! Knows nothing of delays, clocks and what is done about the rest. Allocates nothing once it is made.

use crate::audio::{BLOCK_SAMPLES, Block, SILENT_BLOCK};
use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use std::sync::Arc;

/// Blocks of a room that are learnt: 240 ms, of which the way to its first sound may take a hundred.
pub(super) const PARTITIONS: usize = 24;
const TRANSFORM: usize = 2 * BLOCK_SAMPLES;
/// Bins of a transform, 50 Hz apart.
pub(super) const BINS: usize = TRANSFORM / 2 + 1;
/// Of the way (squared), what stays the same over a block; the rest may be another one.
const KEEP: f32 = 0.9998 * 0.9998;
/// How slowly what is no echo is taken to change.
const STEADY: f32 = 0.8;
/// At least so much of the rest is no echo, whatever it was before: words begin suddenly.
const SUDDEN: f32 = 0.5;
/// How unsure a new way is: the power of its first block, and what is left of that a block later.
const DOUBT: f32 = 0.3;
const DOUBT_DECAY: f32 = 0.794;
/// A way that is nothing in a bin may become something: its power in the first block.
const LEAST: f32 = 1e-6;
/// No power is smaller: what can be heard lies far above, and numbers without a leading digit are slow to count with.
const QUIET: f32 = 1e-7;
/// Partitions that are held to their length with each block, in turns (a circular convolution becomes a linear one).
const HELD: usize = 4;

pub(super) type Bin = Complex<f32>;
/// A transform of a partition.
pub(super) type Bins = Vec<Bin>;

pub(super) struct EchoFilter {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    scratch: Vec<Bin>,
    time: Vec<f32>,
    bins: Bins,
    before: Block,
    /// What was played, the newest at `newest` and older ones after it.
    played: Vec<Bins>,
    newest: usize,
    way: Vec<Bins>,
    /// The power of what is wrong about each bin of the way.
    doubt: Vec<Vec<f32>>,
    /// The power of what is no echo.
    other: Vec<f32>,
    unsure: Vec<f32>,
    held: usize,
}

impl EchoFilter {
    pub(super) fn new() -> Self {
        let mut planner = RealFftPlanner::new();
        let forward = planner.plan_fft_forward(TRANSFORM);
        let inverse = planner.plan_fft_inverse(TRANSFORM);
        let scratch = forward.get_scratch_len().max(inverse.get_scratch_len());
        let empty = vec![vec![Bin::default(); BINS]; PARTITIONS];
        let mut filter = Self {
            forward,
            inverse,
            scratch: vec![Bin::default(); scratch],
            time: vec![0.0; TRANSFORM],
            bins: vec![Bin::default(); BINS],
            before: SILENT_BLOCK,
            played: empty.clone(),
            newest: 0,
            way: empty,
            doubt: vec![vec![0.0; BINS]; PARTITIONS],
            other: vec![0.0; BINS],
            unsure: vec![0.0; BINS],
            held: 0,
        };
        filter.doubt_all(DOUBT);
        filter
    }

    /// The way has changed: what was learnt may all be wrong, and is a beginning. The other way is about as loud.
    pub(super) fn doubt(&mut self) {
        let power: f32 = self.way.iter().flatten().map(Bin::norm_sqr).sum();
        self.doubt_all((power / BINS as f32).min(DOUBT));
    }

    /// Another way: what was learnt is no use.
    pub(super) fn forget(&mut self) {
        for way in &mut self.way {
            way.fill(Bin::default());
        }
        self.doubt_all(DOUBT);
    }

    fn doubt_all(&mut self, mut power: f32) {
        for doubt in &mut self.doubt {
            for doubt in doubt {
                *doubt = doubt.max(power);
            }
            power *= DOUBT_DECAY;
        }
    }

    /// The way as it is known, partition by partition.
    pub(super) fn way(&self) -> &[Bins] {
        &self.way
    }

    /// The power of the echo that may be wrong in the last block, for each bin; of 480 samples in a transform of 960.
    pub(super) fn unsure(&self) -> &[f32] {
        &self.unsure
    }

    /// All echoes come a block sooner than they did.
    pub(super) fn shorten(&mut self) {
        self.way.rotate_left(1);
        if let Some(last) = self.way.last_mut() {
            last.fill(Bin::default());
        }
    }

    /// What is played now.
    pub(super) fn play(&mut self, played: &Block) {
        self.newest = (self.newest + PARTITIONS - 1) % PARTITIONS;
        self.time[..BLOCK_SAMPLES].copy_from_slice(&self.before);
        self.time[BLOCK_SAMPLES..].copy_from_slice(played);
        self.before = *played;
        // Refused only for a wrong length, which is fixed here and below.
        let _ = self.forward.process_with_scratch(
            &mut self.time,
            &mut self.played[self.newest],
            &mut self.scratch,
        );
    }

    /// The echo of what is played now and was before, as far as its way is known.
    pub(super) fn echo(&mut self) -> Block {
        self.bins.fill(Bin::default());
        for (age, way) in self.way.iter().enumerate() {
            let played = &self.played[(self.newest + age) % PARTITIONS];
            for ((sum, played), way) in self.bins.iter_mut().zip(played).zip(way) {
                *sum += played * way;
            }
        }
        real_ends(&mut self.bins);
        let _ = self
            .inverse
            .process_with_scratch(&mut self.bins, &mut self.time, &mut self.scratch);
        // The first half is wrapped around (overlap-save).
        std::array::from_fn(|n| self.time[BLOCK_SAMPLES + n] / TRANSFORM as f32)
    }

    /// Learns from what the microphone heard besides the echo that [`EchoFilter::echo`] just told.
    pub(super) fn learn(&mut self, rest: &Block) {
        self.time[..BLOCK_SAMPLES].fill(0.0);
        self.time[BLOCK_SAMPLES..].copy_from_slice(rest);
        let _ = self
            .forward
            .process_with_scratch(&mut self.time, &mut self.bins, &mut self.scratch);
        for (other, rest) in self.other.iter_mut().zip(&self.bins) {
            *other = (STEADY * *other + (1.0 - STEADY) * rest.norm_sqr()).max(QUIET);
        }
        self.grow_doubt();
        // From here on, the rest over all there may be in it: the common part of every partition's gain.
        for ((rest, unsure), other) in self.bins.iter_mut().zip(&self.unsure).zip(&self.other) {
            *rest /= unsure + other.max(SUDDEN * rest.norm_sqr());
        }
        for (age, (way, doubt)) in self.way.iter_mut().zip(&mut self.doubt).enumerate() {
            let played = &self.played[(self.newest + age) % PARTITIONS];
            for ((way, doubt), (played, rest)) in way
                .iter_mut()
                .zip(doubt.iter())
                .zip(played.iter().zip(&self.bins))
            {
                *way += played.conj() * rest * *doubt;
            }
            for ((doubt, played), (unsure, other)) in doubt
                .iter_mut()
                .zip(played)
                .zip(self.unsure.iter().zip(&self.other))
            {
                *doubt *= 1.0 - 0.5 * *doubt * played.norm_sqr() / (unsure + other);
            }
        }
        self.hold();
    }

    /// Nothing was played for as long as a room sounds: there is nothing to learn from.
    pub(super) fn rest(&mut self) {
        self.unsure.fill(0.0);
    }

    /// With every block the way may have changed a little.
    fn grow_doubt(&mut self) {
        self.unsure.fill(0.0);
        let mut least = LEAST;
        for (age, (doubt, way)) in self.doubt.iter_mut().zip(&self.way).enumerate() {
            let played = &self.played[(self.newest + age) % PARTITIONS];
            for ((doubt, way), (played, unsure)) in
                doubt.iter_mut().zip(way).zip(played.iter().zip(&mut self.unsure))
            {
                *doubt = KEEP * *doubt + (1.0 - KEEP) * (way.norm_sqr() + least);
                // Half: a block is half of a transform.
                *unsure += 0.5 * played.norm_sqr() * *doubt;
            }
            least *= DOUBT_DECAY;
        }
    }

    /// A partition's way is no longer than a block: what came beyond is cut off, of a few partitions at a time.
    fn hold(&mut self) {
        for _ in 0..HELD {
            let way = &mut self.way[self.held];
            real_ends(way);
            let _ = self
                .inverse
                .process_with_scratch(way, &mut self.time, &mut self.scratch);
            self.time[BLOCK_SAMPLES..].fill(0.0);
            for sample in &mut self.time[..BLOCK_SAMPLES] {
                *sample /= TRANSFORM as f32;
            }
            let _ = self
                .forward
                .process_with_scratch(&mut self.time, way, &mut self.scratch);
            self.held = (self.held + 1) % PARTITIONS;
        }
    }
}

/// The first and the last bin of a real sound are real; rounding makes them a little otherwise.
pub(super) fn real_ends(bins: &mut [Bin]) {
    if let Some(first) = bins.first_mut() {
        first.im = 0.0;
    }
    if let Some(last) = bins.last_mut() {
        last.im = 0.0;
    }
}
