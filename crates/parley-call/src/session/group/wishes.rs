//! Who is seen in which section: the wishes of the app made into the list that the server is told. Sans-IO, without time.
//!
//! Sections are a pool. One person keeps one section for as long as they are wished for, and gets theirs back where it is still free, so that a
//! decoder stays with a picture. With fewer sections than wishes the higher priority is served first, then what was named first.

use super::publications::Publications;
use super::source::source_of;
use crate::port::TrackKind;
use crate::session::roster::Roster;
use crate::sfu_port::{Look, ReceiveSection};
use parley_proto::limits::{AUDIO_DOWNS_MAX, GROUP_PARTICIPANTS_MAX, VIDEO_DOWNS_MAX};
use parley_proto::{ParticipantId, Source, Wish};

/// What the app may wish for at once: everybody's camera and screen.
const LOOKS_MAX: usize = 2 * GROUP_PARTICIPANTS_MAX;
/// People whose shared sound is heard at once: each takes a section from the voices.
const SHARED_SOUNDS_MAX: usize = 2;

/// Whom and what.
type Whose = (ParticipantId, Source);

/// A section, and whom it shows.
#[derive(Debug)]
struct Place {
    mid: String,
    sound: bool,
    shows: Option<Whose>,
    /// Whom it showed last.
    showed: Option<Whose>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    /// What the app said last; until then everybody is looked at.
    looks: Option<Vec<Look>>,
    /// No camera is asked for.
    sound_only: bool,
    places: Vec<Place>,
}

impl Wishes {
    /// The app says what it shows.
    pub(super) fn look(&mut self, mut looks: Vec<Look>) {
        looks.retain(|look| matches!(look.kind, TrackKind::Video | TrackKind::Screen));
        looks.truncate(LOOKS_MAX);
        self.looks = Some(looks);
    }

    /// Whether no camera is asked for, whatever the app shows. Gives whether that is news.
    pub(super) const fn set_sound_only(&mut self, sound_only: bool) -> bool {
        let news = self.sound_only != sound_only;
        self.sound_only = sound_only;
        news
    }

    /// These are the sections there are now.
    pub(super) fn set_sections(&mut self, sections: &[ReceiveSection]) {
        let (mut pictures, mut sounds) = (0, 0);
        let before = std::mem::take(&mut self.places);
        for section in sections {
            let (count, most) = if section.sound {
                (&mut sounds, AUDIO_DOWNS_MAX)
            } else {
                (&mut pictures, VIDEO_DOWNS_MAX)
            };
            *count += 1;
            if *count > most {
                continue;
            }
            let known = before
                .iter()
                .find(|place| place.mid == section.mid && place.sound == section.sound);
            self.places.push(Place {
                mid: section.mid.clone(),
                sound: section.sound,
                shows: known.and_then(|place| place.shows),
                showed: known.and_then(|place| place.showed),
            });
        }
    }

    /// Whether something has a section.
    pub(super) fn has(&self, participant: ParticipantId, source: Source) -> bool {
        self.places
            .iter()
            .any(|place| place.shows == Some((participant, source)))
    }

