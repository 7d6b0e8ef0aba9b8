//! Two recordings of the same sound, where it was said and where it was heard, both on the wall clock: how late each second of it
//! came, how much of it can be understood, and where it was missing. Pure.

use crate::harness::intelligibility::stoi;
use crate::harness::sound::{RATE, peak_correlation, rms};

/// Sound later than this is not looked for: three seconds.
const LATE_MAX: usize = 3 * RATE;
/// Around what suits the second before, this much is looked at first: a jitter buffer stretches.
const NEAR: usize = RATE / 5;
/// So like what was said the sound must be to tell how late it is; other sound is below 0.2.
const LIKENESS_MIN: f32 = 0.35;
/// Seconds quieter than this tell nothing.
const QUIET_RMS: f32 = 0.005;
/// Sound is missed in steps of 10 ms, where it was this loud and what is heard is a tenth of it.
const STEP: usize = RATE / 100;
const LOUD_RMS: f32 = 0.02;
const MISSING: f32 = 0.1;
/// So many of them in a row are a gap that people notice: 60 ms.
const GAP_STEPS: usize = 6;

/// Sound on the wall clock.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sound {
    /// When its first sample was said or heard: microseconds since the UNIX epoch.
    pub begin_us: u64,
    /// 48 kHz, mono.
    pub samples: Vec<f32>,
}

/// What became of what was said.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Heard {
    /// How late each second was that could be recognised: the second's beginning in microseconds since the UNIX epoch, and
    /// milliseconds.
    pub late: Vec<(u64, f64)>,
    /// How much can be understood, up to 1.
    pub stoi: Option<f64>,
    /// How often something was missing.
    pub gaps: u32,
}

impl Sound {
    /// Puts blocks of 10 ms where their times say; between them is silence. A block that comes too early (a clock was set, a
    /// callback was late) follows the one before.
    #[must_use]
    pub fn placed(samples: &[f32], times_us: &[u64]) -> Self {
        let Some(begin_us) = times_us.first().copied() else {
            return Self::default();
        };
        let mut sound = Self {
            begin_us,
            samples: Vec::with_capacity(samples.len()),
        };
        for (block, time_us) in samples.chunks(STEP).zip(times_us) {
            let at = to_samples(time_us.saturating_sub(begin_us));
            // What a callback is late by is no silence in the sound.
            if at > sound.samples.len() + STEP {
                sound.samples.resize(at, 0.0);
            }
            sound.samples.extend_from_slice(block);
        }
        sound
    }

    /// A part of it between two moments, silent where there is nothing.
    fn part(&self, from_us: u64, length: usize) -> Vec<f32> {
        let (skip, pad) = match from_us.checked_sub(self.begin_us) {
            Some(into) => (to_samples(into), 0),
            None => (0, to_samples(self.begin_us - from_us).min(length)),
        };
        let mut part = vec![0.0; pad];
        part.extend(self.samples.iter().skip(skip).take(length - pad));
        part.resize(length, 0.0);
        part
    }

    fn end_us(&self) -> u64 {
        self.begin_us + to_us(self.samples.len())
    }
}

fn to_samples(us: u64) -> usize {
    (us as usize).saturating_mul(RATE / 1_000) / 1_000
}

fn to_us(samples: usize) -> u64 {
    samples as u64 * 1_000 / (RATE as u64 / 1_000)
}

/// What of `said` between two moments was `heard`.
#[must_use]
pub fn compare(said: &Sound, heard: &Sound, from_us: u64, until_us: u64) -> Heard {
    let from_us = from_us.max(said.begin_us);
    // What is said at the very end is heard after the end.
    let until_us = until_us.min(said.end_us()).min(heard.end_us());
    let seconds = until_us.saturating_sub(from_us) / 1_000_000;
    let mut found = Heard::default();
    let (mut all_said, mut all_heard) = (Vec::new(), Vec::new());
    let mut late: Option<usize> = None;
    for second in 0..seconds {
        let at_us = from_us + second * 1_000_000;
        let said = said.part(at_us, RATE);
        if rms(&said) > QUIET_RMS
            && let Some(samples) = lateness(&said, heard, at_us, late)
        {
            found.late.push((at_us, to_us(samples) as f64 / 1e3));
            late = Some(samples);
        }
        let beside = heard.part(at_us + to_us(late.unwrap_or(0)), RATE);
        all_said.extend(said);
        all_heard.extend(beside);
    }
    if !all_said.is_empty() {
        found.stoi = Some(f64::from(stoi(&all_said, &all_heard)));
    }
    found.gaps = gaps(&all_said, &all_heard);
    found
}

