//! From what display servers and `xcap` give (four bytes a pixel) to I420, and the pointer drawn over it. Pure.

use crate::time::CaptureTime;
use crate::video::VideoFrame;
use crate::video::frame::FrameSizeError;
use crate::video::pool::FramePool;
use parley_proto::Resolution;
use yuv::{BufferStoreMut, YuvConversionMode, YuvPlanarImageMut, YuvRange, YuvStandardMatrix};

/// Bytes of one pixel.
pub(super) const PIXEL_BYTES: usize = 4;

/// The mouse pointer, in the order of the picture that it is drawn on, the colours already multiplied by alpha.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pointer {
    pub(super) width: usize,
    pub(super) height: usize,
    /// The pixel that points.
    pub(super) hot: (i32, i32),
    /// `0xAARRGGBB` for BGRX, `0xAABBGGRR` for RGBA, row by row.
    pub(super) pixels: Vec<u32>,
}

/// Draws `pointer` with its hot spot at `at` into a picture of `size`; what lies outside is cut off.
pub(super) fn blend(picture: &mut [u8], size: Resolution, pointer: &Pointer, at: (i32, i32)) {
    let (left, top) = (at.0 - pointer.hot.0, at.1 - pointer.hot.1);
    let stride = size.width as usize * PIXEL_BYTES;
    if pointer.width == 0 {
        return;
    }
    for (row, pixels) in pointer.pixels.chunks_exact(pointer.width).enumerate() {
        let y = top + row as i32;
        if !(0..size.height as i32).contains(&y) {
            continue;
        }
        for (column, over) in pixels.iter().enumerate() {
            let x = left + column as i32;
            if !(0..size.width as i32).contains(&x) {
                continue;
            }
            let start = y as usize * stride + x as usize * PIXEL_BYTES;
            if let Some(under) = picture.get_mut(start..start + 3) {
                blend_pixel(under, *over);
            }
        }
    }
}

/// Source over destination (Porter and Duff, 1984), the source premultiplied.
fn blend_pixel(under: &mut [u8], over: u32) {
    let [first, second, third, alpha] = over.to_le_bytes();
    let rest = 255 - u32::from(alpha);
    for (under, over) in under.iter_mut().zip([first, second, third]) {
        let kept = (u32::from(*under) * rest + 127) / 255;
        *under = (kept + u32::from(over)).min(255) as u8;
    }
}

/// Makes an I420 picture of BGRX. `pixels` are tight, `width * height * 4` bytes at least.
#[cfg(any(test, target_os = "linux"))]
pub(super) fn to_i420(
    pool: &mut FramePool,
    pixels: &[u8],
    size: Resolution,
    captured: CaptureTime,
) -> Result<VideoFrame, FrameSizeError> {
    tight(pixels, size, Order::BlueFirst).to_i420(pool, captured)
}

/// The same of RGBA.
#[cfg(any(windows, target_os = "macos"))]
pub(super) fn rgba_to_i420(
    pool: &mut FramePool,
    pixels: &[u8],
    size: Resolution,
    captured: CaptureTime,
) -> Result<VideoFrame, FrameSizeError> {
    tight(pixels, size, Order::RedFirst).to_i420(pool, captured)
}

const fn tight(bytes: &[u8], size: Resolution, order: Order) -> Rows<'_> {
    Rows {
        bytes,
        stride: size.width as usize * PIXEL_BYTES,
        size,
        order,
    }
}

/// Which colour comes first; the fourth byte is never read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// BGRX, BGRA. `xcap`, which stands for the other systems, gives none.
    #[cfg(any(test, target_os = "linux"))]
    BlueFirst,
    /// RGBX, RGBA.
    RedFirst,
}

/// Pixels as they lie in somebody's memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    /// From the first pixel on.
    pub(super) bytes: &'a [u8],
    /// Bytes from one row to the next.
    pub(super) stride: usize,
    pub(super) size: Resolution,
    pub(super) order: Order,
}

impl Rows<'_> {
    /// Makes an I420 picture.
    pub(super) fn to_i420(
        self,
        pool: &mut FramePool,
        captured: CaptureTime,
    ) -> Result<VideoFrame, FrameSizeError> {
        let even = even(self.size);
        let wrong = FrameSizeError {
            resolution: self.size,
            bytes: self.bytes.len(),
        };
        let row = self.size.width as usize * PIXEL_BYTES;
        let rows = even.height as usize;
        let (true, Ok(stride)) = (row <= self.stride, u32::try_from(self.stride)) else {
            return Err(wrong);
        };
        // The conversion leaves a last row out that is not as long as the others.
        let tight;
        let (pixels, stride) = if let Some(pixels) = self.bytes.get(..self.stride * rows) {
            (pixels, stride)
        } else {
            let row_at = |number: usize| self.bytes.get(number * self.stride..number * self.stride + row);
            tight = (0..rows)
                .map(row_at)
                .collect::<Option<Vec<_>>>()
                .ok_or(wrong)?
                .concat();
            (tight.as_slice(), row as u32)
        };
        let convert = match self.order {
            #[cfg(any(test, target_os = "linux"))]
            Order::BlueFirst => yuv::bgra_to_yuv420,
            Order::RedFirst => yuv::rgba_to_yuv420,
        };
        let mut converted = Ok(());
        let frame = pool.make(even, captured, |planes| {
            let mut image = YuvPlanarImageMut {
                y_plane: BufferStoreMut::Borrowed(planes.y),
                y_stride: even.width,
                u_plane: BufferStoreMut::Borrowed(planes.u),
                u_stride: even.width / 2,
                v_plane: BufferStoreMut::Borrowed(planes.v),
                v_stride: even.width / 2,
                width: even.width,
                height: even.height,
            };
            converted = convert(
                &mut image,
                pixels,
                stride,
                YuvRange::Limited,
                YuvStandardMatrix::Bt601,
                YuvConversionMode::Balanced,
            );
        })?;
        converted.map_err(|_| wrong)?;
        Ok(frame)
    }
}

