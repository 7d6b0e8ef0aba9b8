//! One OpenH264 encoder: constrained baseline, real-time, one thread, one slice a picture.
//!
//! Bitrate and frame rate change while it runs; another picture size makes it begin anew with a key frame. It never drops a
//! picture by itself: what to skip is decided before it (see `encoder`).
#![allow(
    unsafe_code,
    reason = "the library has no safe way to change bitrate and frame rate of a running encoder"
)]

use crate::time::CaptureTime;
use crate::video::VideoFrame;
use bytes::Bytes;
use openh264::encoder::{
    BitRate, Complexity, Encoder, EncoderConfig, FrameRate as EncoderFrameRate, FrameType, IntraFramePeriod,
    Level, Profile, RateControlMode, SpsPpsStrategy, UsageType,
};
use openh264::formats::YUVSource;
use openh264::{OpenH264API, Timestamp};
use openh264_sys2::{
    ENCODER_OPTION, ENCODER_OPTION_BITRATE, ENCODER_OPTION_FRAME_RATE, ENCODER_OPTION_MAX_BITRATE,
    ENCODER_OPTION_SVC_ENCODE_PARAM_EXT, ENCODER_OPTION_TRACE_LEVEL, LAYER_NUM, SBitrateInfo, SEncParamExt,
    SPATIAL_LAYER_0, SPATIAL_LAYER_ALL, WELS_LOG_QUIET,
};
use parley_proto::{Bitrate, FrameRate, Resolution};

/// The bitrates worked with; a wish outside is moved to the nearer end. The upper end is what level 3.1 allows.
const BITRATE_BPS: std::ops::RangeInclusive<u64> = 30_000..=12_000_000;

/// What the pictures show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Content {
    /// Somebody before a camera, or anything that moves.
    #[default]
    Camera,
    /// A screen with text: sharp edges, flat areas, large parts that stand still.
    Text,
    /// A screen on which something moves all the time: a film, a game.
    Motion,
}

impl Content {
    /// Whether pictures come only when something changed.
    #[must_use]
    pub const fn stands_still(self) -> bool {
        matches!(self, Self::Text | Self::Motion)
    }
}

/// What an encoder aims at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderSettings {
    /// Bits per second to come out.
    pub bitrate: Bitrate,
    /// Pictures per second that go in; the bits of a second are shared among them.
    pub frame_rate: FrameRate,
}

/// One encoded picture.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// Annex B bytes.
    pub data: Bytes,
    /// Whether a decoder can start here.
    pub key_frame: bool,
}

/// The encoder failed. It should be made anew.
#[derive(Debug, thiserror::Error)]
#[error("OpenH264 cannot encode: {0}")]
pub struct EncodeError(#[from] openh264::Error);

/// An encoder for pictures of any size; the first one, and the first one of another size, gives a key frame.
pub struct H264Encoder {
    encoder: Encoder,
    settings: EncoderSettings,
    content: Content,
    /// The size it runs at; none before the first picture.
    running: Option<Resolution>,
    epoch: Option<CaptureTime>,
}

impl std::fmt::Debug for H264Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("H264Encoder")
            .field("settings", &self.settings)
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}

impl H264Encoder {
    /// An encoder that has not seen a picture yet.
    ///
    /// # Errors
    /// When the library cannot make one.
    pub fn new(settings: EncoderSettings) -> Result<Self, EncodeError> {
        Self::with_content(settings, Content::Camera)
    }

    /// The same, for pictures of some kind.
    ///
    /// # Errors
    /// When the library cannot make one.
    pub fn with_content(settings: EncoderSettings, content: Content) -> Result<Self, EncodeError> {
        let settings = within_range(settings);
        let mut encoder = Encoder::with_api_config(OpenH264API::from_source(), config(settings, content))?;
        silence(&mut encoder)?;
        Ok(Self {
            encoder,
            settings,
            content,
            running: None,
            epoch: None,
        })
    }

    /// One like this that has not seen a picture yet.
    ///
    /// # Errors
    /// When the library cannot make one.
    pub fn afresh(&self) -> Result<Self, EncodeError> {
        Self::with_content(self.settings, self.content)
    }

