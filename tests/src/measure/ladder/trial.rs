//! One clip through our encoder and decoder in one way, in no time of its own: as the encode thread does it, without thread and clock.

use super::film::Film;
use crate::lab::clip::SIZE;
use crate::lab::likeness::psnr_db;
use crate::lab::picture::mean;
use crate::lab::vmaf::Vmaf;
use crate::measure::cost::thread_ms;
use anyhow::{Context as _, Result};
use parley_media::video::cadence::Cadence;
use parley_media::video::codec::{Content, EncoderSettings, H264Decoder, H264Encoder};
use parley_media::video::text::Text;
use parley_media::video::{TemporalLayers, VideoFrame, scale};
use parley_proto::{Bitrate, FrameRate, Resolution};
use std::time::{Duration, Instant};

/// Every so manieth picture is judged: a number that no pattern of repeated pictures has in it.
pub(super) const JUDGED_EVERY: usize = 7;
/// How often the encode thread looks at a text that stands still.
const LOOK_AGAIN: Duration = Duration::from_millis(40);

/// A way to encode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    /// The size of pictures on the wire.
    pub(super) size: Resolution,
    /// Pictures a second, at most.
    pub(super) fps: u32,
    /// What the encoder is told, in kbit/s.
    pub(super) kbps: u64,
    /// In layers of time.
    pub(super) layers: TemporalLayers,
}

/// What came of it, of everything that is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Outcome {
    /// What came out of the encoder.
    pub(super) kbps: f64,
    /// Mean, 0 to 100.
    pub(super) vmaf: f64,
    /// Mean, of luma.
    pub(super) psnr_db: f64,
    /// The encoder's time for one picture, without scaling.
    pub(super) encode_ms: f64,
}

/// What was encoded, and what is seen at the moment of each of the film's pictures.
struct Shown {
    bytes: usize,
    encoded: u32,
    encode_ms: f64,
    seen: Vec<VideoFrame>,
}

/// Encodes a film of which `scaled` are the pictures in the way's size, and judges what is seen of it at the film's own size.
pub(super) fn run(film: &Film, scaled: &[VideoFrame], way: Way, vmaf: &Vmaf) -> Result<Outcome> {
    let shown = if film.content == Content::Text {
        text(film, scaled, way)?
    } else {
        moving(scaled, way, film.settle)?
    };
    let settled = film.settled();
    let seen = shown
        .seen
        .get(settled..)
        .context("a film shorter than its beginning")?;
    let every = JUDGED_EVERY as u64;
    let scores = vmaf.judge_all(film.settled_file(), seen, every, film.folder())?;
    let sent = film.pictures.iter().skip(settled);
    let judged = sent.zip(seen).step_by(JUDGED_EVERY).skip(1);
    let psnr: Vec<f64> = judged
        .filter_map(|(sent, seen)| psnr_db(sent.y(), seen.y()))
        .collect();
    let seconds = seen.len() as f64 / f64::from(film.fps);
    Ok(Outcome {
        kbps: shown.bytes as f64 * 8.0 / 1e3 / seconds,
        vmaf: mean(&scores).context("VMAF judged nothing")?,
        psnr_db: mean(&psnr).context("nothing to compare")?,
        encode_ms: shown.encode_ms / f64::from(shown.encoded.max(1)),
    })
}

fn settings(way: Way) -> EncoderSettings {
    EncoderSettings {
        bitrate: Bitrate::from_kbps(way.kbps),
        frame_rate: FrameRate::new(way.fps),
    }
}

/// A camera: pictures beyond the rate are left out, and what is left out shows the one before it.
fn moving(scaled: &[VideoFrame], way: Way, settle: Duration) -> Result<Shown> {
    let mut encoder = H264Encoder::new(settings(way))?;
    encoder.set_layers(way.layers)?;
    let (mut decoder, mut cadence) = (H264Decoder::new()?, Cadence::default());
    let mut shown = Shown::nothing();
    let mut last = None;
    let begin = scaled.first().context("an empty film")?.captured;
    for picture in scaled {
        if cadence.admit(picture.captured, FrameRate::new(way.fps)) {
            let before = thread_ms()?;
            let encoded = encoder.encode(picture, false)?;
            let spent = thread_ms()? - before;
            if picture.captured.0 >= begin.0 + settle {
                shown.count(encoded.data.len(), spent);
            }
            let decoded = decoder.decode(&encoded.data, picture.captured)?;
            last = decoded.map(|decoded| scale(&decoded, SIZE)).or(last);
        }
        shown.seen.push(last.clone().context("no picture at first")?);
    }
    Ok(shown)
}

