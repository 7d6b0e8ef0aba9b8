//! What the video half costs and gives on this machine, with the built-in pattern as the picture:
//! `cargo run -p parley-media --example video_figures`.

use parley_media::time::CaptureTime;
use parley_media::video::codec::{EncoderSettings, H264Decoder, H264Encoder};
use parley_media::video::pattern::Pattern;
use parley_media::video::pool::FramePool;
use parley_media::video::scale::scale_into;
use parley_media::video::{VideoFrame, image, pattern};
use parley_proto::{Bitrate, FrameRate, Resolution};
use std::io::Write;
use std::time::{Duration, Instant};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const HD: Resolution = Resolution::new(1280, 720);
const CLOCK_US: u64 = 1_795_000_000_000_000;

fn main() -> Outcome {
    let mut out = std::io::stdout().lock();
    raw(&mut out)?;
    for (width, height, rates_kbps) in [
        (1280, 720, &[300, 800, 1500, 2500][..]),
        (640, 360, &[300, 800]),
        (1920, 1080, &[2500]),
    ] {
        for &kbps in rates_kbps {
            coded(&mut out, Resolution::new(width, height), kbps)?;
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a measurement")]
fn now() -> Instant {
    Instant::now()
}

/// Milliseconds of each of `count` runs, sorted.
fn sorted_ms(count: u32, mut work: impl FnMut(u32)) -> Vec<f64> {
    let mut runs: Vec<f64> = (0..count)
        .map(|run| {
            let begin = now();
            work(run);
            begin.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    runs
}

/// The value that `percent` of the sorted runs stay below.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted
        .get(sorted.len() * percent / 100)
        .copied()
        .unwrap_or(f64::NAN)
}

fn raw(out: &mut impl Write) -> Outcome {
    let mut drawing = Pattern::new(HD)?;
    let captured = CaptureTime(now());
    let drawn = sorted_ms(200, |number| drop(drawing.draw(number, CLOCK_US, captured)));
    writeln!(out, "draw 720p              {:6.3} ms", percentile(&drawn, 50))?;
    let frame = drawing.draw(400, CLOCK_US, captured)?;
    let read = sorted_ms(200, |_| drop(std::hint::black_box(pattern::read(&frame))));
    writeln!(out, "read the stamp         {:6.3} ms", percentile(&read, 50))?;
    let mut pool = FramePool::new();
    for (width, height) in [(640, 360), (320, 180), (960, 540), (426, 240)] {
        let size = Resolution::new(width, height);
        let scaled = sorted_ms(100, |_| drop(scale_into(&mut pool, &frame, size)));
        writeln!(out, "scale 720p to {size:<9}{:6.3} ms", percentile(&scaled, 50))?;
    }
    let converted = sorted_ms(50, |_| drop(image::to_rgb(&frame)));
    writeln!(
        out,
        "I420 to RGB 720p       {:6.3} ms",
        percentile(&converted, 50)
    )?;
    Ok(())
}

/// Ten seconds at thirty pictures a second through the encoder and the decoder.
fn coded(out: &mut impl Write, size: Resolution, kbps: u64) -> Outcome {
    let mut drawing = Pattern::new(size)?;
    let mut encoder = H264Encoder::new(EncoderSettings {
        bitrate: Bitrate::from_kbps(kbps),
        frame_rate: FrameRate::new(30),
    })?;
    let mut decoder = H264Decoder::new()?;
    let (mut encoding_ms, mut decoding_ms) = (Vec::new(), Vec::new());
    let (mut sizes, mut quality_db, mut stamps) = (Vec::new(), 0.0, 0);
    let begin = now();
    for number in 0..300u32 {
        let captured = CaptureTime(begin + Duration::from_secs(1) * number / 30);
        let frame = drawing.draw(number, CLOCK_US, captured)?;
        let encode_begin = now();
        let encoded = encoder.encode(&frame, false)?;
        let decode_begin = now();
        let shown = decoder.decode(&encoded.data, captured)?.ok_or("no picture")?;
        encoding_ms.push((decode_begin - encode_begin).as_secs_f64() * 1e3);
        decoding_ms.push(decode_begin.elapsed().as_secs_f64() * 1e3);
        sizes.push(encoded.data.len());
        quality_db += psnr_db(&frame, &shown);
        stamps += u32::from(pattern::read(&shown).is_some());
    }
    encoding_ms.sort_by(f64::total_cmp);
    decoding_ms.sort_by(f64::total_cmp);
    let after_first: usize = sizes.iter().skip(1).sum();
    writeln!(
        out,
        "{size} at {kbps} kbit/s: {:.0} kbit/s, key frame {} B, encode p50 {:.2} p95 {:.2} ms, decode p50 {:.2} ms, \
         PSNR-Y {:.1} dB, {stamps} of 300 stamps read",
        after_first as f64 * 8.0 / 299.0 * 30.0 / 1e3,
        sizes.first().copied().unwrap_or(0),
        percentile(&encoding_ms, 50),
        percentile(&encoding_ms, 95),
        percentile(&decoding_ms, 50),
        quality_db / 300.0,
    )?;
    Ok(())
}

fn psnr_db(sent: &VideoFrame, shown: &VideoFrame) -> f64 {
    let errors = sent.y().iter().zip(shown.y());
    let sum: u64 = errors.map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    10.0 * (255.0 * 255.0 * sent.y().len() as f64 / sum.max(1) as f64).log10()
}
