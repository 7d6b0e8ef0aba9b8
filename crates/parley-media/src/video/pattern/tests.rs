use super::*;
use crate::video::codec::{EncoderSettings, H264Decoder, H264Encoder};
use crate::video::scale::scale;
use parley_proto::{Bitrate, FrameRate};
use std::time::Instant;

#[expect(clippy::disallowed_methods, reason = "test: any moment will do")]
fn now() -> CaptureTime {
    CaptureTime(Instant::now())
}

const CLOCK_US: u64 = 1_795_000_000_123_456;

#[test]
fn a_stamp_is_read_as_it_was_drawn_at_many_sizes() {
    for (width, height) in [
        (1920, 1080),
        (1280, 720),
        (854, 480),
        (640, 480),
        (640, 360),
        (320, 180),
        (1282, 722),
        (360, 640),
    ] {
        let mut pattern = Pattern::new(Resolution::new(width, height)).unwrap();
        for number in [0, 1, 77, 65_535, u32::MAX] {
            let clock_us = CLOCK_US + u64::from(number) * 33_333;
            let frame = pattern.draw(number, clock_us, now()).unwrap();
            assert_eq!(read(&frame), Some(Stamp { number, clock_us }), "{width}x{height}");
        }
    }
}

#[test]
fn a_stamp_survives_scaling_to_a_quarter() {
    let frame = draw(123_456, CLOCK_US, Resolution::new(1280, 720), now()).unwrap();
    let expect = Some(Stamp {
        number: 123_456,
        clock_us: CLOCK_US,
    });
    for (width, height) in [(640, 360), (320, 180), (960, 540), (426, 240), (500, 282)] {
        assert_eq!(
            read(&scale(&frame, Resolution::new(width, height))),
            expect,
            "{width}x{height}"
        );
    }
}

#[test]
fn a_picture_of_something_else_can_be_stamped() {
    let plain = FramePool::new()
        .make(Resolution::new(640, 272), now(), |planes| {
            planes.y.fill(200);
            planes.u.fill(90);
            planes.v.fill(160);
        })
        .unwrap();
    let stamp = Stamp {
        number: 131,
        clock_us: 0,
    };
    let frame = stamped(&plain, stamp).unwrap();
    assert_eq!(read(&frame), Some(stamp));
    assert_eq!(
        frame.y()[..640 * 200],
        plain.y()[..640 * 200],
        "above the strip nothing changes"
    );
}

#[test]
fn a_picture_without_a_whole_stamp_reads_as_none() {
    let size = Resolution::new(1280, 720);
    let plain = FramePool::new()
        .make(size, now(), |planes| {
            planes.y.fill(120);
            planes.u.fill(128);
            planes.v.fill(128);
        })
        .unwrap();
    assert_eq!(read(&plain), None);
    let frame = draw(5, CLOCK_US, size, now()).unwrap();
    let mut pixels = frame.i420().to_vec();
    // One cell painted over: bit errors must not be read as another number.
    for row in 660..672 {
        pixels[row * 1280 + 500..row * 1280 + 512]
            .iter_mut()
            .for_each(|pixel| *pixel = 255 - *pixel);
    }
    let damaged = VideoFrame::from_i420(size, pixels.into(), now()).unwrap();
    assert_eq!(read(&damaged), None);
    let tiny = draw(5, CLOCK_US, Resolution::new(32, 18), now()).unwrap();
    assert_eq!(read(&tiny), None);
}

#[test]
fn a_stamp_survives_300_kbit_per_second_and_then_a_quarter() {
    let settings = EncoderSettings {
        bitrate: Bitrate::from_kbps(300),
        frame_rate: FrameRate::new(30),
    };
    let mut encoder = H264Encoder::new(settings).unwrap();
    let mut decoder = H264Decoder::new().unwrap();
    let mut pattern = Pattern::new(Resolution::new(1280, 720)).unwrap();
    let mut bytes = 0;
    for number in 0..60 {
        let stamp = Stamp {
            number,
            clock_us: CLOCK_US + u64::from(number) * 33_333,
        };
        let frame = pattern.draw(stamp.number, stamp.clock_us, now()).unwrap();
        let encoded = encoder.encode(&frame, false).unwrap();
        bytes += encoded.data.len();
        let shown = decoder.decode(&encoded.data, now()).unwrap().unwrap();
        assert_eq!(read(&shown), Some(stamp), "whole, frame {number}");
        let quarter = scale(&shown, Resolution::new(320, 180));
        assert_eq!(read(&quarter), Some(stamp), "quarter, frame {number}");
    }
    assert!(bytes * 8 / 2 < 700_000, "two seconds took {bytes} bytes");
}

#[test]
fn every_picture_differs_from_the_one_before() {
    let mut pattern = Pattern::new(Resolution::new(320, 180)).unwrap();
    let mut luma = |number| pattern.draw(number, 0, now()).unwrap().y().to_vec();
    for number in [0, 29, 159, 100_000] {
        let (one, next) = (luma(number), luma(number + 1));
        let changed = one.iter().zip(&next).filter(|(one, next)| one != next).count();
        assert!(
            changed * 4 > one.len(),
            "only {changed} pixels moved after {number}"
        );
    }
}

#[test]
fn impossible_sizes_are_refused() {
    assert!(draw(0, 0, Resolution::new(0, 0), now()).is_err());
    assert!(draw(0, 0, Resolution::new(641, 360), now()).is_err());
    assert!(draw(0, 0, Resolution::new(2, 2), now()).is_ok());
}