/// By how many samples a second was late: near what suited the one before if it is there, else anywhere.
fn lateness(said: &[f32], heard: &Sound, at_us: u64, before: Option<usize>) -> Option<usize> {
    let look = |from: usize, to: usize| {
        let hay = heard.part(at_us + to_us(from), to - from + said.len());
        let (at, likeness) = peak_correlation(said, &hay);
        (from + at, likeness)
    };
    if let Some(before) = before {
        let (at, likeness) = look(before.saturating_sub(NEAR), before + NEAR);
        if likeness >= LIKENESS_MIN {
            return Some(at);
        }
    }
    let (at, likeness) = look(0, LATE_MAX);
    (likeness >= LIKENESS_MIN).then_some(at)
}

/// How often what was said is missing in what was heard beside it. What is missing over a pause is missing once.
fn gaps(said: &[f32], heard: &[f32]) -> u32 {
    let (mut gaps, mut missing) = (0, 0);
    for (said, heard) in said.chunks(STEP).zip(heard.chunks(STEP)) {
        let loudness = rms(said);
        if loudness < LOUD_RMS {
            continue;
        }
        if rms(heard) < MISSING * loudness {
            missing += 1;
            gaps += u32::from(missing == GAP_STEPS);
        } else {
            missing = 0;
        }
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::sound::tests::voice;

    const START_US: u64 = 1_790_000_000_000_000;

    fn said() -> Sound {
        Sound {
            begin_us: START_US,
            samples: voice(8, 3),
        }
    }

    /// The same, heard so many milliseconds later.
    fn later(sound: &Sound, ms: usize) -> Sound {
        let mut samples = vec![0.0; ms * RATE / 1_000];
        samples.extend(sound.samples.iter().map(|sample| sample * 0.7));
        Sound {
            begin_us: sound.begin_us,
            samples,
        }
    }

    fn check(heard: &Sound) -> Heard {
        let said = said();
        compare(&said, heard, START_US, START_US + 8_000_000)
    }

    #[test]
    fn how_late_it_was_is_found_and_nothing_is_missing() {
        for ms in [0, 31, 480, 2_200] {
            let found = check(&later(&said(), ms));
            assert!(found.late.len() >= 5, "{ms}: {:?}", found.late);
            for (_, late_ms) in &found.late {
                assert!((late_ms - ms as f64).abs() < 0.1, "{late_ms} for {ms}");
            }
            assert!(found.stoi.unwrap() > 0.99, "{ms}: {:?}", found.stoi);
            assert_eq!(found.gaps, 0);
        }
    }

    #[test]
    fn sound_that_comes_later_and_later_is_followed() {
        let mut heard = later(&said(), 50);
        // From the fourth second on another 700 ms.
        let at = 4 * RATE;
        let rest = heard.samples.split_off(at);
        heard.samples.extend(vec![0.0; RATE * 7 / 10]);
        heard.samples.extend(rest);
        let found = check(&heard);
        let last = found.late.last().unwrap().1;
        assert!((last - 750.0).abs() < 1.0, "{:?}", found.late);
    }

    #[test]
    fn what_is_missing_is_counted_and_costs_understanding() {
        let mut heard = later(&said(), 40);
        let loud = (0..heard.samples.len() / STEP)
            .filter(|step| rms(&heard.samples[step * STEP..(step + 1) * STEP]) > 0.03)
            .collect::<Vec<_>>();
        let begins = [loud[20], loud[200]];
        for begin in begins {
            heard.samples[begin * STEP..(begin + 12) * STEP].fill(0.0);
        }
        let found = check(&heard);
        assert_eq!(found.gaps, 2);
        assert!(found.stoi.unwrap() < 0.995, "{:?}", found.stoi);
    }

    #[test]
    fn something_else_is_neither_timed_nor_understood() {
        let other = Sound {
            begin_us: START_US,
            samples: voice(9, 4),
        };
        let found = check(&other);
        assert!(found.late.len() < 2, "{:?}", found.late);
        assert!(found.stoi.unwrap() < 0.6, "{:?}", found.stoi);
        let nothing = check(&Sound::default());
        assert_eq!((nothing.late.len(), nothing.stoi), (0, None));
    }

    #[test]
    fn blocks_are_placed_by_their_times() {
        let samples = [[1.0; STEP], [2.0; STEP], [3.0; STEP], [4.0; STEP]].concat();
        // The third is a little late, the fourth came after 50 ms of nothing.
        let times = [0, 10_000, 21_500, 80_000].map(|us| START_US + us);
        let sound = Sound::placed(&samples, &times);
        assert_eq!(sound.begin_us, START_US);
        assert_eq!(sound.samples[2 * STEP], 3.0);
        assert_eq!(sound.samples[3 * STEP..8 * STEP], vec![0.0; 5 * STEP]);
        assert_eq!(sound.samples[8 * STEP], 4.0);
        assert_eq!(Sound::placed(&samples, &[]), Sound::default());
    }
}
