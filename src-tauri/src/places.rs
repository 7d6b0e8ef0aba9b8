//! Where the windows are: noted while they move, kept when they close, given back when they open.

use parley_desktop::place::{Place, ScreenArea};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use tauri::{Manager as _, PhysicalPosition, PhysicalSize, WebviewWindow, Window};

/// Smaller is the mini window, whose place is not kept (the configuration's least size, without the scale of the screen).
const KEPT_MIN: PhysicalSize<u32> = PhysicalSize::new(480, 360);

/// Where each window was last, when it was an ordinary window; by its name.
pub(crate) struct LastPlaces {
    folder: PathBuf,
    windows: Mutex<BTreeMap<String, Place>>,
}

impl LastPlaces {
    /// Kept in this folder.
    pub(crate) const fn in_folder(folder: PathBuf) -> Self {
        Self {
            folder,
            windows: Mutex::new(BTreeMap::new()),
        }
    }
}

/// It was moved or has another size.
pub(crate) fn note(window: &Window) {
    let places = window.state::<LastPlaces>();
    let mut windows = places.windows.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(place) = now(window, windows.get(window.label()).copied()) {
        windows.insert(window.label().to_owned(), place);
    }
}

/// It closes. One that was never moved has a place too.
pub(crate) fn keep(window: &Window) {
    note(window);
    let places = window.state::<LastPlaces>();
    let windows = places.windows.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(place) = windows.get(window.label())
        && let Err(error) = place.write(&places.folder, window.label())
    {
        tracing::info!(%error, "the window's place is not kept");
    }
}

/// Puts a window where it was, if that can be seen.
pub(crate) fn put_back(window: &WebviewWindow) {
    let places = window.state::<LastPlaces>();
    let Some(place) = Place::read(&places.folder, window.label()) else {
        return;
    };
    let screens = window.available_monitors().unwrap_or_default();
    let area = |screen: &tauri::Monitor| ScreenArea {
        x: screen.position().x,
        y: screen.position().y,
        width: screen.size().width,
        height: screen.size().height,
    };
    if !place.is_seen(&screens.iter().map(area).collect::<Vec<_>>()) {
        return;
    }
    let put = window
        .set_size(PhysicalSize::new(place.width, place.height))
        .and(window.set_position(PhysicalPosition::new(place.x, place.y)));
    let grown = if place.maximized {
        window.maximize()
    } else {
        Ok(())
    };
    tracing::debug!(?put, ?grown, "the window is where it was");
}

/// The window's place now; full screen and mini are none.
fn now(window: &Window, last: Option<Place>) -> Option<Place> {
    let maximized = window.is_maximized().ok()?;
    if maximized {
        return last.map(|last| Place { maximized, ..last });
    }
    if window.is_fullscreen().ok()? || window.is_minimized().ok()? {
        return None;
    }
    let (size, position) = (window.inner_size().ok()?, window.outer_position().ok()?);
    (size.width >= KEPT_MIN.width && size.height >= KEPT_MIN.height).then_some(Place {
        x: position.x,
        y: position.y,
        width: size.width,
        height: size.height,
        maximized,
    })
}
