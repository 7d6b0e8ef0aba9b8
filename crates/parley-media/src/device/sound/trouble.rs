//! Why there is no sound from or to a device, in the few ways that make a difference to a person.

use cpal::ErrorKind;

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct DeviceTrouble {
    /// In which way.
    pub kind: TroubleKind,
    /// For the log and the curious.
    pub detail: String,
}

/// The ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TroubleKind {
    /// There is no such device, or none at all.
    Missing,
    /// Somebody else holds it.
    Busy,
    /// The system does not let us.
    Denied,
    /// Anything else.
    Failed,
}

impl DeviceTrouble {
    pub(super) fn new(kind: TroubleKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }
}

impl From<cpal::Error> for DeviceTrouble {
    fn from(error: cpal::Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::DeviceBusy | ErrorKind::ResourceExhausted => TroubleKind::Busy,
            ErrorKind::PermissionDenied => TroubleKind::Denied,
            ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable => TroubleKind::Missing,
            _ => TroubleKind::Failed,
        };
        Self::new(kind, error.to_string())
    }
}
