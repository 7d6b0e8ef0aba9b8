//! What the filter leaves of the echo: late reverberation, what the loudspeaker distorts, what was not learnt yet. Taken out
//! bin by bin, gently while somebody speaks here.
//!
//! | step | how | source |
//! |---|---|---|
//! | how much is left | a share of the echo that the filter knows, spread over all bins and over time, or what the filter is unsure of | the share is learnt where nobody speaks |
//! | does somebody speak | probability by the power against what is left, per bin and over all | Gerkmann and Hendriks, IEEE TASLP 20(4), 2012 |
//! | gain | Wiener's, a-priori by the decision before; to the power of the probability, and the least gain to the power of the rest | Ephraim and Malah 1984; OM-LSA: Cohen, Signal Processing 81, 2001 |
//! | least gain | down to the noise of the room, no further: holes in it are heard | minimum statistics: Martin, IEEE TSAP 9(5), 2001 |
//!
//! While nothing is played it changes nothing but the time: half a window, 5 ms. Owned by the canceller.

use super::filter::{Bin, real_ends};
use crate::audio::{BLOCK_SAMPLES, Block};
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use std::f32::consts::PI;
use std::sync::Arc;

/// Samples from one window to the next, and how late the sound is.
const HOP: usize = BLOCK_SAMPLES / 2;
const WINDOW: usize = 2 * HOP;
/// Bins 100 Hz apart.
const BINS: usize = WINDOW / 2 + 1;
/// How slowly power is followed where speech is looked for.
const STEADY: f32 = 0.8;
/// Speech is this much louder than what is left of the echo (15 dB).
const SPEECH: f32 = 31.6;
/// So much more than the mean of what is left is reckoned with.
const MARGIN: f32 = 1.5;
/// What is left of a sound (a room's late reverberation) falls by so much from one window to the next.
const DECAY: f32 = 0.7;
/// Distortion brings sound to bins that had none: of the mean power over all, so much.
const SPREAD: f32 = 0.5;
/// How fast the share is learnt in a window where nobody speaks.
const LEARN: f32 = 0.02;
/// Speech may be wrongly seen in an echo grown louder: learnt from all the same, a fiftieth as fast,
const NEVER_SURE: f32 = 0.98;
/// and as if it were no louder than four times what was expected.
const SURPRISE_MAX: f32 = 4.0;
/// The share before anything is known, and the largest.
const SHARE: f32 = 0.3;
const SHARE_MAX: f32 = 4.0;
/// Echo is learnt from above this power of a bin: -90 dB of full scale.
const ECHO_LEAST: f32 = 1e-7;
/// Bins of voices: 300 Hz to 3.5 kHz.
const VOICE: std::ops::Range<usize> = 3..36;
/// Speech in fewer than 15 % of them is none, from 40 % on it is.
const ANYBODY: (f32, f32) = (0.15, 0.25);
/// How fast that follows.
const ANYBODY_FOLLOWS: f32 = 0.3;
/// The decision before counts for this much of the next.
const DECIDED: f32 = 0.9;
/// No gain is less: -30 dB, and so much (3 dB) below the noise.
const GAIN_LEAST: f32 = 0.03;
const BELOW_NOISE: f32 = 0.7;
/// Windows of one look for the least power: 1.5 s.
const NOISE_WINDOWS: usize = 300;
/// The mean of noise lies above the least of its followed power.
const NOISE_ABOVE_LEAST: f32 = 1.5;
const NOISE_FOLLOWS: f32 = 0.1;
/// What is left below this power (-114 dB of full scale) is nothing: all there is is speech.
const INAUDIBLE: f32 = 1e-9;
/// No power is smaller: numbers without a leading digit are slow to count with.
const QUIET: f32 = 1e-12;

/// What is known of one bin.
#[derive(Debug, Clone, Copy)]
struct Band {
    /// Power of the echo as the filter knows it, with its decay.
    echo: f32,
    /// Followed power of the sound.
    power: f32,
    /// What was left and what there was of echo: their ratio is the share.
    left: f32,
    of: f32,
    /// Power of speech as the window before had it.
    said: f32,
    noise: f32,
    noise_power: f32,
    noise_least: f32,
}

