//! Devices: the only place that names `cpal`, `nokhwa`, `pulseaudio`, `x11rb` and `xcap`.

pub(crate) mod camera;
pub mod changes;
#[cfg(target_os = "linux")]
pub(crate) mod pulse;
pub mod screen;
pub mod sound;
pub mod system_sound;

pub use camera::list_cameras;
pub use sound::{list_microphones, list_speakers};

/// A device a person can choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Stays the same as long as the device is the same; kept in the settings.
    pub id: String,
    /// For people.
    pub name: String,
    /// Whether the system uses it when nothing was chosen.
    pub is_default: bool,
}

/// The device that another one took the place of, without anybody asking for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// For people.
    pub name: String,
    /// It is not there any more; else the other one only became the right one.
    pub gone: bool,
}
