//! Devices: the only place that names `cpal`, `nokhwa` and `x11rb`.

pub(crate) mod camera;
pub mod screen;
pub mod sound;

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
