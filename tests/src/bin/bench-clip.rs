//! `bench-clip DIR [--size 1280x720] [--fps 30] [--seconds 10]`: the clip that both sides of a bench send.
//!
//! Writes `clip.y4m` (the test pattern, numbered) and `clip.wav` (quiet speech-like sound with a loud click at each second).

use anyhow::{Context as _, bail};
use parley_media::time::CaptureTime;
use parley_media::video::pattern::Pattern;
use parley_proto::Resolution;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

const SAMPLE_RATE: u32 = 48_000;
/// Two milliseconds: short enough to time, long enough to survive Opus.
const CLICK_SAMPLES: u32 = 96;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str, default: &str| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1))
            .map_or(default.to_owned(), Clone::clone)
    };
    let dir = Path::new(arguments.first().context("name a folder")?);
    let size = option("--size", "1280x720");
    let (width, height) = size.split_once('x').context("--size WIDTHxHEIGHT")?;
    let resolution = Resolution::new(width.parse()?, height.parse()?);
    let fps: u32 = option("--fps", "30").parse()?;
    let seconds: u32 = option("--seconds", "10").parse()?;
    if fps == 0 || fps > 60 || seconds == 0 || seconds > 60 {
        bail!("1 to 60 pictures a second, 1 to 60 seconds");
    }
    write_pictures(&dir.join("clip.y4m"), resolution, fps, fps * seconds)?;
    write_sound(&dir.join("clip.wav"), seconds)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a frame must carry a capture time; nobody reads it here"
)]
fn write_pictures(path: &Path, resolution: Resolution, fps: u32, count: u32) -> anyhow::Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    writeln!(
        file,
        "YUV4MPEG2 W{} H{} F{fps}:1 Ip A1:1 C420jpeg",
        resolution.width, resolution.height
    )?;
    let mut pattern = Pattern::new(resolution)?;
    for number in 0..count {
        let clock_us = u64::from(number) * 1_000_000 / u64::from(fps);
        let frame = pattern.draw(number, clock_us, CaptureTime(Instant::now()))?;
        file.write_all(b"FRAME\n")?;
        file.write_all(frame.i420())?;
    }
    Ok(file.flush()?)
}

/// A voice of harmonics that comes and goes four times a second, far below the clicks.
fn write_sound(path: &Path, seconds: u32) -> anyhow::Result<()> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(path, spec)?;
    for index in 0..seconds * SAMPLE_RATE {
        let time = f64::from(index) / f64::from(SAMPLE_RATE);
        let turn = |hertz: f64| (time * hertz * std::f64::consts::TAU).sin();
        let voice = (1..=8)
            .map(|n| turn(140.0 * f64::from(n)) / f64::from(n))
            .sum::<f64>();
        let syllable = turn(2.0).abs().powi(2);
        let within = index % SAMPLE_RATE;
        let click = match within {
            0..CLICK_SAMPLES if (within / 12).is_multiple_of(2) => 0.9,
            0..CLICK_SAMPLES => -0.9,
            _ => 0.05 * voice * syllable,
        };
        file.write_sample((click * f64::from(i16::MAX)) as i16)?;
    }
    Ok(file.finalize()?)
}
