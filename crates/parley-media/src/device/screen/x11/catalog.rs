//! What there is to share: monitors from RandR, windows from the window manager (EWMH), and small pictures of both.

use super::super::name::Name;
use super::super::pixels::{even, to_i420};
use super::super::{ScreenFault, ScreenKind, ScreenSource};
use super::display::{Display, lost, refused};
use super::grab::Grabber;
use super::now;
use super::subject::{Subject, monitors};
use crate::video::VideoFrame;
use crate::video::pool::FramePool;
use crate::video::scale::scale_into;
use parley_proto::Resolution;
use std::collections::HashMap;
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _, MapState, Window};

/// Windows that are listed at most.
const WINDOWS_MAX: usize = 48;
/// Characters of a title that are kept.
const TITLE_CHARS_MAX: usize = 120;
/// Smaller windows are none that a person would share.
const SIDE_MIN: u32 = 48;

/// Everything that can be shared now.
pub(in super::super) fn list() -> Result<Vec<ScreenSource>, ScreenFault> {
    sources(&Display::open()?)
}

fn sources(display: &Display) -> Result<Vec<ScreenSource>, ScreenFault> {
    let monitors = monitors(display)?.into_iter().map(|monitor| ScreenSource {
        id: Name::Monitor(monitor.name.clone()).to_string(),
        kind: ScreenKind::Monitor,
        name: monitor.name,
        size: monitor.size,
        is_primary: monitor.is_primary,
    });
    let mut sources: Vec<_> = monitors.collect();
    for window in windows(display)? {
        sources.extend(described(display, window)?);
        if sources.len() >= WINDOWS_MAX {
            break;
        }
    }
    Ok(sources)
}

/// What a person calls it. Nothing if it is not there.
pub(super) fn title(display: &Display, name: &Name) -> Result<Option<String>, ScreenFault> {
    match name {
        Name::Monitor(wanted) => Ok(monitors(display)?
            .into_iter()
            .find(|monitor| wanted.is_empty() || monitor.name == *wanted)
            .map(|monitor| monitor.name)),
        Name::Window(window) => {
            let there = display.connection.get_geometry(*window).map_err(lost)?.reply();
            match refused(there).map_err(lost)? {
                Some(_) => Ok(Some(window_title(display, *window)?)),
                None => Ok(None),
            }
        }
    }
}

/// The windows that the window manager has under its care, the uppermost first. None without a window manager.
fn windows(display: &Display) -> Result<Vec<Window>, ScreenFault> {
    for property in [
        display.atoms._NET_CLIENT_LIST_STACKING,
        display.atoms._NET_CLIENT_LIST,
    ] {
        let mut windows = display
            .numbers(display.root, property, AtomEnum::WINDOW)
            .map_err(lost)?;
        if !windows.is_empty() {
            windows.reverse();
            return Ok(windows);
        }
    }
    Ok(Vec::new())
}

/// A window as it is listed; nothing for one that is not to be shared: hidden, tiny, a panel, or Parley's own.
fn described(display: &Display, window: Window) -> Result<Option<ScreenSource>, ScreenFault> {
    let connection = &display.connection;
    let attributes = connection.get_window_attributes(window).map_err(lost)?.reply();
    let geometry = connection.get_geometry(window).map_err(lost)?.reply();
    let (Some(attributes), Some(geometry)) = (
        refused(attributes).map_err(lost)?,
        refused(geometry).map_err(lost)?,
    ) else {
        return Ok(None);
    };
    let size = Resolution::new(geometry.width.into(), geometry.height.into());
    let seen =
        attributes.map_state == MapState::VIEWABLE && size.width >= SIDE_MIN && size.height >= SIDE_MIN;
    if !seen || is_furniture(display, window)? || is_own(display, window)? {
        return Ok(None);
    }
    Ok(Some(ScreenSource {
        id: Name::Window(window).to_string(),
        kind: ScreenKind::Window,
        name: window_title(display, window)?,
        size,
        is_primary: false,
    }))
}

/// The desktop's background and panels.
fn is_furniture(display: &Display, window: Window) -> Result<bool, ScreenFault> {
    let atoms = &display.atoms;
    let kinds = display.numbers(window, atoms._NET_WM_WINDOW_TYPE, AtomEnum::ATOM);
    let kinds = refused(kinds).map_err(lost)?.unwrap_or_default();
    Ok(kinds
        .iter()
        .any(|kind| [atoms._NET_WM_WINDOW_TYPE_DESKTOP, atoms._NET_WM_WINDOW_TYPE_DOCK].contains(kind)))
}

/// Sharing the window that shows the share would show it in itself without end.
fn is_own(display: &Display, window: Window) -> Result<bool, ScreenFault> {
    let pid = display.numbers(window, display.atoms._NET_WM_PID, AtomEnum::CARDINAL);
    let pid = refused(pid).map_err(lost)?.unwrap_or_default();
    Ok(pid.first() == Some(&std::process::id()))
}

fn window_title(display: &Display, window: Window) -> Result<String, ScreenFault> {
    let atoms = &display.atoms;
    let modern = display.text(window, atoms._NET_WM_NAME, atoms.UTF8_STRING);
    let mut title = refused(modern).map_err(lost)?.unwrap_or_default();
    if title.is_empty() {
        let old = display.text(window, AtomEnum::WM_NAME.into(), AtomEnum::ANY.into());
        title = refused(old).map_err(lost)?.unwrap_or_default();
    }
    Ok(title
        .chars()
        .filter(|letter| !letter.is_control())
        .take(TITLE_CHARS_MAX)
        .collect())
}

/// The list and small pictures, over one connection.
pub(in super::super) struct Thumbnails {
    display: Display,
    subjects: HashMap<String, Subject>,
    grabber: Grabber,
    pool: FramePool,
    small: FramePool,
}

impl Thumbnails {
    pub(in super::super) fn open() -> Result<Self, ScreenFault> {
        let display = Display::open()?;
        Ok(Self {
            subjects: HashMap::new(),
            grabber: Grabber::new(&display),
            pool: FramePool::new(),
            small: FramePool::new(),
            display,
        })
    }

    /// Everything that can be shared now.
    pub(in super::super) fn list(&mut self) -> Result<Vec<ScreenSource>, ScreenFault> {
        let sources = sources(&self.display)?;
        self.subjects
            .retain(|id, _| sources.iter().any(|source| source.id == *id));
        Ok(sources)
    }

    /// What it looks like now, within `bounds`. Nothing when it cannot be seen at this moment.
    pub(in super::super) fn picture(
        &mut self,
        id: &str,
        bounds: Resolution,
    ) -> Result<Option<VideoFrame>, ScreenFault> {
        let display = &self.display;
        while display.skip_event()? {}
        let subject = match self.subjects.remove(id) {
            Some(subject) => subject,
            None => Subject::new(display, Name::parse(id).ok_or(ScreenFault::NotThere)?)?,
        };
        let subject = self.subjects.entry(id.to_owned()).or_insert(subject);
        let Some(region) = subject.look(display)?.region else {
            return Ok(None);
        };
        let Some(pixels) = self.grabber.grab(display, region)? else {
            return Ok(None);
        };
        let full = to_i420(&mut self.pool, pixels, region.size, now());
        // Events tell nothing here: everything is looked up anew each time.
        subject.forget(display)?;
        let Ok(full) = full else {
            return Ok(None);
        };
        let size = even(full.resolution().fit_within(bounds));
        Ok(Some(scale_into(&mut self.small, &full, size)))
    }
}
