//! Wayland: the desktop asks the person what to share (`parley_portal`), and gives its pictures over PipeWire.
//!
//! | part | what it does |
//! |---|---|
//! | here | the source's thread: asks, then publishes at most so many pictures a second |
//! | [`stream`] | PipeWire's loop and stream, the only place that names `pipewire` |
//! | [`terms`] | what is offered to PipeWire: formats, kinds of memory, what comes beside a picture |
//! | [`inbox`] | the newest picture, until it is its turn |
//!
//! The pixels come through shared memory and are converted where they lie. The pointer is drawn by the desktop.

mod inbox;
mod stream;
mod terms;

use super::{SYSTEM_ASKS, ScreenFault, ScreenKind, ScreenWish, SystemChoice};
use crate::time::CaptureTime;
use crate::video::VideoFrame;
use crate::video::source::Stage;
use parley_portal::portal::{Portal, PortalFault};
use parley_portal::screen_cast::{Ask, ScreenCast};
use std::time::{Duration, Instant};
use stream::Stream;

/// How often one looks whether the share is still wanted.
const LOOK: Duration = Duration::from_millis(50);

/// Asks with what is known from an earlier answer (empty: nothing), then captures until told to stop.
pub(super) fn capture(stage: &Stage, wish: &ScreenWish, restore: &str) -> Result<(), ScreenFault> {
    let ask = Ask {
        restore: (!restore.is_empty()).then_some(restore),
        cursor: wish.cursor,
    };
    let pause = || !stage.halt.wait(LOOK);
    let asked = Portal::connect().and_then(|portal| ScreenCast::ask(portal, ask, &pause));
    let (cast, granted) = match asked {
        // It was our end, not the person's.
        Err(PortalFault::Stopped) => return Ok(()),
        asked => asked.map_err(fault_of)?,
    };
    stage.tell_chosen(SystemChoice {
        id: format!("{SYSTEM_ASKS}{}", granted.restore.as_deref().unwrap_or_default()),
        kind: if granted.is_window {
            ScreenKind::Window
        } else {
            ScreenKind::Monitor
        },
    });
    let stream = Stream::open(granted.remote, granted.node, wish.frame_rate)?;
    let mut last: Option<VideoFrame> = None;
    let mut next = now();
    while !stage.halt.is_ordered() {
        let wait = next.saturating_duration_since(now());
        let turned = stream.turn(if wait.is_zero() { LOOK } else { wait.min(LOOK) });
        // A desktop that ends it may take PipeWire's stream away first.
        if cast.is_over() {
            return Err(ScreenFault::Ended);
        }
        turned?;
        if now() < next || !stage.outlets.are_wanted() {
            continue;
        }
        let newcomer = stage.outlets.take_newcomer();
        // Desktops send a picture again where nothing of it changed.
        let fresh = stream
            .take()
            .filter(|frame| last.as_ref().is_none_or(|last| !same(last, frame)));
        let frame = match (fresh, newcomer) {
            (Some(frame), _) => frame,
            (None, true) => match &last {
                Some(last) => last.clone().at(CaptureTime(now())),
                None => continue,
            },
            (None, false) => continue,
        };
        stage.tell_running(frame.resolution());
        stage.outlets.publish(&frame);
        last = Some(frame);
        next = now() + wish.frame_rate.interval();
    }
    Ok(())
}

fn fault_of(fault: PortalFault) -> ScreenFault {
    match fault {
        PortalFault::Missing(why) => ScreenFault::NoPortal(why),
        PortalFault::Cancelled | PortalFault::Stopped => ScreenFault::Cancelled,
        PortalFault::Refused(why) => ScreenFault::Refused(why),
    }
}

/// Whether two pictures show the same. Ends at the first difference.
fn same(a: &VideoFrame, b: &VideoFrame) -> bool {
    a.resolution() == b.resolution() && a.i420() == b.i420()
}

#[expect(clippy::disallowed_methods, reason = "driver: stamps a picture as it comes")]
fn now() -> Instant {
    Instant::now()
}
