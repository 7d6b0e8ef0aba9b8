//! How Parley behaves on the desktop around its window.

use super::UpdateView;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What the person chose about the desktop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct DesktopSettings {
    /// Parley starts, minimised, when the person logs in.
    pub autostart: bool,
    /// Closing the window leaves Parley running in the tray, where there is one.
    pub stay_in_tray: bool,
    /// Who comes and goes is told by the system while the window is not looked at.
    pub notifications: bool,
    /// Once a day Parley asks whether there is a newer one.
    pub look_for_updates: bool,
    /// The key that mutes and unmutes from any program, such as `Ctrl+Shift+KeyM`; empty: none.
    pub mute_key: String,
    /// The key that lets one talk while it is held, from any program; empty: none.
    pub talk_key: String,
}

impl Default for DesktopSettings {
    fn default() -> Self {
        Self {
            autostart: false,
            stay_in_tray: false,
            notifications: true,
            look_for_updates: true,
            mute_key: String::new(),
            talk_key: String::new(),
        }
    }
}

/// What a notification is about; a click on it leads there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum NoticeTopic {
    /// Who comes, who records, how it ended.
    Call,
    /// What is written.
    Chat,
    /// A file that somebody offers.
    Files,
}

/// What the desktop said to what was asked of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
pub struct DesktopView {
    /// Keys that could not be had: another program has them, or the system has no such key.
    pub refused_keys: Vec<String>,
    /// Why start at login could not be switched.
    pub autostart_fault: Option<String>,
    /// There is no graphics card: what a window would give it to do, the processor does.
    pub drawn_by_processor: bool,
    /// What is known of a newer Parley. Told apart from the rest, by [`super::AppCommand::TellUpdate`].
    pub update: UpdateView,
}
