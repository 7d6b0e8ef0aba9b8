//! The capture thread: opens one camera, converts its pictures and publishes them, until something goes wrong or it is told to
//! stop. The open camera never leaves the thread, and a panic of the library never does either.

use super::CameraWish;
use super::fault::CameraFault;
use super::identity::Camera;
use super::interrupt::interrupt;
use super::mode::{Mode, ranked};
use super::raw::{Converter, PixelFormat};
use crate::time::CaptureTime;
use crate::video::halt::Halt;
use crate::video::source::Outlets;
use nokhwa::utils::{CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType};
use parley_proto::{FrameRate, Resolution};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Most modes tried in one go.
const MODES_MAX: usize = 8;
/// Pictures that may be damaged one after the other before the mode counts as broken.
const DAMAGED_MAX: u32 = 30;
/// How long a thread is given to end, in steps.
const STOP_STEP: Duration = Duration::from_millis(25);
const STOP_STEPS: u32 = 40;
/// Steps before it is woken by force; a camera that runs gives a picture within.
const STOP_GENTLE: u32 = 2;
/// The formats that can be converted.
const USABLE: [FrameFormat; 3] = [FrameFormat::NV12, FrameFormat::YUYV, FrameFormat::MJPEG];

/// What a capture thread tells its supervisor, besides its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    /// The first picture of a mode came; this is its size.
    Running(Resolution),
}

/// A capture thread, as its supervisor sees it.
#[derive(Debug)]
pub(super) struct Capture {
    pulse: Arc<Pulse>,
    reports: Receiver<Report>,
    thread: JoinHandle<CameraFault>,
}

#[derive(Debug)]
struct Pulse {
    begin: Instant,
    /// Milliseconds from `begin` to the last picture, plus one; zero before the first.
    last_picture: AtomicU64,
    /// Once set, nothing more may be published.
    dismissed: AtomicBool,
}

impl Capture {
    /// Starts the thread. The `modes_skipped` best modes are left out.
    pub(super) fn start(
        outlets: Outlets,
        camera: &Camera,
        wish: &CameraWish,
        modes_skipped: usize,
    ) -> std::io::Result<Self> {
        let pulse = Arc::new(Pulse {
            begin: now(),
            last_picture: AtomicU64::new(0),
            dismissed: AtomicBool::new(false),
        });
        let (report, reports) = sync_channel(MODES_MAX);
        let shift = Shift {
            outlets,
            wish: wish.clone(),
            modes_skipped,
            pulse: Arc::clone(&pulse),
            report,
            converter: Converter::default(),
            gave_pictures: false,
        };
        let index = camera.index.clone();
        let thread = std::thread::Builder::new()
            .name("camera".into())
            .spawn(move || shift.work(&index))?;
        Ok(Self {
            pulse,
            reports,
            thread,
        })
    }

    /// What it has told since the last call.
    pub(super) fn reports(&self) -> impl Iterator<Item = Report> {
        self.reports.try_iter()
    }

    /// When the last picture came, once one did.
    pub(super) fn last_picture(&self) -> Option<Instant> {
        let since = self.pulse.last_picture.load(Ordering::Acquire).checked_sub(1)?;
        Some(self.pulse.begin + Duration::from_millis(since))
    }

    /// Whether it ended by itself.
    pub(super) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Why it ended.
    pub(super) fn join(self) -> CameraFault {
        self.thread
            .join()
            .unwrap_or_else(|payload| CameraFault::from_panic(payload.as_ref()))
    }

    /// Ends it, by force if the camera keeps it waiting. False if it did not end: it is left behind, publishing nothing more.
    pub(super) fn stop(self) -> bool {
        self.pulse.dismissed.store(true, Ordering::Release);
        let patience = Halt::default();
        for step in 0..STOP_STEPS {
            if self.has_ended() {
                let _ = self.join();
                return true;
            }
            if step >= STOP_GENTLE {
                interrupt(&self.thread);
            }
            patience.wait(STOP_STEP);
        }
        false
    }
}

/// What the thread works with.
struct Shift {
    outlets: Outlets,
    wish: CameraWish,
    modes_skipped: usize,
    pulse: Arc<Pulse>,
    report: SyncSender<Report>,
    converter: Converter,
    gave_pictures: bool,
}

impl Shift {
    fn work(mut self, index: &CameraIndex) -> CameraFault {
        let mut camera = match contained(|| self.open(index)) {
            Ok(camera) => camera,
            Err(fault) => return fault,
        };
        let fault = contained(|| Ok(self.take_pictures(&mut camera))).unwrap_or_else(|fault| fault);
        // Closing panics when the driver refuses to stop the stream.
        if let Err(fault) = contained(move || {
            drop(camera);
            Ok(())
        }) {
            tracing::debug!(%fault, "while closing the camera");
        }
        fault
    }

