//! The devices there are to choose from. Which one is used, while the chosen one is there and while it is not, is decided
//! where devices are opened, in `parley_media::device`.
//!
//! Listing asks the system and may take its time, so it happens on a thread of its own: when the system says that something
//! changed, and now and then in case it forgot to.

use crate::view::{DeviceKind, DeviceView, Settings};
use parley_media::device::changes::{Changed, DeviceChanges};
use parley_media::device::{self, Device};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc, watch};

/// The devices there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct DeviceLists {
    pub(super) cameras: Vec<Device>,
    pub(super) microphones: Vec<Device>,
    pub(super) speakers: Vec<Device>,
    /// How often listing failed; the lists are then those of before.
    pub(super) failures: u64,
    /// It failed so often in a row that it is not tried again before its usual time.
    pub(super) given_up: bool,
}

impl DeviceLists {
    /// Asks the system for these. Blocks.
    fn ask(mut self, sound: bool, cameras: bool) -> Self {
        if cameras {
            self.cameras = device::list_cameras();
        }
        if sound {
            self.microphones = device::list_microphones();
            self.speakers = device::list_speakers();
        }
        self
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
/// Where the system tells by itself, so much less often.
const TOLD_TIMES: u32 = 4;

/// How often a list that failed is tried again at once, ...
const TRIES_MAX: u32 = 3;
/// ... and what is waited before each.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(200);

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
    fn due_in(self, answered: Self, since_last: Option<Duration>, told: bool) -> Option<Duration> {
        let begins = self.every.is_some() && answered.every.is_none();
        if begins || self.at_once != answered.at_once {
            return Some(Duration::ZERO);
        }
        let since = since_last.unwrap_or(Duration::MAX);
        let times = if told { TOLD_TIMES } else { 1 };
        self.every.map(|every| (every * times).saturating_sub(since))
    }
}

/// What the system said since the last list.
#[derive(Debug, Default)]
struct Heard {
    sound: AtomicBool,
    cameras: AtomicBool,
    news: Notify,
}

impl Heard {
    fn note(&self, changed: Changed) {
        match changed {
            Changed::Sound => self.sound.store(true, Ordering::Relaxed),
            Changed::Cameras => self.cameras.store(true, Ordering::Relaxed),
        }
        self.news.notify_one();
    }

    fn take(&self) -> (bool, bool) {
        (
            self.sound.swap(false, Ordering::Relaxed),
            self.cameras.swap(false, Ordering::Relaxed),
        )
    }
}

/// Lists devices as wished and as the system says, until the wish's sender is gone. One list at a time; who does not take it
/// gets the next later.
#[expect(
    clippy::disallowed_methods,
    reason = "driver: the task that waits for the system's answer"
)]
pub(super) fn watch_devices(wish: watch::Receiver<ListWish>) -> mpsc::Receiver<DeviceLists> {
    let (out, listed) = mpsc::channel(1);
    drop(tokio::spawn(keep_listing(wish, out, DeviceLists::ask)));
    listed
}

#[expect(clippy::disallowed_methods, reason = "driver: the clock of listing")]
async fn keep_listing(
    mut wish: watch::Receiver<ListWish>,
    out: mpsc::Sender<DeviceLists>,
    ask: impl Fn(DeviceLists, bool, bool) -> DeviceLists + Clone + Send + 'static,
) {
    let heard = Arc::new(Heard::default());
    let mut changes: Option<DeviceChanges> = None;
    let mut answered = ListWish::default();
    let mut last: Option<Instant> = None;
    let mut lists = DeviceLists::default();
    loop {
        let now = *wish.borrow_and_update();
        if now.every.is_none() {
            changes = None;
        } else if changes.is_none() {
            let heard = Arc::clone(&heard);
            let both = [Changed::Sound, Changed::Cameras];
            changes = Some(DeviceChanges::listen(&both, move |changed| heard.note(changed)));
        }
        let told = changes
            .as_ref()
            .is_some_and(|changes| changes.tells(Changed::Sound) && changes.tells(Changed::Cameras));
        let due = now.due_in(answered, last.map(|last| last.elapsed()), told);
        let all = due == Some(Duration::ZERO);
        let (sound, cameras) = heard.take();
        answered = now;
        if all || ((sound || cameras) && now.every.is_some()) {
            let Some(new) = list(lists, all || sound, all || cameras, &ask).await else {
                return;
            };
            lists = new;
            if out.send(lists.clone()).await.is_err() {
                return;
            }
            if all {
                last = Some(Instant::now());
            }
            continue;
        }
        tokio::select! {
            changed = wish.changed() => if changed.is_err() { return },
            () = heard.news.notified() => {}
            () = tokio::time::sleep(due.unwrap_or_default()), if due.is_some() => {}
        }
    }
}

