//! Which cameras there are. An id is name and place on the bus, so it outlives a replug and a reordering of the device
//! numbers; a camera moved to another socket is still found by its name.

use nokhwa::utils::CameraIndex;

/// A camera that could be opened now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Camera {
    /// Name and place.
    pub(super) id: String,
    /// For people.
    pub(super) name: String,
    /// For the library, now.
    pub(super) index: CameraIndex,
}

/// Between name and place in an id.
const SEPARATOR: char = '@';

impl Camera {
    fn new(name: String, place: &str, index: CameraIndex) -> Self {
        Self {
            id: format!("{name}{SEPARATOR}{place}"),
            name,
            index,
        }
    }
}

/// The camera with this id, or of this name at another place; without an id, or while that one is away, the first.
pub(super) fn pick<'a>(cameras: &'a [Camera], id: Option<&str>) -> Option<&'a Camera> {
    id.and_then(|id| wished(cameras, id)).or_else(|| cameras.first())
}

/// The camera with this id, or of this name at another place.
pub(super) fn wished<'a>(cameras: &'a [Camera], id: &str) -> Option<&'a Camera> {
    let same_name = |camera: &&Camera| {
        id.rsplit_once(SEPARATOR)
            .is_some_and(|(name, _)| name == camera.name)
    };
    let exact = cameras.iter().find(|camera| camera.id == id);
    exact.or_else(|| cameras.iter().find(same_name))
}

/// Every camera, in the system's order.
#[cfg(target_os = "linux")]
pub(super) fn cameras() -> Vec<Camera> {
    let Ok(entries) = std::fs::read_dir("/dev") else {
        return Vec::new();
    };
    let number = |entry: std::fs::DirEntry| -> Option<u32> {
        let name = entry.file_name();
        name.to_str()?.strip_prefix("video")?.parse().ok()
    };
    let mut numbers: Vec<u32> = entries.flatten().filter_map(number).collect();
    numbers.sort_unstable();
    numbers.into_iter().filter_map(look_at).collect()
}

/// None for a node that is no camera: cameras bring others, for their metadata.
#[cfg(target_os = "linux")]
fn look_at(number: u32) -> Option<Camera> {
    use v4l::capability::Flags;
    // The library panics over a name that is not UTF-8.
    let asked = std::panic::catch_unwind(|| v4l::Device::new(number as usize)?.query_caps());
    let index = CameraIndex::Index(number);
    match asked {
        Ok(Ok(about)) if !about.capabilities.contains(Flags::VIDEO_CAPTURE) => None,
        Ok(Ok(about)) => Some(Camera::new(about.card, &about.bus, index)),
        // Unplugged, its node still there.
        Ok(Err(error))
            if matches!(
                error.raw_os_error(),
                Some(libc::ENODEV | libc::ENXIO | libc::ENOTTY)
            ) =>
        {
            None
        }
        // Not ours to open: still a camera, and its trouble is told when it is chosen.
        Ok(Err(_)) | Err(_) => Some(Camera::new(
            name_in_sysfs(number),
            &format!("video{number}"),
            index,
        )),
    }
}

#[cfg(target_os = "linux")]
fn name_in_sysfs(number: u32) -> String {
    let name = std::fs::read_to_string(format!("/sys/class/video4linux/video{number}/name"));
    name.map_or_else(|_| format!("/dev/video{number}"), |name| name.trim().to_owned())
}

/// Every camera, in the system's order.
#[cfg(not(target_os = "linux"))]
pub(super) fn cameras() -> Vec<Camera> {
    let found = nokhwa::query(nokhwa::utils::ApiBackend::Auto).unwrap_or_default();
    let about = |camera: &nokhwa::utils::CameraInfo| {
        Camera::new(camera.human_name(), &camera.misc(), camera.index().clone())
    };
    found.iter().map(about).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_is_found_by_id_then_by_name_and_stood_in_for_while_it_is_away() {
        let camera =
            |name: &str, place: &str, index| Camera::new(name.into(), place, CameraIndex::Index(index));
        let cameras = || {
            [
                camera("Desk", "usb-1", 0),
                camera("Head", "usb-2", 2),
                camera("Head", "usb-3", 4),
            ]
        };
        let check = |id: Option<&str>, expect: u32| {
            let cameras = cameras();
            let found = pick(&cameras, id).map(|camera| camera.index.clone());
            assert_eq!(found, Some(CameraIndex::Index(expect)), "{id:?}");
        };
        check(None, 0);
        check(Some("Head@usb-3"), 4);
        check(Some("Head@usb-9"), 2);
        // Others stand in for what is not there.
        check(Some("Other@usb-1"), 0);
        check(Some("Head"), 0);
        assert_eq!(pick(&[], None), None);
    }
}
