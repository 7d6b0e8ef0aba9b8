//! How much of what was said can be understood of what was heard: STOI, the short-time objective intelligibility of Taal,
//! Hendriks, Heusdens and Jensen, "An Algorithm for Intelligibility Prediction of Time-Frequency Weighted Noisy Speech",
//! IEEE TASLP 19(7), 2011. Its section II gives the numbers below.
//!
//! Takes two recordings that are lined up already.

use realfft::RealFftPlanner;

/// What the recordings come at, and what the measure works at, in samples per second: their ratio is 24 to 5.
const STEPS: (usize, usize) = (24, 5);
/// Samples of a frame, of the step to the next (half), and of its transform.
const FRAME: usize = 256;
const HOP: usize = FRAME / 2;
const TRANSFORM: usize = 512;
/// Bands of a third of an octave, and the centre of the lowest in Hz.
const BANDS: usize = 15;
const LOWEST_HZ: f64 = 150.0;
const RATE: f64 = 10_000.0;
/// Frames that are compared at once: 384 ms.
const SEGMENT: usize = 30;
/// Frames this much quieter than the loudest say nothing.
const RANGE_DB: f32 = 40.0;
/// No part counts as more distorted than this signal-to-distortion ratio.
const DISTORTION_DB: f32 = -15.0;

/// A band's magnitudes over time, for each band.
type Bands = Vec<[f32; BANDS]>;

/// From about 0 (nothing can be understood) to 1 (everything): both at 48 kHz. Zero when there is less than half a second.
#[must_use]
pub fn stoi(said: &[f32], heard: &[f32]) -> f32 {
    let (said, heard) = (to_ten_kilohertz(said), to_ten_kilohertz(heard));
    let (said, heard) = without_pauses(&said, &heard);
    let (said, heard) = (bands(&said), bands(&heard));
    let mut alike = Vec::new();
    for (said, heard) in said.windows(SEGMENT).zip(heard.windows(SEGMENT)) {
        alike.extend((0..BANDS).map(|band| compare(said, heard, band)));
    }
    if alike.is_empty() {
        return 0.0;
    }
    alike.iter().sum::<f32>() / alike.len() as f32
}

/// A low-pass at the new half rate (a windowed sinc, 64 periods long), taken at every 4.8th sample.
fn to_ten_kilohertz(sound: &[f32]) -> Vec<f32> {
    let (ins, outs) = STEPS;
    let ratio = ins as f64 / outs as f64;
    let half = (32.0 * ratio) as isize;
    let kernel = |phase: usize| -> Vec<f32> {
        let shift = (phase * ins % outs) as f64 / outs as f64;
        (-half..=half)
            .map(|at| {
                let x = (at as f64 - shift) / ratio;
                let sinc = if x.abs() < 1e-9 {
                    1.0
                } else {
                    (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x)
                };
                let window = 0.5 + 0.5 * (std::f64::consts::PI * x / 33.0).cos();
                (sinc * window / ratio) as f32
            })
            .collect()
    };
    let kernels: Vec<Vec<f32>> = (0..outs).map(kernel).collect();
    (0..sound.len() * outs / ins)
        .map(|index| {
            let middle = (index * ins / outs) as isize;
            let taps = (-half..=half).zip(&kernels[index % outs]);
            taps.filter_map(|(at, weight)| Some(sound.get(usize::try_from(middle + at).ok()?)? * weight))
                .sum()
        })
        .collect()
}

/// A Hann window without its zeroes.
fn window() -> Vec<f32> {
    let step = std::f32::consts::TAU / (FRAME + 1) as f32;
    (1..=FRAME)
        .map(|at| 0.5 - 0.5 * (at as f32 * step).cos())
        .collect()
}

fn frames(sound: &[f32]) -> Vec<Vec<f32>> {
    let window = window();
    let last = sound.len().saturating_sub(FRAME);
    (0..last)
        .step_by(HOP)
        .map(|at| sound[at..].iter().zip(&window).map(|(x, w)| x * w).collect())
        .collect()
}

/// Both without the frames in which the first one is silent, put together again by overlap.
fn without_pauses(said: &[f32], heard: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let (said, heard) = (frames(said), frames(heard));
    let loudness = |frame: &Vec<f32>| {
        let energy: f32 = frame.iter().map(|x| x * x).sum();
        10.0 * (energy + f32::MIN_POSITIVE).log10()
    };
    let loudest = said.iter().map(loudness).fold(f32::NEG_INFINITY, f32::max);
    let (said, heard): (Vec<&Vec<f32>>, Vec<&Vec<f32>>) = said
        .iter()
        .zip(&heard)
        .filter(|(said, _)| loudness(said) > loudest - RANGE_DB)
        .unzip();
    (overlapped(&said), overlapped(&heard))
}

fn overlapped(frames: &[&Vec<f32>]) -> Vec<f32> {
    let mut sound = vec![
        0.0;
        if frames.is_empty() {
            0
        } else {
            (frames.len() + 1) * HOP
        }
    ];
    for (index, frame) in frames.iter().enumerate() {
        let place = &mut sound[index * HOP..index * HOP + FRAME];
        place
            .iter_mut()
            .zip(*frame)
            .for_each(|(sum, sample)| *sum += sample);
    }
    sound
}

/// The first and the last-but-one bin of each band.
fn edges() -> [(usize, usize); BANDS] {
    let bin = |hz: f64| (hz * TRANSFORM as f64 / RATE).round() as usize;
    std::array::from_fn(|band| {
        let centre = LOWEST_HZ * 2f64.powf(band as f64 / 3.0);
        let half_width = 2f64.powf(1.0 / 6.0);
        (bin(centre / half_width), bin(centre * half_width))
    })
}

fn bands(sound: &[f32]) -> Bands {
    let transform = RealFftPlanner::<f32>::new().plan_fft_forward(TRANSFORM);
    let edges = edges();
    let bands_of = |mut frame: Vec<f32>| {
        frame.resize(TRANSFORM, 0.0);
        let mut bins = transform.make_output_vec();
        if transform.process(&mut frame, &mut bins).is_err() {
            return [0.0; BANDS];
        }
        edges.map(|(from, to)| {
            let power: f32 = bins[from..to].iter().map(|bin| bin.norm_sqr()).sum();
            power.sqrt()
        })
    };
    frames(sound).into_iter().map(bands_of).collect()
}

/// How alike one band goes over a segment, after bringing it to the same loudness and limiting its distortion.
fn compare(said: &[[f32; BANDS]], heard: &[[f32; BANDS]], band: usize) -> f32 {
    let column = |bands: &[[f32; BANDS]]| -> Vec<f32> { bands.iter().map(|bands| bands[band]).collect() };
    let (said, mut heard) = (column(said), column(heard));
    let length = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>().sqrt();
    // Something small, so that silence stays silence.
    let gain = length(&said) / (length(&heard) + 1e-20);
    let limit = 1.0 + 10f32.powf(-DISTORTION_DB / 20.0);
    for (heard, said) in heard.iter_mut().zip(&said) {
        *heard = (*heard * gain).min(said * limit);
    }
    correlation(&said, &heard)
}

/// Pearson's, -1 to 1; zero when one of the two does not change.
pub fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let mean = |x: &[f32]| x.iter().sum::<f32>() / x.len().max(1) as f32;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut product, mut square_a, mut square_b) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (x - mean_a, y - mean_b);
        product += x * y;
        square_a += x * x;
        square_b += y * y;
    }
    let scale = (square_a * square_b).sqrt();
    if scale > 0.0 { product / scale } else { 0.0 }
}
