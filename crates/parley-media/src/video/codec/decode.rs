//! One OpenH264 decoder. It conceals nothing: a picture that cannot be decoded rightly is an error, never a smear.

use crate::time::CaptureTime;
use crate::video::VideoFrame;
use crate::video::pool::FramePool;
use openh264::OpenH264API;
use openh264::decoder::{DecodedYUV, Decoder, DecoderConfig};
use openh264::formats::YUVSource;
use parley_proto::Resolution;

/// The picture could not be decoded; nothing can until the next key frame.
#[derive(Debug, thiserror::Error)]
#[error("OpenH264 cannot decode: {0}")]
pub struct DecodeError(#[from] openh264::Error);

/// A decoder and the buffers of its pictures.
pub struct H264Decoder {
    decoder: Decoder,
    pool: FramePool,
}

impl std::fmt::Debug for H264Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("H264Decoder").finish_non_exhaustive()
    }
}

impl H264Decoder {
    /// A decoder that waits for a key frame.
    ///
    /// # Errors
    /// When the library cannot make one.
    pub fn new() -> Result<Self, DecodeError> {
        Ok(Self {
            decoder: Decoder::with_api_config(OpenH264API::from_source(), DecoderConfig::new())?,
            pool: FramePool::new(),
        })
    }

    /// Decodes one access unit. `now` becomes the picture's time. There is no picture when the unit had none (parameter
    /// sets alone), and one side less by a pixel when the sender's was odd.
    ///
    /// # Errors
    /// When the unit is broken or refers to a picture that never came.
    pub fn decode(
        &mut self,
        access_unit: &[u8],
        now: CaptureTime,
    ) -> Result<Option<VideoFrame>, DecodeError> {
        let Self { decoder, pool } = self;
        Ok(decoder
            .decode(access_unit)?
            .and_then(|decoded| copy(pool, &decoded, now)))
    }
}

/// The one copy on the way: the decoder's own buffers are overwritten by its next picture.
fn copy(pool: &mut FramePool, decoded: &DecodedYUV<'_>, now: CaptureTime) -> Option<VideoFrame> {
    let (width, height) = decoded.dimensions();
    let (width, height) = (width & !1, height & !1);
    let resolution = Resolution::new(u32::try_from(width).ok()?, u32::try_from(height).ok()?);
    let strides = decoded.strides();
    pool.make(resolution, now, |planes| {
        copy_plane(decoded.y(), strides.0, planes.y, width);
        copy_plane(decoded.u(), strides.1, planes.u, width / 2);
        copy_plane(decoded.v(), strides.2, planes.v, width / 2);
    })
    .ok()
}

fn copy_plane(from: &[u8], stride: usize, to: &mut [u8], width: usize) {
    for (from, to) in from.chunks(stride.max(1)).zip(to.chunks_exact_mut(width)) {
        if let Some(from) = from.get(..width) {
            to.copy_from_slice(from);
        }
    }
}
