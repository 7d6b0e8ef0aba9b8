//! What an encoder that runs can be told. All that is not safe about encoding is here.
//!
//! Which wish is worth what is the caller's: see `encode`. Each of these but [`silence`] wants an encoder that was initialised, which its
//! first picture does; before that the library refuses.
#![allow(
    unsafe_code,
    reason = "the library has no safe way to change anything of a running encoder"
)]

use super::EncodeError;
use openh264::encoder::Encoder;
use openh264_sys2::{
    ENCODER_OPTION, ENCODER_OPTION_BITRATE, ENCODER_OPTION_FRAME_RATE, ENCODER_OPTION_MAX_BITRATE,
    ENCODER_OPTION_SVC_ENCODE_PARAM_EXT, ENCODER_OPTION_TRACE_LEVEL, LAYER_NUM, SBitrateInfo, SEncParamExt,
    SPATIAL_LAYER_0, SPATIAL_LAYER_ALL, WELS_LOG_QUIET,
};
use parley_proto::{Bitrate, FrameRate};
use std::ffi::c_int;

/// The library would otherwise write its remarks on our settings to standard error while it initialises.
pub(super) fn silence(encoder: &mut Encoder) -> Result<(), EncodeError> {
    let mut level = WELS_LOG_QUIET;
    // SAFETY: the option reads one `int`, which lives past the call, and may be set before the encoder is initialised.
    let code = unsafe {
        encoder
            .raw_api()
            .set_option(ENCODER_OPTION_TRACE_LEVEL, (&raw mut level).cast())
    };
    accepted(code, "trace level")
}

/// Bits per second to come out from the next picture on.
pub(super) fn set_bitrate(encoder: &mut Encoder, bitrate: Bitrate) -> Result<(), EncodeError> {
    tell_bitrate(encoder, ENCODER_OPTION_BITRATE, SPATIAL_LAYER_ALL, bitrate)
}

/// The most that [`set_bitrate`] may ask for later.
pub(super) fn set_bitrate_max(encoder: &mut Encoder, bitrate: Bitrate) -> Result<(), EncodeError> {
    tell_bitrate(encoder, ENCODER_OPTION_MAX_BITRATE, SPATIAL_LAYER_0, bitrate)
}

fn tell_bitrate(
    encoder: &mut Encoder,
    option: ENCODER_OPTION,
    layer: LAYER_NUM,
    bitrate: Bitrate,
) -> Result<(), EncodeError> {
    let mut wish = SBitrateInfo {
        iLayer: layer,
        iBitrate: i32::try_from(bitrate.bps()).unwrap_or(i32::MAX),
    };
    // SAFETY: both bitrate options read and write one `SBitrateInfo`, which lives past the call; the encoder was initialised by its
    // first picture (callers check).
    let code = unsafe { encoder.raw_api().set_option(option, (&raw mut wish).cast()) };
    accepted(code, "bitrate")
}

/// Pictures per second to count with.
pub(super) fn set_frame_rate(encoder: &mut Encoder, frame_rate: FrameRate) -> Result<(), EncodeError> {
    let mut wish = frame_rate.get() as f32;
    // SAFETY: the option reads one `float`, which lives past the call; the encoder was initialised by its first picture (callers
    // check).
    let code = unsafe {
        encoder
            .raw_api()
            .set_option(ENCODER_OPTION_FRAME_RATE, (&raw mut wish).cast())
    };
    accepted(code, "frame rate")
}

/// The quantiser, where the library controls no rate.
pub(super) fn set_qp(encoder: &mut Encoder, qp: u8) -> Result<(), EncodeError> {
    adjust(encoder, "quantiser", |parameters| {
        for layer in &mut parameters.sSpatialLayers {
            layer.iDLayerQp = qp.into();
        }
    })
}

/// More layers of time than the one that an encoder begins with: it begins anew, and the next picture is a key frame.
pub(super) fn set_layers(encoder: &mut Encoder, count: u8) -> Result<(), EncodeError> {
    adjust(encoder, "layers", |parameters| {
        parameters.iTemporalLayerNum = count.into();
    })
}

fn adjust(
    encoder: &mut Encoder,
    what: &str,
    change: impl FnOnce(&mut SEncParamExt),
) -> Result<(), EncodeError> {
    // SAFETY: plain numbers, for which all zeroes is a value.
    let mut parameters: SEncParamExt = unsafe { std::mem::zeroed() };
    let option = ENCODER_OPTION_SVC_ENCODE_PARAM_EXT;
    // SAFETY: the option writes one `SEncParamExt`, which lives past the call; the encoder was initialised by its first picture
    // (callers check).
    let code = unsafe { encoder.raw_api().get_option(option, (&raw mut parameters).cast()) };
    accepted(code, "a look at the parameters")?;
    change(&mut parameters);
    // SAFETY: the option reads one `SEncParamExt`, which lives past the call. It holds what the library just gave, but for a quantiser,
    // which is only a number, or for more layers than one, for which the library begins anew with memory for them.
    let code = unsafe { encoder.raw_api().set_option(option, (&raw mut parameters).cast()) };
    accepted(code, what)
}

fn accepted(code: c_int, what: &str) -> Result<(), EncodeError> {
    if code == 0 {
        Ok(())
    } else {
        Err(openh264::Error::msg_string(format!("{what} refused with code {code}")).into())
    }
}
