//! What happened to devices by itself, for the person to be told once: unplugged, switched, one more. Decides only what is
//! news; no clock. Which device took which one's place is known where devices are opened.

use super::actor::Actor;
use super::devices::{DeviceLists, chosen};
use crate::view::{DeviceEvent, DeviceKind, DeviceNews, Settings};
use parley_media::audio::{AudioStatus, StreamState, StreamStatus};
use parley_media::device::Replaced;
use parley_media::video::{SourceState, SourceStatus};
use std::collections::VecDeque;

/// More than happens between two looks of a window.
const NEWS_MAX: usize = 6;
const KINDS: [DeviceKind; 3] = [DeviceKind::Camera, DeviceKind::Microphone, DeviceKind::Speaker];

/// The last news, and what was told of already.
#[derive(Debug, Default)]
pub(super) struct NewsOfDevices {
    last: VecDeque<DeviceNews>,
    number: u32,
    told: [Option<(String, Replaced)>; KINDS.len()],
}

impl Actor {
    /// Other devices are there to choose from.
    pub(super) fn take_lists(&mut self, lists: DeviceLists) {
        self.device_news.compare(&self.lists, &lists, self.store.get());
        if lists.given_up && !self.lists.given_up {
            self.internal = Some(format!(
                "the devices could not be listed ({} failures)",
                lists.failures
            ));
        }
        self.lists = lists;
    }
}

impl NewsOfDevices {
    pub(super) fn view(&self) -> Vec<DeviceNews> {
        self.last.iter().cloned().collect()
    }

    pub(super) fn hear_sound(&mut self, sound: Option<&AudioStatus>) {
        let Some(sound) = sound else { return };
        for (kind, stream) in [
            (DeviceKind::Microphone, &sound.input),
            (DeviceKind::Speaker, &sound.output),
        ] {
            let StreamStatus { name, replaced, .. } = stream;
            if stream.state == StreamState::Running {
                self.in_use(kind, name.as_deref(), replaced.as_ref());
            }
        }
    }

    pub(super) fn see_picture(&mut self, picture: Option<&SourceStatus>) {
        if let Some(picture) = picture.filter(|picture| picture.state == SourceState::Running) {
            self.in_use(
                DeviceKind::Camera,
                picture.name.as_deref(),
                picture.replaced.as_ref(),
            );
        }
    }

    /// This one works now, in the place of that one.
    fn in_use(&mut self, kind: DeviceKind, name: Option<&str>, replaced: Option<&Replaced>) {
        let now = name
            .zip(replaced)
            .map(|(name, replaced)| (name.to_owned(), replaced.clone()));
        let told = &mut self.told[kind as usize];
        if *told == now {
            return;
        }
        told.clone_from(&now);
        if let Some((name, replaced)) = now {
            let event = if replaced.gone {
                DeviceEvent::Unplugged
            } else {
                DeviceEvent::Switched
            };
            self.push(kind, event, name, Some(replaced.name));
        }
    }

    /// One that will be used is no news here: it is told as soon as it works.
    fn compare(&mut self, old: &DeviceLists, new: &DeviceLists, settings: &Settings) {
        for kind in KINDS {
            let before = old.of(kind);
            if before.is_empty() {
                continue;
            }
            let chosen = chosen(kind, settings);
            for device in new.of(kind) {
                let known = before.iter().any(|before| before.id == device.id);
                let used = chosen.map_or(device.is_default, |chosen| *chosen == device.id);
                if !known && !used {
                    self.push(kind, DeviceEvent::Added, device.name.clone(), None);
                }
            }
        }
    }

    fn push(&mut self, kind: DeviceKind, event: DeviceEvent, name: String, before: Option<String>) {
        if self.last.len() == NEWS_MAX {
            self.last.pop_front();
        }
        self.number = self.number.wrapping_add(1);
        self.last.push_back(DeviceNews {
            number: self.number,
            kind,
            event,
            name,
            before,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_media::device::Device;

    fn told(news: &NewsOfDevices) -> Vec<(u32, DeviceEvent, &str, Option<&str>)> {
        news.last
            .iter()
            .map(|news| {
                (
                    news.number,
                    news.event,
                    news.name.as_str(),
                    news.before.as_deref(),
                )
            })
            .collect()
    }

    #[test]
    fn what_takes_anothers_place_is_told_once_and_again_when_it_happens_again() {
        let mut news = NewsOfDevices::default();
        let replaced = |name: &str, gone| Replaced {
            name: name.into(),
            gone,
        };
        let mut hear = |name: &str, replaced: Option<Replaced>| {
            let input = StreamStatus {
                state: StreamState::Running,
                name: Some(name.into()),
                replaced,
                ..StreamStatus::default()
            };
            news.hear_sound(Some(&AudioStatus {
                input,
                ..AudioStatus::default()
            }));
        };
        hear("Head", None);
        for _ in 0..2 {
            hear("Desk", Some(replaced("Head", true)));
        }
        hear("Head", Some(replaced("Desk", false)));
        hear("Desk", Some(replaced("Head", true)));
        // Chosen by the person.
        hear("Head", None);
        assert_eq!(
            told(&news),
            [
                (1, DeviceEvent::Unplugged, "Desk", Some("Head")),
                (2, DeviceEvent::Switched, "Head", Some("Desk")),
                (3, DeviceEvent::Unplugged, "Desk", Some("Head")),
            ]
        );
    }

    #[test]
    fn one_more_to_choose_is_news_unless_it_is_used_anyway() {
        let list = |ids: &[&str]| DeviceLists {
            speakers: ids
                .iter()
                .map(|id| Device {
                    id: (*id).into(),
                    name: id.to_uppercase(),
                    is_default: *id == "a",
                })
                .collect(),
            ..DeviceLists::default()
        };
        let check = |before: &[&str], now: &[&str], chosen: Option<&str>, expect: &[&str]| {
            let mut news = NewsOfDevices::default();
            let settings = Settings {
                speaker: chosen.map(str::to_owned),
                ..Settings::default()
            };
            news.compare(&list(before), &list(now), &settings);
            let names: Vec<&str> = told(&news).iter().map(|(_, _, name, _)| *name).collect();
            assert_eq!(names, expect, "{before:?} {now:?} {chosen:?}");
        };
        check(&[], &["a", "b"], None, &[]);
        check(&["a"], &["a", "b"], None, &["B"]);
        check(&["b"], &["a", "b"], None, &[]);
        check(&["b"], &["a", "b"], Some("b"), &["A"]);
        check(&["a"], &["a", "b"], Some("b"), &[]);
        check(&["a", "b"], &["a"], None, &[]);
    }

    #[test]
    fn only_the_last_few_are_kept() {
        let mut news = NewsOfDevices::default();
        for _ in 0..NEWS_MAX + 3 {
            news.push(DeviceKind::Camera, DeviceEvent::Added, String::new(), None);
        }
        assert_eq!(news.view().len(), NEWS_MAX);
        assert_eq!(news.view()[0].number, 4);
    }
}
