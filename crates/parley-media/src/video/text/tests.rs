//! A shared text as the encode thread encodes it, and as it comes over a line, in virtual time.
#![expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]

use super::*;
use crate::time::CaptureTime;
use crate::video::codec::{Content, EncoderSettings, H264Decoder, H264Encoder};
use parley_proto::{FrameRate, Resolution};
use std::time::Duration;

const SIZE: Resolution = Resolution::new(640, 360);
const BITRATE: Bitrate = Bitrate::from_kbps(700);

/// Dark strokes two pixels wide in lines of 16, from the line `first` on.
fn page(first: u32, at: Instant) -> VideoFrame {
    page_of(SIZE, first, at)
}

fn page_of(size: Resolution, first: u32, at: Instant) -> VideoFrame {
    let mut pixels = vec![235u8; VideoFrame::byte_len(size)];
    for y in 0..size.height {
        let (line, row) = (y / 16 + first, y % 16);
        for x in 0..size.width {
            let stroke = (line * 7919 + x / 2 * 31 + row / 2 * 17).wrapping_mul(0x9e37_79b9) >> 16;
            if (3..13).contains(&row) && x % 8 < 6 && stroke % 100 < 45 {
                pixels[(y * size.width + x) as usize] = 30;
            }
        }
    }
    pixels[(size.width * size.height) as usize..].fill(128);
    VideoFrame::from_i420(size, pixels.into(), CaptureTime(at)).unwrap()
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
fn over_a_line(size: Resolution, kbps: u64, seconds: u32) -> (u64, f64) {
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
            let mut pixels = page_of(size, ms / 1_000, now).i420().to_vec();
            for (y, row) in pixels.chunks_mut(size.width as usize).enumerate().take(16) {
                for (x, pixel) in row.iter_mut().enumerate().take(96) {
                    *pixel = if (ms as usize / 60 + x / 4 * 5 + y / 4 * 3) % 7 < 3 {
                        30
                    } else {
                        235
                    };
                }
            }
            let picture = VideoFrame::from_i420(size, pixels.into(), CaptureTime(now)).unwrap();
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
    let (longest_ms, sharp) = over_a_line(SIZE, NARROW, 12);
    eprintln!("at most {longest_ms} ms between pictures, {sharp:.1} dB in the end");
    assert!(longest_ms <= 217, "{longest_ms}");
    assert!(sharp > 38.0, "{sharp}");
    let (longest_ms, sharp) = over_a_line(Resolution::new(1280, 720), 850, 6);
    eprintln!("1280 by 720 at 850 kbit/s: {longest_ms} ms, {sharp:.1} dB");
    assert!(longest_ms <= 217 && sharp > 38.0, "{longest_ms} ms, {sharp} dB");
}

/// A text that goes over a line which carries what is granted and no more.
struct Shared {
    text: Text,
    encoder: H264Encoder,
    decoder: H264Decoder,
    start: Instant,
    kbps: u64,
    free_us: u64,
    /// When each picture came, in milliseconds, and how like what was to be seen it was.
    came: Vec<(u64, f64)>,
    seen: Option<VideoFrame>,
}

impl Shared {
    fn over(kbps: u64) -> Self {
        let bitrate = Bitrate::from_kbps(kbps);
        let settings = EncoderSettings {
            bitrate,
            frame_rate: FrameRate::new(10),
        };
        Self {
            text: Text::new(bitrate),
            encoder: H264Encoder::with_content(settings, Content::Text).unwrap(),
            decoder: H264Decoder::new().unwrap(),
            start: Instant::now(),
            kbps,
            free_us: 0,
            came: Vec::new(),
            seen: None,
        }
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    /// Encodes it if it is time. Gives what was shown of it.
    fn encode(&mut self, ms: u64, picture: &VideoFrame, key_frame: bool) -> Option<VideoFrame> {
        let now = self.at(ms);
        let plan = self.text.plan(now, picture, key_frame)?;
        let encoded = self.encoder.encode_at(&plan.shown, key_frame, plan.qp).unwrap();
        self.text.encoded(now, picture.clone(), &plan, encoded.data.len());
        self.free_us = self.free_us.max(ms * 1_000) + encoded.data.len() as u64 * 8_000 / self.kbps;
        self.seen = self.decoder.decode(&encoded.data, CaptureTime(now)).unwrap();
        let likeness = likeness_db(picture, self.seen.as_ref().unwrap());
        self.came.push((self.free_us / 1_000, likeness));
        Some(plan.shown)
    }

    /// Lets a picture stand from one moment to another, or until something is so.
    fn stand(
        &mut self,
        ms: std::ops::Range<u64>,
        picture: &VideoFrame,
        until: impl Fn(&Text) -> bool,
    ) -> u64 {
        for now in ms.clone().step_by(20) {
            if until(&self.text) {
                return now;
            }
            if now == ms.start || self.text.is_due(self.at(now)) {
                self.encode(now, picture, false);
            }
        }
        ms.end
    }

    /// Shows pictures ten times a second from one moment to another, each of which is new.
    fn moves(&mut self, ms: std::ops::Range<u64>, picture: impl Fn(u64, Instant) -> VideoFrame) {
        let mut standing = None;
        for now in ms.step_by(20) {
            if now % 100 == 0 {
                standing = Some(picture(now, self.at(now)));
            }
            let Some(picture) = &standing else { continue };
            if now % 100 == 0 || self.text.is_due(self.at(now)) {
                self.encode(now, &picture.clone(), false);
            }
        }
    }

    /// The longest time between pictures that came from a moment on, in milliseconds, and how like they were in the mean.
    fn figures(&self, from_ms: u64) -> (u64, f64) {
        let came: Vec<_> = self.came.iter().filter(|(ms, _)| *ms >= from_ms).collect();
        let longest = came.windows(2).map(|two| two[1].0 - two[0].0).max();
        let mean = came.iter().map(|(_, likeness)| likeness).sum::<f64>() / came.len() as f64;
        (longest.unwrap(), mean)
    }

    /// The share that is not covered.
    fn clear(&self) -> f64 {
        let size = self.text.coded.as_ref().unwrap().page.resolution();
        let veil = self.text.veil.as_ref();
        veil.map_or(1.0, |veil| veil.clear_share(size))
    }
}

/// What 1280 by 720 is at four times as much.
const NARROW: u64 = 215;

#[test]
fn who_comes_while_a_page_is_uncovered_sees_as_much_of_it_as_everybody() {
    let mut shared = Shared::over(NARROW);
    let page = page(0, shared.start);
    let half = |text: &Text| {
        let veil = text.veil.as_ref();
        veil.is_some_and(|veil| (0.4..0.7).contains(&veil.clear_share(SIZE)))
    };
    let came = shared.stand(0..6_000, &page, half);
    let clear = shared.clear();
    assert!((0.4..0.7).contains(&clear), "{clear}");
    let shown = shared.encode(came, &page, true).unwrap();
    let rows = (SIZE.height as f64 * clear) as usize * SIZE.width as usize;
    assert_eq!(shown.y()[..rows], page.y()[..rows]);
    assert_ne!(shown.y()[rows..], page.y()[rows..]);
    assert_eq!(shared.clear(), clear);
    shared.stand(came + 20..came + 8_000, &page, |_| false);
    let sharp = likeness_db(&page, shared.seen.as_ref().unwrap());
    assert!(
        sharp > 38.0 && shared.clear() >= 1.0,
        "{sharp} dB, {}",
        shared.clear()
    );
}

#[test]
fn what_everybody_can_read_is_not_covered_for_one_who_comes_and_another_page_is() {
    let mut shared = Shared::over(NARROW);
    let first = page(0, shared.start);
    shared.stand(0..8_000, &first, |_| false);
    assert!(shared.clear() >= 1.0);
    let shown = shared.encode(8_000, &first, true).unwrap();
    assert_eq!(shown.i420(), first.i420());
    let other = page(900, shared.start);
    let shown = shared.encode(12_000, &other, true).unwrap();
    assert!(likeness_db(&shown, &other) < 20.0 && shared.clear() < 0.01);
    // A key frame that comes before anything was uncovered covers it as well.
    let again = shared.encode(12_020, &other, true).unwrap();
    assert_eq!(again.i420(), shown.i420());
}

#[test]
fn a_page_in_another_size_is_covered_again_with_its_key_frame() {
    let mut shared = Shared::over(NARROW);
    let small = Resolution::new(320, 180);
    let page_small = page_of(small, 0, shared.start);
    shared.stand(0..4_000, &page_small, |_| false);
    assert!(shared.clear() >= 1.0);
    for key_frame in [true, false] {
        let large = page(0, shared.start);
        let shown = shared.encode(4_000, &large, key_frame).unwrap();
        assert!(likeness_db(&shown, &large) < 20.0 && shared.clear() < 0.01);
        shared = Shared::over(NARROW);
        shared.stand(0..4_000, &page_small, |_| false);
    }
}

#[test]
fn a_page_that_scrolls_ten_times_a_second_is_uncovered_and_never_stands() {
    let hd = Resolution::new(1280, 720);
    for (kbps, longest_ms, least_db) in [(850, 160, 20.0), (300, 500, 20.0)] {
        let mut shared = Shared::over(kbps);
        shared.moves(0..6_000, |ms, at| page_of(hd, (ms / 100) as u32, at));
        let (at_first, _) = shared.figures(0);
        let (longest, mean) = shared.figures(2_500);
        eprintln!(
            "at {kbps} kbit/s: at most {at_first} ms between pictures, {longest} ms after 2.5 s; {mean:.1} dB"
        );
        assert!(shared.clear() >= 1.0);
        assert!(longest <= longest_ms, "{kbps} kbit/s: {longest}");
        assert!(mean > least_db, "{kbps} kbit/s: {mean}");
        // Nor is it covered for one who comes.
        let last = page_of(hd, 60, shared.start);
        let shown = shared.encode(6_000, &last, true).unwrap();
        assert_eq!(shown.i420(), last.i420());
    }
}

#[test]
fn beside_a_film_on_a_quarter_of_it_a_page_is_uncovered_too() {
    let mut shared = Shared::over(NARROW);
    // A film of soft waves that go by, at the lower right: what is uncovered last.
    let with_film = |ms: u64, at: Instant| {
        let mut pixels = page(0, at).i420().to_vec();
        let rows = pixels.chunks_mut(SIZE.width as usize).enumerate();
        for (y, row) in rows.take(SIZE.height as usize).skip(SIZE.height as usize / 2) {
            for (x, pixel) in row.iter_mut().enumerate().skip(SIZE.width as usize / 2) {
                let wave = (x as f64 / 23.0 + ms as f64 / 300.0).sin() + (y as f64 / 17.0).cos();
                *pixel = (125.0 + 45.0 * wave) as u8;
            }
        }
        VideoFrame::from_i420(SIZE, pixels.into(), CaptureTime(at)).unwrap()
    };
    shared.moves(0..5_000, with_film);
    assert!(shared.clear() >= 1.0, "{}", shared.clear());
    let (longest, mean) = shared.figures(3_000);
    eprintln!("at most {longest} ms between pictures after 3 s; {mean:.1} dB");
    assert!(mean > 25.0, "{mean}");
}
