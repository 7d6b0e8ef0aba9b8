//! The codec itself: that it does what the rest of the room counts on.

mod layers;

use super::*;
use crate::time::CaptureTime;
use crate::video::VideoFrame;
use crate::video::pattern::Pattern;
use parley_proto::{Bitrate, FrameRate, Resolution};
use std::time::{Duration, Instant};

const HD: Resolution = Resolution::new(1280, 720);
const SMALL: Resolution = Resolution::new(640, 360);

#[expect(
    clippy::disallowed_methods,
    reason = "test: any moment will do, and one test measures"
)]
fn now() -> Instant {
    Instant::now()
}

fn settings(kbps: u64) -> EncoderSettings {
    EncoderSettings {
        bitrate: Bitrate::from_kbps(kbps),
        frame_rate: FrameRate::new(30),
    }
}

/// The pattern's pictures, thirty a second, one after the other.
struct Film {
    pattern: Pattern,
    begin: Instant,
    number: u32,
}

impl Film {
    fn new(resolution: Resolution) -> Self {
        Self {
            pattern: Pattern::new(resolution).unwrap(),
            begin: now(),
            number: 0,
        }
    }

    fn next(&mut self) -> VideoFrame {
        let since = Duration::from_micros(u64::from(self.number) * 33_333);
        self.number += 1;
        let captured = CaptureTime(self.begin + since);
        self.pattern.draw(self.number, 7, captured).unwrap()
    }
}

/// Kilobits per second that come out over two seconds, after half a second to settle.
fn kbps(encoder: &mut H264Encoder, film: &mut Film) -> u64 {
    for _ in 0..15 {
        encoder.encode(&film.next(), false).unwrap();
    }
    let bytes: usize = (0..60)
        .map(|_| encoder.encode(&film.next(), false).unwrap().data.len())
        .sum();
    bytes as u64 * 8 / 2 / 1000
}

#[test]
fn the_bitrate_follows_down_and_up_beyond_the_first_one_without_a_key_frame() {
    let mut film = Film::new(SMALL);
    let mut encoder = H264Encoder::new(settings(300)).unwrap();
    assert!(encoder.encode(&film.next(), false).unwrap().key_frame);
    for wanted in [300, 900, 150, 1500, 400] {
        encoder.set(settings(wanted)).unwrap();
        assert!(
            !encoder.encode(&film.next(), false).unwrap().key_frame,
            "at {wanted}"
        );
        let is = kbps(&mut encoder, &mut film);
        assert!(
            (wanted / 2..=wanted * 5 / 4).contains(&is),
            "{is} kbit/s for {wanted}"
        );
    }
}

#[test]
fn at_half_the_frame_rate_each_picture_gets_twice_the_bits() {
    let mut film = Film::new(SMALL);
    let mut encoder = H264Encoder::new(settings(400)).unwrap();
    let full = kbps(&mut encoder, &mut film);
    encoder
        .set(EncoderSettings {
            frame_rate: FrameRate::new(15),
            ..settings(400)
        })
        .unwrap();
    // Counted as thirty a second all the same.
    let half = kbps(&mut encoder, &mut film);
    assert!(half * 10 > full * 15, "{half} after {full}");
}

#[test]
fn a_key_frame_comes_when_asked_for_and_with_another_size_and_decodes_alone() {
    let mut film = Film::new(SMALL);
    let mut encoder = H264Encoder::new(settings(800)).unwrap();
    let key_frames: Vec<_> = [false, false, true, false]
        .map(|wanted| encoder.encode(&film.next(), wanted).unwrap().key_frame)
        .into();
    assert_eq!(key_frames, [true, false, true, false]);
    let other = encoder
        .encode(&Film::new(Resolution::new(320, 180)).next(), false)
        .unwrap();
    assert!(other.key_frame);
    let mut decoder = H264Decoder::new().unwrap();
    let picture = decoder.decode(&other.data, CaptureTime(now())).unwrap().unwrap();
    assert_eq!(picture.resolution(), Resolution::new(320, 180));
}

