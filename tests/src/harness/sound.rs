//! Comparing what was said with what was heard. Sound here is mono, 48 kHz, between -1 and 1.

use anyhow::{Context as _, Result, ensure};
use parley_media::audio::probe::correlation;
use realfft::RealFftPlanner;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Samples per second.
pub const RATE: usize = 48_000;
/// Samples in the steps of an envelope: 10 ms.
const STEP: usize = RATE / 100;
/// Around an alignment found once, each second may be off by this much: a jitter buffer stretches.
const DRIFT_MAX: usize = RATE / 10;
/// What is laid beside what was said in one piece: 100 ms. It lies at most 60 ms from where the piece before does,
const PART: usize = RATE / 10;
const PART_SHIFT_MAX: usize = RATE * 6 / 100;
/// and moves only to become so much more alike.
const MOVE_LEAST: f32 = 0.05;
/// Seconds quieter than this say nothing about likeness.
const QUIET_RMS: f32 = 0.003;

/// Lets the machine say `text` into a wav file.
///
/// # Errors
/// When espeak-ng or ffmpeg is missing.
pub fn say(text: &str, wav: &Path) -> Result<()> {
    let raw = wav.with_extension("espeak.wav");
    run(
        Command::new("espeak-ng")
            .args(["-s", "150", "-w"])
            .arg(&raw)
            .arg(text),
        "espeak-ng",
    )?;
    run(
        Command::new("ffmpeg")
            .args(["-v", "error", "-y", "-i"])
            .arg(&raw)
            .args(["-ar", "48000", "-ac", "1", "-sample_fmt", "s16"])
            .arg(wav),
        "ffmpeg",
    )
}

/// Makes a wav file beside `wav` that says the same again and again, for this long.
///
/// # Errors
/// When it cannot be read or written.
pub fn over_and_over(wav: &Path, time: Duration) -> Result<PathBuf> {
    let once = read_wav(wav)?;
    let file = wav.with_extension("long.wav");
    let wanted = (time.as_secs_f64() * RATE as f64) as usize;
    write_wav(&file, once.iter().copied().cycle().take(wanted))?;
    Ok(file)
}

fn run(command: &mut Command, package: &str) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("is the package {package} installed?"))?;
    ensure!(
        output.status.success(),
        "{package}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Reads a mono wav file.
///
/// # Errors
/// When it is none, or at another rate.
pub fn read_wav(path: &Path) -> Result<Vec<f32>> {
    let mut reader =
        hound::WavReader::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let format = reader.spec();
    ensure!(
        format.sample_rate as usize == RATE && format.channels == 1,
        "{} is not mono at 48 kHz",
        path.display()
    );
    Ok(match format.sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().collect::<Result<_, _>>()?,
        hound::SampleFormat::Int => reader
            .samples::<i16>()
            .map(|sample| Ok(f32::from(sample?) / 32_768.0))
            .collect::<Result<_, hound::Error>>()?,
    })
}

/// Writes a mono wav file of 16 bits.
///
/// # Errors
/// When it cannot be written.
pub fn write_wav(path: &Path, samples: impl IntoIterator<Item = f32>) -> Result<()> {
    let format = hound::WavSpec {
        channels: 1,
        sample_rate: RATE as u32,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, format)?;
    for sample in samples {
        writer.write_sample((sample * f32::from(i16::MAX)) as i16)?;
    }
    Ok(writer.finalize()?)
}

/// Root mean square.
#[must_use]
pub fn rms(sound: &[f32]) -> f32 {
    if sound.is_empty() {
        return 0.0;
    }
    (sound.iter().map(|sample| sample * sample).sum::<f32>() / sound.len() as f32).sqrt()
}

/// The longest time without sound between the first of it and the last, in steps of 10 ms.
#[must_use]
pub fn longest_gap(sound: &[f32]) -> Duration {
    longest_between(sound.chunks(STEP).map(|step| rms(step) >= QUIET_RMS))
}

fn longest_between(steps: impl Iterator<Item = bool>) -> Duration {
    let (mut longest, mut last) = (0, None);
    for (at, _) in steps.enumerate().filter(|(_, there)| *there) {
        longest = last.map_or(longest, |last: usize| longest.max(at - last - 1));
        last = Some(at);
    }
    Duration::from_millis(10 * longest as u64)
}

