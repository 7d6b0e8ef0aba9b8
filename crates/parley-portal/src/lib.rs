//! The desktop's portals (xdg-desktop-portal) on the session bus of Linux: what a program under Wayland may not do by itself,
//! and the desktop asks the person about.
//!
//! | part | interface |
//! |---|---|
//! | [`portal`] | `org.freedesktop.portal.Request` and `Session`: a question, its answer that comes later, and what stays open after it |
//! | [`screen_cast`] | `ScreenCast` 1 to 5: which screen or window is shared |
//! | [`shortcuts`] | `GlobalShortcuts` 1: keys that work from any program |
//!
//! Its own room because two rooms ask that have no edge between them: `parley-media` opens a screen here as it opens a camera,
//! and the shell listens to keys. It knows nothing of ours, no PipeWire and no window. Empty on other systems.
#![cfg(target_os = "linux")]

pub mod portal;
pub mod screen_cast;
pub mod shortcuts;

#[cfg(test)]
mod made_up;
