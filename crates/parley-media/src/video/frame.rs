//! A raw picture: I420, tightly packed, shared and never copied on its way.

use crate::time::CaptureTime;
use parley_proto::Resolution;
use std::sync::Arc;

/// A raw picture in I420 (BT.601, limited range): `width * height` luma bytes, then two planes of a quarter of that.
/// Sides are even. Cloning shares the pixels.
#[derive(Debug, Clone)]
pub struct VideoFrame {
    pixels: Arc<[u8]>,
    resolution: Resolution,
    /// When it left the camera (or the moment it was drawn, for made pictures). For received pictures: when it was decoded.
    pub captured: CaptureTime,
}

/// The longest side of a picture, in pixels.
pub const SIDE_MAX: u32 = 8192;

/// Bytes that are no picture of the stated size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes are no I420 picture of {resolution}")]
pub struct FrameSizeError {
    /// The size it should have.
    pub resolution: Resolution,
    /// The bytes there are.
    pub bytes: usize,
}

impl VideoFrame {
    /// How many bytes a picture of this size has.
    #[must_use]
    pub const fn byte_len(resolution: Resolution) -> usize {
        let pixels = resolution.width as usize * resolution.height as usize;
        pixels + pixels / 2
    }

    /// Whether a picture can have this size.
    ///
    /// # Errors
    /// When a side is odd or zero, or larger than [`SIDE_MAX`].
    pub const fn check_size(resolution: Resolution) -> Result<(), FrameSizeError> {
        let Resolution { width, height } = resolution;
        let even = width % 2 == 0 && height % 2 == 0;
        if even && width > 0 && height > 0 && width <= SIDE_MAX && height <= SIDE_MAX {
            Ok(())
        } else {
            Err(FrameSizeError { resolution, bytes: 0 })
        }
    }

    /// Wraps I420 bytes.
    ///
    /// # Errors
    /// When the size is impossible, or the length does not fit it.
    pub fn from_i420(
        resolution: Resolution,
        pixels: Arc<[u8]>,
        captured: CaptureTime,
    ) -> Result<Self, FrameSizeError> {
        if Self::check_size(resolution).is_err() || pixels.len() != Self::byte_len(resolution) {
            return Err(FrameSizeError {
                resolution,
                bytes: pixels.len(),
            });
        }
        Ok(Self {
            pixels,
            resolution,
            captured,
        })
    }

    /// The same picture, taken again at another moment.
    #[must_use]
    pub fn at(self, captured: CaptureTime) -> Self {
        Self { captured, ..self }
    }

    /// Its size.
    #[must_use]
    pub const fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// All bytes: Y, U, V.
    #[must_use]
    pub fn i420(&self) -> &[u8] {
        &self.pixels
    }

    /// The luma plane, stride = width.
    #[must_use]
    pub fn y(&self) -> &[u8] {
        &self.pixels[..self.luma_len()]
    }

    /// The first chroma plane, stride = width / 2.
    #[must_use]
    pub fn u(&self) -> &[u8] {
        let luma = self.luma_len();
        &self.pixels[luma..luma + luma / 4]
    }

    /// The second chroma plane, stride = width / 2.
    #[must_use]
    pub fn v(&self) -> &[u8] {
        let luma = self.luma_len();
        &self.pixels[luma + luma / 4..]
    }

    const fn luma_len(&self) -> usize {
        self.resolution.width as usize * self.resolution.height as usize
    }
}