/// How strong a steady tone of `hz` is in a piece of sound: its amplitude (Goertzel's algorithm).
#[must_use]
pub fn tone(sound: &[f32], hz: f32) -> f32 {
    let turn = std::f64::consts::TAU * f64::from(hz) / RATE as f64;
    let (mut one, mut two) = (0.0, 0.0);
    for sample in sound {
        let next = f64::from(*sample) + 2.0 * turn.cos() * one - two;
        (two, one) = (one, next);
    }
    let power = one * one + two * two - 2.0 * turn.cos() * one * two;
    (power.max(0.0).sqrt() * 2.0 / sound.len().max(1) as f64) as f32
}

/// The longest time without a tone of `hz` between the first of it and the last, in steps of 10 ms, whatever else is heard: of tones that
/// are whole waves in such a step each is told apart. `least` is the amplitude that is heard.
#[must_use]
pub fn longest_gap_of_tone(sound: &[f32], hz: f32, least: f32) -> Duration {
    let is_there = |step: &[f32]| tone(step, hz) >= least;
    longest_between(sound.chunks_exact(STEP).map(is_there))
}

/// Makes a wav file of a steady tone.
///
/// # Errors
/// When it cannot be written.
pub fn write_tone(wav: &Path, hz: f32, amplitude: f32, time: Duration) -> Result<()> {
    let tone = (0..(time.as_secs_f64() * RATE as f64) as usize).map(|index| {
        let phase = (index as f64 * f64::from(hz) / RATE as f64).fract() as f32 * std::f32::consts::TAU;
        phase.sin() * amplitude
    });
    write_wav(wav, tone)
}

/// Loudness in steps of 10 ms.
#[must_use]
pub fn envelope(sound: &[f32]) -> Vec<f32> {
    sound.chunks_exact(STEP).map(rms).collect()
}

/// Where in `heard` the beginning of `said` is, by the loudness of both (good to 10 ms), and how alike the loudness goes
/// there (-1 to 1).
#[must_use]
pub fn find(said: &[f32], heard: &[f32]) -> (usize, f32) {
    let (said, heard) = (envelope(said), envelope(heard));
    let last = heard.len().saturating_sub(said.len());
    (0..=last)
        .map(|at| {
            let end = (at + said.len()).min(heard.len());
            (at * STEP, correlation(&said[..end - at], &heard[at..end]))
        })
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap_or((0, 0.0))
}

/// How alike the waveforms are, 0 to 1: the median over the seconds of `said` of the peak of the normalised
/// cross-correlation, after alignment.
#[must_use]
pub fn likeness(said: &[f32], heard: &[f32]) -> f32 {
    let (start, _) = find(said, heard);
    let mut peaks: Vec<f32> = said
        .chunks_exact(RATE)
        .enumerate()
        .filter(|(_, second)| rms(second) > QUIET_RMS)
        .map(|(index, second)| {
            let (from, to) = around(start + index * RATE, heard.len());
            peak_correlation(second, &heard[from..to]).1
        })
        .collect();
    peaks.sort_by(f32::total_cmp);
    peaks.get(peaks.len() / 2).copied().unwrap_or(0.0)
}

/// `heard`, laid beside `said`: a jitter buffer stretches and shrinks what it plays by some milliseconds, within words too. Each second
/// where it is most alike, and in it each [`PART`], from where the one before lies, where it is clearly more alike.
#[must_use]
pub fn lined_up(said: &[f32], heard: &[f32]) -> Vec<f32> {
    let (mut shift, _) = find(said, heard);
    let mut beside = Vec::with_capacity(said.len());
    for (index, second) in said.chunks(RATE).enumerate() {
        let begins = index * RATE;
        let (from, to) = around(shift + begins, heard.len());
        if rms(second) > QUIET_RMS && second.len() == RATE {
            let (at, _) = peak_correlation(second, &heard[from..to]);
            shift = (from + at).saturating_sub(begins);
        }
        for (number, part) in second.chunks(PART).enumerate() {
            let begins = begins + number * PART;
            shift = moved(part, heard, shift + begins).saturating_sub(begins);
            let at = shift + begins;
            beside.extend((at..at + part.len()).map(|at| heard.get(at).copied().unwrap_or(0.0)));
        }
    }
    beside
}