/// A key frame for another size comes on top of what flows: at the rate at which each size is taken up it must not hold the line up
/// for long.
#[test]
fn a_key_frame_for_another_size_is_small_against_its_bitrate() {
    for (height, kbps) in [(270, 130), (360, 135), (540, 545), (720, 650)] {
        let mut encoder = H264Encoder::new(settings(kbps)).unwrap();
        let mut other = Film::new(Resolution::new(320, 180));
        for _ in 0..30 {
            encoder.encode(&other.next(), false).unwrap();
        }
        let mut film = Film::new(Resolution::new(height * 16 / 9, height));
        let key_frame = encoder.encode(&film.next(), false).unwrap();
        assert!(key_frame.key_frame);
        let ms = key_frame.data.len() as u64 * 8 / kbps;
        assert!(ms <= 700, "{height} lines at {kbps} kbit/s: {ms} ms");
    }
}

#[test]
fn the_stream_is_constrained_baseline_as_offered() {
    let mut encoder = H264Encoder::new(settings(800)).unwrap();
    let encoded = encoder.encode(&Film::new(HD).next(), false).unwrap();
    let parameters = crate::video::h264::nal_units(&encoded.data).next().unwrap();
    // Type 7, profile 66, constraint set 1; level 3.1 holds 720p30.
    assert_eq!(parameters[0] & 0x1f, 7);
    assert_eq!(
        (parameters[1], parameters[2] & 0x40),
        (66, 0x40),
        "{:02x?}",
        &parameters[..4]
    );
    assert_eq!(parameters[3], 31);
}

#[test]
fn a_missing_picture_is_an_error_until_the_next_key_frame() {
    let mut film = Film::new(SMALL);
    let mut encoder = H264Encoder::new(settings(800)).unwrap();
    let mut decoder = H264Decoder::new().unwrap();
    let units: Vec<_> = (0..8)
        .map(|number| encoder.encode(&film.next(), number == 6).unwrap().data)
        .collect();
    let decoded: Vec<_> = [0, 1, 3, 4, 6, 7]
        .map(|number: usize| matches!(decoder.decode(&units[number], CaptureTime(now())), Ok(Some(_))))
        .into();
    assert_eq!(decoded, [true, true, false, false, true, true]);
}

#[test]
fn noise_is_an_error_and_never_a_crash() {
    let mut film = Film::new(SMALL);
    let mut encoder = H264Encoder::new(settings(800)).unwrap();
    let mut decoder = H264Decoder::new().unwrap();
    let mut seed = 1u32;
    for _ in 0..120 {
        let mut unit = encoder.encode(&film.next(), true).unwrap().data.to_vec();
        for _ in 0..4 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let place = (seed >> 8) as usize % unit.len();
            unit[place] ^= (seed >> 3) as u8 | 1;
        }
        if let Ok(Some(picture)) = decoder.decode(&unit, CaptureTime(now())) {
            assert!(VideoFrame::check_size(picture.resolution()).is_ok());
        }
    }
    let _ = decoder.decode(&[], CaptureTime(now()));
    let whole = encoder.encode(&film.next(), true).unwrap();
    let mut fresh = H264Decoder::new().unwrap();
    assert!(matches!(
        fresh.decode(&whole.data, CaptureTime(now())),
        Ok(Some(_))
    ));
}

/// Without nasm at build time the library silently becomes plain C and some four times slower.
#[test]
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn the_codecs_assembler_is_in_the_program() {
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    // Put together here, so that the names are not in the program because of this very test.
    let present = |function: &str, instructions: &str| {
        let symbol = [function, instructions].join("_").into_bytes();
        program.windows(symbol.len()).any(|window| window == symbol)
    };
    for function in ["WelsSampleSad16x16", "WelsIDctT4Rec", "ExpandPictureLuma"] {
        assert!(
            present(function, "sse2"),
            "{function}: was nasm there when openh264 was built?"
        );
        assert!(!present(function, "sse9"), "the search finds what is not there");
    }
}
