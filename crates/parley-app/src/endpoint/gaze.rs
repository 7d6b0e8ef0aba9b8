//! What is looked at of the others, so that nothing else is asked of a server: what the window says; while it says nothing, the
//! tiles that are watched; and always what a recording shows. Sans-IO; time is an argument.
//!
//! Owned by the call that is on. Which of it can be had is the call's to decide, and the server's.

use super::share::SCREEN_TILE_OF;
use crate::pace::Pace;
use parley_call::port::TrackKind;
use parley_call::{Look, PersonSnapshot};
use parley_proto::{ParticipantId, Resolution};
use std::cmp::Reverse;
use std::time::Instant;

/// Tiles that are asked for: camera and screen of as many people as a page of the window holds (49). What is beyond is the
/// least important.
const LOOKS_MAX: usize = 98;
/// What a person is asked for who looks at a screen.
const READ: u8 = 3;
/// The same of a picture among others.
const GRID: u8 = 1;
/// A screen that somebody looks at, while nobody says how large.
const SCREEN_SIZE: Resolution = Resolution::new(1920, 1080);

/// A tile that somebody looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Its name.
    pub tile: String,
    /// How large it is, in pixels of the device.
    pub size: Resolution,
    /// 0 for a thumbnail, 1 in a grid, 2 for who speaks or is large, 3 for what is pinned or read.
    pub priority: u8,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Gaze {
    said: Option<Vec<Sight>>,
    recorded: Vec<Sight>,
    /// Nothing before the first time.
    told: Option<Vec<Look>>,
    pace: Pace,
}

impl Default for Gaze {
    fn default() -> Self {
        Self {
            said: None,
            recorded: Vec::new(),
            told: None,
            pace: Pace::of_looks(),
        }
    }
}

impl Gaze {
    /// This is looked at from now on, and nothing else.
    pub(super) fn say(&mut self, now: Instant, mut sights: Vec<Sight>) {
        sights.truncate(LOOKS_MAX);
        self.said = Some(sights);
        self.pace.changed(now);
    }

    /// A recording shows this.
    pub(super) fn record(&mut self, now: Instant, sights: Vec<Sight>) {
        if self.recorded != sights {
            self.recorded = sights;
            self.pace.changed(now);
        }
    }

    /// Something else may be looked at: other people, other tiles that are watched.
    pub(super) fn changed(&mut self, now: Instant) {
        self.pace.changed(now);
    }

    /// When to ask [`Gaze::take`].
    pub(super) const fn due(&self) -> Option<Instant> {
        self.pace.due()
    }

    /// What the call is to be told, if it is something else than it was told last.
    pub(super) fn take(
        &mut self,
        now: Instant,
        people: &[PersonSnapshot],
        is_watched: impl Fn(&str) -> bool,
    ) -> Option<Vec<Look>> {
        self.pace.told(now);
        if people.is_empty() {
            return None;
        }
        let looks = match &self.said {
            Some(said) => looks(said.iter().chain(&self.recorded), people),
            None => looks(watched(people, is_watched).iter().chain(&self.recorded), people),
        };
        if self.told.as_ref() == Some(&looks) {
            return None;
        }
        self.told = Some(looks.clone());
        Some(looks)
    }

    /// The call did not take it: the same again, later.
    pub(super) fn missed(&mut self, now: Instant) {
        self.told = None;
        self.pace.changed(now);
    }
}

/// What is looked at while nobody says so: the watched tiles of those who send something, smaller the more there are.
fn watched(people: &[PersonSnapshot], is_watched: impl Fn(&str) -> bool) -> Vec<Sight> {
    let seen = |person: &&PersonSnapshot| person.media.camera_on || !person.media_told;
    let cameras: Vec<String> = people
        .iter()
        .filter(seen)
        .map(|person| person.id.to_string())
        .filter(|tile| is_watched(tile))
        .collect();
    let size = match cameras.len() {
        0..=1 => Resolution::new(1280, 720),
        2..=4 => Resolution::new(640, 360),
        _ => Resolution::new(320, 180),
    };
    let screens = people
        .iter()
        .filter(|person| person.media.screen_on)
        .map(|person| format!("{SCREEN_TILE_OF}{}", person.id))
        .filter(|tile| is_watched(tile));
    let screens: Vec<Sight> = screens
        .map(|tile| Sight {
            tile,
            size: SCREEN_SIZE,
            priority: READ,
        })
        .collect();
    let cameras = cameras.into_iter().map(|tile| Sight {
        tile,
        size,
        priority: GRID,
    });
    screens.into_iter().chain(cameras).collect()
}

/// Tiles as the call knows them, each once, the most important first. Tiles of nobody who is there are left out.
fn looks<'a>(sights: impl Iterator<Item = &'a Sight>, people: &[PersonSnapshot]) -> Vec<Look> {
    let mut looks: Vec<Look> = Vec::new();
    for sight in sights {
        let Some((participant, kind)) = whose(&sight.tile) else {
            continue;
        };
        if !people.iter().any(|person| person.id == participant) {
            continue;
        }
        let look = Look {
            participant,
            kind,
            width: side(sight.size.width),
            height: side(sight.size.height),
            priority: sight.priority.min(READ),
        };
        let known = looks
            .iter_mut()
            .find(|one| one.participant == participant && one.kind == kind);
        match known {
            Some(known) => {
                known.width = known.width.max(look.width);
                known.height = known.height.max(look.height);
                known.priority = known.priority.max(look.priority);
            }
            None => looks.push(look),
        }
    }
    looks.sort_by_key(|look| Reverse(look.priority));
    looks.truncate(LOOKS_MAX);
    looks
}

