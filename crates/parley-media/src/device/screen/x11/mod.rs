//! X11: what there is to share, and the thread's loop that captures one of it.
//!
//! | part | what it does |
//! |---|---|
//! | [`display`] | the connection, and what the server can do |
//! | [`subject`] | the monitor or window, followed |
//! | [`changes`] | whether it changed since the last picture |
//! | [`grab`], [`segment`] | its pixels, through shared memory |
//! | [`border`] | what its person sees of it: a thin border around what is shared |
//!
//! A picture costs the server one copy and us one conversion. What did not change is neither read nor given on.

mod border;
mod catalog;
mod changes;
mod display;
mod grab;
mod segment;
mod subject;

use super::name::Name;
use super::pixels::{blend, to_i420};
use super::{ScreenFault, ScreenWish};
use crate::time::CaptureTime;
use crate::video::VideoFrame;
use crate::video::made::Pace;
use crate::video::pool::FramePool;
use crate::video::source::Stage;
use border::Border;
pub(super) use catalog::{Thumbnails, list};
use changes::Changes;
use display::Display;
use grab::Grabber;
use std::time::Instant;
use subject::{Look, Subject};

/// Captures until told to stop.
pub(super) fn capture(stage: &Stage, wish: &ScreenWish) -> Result<(), ScreenFault> {
    let display = Display::open()?;
    let name = Name::parse(&wish.id).ok_or(ScreenFault::NotThere)?;
    stage.tell_name(&catalog::title(&display, &name)?.ok_or(ScreenFault::NotThere)?);
    let mut capture = Capture::new(&display, name, wish.cursor)?;
    let mut pace = Pace::new(wish.frame_rate);
    while pace.wait(stage) {
        capture.tick(stage)?;
    }
    Ok(())
}

/// One subject being captured.
struct Capture<'d> {
    display: &'d Display,
    subject: Subject,
    changes: Changes,
    grabber: Grabber,
    border: Option<Border>,
    pool: FramePool,
    /// The last picture, for those who come while nothing moves.
    last: Option<VideoFrame>,
}

impl<'d> Capture<'d> {
    fn new(display: &'d Display, name: Name, cursor: bool) -> Result<Self, ScreenFault> {
        let subject = Subject::new(display, name)?;
        Ok(Self {
            changes: Changes::new(display, &subject, cursor)?,
            grabber: Grabber::new(display),
            border: Border::new(display)?,
            pool: FramePool::new(),
            last: None,
            display,
            subject,
        })
    }

    /// One beat: publishes a picture if it is a new one, or if somebody new wants the old one.
    fn tick(&mut self, stage: &Stage) -> Result<(), ScreenFault> {
        self.changes.hear(self.display, &mut self.subject)?;
        // Also when nobody takes pictures: a closed window is to be told.
        let look = self.subject.look(self.display)?;
        if let Some(border) = &mut self.border {
            border.follow(self.display, &self.subject, look, now().0)?;
        }
        if !stage.outlets.are_wanted() {
            return Ok(());
        }
        let newcomer = stage.outlets.take_newcomer();
        let changed = self.changes.since_last(self.display, look)?;
        let fresh = if changed { self.take(look)? } else { None };
        let frame = match (fresh, newcomer) {
            (Some(frame), _) => frame,
            (None, true) => match &self.last {
                Some(last) => last.clone().at(now()),
                None => return Ok(()),
            },
            (None, false) => return Ok(()),
        };
        stage.tell_running(frame.resolution());
        stage.outlets.publish(&frame);
        Ok(())
    }

    /// Takes a picture. Nothing if it could not be read now, or is the same as the last one.
    fn take(&mut self, look: Look) -> Result<Option<VideoFrame>, ScreenFault> {
        let Some(region) = look.region else {
            return Ok(None);
        };
        let captured = now();
        let Some(pixels) = self.grabber.grab(self.display, region)? else {
            self.changes.missed();
            self.subject.forget(self.display)?;
            return Ok(None);
        };
        if let Some(pointer) = self.changes.pointer(self.display)? {
            blend(pixels, region.size, pointer, look.pointer);
        }
        self.changes.taken(look);
        let Ok(frame) = to_i420(&mut self.pool, pixels, region.size, captured) else {
            return Ok(None); // smaller than any picture
        };
        // Much damage paints what was there before.
        if self.last.as_ref().is_some_and(|last| same(last, &frame)) {
            return Ok(None);
        }
        self.last = Some(frame.clone());
        Ok(Some(frame))
    }
}

/// Whether two pictures show the same. Ends at the first difference.
fn same(a: &VideoFrame, b: &VideoFrame) -> bool {
    a.resolution() == b.resolution() && a.i420() == b.i420()
}

#[expect(
    clippy::disallowed_methods,
    reason = "driver: stamps a picture as it is taken"
)]
fn now() -> CaptureTime {
    CaptureTime(Instant::now())
}