/// The size without a last odd row or column, which I420 cannot have.
pub(super) const fn even(size: Resolution) -> Resolution {
    Resolution::new(size.width & !1, size.height & !1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    const WHITE: u32 = 0xffff_ffff;
    const HALF_BLACK: u32 = 0x8000_0000;

    fn pointer(pixels: &[u32], width: usize, hot: (i32, i32)) -> Pointer {
        Pointer {
            width,
            height: pixels.len() / width,
            hot,
            pixels: pixels.to_vec(),
        }
    }

    /// The blue of every pixel of a grey 4x2 picture with the pointer drawn at a place.
    fn drawn(pointer: &Pointer, at: (i32, i32)) -> Vec<u8> {
        let mut picture = vec![100u8; 4 * 2 * PIXEL_BYTES];
        blend(&mut picture, Resolution::new(4, 2), pointer, at);
        picture.chunks_exact(PIXEL_BYTES).map(|pixel| pixel[0]).collect()
    }

    #[test]
    fn the_pointer_is_drawn_by_its_hot_spot_and_cut_at_the_edges() {
        let two = pointer(&[WHITE, HALF_BLACK], 2, (1, 0));
        assert_eq!(drawn(&two, (2, 1)), [100, 100, 100, 100, 100, 255, 50, 100]);
        assert_eq!(drawn(&two, (0, 0)), [50, 100, 100, 100, 100, 100, 100, 100]);
        assert_eq!(drawn(&two, (4, 0)), [100, 100, 100, 255, 100, 100, 100, 100]);
        assert_eq!(drawn(&two, (1, -1)), [100; 8]);
        assert_eq!(drawn(&two, (i32::MAX / 2, 5)), [100; 8]);
        assert_eq!(drawn(&Pointer::default(), (1, 1)), [100; 8]);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "test: any moment will do")]
    fn colours_become_limited_range_and_an_odd_edge_falls_away() {
        let mut pool = FramePool::new();
        let now = CaptureTime(Instant::now());
        let mut make = |pixel: [u8; 4], width: u32, height: u32| {
            let bytes = pixel.repeat((width * height) as usize);
            to_i420(&mut pool, &bytes, Resolution::new(width, height), now)
        };
        let white = make([255, 255, 255, 0], 5, 3).unwrap();
        assert_eq!(white.resolution(), Resolution::new(4, 2));
        assert!(white.y().iter().all(|luma| luma.abs_diff(235) <= 1));
        let red = make([0, 0, 255, 0], 4, 4).unwrap();
        assert!(red.v().iter().all(|chroma| *chroma > 200));
        assert!(make([0; 4], 1, 1).is_err(), "nothing is left of it");
        assert!(to_i420(&mut FramePool::new(), &[0; 15], Resolution::new(2, 2), now).is_err());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "test: any moment will do")]
    fn rows_may_be_longer_than_the_picture_and_begin_with_red() {
        let mut pool = FramePool::new();
        let now = CaptureTime(Instant::now());
        // Two pixels of red and one of another picture beside it, the last row cut off after its own.
        let row = [[255, 0, 0, 9], [255, 0, 0, 9], [0, 255, 0, 9]].concat();
        let bytes = [row.as_slice(), &row[..8]].concat();
        let rows = |stride, order| Rows {
            bytes: &bytes,
            stride,
            size: Resolution::new(2, 2),
            order,
        };
        let red = rows(12, Order::RedFirst).to_i420(&mut pool, now).unwrap();
        assert!(red.v().iter().all(|chroma| *chroma > 200), "{:?}", red.v());
        let blue = rows(12, Order::BlueFirst).to_i420(&mut pool, now).unwrap();
        assert!(blue.u().iter().all(|chroma| *chroma > 200), "{:?}", blue.u());
        for impossible in [0, 4, 16, usize::MAX / 2] {
            let made = rows(impossible, Order::RedFirst).to_i420(&mut pool, now);
            assert!(made.is_err(), "{impossible}");
        }
    }
}
