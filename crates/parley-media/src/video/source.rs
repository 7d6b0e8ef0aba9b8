//! Where pictures come from: a camera, a screen or window, the built-in pattern, a file. One thread each, any number of takers.
//!
//! A source feeds slots, newest wins. With nobody taking, it makes no pictures. It never gives up while it lives: what fails is
//! tried again, and the status says what is wrong. A screen is the exception: what was chosen and is gone stays gone.

use super::halt::Halt;
use super::{VideoFrame, made};
use crate::device::{Replaced, camera, screen};
use crate::slot::Slot;
use parley_proto::{FrameRate, Resolution};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// What to take pictures from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VideoInput {
    /// A camera of this machine.
    Camera {
        /// Which (see `device::list_cameras`); none for the first that there is.
        id: Option<String>,
        /// The size wished for; the camera's nearest is taken.
        resolution: Resolution,
        /// Pictures per second wished for.
        frame_rate: FrameRate,
    },
    /// A monitor or a window. Pictures come only when something changed.
    Screen {
        /// Which (see `device::screen::list_screens`).
        id: String,
        /// Pictures per second at most.
        frame_rate: FrameRate,
        /// Whether the mouse pointer is seen.
        cursor: bool,
    },
    /// The built-in moving picture with its machine-readable stamp.
    Pattern {
        /// Its size.
        resolution: Resolution,
        /// Pictures per second.
        frame_rate: FrameRate,
    },
    /// A file of raw pictures (YUV4MPEG2, 4:2:0), over and over.
    Y4m {
        /// Where it is.
        path: PathBuf,
    },
}

impl VideoInput {
    /// The source's thread: until told to stop.
    fn run(self, stage: &Stage) {
        match self {
            Self::Camera {
                id,
                resolution,
                frame_rate,
            } => {
                let wish = camera::CameraWish {
                    id,
                    resolution,
                    frame_rate,
                };
                camera::run(stage, &wish);
            }
            Self::Screen {
                id,
                frame_rate,
                cursor,
            } => {
                let wish = screen::ScreenWish {
                    id,
                    frame_rate,
                    cursor,
                };
                screen::run(stage, &wish);
            }
            Self::Pattern {
                resolution,
                frame_rate,
            } => made::run_pattern(stage, resolution, frame_rate),
            Self::Y4m { path } => made::run_y4m(stage, &path),
        }
    }
}

/// Whether pictures come, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SourceState {
    /// Being opened.
    #[default]
    Starting,
    /// Pictures come.
    Running,
    /// There is no such camera (any more), or no such file.
    Missing,
    /// Another program holds the camera.
    Busy,
    /// The system does not let this program use it.
    Denied,
    /// Something else is wrong: see the detail.
    Failed,
    /// What was shown went away for good: a closed window, an unplugged monitor.
    Gone,
    /// The source was dropped.
    Ended,
}

/// What is known of a source now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceStatus {
    /// Whether pictures come.
    pub state: SourceState,
    /// What it is called, once known.
    pub name: Option<String>,
    /// The size of its pictures, once they come.
    pub resolution: Option<Resolution>,
    /// What went wrong, for the log and a tooltip.
    pub detail: Option<String>,
    /// What this one took the place of.
    pub replaced: Option<Replaced>,
    /// What was chosen when the system itself asked what to share.
    pub chosen: Option<screen::SystemChoice>,
}

/// A running source. Dropping it stops its thread and frees the device; the slots stay open for another source.
#[derive(Debug)]
pub struct VideoSource {
    outlets: Outlets,
    status: watch::Receiver<SourceStatus>,
    halt: Halt,
    thread: Option<JoinHandle<()>>,
}

impl VideoSource {
    /// Starts the source's thread.
    #[must_use]
    pub fn spawn(input: VideoInput) -> Self {
        let (status_sender, status) = watch::channel(SourceStatus::default());
        let (outlets, halt) = (Outlets::default(), Halt::default());
        let stage = Stage {
            outlets: outlets.clone(),
            status: status_sender,
            halt: halt.clone(),
        };
        let spawned = std::thread::Builder::new()
            .name("video source".into())
            .spawn(move || {
                input.run(&stage);
                stage.tell(SourceState::Ended, None);
            });
        let thread = spawned
            .inspect_err(|error| tracing::error!(%error, "no thread for the video source"))
            .ok();
        Self {
            outlets,
            status,
            halt,
            thread,
        }
    }