    /// What it aims at.
    #[must_use]
    pub const fn settings(&self) -> EncoderSettings {
        self.settings
    }

    /// Aims at something else from the next picture on, without a key frame.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn set(&mut self, settings: EncoderSettings) -> Result<(), EncodeError> {
        let settings = within_range(settings);
        if self.content == Content::Text {
            // Whoever shows text says how fine each picture is.
            self.settings = settings;
        } else if self.running.is_some() {
            if settings.frame_rate != self.settings.frame_rate {
                self.set_frame_rate(settings.frame_rate)?;
            }
            if settings.bitrate != self.settings.bitrate {
                self.set_bitrate(ENCODER_OPTION_BITRATE, SPATIAL_LAYER_ALL, settings.bitrate.bps())?;
            }
            self.settings = settings;
        } else {
            *self = Self::with_content(settings, self.content)?;
        }
        Ok(())
    }

    /// Encodes one picture, as a key frame if wanted.
    ///
    /// # Errors
    /// When the library fails; a key frame is needed afterwards, from a new encoder.
    pub fn encode(&mut self, frame: &VideoFrame, key_frame: bool) -> Result<Encoded, EncodeError> {
        let resolution = frame.resolution();
        if self.running.is_some_and(|running| running != resolution) {
            *self = self.afresh()?;
        }
        if key_frame && self.running.is_some() {
            self.encoder.force_intra_frame();
        }
        let epoch = *self.epoch.get_or_insert(frame.captured);
        let since = frame.captured.0.saturating_duration_since(epoch.0);
        let timestamp = Timestamp::from_millis(since.as_millis() as u64);
        let stream = self.encoder.encode_at(&Planes(frame), timestamp)?;
        let mut data = Vec::with_capacity(16 << 10);
        stream.write_vec(&mut data);
        let key_frame = matches!(stream.frame_type(), FrameType::IDR);
        if self.running.replace(resolution).is_none() && self.content != Content::Text {
            // The bitrate can be raised later only up to a maximum, which is the first bitrate unless set.
            self.set_bitrate(ENCODER_OPTION_MAX_BITRATE, SPATIAL_LAYER_0, *BITRATE_BPS.end())?;
        }
        Ok(Encoded {
            data: data.into(),
            key_frame,
        })
    }

    /// The same, as fine as `qp` says (0 to 51, 6 more is half as fine), whatever comes out. For [`Content::Text`], for which the
    /// library controls nothing.
    ///
    /// # Errors
    /// When the library fails; a key frame is needed afterwards, from a new encoder.
    pub fn encode_at(&mut self, frame: &VideoFrame, key_frame: bool, qp: u8) -> Result<Encoded, EncodeError> {
        let resolution = frame.resolution();
        if self.running == Some(resolution) {
            self.set_qp(qp)?;
            return self.encode(frame, key_frame);
        }
        // An encoder can be told only after its first picture, which nobody is to see: it is as fine as the library likes.
        self.encode(frame, true)?;
        self.set_qp(qp)?;
        self.encode(frame, true)
    }

    fn set_qp(&mut self, qp: u8) -> Result<(), EncodeError> {
        // SAFETY: plain numbers, for which all zeroes is a value.
        let mut parameters: SEncParamExt = unsafe { std::mem::zeroed() };
        let option = ENCODER_OPTION_SVC_ENCODE_PARAM_EXT;
        // SAFETY: the option writes one `SEncParamExt`, which lives past the call; the encoder was initialised by its first
        // picture (the caller checks `running`).
        let code = unsafe {
            self.encoder
                .raw_api()
                .get_option(option, (&raw mut parameters).cast())
        };
        accepted(code, "a look at the parameters")?;
        for layer in &mut parameters.sSpatialLayers {
            layer.iDLayerQp = qp.into();
        }
        // SAFETY: the option reads one `SEncParamExt`, which lives past the call. Nothing in it changed that makes the library
        // begin anew.
        let code = unsafe {
            self.encoder
                .raw_api()
                .set_option(option, (&raw mut parameters).cast())
        };
        accepted(code, "quantiser")
    }

    fn set_bitrate(&mut self, option: ENCODER_OPTION, layer: LAYER_NUM, bps: u64) -> Result<(), EncodeError> {
        let mut wish = SBitrateInfo {
            iLayer: layer,
            iBitrate: i32::try_from(bps).unwrap_or(i32::MAX),
        };
        // SAFETY: both bitrate options read and write one `SBitrateInfo`, which lives past the call; the encoder was
        // initialised by its first picture (callers check `running`).
        let code = unsafe { self.encoder.raw_api().set_option(option, (&raw mut wish).cast()) };
        accepted(code, "bitrate")
    }

    fn set_frame_rate(&mut self, frame_rate: FrameRate) -> Result<(), EncodeError> {
        let mut wish = frame_rate.get() as f32;
        // SAFETY: the option reads one `float`, which lives past the call; the encoder was initialised by its first
        // picture (callers check `running`).
        let code = unsafe {
            self.encoder
                .raw_api()
                .set_option(ENCODER_OPTION_FRAME_RATE, (&raw mut wish).cast())
        };
        accepted(code, "frame rate")
    }
}