impl Band {
    const NEW: Self = Self {
        echo: QUIET,
        power: QUIET,
        left: 0.0,
        of: 0.0,
        said: 0.0,
        noise: 1e-6,
        noise_power: 1e-6,
        noise_least: f32::MAX,
    };

    fn share(&self) -> f32 {
        if self.of > 0.0 {
            (self.left / self.of).min(SHARE_MAX)
        } else {
            SHARE
        }
    }
}

pub(super) struct Residual {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    scratch: Vec<Bin>,
    window: [f32; WINDOW],
    time: Vec<f32>,
    sound_before: [f32; HOP],
    echo_before: [f32; HOP],
    tail: [f32; HOP],
    sound: Vec<Bin>,
    echo: Vec<Bin>,
    bands: [Band; BINS],
    windows: usize,
    anybody: f32,
}

impl Residual {
    pub(super) fn new() -> Self {
        let mut planner = RealFftPlanner::new();
        let forward = planner.plan_fft_forward(WINDOW);
        let inverse = planner.plan_fft_inverse(WINDOW);
        let scratch = forward.get_scratch_len().max(inverse.get_scratch_len());
        Self {
            scratch: vec![Bin::default(); scratch],
            // Applied before and after, its square adds up to one.
            window: std::array::from_fn(|n| (PI * (n as f32 + 0.5) / WINDOW as f32).sin()),
            time: vec![0.0; WINDOW],
            sound_before: [0.0; HOP],
            echo_before: [0.0; HOP],
            tail: [0.0; HOP],
            sound: forward.make_output_vec(),
            echo: forward.make_output_vec(),
            forward,
            inverse,
            bands: [Band::NEW; BINS],
            windows: 0,
            anybody: 1.0,
        }
    }

    /// The filter is lost: all of what it calls echo may be left.
    pub(super) fn doubt(&mut self) {
        for band in &mut self.bands {
            band.left = band.left.max(band.of);
        }
    }

    /// Takes out what is left. `echo`: what the filter took out of the block before; `unsure`: of that, what may be wrong.
    pub(super) fn take_out(&mut self, block: &mut Block, echo: &Block, unsure: &[f32]) {
        for (sound, echo) in block.chunks_exact_mut(HOP).zip(echo.chunks_exact(HOP)) {
            self.transform(sound, echo);
            self.look();
            self.weigh(unsure);
            real_ends(&mut self.sound);
            // Refused only for a wrong length, which is fixed here.
            let _ = self
                .inverse
                .process_with_scratch(&mut self.sound, &mut self.time, &mut self.scratch);
            for (time, window) in self.time.iter_mut().zip(&self.window) {
                *time *= window / WINDOW as f32;
            }
            for (n, sample) in sound.iter_mut().enumerate() {
                *sample = self.tail[n] + self.time[n];
            }
            self.tail.copy_from_slice(&self.time[HOP..]);
        }
    }

    fn transform(&mut self, sound: &[f32], echo: &[f32]) {
        for (before, now, bins) in [
            (&mut self.sound_before, sound, &mut self.sound),
            (&mut self.echo_before, echo, &mut self.echo),
        ] {
            self.time[..HOP].copy_from_slice(before);
            self.time[HOP..].copy_from_slice(now);
            before.copy_from_slice(now);
            for (time, window) in self.time.iter_mut().zip(&self.window) {
                *time *= window;
            }
            let _ = self
                .forward
                .process_with_scratch(&mut self.time, bins, &mut self.scratch);
        }
    }

