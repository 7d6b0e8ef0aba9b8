//! A recorded file as players see it: its tracks, and how far the picture and the sound of one person are apart in it, by the
//! pattern's clock and the built-in speech, which goes by the same clock.

use anyhow::{Context as _, Result, ensure};
use parley_media::audio::{SAMPLE_RATE, speech};
use parley_media::time::CaptureTime;
use parley_media::video::{VideoFrame, pattern};
use parley_proto::Resolution;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How far from its picture sound is looked for.
const SEARCH_S: f64 = 0.3;
/// Samples that are looked at as one: 12 kHz are enough for speech.
const FOLD: usize = 4;
/// Sound is compared in parts of a second: where a jitter buffer finds another wait, all that comes later lies elsewhere, and is no other
/// sound for that.
const PART: usize = SAMPLE_RATE as usize / FOLD;
/// A busy machine loses packets, and what is heard is like what was said but not the same; other sound is below a tenth.
const LIKENESS_MIN: f32 = 0.4;

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

    /// By how much the sound comes after the picture between two moments, in seconds: the median of the pictures' clocks, and
    /// where the built-in speech of that time lies best. `spot` is where the pattern is in the picture, if that is not all of
    /// it.
    ///
    /// # Errors
    /// When the file does not play, too few stamps are in it, or what is heard is not that speech.
    pub fn apart(&self, spot: Option<Spot>, from_s: f64, until_s: f64) -> Result<f64> {
        let picture = self.picture_late(spot, from_s, until_s)?;
        let heard = self.sound()?;
        let at = |seconds: f64| (seconds * f64::from(SAMPLE_RATE)) as usize;
        let heard = folded(&heard[at(from_s)..at(until_s).min(heard.len())]);
        // What was said then, by the wall clock that the picture has too, without a margin at both ends to move it in.
        let margin = (SEARCH_S * f64::from(SAMPLE_RATE)) as usize / FOLD;
        let length = heard.len().checked_sub(2 * margin).context("too little sound")?;
        let mut said = vec![0.0; length * FOLD];
        let wall = Duration::from_secs_f64(from_s - picture + SEARCH_S);
        let position = wall.as_nanos() * u128::from(SAMPLE_RATE) / 1_000_000_000;
        speech::fill(u64::try_from(position)?, &mut said);
        let said = folded(&said);
        let (lag, likeness) = lag(&said, &heard).context("no sound")?;
        ensure!(likeness > LIKENESS_MIN, "alike {likeness:.2}: not what was said");
        Ok((lag as f64 - margin as f64) * FOLD as f64 / f64::from(SAMPLE_RATE))
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
            .args([
                "-map",
                "0:v",
                "-vf",
                &cut,
                "-fps_mode",
                "passthrough",
                "-enc_time_base",
                "-1",
            ])
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

fn folded(samples: &[f32]) -> Vec<f32> {
    let few = samples.chunks_exact(FOLD);
    few.map(|few| few.iter().sum::<f32>() / FOLD as f32).collect()
}

/// By how many samples what was heard comes after what was said, the median of its parts, and how alike both are with each part
/// where it lies best (normalised correlation). `heard` is longer by as much as is looked for.
fn lag(said: &[f32], heard: &[f32]) -> Option<(usize, f32)> {
    let most = heard.len().checked_sub(said.len())?;
    let (mut lags, mut all) = (Vec::new(), Alike::default());
    for (at, part) in said.chunks_exact(PART).enumerate() {
        let from = at * PART;
        let at_lag = |lag: usize| (lag, Alike::of(part, &heard[from + lag..from + lag + PART]));
        let (lag, best) = (0..=most)
            .map(at_lag)
            .max_by(|(_, one), (_, other)| one.value().total_cmp(&other.value()))?;
        lags.push(lag);
        all = all.with(best);
    }
    lags.sort_unstable();
    Some((*lags.get(lags.len() / 2)?, all.value()))
}

/// The sums of a normalised correlation.
#[derive(Debug, Clone, Copy, Default)]
struct Alike {
    cross: f32,
    one: f32,
    other: f32,
}

impl Alike {
    fn of(one: &[f32], other: &[f32]) -> Self {
        let add = |sum: Self, (x, y): (&f32, &f32)| {
            sum.with(Self {
                cross: x * y,
                one: x * x,
                other: y * y,
            })
        };
        one.iter().zip(other).fold(Self::default(), add)
    }

    fn with(self, more: Self) -> Self {
        Self {
            cross: self.cross + more.cross,
            one: self.one + more.one,
            other: self.other + more.other,
        }
    }

    fn value(self) -> f32 {
        self.cross / (self.one.sqrt() * self.other.sqrt()).max(f32::MIN_POSITIVE)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Some seconds of the built-in speech from a second on, as they are looked at.
    fn spoken(from_s: u64, seconds: usize) -> Vec<f32> {
        let mut samples = vec![0.0; seconds * SAMPLE_RATE as usize];
        speech::fill(from_s * u64::from(SAMPLE_RATE), &mut samples);
        folded(&samples)
    }

    /// What was said from second 1,000 on for four seconds, and what was heard of it: `margin` samples of silence, then parts of what
    /// was said, each after so many samples that are left out.
    fn check(heard: &[f32], expect: std::ops::Range<usize>, alike: std::ops::Range<f32>) {
        let said = spoken(1_000, 4);
        let (lag, likeness) = lag(&said, heard).unwrap();
        assert!(expect.contains(&lag), "{lag}");
        assert!(alike.contains(&likeness), "{likeness}");
    }

    const MARGIN: usize = 3_600;
    const QUIET: [f32; MARGIN] = [0.0; MARGIN];

    #[test]
    fn sound_that_found_another_wait_in_between_is_the_same_sound() {
        let said = spoken(1_000, 4);
        // 5 ms are left out in the middle of the second second.
        let found = [
            &QUIET[..],
            &said[..18_000],
            &said[18_060..],
            &QUIET[..],
            &QUIET[..60],
        ]
        .concat();
        check(&found, MARGIN - 60..MARGIN + 1, 0.8..1.001);
        let as_it_was = [&QUIET[..], &said[..], &QUIET[..]].concat();
        check(&as_it_was, MARGIN..MARGIN + 1, 0.999..1.001);
    }

    #[test]
    fn other_sound_is_not() {
        for other in [400, 1_007, 5_000] {
            let heard = [&QUIET[..], &spoken(other, 4)[..], &QUIET[..]].concat();
            check(&heard, 0..2 * MARGIN + 1, -0.1..0.3);
        }
    }
}