    /// The whole list to tell the server.
    pub(super) fn list(&mut self, roster: &Roster, publications: &Publications) -> Vec<Wish> {
        let mut looks: Vec<Look> = match &self.looks {
            Some(looks) => looks
                .iter()
                .filter(|look| roster.has(look.participant))
                .copied()
                .collect(),
            None => everybody(roster, publications),
        };
        looks.retain(|look| !self.sound_only || look.kind != TrackKind::Video);
        looks.sort_by_key(|look| std::cmp::Reverse(look.priority));
        let mut pictures: Vec<(Whose, Look)> = Vec::new();
        let room = self.places.iter().filter(|place| !place.sound).count();
        for look in looks {
            let whose = (look.participant, source_of(look.kind));
            if pictures.len() < room && !pictures.iter().any(|(known, _)| *known == whose) {
                pictures.push((whose, look));
            }
        }
        let sounds: Vec<Whose> = roster
            .ids()
            .filter(|id| publications.has(*id, Source::ScreenSound))
            .take(SHARED_SOUNDS_MAX)
            .map(|id| (id, Source::ScreenSound))
            .collect();
        let wanted: Vec<Whose> = pictures.iter().map(|(whose, _)| *whose).collect();
        self.seat(&wanted, false);
        self.seat(&sounds, true);
        let size = |whose: Whose| pictures.iter().find(|(known, _)| *known == whose);
        let wish = |place: &Place| {
            let (participant, source) = place.shows?;
            let look = size((participant, source)).map(|(_, look)| look);
            Some(Wish {
                mid: place.mid.clone(),
                participant,
                source,
                width: look.map_or(0, |look| look.width),
                height: look.map_or(0, |look| look.height),
                // Shared sound goes with a screen that is being read.
                priority: look.map_or(3, |look| look.priority.min(3)),
            })
        };
        self.places.iter().filter_map(wish).collect()
    }

    /// Gives each of them a section of one kind.
    fn seat(&mut self, wanted: &[Whose], sound: bool) {
        let mut places: Vec<&mut Place> = self
            .places
            .iter_mut()
            .filter(|place| place.sound == sound)
            .collect();
        for place in &mut places {
            if place.shows.is_some_and(|shows| !wanted.contains(&shows)) {
                place.showed = place.shows.take();
            }
        }
        if sound {
            // The server fills those in front with voices first.
            places.reverse();
        }
        for whose in wanted {
            if places.iter().any(|place| place.shows == Some(*whose)) {
                continue;
            }
            let free = |place: &Place| place.shows.is_none();
            let best = places
                .iter()
                .position(|place| free(place) && place.showed == Some(*whose))
                .or_else(|| {
                    places
                        .iter()
                        .position(|place| free(place) && place.showed.is_none())
                })
                .or_else(|| places.iter().position(|place| free(place)));
            if let Some(place) = best.and_then(|at| places.get_mut(at)) {
                place.shows = Some(*whose);
            }
        }
    }
}