    /// Follows echo, power and noise.
    fn look(&mut self) {
        self.windows += 1;
        let anew = self.windows == NOISE_WINDOWS;
        if anew {
            self.windows = 0;
        }
        for (bin, band) in self.bands.iter_mut().enumerate() {
            let power = smoothed(&self.sound, bin);
            band.echo = self.echo[bin].norm_sqr().max(DECAY * band.echo).max(QUIET);
            band.power += (1.0 - STEADY) * (power - band.power);
            band.power = band.power.max(QUIET);
            band.noise_power = (band.noise_power + NOISE_FOLLOWS * (power - band.noise_power)).max(QUIET);
            band.noise_least = band.noise_least.min(band.noise_power);
            band.noise = band.noise.min(NOISE_ABOVE_LEAST * band.noise_power);
            if anew {
                band.noise = NOISE_ABOVE_LEAST * band.noise_least;
                band.noise_least = f32::MAX;
            }
        }
    }

    /// Decides what is speech and weighs each bin.
    fn weigh(&mut self, unsure: &[f32]) {
        let all = self.bands.iter().map(|band| band.echo).sum::<f32>() * SPREAD / BINS as f32;
        let left_in = |bin: usize, band: &Band| {
            // The filter's transform has bins half as wide, and the window half of its energy.
            let unsure = unsure.get(2 * bin).map_or(0.0, |unsure| 0.5 * unsure);
            (band.share() * (band.echo + all)).max(unsure) + QUIET
        };
        let speaks = |band: &Band, left: f32| {
            if left < INAUDIBLE {
                return 1.0;
            }
            let ratio = (band.power / (MARGIN * left)).min(50.0);
            1.0 / (1.0 + (1.0 + SPEECH) * (-ratio * SPEECH / (1.0 + SPEECH)).exp())
        };
        let voice = &self.bands[VOICE];
        let seen: f32 = voice
            .iter()
            .zip(VOICE)
            .map(|(band, bin)| speaks(band, left_in(bin, band)))
            .sum();
        self.anybody += ANYBODY_FOLLOWS * (seen / voice.len() as f32 - self.anybody);
        let anybody = ((self.anybody - ANYBODY.0) / ANYBODY.1).clamp(0.0, 1.0);
        // The neighbours' power is needed as it came.
        let mut before = self.sound[0];
        for bin in 0..BINS {
            let power = around(&before, &self.sound, bin);
            before = self.sound[bin];
            let band = &mut self.bands[bin];
            let left = left_in(bin, band);
            let speech = speaks(band, left);
            band.learn_share(power, left, all, speech);
            self.sound[bin] *= band.gain(power, MARGIN * left, speech * anybody);
        }
    }
}

impl Band {
    fn learn_share(&mut self, power: f32, left: f32, all: f32, speech: f32) {
        let echo = self.echo + all;
        if echo < ECHO_LEAST {
            return;
        }
        let heard = if speech > 0.5 {
            power.min(SURPRISE_MAX * left)
        } else {
            power
        };
        let rate = LEARN * (1.0 - speech.min(NEVER_SURE));
        self.left += rate * ((heard - self.noise).max(0.0) - self.left);
        self.of += rate * (echo - self.of);
    }

    fn gain(&mut self, power: f32, left: f32, speech: f32) -> f32 {
        let now = (power / left - 1.0).max(0.0);
        let ratio = DECIDED * self.said / left + (1.0 - DECIDED) * now;
        let least = (BELOW_NOISE * (self.noise / (power + QUIET)).sqrt()).clamp(GAIN_LEAST, 1.0);
        let wiener = (ratio / (1.0 + ratio)).max(least);
        let gain = wiener.powf(speech) * least.powf(1.0 - speech);
        self.said = gain * gain * power;
        gain
    }
}

/// Power of a bin, with a little of its neighbours'.
fn smoothed(bins: &[Bin], bin: usize) -> f32 {
    around(&bins[bin.saturating_sub(1)], bins, bin)
}

fn around(before: &Bin, bins: &[Bin], bin: usize) -> f32 {
    let after = bins[(bin + 1).min(bins.len() - 1)];
    0.25 * before.norm_sqr() + 0.5 * bins[bin].norm_sqr() + 0.25 * after.norm_sqr()
}
