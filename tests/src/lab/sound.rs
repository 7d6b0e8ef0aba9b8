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
    /// What was said, and what was heard laid beside it, second by second; nothing where nothing was heard at all.
    pub beside: Option<(Vec<f32>, Vec<f32>)>,
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

/// What of `said` between two moments was `heard`. Somebody listened until `until_us`: sound that ended before is missing.
#[must_use]
pub fn compare(said: &Sound, heard: &Sound, from_us: u64, until_us: u64) -> Heard {
    let from_us = from_us.max(said.begin_us);
    let seconds = until_us.min(said.end_us()).saturating_sub(from_us) / 1_000_000;
    if heard.samples.is_empty() || seconds == 0 {
        return Heard::default();
    }
    let begins: Vec<u64> = (0..seconds).map(|second| from_us + second * 1_000_000).collect();
    let mut lags: Vec<Option<usize>> = Vec::new();
    let mut last = None;
    for at_us in &begins {
        let said = said.part(*at_us, RATE);
        let lag = if rms(&said) > QUIET_RMS {
            lateness(&said, heard, *at_us, last)
        } else {
            None
        };
        last = lag.or(last);
        lags.push(lag);
    }
    let recognised = begins.iter().zip(&lags);
    let mut found = Heard {
        late: recognised
            .filter_map(|(at_us, lag)| Some((*at_us, to_us((*lag)?) as f64 / 1e3)))
            .collect(),
        ..Heard::default()
    };
    // A second that is not recognised came as late as the one before it, the first ones as the first that is.
    let mut lag = lags.iter().find_map(|lag| *lag).unwrap_or(0);
    let (mut all_said, mut all_heard) = (Vec::new(), Vec::new());
    for (at_us, own) in begins.iter().zip(&lags) {
        lag = own.unwrap_or(lag);
        let heard_us = at_us + to_us(lag);
        // What is said at the very end is heard after the end.
        if heard_us + 1_000_000 <= until_us {
            all_said.extend(said.part(*at_us, RATE));
            all_heard.extend(heard.part(heard_us, RATE));
        }
    }
    if !all_said.is_empty() {
        found.stoi = Some(f64::from(stoi(&all_said, &all_heard)));
        found.gaps = gaps(&all_said, &all_heard);
        found.beside = Some((all_said, all_heard));
    }
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
    fn sound_that_ended_is_missing_and_what_would_come_after_the_end_is_not() {
        let mut heard = later(&said(), 900);
        let whole = check(&heard);
        assert!(whole.stoi.unwrap() > 0.99, "{:?}", whole.stoi);
        assert_eq!(whole.beside.as_ref().unwrap().0.len(), 7 * RATE);
        heard.samples.truncate(4 * RATE);
        let torn = check(&heard);
        assert!(torn.stoi.unwrap() < 0.8, "{:?}", torn.stoi);
        assert_eq!(torn.beside.unwrap().0.len(), 7 * RATE);
    }

    #[test]
    fn seconds_before_the_first_recognised_one_lie_beside_what_was_heard_of_them() {
        let mut heard = later(&said(), 400);
        // Too torn to be recognised, and still half of it is there.
        for step in heard.samples.chunks_mut(STEP).take(140).step_by(2) {
            step.iter_mut().for_each(|sample| *sample *= -1.0);
        }
        let found = check(&heard);
        assert!(found.late[0].0 > START_US, "{:?}", found.late);
        let (said, beside) = found.beside.unwrap();
        let same_steps = said
            .chunks(STEP)
            .zip(beside.chunks(STEP))
            .take(100)
            .filter(|(said, beside)| said.iter().zip(*beside).all(|(a, b)| (a * 0.7 - b).abs() < 1e-6))
            .count();
        assert!((40..=60).contains(&same_steps), "{same_steps}");
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
