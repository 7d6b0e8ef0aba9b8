//! Time-stretching by whole pitch periods: waveform-similarity overlap-add (Verhelst and Roelands, 1993) on a few
//! milliseconds. Where two stretches of sound are alike, the one between is left out, or played twice.

/// Over so many samples one stretch is faded into the other: 5 ms.
const OVERLAP: usize = 240;
/// The shortest pitch period looked for: 2.5 ms.
pub(super) const LAG_MIN: usize = 120;
/// The longest: 12.5 ms.
pub(super) const LAG_MAX: usize = 600;
/// So alike must two stretches be to be joined, unless both are silent.
const ALIKE: f32 = 0.6;
/// Below this power (-56 dBov or so) nobody hears a join.
const SILENT_POWER: f32 = 2.5e-6;
/// The search looks at every fourth sample first.
const COARSE: usize = 4;

/// What is needed at least to look for the longest lag of `lag_max`.
pub(super) const fn needed(lag_max: usize) -> usize {
    lag_max + OVERLAP
}

/// Leaves out up to `lag_max` samples at the beginning; gives how many.
pub(super) fn accelerate(sound: &mut Vec<f32>, lag_max: usize) -> Option<usize> {
    let lag = alike_at(sound, lag_max)?;
    for i in 0..OVERLAP {
        let fade = (i as f32 + 0.5) / OVERLAP as f32;
        sound[i] = sound[i] * (1.0 - fade) + sound[i + lag] * fade;
    }
    sound.drain(OVERLAP..OVERLAP + lag);
    Some(lag)
}

/// Puts in up to `lag_max` samples at the beginning; gives how many.
pub(super) fn expand(sound: &mut Vec<f32>, lag_max: usize) -> Option<usize> {
    let lag = alike_at(sound, lag_max)?;
    let length = sound.len();
    // What follows the first period moves back by one period, so that the period is there twice.
    sound.resize(length + lag, 0.0);
    sound.copy_within(0..length, lag);
    // From here the moved sound plays; the original, which stands one period further on now, is faded out over it.
    for i in 0..OVERLAP {
        let fade = (i as f32 + 0.5) / OVERLAP as f32;
        sound[lag + i] = sound[2 * lag + i] * (1.0 - fade) + sound[lag + i] * fade;
    }
    Some(lag)
}

/// The lag at which the sound is most like its beginning, if it is alike enough.
fn alike_at(sound: &[f32], lag_max: usize) -> Option<usize> {
    let lag_max = lag_max.min(LAG_MAX).min(sound.len().checked_sub(OVERLAP)?);
    if lag_max < LAG_MIN {
        return None;
    }
    let power = sound[..needed(lag_max)].iter().map(|s| s * s).sum::<f32>() / needed(lag_max) as f32;
    if power < SILENT_POWER {
        return Some(lag_max);
    }
    let coarse = best(sound, (LAG_MIN..=lag_max).step_by(COARSE), COARSE)?.0;
    let near = coarse.saturating_sub(COARSE).max(LAG_MIN)..=(coarse + COARSE).min(lag_max);
    let (lag, likeness) = best(sound, near, 1)?;
    (likeness >= ALIKE).then_some(lag)
}

fn best(sound: &[f32], lags: impl Iterator<Item = usize>, step: usize) -> Option<(usize, f32)> {
    lags.map(|lag| (lag, likeness(sound, lag, step)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

/// Normalised correlation of the beginning with what is `lag` later.
fn likeness(sound: &[f32], lag: usize, step: usize) -> f32 {
    let (mut cross, mut one, mut two) = (0.0, 0.0, 0.0);
    for i in (0..OVERLAP).step_by(step) {
        let (a, b) = (sound[i], sound[i + lag]);
        cross += a * b;
        one += a * a;
        two += b * b;
    }
    let norm = (one * two).sqrt();
    if norm > 0.0 { cross / norm } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 150 Hz with two harmonics: a period of 320 samples.
    fn voice(from: usize, length: usize) -> Vec<f32> {
        (from..from + length)
            .map(|i| {
                let angle = i as f32 * std::f32::consts::TAU / 320.0;
                0.2 * angle.sin() + 0.1 * (2.0 * angle).sin() + 0.05 * (3.0 * angle).cos()
            })
            .collect()
    }

    fn steepest(sound: &[f32]) -> f32 {
        sound.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_whole_period_is_left_out_without_a_click() {
        let mut sound = voice(0, 960);
        let left_out = accelerate(&mut sound, LAG_MAX).unwrap();
        assert_eq!(left_out % 320, 0);
        assert_eq!(sound.len(), 960 - left_out);
        assert!(steepest(&sound) < 1.2 * steepest(&voice(0, 960)));
    }

    #[test]
    fn a_whole_period_is_put_in_without_a_click() {
        let mut sound = voice(0, 960);
        let put_in = expand(&mut sound, LAG_MAX).unwrap();
        assert_eq!(put_in % 320, 0);
        assert_eq!(sound.len(), 960 + put_in);
        assert!(steepest(&sound) < 1.2 * steepest(&voice(0, 960)));
        // A steady voice sounds the same as if it had gone on by itself.
        for (i, (got, want)) in sound.iter().zip(voice(0, sound.len())).enumerate() {
            assert!((got - want).abs() < 1e-3, "sample {i}: {got} for {want}");
        }
    }

    #[test]
    fn noise_is_left_alone() {
        let mut seed = 1u32;
        let mut sound: Vec<f32> = (0..960)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 8) as f32 / (1 << 24) as f32 - 0.5
            })
            .collect();
        assert_eq!(accelerate(&mut sound, LAG_MAX), None);
        assert_eq!(sound.len(), 960);
    }

    #[test]
    fn silence_gives_all_it_is_asked_for() {
        let mut sound = vec![0.0; 960];
        assert_eq!(accelerate(&mut sound, 480), Some(480));
        assert_eq!(expand(&mut sound, 200), Some(200));
        assert_eq!(sound.len(), 680);
    }

    #[test]
    fn too_little_sound_is_left_alone() {
        assert_eq!(accelerate(&mut vec![0.0; 300], LAG_MAX), None);
        assert_eq!(expand(&mut Vec::new(), LAG_MAX), None);
    }
}
