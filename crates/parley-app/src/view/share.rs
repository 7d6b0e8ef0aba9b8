//! Sharing a screen or window: what one shares, what there is to choose from, and how it is done by default.

use super::DeviceState;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// One's own sharing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, TS)]
pub struct ShareView {
    /// What is shared now; its picture is in the tile `screen`.
    pub sharing: Option<SharingView>,
    /// What could be shared, while the person chooses.
    pub choice: Option<ShareChoice>,
    /// Why the last share ended by itself; until the next one, or until it was seen.
    pub stopped: Option<ShareStop>,
    /// Whether what this computer plays can be shared too. Looked for whenever somebody chooses.
    pub sound: ShareSound,
}

/// Whether what this computer plays can be shared with a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ShareSound {
    /// It can.
    Possible,
    /// There is no way on this system yet.
    #[default]
    Unsupported,
    /// Linux without PulseAudio or PipeWire, which tell programs apart.
    NoServer,
}

/// What is shared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct SharingView {
    /// Which: [`ScreenView::id`].
    pub id: String,
    /// A monitor or a window.
    pub kind: ScreenKind,
    /// What people call it, once known.
    pub name: Option<String>,
    /// For reading or for motion.
    pub mode: ShareMode,
    /// Whether what this computer plays is heard with it.
    pub sound: bool,
    /// Whether pictures come.
    pub state: DeviceState,
    /// Its size in pixels, once known.
    pub size: Option<(u32, u32)>,
    /// The system shows a dialog of its own and was not answered yet: nobody sees anything.
    pub asking: bool,
    /// The system asked, and can be asked again.
    pub asked: bool,
}

/// What could be shared.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, TS)]
pub struct ShareChoice {
    /// Whether it was looked for already.
    pub looked: bool,
    /// Monitors first. Small pictures are in the tiles `choice:ID`.
    pub sources: Vec<ScreenView>,
    /// Why there is nothing.
    pub fault: Option<ShareStop>,
    /// There is no list: the system itself asks what to share; share the id `portal:` to let it.
    pub system_asks: bool,
}

/// A monitor or window that could be shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ScreenView {
    /// Stable for a monitor; a window's ends with it.
    pub id: String,
    /// What it is.
    pub kind: ScreenKind,
    /// The connector of a monitor, the title of a window (may be empty).
    pub name: String,
    /// In pixels.
    pub size: (u32, u32),
    /// The monitor that the system calls the first.
    pub is_primary: bool,
}

/// What can be shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ScreenKind {
    /// All that one monitor shows.
    Monitor,
    /// One window.
    Window,
}

/// How it is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ShareMode {
    /// To be read: sharp, in its own size, few pictures a second.
    #[default]
    Text,
    /// To be watched: smooth.
    Motion,
}

/// Why nothing is shared any more, or cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ShareStop {
    /// The window was closed.
    WindowClosed,
    /// The monitor was disconnected.
    MonitorGone,
    /// It was not there to begin with.
    NotThere,
    /// The system does not let this program see the screen.
    Denied,
    /// Wayland without a portal that could ask the person.
    NoPortal,
    /// The desktop did not let it begin, nor did its person close the dialog.
    Refused,
    /// It ended for something else to be chosen, and nothing was.
    NothingElse,
    /// The desktop ended it, or the person did so there.
    EndedByDesktop,
    /// No screen can be reached.
    NoScreen,
    /// Anything else.
    Failed,
}

/// How things are shared by default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct ScreenSettings {
    /// The monitor that is shared without asking; absent: ask each time.
    pub monitor: Option<String>,
    /// For reading or for motion.
    pub mode: ShareMode,
    /// Pictures per second at most.
    pub frame_rate_max: u32,
    /// Whether the mouse pointer is seen.
    pub cursor: bool,
    /// Where the system asks what to share: let it ask each time, also where it would give the last choice again.
    pub ask_each_time: bool,
    /// What gives the system's last choice again, as an id; only of use to the system that gave it.
    pub remembered: Option<String>,
    /// Whether what this computer plays is heard with it, where that is possible.
    pub sound: bool,
}

impl Default for ScreenSettings {
    fn default() -> Self {
        Self {
            monitor: None,
            mode: ShareMode::Text,
            frame_rate_max: 30,
            cursor: true,
            ask_each_time: false,
            remembered: None,
            sound: false,
        }
    }
}
