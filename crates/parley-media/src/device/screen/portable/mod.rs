//! Windows and macOS: what there is to share, and the thread's loop that captures one of it, through `xcap`.
//!
//! | part | what it does |
//! |---|---|
//! | [`catalog`] | monitors and windows, and small pictures of them |
//! | [`subject`] | one of them, found again before each picture |
//! | `windows`, `macos` | the mouse pointer, which `xcap` leaves out |
//!
//! Each picture is asked for, at our pace: the recorder that `xcap` has keeps all that nobody takes. What changed is told by
//! nobody here, so a picture is taken at every beat, and one that is the same as the last goes no further.

mod catalog;
#[cfg(target_os = "macos")]
mod macos;
mod subject;
#[cfg(windows)]
mod windows;

#[cfg(windows)]
use self::windows::PointerWatch;
use super::name::Name;
use super::pixels::{blend, even, rgba_to_i420};
use super::place::Place;
use super::{ScreenFault, ScreenWish};
use crate::time::CaptureTime;
use crate::video::VideoFrame;
use crate::video::made::Pace;
use crate::video::pool::FramePool;
use crate::video::source::Stage;
pub(super) use catalog::{Thumbnails, list};
#[cfg(target_os = "macos")]
use macos::PointerWatch;
use std::time::{Duration, Instant};
use subject::{Grab, Subject};

/// How long the first picture may be refused before that is told. Later ones may be for as long as it takes: nobody sees a
/// locked screen, and it is unlocked again.
const FIRST_PICTURE_MAX: Duration = Duration::from_secs(5);

/// Captures until told to stop.
pub(super) fn capture(stage: &Stage, wish: &ScreenWish) -> Result<(), ScreenFault> {
    allowed()?;
    let name = Name::parse(&wish.id).ok_or(ScreenFault::NotThere)?;
    let subject = Subject::find(name)?.ok_or(ScreenFault::NotThere)?;
    stage.tell_name(&subject.title());
    let mut capture = Capture::new(subject, wish.cursor);
    let mut pace = Pace::new(wish.frame_rate);
    while pace.wait(stage) {
        capture.tick(stage)?;
    }
    Ok(())
}

/// One subject being captured.
struct Capture {
    subject: Subject,
    pointer: Option<PointerWatch>,
    pool: FramePool,
    /// The last picture as it was read with the pointer on it, and as it was given on.
    last: Option<(Vec<u8>, VideoFrame)>,
    began: Instant,
}

impl Capture {
    fn new(subject: Subject, cursor: bool) -> Self {
        Self {
            subject,
            pointer: cursor.then(PointerWatch::default),
            pool: FramePool::new(),
            last: None,
            began: now().0,
        }
    }

    /// One beat: publishes a picture if it is a new one, or if somebody new wants the old one.
    fn tick(&mut self, stage: &Stage) -> Result<(), ScreenFault> {
        // Also when nobody takes pictures: a closed window is to be told.
        let place = self.subject.look()?;
        if !stage.outlets.are_wanted() {
            return Ok(());
        }
        let newcomer = stage.outlets.take_newcomer();
        let captured = now();
        let fresh = match place {
            Some(place) => self.grab(place, captured)?,
            None => None, // minimised: the last picture stands
        };
        let frame = match (fresh, newcomer, &self.last) {
            (Some(frame), _, _) => frame,
            (None, true, Some((_, last))) => last.clone().at(captured),
            _ => return Ok(()),
        };
        stage.tell_running(frame.resolution());
        stage.outlets.publish(&frame);
        Ok(())
    }

    /// Reads a picture. Nothing if it could not be read now, or is no new one.
    fn grab(&mut self, place: Place, captured: CaptureTime) -> Result<Option<VideoFrame>, ScreenFault> {
        match self.subject.grab() {
            Ok(grab) => Ok(self.take(grab, place, captured)),
            Err(error) if self.last.is_none() && self.began.elapsed() > FIRST_PICTURE_MAX => {
                Err(ScreenFault::Lost(error.to_string()))
            }
            Err(error) => {
                tracing::debug!(%error, "no picture this time");
                Ok(None)
            }
        }
    }

    /// Makes a picture of what was read. Nothing if it is the same as the last one, or too small to be one.
    fn take(&mut self, mut grab: Grab, place: Place, captured: CaptureTime) -> Option<VideoFrame> {
        let sharpness = place.sharpness(grab.size);
        if let Some((shape, at)) = self.pointer.as_mut().and_then(|watch| watch.look(sharpness)) {
            blend(&mut grab.rgba, grab.size, shape, place.within(at, grab.size));
        }
        if self
            .last
            .as_ref()
            .is_some_and(|(before, last)| last.resolution() == even(grab.size) && *before == grab.rgba)
        {
            return None;
        }
        let frame = rgba_to_i420(&mut self.pool, &grab.rgba, grab.size, captured).ok()?;
        self.last = Some((grab.rgba, frame.clone()));
        Some(frame)
    }
}

/// Whether the system lets us see the screen. macOS asks its person when it is asked for the first time.
fn allowed() -> Result<(), ScreenFault> {
    #[cfg(target_os = "macos")]
    if !objc2_core_graphics::CGPreflightScreenCaptureAccess()
        && !objc2_core_graphics::CGRequestScreenCaptureAccess()
    {
        return Err(ScreenFault::Denied);
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "driver: stamps a picture as it is taken"
)]
fn now() -> CaptureTime {
    CaptureTime(Instant::now())
}
