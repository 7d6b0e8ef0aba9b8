//! Which device is used: the chosen one while it is there, else what the system uses, and the chosen one again once it is
//! back. Listing devices asks the system and may take its time, so it happens on a thread of its own.

use crate::view::{DeviceKind, DeviceView, Settings};
use parley_media::device::{self, Device};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// The devices there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct DeviceLists {
    pub(super) cameras: Vec<Device>,
    pub(super) microphones: Vec<Device>,
    pub(super) speakers: Vec<Device>,
}

impl DeviceLists {
    /// Asks the system. Blocks.
    pub(super) fn ask() -> Self {
        Self {
            cameras: device::list_cameras(),
            microphones: device::list_microphones(),
            speakers: device::list_speakers(),
        }
    }

    pub(super) fn of(&self, kind: DeviceKind) -> &[Device] {
        match kind {
            DeviceKind::Camera => &self.cameras,
            DeviceKind::Microphone => &self.microphones,
            DeviceKind::Speaker => &self.speakers,
        }
    }

    pub(super) fn view(&self, kind: DeviceKind) -> Vec<DeviceView> {
        let view = |device: &Device| DeviceView {
            id: device.id.clone(),
            name: device.name.clone(),
            is_default: device.is_default,
        };
        self.of(kind).iter().map(view).collect()
    }

    /// The id to open; none for "what the system uses".
    pub(super) fn usable(&self, kind: DeviceKind, settings: &Settings) -> Option<String> {
        let chosen = chosen(kind, settings)?;
        let devices = self.of(kind);
        // With nothing else there (or nothing known yet) the chosen one is waited for.
        let fall_back = !devices.is_empty() && devices.iter().all(|device| device.id != *chosen);
        (!fall_back).then(|| chosen.clone())
    }
}

/// Whether somebody may want to choose a device, and how often a list was asked for at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ListWish {
    pub(super) regularly: bool,
    pub(super) at_once: u32,
}

/// Lists devices as wished, until the wish's sender is gone. One list at a time; who does not take it gets the next later.
#[expect(
    clippy::disallowed_methods,
    reason = "driver: the task that waits for the system's answer"
)]
pub(super) fn watch_devices(
    mut wish: watch::Receiver<ListWish>,
    every: Duration,
) -> mpsc::Receiver<DeviceLists> {
    let (out, listed) = mpsc::channel(1);
    let watching = async move {
        let mut answered = ListWish::default();
        loop {
            let now = *wish.borrow_and_update();
            if now.regularly || now.at_once != answered.at_once {
                let Ok(lists) = tokio::task::spawn_blocking(DeviceLists::ask).await else {
                    return;
                };
                if out.send(lists).await.is_err() {
                    return;
                }
            }
            answered = now;
            tokio::select! {
                changed = wish.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(every), if now.regularly => {}
            }
        }
    };
    drop(tokio::spawn(watching));
    listed
}

/// What the person chose.
pub(super) const fn chosen(kind: DeviceKind, settings: &Settings) -> Option<&String> {
    match kind {
        DeviceKind::Camera => settings.camera.as_ref(),
        DeviceKind::Microphone => settings.microphone.as_ref(),
        DeviceKind::Speaker => settings.speaker.as_ref(),
    }
}

/// Keeps what the person chose.
pub(super) fn choose(kind: DeviceKind, id: Option<String>, settings: &mut Settings) {
    match kind {
        DeviceKind::Camera => settings.camera = id,
        DeviceKind::Microphone => settings.microphone = id,
        DeviceKind::Speaker => settings.speaker = id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_device_is_used_while_it_is_there_and_waited_for_when_nothing_else_is() {
        let check = |there: &[&str], chosen: Option<&str>, expect: Option<&str>| {
            let device = |id: &&str| Device {
                id: (*id).into(),
                name: String::new(),
                is_default: false,
            };
            let lists = DeviceLists {
                cameras: there.iter().map(device).collect(),
                ..DeviceLists::default()
            };
            let settings = Settings {
                camera: chosen.map(str::to_owned),
                ..Settings::default()
            };
            let usable = lists.usable(DeviceKind::Camera, &settings);
            assert_eq!(usable.as_deref(), expect, "{there:?} {chosen:?}");
        };
        check(&["a", "b"], Some("b"), Some("b"));
        check(&["a"], Some("b"), None);
        check(&[], Some("b"), Some("b"));
        check(&["a"], None, None);
    }
}