/// The lists of now. What panics in there is mostly a driver's oddity that passes; if it does not, the old lists stay. Nothing
/// when the runtime ends.
async fn list(
    mut old: DeviceLists,
    sound: bool,
    cameras: bool,
    ask: &(impl Fn(DeviceLists, bool, bool) -> DeviceLists + Clone + Send + 'static),
) -> Option<DeviceLists> {
    for attempt in 1..=TRIES_MAX {
        let (ask, before) = (ask.clone(), old.clone());
        match tokio::task::spawn_blocking(move || ask(before, sound, cameras)).await {
            Ok(new) => {
                return Some(DeviceLists {
                    given_up: false,
                    ..new
                });
            }
            Err(error) if error.is_panic() => {
                old.failures += 1;
                tracing::error!(failures = old.failures, "the devices could not be listed");
            }
            Err(_) => return None,
        }
        if attempt < TRIES_MAX {
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
        }
    }
    Some(DeviceLists {
        given_up: true,
        ..old
    })
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
    fn devices_are_listed_often_only_while_one_is_missed() {
        let seconds = Duration::from_secs;
        let wish = |wanted, missed| ListWish {
            every: ListWish::every(wanted, missed),
            at_once: 0,
        };
        let (idle, well, missed) = (wish(false, true), wish(true, false), wish(true, true));
        let check = |now: ListWish, answered: ListWish, since: Option<u64>, expect: Option<u64>| {
            let due = now.due_in(answered, since.map(seconds), false);
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
        let where_it_is_told = missed.due_in(missed, Some(seconds(3)), true);
        assert_eq!(where_it_is_told, Some(seconds(5)));
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

    /// Asks for a list `times` times of a system that panics at the first `bad` questions: how often each list says that one
    /// failed, and whether it was given up.
    async fn listed(times: u32, bad: u32) -> Vec<(u64, bool)> {
        let (wish, wished) = watch::channel(ListWish::default());
        let (out, mut listed) = mpsc::channel(1);
        let asked = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let ask = move |lists: DeviceLists, _: bool, _: bool| {
            assert!(
                asked.fetch_add(1, Ordering::Relaxed) >= bad,
                "a driver's oddity, made for this test"
            );
            lists
        };
        #[expect(clippy::disallowed_methods, reason = "test: the task under test")]
        let task = tokio::spawn(keep_listing(wished, out, ask));
        let mut said = Vec::new();
        for _ in 0..times {
            wish.send_modify(|wish| wish.at_once += 1);
            let lists = listed.recv().await.expect("the task goes on");
            said.push((lists.failures, lists.given_up));
        }
        drop(wish);
        task.await.unwrap();
        said
    }

    #[tokio::test]
    async fn a_list_that_panics_is_tried_again_a_few_times_and_counted() {
        assert_eq!(listed(2, 1).await, [(1, false), (1, false)]);
        assert_eq!(listed(2, TRIES_MAX).await, [(3, true), (3, false)]);
        assert_eq!(listed(2, TRIES_MAX + 1).await, [(3, true), (4, false)]);
    }
}
