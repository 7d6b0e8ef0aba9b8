//! What is on the screen: monitors and windows, listed, shown small, captured. Never another program's pixels unasked.
//!
//! | part | what it does |
//! |---|---|
//! | here | the nouns, and which system's capture is built in |
//! | `x11` | Linux: MIT-SHM, the cursor from XFixes, changes from DAMAGE, covered windows from Composite |
//! | `portal` | Linux under Wayland: the desktop asks the person itself, and its pictures come over PipeWire |
//! | `portable` | Windows and macOS: pictures from `xcap`, the pointer drawn over them |
//! | [`previews`] | the list with small pictures, renewed every second while somebody chooses |

#[cfg(any(test, windows, target_os = "macos"))]
mod icon;
mod name;
mod pixels;
#[cfg(any(test, windows, target_os = "macos"))]
mod place;
#[cfg(any(windows, target_os = "macos"))]
mod portable;
#[cfg(target_os = "linux")]
mod portal;
pub mod previews;
#[cfg(target_os = "linux")]
mod x11;

#[cfg(any(windows, target_os = "macos"))]
use portable as system;
#[cfg(target_os = "linux")]
use x11 as system;

use crate::video::source::{SourceState, Stage};
use parley_proto::{FrameRate, Resolution};
pub use previews::ScreenPreviews;

/// A monitor or a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScreenKind {
    /// All that one monitor shows.
    Monitor,
    /// One window, also where others cover it.
    Window,
}

/// Something that can be shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScreenSource {
    /// `monitor:NAME` stays the same across runs, `window:NUMBER` for the life of the window.
    pub id: String,
    /// What it is.
    pub kind: ScreenKind,
    /// For people: the monitor's connector or make, the window's title. May be empty.
    pub name: String,
    /// Its size in pixels.
    pub size: Resolution,
    /// Whether it is the monitor that the system calls the first.
    pub is_primary: bool,
}

/// Why nothing of a screen can be seen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScreenFault {
    /// macOS asks its person first, and does not let a running program see what was allowed meanwhile.
    #[error(
        "Parley may not see the screen. Allow it in the system's settings, under Privacy & Security, Screen Recording, and start Parley again."
    )]
    Denied,
    /// Wayland, where there is no list: the desktop asks ([`SYSTEM_ASKS`]).
    #[error("This desktop asks by itself what to share.")]
    SystemAsks,
    /// Wayland, and nobody who could ask.
    #[error(
        "This desktop has nothing that lets programs share the screen ({0}). Install xdg-desktop-portal with its part for this desktop, then log in again."
    )]
    NoPortal(String),
    /// Wayland, and the desktop would not.
    #[error("The desktop did not let the screen be shared ({0}). Try again.")]
    Refused(String),
    /// The person closed the desktop's dialog.
    #[error("Nothing was chosen to be shared.")]
    Cancelled,
    /// The desktop, or the person through it, ended the share.
    #[error("The desktop ended sharing.")]
    Ended,
    /// No screen to be reached.
    #[error("No screen was found: {0}.")]
    NoDisplay(String),
    /// The source's name means nothing, or it is not there.
    #[error("What was to be shared is not there.")]
    NotThere,
    /// The window was closed.
    #[error("The shared window was closed.")]
    WindowClosed,
    /// The monitor was unplugged or switched off.
    #[error("The shared screen was disconnected.")]
    MonitorGone,
    /// Pixels in a form that is not read here.
    #[error("The screen's colour format (depth {0}) is not supported.")]
    Format(u8),
    /// The display server went away or refuses.
    #[error("The screen can no longer be read: {0}.")]
    Lost(String),
}

impl ScreenFault {
    /// What the source of this id says of itself then.
    fn state_of(&self, id: &str) -> SourceState {
        match self {
            // PipeWire went away: neither the desktop nor its person ended anything.
            Self::Lost(_) if id.starts_with(SYSTEM_ASKS) => SourceState::Failed,
            fault => fault.source_state(),
        }
    }

    const fn source_state(&self) -> SourceState {
        match self {
            Self::NotThere => SourceState::Missing,
            Self::NoPortal(_) => SourceState::Missing,
            Self::Denied | Self::Cancelled => SourceState::Denied,
            Self::WindowClosed | Self::MonitorGone | Self::Ended | Self::Lost(_) => SourceState::Gone,
            Self::SystemAsks | Self::Refused(_) | Self::NoDisplay(_) | Self::Format(_) => SourceState::Failed,
        }
    }
}

/// What the person answered when the system itself asked what to share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemChoice {
    /// What gives the same again, as an id: without a question where the system allows that. Each works once.
    pub id: String,
    /// What was chosen.
    pub kind: ScreenKind,
}

/// The id of whatever the person chooses when the system asks. Longer ones are those of [`SystemChoice`].
pub const SYSTEM_ASKS: &str = "portal:";

/// Whether the system asks what to share, so that there is no list to choose from.
#[must_use]
pub fn system_asks() -> bool {
    // Xwayland shows black where Wayland's own windows are, so that X11 is of no use beside it.
    cfg!(target_os = "linux")
        && std::env::var_os("WAYLAND_DISPLAY").is_some_and(|display| !display.is_empty())
}

/// What to capture, and how.
#[derive(Debug, Clone)]
pub(crate) struct ScreenWish {
    /// [`ScreenSource::id`]; `monitor:` alone for the first monitor; [`SYSTEM_ASKS`].
    pub(crate) id: String,
    /// Pictures per second at most; what does not change is not taken again.
    pub(crate) frame_rate: FrameRate,
    /// Whether the mouse pointer is seen.
    pub(crate) cursor: bool,
}

/// Everything that can be shared now, monitors first. Blocking, a few milliseconds: call it off the async threads.
///
/// # Errors
/// When there is no screen or no way to capture it.
pub fn list_screens() -> Result<Vec<ScreenSource>, ScreenFault> {
    system::list()
}

/// Captures until told to stop. What cannot be seen any more is told, and not tried again: a person chooses anew.
pub(crate) fn run(stage: &Stage, wish: &ScreenWish) {
    #[cfg(target_os = "linux")]
    let outcome = match wish.id.strip_prefix(SYSTEM_ASKS) {
        Some(restore) => portal::capture(stage, wish, restore),
        None => system::capture(stage, wish),
    };
    #[cfg(not(target_os = "linux"))]
    let outcome = system::capture(stage, wish);
    if let Err(fault) = outcome {
        tracing::info!(%fault, "nothing is captured any more");
        stage.tell(fault.state_of(&wish.id), Some(fault.to_string()));
        stage.rest();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_that_are_lost_were_ended_by_nobody() {
        let lost = ScreenFault::Lost("no more".into());
        assert_eq!(lost.state_of("monitor:one"), SourceState::Gone);
        assert_eq!(lost.state_of("portal:token"), SourceState::Failed);
        assert_eq!(ScreenFault::Ended.state_of("portal:token"), SourceState::Gone);
    }
}
