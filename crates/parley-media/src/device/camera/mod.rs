//! Cameras by `nokhwa`: listed, opened, watched, opened again.
//!
//! | part | what it does |
//! |---|---|
//! | [`identity`] | which cameras there are, under ids that outlive a replug |
//! | [`mode`] | which of a camera's formats to try, in which order |
//! | [`capture`] | the capture thread: owns the open camera, converts, publishes |
//! | [`raw`] | YUYV, NV12 and MJPEG to I420 |
//! | [`fault`] | why a camera gives no pictures |
//! | [`interrupt`] | wakes a capture thread that the camera keeps waiting |
//! | [`settle`] | makes a camera fit for the library |
//!
//! Here is the supervisor: the source's thread. It starts a capture thread, watches its pulse (a stalled camera blocks it for
//! ever), and starts another after a fault, with back-off, for as long as the source lives. It never touches the camera.
//!
//! While the chosen camera is away the first that there is stands in, and makes room once the chosen one is back. When cameras
//! come and go is told by [`CameraNodes`]; where it is not, the supervisor looks now and then.

mod capture;
mod fault;
mod identity;
mod interrupt;
mod mode;
mod raw;
mod settle;

use crate::device::changes::nodes::CameraNodes;
use crate::device::{Device, Replaced};
use crate::video::source::{SourceState, Stage};
use capture::{Capture, Report};
use fault::CameraFault;
use identity::Camera;
use parley_proto::{FrameRate, Resolution};
use std::time::{Duration, Instant};

/// How often the supervisor looks at the capture thread.
const TICK: Duration = Duration::from_millis(50);
/// A camera that gave pictures and then none for this long has stalled.
const STALL: Duration = Duration::from_secs(2);
/// The first picture may take longer: some cameras measure the light first.
const FIRST_PICTURE: Duration = Duration::from_secs(5);
/// The wait before the first new attempt, and the longest.
const RETRY: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(3);
/// A camera that is off and on again may for so long be held by this program's own last source, which is just letting it go.
const LETTING_GO_MAX: Duration = Duration::from_secs(1);
/// The longest while there is none: looking for one wakes nothing.
const SEEK_MAX: Duration = Duration::from_secs(1);
/// How often a camera that stands in looks for the chosen one where the system does not tell.
const LOOK_EVERY: Duration = Duration::from_millis(1_200);
/// Capture threads that did not end when told to (stuck inside the kernel) before no more are started.
const LOST_MAX: u32 = 4;

/// The cameras of this machine, the preferred one first. Opens each for a moment: call it off the async threads.
#[must_use]
pub fn list_cameras() -> Vec<Device> {
    let cameras = identity::cameras();
    let devices = cameras.into_iter().enumerate();
    devices
        .map(|(place, camera)| Device {
            id: camera.id,
            name: camera.name,
            is_default: place == 0,
        })
        .collect()
}

/// Which camera to open, and how.
#[derive(Debug, Clone)]
pub(crate) struct CameraWish {
    /// None for the first that there is.
    pub(crate) id: Option<String>,
    pub(crate) resolution: Resolution,
    pub(crate) frame_rate: FrameRate,
}

/// Takes pictures until told to stop.
pub(crate) fn run(stage: &Stage, wish: &CameraWish) {
    ask_permission();
    let mut supervisor = Supervisor {
        stage,
        wish,
        nodes: CameraNodes::watch(),
        last: None,
        modes_skipped: 0,
        lost: 0,
    };
    let mut retry = RETRY;
    let begun = now();
    while !stage.halt.is_ordered() {
        let outcome = supervisor.attempt();
        if stage.halt.is_ordered() {
            return;
        }
        if outcome.fault == CameraFault::Relieved {
            continue;
        }
        let longest = match outcome.fault {
            CameraFault::Missing | CameraFault::Unplugged => SEEK_MAX,
            _ => RETRY_MAX,
        };
        retry = if outcome.gave_pictures {
            RETRY
        } else {
            (retry * 2).min(longest)
        };
        tracing::info!(fault = %outcome.fault, retry_ms = retry.as_millis(), "camera gives no pictures");
        let may_be_ours = outcome.fault == CameraFault::Busy && now() < begun + LETTING_GO_MAX;
        if !may_be_ours {
            stage.tell(outcome.fault.source_state(), Some(outcome.fault.to_string()));
        }
        // Another may stand in at once for one that was pulled out.
        let at_once = outcome.gave_pictures && outcome.fault == CameraFault::Unplugged;
        if !at_once && supervisor.wait(retry) {
            retry = RETRY;
        }
    }
}

/// macOS shows no picture to a program before the person was asked. It asks once and remembers the answer.
#[cfg(target_os = "macos")]
fn ask_permission() {
    static ASKED: std::sync::Once = std::sync::Once::new();
    ASKED.call_once(|| nokhwa::nokhwa_initialize(|granted| tracing::info!(granted, "asked for the camera")));
}

