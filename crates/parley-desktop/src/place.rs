//! Where a window was: kept in a small file, one for each window, and given back only where it can be seen. Sans-IO but for the file.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The window that had a place before there were others; its file keeps its name.
const MAIN: &str = "main";
/// So much of a window must lie on a screen, in pixels each way, or it counts as lost.
const SEEN_MIN: i64 = 80;
/// No window is smaller or larger, whoever wrote the file.
const SIDE_MIN: u32 = 200;
const SIDE_MAX: u32 = 16_384;

/// A window's place, in physical pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// From the left of all screens.
    pub x: i32,
    /// From the top of all screens.
    pub y: i32,
    /// Inside, without the frame around it.
    pub width: u32,
    /// The same.
    pub height: u32,
    /// It filled its screen; the rest tells how it is when it does not.
    pub maximized: bool,
}

/// A screen, in physical pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScreenArea {
    /// From the left of all screens.
    pub x: i32,
    /// From the top of all screens.
    pub y: i32,
    /// How wide.
    pub width: u32,
    /// How high.
    pub height: u32,
}

impl Place {
    /// What was kept of this window in a folder, if it makes sense.
    #[must_use]
    pub fn read(folder: &Path, window: &str) -> Option<Self> {
        let place: Self = serde_json::from_slice(&fs::read(file(folder, window)).ok()?).ok()?;
        let sane = |side: u32| (SIDE_MIN..=SIDE_MAX).contains(&side);
        (sane(place.width) && sane(place.height)).then_some(place)
    }

    /// Keeps it. Losing it hurts nobody, so a half-written file may stand: it is not understood, and the window opens as
    /// at first.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(self, folder: &Path, window: &str) -> io::Result<()> {
        fs::write(file(folder, window), serde_json::to_vec(&self)?)
    }

    /// Whether enough of it can be seen and taken hold of on one of these screens. Without any, nothing is known against it.
    #[must_use]
    pub fn is_seen(self, screens: &[ScreenArea]) -> bool {
        let shared = |from: i32, length: u32, screen_from: i32, screen_length: u32| {
            let end =
                (i64::from(from) + i64::from(length)).min(i64::from(screen_from) + i64::from(screen_length));
            end - i64::from(from.max(screen_from))
        };
        screens.is_empty()
            || screens.iter().any(|screen| {
                shared(self.x, self.width, screen.x, screen.width) >= SEEN_MIN
                    && shared(self.y, self.height, screen.y, screen.height) >= SEEN_MIN
                    // The title bar is at the top: without it nobody can move the window.
                    && self.y >= screen.y - 1
            })
    }
}

fn file(folder: &Path, window: &str) -> PathBuf {
    match window {
        MAIN => folder.join("window.json"),
        other => folder.join(format!("window-{other}.json")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place {
        x: 100,
        y: 50,
        width: 960,
        height: 640,
        maximized: false,
    };

    #[test]
    fn a_place_is_kept_and_nonsense_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Place::read(folder.path(), MAIN), None);
        PLACE.write(folder.path(), MAIN).unwrap();
        assert_eq!(Place::read(folder.path(), MAIN), Some(PLACE));
        assert!(folder.path().join("window.json").exists(), "as ever");
        let beside = Place { x: 700, ..PLACE };
        beside.write(folder.path(), "inspector").unwrap();
        let both = [MAIN, "inspector"].map(|window| Place::read(folder.path(), window));
        assert_eq!(both, [Some(PLACE), Some(beside)], "each its own");
        for nonsense in [
            "",
            "[]",
            r#"{"x":0,"y":0,"width":0,"height":640,"maximized":false}"#,
            r#"{"x":0,"y":0,"width":-5,"height":640,"maximized":false}"#,
            r#"{"x":0,"y":0,"width":4000000000,"height":640,"maximized":false}"#,
        ] {
            fs::write(file(folder.path(), MAIN), nonsense).unwrap();
            assert_eq!(Place::read(folder.path(), MAIN), None, "{nonsense}");
        }
    }

    #[test]
    fn a_window_on_a_screen_that_is_gone_is_not_opened_there() {
        let screen = |x, y| ScreenArea {
            x,
            y,
            width: 1920,
            height: 1080,
        };
        let check = |place: Place, screens: &[ScreenArea], expect: bool| {
            assert_eq!(place.is_seen(screens), expect, "{place:?} {screens:?}");
        };
        check(PLACE, &[screen(0, 0)], true);
        check(Place { x: 2000, ..PLACE }, &[screen(0, 0)], false);
        check(Place { x: 2000, ..PLACE }, &[screen(0, 0), screen(1920, 0)], true);
        check(Place { x: -900, ..PLACE }, &[screen(0, 0)], false);
        check(Place { x: -800, ..PLACE }, &[screen(0, 0)], true);
        check(Place { y: -300, ..PLACE }, &[screen(0, 0)], false);
        check(Place { x: i32::MAX, ..PLACE }, &[screen(0, 0)], false);
        check(PLACE, &[], true);
    }
}
