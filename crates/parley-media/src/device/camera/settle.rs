//! Puts a camera into a state that the library can open: it refuses one whose present format or frame rate it does not know
//! ("Framerate not whole number"), whatever is asked of it.

use super::CameraWish;
use nokhwa::utils::CameraIndex;

/// Sets a format and a whole frame rate; false if there is nothing to be done.
#[cfg(target_os = "linux")]
pub(super) fn settle(index: &CameraIndex, wish: &CameraWish) -> bool {
    use v4l::video::Capture;
    use v4l::video::capture::Parameters;
    use v4l::{Device, Format, FourCC};
    let Ok(number) = index.as_index() else {
        return false;
    };
    let Ok(device) = Device::new(number as usize) else {
        return false;
    };
    let Ok(named) = device.enum_formats() else {
        return false;
    };
    let usable = [b"YUYV", b"NV12", b"MJPG"].map(FourCC::new);
    let settled = usable
        .into_iter()
        .filter(|fourcc| named.iter().any(|named| named.fourcc == *fourcc))
        .find_map(|fourcc| {
            let format = Format::new(wish.resolution.width, wish.resolution.height, fourcc);
            device.set_format(&format).ok()?;
            let set = device
                .set_params(&Parameters::with_fps(wish.frame_rate.get()))
                .ok()?;
            (set.interval.numerator == 1).then_some(fourcc)
        });
    tracing::info!(?settled, "the camera's format was one the library does not know");
    settled.is_some()
}

/// Sets a format and a whole frame rate; false if there is nothing to be done.
#[cfg(not(target_os = "linux"))]
pub(super) fn settle(_index: &CameraIndex, _wish: &CameraWish) -> bool {
    false
}
