//! What the encode thread remembers of a shared text: how sharp what stands is, and whether a change is still to be shown. Sans-IO, and
//! open to benches, which encode as the thread does without its clock.

use super::VideoFrame;
use super::changed::changed_share;
use super::text_rate::TextRate;
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
}

/// How one picture is to be encoded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
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
        }
    }

    /// One that goes on with an encoder that has seen nothing: what stands is to be encoded anew.
    #[must_use]
    pub fn afresh(self) -> Self {
        Self {
            coded: None,
            owed: true,
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
        let coded = self.coded.as_ref().map_or(0, pixels_of);
        (self.owed && self.rate.has_room(now)) || self.rate.sharpen(now, coded).is_some()
    }

    /// How to encode a picture; not at all for now if none, and then it is due later.
    pub fn plan(&mut self, now: Instant, frame: &VideoFrame, key_frame: bool) -> Option<Plan> {
        let pixels = pixels_of(frame);
        let changed = match &self.coded {
            Some(coded) if !key_frame => changed_share(coded, frame),
            _ => 1.0,
        };
        let qp = if key_frame {
            Some(self.rate.key_frame(now, pixels))
        } else if changed > 0.0 {
            self.rate.fresh(now, pixels, changed)
        } else {
            self.rate.sharpen(now, pixels)
        };
        self.owed = changed > 0.0 && qp.is_none();
        Some(Plan { qp: qp?, changed })
    }

    /// It was encoded to so many bytes.
    pub fn encoded(&mut self, now: Instant, frame: VideoFrame, plan: Plan, bytes: usize) {
        self.coded = Some(frame);
        if plan.changed > 0.0 {
            self.rate.on_fresh(now, plan.qp, bytes, plan.changed);
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
                let encoded = encoder.encode_at(&page, false, plan.qp).unwrap();
                text.encoded(now, page.clone(), plan, encoded.data.len());
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
}