/// The library would otherwise write its remarks on our settings to standard error while it initialises.
fn silence(encoder: &mut Encoder) -> Result<(), EncodeError> {
    let mut level = WELS_LOG_QUIET;
    // SAFETY: the option reads one `int`, which lives past the call, and may be set before the encoder is initialised.
    let code = unsafe {
        encoder
            .raw_api()
            .set_option(ENCODER_OPTION_TRACE_LEVEL, (&raw mut level).cast())
    };
    accepted(code, "trace level")
}

fn accepted(code: std::ffi::c_int, what: &str) -> Result<(), EncodeError> {
    if code == 0 {
        Ok(())
    } else {
        Err(openh264::Error::msg_string(format!("{what} refused with code {code}")).into())
    }
}

fn within_range(settings: EncoderSettings) -> EncoderSettings {
    let bps = settings
        .bitrate
        .bps()
        .clamp(*BITRATE_BPS.start(), *BITRATE_BPS.end());
    EncoderSettings {
        bitrate: Bitrate::from_bps(bps),
        ..settings
    }
}

fn config(settings: EncoderSettings, content: Content) -> EncoderConfig {
    let config = EncoderConfig::new()
        .bitrate(BitRate::from_bps(settings.bitrate.bps() as u32))
        .max_frame_rate(EncoderFrameRate::from_hz(settings.frame_rate.get() as f32))
        .rate_control_mode(RateControlMode::Bitrate)
        .usage_type(UsageType::CameraVideoRealTime)
        .profile(Profile::Baseline)
        .level(Level::Level_3_1)
        .complexity(Complexity::Low)
        .sps_pps_strategy(SpsPpsStrategy::ConstantId)
        // Only when asked: a key frame costs as much as a second of pictures.
        .intra_frame_period(IntraFramePeriod::auto())
        .scene_change_detect(false)
        .skip_frames(false)
        .num_threads(1);
    match content {
        Content::Camera | Content::Motion => config,
        // The mode for screens finds what scrolled, which takes a tenth of the bits. What its rate control does is done better by
        // us (`text_rate`), for it never sharpens what stands.
        Content::Text => config
            .usage_type(UsageType::ScreenContentRealTime)
            .rate_control_mode(RateControlMode::Off)
            .scene_change_detect(true)
            .background_detection(false)
            .adaptive_quantization(false),
    }
}

/// A picture as the library wants to see it.
struct Planes<'a>(&'a VideoFrame);

impl YUVSource for Planes<'_> {
    fn dimensions(&self) -> (usize, usize) {
        let resolution = self.0.resolution();
        (resolution.width as usize, resolution.height as usize)
    }

    fn strides(&self) -> (usize, usize, usize) {
        let width = self.0.resolution().width as usize;
        (width, width / 2, width / 2)
    }

    fn y(&self) -> &[u8] {
        self.0.y()
    }

    fn u(&self) -> &[u8] {
        self.0.u()
    }

    fn v(&self) -> &[u8] {
        self.0.v()
    }
}
