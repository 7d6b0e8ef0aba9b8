//! A recorded file as players see it: its tracks, and how far the picture and the sound of one person are apart in it, by the
//! pattern's clock and the clicks of the built-in speech.

use anyhow::{Context as _, Result, ensure};
use parley_media::audio::probe::SoundMeter;
use parley_media::audio::{BLOCK_SAMPLES, PlayedBlock, SILENT_BLOCK};
use parley_media::time::CaptureTime;
use parley_media::video::{VideoFrame, pattern};
use parley_proto::Resolution;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, UNIX_EPOCH};

/// What the sound is taken to be late by, so that clicks that come before their picture are found too.
const LEEWAY_S: f64 = 0.2;

/// A part of the picture, in pixels.
#[derive(Debug, Clone, Copy)]
pub struct Spot {
    /// From the left.
    pub x: u32,
    /// From above.
    pub y: u32,
    /// Its width.
    pub width: u32,
    /// Its height.
    pub height: u32,
}

/// What ffprobe says of a file.
#[derive(Debug)]
pub struct Recorded {
    path: PathBuf,
    /// Of each track.
    pub codecs: Vec<String>,
    /// Of the pictures.
    pub size: Resolution,
    /// How many there are.
    pub pictures: usize,
    /// When the last one ends.
    pub picture_s: f64,
    /// When the sound ends.
    pub sound_s: f64,
}

impl Recorded {
    /// Asks ffprobe.
    ///
    /// # Errors
    /// When it cannot be asked, or the file is none.
    pub fn read(path: &Path) -> Result<Self> {
        let codecs = ask(path, &[], "stream=codec_name")?;
        let size = ask(path, &["-select_streams", "v"], "stream=width,height")?;
        let (width, height) = size
            .first()
            .and_then(|line| line.split_once(','))
            .context("no size")?;
        let pictures = ends(path, "v")?;
        Ok(Self {
            path: path.to_owned(),
            codecs,
            size: Resolution::new(width.parse()?, height.trim_end_matches(',').parse()?),
            pictures: pictures.len(),
            picture_s: pictures.last().copied().unwrap_or(0.0),
            sound_s: ends(path, "a")?.last().copied().unwrap_or(0.0),
        })
    }

    /// By how much the sound comes after the picture between two moments, in seconds: the medians of both. `spot` is where
    /// the pattern is in the picture, if that is not all of it.
    ///
    /// # Errors
    /// When the file does not play, or too few stamps and clicks are in it.
    pub fn apart(&self, spot: Option<Spot>, from_s: f64, until_s: f64) -> Result<f64> {
        let picture = self.picture_late(spot, from_s, until_s)?;
        let mut meter = SoundMeter::new();
        let samples = self.sound()?;
        let mut heard = 0;
        for (number, samples) in samples.chunks_exact(BLOCK_SAMPLES).enumerate() {
            let at = number as f64 * 0.01;
            if at < from_s || at >= until_s {
                continue;
            }
            heard += 1;
            let mut block = SILENT_BLOCK;
            block.copy_from_slice(samples);
            // The wall clock, as the picture has it, and a little more.
            let wall = Duration::from_secs_f64(at - picture + LEEWAY_S);
            meter.hear(&PlayedBlock {
                samples: block,
                played_at: UNIX_EPOCH + wall,
                played: Instant::now(),
            });
        }
        let report = meter.report();
        let clicks = report.latencies_ms.len();
        ensure!(clicks >= 2, "{clicks} clicks in {heard} blocks: {report:?}");
        let late_ms = report.latency_ms(50.0).context("no clicks")?;
        Ok(f64::from(late_ms) / 1e3 - LEEWAY_S)
    }

    /// The median of the pictures' places in the file minus the clocks in them.
    fn picture_late(&self, spot: Option<Spot>, from_s: f64, until_s: f64) -> Result<f64> {
        let times: Vec<f64> = ask(&self.path, &["-select_streams", "v"], "packet=pts_time")?
            .iter()
            .map(|line| Ok(line.trim_end_matches(',').parse()?))
            .collect::<Result<_>>()?;
        let cut = spot.map_or_else(
            || "null".to_owned(),
            |spot| format!("crop={}:{}:{}:{}", spot.width, spot.height, spot.x, spot.y),
        );
        let size = spot.map_or(self.size, |spot| Resolution::new(spot.width, spot.height));
        let mut player = ffmpeg(&self.path)
            .args(["-map", "0:v", "-vf", &cut, "-fps_mode", "passthrough"])
            .args(["-pix_fmt", "yuv420p", "-f", "rawvideo", "pipe:1"])
            .spawn()?;
        let mut out = player.stdout.take().context("no output")?;
        let mut late = Vec::new();
        for at in times {
            let mut pixels = vec![0; VideoFrame::byte_len(size)];
            if out.read_exact(&mut pixels).is_err() {
                break;
            }
            if at < from_s || at >= until_s {
                continue;
            }
            let frame = VideoFrame::from_i420(size, pixels.into(), CaptureTime(Instant::now()))?;
            if let Some(stamp) = pattern::read(&frame) {
                late.push(at - stamp.clock_us as f64 / 1e6);
            }
        }
        ensure!(player.wait()?.success(), "ffmpeg failed");
        ensure!(late.len() > 20, "{} stamps could be read", late.len());
        late.sort_by(f64::total_cmp);
        Ok(late[late.len() / 2])
    }

    fn sound(&self) -> Result<Vec<f32>> {
        let played = ffmpeg(&self.path)
            .args(["-map", "0:a", "-ar", "48000", "-ac", "1", "-f", "f32le", "pipe:1"])
            .output()?;
        ensure!(played.status.success(), "ffmpeg failed");
        let samples = played.stdout.chunks_exact(4);
        Ok(samples
            .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .collect())
    }
}

fn ffmpeg(path: &Path) -> Command {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-v", "error", "-i"])
        .arg(path)
        .stdout(Stdio::piped())
        .stdin(Stdio::null());
    command
}

fn ask(path: &Path, more: &[&str], entries: &str) -> Result<Vec<String>> {
    let said = Command::new("ffprobe")
        .args(["-v", "error", "-of", "csv=p=0", "-show_entries", entries])
        .args(more)
        .arg(path)
        .output()?;
    let said_in_words = String::from_utf8_lossy(&said.stderr).into_owned();
    ensure!(said.status.success(), "ffprobe: {said_in_words}");
    let lines = String::from_utf8(said.stdout)?;
    Ok(lines
        .lines()
        .map(|line| line.trim_end_matches(',').to_owned())
        .collect())
}

/// When each packet of a track ends, in seconds.
fn ends(path: &Path, track: &str) -> Result<Vec<f64>> {
    let lines = ask(path, &["-select_streams", track], "packet=pts_time,duration_time")?;
    let end = |line: &String| {
        let (begin, lasts) = line.split_once(',')?;
        // ffprobe knows no duration of Opus: 20 ms here.
        Some(begin.parse::<f64>().ok()? + lasts.parse::<f64>().unwrap_or(0.020))
    };
    Ok(lines.iter().filter_map(end).collect())
}
