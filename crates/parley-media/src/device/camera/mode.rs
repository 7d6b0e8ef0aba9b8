//! Which of a camera's formats to try, in which order. Sans-IO.
//!
//! First comes what is nearest to the wish in size, rate and shape; among equals what costs least to convert. What fails to
//! open falls to the next.

use super::CameraWish;
use super::raw::PixelFormat;
use parley_proto::{FrameRate, Resolution};

/// One way a camera can be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Mode {
    pub(super) resolution: Resolution,
    pub(super) frame_rate: FrameRate,
    pub(super) pixels: PixelFormat,
}

/// The modes worth trying, best first. To what the camera names the wish itself is added in each pixel format, for cameras
/// that name only their smallest and largest size.
pub(super) fn ranked(named: impl IntoIterator<Item = Mode>, wish: &CameraWish) -> Vec<Mode> {
    let mut modes: Vec<Mode> = named.into_iter().filter(Mode::is_sane).collect();
    modes.sort_by(|a, b| a.distance(wish).total_cmp(&b.distance(wish)));
    modes.dedup();
    for pixels in [PixelFormat::Nv12, PixelFormat::Yuyv, PixelFormat::Mjpeg] {
        let wished = Mode {
            resolution: wish.resolution,
            frame_rate: wish.frame_rate,
            pixels,
        };
        if modes.iter().any(|mode| mode.pixels == pixels) && !modes.contains(&wished) {
            modes.push(wished);
        }
    }
    modes
}

impl Mode {
    /// Whether pictures of it can be used at all.
    fn is_sane(&self) -> bool {
        crate::video::VideoFrame::check_size(self.resolution).is_ok()
    }

    /// How far it is from the wish. Doubling a side or a rate is about one; less than wished for is worse than more.
    fn distance(&self, wish: &CameraWish) -> f64 {
        let times = |is: f64, wished: f64| (is / wished.max(1.0)).max(1e-6).log2();
        let one_sided = |excess: f64, above: f64, below: f64| {
            if excess > 0.0 {
                excess * above
            } else {
                -excess * below
            }
        };
        let area = times(self.resolution.pixels() as f64, wish.resolution.pixels() as f64) / 2.0;
        let rate = times(f64::from(self.frame_rate.get()), f64::from(wish.frame_rate.get()));
        let shape = |size: Resolution| f64::from(size.width) / f64::from(size.height.max(1));
        let stretch = times(shape(self.resolution) * 1e3, shape(wish.resolution) * 1e3).abs();
        one_sided(area, 1.0, 1.5) + one_sided(rate, 0.1, 1.2) + stretch + self.pixels.cost()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(width: u32, height: u32, fps: u32, pixels: PixelFormat) -> Mode {
        Mode {
            resolution: Resolution::new(width, height),
            frame_rate: FrameRate::new(fps),
            pixels,
        }
    }

    fn wish(width: u32, height: u32, fps: u32) -> CameraWish {
        CameraWish {
            id: None,
            resolution: Resolution::new(width, height),
            frame_rate: FrameRate::new(fps),
        }
    }

    /// What most webcams offer: raw pictures fast only when small.
    fn webcam() -> Vec<Mode> {
        vec![
            mode(640, 480, 30, PixelFormat::Yuyv),
            mode(640, 360, 30, PixelFormat::Yuyv),
            mode(1280, 720, 10, PixelFormat::Yuyv),
            mode(1920, 1080, 5, PixelFormat::Yuyv),
            mode(640, 360, 30, PixelFormat::Mjpeg),
            mode(1280, 720, 30, PixelFormat::Mjpeg),
            mode(1920, 1080, 30, PixelFormat::Mjpeg),
        ]
    }

    #[test]
    fn the_nearest_mode_comes_first() {
        let check = |named: Vec<Mode>, wish: &CameraWish, expect: Mode| {
            assert_eq!(ranked(named, wish).first(), Some(&expect), "{wish:?}");
        };
        check(
            webcam(),
            &wish(1280, 720, 30),
            mode(1280, 720, 30, PixelFormat::Mjpeg),
        );
        check(
            webcam(),
            &wish(640, 360, 30),
            mode(640, 360, 30, PixelFormat::Yuyv),
        );
        check(
            webcam(),
            &wish(1280, 720, 10),
            mode(1280, 720, 10, PixelFormat::Yuyv),
        );
        check(
            webcam(),
            &wish(3840, 2160, 30),
            mode(1920, 1080, 30, PixelFormat::Mjpeg),
        );
        check(
            webcam(),
            &wish(320, 180, 30),
            mode(640, 360, 30, PixelFormat::Yuyv),
        );
        let both = vec![
            mode(1280, 720, 30, PixelFormat::Mjpeg),
            mode(1280, 720, 30, PixelFormat::Nv12),
        ];
        check(both, &wish(1280, 720, 30), mode(1280, 720, 30, PixelFormat::Nv12));
    }

    #[test]
    fn the_wish_itself_is_tried_last_when_it_is_not_named() {
        let ends = vec![
            mode(160, 120, 30, PixelFormat::Yuyv),
            mode(1920, 1080, 30, PixelFormat::Yuyv),
        ];
        let tried = ranked(ends, &wish(1280, 720, 30));
        assert_eq!(tried.len(), 3);
        assert_eq!(tried[2], mode(1280, 720, 30, PixelFormat::Yuyv));
    }

    #[test]
    fn impossible_modes_are_left_out() {
        let named = vec![
            mode(0, 0, 30, PixelFormat::Yuyv),
            mode(641, 481, 30, PixelFormat::Yuyv),
        ];
        assert_eq!(ranked(named, &wish(640, 480, 30)), []);
    }
}
