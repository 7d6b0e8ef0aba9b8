//! What the encode thread remembers of a shared text: how sharp what stands is, and whether a change is still to be shown. Sans-IO, and
//! open to benches, which encode as the thread does without its clock.

use super::VideoFrame;
use super::changed::changed_share;
use super::text_rate::TextRate;
use super::veil::Veil;
use parley_proto::Bitrate;
use std::time::Instant;

/// See the module.
#[derive(Debug)]
pub struct Text {
    rate: TextRate,
    /// The picture that was encoded last.
    coded: Option<VideoFrame>,
    /// A change was not encoded yet.
    owed: bool,
    /// Over what is too much to be shown at once.
    veil: Option<Veil>,
    /// The veil is new, and the next picture the first that goes on with it.
    is_new: bool,
}

/// How one picture is to be encoded.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What of it is to be encoded: parts of it may come in detail later.
    pub shown: VideoFrame,
    /// The quantiser of H.264, 0 to 51: 6 more is half as fine.
    pub qp: u8,
    /// The share of it that is new.
    changed: f32,
}

impl Text {
    /// Nothing was encoded yet.
    #[must_use]
    pub fn new(bitrate: Bitrate) -> Self {
        Self {
            rate: TextRate::new(bitrate),
            coded: None,
            owed: false,
            veil: None,
            is_new: false,
        }
    }

    /// One that goes on with an encoder that has seen nothing: what stands is to be encoded anew.
    #[must_use]
    pub fn afresh(self) -> Self {
        Self {
            coded: None,
            owed: true,
            veil: None,
            ..self
        }
    }

    /// Follows what the call has for it.
    pub fn aim(&mut self, bitrate: Bitrate) {
        self.rate.aim(bitrate);
    }

    /// A new picture came and is not encoded now.
    pub const fn put_off(&mut self) {
        self.owed = true;
    }

    /// Whether the picture that stands should be encoded now, although nothing new came.
    pub fn is_due(&mut self, now: Instant) -> bool {
        let Some(coded) = &self.coded else {
            return self.owed && self.rate.has_room(now);
        };
        (self.owed && self.rate.has_room(now))
            || self.rate.sharpen(now, pixels_of(coded)).is_some()
            || self.veil.is_some() && self.rate.uncover(now, coded.resolution().width).is_some()
    }

    /// How to encode a picture; not at all for now if none, and then it is due later.
    pub fn plan(&mut self, now: Instant, frame: &VideoFrame, key_frame: bool) -> Option<Plan> {
        let (size, pixels) = (frame.resolution(), pixels_of(frame));
        let goes_on = self
            .coded
            .as_ref()
            .filter(|coded| !key_frame && coded.resolution() == size);
        let mut changed = goes_on.map_or(1.0, |coded| changed_share(coded, frame));
        let is_anew = goes_on.is_none();
        let mut qp = if key_frame {
            Some(self.rate.key_frame(now, pixels))
        } else if let Some(rows) = self.uncover(now, size.width, changed) {
            changed = (changed + rows as f32 / size.height.max(1) as f32).min(1.0);
            Some(TextRate::UNCOVERED)
        } else if changed > 0.0 {
            self.rate.fresh(now, pixels, changed)
        } else {
            self.rate.sharpen(now, pixels)
        };
        if is_anew && qp.is_some() {
            let covered = qp.and_then(|qp| self.rate.covered(qp, pixels));
            self.veil = covered.map(|_| Veil::new());
            self.is_new = covered.is_some();
            qp = covered.or(qp);
        } else if qp.is_some() && std::mem::take(&mut self.is_new) {
            // What the first picture after a key frame leaves alone counts as coded as coarsely as that one, and a finer one later would
            // code all of the veil once more.
            qp = qp.map(TextRate::no_coarser_than_covered);
        }
        self.owed = changed > 0.0 && qp.is_none();
        let qp = qp?;
        let shown = self
            .veil
            .as_mut()
            .map_or_else(|| frame.clone(), |veil| veil.over(frame));
        if self.veil.as_ref().is_some_and(|veil| veil.is_gone(size)) {
            self.veil = None;
        }
        Some(Plan { shown, qp, changed })
    }

    /// Uncovers some rows more, where that is due; gives how many. What is wholly new anyway comes first.
    fn uncover(&mut self, now: Instant, width: u32, changed: f32) -> Option<u32> {
        let veil = self.veil.as_mut().filter(|_| TextRate::is_small(changed))?;
        let rows = self.rate.uncover(now, width)?;
        veil.lift(rows);
        Some(rows)
    }

    /// It was encoded to so many bytes.
    pub fn encoded(&mut self, now: Instant, frame: VideoFrame, plan: &Plan, bytes: usize) {
        let pixels = pixels_of(&frame);
        self.coded = Some(frame);
        if plan.changed > 0.0 {
            self.rate.on_fresh(now, plan.qp, bytes, plan.changed);
            self.rate.weigh(plan.qp, pixels);
        } else {
            self.rate.on_sharpened(now, plan.qp, bytes);
        }
    }
}

