//! The picture of a recording: one large, others small in its corner, as the window of a call has them.
//!
//! Holds the newest picture of each. Sizes change as they like; the recording's never does.

use crate::slot::Slot;
use crate::time::CaptureTime;
use crate::video::VideoFrame;
use crate::video::frame::FrameSizeError;
use crate::video::pool::{FramePool, Planes};
use crate::video::scale::scale_into;
use parley_proto::Resolution;

/// Small pictures at most; more are left out.
pub(super) const INSETS_MAX: usize = 3;
/// Small pictures are so much smaller than the whole.
const INSET_SHARE: u32 = 5;
/// Between small pictures and the edge.
const MARGIN: u32 = 16;
/// Of the line around a small picture.
const EDGE: u32 = 2;
/// What is behind the pictures.
const GROUND: u8 = 24;
const NO_COLOUR: u8 = 128;

/// Where the pictures of a recording come from.
#[derive(Debug, Clone, Default)]
pub struct Scene {
    /// The large one; nothing when there is none to show.
    pub main: Option<Slot<VideoFrame>>,
    /// The small ones, lowest first.
    pub insets: Vec<Slot<VideoFrame>>,
}

/// Puts pictures together.
#[derive(Debug)]
pub(super) struct Stage {
    size: Resolution,
    main: Option<VideoFrame>,
    insets: [Option<VideoFrame>; INSETS_MAX],
    /// One each: a pool keeps buffers of one size.
    pools: [FramePool; INSETS_MAX + 2],
}

/// Where a picture goes, in pixels; even, for the planes of colour have half of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    x: u32,
    y: u32,
    size: Resolution,
}

impl Stage {
    pub(super) fn new(size: Resolution) -> Self {
        Self {
            size,
            main: None,
            insets: Default::default(),
            pools: Default::default(),
        }
    }

    /// Another scene: what was shown before is gone.
    pub(super) fn clear(&mut self) {
        self.main = None;
        self.insets = Default::default();
    }

    pub(super) fn show_main(&mut self, frame: Option<VideoFrame>) {
        self.main = frame;
    }

    pub(super) fn show_inset(&mut self, number: usize, frame: Option<VideoFrame>) {
        if let Some(place) = self.insets.get_mut(number) {
            *place = frame;
        }
    }

    /// The whole picture as it is now.
    pub(super) fn compose(&mut self, now: CaptureTime) -> Result<VideoFrame, FrameSizeError> {
        let size = self.size;
        let [whole, of_main, of_insets @ ..] = &mut self.pools;
        if let (Some(main), [None, None, None]) = (&self.main, &self.insets)
            && main.resolution() == size
        {
            return Ok(main.clone().at(now));
        }
        let mut parts: Vec<(VideoFrame, Place, bool)> = Vec::with_capacity(INSETS_MAX + 1);
        if let Some(frame) = &self.main {
            let place = centred(frame.resolution(), size);
            parts.push((scale_into(of_main, frame, place.size), place, false));
        }
        let mut floor = size.height;
        for (frame, pool) in self.insets.iter().zip(of_insets) {
            let Some(frame) = frame else { continue };
            let place = cornered(frame.resolution(), size, floor);
            floor = place.y;
            parts.push((scale_into(pool, frame, place.size), place, true));
        }
        whole.make(size, now, |mut planes| {
            // What a main picture covers wholly need not be painted before.
            if parts.first().is_none_or(|(_, place, _)| place.size != size) {
                fill(&mut planes, size, Place { x: 0, y: 0, size });
            }
            for (frame, place, edged) in &parts {
                if *edged {
                    fill(&mut planes, size, around(*place));
                }
                draw(&mut planes, size, frame, *place);
            }
        })
    }
}

/// As large as fits, in the middle.
fn centred(from: Resolution, whole: Resolution) -> Place {
    let size = fitted(from, whole);
    Place {
        x: ((whole.width - size.width) / 2) & !1,
        y: ((whole.height - size.height) / 2) & !1,
        size,
    }
}

/// Small, on the right, above `floor`.
fn cornered(from: Resolution, whole: Resolution, floor: u32) -> Place {
    let most = Resolution::new(whole.width / INSET_SHARE, whole.height / INSET_SHARE);
    let size = fitted(from, most);
    Place {
        x: whole.width.saturating_sub(size.width + MARGIN) & !1,
        y: floor.saturating_sub(size.height + MARGIN) & !1,
        size,
    }
}

/// The largest size of the same shape, larger than it was if need be.
fn fitted(from: Resolution, limit: Resolution) -> Resolution {
    let ratio = (f64::from(limit.width) / f64::from(from.width.max(1)))
        .min(f64::from(limit.height) / f64::from(from.height.max(1)));
    let even = |side: u32, most: u32| (((f64::from(side) * ratio).round() as u32).min(most) & !1).max(2);
    Resolution::new(even(from.width, limit.width), even(from.height, limit.height))
}

