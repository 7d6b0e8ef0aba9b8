//! The built-in speech: syllabic chirps that are a pure function of their place in time, and a click at each whole second.
//!
//! A position is a count of samples at 48 kHz since the UNIX epoch, so that whoever hears it, on the same machine, can make
//! the same sound again, compare, and read the delay off the clicks. It owns nothing and keeps no state.
//!
//! A second has four places for syllables; some stay empty, and every third second pauses for half of it, long enough for
//! an encoder to stop sending. A syllable is a row of harmonics on a gliding pitch, shaped by three resonances. Around the
//! whole second there is room for the click alone: a chirp of eight milliseconds, which survives Opus where a lone impulse
//! would not.

use super::SAMPLE_RATE;
use std::f64::consts::TAU;

/// Samples in a second, as positions are counted.
pub const SECOND: u64 = SAMPLE_RATE as u64;
/// Samples of the click: 8 ms.
pub const CLICK_SAMPLES: usize = 384;
/// Samples from one syllable's place to the next.
const PLACE: u64 = SECOND / 4;
/// The first syllable of a second begins this late, to leave the click alone.
const AFTER_CLICK: u64 = 4_800;
/// The last syllable of a second ends at least this early.
const BEFORE_CLICK: u64 = 3_600;
const CLICK_PEAK: f64 = 0.5;
const HARMONICS_MAX: usize = 32;
/// Nothing above: what every mode of Opus keeps.
const HIGHEST_HZ: f64 = 3_600.0;
const LOUDNESS_RMS: f64 = 0.09;

/// The sample at a position.
#[must_use]
pub fn speech_sample(position: u64) -> f32 {
    let mut sample = [0.0];
    fill(position, &mut sample);
    sample[0]
}

/// The samples from a position on.
pub fn fill(position: u64, out: &mut [f32]) {
    fill_every(1, position, out);
}

/// Every `step`th sample from a position on. There is nothing above 6 kHz in it, so every fourth loses nothing.
pub(super) fn fill_every(step: u64, position: u64, out: &mut [f32]) {
    let mut at = position;
    let mut rest = out;
    while !rest.is_empty() {
        let place = at / PLACE;
        let to_next = ((place + 1) * PLACE - at).div_ceil(step);
        let here = usize::try_from(to_next).unwrap_or(usize::MAX).min(rest.len());
        let (now, later) = std::mem::take(&mut rest).split_at_mut(here);
        fill_place(place, at, step, now);
        at += here as u64 * step;
        rest = later;
    }
}

/// A sample of the click, counted from its beginning.
#[must_use]
pub fn click_sample(offset: usize) -> f32 {
    if offset >= CLICK_SAMPLES {
        return 0.0;
    }
    let t = offset as f64 / f64::from(SAMPLE_RATE);
    let length = CLICK_SAMPLES as f64 / f64::from(SAMPLE_RATE);
    let (low, high) = (700.0, 2_900.0);
    let phase = TAU * (low * t + (high - low) * t * t / (2.0 * length));
    let window = (std::f64::consts::PI * (offset as f64 + 0.5) / CLICK_SAMPLES as f64).sin();
    (CLICK_PEAK * window * phase.sin()) as f32
}

fn fill_place(place: u64, from: u64, step: u64, out: &mut [f32]) {
    let syllable = Syllable::at(place);
    for (offset, sample) in out.iter_mut().enumerate() {
        let position = from + offset as u64 * step;
        *sample = match &syllable {
            Some(syllable) => syllable.sample(position),
            None => 0.0,
        };
        let in_second = position % SECOND;
        if in_second < CLICK_SAMPLES as u64 {
            *sample += click_sample(in_second as usize);
        }
    }
}

struct Syllable {
    onset: u64,
    length: u64,
    pitch_hz: f64,
    glide_hz_per_s: f64,
    harmonics: [f64; HARMONICS_MAX],
    count: usize,
}

