//! Which device is used: the chosen one while it is there, else what the system uses, and the chosen one again once it is
//! back. Listing devices asks the system and may take its time, so it happens on a thread of its own.

use crate::view::{DeviceKind, DeviceView, Settings};
use parley_media::device::{self, Device};
use std::time::{Duration, Instant};
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

    /// Whether there is no device of this kind, or the chosen one is away.
    pub(super) fn is_missed(&self, kind: DeviceKind, settings: &Settings) -> bool {
        let devices = self.of(kind);
        let away = |chosen: &String| devices.iter().all(|device| device.id != *chosen);
        devices.is_empty() || chosen(kind, settings).is_some_and(away)
    }
}

/// How often devices are listed while somebody may want to choose one and one of them is missed: it may be plugged in now.
const MISSED_EVERY: Duration = Duration::from_secs(2);
/// The same while all is well. Listing wakes cameras and connects to the sound server, so it is done seldom.
const WELL_EVERY: Duration = Duration::from_secs(10);

/// Whether somebody may want to choose a device, and how often a list was asked for at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ListWish {
    /// Again after this long.
    pub(super) every: Option<Duration>,
    pub(super) at_once: u32,
}

impl ListWish {
    /// How often to list: not at all while nobody wants a device, often while one is missed.
    pub(super) const fn every(wanted: bool, missed: bool) -> Option<Duration> {
        match (wanted, missed) {
            (false, _) => None,
            (true, true) => Some(MISSED_EVERY),
            (true, false) => Some(WELL_EVERY),
        }
    }

    /// How long until the next list, when the last one was made so long ago, for that wish; never, when it is `None`.
    fn due_in(self, answered: Self, since_last: Option<Duration>) -> Option<Duration> {
        let begins = self.every.is_some() && answered.every.is_none();
        if begins || self.at_once != answered.at_once {
            return Some(Duration::ZERO);
        }
        let since = since_last.unwrap_or(Duration::MAX);
        self.every.map(|every| every.saturating_sub(since))
    }
}

/// Lists devices as wished, until the wish's sender is gone. One list at a time; who does not take it gets the next later.
#[expect(
    clippy::disallowed_methods,
    reason = "driver: the task that waits for the system's answer"
)]
pub(super) fn watch_devices(mut wish: watch::Receiver<ListWish>) -> mpsc::Receiver<DeviceLists> {
    let (out, listed) = mpsc::channel(1);
    let watching = async move {
        let mut answered = ListWish::default();
        let mut last: Option<Instant> = None;
        loop {
            let now = *wish.borrow_and_update();
            let due = now.due_in(answered, last.map(|last| last.elapsed()));
            if due == Some(Duration::ZERO) {
                let Ok(lists) = tokio::task::spawn_blocking(DeviceLists::ask).await else {
                    return;
                };
                if out.send(lists).await.is_err() {
                    return;
                }
                last = Some(Instant::now());
                answered = now;
                continue;
            }
            answered = now;
            tokio::select! {
                changed = wish.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(due.unwrap_or_default()), if due.is_some() => {}
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

    #[test]
    fn devices_are_listed_often_only_while_one_is_missed() {
        let seconds = Duration::from_secs;
        let wish = |wanted, missed| ListWish {
            every: ListWish::every(wanted, missed),
            at_once: 0,
        };
        let (idle, well, missed) = (wish(false, true), wish(true, false), wish(true, true));
        let check = |now: ListWish, answered: ListWish, since: Option<u64>, expect: Option<u64>| {
            let due = now.due_in(answered, since.map(seconds));
            assert_eq!(due, expect.map(seconds), "{now:?} after {answered:?}, {since:?}");
        };
        check(idle, idle, None, None);
        check(well, idle, Some(1), Some(0));
        check(well, well, Some(1), Some(9));
        check(missed, well, Some(1), Some(1));
        check(missed, missed, Some(3), Some(0));
        check(well, missed, Some(3), Some(7));
        check(idle, well, Some(60), None);
        let asked = ListWish { at_once: 1, ..idle };
        check(asked, idle, Some(1), Some(0));
    }

    #[test]
    fn a_chosen_device_that_is_away_is_missed() {
        let lists = DeviceLists {
            cameras: vec![Device {
                id: "a".into(),
                name: String::new(),
                is_default: false,
            }],
            ..DeviceLists::default()
        };
        let mut settings = Settings::default();
        assert!(!lists.is_missed(DeviceKind::Camera, &settings));
        assert!(lists.is_missed(DeviceKind::Speaker, &settings));
        settings.camera = Some("b".into());
        assert!(lists.is_missed(DeviceKind::Camera, &settings));
    }
}