/// A page: changes at once if there is room, then sharper bit by bit. A picture is seen once its last bit came over a line that
/// carries what the encoder is told.
fn text(film: &Film, scaled: &[VideoFrame], way: Way) -> Result<Shown> {
    let mut encoder = H264Encoder::with_content(settings(way), Content::Text)?;
    let mut decoder = H264Decoder::new()?;
    let mut text = Text::new(Bitrate::from_kbps(way.kbps));
    let mut shown = Shown::nothing();
    let begin = scaled.first().context("an empty film")?.captured.0;
    let mut line = Line::new(begin, way.kbps);
    for (at, picture) in scaled.iter().enumerate() {
        let comes = picture.captured.0;
        let fresh = at == 0 || film.changes_at(at);
        let until = scaled
            .get(at + 1)
            .map_or(comes + LOOK_AGAIN, |next| next.captured.0);
        let mut now = comes;
        while now < until {
            if (fresh && now == comes) || text.is_due(now) {
                let before = thread_ms()?;
                if let Some(plan) = text.plan(now, picture, false) {
                    let encoded = encoder.encode_at(&plan.shown, false, plan.qp)?;
                    let spent = thread_ms()? - before;
                    text.encoded(now, picture.clone(), &plan, encoded.data.len());
                    if now >= begin + film.settle {
                        shown.count(encoded.data.len(), spent);
                    }
                    if let Some(decoded) = decoder.decode(&encoded.data, picture.captured)? {
                        line.carry(now, encoded.data.len(), scale(&decoded, SIZE));
                    }
                }
            }
            now += LOOK_AGAIN;
        }
        let nothing_yet = || film.pictures.first().map(blank);
        shown.seen.extend(line.seen_at(comes).or_else(nothing_yet));
    }
    Ok(shown)
}

/// A grey picture, as a tile is before the first one.
fn blank(like: &VideoFrame) -> VideoFrame {
    let grey = vec![128; VideoFrame::byte_len(like.resolution())];
    VideoFrame::from_i420(like.resolution(), grey.into(), like.captured).unwrap_or_else(|_| like.clone())
}

impl Shown {
    const fn nothing() -> Self {
        Self {
            bytes: 0,
            encoded: 0,
            encode_ms: 0.0,
            seen: Vec::new(),
        }
    }

    fn count(&mut self, bytes: usize, ms: f64) {
        self.bytes += bytes;
        self.encoded += 1;
        self.encode_ms += ms;
    }
}

/// What carries pictures one after the other at a rate.
struct Line {
    bits_per_s: f64,
    free_at: Instant,
    /// When each picture is there.
    arriving: Vec<(Instant, VideoFrame)>,
}

impl Line {
    fn new(begin: Instant, kbps: u64) -> Self {
        Self {
            bits_per_s: kbps as f64 * 1e3,
            free_at: begin,
            arriving: Vec::new(),
        }
    }

    fn carry(&mut self, now: Instant, bytes: usize, picture: VideoFrame) {
        let takes = Duration::from_secs_f64(bytes as f64 * 8.0 / self.bits_per_s.max(1.0));
        self.free_at = self.free_at.max(now) + takes;
        self.arriving.push((self.free_at, picture));
    }

    fn seen_at(&self, now: Instant) -> Option<VideoFrame> {
        let there = self.arriving.partition_point(|(at, _)| *at <= now);
        Some(self.arriving.get(there.checked_sub(1)?)?.1.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_media::time::CaptureTime;
    use parley_media::video::pattern;

    fn numbered(number: u32, at: Instant) -> VideoFrame {
        pattern::draw(number, 0, Resolution::new(320, 180), CaptureTime(at)).unwrap()
    }

    #[test]
    fn a_line_shows_each_picture_once_its_last_bit_is_there() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let mut line = Line::new(begin, 80);
        // 1,000 bytes take 100 ms.
        line.carry(begin, 1_000, numbered(1, begin));
        line.carry(at(10), 1_000, numbered(2, begin));
        line.carry(at(500), 1_000, numbered(3, begin));
        let seen = |ms| {
            line.seen_at(at(ms))
                .map(|seen| pattern::read(&seen).unwrap().number)
        };
        assert_eq!(
            [50, 100, 199, 200, 599, 600].map(seen),
            [None, Some(1), Some(1), Some(2), Some(2), Some(3)]
        );
    }

    #[test]
    fn what_is_left_out_for_the_rate_shows_the_picture_before_it() {
        let begin = Instant::now();
        let pictures: Vec<VideoFrame> = (0..12)
            .map(|number| numbered(number, begin + Duration::from_millis(number as u64 * 1_000 / 30)))
            .collect();
        let way = Way {
            size: Resolution::new(320, 180),
            fps: 10,
            kbps: 500,
            layers: TemporalLayers::One,
        };
        let shown = moving(&pictures, way, Duration::ZERO).unwrap();
        let numbers: Vec<u32> = shown
            .seen
            .iter()
            .map(|seen| pattern::read(seen).unwrap().number)
            .collect();
        assert_eq!(numbers, [0, 0, 0, 3, 3, 3, 6, 6, 6, 9, 9, 9]);
        assert_eq!(shown.seen[5].resolution(), SIZE);
    }
}