const fn pixels_of(frame: &VideoFrame) -> u64 {
    frame.resolution().pixels()
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;
    use crate::time::CaptureTime;
    use crate::video::codec::{Content, EncoderSettings, H264Decoder, H264Encoder};
    use parley_proto::{FrameRate, Resolution};
    use std::time::Duration;

    const SIZE: Resolution = Resolution::new(640, 360);
    const BITRATE: Bitrate = Bitrate::from_kbps(700);

    /// Dark strokes two pixels wide in lines of 16, from the line `first` on.
    fn page(first: u32, at: Instant) -> VideoFrame {
        let mut pixels = vec![235u8; VideoFrame::byte_len(SIZE)];
        for y in 0..SIZE.height {
            let (line, row) = (y / 16 + first, y % 16);
            for x in 0..SIZE.width {
                let stroke = (line * 7919 + x / 2 * 31 + row / 2 * 17).wrapping_mul(0x9e37_79b9) >> 16;
                if (3..13).contains(&row) && x % 8 < 6 && stroke % 100 < 45 {
                    pixels[(y * SIZE.width + x) as usize] = 30;
                }
            }
        }
        pixels[(SIZE.width * SIZE.height) as usize..].fill(128);
        VideoFrame::from_i420(SIZE, pixels.into(), CaptureTime(at)).unwrap()
    }

    fn likeness_db(one: &VideoFrame, other: &VideoFrame) -> f64 {
        let error: f64 = one
            .y()
            .iter()
            .zip(other.y())
            .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
            .sum();
        10.0 * (255.0 * 255.0 * one.y().len() as f64 / error.max(1e-9)).log10()
    }

    #[test]
    fn every_page_gets_sharp_and_stays_within_its_bits() {
        let settings = EncoderSettings {
            bitrate: BITRATE,
            frame_rate: FrameRate::new(10),
        };
        let mut encoder = H264Encoder::with_content(settings, Content::Text).unwrap();
        let mut decoder = H264Decoder::new().unwrap();
        let mut text = Text::new(BITRATE);
        let start = Instant::now();
        let (mut seen, mut bytes, mut encoded_count) = (None, 0, 0);
        for ms in (0..8_000u32).step_by(40) {
            let now = start + Duration::from_millis(ms.into());
            // New pages come by one line, by a few, and altogether.
            let page = page([0, 1, 8, 900][(ms / 2_000) as usize], now);
            let fresh = ms % 2_000 == 0;
            let due = fresh || text.is_due(now);
            if let Some(plan) = due.then(|| text.plan(now, &page, false)).flatten() {
                let encoded = encoder.encode_at(&plan.shown, false, plan.qp).unwrap();
                text.encoded(now, page.clone(), &plan, encoded.data.len());
                bytes += encoded.data.len();
                encoded_count += 1;
                seen = decoder.decode(&encoded.data, CaptureTime(now)).unwrap();
            }
            if (ms + 40) % 2_000 == 0 {
                let sharp = likeness_db(&page, seen.as_ref().unwrap());
                assert!(sharp > 38.0, "{sharp} dB after {ms} ms");
            }
        }
        let kbps = bytes as u64 * 8 / 8_000;
        assert!(kbps < BITRATE.kbps(), "{kbps}");
        assert!((8..=20).contains(&encoded_count), "{encoded_count} pictures");
    }

    /// A page that scrolls by a line a second, with a clock in its corner, over a line that carries what is granted and no more: the
    /// longest time between two pictures that come, in milliseconds, and how sharp the last one is.
    fn over_a_line(kbps: u64, seconds: u32) -> (u64, f64) {
        let bitrate = Bitrate::from_kbps(kbps);
        let settings = EncoderSettings {
            bitrate,
            frame_rate: FrameRate::new(10),
        };
        let mut encoder = H264Encoder::with_content(settings, Content::Text).unwrap();
        let mut decoder = H264Decoder::new().unwrap();
        let mut text = Text::new(bitrate);
        let start = Instant::now();
        let (mut free_us, mut came_us, mut longest_us) = (0, None, 0);
        let (mut standing, mut seen) = (None, None);
        for ms in (0..seconds * 1_000).step_by(20) {
            let now = start + Duration::from_millis(ms.into());
            let fresh = ms % 60 == 0;
            if fresh {
                let mut pixels = page(ms / 1_000, now).i420().to_vec();
                for (y, row) in pixels.chunks_mut(SIZE.width as usize).enumerate().take(16) {
                    for (x, pixel) in row.iter_mut().enumerate().take(96) {
                        *pixel = if (ms as usize / 60 + x / 4 * 5 + y / 4 * 3) % 7 < 3 {
                            30
                        } else {
                            235
                        };
                    }
                }
                let picture = VideoFrame::from_i420(SIZE, pixels.into(), CaptureTime(now)).unwrap();
                standing = Some(picture);
            }
            let picture: &VideoFrame = standing.as_ref().unwrap();
            let due = fresh || text.is_due(now);
            let Some(plan) = due.then(|| text.plan(now, picture, false)).flatten() else {
                continue;
            };
            let encoded = encoder.encode_at(&plan.shown, false, plan.qp).unwrap();
            text.encoded(now, picture.clone(), &plan, encoded.data.len());
            free_us = free_us.max(u64::from(ms) * 1_000) + encoded.data.len() as u64 * 8_000 / kbps;
            longest_us = longest_us.max(free_us - came_us.replace(free_us).unwrap_or(free_us));
            let decoded = decoder.decode(&encoded.data, CaptureTime(now)).unwrap();
            seen = decoded.map(|decoded| likeness_db(picture, &decoded));
        }
        (longest_us / 1_000, seen.unwrap())
    }

    #[test]
    fn over_a_narrow_line_a_page_gets_sharp_strip_by_strip_while_the_clock_on_it_goes_on() {
        // A quarter of 1280 by 720, with a quarter of what a line of 1 Mbit/s has for it.
        let (longest_ms, sharp) = over_a_line(215, 12);
        eprintln!("at most {longest_ms} ms between pictures, {sharp:.1} dB in the end");
        assert!(longest_ms <= 217, "{longest_ms}");
        assert!(sharp > 38.0, "{sharp}");
    }
}
