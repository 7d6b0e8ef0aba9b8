//! What an encoder must produce now: decided by the call from the estimate, read by the encode thread before each frame.

use super::codec::TemporalLayers;
use parley_proto::{Bitrate, FrameRate, Resolution};

/// The wish of the call to one encoder, sent through a `tokio::sync::watch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderTargets {
    /// Bits per second to stay at.
    pub bitrate: Bitrate,
    /// At most this many pictures per second; more are skipped before encoding.
    pub frame_rate: FrameRate,
    /// At most this size; larger pictures are scaled down, in the same shape.
    pub resolution: Resolution,
    /// In how many layers of time a camera's pictures come. Screens have one always: their last picture must arrive.
    pub layers: TemporalLayers,
    /// Nothing is encoded while set (nobody watches, or there is no room for video).
    pub paused: bool,
}

impl Default for EncoderTargets {
    fn default() -> Self {
        Self {
            bitrate: Bitrate::from_kbps(1_500),
            frame_rate: FrameRate::new(30),
            resolution: Resolution::new(1280, 720),
            layers: TemporalLayers::One,
            paused: false,
        }
    }
}