/// Elsewhere opening asks, or is refused.
#[cfg(not(target_os = "macos"))]
const fn ask_permission() {}

/// How one attempt ended.
struct Outcome {
    fault: CameraFault,
    gave_pictures: bool,
}

impl Outcome {
    const fn at_once(fault: CameraFault) -> Self {
        Self {
            fault,
            gave_pictures: false,
        }
    }
}

struct Supervisor<'a> {
    stage: &'a Stage,
    wish: &'a CameraWish,
    /// Tells that cameras came or went, where that is told.
    nodes: Option<CameraNodes>,
    /// What gave pictures last.
    last: Option<Camera>,
    /// How many of the preferred modes never gave a picture.
    modes_skipped: usize,
    /// Capture threads that did not end.
    lost: u32,
}

impl Supervisor<'_> {
    /// Finds the camera, takes pictures from it until something goes wrong or the source ends.
    fn attempt(&mut self) -> Outcome {
        if self.lost >= LOST_MAX {
            return Outcome::at_once(CameraFault::Other(
                "the camera's driver does not answer any more".into(),
            ));
        }
        let cameras = identity::cameras();
        let Some(camera) = identity::pick(&cameras, self.wish.id.as_deref()).cloned() else {
            return Outcome::at_once(CameraFault::Missing);
        };
        self.stage.tell_name(&camera.name);
        let last = self.last.as_ref().filter(|last| last.id != camera.id);
        self.stage.tell_replaced(last.map(|last| Replaced {
            name: last.name.clone(),
            gone: cameras.iter().all(|camera| camera.id != last.id),
        }));
        match Capture::start(self.stage.outlets.clone(), &camera, self.wish, self.modes_skipped) {
            Ok(capture) => self.watch(capture, &camera),
            Err(error) => Outcome::at_once(CameraFault::Other(error.to_string())),
        }
    }

    /// Stays with a capture thread until it ends or has to be ended.
    fn watch(&mut self, capture: Capture, camera: &Camera) -> Outcome {
        let mut resolution = None;
        let begin = now();
        let mut looked = begin;
        let fault = loop {
            for report in capture.reports() {
                let Report::Running(size) = report;
                resolution = Some(size);
                self.modes_skipped = 0;
                self.last = Some(camera.clone());
                self.stage.tell_running(size);
            }
            if self.is_to_look(&mut looked)
                && let Some(fault) = self.look(camera)
            {
                self.end(capture);
                break fault;
            }
            if capture.has_ended() {
                break capture.join();
            }
            let silent = now().saturating_duration_since(capture.last_picture().unwrap_or(begin));
            if silent
                > if resolution.is_some() {
                    STALL
                } else {
                    FIRST_PICTURE
                }
            {
                tracing::warn!(camera = camera.name, ?silent, "camera has stalled");
                self.modes_skipped += usize::from(resolution.is_none());
                self.end(capture);
                break CameraFault::Stalled;
            }
            if self.stage.halt.wait(TICK) {
                self.end(capture);
                break CameraFault::Stalled;
            }
        };
        Outcome {
            fault,
            gave_pictures: resolution.is_some(),
        }
    }

    /// Waits before the next attempt, no longer than until cameras came or went. Whether they did.
    fn wait(&self, at_most: Duration) -> bool {
        let until = now() + at_most;
        while now() < until && !self.stage.halt.wait(TICK) {
            if self.nodes.as_ref().is_some_and(CameraNodes::changed) {
                return true;
            }
        }
        false
    }

    /// Whether which cameras there are may have changed in a way that matters.
    fn is_to_look(&self, looked: &mut Instant) -> bool {
        match &self.nodes {
            Some(nodes) => nodes.changed(),
            None if now().saturating_duration_since(*looked) >= LOOK_EVERY => {
                *looked = now();
                self.wish.id.is_some()
            }
            None => false,
        }
    }

    /// Why the camera in use is not the right one any more.
    fn look(&self, camera: &Camera) -> Option<CameraFault> {
        let cameras = identity::cameras();
        if cameras.iter().all(|there| there.index != camera.index) {
            return Some(CameraFault::Unplugged);
        }
        let wished = identity::wished(&cameras, self.wish.id.as_deref()?)?;
        (wished.index != camera.index).then_some(CameraFault::Relieved)
    }

    fn end(&mut self, capture: Capture) {
        if !capture.stop() {
            self.lost += 1;
            tracing::error!(
                lost = self.lost,
                "a camera thread is stuck in its driver and was left behind"
            );
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "driver: the watchdog's clock")]
fn now() -> Instant {
    Instant::now()
}

impl CameraFault {
    /// What a source says of itself then.
    const fn source_state(&self) -> SourceState {
        match self {
            Self::Missing | Self::Unplugged => SourceState::Missing,
            Self::Relieved => SourceState::Starting,
            Self::Busy => SourceState::Busy,
            Self::Denied => SourceState::Denied,
            Self::Stalled | Self::NoMode(_) | Self::Other(_) => SourceState::Failed,
        }
    }
}
