//! Whose computer is silent here: everybody's who said that they share no sound. What they share is seen no more from that word
//! on, and its sound ends with it, not with the packets that still wait, nor with what is invented after the last of them.
//! Sans-IO; owned by a call that is on.

use parley_call::PersonSnapshot;
use parley_media::audio::AudioCommand;
use parley_proto::ParticipantId;
use std::collections::BTreeSet;

/// What the audio engine was told.
#[derive(Debug, Default)]
pub(super) struct Hushed(BTreeSet<ParticipantId>);

impl Hushed {
    /// What it must be told now that everybody else in the room is as they are.
    pub(super) fn follow(&mut self, people: &[PersonSnapshot]) -> Vec<AudioCommand> {
        let silent = people.iter().filter(|person| is_silent(person));
        let silent: BTreeSet<ParticipantId> = silent.map(|person| person.id).collect();
        let before = std::mem::replace(&mut self.0, silent);
        // Of those who left, what still comes stays as it was.
        let changed = people.iter().map(|person| person.id);
        let changed = changed.filter(|who| before.contains(who) != self.0.contains(who));
        changed.map(|who| self.told(who)).collect()
    }

    /// What it must be told once it was given somebody's sound, which it takes to be heard.
    pub(super) fn began(&self, who: ParticipantId) -> Option<AudioCommand> {
        self.0.contains(&who).then(|| self.told(who))
    }

    fn told(&self, id: ParticipantId) -> AudioCommand {
        let hushed = self.0.contains(&id);
        AudioCommand::HushSharedSound { id, hushed }
    }
}

/// Of whom nothing is known yet, everything that comes is heard.
const fn is_silent(person: &PersonSnapshot) -> bool {
    let media = person.media;
    person.media_told && !(media.screen_on && media.screen_sound_on)
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_proto::{MediaState, Role};

    const ADA: ParticipantId = ParticipantId::from_bytes([1; 16]);
    const BEN: ParticipantId = ParticipantId::from_bytes([2; 16]);

    /// Somebody who said whether a screen and its sound are on, or nothing.
    fn person(id: ParticipantId, said: Option<(bool, bool)>) -> PersonSnapshot {
        let (screen_on, screen_sound_on) = said.unwrap_or_default();
        PersonSnapshot {
            id,
            name: String::new(),
            role: Role::Guest,
            away: false,
            listens: false,
            media: MediaState {
                screen_on,
                screen_sound_on,
                ..MediaState::default()
            },
            media_told: said.is_some(),
            hand_raised: false,
            recording: false,
            stalled: false,
            proven: true,
        }
    }

    fn told(commands: impl IntoIterator<Item = AudioCommand>) -> Vec<(ParticipantId, bool)> {
        let told = commands.into_iter().map(|command| match command {
            AudioCommand::HushSharedSound { id, hushed } => (id, hushed),
            other => panic!("{other:?}"),
        });
        told.collect()
    }

    #[test]
    fn a_computer_is_heard_from_the_word_that_it_is_shared_to_the_word_that_it_is_not() {
        let mut hushed = Hushed::default();
        let check = |hushed: &mut Hushed, said, expect: &[(ParticipantId, bool)]| {
            let people = [person(ADA, said), person(BEN, Some((true, true)))];
            assert_eq!(told(hushed.follow(&people)), expect, "{said:?}");
        };
        check(&mut hushed, None, &[]);
        check(&mut hushed, Some((false, false)), &[(ADA, true)]);
        check(&mut hushed, Some((true, true)), &[(ADA, false)]);
        check(&mut hushed, Some((true, true)), &[]);
        check(&mut hushed, Some((true, false)), &[(ADA, true)]);
        check(&mut hushed, Some((false, true)), &[]);
        check(&mut hushed, None, &[(ADA, false)]);
        check(&mut hushed, Some((false, false)), &[(ADA, true)]);
        assert_eq!(told(hushed.follow(&[])), [], "both have left");
    }

    #[test]
    fn whose_sound_comes_before_or_after_their_word_is_silent_without_it() {
        let mut hushed = Hushed::default();
        assert_eq!(told(hushed.began(ADA)), [], "nothing is known of them");
        let _ = hushed.follow(&[person(ADA, Some((false, false)))]);
        assert_eq!(told(hushed.began(ADA)), [(ADA, true)]);
        let _ = hushed.follow(&[person(ADA, Some((true, true)))]);
        assert_eq!(told(hushed.began(ADA)), []);
    }
}
