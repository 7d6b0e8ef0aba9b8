//! What cameras give (YUYV, NV12, MJPEG) to I420, once. Sans-IO: bytes in, a picture out.
//!
//! The bytes are the whole of the camera's buffer and may go on after the picture: with padding, or with the end of an older
//! JPEG. They come from a device and may be anything.

use crate::time::CaptureTime;
use crate::video::VideoFrame;
use crate::video::frame::FrameSizeError;
use crate::video::pool::{FramePool, Planes};
use nokhwa::utils::FrameFormat;
use parley_proto::Resolution;
use yuv::{
    BufferStoreMut, YuvConversionMode, YuvError, YuvPackedImage, YuvPlanarImageMut, YuvRange,
    YuvStandardMatrix, rgb_to_yuv420, yuyv422_to_yuv420,
};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The pixel formats that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum PixelFormat {
    /// Packed 4:2:2.
    Yuyv,
    /// 4:2:0 with interleaved chroma.
    Nv12,
    /// One JPEG a picture.
    Mjpeg,
}

impl PixelFormat {
    /// As the library has it; none for the formats that are not used.
    pub(super) const fn from_library(format: FrameFormat) -> Option<Self> {
        match format {
            FrameFormat::YUYV => Some(Self::Yuyv),
            FrameFormat::NV12 => Some(Self::Nv12),
            FrameFormat::MJPEG => Some(Self::Mjpeg),
            _ => None,
        }
    }

    /// As the library has it.
    pub(super) const fn to_library(self) -> FrameFormat {
        match self {
            Self::Yuyv => FrameFormat::YUYV,
            Self::Nv12 => FrameFormat::NV12,
            Self::Mjpeg => FrameFormat::MJPEG,
        }
    }

    /// How unwelcome it is, next to the same size in another: work, and for JPEG also damage to the picture.
    pub(super) const fn cost(self) -> f64 {
        match self {
            Self::Nv12 => 0.0,
            Self::Yuyv => 0.01,
            Self::Mjpeg => 0.1,
        }
    }
}