/// Where in `heard` a part is that should be at `at`.
fn moved(part: &[f32], heard: &[f32], at: usize) -> usize {
    let from = at.saturating_sub(PART_SHIFT_MAX).min(heard.len());
    let near = &heard[from..(at + part.len() + PART_SHIFT_MAX).min(heard.len())];
    if rms(part) < QUIET_RMS || near.len() < part.len() {
        return at;
    }
    let stays = heard.get(at..at + part.len());
    let stays = stays.map_or(0.0, |there| peak_correlation(part, there).1);
    let (elsewhere, alike) = peak_correlation(part, near);
    if alike > stays + MOVE_LEAST {
        from + elsewhere
    } else {
        at
    }
}

/// Where to look for a second that should begin at `at`.
fn around(at: usize, end: usize) -> (usize, usize) {
    let from = at.saturating_sub(DRIFT_MAX).min(end);
    (from, (at + RATE + DRIFT_MAX).min(end))
}

/// Where `needle` is in `hay`, and its largest normalised correlation with any part of the same length (by FFT). The sign
/// does not matter: a device may turn it.
pub(crate) fn peak_correlation(needle: &[f32], hay: &[f32]) -> (usize, f32) {
    if hay.len() < needle.len() {
        return (0, 0.0);
    }
    let size = (hay.len() + needle.len()).next_power_of_two();
    let mut planner = RealFftPlanner::<f32>::new();
    let (forth, back) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
    let spectrum = |sound: &[f32]| {
        let mut padded = sound.to_vec();
        padded.resize(size, 0.0);
        let mut bins = forth.make_output_vec();
        forth.process(&mut padded, &mut bins).map(|()| bins)
    };
    let (Ok(needle_bins), Ok(mut bins)) = (spectrum(needle), spectrum(hay)) else {
        return (0, 0.0);
    };
    for (bin, other) in bins.iter_mut().zip(needle_bins) {
        *bin *= other.conj();
    }
    // The inverse wants these two real, which they are but for rounding.
    bins[0].im = 0.0;
    bins[size / 2].im = 0.0;
    let mut products = back.make_output_vec();
    if back.process(&mut bins, &mut products).is_err() {
        return (0, 0.0);
    }
    let needle_energy: f32 = needle.iter().map(|sample| sample * sample).sum();
    let mut energy: f32 = hay[..needle.len()].iter().map(|sample| sample * sample).sum();
    let mut best = (0, 0.0_f32);
    for at in 0..=hay.len() - needle.len() {
        let scale = (needle_energy * energy).sqrt();
        if scale > 1e-9 {
            let alike = (products[at] / size as f32 / scale).abs();
            if alike > best.1 {
                best = (at, alike);
            }
        }
        if let Some(entering) = hay.get(at + needle.len()) {
            energy = (energy + entering * entering - hay[at] * hay[at]).max(0.0);
        }
    }
    (best.0, best.1.min(1.0))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use parley_media::audio::probe::stoi;

    /// White, between -1 and 1, the same for the same seed.
    pub(crate) fn noise(seconds: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        (0..seconds * RATE)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect()
    }

    /// Noise that swells and fades.
    pub(crate) fn voice(seconds: usize, seed: u32) -> Vec<f32> {
        noise(seconds, seed)
            .into_iter()
            .enumerate()
            .map(|(index, noise)| {
                let phase = index as f32 / RATE as f32;
                noise * 0.2 * (phase * (5.0 + seed as f32)).sin().abs() * (phase * 1.7).cos().abs()
            })
            .collect()
    }

    #[test]
    fn a_gap_is_between_sounds_and_not_before_or_after_them() {
        let piece = |centiseconds: usize, level: f32| vec![level; centiseconds * STEP];
        let heard = [
            piece(90, 0.0),
            piece(20, 0.1),
            piece(7, 0.001),
            piece(20, 0.1),
            piece(12, 0.0),
            piece(1, 0.1),
            piece(50, 0.0),
        ];
        assert_eq!(longest_gap(&heard.concat()), Duration::from_millis(120));
        assert_eq!(longest_gap(&piece(50, 0.0)), Duration::ZERO);
        assert_eq!(longest_gap(&piece(50, 0.1)), Duration::ZERO);
    }

    #[test]
    fn what_was_said_is_found_where_it_is_and_recognised() {
        let said = voice(4, 3);
        let mut heard = vec![0.0; 13_000];
        heard.extend(said.iter().map(|sample| sample * -0.4));
        heard.extend([0.0; 9_000]);
        let (at, alike) = find(&said, &heard);
        assert!(at.abs_diff(13_000) <= STEP, "{at}");
        assert!(alike > 0.95, "{alike}");
        assert!(likeness(&said, &heard) > 0.98, "{}", likeness(&said, &heard));
    }

    #[test]
    fn what_a_jitter_buffer_stretched_is_laid_beside_what_was_said() {
        let said = voice(3, 3);
        let mut heard = vec![0.0; 20_000];
        heard.extend(&said[..RATE]);
        heard.extend([0.0; 960]);
        heard.extend(&said[RATE..2 * RATE]);
        heard.extend(&said[2 * RATE + 960..]);
        let beside = lined_up(&said, &heard);
        assert_eq!(beside.len(), said.len());
        for second in 0..2 {
            let part = second * RATE..(second + 1) * RATE;
            assert!(correlation(&said[part.clone()], &beside[part]) > 0.99, "{second}");
        }
    }

    /// What is stretched within a second lay beside something else, and was taken for noise: 0.8 for whole speech.
    #[test]
    fn what_was_stretched_within_a_second_is_understood_and_what_was_lost_is_not() {
        let said = voice(6, 3);
        let (mut stretched, mut holes) = (vec![0.0; 20_000], vec![0.0; 20_000]);
        for half in said.chunks(RATE / 2).enumerate() {
            let late = [0, 960][half.0 % 2];
            stretched.extend(&half.1[..half.1.len() - 960 + late]);
            stretched.extend(vec![0.0; late]);
            // Of ten packets three.
            for (number, packet) in half.1.chunks(RATE / 50).enumerate() {
                let lost = [0, 4, 5].contains(&(number % 10));
                holes.extend(packet.iter().map(|sample| if lost { 0.0 } else { *sample }));
            }
        }
        let understood = |heard: &[f32]| stoi(&said, &lined_up(&said, heard));
        assert!(understood(&stretched) > 0.95, "{}", understood(&stretched));
        let in_place = stoi(&said, &holes[20_000..]);
        let lost = understood(&holes);
        assert!((lost - in_place).abs() < 0.03, "{lost}, {in_place} where it was");
        assert!(lost < 0.9, "{lost}");
    }

    #[test]
    fn a_tone_is_measured_beside_another() {
        let sound: Vec<f32> = (0..RATE)
            .map(|at| {
                let wave = |hz: f32| (at as f32 / RATE as f32 * hz * std::f32::consts::TAU).sin();
                0.25 * wave(1_000.0) + 0.5 * wave(440.0)
            })
            .collect();
        let check = |hz, expect: f32| assert!((tone(&sound, hz) - expect).abs() < 0.01, "{hz}");
        check(1_000.0, 0.25);
        check(440.0, 0.5);
        check(1_500.0, 0.0);
        assert_eq!(tone(&[], 440.0), 0.0);
    }

    #[test]
    fn a_tone_that_was_away_is_missed_though_another_is_heard() {
        let sound: Vec<f32> = (0..RATE)
            .map(|at| {
                let wave = |hz: f32| (at as f32 / RATE as f32 * hz * std::f32::consts::TAU).sin();
                let away = (20 * STEP..25 * STEP).contains(&at);
                0.1 * wave(700.0) + if away { 0.0 } else { 0.1 * wave(500.0) }
            })
            .collect();
        let gap = |hz| longest_gap_of_tone(&sound, hz, 0.025).as_millis();
        assert_eq!((gap(500.0), gap(700.0), gap(900.0)), (50, 0, 0));
    }

    #[test]
    fn something_else_is_not_recognised() {
        let like = likeness(&voice(4, 3), &voice(6, 4));
        assert!(like < 0.2, "{like}");
        assert_eq!(likeness(&voice(2, 3), &[0.0; 48_000]), 0.0);
        assert_eq!(likeness(&voice(2, 3), &[]), 0.0);
    }
}
