//! A way from a loudspeaker to a microphone, made from a seed: delay, reflections, two clocks, distortion, and the room's noise.

use super::super::fraction::{BEFORE, Fraction, TAPS};
use crate::audio::SAMPLE_RATE;
use crate::audio::level::rms;
use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

/// How long a room is reckoned to sound: 300 ms.
const RESPONSE: usize = SAMPLE_RATE as usize * 3 / 10;
/// In which reverberation falls by 60 dB, in seconds: a furnished room.
const REVERBERATION_S: f32 = 0.25;
/// Where it begins, and how loud a sample of it is against the direct sound.
const REVERBERATION_FROM: usize = 150;
const REVERBERATION: f32 = 0.03;
/// Someone who moves the laptop changes the room and the way, by 3 ms.
const MOVED_MS: f32 = 3.0;
/// A driven loudspeaker does not swing as far out as in.
const BIAS: f32 = 0.25;

/// What there is between what is played and what is heard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Room {
    /// From the block's handing over to the direct sound's arrival, in milliseconds: buffers and air.
    pub delay_ms: f32,
    /// How loud the echo is against what is played, in decibels.
    pub gain_db: f32,
    /// How much faster the speaker's clock is than the microphone's, in millionths.
    pub drift_ppm: f64,
    /// How far the loudspeaker is driven into its limits (full scale times this, through a hyperbolic tangent); 0: it is linear.
    pub drive: f32,
    /// White noise at the microphone, in decibels of full scale.
    pub noise_dbfs: f32,
    /// From this second on the room is another one.
    pub moved_s: Option<f32>,
    /// Of the reflections and the noise.
    pub seed: u64,
}

impl Room {
    /// What the microphone hears of `played`, as long as that.
    #[must_use]
    pub fn echo(&self, played: &[f32]) -> Vec<f32> {
        let mut echo = self.unmoved(played);
        if let Some(second) = self.moved_s {
            let moved = Self {
                delay_ms: self.delay_ms + MOVED_MS,
                seed: self.seed.wrapping_add(1),
                ..*self
            };
            let from = ((second * SAMPLE_RATE as f32) as usize).min(echo.len());
            echo[from..].copy_from_slice(&moved.unmoved(played)[from..]);
        }
        echo
    }

    /// What it hears while nobody makes a sound.
    #[must_use]
    pub fn noise(&self, samples: usize) -> Vec<f32> {
        let mut random = Random(self.seed ^ 0x5555);
        let level = 10f32.powf(self.noise_dbfs / 20.0);
        (0..samples).map(|_| level * random.normal()).collect()
    }

    fn unmoved(&self, played: &[f32]) -> Vec<f32> {
        let delay = (self.delay_ms * SAMPLE_RATE as f32 / 1_000.0) as usize;
        let mut echo = vec![0.0; delay];
        echo.extend(convolved(&self.driven(played), &self.response()));
        let gain = 10f32.powf(self.gain_db / 20.0) * rms(played) / rms(&echo).max(f32::MIN_POSITIVE);
        echo.iter_mut().for_each(|sample| *sample *= gain);
        echo = at_another_pace(&echo, self.drift_ppm);
        echo.resize(played.len(), 0.0);
        echo
    }

    fn driven(&self, played: &[f32]) -> Vec<f32> {
        if self.drive <= 0.0 {
            return played.to_vec();
        }
        let swing = |x: &f32| ((self.drive * x + BIAS).tanh() - BIAS.tanh()) / self.drive;
        played.iter().map(swing).collect()
    }

    fn response(&self) -> Vec<f32> {
        let mut random = Random(self.seed);
        let mut response = vec![0.0; RESPONSE];
        // The direct sound, the table and the screen.
        (response[0], response[37], response[95]) = (1.0, -0.3, 0.4);
        let decay = 1_000f32.ln() / (REVERBERATION_S * SAMPLE_RATE as f32);
        let mut wall = 0.0;
        for (n, sample) in response.iter_mut().enumerate().skip(REVERBERATION_FROM) {
            // Walls take the treble.
            wall = 0.5 * wall + 0.5 * random.normal();
            *sample += REVERBERATION * wall * (-decay * n as f32).exp();
        }
        response
    }
}

/// The sound by a clock that is so much slower: sample n of it lies at n (1 + ppm / 10^6).
fn at_another_pace(sound: &[f32], ppm: f64) -> Vec<f32> {
    if ppm == 0.0 {
        return sound.to_vec();
    }
    let fraction = Fraction::new();
    let pace = 1.0 + ppm / 1e6;
    let samples = (sound.len() as f64 / pace) as usize;
    let read = |n: usize| {
        let at = n as f64 * pace;
        let from = (at as usize + 1).checked_sub(BEFORE);
        let around = from.and_then(|from| sound.get(from..from + TAPS));
        around.map_or(0.0, |around| fraction.at(at.fract(), around.iter().copied()))
    };
    (0..samples).map(read).collect()
}

/// By overlap and add.
fn convolved(sound: &[f32], response: &[f32]) -> Vec<f32> {
    let size = (2 * response.len()).next_power_of_two();
    let hop = size - response.len() + 1;
    let mut planner = RealFftPlanner::<f32>::new();
    let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
    let mut time = vec![0.0; size];
    let bins_of = |time: &mut Vec<f32>, sound: &[f32]| -> Vec<Complex<f32>> {
        time.fill(0.0);
        time[..sound.len()].copy_from_slice(sound);
        let mut bins = forward.make_output_vec();
        // Refused only for a wrong length, which is fixed here and below.
        let _ = forward.process(time, &mut bins);
        bins
    };
    let way = bins_of(&mut time, response);
    let mut out = vec![0.0; sound.len() + size];
    for (part, chunk) in sound.chunks(hop).enumerate() {
        let mut bins = bins_of(&mut time, chunk);
        for (bin, way) in bins.iter_mut().zip(&way) {
            *bin *= way / size as f32;
        }
        let _ = inverse.process(&mut bins, &mut time);
        for (out, sample) in out[part * hop..].iter_mut().zip(&time) {
            *out += sample;
        }
    }
    out.truncate(sound.len());
    out
}

/// xorshift64* (Vigna 2014): the same numbers everywhere.
struct Random(u64);

impl Random {
    /// -1 to 1.
    fn uniform(&mut self) -> f32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40;
        bits as f32 / (1u32 << 23) as f32 - 1.0
    }

    /// Of variance one, nearly normal: the sum of six.
    fn normal(&mut self) -> f32 {
        (0..6).map(|_| self.uniform()).sum::<f32>() / std::f32::consts::SQRT_2
    }
}
