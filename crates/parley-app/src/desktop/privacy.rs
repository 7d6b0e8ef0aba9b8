//! The page of the system's settings where a program is allowed a device, on systems that have one. Linux has none: there it
//! is a matter of groups, or of a sandbox.

use crate::view::DeviceKind;

/// Its address on this system.
#[must_use]
pub fn privacy_page(kind: DeviceKind) -> Option<&'static str> {
    page_on(std::env::consts::OS, kind)
}

fn page_on(system: &str, kind: DeviceKind) -> Option<&'static str> {
    match (system, kind) {
        ("macos", DeviceKind::Camera) => {
            Some("x-apple.systempreferences:com.apple.preference.security?Privacy_Camera")
        }
        ("macos", DeviceKind::Microphone) => {
            Some("x-apple.systempreferences:com.apple.preference.security?Privacy_Microphone")
        }
        ("windows", DeviceKind::Camera) => Some("ms-settings:privacy-webcam"),
        ("windows", DeviceKind::Microphone) => Some("ms-settings:privacy-microphone"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_system_with_such_a_page_has_one_a_kind() {
        for system in ["macos", "windows"] {
            let camera = page_on(system, DeviceKind::Camera);
            assert!(camera.is_some() && camera != page_on(system, DeviceKind::Microphone));
            assert_eq!(page_on(system, DeviceKind::Speaker), None);
        }
        assert_eq!(page_on("linux", DeviceKind::Camera), None);
    }
}
