use super::*;
use proptest::prelude::*;
use std::time::Instant;

#[expect(clippy::disallowed_methods, reason = "test: any moment will do")]
fn now() -> CaptureTime {
    CaptureTime(Instant::now())
}

const SIZE: Resolution = Resolution::new(32, 16);

fn check(pixels: PixelFormat, bytes: &[u8], expect: (u8, u8, u8)) {
    let frame = Converter::default().convert(pixels, SIZE, bytes, now()).unwrap();
    assert_eq!(frame.resolution(), SIZE);
    let near = |plane: &[u8], expect: u8| plane.iter().all(|&is| is.abs_diff(expect) <= 2);
    assert!(near(frame.y(), expect.0), "{pixels:?} {:?}", &frame.y()[..8]);
    assert!(near(frame.u(), expect.1), "{pixels:?} {:?}", &frame.u()[..8]);
    assert!(near(frame.v(), expect.2), "{pixels:?} {:?}", &frame.v()[..8]);
}

#[test]
fn packed_and_half_planar_pictures_keep_their_values_and_what_follows_is_ignored() {
    let yuyv: Vec<u8> = [100, 60, 100, 200].repeat(32 * 16 / 2 + 7);
    check(PixelFormat::Yuyv, &yuyv, (100, 60, 200));
    let nv12 = [vec![100; 32 * 16], [60, 200].repeat(8 * 16), vec![7; 50]].concat();
    check(PixelFormat::Nv12, &nv12, (100, 60, 200));
}

/// A 32x16 JPEG of plain red (255, 0, 0), 4:2:0, as ffmpeg writes it.
const RED: &[u8] = include_bytes!("red.jpg");

#[test]
fn a_jpeg_is_turned_from_full_to_limited_range_and_the_end_of_an_older_one_is_ignored() {
    check(PixelFormat::Mjpeg, RED, (81, 90, 240));
    let stale = [RED, &RED[RED.len() / 2..], &[0; 100]].concat();
    check(PixelFormat::Mjpeg, &stale, (81, 90, 240));
}

#[test]
fn a_jpeg_without_huffman_tables_is_decoded_with_the_usual_ones() {
    let mut bare = RED[..2].to_vec();
    let mut at = 2;
    while RED[at + 1] != 0xda {
        let end = at + 2 + usize::from(u16::from_be_bytes([RED[at + 2], RED[at + 3]]));
        if RED[at + 1] != 0xc4 {
            bare.extend_from_slice(&RED[at..end]);
        }
        at = end;
    }
    bare.extend_from_slice(&RED[at..]);
    assert!(bare.len() + 100 < RED.len(), "the tables were there before");
    check(PixelFormat::Mjpeg, &bare, (81, 90, 240));
}

#[test]
fn what_is_no_picture_is_refused() {
    let mut converter = Converter::default();
    for pixels in [PixelFormat::Yuyv, PixelFormat::Nv12, PixelFormat::Mjpeg] {
        for len in [0, 1, 5, 700] {
            let outcome = converter.convert(pixels, SIZE, &vec![0xff; len], now());
            assert!(outcome.is_err(), "{pixels:?} of {len} bytes");
        }
    }
    let cut = converter.convert(PixelFormat::Mjpeg, SIZE, &RED[..60], now());
    assert!(cut.is_err());
}

proptest! {
    #[test]
    fn a_damaged_jpeg_gives_a_picture_or_an_error(places in proptest::collection::vec((0..RED.len(), any::<u8>()), 1..12)) {
        let mut bytes = RED.to_vec();
        for (place, value) in places {
            bytes[place] = value;
        }
        // Not a claim about the picture, only that the capture thread lives on.
        let _ = Converter::default().convert(PixelFormat::Mjpeg, SIZE, &bytes, now());
    }
}