    fn open(&self, index: &CameraIndex) -> Result<nokhwa::Camera, CameraFault> {
        let open = || {
            let any = RequestedFormat::with_formats(RequestedFormatType::None, &USABLE);
            nokhwa::Camera::new(index.clone(), any).map_err(CameraFault::from)
        };
        match open() {
            Err(fault) if fault.depends_on_mode() && super::settle::settle(index, &self.wish) => open(),
            opened => opened,
        }
    }

    /// Tries the modes, best first, until one gives pictures, and stays with that one.
    fn take_pictures(&mut self, camera: &mut nokhwa::Camera) -> CameraFault {
        let named = match camera.compatible_camera_formats() {
            Ok(named) => named,
            Err(error) => return error.into(),
        };
        let modes = ranked(named.into_iter().filter_map(mode), &self.wish);
        let skipped = self.modes_skipped.checked_rem(modes.len()).unwrap_or(0);
        let mut last = CameraFault::NoMode("it names none that is known here".into());
        for mode in modes.into_iter().skip(skipped).take(MODES_MAX) {
            let fault = match self.run_mode(camera, mode) {
                Ok(()) => return CameraFault::Stalled,
                Err(fault) => fault,
            };
            if self.gave_pictures || !fault.depends_on_mode() {
                return fault;
            }
            tracing::info!(?mode, %fault, "camera format does not work");
            last = CameraFault::NoMode(fault.to_string());
            let closed = contained(|| camera.stop_stream().map_err(CameraFault::from));
            if let Err(fault) = closed {
                tracing::debug!(%fault, "while closing the stream");
            }
        }
        last
    }

    /// Takes pictures in one mode. Ends well only when dismissed.
    fn run_mode(&mut self, camera: &mut nokhwa::Camera, mode: Mode) -> Result<(), CameraFault> {
        let format = library_format(mode);
        let exact = RequestedFormatType::Exact(format);
        camera.set_camera_requset(RequestedFormat::with_formats(exact, &[format.format()]))?;
        camera.open_stream()?;
        let mut damaged = 0;
        loop {
            let bytes = camera.frame_raw()?;
            let captured = CaptureTime(now());
            if self.pulse.dismissed.load(Ordering::Acquire) {
                return Ok(());
            }
            self.pulse.beat(captured);
            if self.gave_pictures && !self.outlets.are_wanted() {
                continue;
            }
            match self
                .converter
                .convert(mode.pixels, mode.resolution, &bytes, captured)
            {
                Ok(frame) => {
                    damaged = 0;
                    if !std::mem::replace(&mut self.gave_pictures, true) {
                        // The supervisor reads twenty times a second: there is room for one report a mode.
                        let _ = self.report.try_send(Report::Running(frame.resolution()));
                    }
                    self.outlets.publish(&frame);
                }
                Err(error) => {
                    damaged += 1;
                    tracing::debug!(%error, damaged, "a picture of the camera is left out");
                    if damaged > DAMAGED_MAX {
                        return Err(CameraFault::Other(error.to_string()));
                    }
                }
            }
        }
    }
}

impl Pulse {
    fn beat(&self, at: CaptureTime) {
        let since = at.0.saturating_duration_since(self.begin).as_millis() as u64;
        self.last_picture.store(since + 1, Ordering::Release);
    }
}

/// Runs something of the library's and turns a panic of it into a fault.
fn contained<T>(work: impl FnOnce() -> Result<T, CameraFault>) -> Result<T, CameraFault> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|payload| Err(CameraFault::from_panic(payload.as_ref())))
}

fn mode(format: CameraFormat) -> Option<Mode> {
    // The library takes only whole rates and names others by their denominator (30000 for 29.97).
    (1..=240).contains(&format.frame_rate()).then_some(())?;
    Some(Mode {
        resolution: Resolution::new(format.width(), format.height()),
        frame_rate: FrameRate::new(format.frame_rate()),
        pixels: PixelFormat::from_library(format.format())?,
    })
}

fn library_format(mode: Mode) -> CameraFormat {
    let Resolution { width, height } = mode.resolution;
    CameraFormat::new_from(width, height, mode.pixels.to_library(), mode.frame_rate.get())
}

#[expect(
    clippy::disallowed_methods,
    reason = "driver: stamps a picture as it leaves the camera"
)]
fn now() -> Instant {
    Instant::now()
}
