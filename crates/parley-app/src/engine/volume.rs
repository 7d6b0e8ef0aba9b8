//! How loud each person is played: as one's own hand set it, for as long as the call is on, and where calls are remembered
//! also the next time somebody of that name is there. A name proves nothing; to be too loud is the worst that comes of it.

use super::actor::Actor;
use super::obey::{Outcome, refuse};
use crate::view::{CommandErrorCode, PersonVolume, Settings};
use parley_call::PersonSnapshot;
use parley_media::audio::AudioCommand;
use parley_proto::ParticipantId;
use std::collections::BTreeMap;

/// Played as they came.
const USUAL_PCT: u16 = 100;
/// Names that are remembered; the oldest go first.
const NAMES_MAX: usize = 64;

/// What was set in this call.
#[derive(Debug, Default)]
pub(super) struct Volumes(BTreeMap<ParticipantId, u16>);

impl Volumes {
    /// Another call, other people.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    fn of(&self, person: &PersonSnapshot, settings: &Settings) -> u16 {
        let set = self.0.get(&person.id).copied();
        set.or_else(|| remembered(settings, &person.name))
            .unwrap_or(USUAL_PCT)
    }
}

impl Actor {
    /// `settled`: the hand let go, so that it is worth remembering.
    pub(super) fn set_volume(&mut self, id: &str, percent: u16, settled: bool) -> Outcome {
        let person = self.endpoint.call().and_then(|call| {
            let mut people = call.people.into_iter();
            people.find(|person| person.id.to_string() == id)
        });
        let Some(person) = person else {
            let message = "This person is not in the call any more.";
            return Err(refuse(CommandErrorCode::NotNow, message));
        };
        let percent = percent.min(PersonVolume::MOST_PCT);
        self.volumes.0.insert(person.id, percent);
        self.play_at(person.id, percent);
        if settled && self.store.get().keep_history {
            self.store
                .change(|settings| remember(settings, &person.name, percent));
        }
        Ok(())
    }

    /// Somebody's sound began, or began anew: the mixer plays it as it comes.
    pub(super) fn play_as_before(&self, id: ParticipantId) {
        let call = self.endpoint.call();
        let person = call
            .as_ref()
            .and_then(|call| call.people.iter().find(|person| person.id == id));
        let percent = person.map_or(USUAL_PCT, |person| self.volume_of(person));
        if percent != USUAL_PCT {
            self.play_at(id, percent);
        }
    }

    pub(super) fn volume_of(&self, person: &PersonSnapshot) -> u16 {
        self.volumes.of(person, self.store.get())
    }

    fn play_at(&self, id: ParticipantId, percent: u16) {
        let gain = f32::from(percent) / 100.0;
        self.endpoint.sound(AudioCommand::SetVolume { id, gain });
    }
}

fn remembered(settings: &Settings, name: &str) -> Option<u16> {
    let name = name.trim();
    let known = settings.volumes.iter().find(|known| known.name == name);
    known.filter(|_| settings.keep_history).map(|known| known.percent)
}

fn remember(settings: &mut Settings, name: &str, percent: u16) {
    let name = name.trim();
    settings.volumes.retain(|known| known.name != name);
    if name.is_empty() || percent == USUAL_PCT {
        return;
    }
    if settings.volumes.len() >= NAMES_MAX {
        settings.volumes.remove(0);
    }
    settings.volumes.push(PersonVolume {
        name: name.to_owned(),
        percent,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str) -> PersonSnapshot {
        PersonSnapshot {
            proven: true,
            ..PersonSnapshot::new(ParticipantId::from_bytes([7; 16]), name)
        }
    }

    #[test]
    fn what_was_set_in_this_call_counts_then_what_is_remembered_of_the_name() {
        let mut settings = Settings::default();
        let mut volumes = Volumes::default();
        let check = |volumes: &Volumes, settings: &Settings, expect: u16| {
            assert_eq!(volumes.of(&person("Bo"), settings), expect);
        };
        check(&volumes, &settings, 100);
        remember(&mut settings, " Bo ", 150);
        check(&volumes, &settings, 150);
        volumes.0.insert(person("Bo").id, 30);
        check(&volumes, &settings, 30);
        volumes.clear();
        settings.keep_history = false;
        check(&volumes, &settings, 100);
    }

    #[test]
    fn only_what_is_unusual_is_remembered_and_not_without_end() {
        let mut settings = Settings::default();
        remember(&mut settings, "Bo", 150);
        remember(&mut settings, "Bo", 100);
        remember(&mut settings, "", 20);
        assert_eq!(settings.volumes, []);
        for number in 0..NAMES_MAX + 3 {
            remember(&mut settings, &format!("Guest {number}"), 0);
        }
        assert_eq!(settings.volumes.len(), NAMES_MAX);
        assert_eq!(settings.volumes[0].name, "Guest 3");
    }
}