    /// A new slot that gets every picture from now on, until it is closed or dropped.
    #[must_use]
    pub fn subscribe(&self) -> Slot<VideoFrame> {
        let slot = Slot::new();
        self.feed(slot.clone());
        slot
    }

    /// Feeds a slot that is there already: so a taker keeps its slot when the source is replaced.
    pub fn feed(&self, slot: Slot<VideoFrame>) {
        self.outlets.add(slot);
    }

    /// What is known of it, now and at each change.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<SourceStatus> {
        self.status.clone()
    }
}

impl Drop for VideoSource {
    fn drop(&mut self) {
        self.halt.order();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing more to say.
            let _ = thread.join();
        }
    }
}

/// What a source's thread works on: where pictures go, what is told about them, and the order to stop.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) outlets: Outlets,
    status: watch::Sender<SourceStatus>,
    pub(crate) halt: Halt,
}

impl Stage {
    /// Tells a new state; name and size stay as they were.
    pub(crate) fn tell(&self, state: SourceState, detail: Option<String>) {
        self.status.send_if_modified(|status| {
            let changed = status.state != state || status.detail != detail;
            status.state = state;
            status.detail = detail;
            changed
        });
    }

    /// A source that can do no more waits for its end, so that its state stays to be seen.
    pub(crate) fn rest(&self) {
        while !self.halt.wait(Duration::from_secs(3600)) {}
    }

    /// Tells what it is called.
    pub(crate) fn tell_name(&self, name: &str) {
        self.status.send_if_modified(|status| {
            let changed = status.name.as_deref() != Some(name);
            status.name = Some(name.to_owned());
            changed
        });
    }

    /// Tells what it took the place of.
    pub(crate) fn tell_replaced(&self, replaced: Option<Replaced>) {
        self.status.send_if_modified(|status| {
            let changed = status.replaced != replaced;
            status.replaced = replaced;
            changed
        });
    }

    /// Tells what the person answered the system.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "the system asks only under Wayland")
    )]
    pub(crate) fn tell_chosen(&self, chosen: screen::SystemChoice) {
        self.status.send_modify(|status| status.chosen = Some(chosen));
    }

    /// Tells that pictures of this size come.
    pub(crate) fn tell_running(&self, resolution: Resolution) {
        self.status.send_if_modified(|status| {
            let running = SourceStatus {
                state: SourceState::Running,
                name: status.name.take(),
                resolution: Some(resolution),
                detail: None,
                replaced: status.replaced.take(),
                chosen: status.chosen.take(),
            };
            let changed = status.state != running.state || status.resolution != running.resolution;
            *status = running;
            changed
        });
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Otherwise its last word would stay "starting" or "running", with nobody there.
        if std::thread::panicking() {
            self.tell(SourceState::Failed, Some("the source broke off".into()));
        }
    }
}

/// The slots a source feeds. Clones share them. One that was closed, or that nobody else holds, falls out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outlets(Arc<Mutex<Takers>>);

#[derive(Debug, Default)]
struct Takers {
    slots: Vec<Slot<VideoFrame>>,
    /// One came since somebody asked.
    newcomer: bool,
}

impl Outlets {
    fn add(&self, slot: Slot<VideoFrame>) {
        let mut takers = self.lock();
        takers.slots.push(slot);
        takers.newcomer = true;
    }

    /// Whether somebody came since this was asked last: a source that gives only what changed gives them what there is.
    pub(crate) fn take_newcomer(&self) -> bool {
        std::mem::take(&mut self.lock().newcomer)
    }

    /// Whether anybody takes pictures.
    pub(crate) fn are_wanted(&self) -> bool {
        let mut takers = self.lock();
        takers.slots.retain(|slot| !slot.is_closed() && slot.is_shared());
        !takers.slots.is_empty()
    }

    /// Gives a picture to everybody.
    pub(crate) fn publish(&self, frame: &VideoFrame) {
        for slot in &self.lock().slots {
            slot.put(frame.clone());
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Takers> {
        // A panic elsewhere cannot leave a half-written list behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn a_source_whose_thread_breaks_off_has_failed() {
        let (sender, status) = watch::channel(SourceStatus::default());
        let stage = Stage {
            outlets: Outlets::default(),
            status: sender,
            halt: Halt::default(),
        };
        let broken = catch_unwind(AssertUnwindSafe(move || {
            let _stage = stage;
            panic!("made up");
        }));
        assert!(broken.is_err());
        assert_eq!(status.borrow().state, SourceState::Failed);
    }
}
