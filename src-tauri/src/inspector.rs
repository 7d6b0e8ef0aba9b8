//! The call inspector in a window of its own, beside the main one. It shows the same page, which finds out by the window's
//! name what it is; it ends with the main window, and outlives the call that it tells of.

use crate::places;
use std::sync::{Mutex, PoisonError};
use tauri::webview::Color;
use tauri::{AppHandle, Manager as _, WebviewUrl, WebviewWindowBuilder};

/// The window's name; the page and `capabilities/inspector.json` know it too.
const WINDOW: &str = "inspector";
const SIZE: (f64, f64) = (800.0, 680.0);
const SIZE_MIN: (f64, f64) = (480.0, 360.0);
/// As the main window's in the configuration, until the page draws.
const BEFORE_THE_PAGE: Color = Color(13, 15, 19, 255);

/// Held while it opens. A name is taken only once its window is there, so of two wishes at once (a double click) both would
/// make one.
static OPENS: Mutex<()> = Mutex::new(());

/// Opens it, or brings the one that is open to the front.
pub(crate) fn open(app: &AppHandle, title: &str) -> tauri::Result<()> {
    // Never asked on the main thread, which makes the window meanwhile.
    let _opens = OPENS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(window) = app.get_webview_window(WINDOW) {
        return window
            .set_title(title)
            .and(window.unminimize())
            .and(window.show())
            .and(window.set_focus());
    }
    let window = WebviewWindowBuilder::new(app, WINDOW, WebviewUrl::default())
        .title(title)
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(SIZE_MIN.0, SIZE_MIN.1)
        .background_color(BEFORE_THE_PAGE)
        .build()?;
    places::put_back(&window);
    Ok(())
}

/// Closes it, if it is open.
pub(crate) fn close(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(WINDOW) {
        let closed = window.close();
        tracing::debug!(?closed, "the inspector goes with the main window");
    }
}
