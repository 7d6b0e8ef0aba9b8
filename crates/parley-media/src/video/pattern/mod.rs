//! The built-in picture: a landscape that drifts by, a sun, a bouncing ball, a clock hand, the frame number and the time of
//! day, for people; and a [`Stamp`] of the same number and clock in black and white cells, for machines.
//!
//! Drawing is a pure function of number, clock and size. What does not move is drawn once per size ([`Pattern`]).

mod digits;
mod scene;
mod stamp;

pub use stamp::{Stamp, read};

use super::VideoFrame;
use super::frame::FrameSizeError;
use super::pool::{FramePool, Planes};
use crate::time::CaptureTime;
use parley_proto::Resolution;
use scene::Scene;

/// Draws pictures of one size, one after the other.
#[derive(Debug)]
pub struct Pattern {
    resolution: Resolution,
    scene: Scene,
    pool: FramePool,
}

impl Pattern {
    /// Prepares what does not move.
    ///
    /// # Errors
    /// When no picture can have this size.
    pub fn new(resolution: Resolution) -> Result<Self, FrameSizeError> {
        VideoFrame::check_size(resolution)?;
        Ok(Self {
            resolution,
            scene: Scene::new(resolution),
            pool: FramePool::new(),
        })
    }

    /// Draws picture `number`, stamped with it and with `clock_us` (microseconds since the UNIX epoch).
    ///
    /// # Errors
    /// Never for a size that [`Pattern::new`] took.
    pub fn draw(
        &mut self,
        number: u32,
        clock_us: u64,
        captured: CaptureTime,
    ) -> Result<VideoFrame, FrameSizeError> {
        let Self {
            resolution,
            scene,
            pool,
        } = self;
        pool.make(*resolution, captured, |mut planes| {
            scene.draw(number, clock_us, &mut planes);
            stamp::write(Stamp { number, clock_us }, *resolution, &mut planes);
        })
    }
}

/// Draws one picture. Many of one size are cheaper through [`Pattern`].
///
/// # Errors
/// When no picture can have this size.
pub fn draw(
    number: u32,
    clock_us: u64,
    resolution: Resolution,
    captured: CaptureTime,
) -> Result<VideoFrame, FrameSizeError> {
    Pattern::new(resolution)?.draw(number, clock_us, captured)
}

/// The same picture with the strip in it, for films that are to be told apart picture by picture.
///
/// # Errors
/// Never for a picture that there is.
pub fn stamped(frame: &VideoFrame, stamp: Stamp) -> Result<VideoFrame, FrameSizeError> {
    FramePool::new().make(frame.resolution(), frame.captured, |mut planes| {
        planes.y.copy_from_slice(frame.y());
        planes.u.copy_from_slice(frame.u());
        planes.v.copy_from_slice(frame.v());
        stamp::write(stamp, frame.resolution(), &mut planes);
    })
}

/// A colour in the picture's own terms.
#[derive(Debug, Clone, Copy)]
struct Colour {
    y: u8,
    u: u8,
    v: u8,
}

/// A part of a picture that is being drawn: positions outside are left out.
struct Canvas<'a, 'b> {
    planes: &'a mut Planes<'b>,
    width: usize,
    height: usize,
}

impl Canvas<'_, '_> {
    /// Fills a rectangle; sides are rounded to even pixels, as chroma needs.
    fn fill(&mut self, left: usize, top: usize, width: usize, height: usize, colour: Colour) {
        let (left, top) = (left.min(self.width) & !1, top.min(self.height) & !1);
        let right = (left + (width.max(2) & !1)).min(self.width);
        let bottom = (top + (height.max(2) & !1)).min(self.height);
        for y in top..bottom {
            self.planes.y[y * self.width + left..y * self.width + right].fill(colour.y);
        }
        let half = self.width / 2;
        for y in top / 2..bottom / 2 {
            let row = y * half + left / 2..y * half + right / 2;
            self.planes.u[row.clone()].fill(colour.u);
            self.planes.v[row].fill(colour.v);
        }
    }
}

#[cfg(test)]
mod tests;
