//! Pixel buffers that are used again once nobody holds their picture any more: a 720p picture is 1.4 MB, thirty times a second.
//!
//! Each thread that makes pictures owns one pool. It never waits and never refuses: with all buffers still held it makes
//! a new one, and keeps at most [`KEPT`] of them.

use super::frame::{FrameSizeError, VideoFrame};
use crate::time::CaptureTime;
use parley_proto::Resolution;
use std::sync::Arc;

/// Most buffers kept for use again.
const KEPT: usize = 8;

/// Buffers of the size that was asked for last.
#[derive(Debug, Default)]
pub struct FramePool {
    buffers: Vec<Arc<[u8]>>,
}

/// The three planes of an I420 picture, to be written.
#[derive(Debug)]
pub struct Planes<'a> {
    /// Luma, stride = width.
    pub y: &'a mut [u8],
    /// First chroma plane, stride = width / 2.
    pub u: &'a mut [u8],
    /// Second chroma plane, stride = width / 2.
    pub v: &'a mut [u8],
}

impl<'a> Planes<'a> {
    /// Cuts the bytes of a picture with `luma_len` luma bytes.
    fn split(pixels: &'a mut [u8], luma_len: usize) -> Self {
        let (y, chroma) = pixels.split_at_mut(luma_len);
        let (u, v) = chroma.split_at_mut(luma_len / 4);
        Self { y, u, v }
    }
}

impl FramePool {
    /// An empty pool.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A picture whose planes `fill` wrote. They hold an older picture when `fill` gets them: it must write them all.
    ///
    /// # Errors
    /// When a side is odd or zero.
    pub fn make(
        &mut self,
        resolution: Resolution,
        captured: CaptureTime,
        fill: impl FnOnce(Planes<'_>),
    ) -> Result<VideoFrame, FrameSizeError> {
        VideoFrame::check_size(resolution)?;
        let len = VideoFrame::byte_len(resolution);
        self.buffers.retain(|buffer| buffer.len() == len);
        let mut pixels = self
            .take_unused()
            .unwrap_or_else(|| std::iter::repeat_n(0, len).collect());
        if let Some(pixels) = Arc::get_mut(&mut pixels) {
            fill(Planes::split(pixels, len / 3 * 2));
        }
        if self.buffers.len() < KEPT {
            self.buffers.push(Arc::clone(&pixels));
        }
        VideoFrame::from_i420(resolution, pixels, captured)
    }

    fn take_unused(&mut self) -> Option<Arc<[u8]>> {
        let unused = self
            .buffers
            .iter_mut()
            .position(|buffer| Arc::get_mut(buffer).is_some())?;
        Some(self.buffers.swap_remove(unused))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "test: any moment will do")]
    fn a_buffer_is_used_again_only_when_its_picture_is_gone() {
        let mut pool = FramePool::new();
        let now = CaptureTime(Instant::now());
        let size = Resolution::new(16, 8);
        let mut make = |level: u8| {
            pool.make(size, now, |planes| {
                planes.y.fill(level);
                planes.u.fill(level);
                planes.v.fill(level);
            })
            .unwrap()
        };
        let first = make(1);
        let second = make(2);
        assert_ne!(first.i420().as_ptr(), second.i420().as_ptr());
        let address = first.i420().as_ptr();
        assert!(first.i420().iter().all(|&pixel| pixel == 1));
        drop(first);
        assert_eq!(make(3).i420().as_ptr(), address);
        assert!(second.i420().iter().all(|&pixel| pixel == 2));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "test: any moment will do")]
    fn impossible_sizes_are_refused() {
        let mut pool = FramePool::new();
        for (width, height) in [(0, 0), (3, 2), (2, 0)] {
            let made = pool.make(
                Resolution::new(width, height),
                CaptureTime(Instant::now()),
                |_| {},
            );
            assert!(made.is_err(), "{width}x{height}");
        }
    }
}