/// Whose tile it is, and of what.
fn whose(tile: &str) -> Option<(ParticipantId, TrackKind)> {
    let (id, kind) = match tile.strip_prefix(SCREEN_TILE_OF) {
        Some(id) => (id, TrackKind::Screen),
        None => (tile, TrackKind::Video),
    };
    Some((id.parse().ok()?, kind))
}

fn side(pixels: u32) -> u16 {
    u16::try_from(pixels.max(1)).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_proto::MediaState;
    use std::time::Duration;

    fn id(number: u8) -> ParticipantId {
        ParticipantId::from_bytes([number; 16])
    }

    /// With their cameras on.
    fn people(numbers: std::ops::RangeInclusive<u8>) -> Vec<PersonSnapshot> {
        let person = |number| PersonSnapshot {
            media: MediaState {
                camera_on: true,
                ..MediaState::default()
            },
            media_told: true,
            ..PersonSnapshot::new(id(number), format!("Person {number}"))
        };
        numbers.map(person).collect()
    }

    fn sight(tile: String, side: u32, priority: u8) -> Sight {
        Sight {
            tile,
            size: Resolution::new(side, side),
            priority,
        }
    }

    #[expect(clippy::disallowed_methods, reason = "test: any moment will do as the start")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn while_the_window_says_nothing_every_watched_tile_is_asked_for_and_smaller_the_more_there_are() {
        for (many, width) in [(1, 1280), (4, 640), (5, 320), (49, 320)] {
            let mut gaze = Gaze::default();
            let looks = gaze.take(start(), &people(1..=many), |_| true).unwrap();
            assert_eq!(looks.len(), usize::from(many));
            assert!(
                looks
                    .iter()
                    .all(|look| look.width == width && look.priority == GRID)
            );
        }
        let mut sharing = people(1..=3);
        sharing[2].media.screen_on = true;
        sharing[1].media.camera_on = false;
        let mut gaze = Gaze::default();
        let unwatched = id(1).to_string();
        let looks = gaze.take(start(), &sharing, |tile| tile != unwatched).unwrap();
        let asked: Vec<_> = looks.iter().map(|look| (look.participant, look.kind)).collect();
        assert_eq!(asked, [(id(3), TrackKind::Screen), (id(3), TrackKind::Video)]);
    }

    #[test]
    fn what_the_window_says_counts_alone_and_nobody_who_left_is_asked_for() {
        let mut gaze = Gaze::default();
        let (now, there) = (start(), people(1..=3));
        gaze.say(
            now,
            vec![
                sight(id(2).to_string(), 0, 0),
                sight(format!("{SCREEN_TILE_OF}{}", id(1)), 100_000, 9),
                sight(id(9).to_string(), 100, 3),
                sight("self".into(), 100, 3),
            ],
        );
        let looks = gaze.take(now, &there, |_| true).unwrap();
        assert_eq!(
            looks,
            [
                Look {
                    participant: id(1),
                    kind: TrackKind::Screen,
                    width: u16::MAX,
                    height: u16::MAX,
                    priority: 3,
                },
                Look {
                    participant: id(2),
                    kind: TrackKind::Video,
                    width: 1,
                    height: 1,
                    priority: 0,
                }
            ]
        );
        gaze.say(now, Vec::new());
        assert_eq!(gaze.take(now, &there, |_| true), Some(Vec::new()), "minimised");
    }

    #[test]
    fn what_is_recorded_is_asked_for_as_large_as_the_larger_of_both_wants_it() {
        let mut gaze = Gaze::default();
        let (now, there) = (start(), people(1..=2));
        gaze.say(now, vec![sight(id(1).to_string(), 200, 0)]);
        gaze.record(
            now,
            vec![sight(id(1).to_string(), 720, 2), sight(id(2).to_string(), 90, 0)],
        );
        let looks = gaze.take(now, &there, |_| false).unwrap();
        let asked: Vec<_> = looks
            .iter()
            .map(|look| (look.participant, look.width, look.priority))
            .collect();
        assert_eq!(asked, [(id(1), 720, 2), (id(2), 90, 0)]);
        gaze.record(now, Vec::new());
        assert_eq!(gaze.take(now, &there, |_| false).unwrap().len(), 1);
    }

    #[test]
    fn a_flood_of_looks_is_passed_on_ten_times_a_second_and_the_same_only_once() {
        let (begin, there) = (start(), people(1..=1));
        let mut gaze = Gaze::default();
        let mut told = 0;
        for ms in 0..1000_u32 {
            let now = begin + Duration::from_millis(ms.into());
            gaze.say(now, vec![sight(id(1).to_string(), ms + 1, 1)]);
            if gaze.due().is_some_and(|due| due <= now) {
                told += u32::from(gaze.take(now, &there, |_| true).is_some());
            }
        }
        assert_eq!(told, 10);
        let now = begin + Duration::from_secs(2);
        assert!(gaze.take(now, &there, |_| true).is_some());
        gaze.changed(now);
        assert_eq!(gaze.take(now, &there, |_| true), None);
        gaze.missed(now);
        assert!(gaze.due().is_some() && gaze.take(now, &there, |_| true).is_some());
    }
}
