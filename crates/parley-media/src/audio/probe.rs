//! Measures the built-in speech where it is played: how late its clicks come, and how well it is still the same sound.
//!
//! Fed with the blocks of [`super::AudioConfig::tap`]. It makes the speech of that moment again (see [`super::speech`]), so it
//! needs nothing from the sender but a common wall clock: two processes of one machine. It works at 12 kHz, where all of
//! that speech lives, off the audio thread.

mod intelligibility;
mod likeness;

use super::speech::{self, CLICK_SAMPLES, SECOND};
use super::{BLOCK_SAMPLES, PlayedBlock};
pub use intelligibility::{correlation, stoi};
use likeness::Likeness;
use std::collections::VecDeque;
use std::time::UNIX_EPOCH;

/// One sample here is four of the engine's.
const STEP: usize = 4;
const RATE: usize = SECOND as usize / STEP;
const BLOCK: usize = BLOCK_SAMPLES / STEP;
/// A click is looked for so long: half a second.
const CLICK_SEARCH: usize = RATE / 2;
/// The click here.
const CLICK: usize = CLICK_SAMPLES / STEP;
/// So much like the click must sound be to be one.
const CLICK_LIKENESS: f32 = 0.7;
/// And so loud, as a sum of squares: a hundredth of the click that was sent.
const CLICK_LEAST: f32 = 0.08;
/// Blocks kept: a second and a half to look for clicks in, and some.
const BLOCKS_KEPT: usize = 200;
const TAPS: usize = 33;
/// Of the filter, in the engine's samples.
const FILTER_DELAY: f32 = (TAPS - 1) as f32 / 2.0;

/// What was measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SoundReport {
    /// From the click's moment to its playback, in milliseconds, one for each click heard.
    pub latencies_ms: Vec<f32>,
    /// Clicks that should have been heard and were not.
    pub clicks_missed: u64,
    /// For each second, how like the sent speech it was, 0 to 1: the normalised correlation with what was sent. Each 100 ms
    /// of it is compared where it lies best, within 100 ms of the lag that suits the second best, since a jitter buffer that
    /// changes its wait within a second shifts the rest of it, which one lag alone would count as other sound. So what is
    /// missing, invented or other sound counts here, and a changing wait hardly does: that shows in the latencies and in the
    /// jitter buffer's counters.
    pub matches: Vec<f32>,
}

impl SoundReport {
    /// A latency that so many percent of the clicks stayed under.
    #[must_use]
    pub fn latency_ms(&self, percent: f32) -> Option<f32> {
        percentile(&self.latencies_ms, percent)
    }

    /// The median of [`SoundReport::matches`].
    #[must_use]
    pub fn sound_match(&self) -> Option<f32> {
        percentile(&self.matches, 50.0)
    }
}

fn percentile(values: &[f32], percent: f32) -> Option<f32> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let index = (percent.clamp(0.0, 100.0) / 100.0 * last as f32).round() as usize;
    sorted.get(index.min(last)).copied()
}

/// Listens to played blocks.
pub struct SoundMeter {
    fold: Decimator,
    click: Vec<f32>,
    likeness: Likeness,
    /// The sound heard, oldest first, in blocks of [`BLOCK`] with the position at which each was played.
    blocks: VecDeque<(u64, [f32; BLOCK])>,
    /// The window being collected for the comparison.
    window: Vec<f32>,
    window_position: u64,
    next_click: Option<u64>,
    report: SoundReport,
}

impl std::fmt::Debug for SoundMeter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SoundMeter")
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

impl Default for SoundMeter {
    fn default() -> Self {
        Self::new()
    }
}