impl Syllable {
    /// The syllable at a place, if it is not a pause.
    fn at(place: u64) -> Option<Self> {
        let in_second = place % 4;
        let second = place / 4;
        let mut random = Scatter(place);
        if random.next() < 0.12 || (second.is_multiple_of(3) && in_second >= 2) {
            return None;
        }
        let late = if in_second == 0 { AFTER_CLICK } else { 0 };
        let early = if in_second == 3 { BEFORE_CLICK } else { 0 };
        let length = ((PLACE - late - early) as f64 * (0.75 + 0.2 * random.next())) as u64;
        let pitch_hz = 95.0 + 120.0 * random.next();
        let glide_hz_per_s = pitch_hz * (random.next() - 0.5) * 1.6;
        let formants = [
            (280.0 + 520.0 * random.next(), 90.0, 1.0),
            (900.0 + 1_300.0 * random.next(), 140.0, 0.6),
            (2_300.0 + 700.0 * random.next(), 220.0, 0.35),
        ];
        let mut syllable = Self {
            onset: place * PLACE + late,
            length,
            pitch_hz,
            glide_hz_per_s,
            harmonics: [0.0; HARMONICS_MAX],
            count: ((HIGHEST_HZ / pitch_hz) as usize).min(HARMONICS_MAX),
        };
        syllable.shape(&formants, 0.7 + 0.6 * random.next());
        Some(syllable)
    }

    fn shape(&mut self, formants: &[(f64, f64, f64)], loudness: f64) {
        let mut power = 0.0;
        for (index, amplitude) in self.harmonics.iter_mut().take(self.count).enumerate() {
            let hz = self.pitch_hz * (index + 1) as f64;
            *amplitude = formants
                .iter()
                .map(|(centre, width, gain)| gain / (1.0 + ((hz - centre) / width).powi(2)))
                .sum::<f64>()
                + 0.02;
            power += *amplitude * *amplitude / 2.0;
        }
        let scale = LOUDNESS_RMS * loudness / power.sqrt();
        for amplitude in &mut self.harmonics {
            *amplitude *= scale;
        }
    }

    fn sample(&self, position: u64) -> f32 {
        let Some(offset) = position
            .checked_sub(self.onset)
            .filter(|&offset| offset < self.length)
        else {
            return 0.0;
        };
        let t = offset as f64 / f64::from(SAMPLE_RATE);
        let angle = TAU * (self.pitch_hz * t + self.glide_hz_per_s * t * t / 2.0).fract();
        // sin(k a) from the two before it: one sine and one cosine a sample instead of thirty.
        let (mut now, twice_cos) = (angle.sin(), 2.0 * angle.cos());
        let (mut before, mut sum) = (0.0, 0.0);
        for amplitude in &self.harmonics[..self.count] {
            sum += amplitude * now;
            (before, now) = (now, twice_cos * now - before);
        }
        (sum * self.envelope(offset)) as f32
    }

    /// 25 ms up, 50 ms down, both smooth.
    fn envelope(&self, offset: u64) -> f64 {
        let up = (offset as f64 / 1_200.0).min(1.0);
        let down = ((self.length - offset) as f64 / 2_400.0).min(1.0);
        let smooth = |x: f64| x * x * (3.0 - 2.0 * x);
        smooth(up) * smooth(down)
    }
}

/// Numbers in 0.0..1.0 that follow from a seed alone (SplitMix64, Steele and others 2014).
struct Scatter(u64);

impl Scatter {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::level::rms;

    const SOME_SECOND: u64 = 1_790_000_000 * SECOND;

    #[test]
    fn any_block_says_the_same_as_single_samples() {
        for start in [SOME_SECOND, SOME_SECOND + 11_900, SOME_SECOND + 47_990] {
            let mut block = [0.0; 300];
            fill(start, &mut block);
            for (offset, sample) in block.iter().enumerate() {
                assert_eq!(*sample, speech_sample(start + offset as u64));
            }
        }
    }

    #[test]
    fn the_click_stands_alone_on_the_whole_second() {
        for second in 0..20 {
            let mut around = [0.0; 8_400];
            fill(SOME_SECOND + second * SECOND - 3_600, &mut around);
            assert_eq!(rms(&around[..3_600]), 0.0);
            assert!(rms(&around[3_600..3_600 + CLICK_SAMPLES]) > 0.2);
            assert_eq!(rms(&around[3_600 + CLICK_SAMPLES..]), 0.0);
        }
    }

    #[test]
    fn it_is_as_loud_as_a_voice_and_never_clips() {
        let mut sound = vec![0.0; 30 * SECOND as usize];
        fill(SOME_SECOND, &mut sound);
        let loudness = rms(&sound);
        assert!((0.03..0.12).contains(&loudness), "{loudness}");
        assert!(sound.iter().all(|s| s.abs() < 0.8));
    }

    #[test]
    fn every_third_second_pauses_long_enough_to_stop_sending() {
        let paused = (0..30).filter(|second| {
            let mut half = vec![0.0; SECOND as usize / 2];
            fill(SOME_SECOND + second * SECOND + SECOND / 2, &mut half);
            rms(&half) == 0.0
        });
        assert!(paused.count() >= 10);
    }
}
