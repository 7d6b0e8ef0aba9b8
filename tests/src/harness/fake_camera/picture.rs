//! What the camera sees: the moving pattern with its stamp, in the camera's own pixel format. For MJPEG, pictures of a file.

use super::{Format, Mode};
use anyhow::{Context as _, Result, ensure};
use parley_media::time::CaptureTime;
use parley_media::video::VideoFrame;
use parley_media::video::pattern::Pattern;
use parley_proto::Resolution;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime};

/// Makes pictures for one camera, numbered from its first on.
#[derive(Debug)]
pub(super) struct Pictures {
    pattern: Option<(Resolution, Pattern)>,
    jpegs: Vec<Vec<u8>>,
    number: u32,
}

impl Pictures {
    /// `jpegs`: a file of JPEG pictures one after the other, for MJPEG modes.
    pub(super) fn new(jpegs: Option<&Path>) -> Result<Self> {
        let jpegs = match jpegs {
            Some(path) => {
                split_jpegs(&std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?)
            }
            None => Vec::new(),
        };
        Ok(Self {
            pattern: None,
            jpegs,
            number: 0,
        })
    }

    /// The next picture, stamped with its number and the time of day.
    pub(super) fn next(&mut self, mode: &Mode) -> Result<Vec<u8>> {
        self.number = self.number.wrapping_add(1);
        if mode.format == Format::Mjpeg {
            ensure!(!self.jpegs.is_empty(), "an MJPG mode needs a file of pictures");
            return Ok(self.jpegs[self.number as usize % self.jpegs.len()].clone());
        }
        let frame = self.draw(Resolution::new(mode.width, mode.height))?;
        Ok(match mode.format {
            Format::Yuyv => to_yuyv(&frame),
            Format::Nv12 | Format::Mjpeg => to_nv12(&frame),
        })
    }

    fn draw(&mut self, resolution: Resolution) -> Result<VideoFrame> {
        if self
            .pattern
            .as_ref()
            .is_none_or(|(drawn, _)| *drawn != resolution)
        {
            self.pattern = Some((resolution, Pattern::new(resolution)?));
        }
        let (_, pattern) = self.pattern.as_mut().context("no pattern")?;
        let clock_us = SystemTime::UNIX_EPOCH.elapsed()?.as_micros() as u64;
        Ok(pattern.draw(self.number, clock_us, CaptureTime(Instant::now()))?)
    }
}

/// A second of the pattern as JPEG pictures, one after the other in a file; with `part`, that part of it (an ffmpeg filter).
pub(super) fn write_jpegs(mode: &Mode, part: Option<&str>, file: &Path) -> Result<()> {
    let raw = Mode {
        format: Format::Nv12,
        ..mode.clone()
    };
    let mut pictures = Pictures::new(None)?;
    let drawn: Vec<Vec<u8>> = (0..mode.frame_rate)
        .map(|_| pictures.next(&raw))
        .collect::<Result<_>>()?;
    let size = format!("{}x{}", mode.width, mode.height);
    let filter = part.unwrap_or("null");
    let mut ffmpeg = Command::new("ffmpeg")
        .args([
            "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "nv12", "-s", &size,
        ])
        .args([
            "-i",
            "-",
            "-vf",
            &format!("{filter},scale={}:{}", mode.width, mode.height),
        ])
        .args(["-q:v", "3", "-pix_fmt", "yuvj420p", "-f", "mjpeg"])
        .arg(file)
        .stdin(Stdio::piped())
        .spawn()
        .context("is the package ffmpeg installed?")?;
    let written = ffmpeg.stdin.take().context("a pipe")?.write_all(&drawn.concat());
    let status = ffmpeg.wait()?;
    ensure!(status.success(), "ffmpeg: {status}");
    Ok(written?)
}

fn to_yuyv(frame: &VideoFrame) -> Vec<u8> {
    let width = frame.resolution().width as usize;
    let mut bytes = Vec::with_capacity(frame.y().len() * 2);
    for (row, luma) in frame.y().chunks_exact(width).enumerate() {
        let chroma = row / 2 * width / 2..(row / 2 + 1) * width / 2;
        let (u, v) = (&frame.u()[chroma.clone()], &frame.v()[chroma]);
        for ((pair, u), v) in luma.chunks_exact(2).zip(u).zip(v) {
            bytes.extend_from_slice(&[pair[0], *u, pair[1], *v]);
        }
    }
    bytes
}

fn to_nv12(frame: &VideoFrame) -> Vec<u8> {
    let mut bytes = frame.y().to_vec();
    bytes.extend(frame.u().iter().zip(frame.v()).flat_map(|(u, v)| [*u, *v]));
    bytes
}

/// Cuts a file of JPEG pictures at their start markers.
fn split_jpegs(bytes: &[u8]) -> Vec<Vec<u8>> {
    let starts: Vec<usize> = (0..bytes.len().saturating_sub(2))
        .filter(|at| bytes[*at..].starts_with(&[0xff, 0xd8, 0xff]))
        .chain([bytes.len()])
        .collect();
    starts
        .windows(2)
        .map(|pair| bytes[pair[0]..pair[1]].to_vec())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_media::video::pattern;

    #[test]
    fn a_picture_in_any_layout_still_tells_its_number() {
        for (text, bytes) in [
            ("640x360@30:YUYV", 640 * 360 * 2),
            ("640x360@30:NV12", 640 * 360 * 3 / 2),
        ] {
            let mode = Mode::parse(text).unwrap();
            let mut pictures = Pictures::new(None).unwrap();
            pictures.next(&mode).unwrap();
            let picture = pictures.next(&mode).unwrap();
            assert_eq!(picture.len(), bytes);
            // Luma is enough to read the stamp; chroma can be anything.
            let step = if mode.format == Format::Yuyv { 2 } else { 1 };
            let luma: Vec<u8> = picture.iter().step_by(step).take(640 * 360).copied().collect();
            let mut i420 = luma;
            i420.resize(640 * 360 * 3 / 2, 128);
            let frame = VideoFrame::from_i420(
                Resolution::new(640, 360),
                i420.into(),
                CaptureTime(Instant::now()),
            )
            .unwrap();
            assert_eq!(pattern::read(&frame).unwrap().number, 2, "{text}");
        }
    }

    #[test]
    fn jpegs_are_cut_at_their_starts() {
        let file = [0xff, 0xd8, 0xff, 1, 2, 0xff, 0xd8, 0xff, 3];
        assert_eq!(
            split_jpegs(&file),
            [vec![0xff, 0xd8, 0xff, 1, 2], vec![0xff, 0xd8, 0xff, 3]]
        );
    }
}
