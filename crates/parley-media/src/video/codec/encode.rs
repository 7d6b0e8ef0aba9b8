//! One OpenH264 encoder: constrained baseline, real-time, one thread, one slice a picture.
//!
//! Bitrate and frame rate change while it runs; another picture size, or another number of layers of time, makes it begin anew with a
//! key frame. It never drops a picture by itself: what to skip is decided before it (see `encoder`).

use super::options;
use crate::time::CaptureTime;
use crate::video::VideoFrame;
use crate::video::h264::is_discardable;
use bytes::Bytes;
use openh264::encoder::{
    BitRate, Complexity, EncodedBitStream, Encoder, EncoderConfig, FrameRate as EncoderFrameRate, FrameType,
    IntraFramePeriod, Layer, Level, Profile, RateControlMode, SpsPpsStrategy, UsageType,
};
use openh264::formats::YUVSource;
use openh264::{OpenH264API, Timestamp};
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

/// In how many layers of time pictures come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TemporalLayers {
    /// Each picture refers to the one before it: the fewest bits.
    #[default]
    One,
    /// Every other picture is referred to by none, so that whoever forwards them can halve their rate for one receiver and not
    /// for another. What it costs is in docs/benchmarks.md.
    Two,
}

impl TemporalLayers {
    const fn count(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
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
    /// Whether it is of the upper of two layers: no other picture refers to it.
    pub discardable: bool,
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
    layers: TemporalLayers,
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
        options::silence(&mut encoder)?;
        Ok(Self {
            encoder,
            settings,
            content,
            layers: TemporalLayers::One,
            running: None,
            epoch: None,
        })
    }

    /// One like this that has not seen a picture yet.
    ///
    /// # Errors
    /// When the library cannot make one.
    pub fn afresh(&self) -> Result<Self, EncodeError> {
        self.anew(self.settings, self.layers)
    }

    fn anew(&self, settings: EncoderSettings, layers: TemporalLayers) -> Result<Self, EncodeError> {
        let anew = Self::with_content(settings, self.content)?;
        Ok(Self { layers, ..anew })
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
                options::set_frame_rate(&mut self.encoder, settings.frame_rate)?;
            }
            if settings.bitrate != self.settings.bitrate {
                options::set_bitrate(&mut self.encoder, settings.bitrate)?;
            }
            self.settings = settings;
        } else {
            *self = self.anew(settings, self.layers)?;
        }
        Ok(())
    }

    /// Pictures come in so many layers from the next one on, which is a key frame where that changes something. For pictures that
    /// the library's rate control is for, so not for [`Content::Text`].
    ///
    /// # Errors
    /// When the library cannot make another encoder.
    pub fn set_layers(&mut self, layers: TemporalLayers) -> Result<(), EncodeError> {
        if layers != self.layers {
            *self = self.anew(self.settings, layers)?;
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
        if self.running.is_none() && self.layers != TemporalLayers::One {
            // An encoder can be told only after its first picture, which nobody is to see.
            self.encode_next(frame, true)?;
            options::set_layers(&mut self.encoder, self.layers.count())?;
        }
        self.encode_next(frame, key_frame)
    }

    /// The next picture, of the size that all have.
    fn encode_next(&mut self, frame: &VideoFrame, key_frame: bool) -> Result<Encoded, EncodeError> {
        let resolution = frame.resolution();
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
        let upper = layer_of(&stream) > 0;
        if self.running.replace(resolution).is_none() && self.content != Content::Text {
            // The bitrate can be raised later only up to a maximum, which is the first bitrate unless set.
            options::set_bitrate_max(&mut self.encoder, Bitrate::from_bps(*BITRATE_BPS.end()))?;
        }
        Ok(Encoded {
            discardable: upper && is_discardable(&data),
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
            options::set_qp(&mut self.encoder, qp)?;
            return self.encode(frame, key_frame);
        }
        // An encoder can be told only after its first picture, which nobody is to see: it is as fine as the library likes.
        self.encode(frame, true)?;
        options::set_qp(&mut self.encoder, qp)?;
        self.encode(frame, true)
    }
}

/// The layer of time that the library says a picture is of; 0 is the lowest.
fn layer_of(stream: &EncodedBitStream<'_>) -> u8 {
    let layers = (0..stream.num_layers()).filter_map(|at| stream.layer(at));
    layers
        .filter(Layer::is_video)
        .map(|layer| layer.raw_info().uiTemporalId)
        .max()
        .unwrap_or(0)
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