impl SoundMeter {
    /// One that has heard nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            fold: Decimator::new(),
            click: (0..CLICK).map(|i| speech::click_sample(i * STEP)).collect(),
            likeness: Likeness::new(),
            blocks: VecDeque::with_capacity(BLOCKS_KEPT),
            window: Vec::with_capacity(RATE),
            window_position: 0,
            next_click: None,
            report: SoundReport::default(),
        }
    }

    /// The next block that was played. Blocks come in order; a gap between them begins a new window.
    pub fn hear(&mut self, block: &PlayedBlock) {
        let since = block.played_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let position = since.as_secs() * SECOND + u64::from(since.subsec_micros()) * SECOND / 1_000_000;
        let folded = self.fold.block(&block.samples);
        if self.blocks.len() == BLOCKS_KEPT {
            self.blocks.pop_front();
        }
        self.blocks.push_back((position, folded));
        self.compare(position, &folded);
        self.look_for_clicks(position);
    }

    /// What was measured so far.
    #[must_use]
    pub const fn report(&self) -> &SoundReport {
        &self.report
    }

    fn compare(&mut self, position: u64, folded: &[f32; BLOCK]) {
        let expected = self.window_position + (self.window.len() * STEP) as u64;
        // A late callback is no gap; a stall of the whole engine is.
        if position.abs_diff(expected) > SECOND / 10 {
            self.window.clear();
        }
        if self.window.is_empty() {
            self.window_position = position;
        }
        self.window.extend_from_slice(folded);
        if self.window.len() < RATE {
            return;
        }
        if let Some(likeness) = self.likeness.of(&self.window[..RATE], self.window_position) {
            self.report.matches.push(likeness);
        }
        self.window.clear();
    }

    fn look_for_clicks(&mut self, newest: u64) {
        // The first whole second after the first block.
        let next = *self.next_click.get_or_insert((newest / SECOND + 1) * SECOND);
        let heard_enough = next + ((CLICK_SEARCH + 2 * CLICK) * STEP) as u64;
        if newest < heard_enough {
            return;
        }
        self.next_click = Some(next + SECOND);
        match self.find_click(next) {
            Some(latency) => self.report.latencies_ms.push(latency),
            None => self.report.clicks_missed += 1,
        }
    }

    /// The latency of the click that belongs to `second`, in milliseconds.
    fn find_click(&self, second: u64) -> Option<f32> {
        let end = second + ((CLICK_SEARCH + CLICK) * STEP) as u64;
        let heard: Vec<&(u64, [f32; BLOCK])> = self
            .blocks
            .iter()
            .filter(|(position, _)| position + BLOCK_SAMPLES as u64 > second && *position < end)
            .collect();
        let sound: Vec<f32> = heard
            .iter()
            .flat_map(|(_, samples)| samples.iter().copied())
            .collect();
        let likeness: Vec<f32> = sound
            .windows(CLICK)
            .map(|part| likeness(part, &self.click))
            .collect();
        let (at, best) = likeness
            .iter()
            .copied()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(&b.1))?;
        if best < CLICK_LIKENESS {
            return None;
        }
        let position = heard.get(at / BLOCK)?.0 + (at % BLOCK * STEP) as u64;
        let late = position.cast_signed().wrapping_sub(second.cast_signed()) as f32;
        let exact = late + peak_offset(&likeness, at) * STEP as f32 - FILTER_DELAY;
        Some(exact * 1_000.0 / SECOND as f32)
    }
}

/// Normalised correlation; nothing when the part is too quiet to be the click.
fn likeness(part: &[f32], click: &[f32]) -> f32 {
    let (mut cross, mut one, mut two) = (0.0, 0.0, 0.0);
    for (a, b) in part.iter().zip(click) {
        cross += a * b;
        one += a * a;
        two += b * b;
    }
    if one < CLICK_LEAST {
        0.0
    } else {
        cross / (one * two).sqrt()
    }
}

/// Where the top of the parabola through a peak and its neighbours lies, in samples.
fn peak_offset(values: &[f32], at: usize) -> f32 {
    let (Some(before), Some(after)) = (at.checked_sub(1).and_then(|i| values.get(i)), values.get(at + 1))
    else {
        return 0.0;
    };
    let bend = before - 2.0 * values[at] + after;
    if bend.abs() < f32::EPSILON {
        0.0
    } else {
        (0.5 * (before - after) / bend).clamp(-0.5, 0.5)
    }
}

/// 48 kHz to 12 kHz with a filter that delays by [`FILTER_DELAY`].
struct Decimator {
    taps: [f32; TAPS],
    history: [f32; TAPS - 1],
}

impl Decimator {
    fn new() -> Self {
        let mut taps = [0.0; TAPS];
        let middle = (TAPS - 1) as f32 / 2.0;
        for (i, tap) in taps.iter_mut().enumerate() {
            let x = i as f32 - middle;
            // A windowed sinc that cuts at 5 kHz.
            let angle = std::f32::consts::TAU * 5_000.0 / SECOND as f32 * x;
            let sinc = if x == 0.0 { 1.0 } else { angle.sin() / angle };
            let window = 0.5 + 0.5 * (std::f32::consts::PI * x / (middle + 1.0)).cos();
            *tap = sinc * window;
        }
        let sum: f32 = taps.iter().sum();
        taps.iter_mut().for_each(|tap| *tap /= sum);
        Self {
            taps,
            history: [0.0; TAPS - 1],
        }
    }