/// Bytes that are no picture.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConvertError {
    /// Fewer than a picture needs.
    #[error("the camera's picture ends too early")]
    Short,
    /// Not a JPEG, or a damaged one.
    #[error("damaged JPEG: {0}")]
    Jpeg(String),
    /// A size that no picture can have.
    #[error(transparent)]
    Size(#[from] FrameSizeError),
    /// The conversion library refused.
    #[error("cannot convert: {0}")]
    Library(#[from] YuvError),
}

/// Converts one camera's pictures, with buffers of its own.
#[derive(Debug, Default)]
pub(super) struct Converter {
    pool: FramePool,
    rgb: Vec<u8>,
}

impl Converter {
    /// One picture. A JPEG brings its own size; the others have `resolution`.
    pub(super) fn convert(
        &mut self,
        pixels: PixelFormat,
        resolution: Resolution,
        bytes: &[u8],
        captured: CaptureTime,
    ) -> Result<VideoFrame, ConvertError> {
        let luma = resolution.pixels() as usize;
        match pixels {
            PixelFormat::Yuyv => {
                let bytes = bytes.get(..luma * 2).ok_or(ConvertError::Short)?;
                self.make(resolution, captured, |planes| {
                    from_yuyv(bytes, resolution, planes)
                })
            }
            PixelFormat::Nv12 => {
                let bytes = bytes.get(..luma + luma / 2).ok_or(ConvertError::Short)?;
                self.make(resolution, captured, |planes| {
                    from_nv12(bytes, planes);
                    Ok(())
                })
            }
            PixelFormat::Mjpeg => {
                let mut rgb = std::mem::take(&mut self.rgb);
                let size = decode_jpeg(bytes, &mut rgb);
                let frame =
                    size.and_then(|size| self.make(size, captured, |planes| from_rgb(&rgb, size, planes)));
                self.rgb = rgb;
                frame
            }
        }
    }

    fn make(
        &mut self,
        resolution: Resolution,
        captured: CaptureTime,
        fill: impl FnOnce(Planes<'_>) -> Result<(), YuvError>,
    ) -> Result<VideoFrame, ConvertError> {
        let mut converted = Ok(());
        let frame = self
            .pool
            .make(resolution, captured, |planes| converted = fill(planes))?;
        converted?;
        Ok(frame)
    }
}

fn from_yuyv(bytes: &[u8], resolution: Resolution, planes: Planes<'_>) -> Result<(), YuvError> {
    let packed = YuvPackedImage {
        yuy: bytes,
        yuy_stride: resolution.width * 2,
        width: resolution.width,
        height: resolution.height,
    };
    yuyv422_to_yuv420(&mut planar(planes, resolution), &packed)
}

fn from_nv12(bytes: &[u8], planes: Planes<'_>) {
    let (luma, chroma) = bytes.split_at(planes.y.len());
    planes.y.copy_from_slice(luma);
    let pairs = chroma.chunks_exact(2);
    for ((pair, u), v) in pairs.zip(planes.u).zip(planes.v) {
        *u = pair[0];
        *v = pair[1];
    }
}

fn from_rgb(rgb: &[u8], resolution: Resolution, planes: Planes<'_>) -> Result<(), YuvError> {
    rgb_to_yuv420(
        &mut planar(planes, resolution),
        rgb,
        resolution.width * 3,
        YuvRange::Limited,
        YuvStandardMatrix::Bt601,
        YuvConversionMode::Balanced,
    )
}

fn planar(planes: Planes<'_>, resolution: Resolution) -> YuvPlanarImageMut<'_, u8> {
    let Planes { y, u, v } = planes;
    YuvPlanarImageMut {
        y_plane: BufferStoreMut::Borrowed(y),
        y_stride: resolution.width,
        u_plane: BufferStoreMut::Borrowed(u),
        u_stride: resolution.width / 2,
        v_plane: BufferStoreMut::Borrowed(v),
        v_stride: resolution.width / 2,
        width: resolution.width,
        height: resolution.height,
    }
}

/// Decodes into `rgb`, which grows as needed, and gives the size. A JPEG is in full range, as RGB is: going through it turns
/// the range along with the colours.
fn decode_jpeg(bytes: &[u8], rgb: &mut Vec<u8>) -> Result<Resolution, ConvertError> {
    let complete;
    let bytes = if lacks_tables(bytes) {
        complete = with_default_tables(bytes);
        &complete
    } else {
        bytes
    };
    let side_max = crate::video::frame::SIDE_MAX as usize;
    let options = DecoderOptions::new_fast()
        .set_max_width(side_max)
        .set_max_height(side_max)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let damaged = |error: &dyn std::fmt::Display| ConvertError::Jpeg(error.to_string());
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| damaged(&error))?;
    let about = decoder.info().ok_or(ConvertError::Short)?;
    let size = Resolution::new(u32::from(about.width), u32::from(about.height));
    VideoFrame::check_size(size)?;
    rgb.resize(size.pixels() as usize * 3, 0);
    decoder.decode_into(rgb).map_err(|error| damaged(&error))?;
    Ok(size)
}

/// Whether the Huffman tables are left out, as many cameras do: no DHT marker (`FF C4`) before the scan (`FF DA`).
fn lacks_tables(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[0xff, marker, high, low]) = bytes.get(at..at + 4) {
        match marker {
            0xc4 => return false,
            0xda => return true,
            _ => at += 2 + usize::from(u16::from_be_bytes([high, low])),
        }
    }
    false
}

/// With the segment that tells the decoder to use the tables every such camera means (those of AVI's MJPEG).
fn with_default_tables(bytes: &[u8]) -> Vec<u8> {
    let (start, rest) = bytes.split_at(bytes.len().min(2));
    [start, b"\xff\xe0\x00\x08AVI1\x00\x00", rest].concat()
}

#[cfg(test)]
mod tests;