/// Until the app says what it shows, everybody is shown in a grid.
fn everybody(roster: &Roster, publications: &Publications) -> Vec<Look> {
    let look = |participant, kind, (width, height), priority| Look {
        participant,
        kind,
        width,
        height,
        priority,
    };
    let screens = roster
        .ids()
        .filter(|id| publications.has(*id, Source::Screen))
        .map(|id| look(id, TrackKind::Screen, (1280, 720), 2));
    let speakers = roster.everybody().iter().filter(|person| !person.listens);
    let cameras = speakers.map(|person| look(person.id, TrackKind::Video, (640, 360), 1));
    screens.chain(cameras).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_proto::{Participant, Publication, Role};

    fn id(n: u8) -> ParticipantId {
        ParticipantId::from_bytes([n; 16])
    }

    fn people(many: u8) -> Roster {
        let mut roster = Roster::default();
        for n in 1..=many {
            roster.add(Participant {
                id: id(n),
                name: String::new(),
                role: Role::Guest,
                order: u32::from(n),
                away: false,
                listens: false,
            });
        }
        roster
    }

    fn wishes(pictures: usize, sounds: usize) -> Wishes {
        let section = |sound: bool, n: usize| ReceiveSection {
            mid: format!("{}{n}", if sound { "s" } else { "p" }),
            sound,
        };
        let sections: Vec<_> = (0..sounds)
            .map(|n| section(true, n))
            .chain((0..pictures).map(|n| section(false, n)))
            .collect();
        let mut wishes = Wishes::default();
        wishes.set_sections(&sections);
        wishes
    }

    fn look(n: u8, priority: u8) -> Look {
        Look {
            participant: id(n),
            kind: TrackKind::Video,
            width: 640,
            height: 360,
            priority,
        }
    }

    /// Section and person of each wish.
    fn seen(wishes: &mut Wishes, looks: Vec<Look>) -> Vec<(String, u8)> {
        wishes.look(looks);
        let list = wishes.list(&people(9), &Publications::default());
        list.iter()
            .map(|wish| (wish.mid.clone(), wish.participant.as_bytes()[0]))
            .collect()
    }

    #[test]
    fn with_too_few_sections_the_higher_priority_comes_first_then_who_was_named_first() {
        let mut wishes = wishes(2, 0);
        let mut shown = seen(&mut wishes, vec![look(1, 1), look(2, 1), look(3, 3), look(3, 0)]);
        shown.sort_by_key(|(_, who)| *who);
        assert_eq!(shown.iter().map(|(_, who)| *who).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn who_stays_keeps_a_section_and_who_comes_back_gets_theirs_while_it_is_free() {
        let mut wishes = wishes(3, 0);
        let first = seen(&mut wishes, vec![look(1, 1), look(2, 1)]);
        assert_eq!(first, [("p0".into(), 1), ("p1".into(), 2)]);
        assert_eq!(seen(&mut wishes, vec![look(2, 3)]), [("p1".into(), 2)]);
        assert_eq!(
            seen(&mut wishes, vec![look(3, 3), look(2, 0)]),
            [("p1".into(), 2), ("p2".into(), 3)],
            "a section that showed nobody comes first"
        );
        assert_eq!(
            seen(&mut wishes, vec![look(3, 1), look(2, 1), look(1, 1)]),
            [("p0".into(), 1), ("p1".into(), 2), ("p2".into(), 3)]
        );
    }

    #[test]
    fn until_the_app_says_something_everybody_is_seen_and_a_share_is_heard_by_itself() {
        let mut publications = Publications::default();
        let share = |source, number| Publication {
            number,
            participant: id(2),
            source,
            on: true,
            layers: Vec::new(),
        };
        publications.take(
            vec![share(Source::Screen, 1), share(Source::ScreenSound, 2)],
            None,
        );
        let mut wishes = wishes(4, 3);
        let list = wishes.list(&people(3), &publications);
        let of = |source| list.iter().filter(|wish| wish.source == source).count();
        assert_eq!(
            (of(Source::Camera), of(Source::Screen), of(Source::ScreenSound)),
            (3, 1, 1)
        );
        let sound = list
            .iter()
            .find(|wish| wish.source == Source::ScreenSound)
            .unwrap();
        assert_eq!(sound.mid, "s2", "voices keep those in front");
    }

    #[test]
    fn with_sound_only_no_camera_is_wished_for_and_a_screen_is() {
        let mut wishes = wishes(4, 0);
        let screen = Look {
            kind: TrackKind::Screen,
            ..look(2, 3)
        };
        assert!(wishes.set_sound_only(true) && !wishes.set_sound_only(true));
        assert_eq!(
            seen(&mut wishes, vec![look(1, 1), screen, look(2, 0)]),
            [("p0".into(), 2)]
        );
        assert!(wishes.has(id(2), Source::Screen) && !wishes.has(id(2), Source::Camera));
        assert!(wishes.set_sound_only(false));
        assert_eq!(seen(&mut wishes, vec![look(1, 1), screen]).len(), 2);
    }

    #[test]
    fn strangers_sound_and_floods_are_not_wished_for() {
        let mut wishes = wishes(36, 8);
        let mut looks: Vec<Look> = (0..10_000u32).map(|n| look((n % 200) as u8, 9)).collect();
        looks.push(Look {
            kind: TrackKind::Audio,
            ..look(1, 1)
        });
        assert_eq!(seen(&mut wishes, looks).len(), 9);
        let many: Vec<ReceiveSection> = (0..1000)
            .map(|n| ReceiveSection {
                mid: n.to_string(),
                sound: n % 2 == 0,
            })
            .collect();
        wishes.set_sections(&many);
        assert_eq!(wishes.places.len(), VIDEO_DOWNS_MAX + AUDIO_DOWNS_MAX);
    }
}