/// A place with its edge.
fn around(place: Place) -> Place {
    Place {
        x: place.x.saturating_sub(EDGE),
        y: place.y.saturating_sub(EDGE),
        size: Resolution::new(place.size.width + 2 * EDGE, place.size.height + 2 * EDGE),
    }
}

fn fill(planes: &mut Planes<'_>, whole: Resolution, place: Place) {
    let (right, bottom) = (
        (place.x + place.size.width).min(whole.width),
        (place.y + place.size.height).min(whole.height),
    );
    for (plane, part, value) in [
        (&mut *planes.y, 1, GROUND),
        (&mut *planes.u, 2, NO_COLOUR),
        (&mut *planes.v, 2, NO_COLOUR),
    ] {
        let lines = plane.chunks_exact_mut((whole.width / part) as usize);
        let rows = lines.skip((place.y / part) as usize);
        for line in rows.take(((bottom - place.y) / part) as usize) {
            line[(place.x / part) as usize..(right / part) as usize].fill(value);
        }
    }
}

fn draw(planes: &mut Planes<'_>, whole: Resolution, frame: &VideoFrame, place: Place) {
    if frame.resolution() != place.size {
        return;
    }
    for (plane, from, part) in [
        (&mut *planes.y, frame.y(), 1),
        (&mut *planes.u, frame.u(), 2),
        (&mut *planes.v, frame.v(), 2),
    ] {
        let (width, x) = ((place.size.width / part) as usize, (place.x / part) as usize);
        let lines = plane.chunks_exact_mut((whole.width / part) as usize);
        let rows = lines.skip((place.y / part) as usize);
        for (line, from) in rows.zip(from.chunks_exact(width)) {
            line[x..x + width].copy_from_slice(from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    const WHOLE: Resolution = Resolution::new(640, 360);

    #[expect(clippy::disallowed_methods, reason = "test: any moment will do")]
    fn now() -> CaptureTime {
        CaptureTime(Instant::now())
    }

    fn plain(width: u32, height: u32, luma: u8) -> VideoFrame {
        let size = Resolution::new(width, height);
        let mut pixels = vec![luma; VideoFrame::byte_len(size)];
        pixels[(width * height) as usize..].fill(luma / 2);
        VideoFrame::from_i420(size, pixels.into(), now()).unwrap()
    }

    fn luma(frame: &VideoFrame, x: usize, y: usize) -> u8 {
        frame.y()[y * frame.resolution().width as usize + x]
    }

    #[test]
    fn one_picture_fills_the_whole_in_its_own_shape() {
        let mut stage = Stage::new(WHOLE);
        assert!(
            stage
                .compose(now())
                .unwrap()
                .y()
                .iter()
                .all(|&luma| luma == GROUND)
        );
        stage.show_main(Some(plain(320, 180, 200)));
        let whole = stage.compose(now()).unwrap();
        assert!(whole.y().iter().all(|&luma| luma == 200), "enlarged");
        assert!(whole.u().iter().all(|&colour| colour == 100));
        stage.show_main(Some(plain(360, 360, 200)));
        let whole = stage.compose(now()).unwrap();
        assert_eq!((luma(&whole, 10, 180), luma(&whole, 320, 180)), (GROUND, 200));
        assert_eq!((luma(&whole, 630, 180), luma(&whole, 320, 2)), (GROUND, 200));
    }

    #[test]
    fn small_pictures_stand_above_each_other_in_the_corner_with_an_edge() {
        let mut stage = Stage::new(WHOLE);
        stage.show_main(Some(plain(640, 360, 200)));
        stage.show_inset(0, Some(plain(1280, 720, 90)));
        stage.show_inset(1, Some(plain(64, 64, 60)));
        let whole = stage.compose(now()).unwrap();
        assert_eq!(whole.resolution(), WHOLE);
        let lower = cornered(Resolution::new(1280, 720), WHOLE, 360);
        assert_eq!(lower.size, Resolution::new(128, 72));
        let (x, y) = (lower.x as usize, lower.y as usize);
        assert_eq!(
            (luma(&whole, x, y), luma(&whole, x - 1, y), luma(&whole, x - 3, y)),
            (90, GROUND, 200)
        );
        let upper = cornered(Resolution::new(64, 64), WHOLE, lower.y);
        assert_eq!(luma(&whole, upper.x as usize + 4, upper.y as usize + 4), 60);
        stage.clear();
        assert_eq!(luma(&stage.compose(now()).unwrap(), x, y), GROUND);
    }

    #[test]
    fn every_shape_there_can_be_is_drawn_inside() {
        let mut stage = Stage::new(WHOLE);
        for (width, height) in [(2, 2), (2, 4000), (4000, 2), (642, 362), (638, 358)] {
            stage.show_main(Some(plain(width, height, 200)));
            for number in 0..=INSETS_MAX {
                stage.show_inset(number, Some(plain(width, height, 90)));
            }
            assert_eq!(stage.compose(now()).unwrap().resolution(), WHOLE);
        }
    }
}
