//! What the video half costs (processor time) and gives on this machine, with the built-in pattern as the picture:
//! `cargo run -p parley-media --example video_figures`.

use bytes::Bytes;
use parley_media::time::CaptureTime;
use parley_media::video::codec::{EncoderSettings, H264Decoder, H264Encoder};
use parley_media::video::pattern::Pattern;
use parley_media::video::pool::FramePool;
use parley_media::video::scale::scale_into;
use parley_media::video::{VideoFrame, image, pattern};
use parley_proto::{Bitrate, FrameRate, Resolution};
use std::io::Write;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const HD: Resolution = Resolution::new(1280, 720);
const PICTURES: u32 = 300;
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

/// Milliseconds of processor time that `count` runs took, each: other programs on the machine change little in it. Of the wall
/// clock where the system does not tell (only Linux does).
fn cost_ms<T>(count: u32, mut work: impl FnMut(u32) -> Outcome<T>) -> Outcome<f64> {
    let begin = spent();
    for run in 0..count {
        std::hint::black_box(work(run)?);
    }
    Ok(spent().saturating_sub(begin).as_secs_f64() * 1e3 / f64::from(count))
}

/// What this thread has spent so far.
#[expect(clippy::disallowed_methods, reason = "a measurement")]
fn spent() -> Duration {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    let begin = *BEGIN.get_or_init(Instant::now);
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse().ok())
        .map_or_else(|| begin.elapsed(), Duration::from_nanos)
}

#[expect(clippy::disallowed_methods, reason = "a measurement")]
fn now() -> CaptureTime {
    CaptureTime(Instant::now())
}

fn raw(out: &mut impl Write) -> Outcome {
    let mut drawing = Pattern::new(HD)?;
    let drawn = cost_ms(1000, |number| Ok(drawing.draw(number, CLOCK_US, now())?))?;
    writeln!(out, "draw 720p              {drawn:6.3} ms")?;
    let frame = drawing.draw(400, CLOCK_US, now())?;
    let mut read = 0;
    let reading = cost_ms(10_000, |_| {
        read += u32::from(pattern::read(&frame).is_some());
        Ok(())
    })?;
    writeln!(out, "read the stamp         {reading:6.3} ms ({read} times)")?;
    let mut pool = FramePool::new();
    for (width, height) in [(640, 360), (320, 180), (960, 540), (426, 240)] {
        let size = Resolution::new(width, height);
        let scaled = cost_ms(300, |_| Ok(scale_into(&mut pool, &frame, size)))?;
        writeln!(out, "scale 720p to {:<9}{scaled:6.3} ms", size.to_string())?;
    }
    let converted = cost_ms(300, |_| Ok(image::to_rgb(&frame)?))?;
    writeln!(out, "I420 to RGB 720p       {converted:6.3} ms")?;
    Ok(())
}

/// Ten seconds at thirty pictures a second through the encoder, then through the decoder.
fn coded(out: &mut impl Write, size: Resolution, kbps: u64) -> Outcome {
    let mut drawing = Pattern::new(size)?;
    let begin = now();
    let mut draw = |number: u32| {
        let captured = CaptureTime(begin.0 + Duration::from_secs(1) * number / 30);
        drawing.draw(number, CLOCK_US, captured)
    };
    let mut encoder = H264Encoder::new(EncoderSettings {
        bitrate: Bitrate::from_kbps(kbps),
        frame_rate: FrameRate::new(30),
    })?;
    let drawing_ms = cost_ms(PICTURES, |number| Ok(draw(number)?))?;
    let mut units = Vec::new();
    let encoding_ms = cost_ms(PICTURES, |number| {
        units.push(encoder.encode(&draw(number)?, false)?.data);
        Ok(())
    })?;
    let decoding_ms = decode_all(&units, |_, _| Ok(()))?;
    let (mut quality_db, mut stamps) = (0.0, 0);
    decode_all(&units, |number, shown| {
        quality_db += psnr_db(&draw(number)?, shown) / f64::from(PICTURES);
        stamps += u32::from(pattern::read(shown).is_some());
        Ok(())
    })?;
    let after_first: usize = units.iter().skip(1).map(Bytes::len).sum();
    writeln!(
        out,
        "{size} at {kbps} kbit/s: {:.0} kbit/s, key frame {} B, encode {:.2} ms, decode {decoding_ms:.2} ms, \
         PSNR-Y {quality_db:.1} dB, {stamps} of {PICTURES} stamps read",
        after_first as f64 * 8.0 / f64::from(PICTURES - 1) * 30.0 / 1e3,
        units.first().map_or(0, Bytes::len),
        encoding_ms - drawing_ms,
    )?;
    Ok(())
}

fn decode_all(units: &[Bytes], mut look: impl FnMut(u32, &VideoFrame) -> Outcome) -> Outcome<f64> {
    let mut decoder = H264Decoder::new()?;
    cost_ms(PICTURES, |number| {
        let shown = decoder
            .decode(&units[number as usize], now())?
            .ok_or("no picture")?;
        look(number, &shown)
    })
}

fn psnr_db(sent: &VideoFrame, shown: &VideoFrame) -> f64 {
    let errors = sent.y().iter().zip(shown.y());
    let sum: u64 = errors.map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    10.0 * (255.0 * 255.0 * sent.y().len() as f64 / sum.max(1) as f64).log10()
}
