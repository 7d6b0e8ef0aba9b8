//! What a person wishes of their camera.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What the camera is asked for; one that cannot gives what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct CameraSettings {
    /// The size.
    pub resolution: CameraResolution,
    /// Pictures a second: 15 or 30.
    pub frame_rate: u32,
}

/// Sizes that cameras have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CameraResolution {
    /// 640 by 360: for slow computers and slow networks.
    P360,
    /// 1280 by 720.
    #[default]
    P720,
    /// 1920 by 1080: sent where the network carries it.
    P1080,
}

impl CameraSettings {
    /// The frame rates there are to choose from.
    pub const FRAME_RATES: [u32; 2] = [15, 30];
}

impl Default for CameraSettings {
    fn default() -> Self {
        Self {
            resolution: CameraResolution::default(),
            frame_rate: 30,
        }
    }
}
