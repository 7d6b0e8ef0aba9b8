//! What there is to share: monitors, windows with a title, and small pictures of both.

use super::super::name::Name;
use super::super::pixels::{even, rgba_to_i420};
use super::super::{ScreenFault, ScreenKind, ScreenSource};
use super::subject::{
    Subject, is_hidden, lost, monitor_name, monitor_place, monitor_title, window_place, window_title,
};
use super::{allowed, now};
use crate::video::VideoFrame;
use crate::video::pool::FramePool;
use crate::video::scale::scale_into;
use parley_proto::Resolution;
use std::collections::HashMap;
use xcap::{Monitor, Window};

/// Windows that are listed at most.
const WINDOWS_MAX: usize = 48;
/// Smaller windows are none that a person would share.
const SIDE_MIN: u32 = 48;

/// Everything that can be shared now.
pub(in super::super) fn list() -> Result<Vec<ScreenSource>, ScreenFault> {
    allowed()?;
    let monitors = Monitor::all().map_err(lost)?;
    let mut sources: Vec<_> = monitors.iter().filter_map(monitor).collect();
    if sources.is_empty() {
        return Err(ScreenFault::NoDisplay("the system lists none".into()));
    }
    sources.sort_by_key(|source| !source.is_primary);
    let windows = Window::all().map_err(lost)?;
    sources.extend(windows.iter().filter_map(window).take(WINDOWS_MAX));
    Ok(sources)
}

fn monitor(monitor: &Monitor) -> Option<ScreenSource> {
    Some(ScreenSource {
        id: Name::Monitor(monitor_name(monitor)?).to_string(),
        kind: ScreenKind::Monitor,
        name: monitor_title(monitor),
        size: in_pixels(monitor_place(monitor)?.size, Some(monitor)),
        is_primary: monitor.is_primary().unwrap_or(false),
    })
}

/// Nothing for a window that is not to be shared: hidden, tiny, without a title (menus, panels), or Parley's own, which
/// would show the share in itself without end.
fn window(window: &Window) -> Option<ScreenSource> {
    let size = window_place(window)?.size;
    let title = window_title(window);
    let shared = size.width >= SIDE_MIN
        && size.height >= SIDE_MIN
        && !title.trim().is_empty()
        && window.pid().ok()? != std::process::id()
        && !is_hidden(window);
    shared.then(|| ScreenSource {
        id: Name::Window(window.id().unwrap_or_default()).to_string(),
        kind: ScreenKind::Window,
        name: title,
        size: in_pixels(size, window.current_monitor().ok().as_ref()),
        is_primary: false,
    })
}

/// macOS counts in points, of which a sharp monitor has half as many as pixels.
fn in_pixels(size: Resolution, monitor: Option<&Monitor>) -> Resolution {
    if !cfg!(target_os = "macos") {
        return size;
    }
    let scale = monitor
        .and_then(|monitor| monitor.scale_factor().ok())
        .unwrap_or(1.0);
    let scaled = |side: u32| (side as f32 * scale).round() as u32;
    Resolution::new(scaled(size.width), scaled(size.height))
}

/// The list and small pictures.
pub(in super::super) struct Thumbnails {
    subjects: HashMap<String, Subject>,
    pool: FramePool,
    small: FramePool,
}

impl Thumbnails {
    pub(in super::super) fn open() -> Result<Self, ScreenFault> {
        allowed()?;
        Ok(Self {
            subjects: HashMap::new(),
            pool: FramePool::new(),
            small: FramePool::new(),
        })
    }

    /// Everything that can be shared now.
    pub(in super::super) fn list(&mut self) -> Result<Vec<ScreenSource>, ScreenFault> {
        let sources = list()?;
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
        let found = match self.subjects.remove(id) {
            Some(subject) => Some(subject),
            None => Subject::find(Name::parse(id).ok_or(ScreenFault::NotThere)?)?,
        };
        let mut subject = found.ok_or(ScreenFault::NotThere)?;
        let seen = subject.look()?.is_some();
        let grabbed = seen.then(|| subject.grab());
        self.subjects.insert(id.to_owned(), subject);
        let grab = match grabbed {
            None => return Ok(None),
            Some(Ok(grab)) => grab,
            Some(Err(error)) => {
                tracing::debug!(%error, "no small picture this time");
                return Ok(None);
            }
        };
        let Ok(full) = rgba_to_i420(&mut self.pool, &grab.rgba, grab.size, now()) else {
            return Ok(None);
        };
        let size = even(full.resolution().fit_within(bounds));
        Ok(Some(scale_into(&mut self.small, &full, size)))
    }
}