    fn block(&mut self, block: &[f32; BLOCK_SAMPLES]) -> [f32; BLOCK] {
        let mut line = [0.0; TAPS - 1 + BLOCK_SAMPLES];
        line[..TAPS - 1].copy_from_slice(&self.history);
        line[TAPS - 1..].copy_from_slice(block);
        self.history.copy_from_slice(&line[BLOCK_SAMPLES..]);
        std::array::from_fn(|i| {
            let part = &line[i * STEP..i * STEP + TAPS];
            part.iter()
                .zip(&self.taps)
                .map(|(sample, tap)| sample * tap)
                .sum()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::SILENT_BLOCK;
    use crate::audio::pace::test_start;
    use std::time::Duration;

    const START_S: u64 = 1_790_000_000;

    /// Plays `seconds` of what `sound` gives for each position.
    fn listen(seconds: u64, mut sound: impl FnMut(u64, &mut [f32])) -> SoundReport {
        let mut meter = SoundMeter::new();
        for n in 0..seconds * 100 {
            let mut samples = SILENT_BLOCK;
            sound(START_S * SECOND + n * 480, &mut samples);
            let since = Duration::from_secs(START_S) + Duration::from_millis(10 * n);
            meter.hear(&PlayedBlock {
                samples,
                played_at: UNIX_EPOCH + since,
                played: test_start(),
            });
        }
        meter.report().clone()
    }

    #[test]
    fn the_delay_is_read_off_the_clicks_to_a_tenth_of_a_millisecond() {
        for delay in [0u64, 1_000, 2_113, 19_200] {
            let report = listen(8, |position, block| speech::fill(position - delay, block));
            assert!(report.latencies_ms.len() >= 6, "{report:?}");
            for latency in &report.latencies_ms {
                assert!(
                    (latency - delay as f32 / 48.0).abs() < 0.1,
                    "{latency} ms for {delay} samples"
                );
            }
            // A lag between two samples of 12 kHz costs a little.
            assert!(
                report.sound_match().unwrap() > 0.95,
                "{delay}: {:?}",
                report.sound_match()
            );
        }
    }

    #[test]
    fn other_sound_does_not_match_and_has_no_clicks() {
        let mut seed = 1u32;
        let noise = listen(8, |_, block| {
            for sample in block {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *sample = ((seed >> 8) as f32 / (1 << 24) as f32 - 0.5) * 0.3;
            }
        });
        assert!(noise.sound_match().unwrap() < 0.2, "{noise:?}");
        assert!(noise.latencies_ms.is_empty() && noise.clicks_missed >= 6);
        let silence = listen(8, |_, _| {});
        assert_eq!(silence.sound_match(), Some(0.0));
        let other_time = listen(8, |position, block| {
            speech::fill(position - 100 * SECOND - 20_000, block);
        });
        assert!(other_time.sound_match().unwrap() < 0.5, "{other_time:?}");
    }

    #[test]
    fn noise_on_top_lowers_the_match_and_leaves_the_clicks() {
        let mut seed = 1u32;
        let report = listen(12, |position, block| {
            speech::fill(position - 1_440, block);
            for sample in block {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *sample += ((seed >> 8) as f32 / (1 << 24) as f32 - 0.5) * 0.2;
            }
        });
        let likeness = report.sound_match().unwrap();
        assert!((0.6..0.98).contains(&likeness), "{likeness}");
        assert!(report.latencies_ms.len() >= 9);
        assert!((report.latency_ms(50.0).unwrap() - 30.0).abs() < 0.3);
    }

    #[test]
    fn a_wait_that_changes_hardly_counts_and_missing_sound_does() {
        // Each 440 ms the delay grows by 7 ms or shrinks again, as when a jitter buffer stretches.
        let stretched = listen(12, |position, block| {
            speech::fill(position - 1_440 - position / 21_120 % 2 * 336, block);
        });
        assert!(stretched.sound_match().unwrap() > 0.9, "{stretched:?}");
        let torn = listen(12, |position, block| {
            if position / 4_800 % 5 < 3 {
                speech::fill(position - 1_440, block);
            }
        });
        assert!(torn.sound_match().unwrap() < 0.85, "{torn:?}");
    }
}
