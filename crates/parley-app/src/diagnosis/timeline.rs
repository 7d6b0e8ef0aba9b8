//! What happened in a call, from one second to the next. Bounded: the oldest go.

use super::Circumstances;
use crate::view::{CallState, EventCode, FindingCode, StatsSample, TimelineEvent};
use std::collections::VecDeque;

const EVENTS_MAX: usize = 200;

/// The events so far, and the second before.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    events: VecDeque<TimelineEvent>,
    before: Option<Before>,
}

#[derive(Debug)]
struct Before {
    second: Circumstances,
    size: Option<(u32, u32)>,
    way: Option<String>,
}

impl Timeline {
    pub(super) fn events(&self) -> Vec<TimelineEvent> {
        self.events.iter().cloned().collect()
    }

    pub(super) fn second(&mut self, sample: &StatsSample, now: &Circumstances) {
        let way = sample.pair.as_ref().map(|pair| match pair.over() {
            Some(over) => format!("{} over {over} - {}", pair.own_type, pair.other_type),
            None => format!("{} - {}", pair.own_type, pair.other_type),
        });
        let before = self.before.take();
        if before.is_none() {
            self.add(now.now_ms, EventCode::Joined, None);
        }
        let (was, size, old_way) = match before {
            Some(Before { second, size, way }) => (Some(second), size, way),
            None => (None, None, None),
        };
        self.people(was.as_ref(), now);
        self.states(was.as_ref(), now);
        if let Some((width, height)) = sample.sent_size.filter(|now| size.is_some_and(|was| was != *now)) {
            self.add(
                now.now_ms,
                EventCode::PictureSize,
                Some(format!("{width} x {height}")),
            );
        }
        if let Some(way) = way
            .as_ref()
            .filter(|way| old_way.as_ref().is_some_and(|was| was != *way))
        {
            self.add(now.now_ms, EventCode::WayChanged, Some(way.clone()));
        }
        self.before = Some(Before {
            second: now.clone(),
            size: sample.sent_size.or(size),
            way: way.or(old_way),
        });
    }

    fn people(&mut self, was: Option<&Circumstances>, now: &Circumstances) {
        let there = was.map_or(&[][..], |was| was.people.as_slice());
        let in_list = |list: &[(String, bool)], name: &str| list.iter().any(|(one, _)| one == name);
        for (name, _) in now.people.iter().filter(|(name, _)| !in_list(there, name)) {
            self.add(now.now_ms, EventCode::PersonCame, Some(name.clone()));
        }
        for (name, _) in there.iter().filter(|(name, _)| !in_list(&now.people, name)) {
            self.add(now.now_ms, EventCode::PersonLeft, Some(name.clone()));
        }
    }

    fn states(&mut self, was: Option<&Circumstances>, now: &Circumstances) {
        if was.is_none_or(|was| was.state != now.state) {
            match now.state {
                CallState::Connected => self.add(now.now_ms, EventCode::Connected, None),
                CallState::Reconnecting => self.add(now.now_ms, EventCode::Reconnecting, None),
                _ => {}
            }
        }
        let Some(was) = was else { return };
        if was.muted != now.muted {
            let code = if now.muted {
                EventCode::Muted
            } else {
                EventCode::Unmuted
            };
            self.add(now.now_ms, code, None);
        }
        if was.camera_on != now.camera_on {
            let code = if now.camera_on {
                EventCode::CameraOn
            } else {
                EventCode::CameraOff
            };
            self.add(now.now_ms, code, None);
        }
    }

    pub(super) fn trouble(&mut self, code: FindingCode, begins: bool, now_ms: u64) {
        let name = serde_json::to_value(code).ok();
        let name = name.and_then(|name| name.as_str().map(str::to_owned));
        let what = if begins {
            EventCode::TroubleBegan
        } else {
            EventCode::TroubleEnded
        };
        self.add(now_ms, what, name);
    }

    pub(super) fn end(&mut self, now_ms: u64) {
        if self.before.take().is_some() {
            self.add(now_ms, EventCode::Ended, None);
        }
    }

    fn add(&mut self, at_ms: u64, code: EventCode, detail: Option<String>) {
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back(TimelineEvent { at_ms, code, detail });
    }
}
