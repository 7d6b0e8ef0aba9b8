//! What is captured, followed: a monitor or a window, found by its name, looked at before each picture so that it may move,
//! grow and go.

use super::super::ScreenFault;
use super::super::name::Name;
use super::super::place::Place;
use parley_proto::Resolution;
use xcap::{Monitor, Window, XCapError};

/// The most of a title that is kept.
const TITLE_CHARS_MAX: usize = 120;

/// What was read: tight RGBA.
pub(super) struct Grab {
    pub(super) rgba: Vec<u8>,
    pub(super) size: Resolution,
}

/// See the module.
pub(super) enum Subject {
    Monitor { wanted: String, monitor: Monitor },
    Window(Window),
}

impl Subject {
    /// What has this name, if it is there.
    pub(super) fn find(name: Name) -> Result<Option<Self>, ScreenFault> {
        Ok(match name {
            Name::Monitor(wanted) => monitor_named(&wanted)?.map(|monitor| Self::Monitor { wanted, monitor }),
            Name::Window(id) => Window::all()
                .map_err(lost)?
                .into_iter()
                .find(|window| window.id().ok() == Some(id))
                .map(Self::Window),
        })
    }

    /// For people.
    pub(super) fn title(&self) -> String {
        match self {
            Self::Monitor { monitor, .. } => monitor_title(monitor),
            Self::Window(window) => window_title(window),
        }
    }

    /// Where it is now. Nothing while it cannot be seen, an error once it is gone for good.
    pub(super) fn look(&mut self) -> Result<Option<Place>, ScreenFault> {
        match self {
            Self::Monitor { wanted, monitor } => {
                if let Some(place) = monitor_place(monitor) {
                    return Ok(Some(place));
                }
                // The system numbers monitors anew when one is plugged in or out.
                *monitor = monitor_named(wanted)?.ok_or(ScreenFault::MonitorGone)?;
                Ok(monitor_place(monitor))
            }
            Self::Window(window) => match window_place(window) {
                Some(_) if is_hidden(window) => Ok(None),
                Some(place) => Ok(Some(place)),
                None if is_still_there(window) => Ok(None),
                None => Err(ScreenFault::WindowClosed),
            },
        }
    }

    /// Reads its pixels.
    pub(super) fn grab(&self) -> Result<Grab, XCapError> {
        let image = match self {
            Self::Monitor { monitor, .. } => monitor.capture_image()?,
            Self::Window(window) => window.capture_image()?,
        };
        Ok(Grab {
            size: Resolution::new(image.width(), image.height()),
            rgba: image.into_raw(),
        })
    }
}

/// A monitor's name in ids: the same across runs. The number of a display on macOS, Windows' name of the device.
pub(super) fn monitor_name(monitor: &Monitor) -> Option<String> {
    if cfg!(target_os = "macos") {
        monitor.id().ok().map(|id| id.to_string())
    } else {
        monitor.name().ok()
    }
}

/// What is written on it. On macOS only AppKit knows, which may not be asked from this thread: nothing then.
pub(super) fn monitor_title(monitor: &Monitor) -> String {
    if cfg!(target_os = "macos") {
        return String::new();
    }
    cleaned(&monitor.friendly_name().unwrap_or_default())
}

/// A window's title.
pub(super) fn window_title(window: &Window) -> String {
    cleaned(&window.title().unwrap_or_default())
}

/// Titles come from other programs.
fn cleaned(title: &str) -> String {
    title
        .chars()
        .filter(|letter| !letter.is_control())
        .take(TITLE_CHARS_MAX)
        .collect()
}

fn monitor_named(wanted: &str) -> Result<Option<Monitor>, ScreenFault> {
    let monitors = Monitor::all().map_err(lost)?;
    Ok(if wanted.is_empty() {
        let first = monitors
            .iter()
            .position(|monitor| monitor.is_primary().unwrap_or(false));
        monitors.into_iter().nth(first.unwrap_or(0))
    } else {
        monitors
            .into_iter()
            .find(|monitor| monitor_name(monitor).as_deref() == Some(wanted))
    })
}

/// Nothing for one that is switched off: macOS says then that it measures nothing.
pub(super) fn monitor_place(monitor: &Monitor) -> Option<Place> {
    let size = Resolution::new(monitor.width().ok()?, monitor.height().ok()?);
    let place = Place {
        x: monitor.x().ok()?,
        y: monitor.y().ok()?,
        size,
    };
    (size.pixels() > 0).then_some(place)
}

/// Nothing for one that is closed, and on macOS for one that is hidden.
pub(super) fn window_place(window: &Window) -> Option<Place> {
    Some(Place {
        x: window.x().ok()?,
        y: window.y().ok()?,
        size: Resolution::new(window.width().ok()?, window.height().ok()?),
    })
}

/// Whether a window with a place cannot be seen. On macOS hidden ones have no place, and to ask is slow.
pub(super) fn is_hidden(window: &Window) -> bool {
    !cfg!(target_os = "macos") && window.is_minimized().unwrap_or(true)
}

/// Whether a window without a place is only hidden: Windows keeps the place of those.
fn is_still_there(window: &Window) -> bool {
    #[cfg(target_os = "macos")]
    {
        use objc2_core_graphics::{CGWindowListCopyWindowInfo, CGWindowListOption};
        let Ok(id) = window.id() else {
            return false;
        };
        CGWindowListCopyWindowInfo(CGWindowListOption::OptionIncludingWindow, id)
            .is_some_and(|windows| windows.count() > 0)
    }
    #[cfg(not(target_os = "macos"))]
    {
        let _ = window;
        false
    }
}

/// Nothing can be listed any more.
pub(super) fn lost(error: XCapError) -> ScreenFault {
    ScreenFault::Lost(error.to_string())
}
