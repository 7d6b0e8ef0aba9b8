//! Why a camera gives no pictures, told from what the library says: it hands the system's error on only inside a sentence.

use nokhwa::NokhwaError;

/// A camera's trouble.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CameraFault {
    /// None is there, or not the one wished for.
    #[error("no camera found")]
    Missing,
    /// It was pulled out while open.
    #[error("the camera was unplugged")]
    Unplugged,
    /// The one wished for is back.
    #[error("the chosen camera is back")]
    Relieved,
    /// Another program (or another source) holds it.
    #[error("the camera is used by another program")]
    Busy,
    /// The system does not let this program use it.
    #[error("no permission to use the camera")]
    Denied,
    /// It is open but gives nothing.
    #[error("the camera stopped giving pictures")]
    Stalled,
    /// None of its formats worked; the last one's trouble.
    #[error("none of the camera's formats works: {0}")]
    NoMode(String),
    /// Something else.
    #[error("{0}")]
    Other(String),
}

impl CameraFault {
    /// Whether another format of the same camera might do better.
    pub(super) const fn depends_on_mode(&self) -> bool {
        matches!(self, Self::Stalled | Self::NoMode(_) | Self::Other(_))
    }

    /// From a panic inside the library.
    pub(super) fn from_panic(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("no reason given");
        Self::from_text(&format!("the camera library panicked: {text}"))
    }

    /// From any sentence with the system's error number in it.
    pub(super) fn from_text(text: &str) -> Self {
        match os_error(text) {
            Some(libc::EBUSY) => Self::Busy,
            Some(libc::EACCES | libc::EPERM) => Self::Denied,
            Some(libc::ENOENT) => Self::Missing,
            Some(libc::ENODEV | libc::ENXIO) => Self::Unplugged,
            _ => Self::Other(text.to_owned()),
        }
    }
}

impl From<NokhwaError> for CameraFault {
    fn from(error: NokhwaError) -> Self {
        Self::from_text(&error.to_string())
    }
}

/// The number in "... (os error 16)", as `std::io::Error` writes it.
fn os_error(text: &str) -> Option<i32> {
    let (_, rest) = text.rsplit_once("(os error ")?;
    rest.split_once(')')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_error_is_found_in_the_sentence() {
        let check = |text: &str, expect: CameraFault| assert_eq!(CameraFault::from_text(text), expect);
        check("V4L2 Error: Permission denied (os error 13)", CameraFault::Denied);
        check(
            "V4L2 Error: No such file or directory (os error 2)",
            CameraFault::Missing,
        );
        check(
            "Could not open: Device or resource busy (os error 16)",
            CameraFault::Busy,
        );
        check(
            "Could not read: No such device (os error 19)!",
            CameraFault::Unplugged,
        );
        let odd = "Framerate not whole number: 30000 / 1001";
        check(odd, CameraFault::Other(odd.into()));
        check("(os error x)", CameraFault::Other("(os error x)".into()));
    }

    #[test]
    fn only_a_formats_own_trouble_makes_another_worth_trying() {
        assert!(CameraFault::Other("no space left on the bus".into()).depends_on_mode());
        assert!(!CameraFault::Busy.depends_on_mode());
        assert!(!CameraFault::Unplugged.depends_on_mode());
    }
}
