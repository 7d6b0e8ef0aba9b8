//! Whether this side only listens, as the server said last, and what follows from it: a listener's microphone and camera are closed, nothing is
//! shared, and nothing of that comes back by itself when a host lets them speak. So it is in the green room, for whoever is told there that they
//! will listen: they go in muted and without a picture, and open by themselves what they like where they may speak after all. Owned by the
//! engine's actor.

use super::actor::Actor;
use super::group;
use super::mute::MuteAsk;
use super::obey::{Outcome, refuse};
use crate::view::{CommandErrorCode, ListenerView, PartView, Phase};
use parley_call::{CallSnapshot, PersonSnapshot};
use parley_proto::Role;

/// What somebody is told who asks for what a listener cannot have.
const LISTENING: &str = "You are listening. Raise your hand to speak.";

/// What this side is told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Listening {
    /// As the call said last.
    pub(super) on: bool,
    /// In the green room one is told that one will listen.
    told: bool,
    /// A host let this side speak, whose microphone was not opened since.
    let_speak: bool,
    /// Whether it was muted, and the camera on, before: another call begins like that.
    before: Option<(bool, bool)>,
}

impl Listening {
    /// What the call says now.
    const fn see(&mut self, on: bool) {
        if self.on != on {
            self.let_speak = self.on;
            self.on = on;
        }
    }

    /// Microphone and camera are closed, and stay closed whatever is asked.
    pub(super) const fn shuts(self) -> bool {
        self.on || self.told
    }

    pub(super) const fn view(self) -> PartView {
        match (self.on, self.let_speak) {
            (true, _) => PartView::Listens,
            (false, true) => PartView::LetSpeak,
            (false, false) => PartView::Speaks,
        }
    }
}

impl Actor {
    /// Follows what the call says. Whoever becomes a listener, or is told that they will be one, is muted, without a picture and shares
    /// nothing; who is let speak takes their hand down and opens what they like themselves.
    pub(super) fn follow_part(&mut self) {
        let in_call = self.phase == Phase::InCall;
        let call = self.endpoint.call();
        let listens = in_call && call.as_ref().is_some_and(|call| call.listens);
        // Nothing any more, once one was in.
        let comes_to_listen = call.is_some_and(|call| call.comes_to_listen.is_some());
        let (listened, was_shut) = (self.listening.on, self.listening.shuts());
        self.listening.see(listens);
        self.listening.told = self.phase == Phase::GreenRoom && comes_to_listen;
        self.listening.let_speak &= self.mute.muted && in_call;
        if self.listening.shuts() {
            if !was_shut {
                self.listening
                    .before
                    .get_or_insert((self.mute.muted, self.camera_on));
                self.switch_mute(MuteAsk::Set(true));
                self.camera_on = false;
                self.endpoint.choose_share(false);
                self.stop_sharing();
            }
            return;
        }
        if listened && in_call {
            // What it was raised for is granted.
            let _ = self.raise_hand(false);
        }
        match self.phase {
            // Whether one listens is known once one is in.
            Phase::InCall if comes_to_listen => {}
            Phase::GreenRoom | Phase::InCall => self.listening.before = None,
            Phase::Home | Phase::Ended => {
                if let Some((muted, camera_on)) = self.listening.before.take() {
                    self.switch_mute(MuteAsk::Set(muted));
                    self.camera_on = camera_on;
                }
            }
        }
    }

    /// Somebody who listens has no microphone, no camera and nothing to share.
    pub(super) fn must_speak(&self) -> Outcome {
        if self.listening.shuts() {
            return Err(refuse(CommandErrorCode::NotNow, LISTENING));
        }
        Ok(())
    }

    /// The call goes on without the word about it.
    pub(super) const fn seen_part(&mut self) {
        self.listening.let_speak = false;
    }

    /// Those who listen, in the order in which they came.
    pub(super) fn listeners(&self, call: &CallSnapshot) -> Vec<ListenerView> {
        let seen = |person: &PersonSnapshot| ListenerView {
            id: person.id.to_string(),
            name: person.name.trim().to_owned(),
            host: person.role == Role::Host,
            away: person.away,
            hand_place: self.hands.place(Some(person.id)),
            offences: group::offences(call, person.id),
        };
        let listeners = call.people.iter().filter(|person| person.listens);
        listeners.map(seen).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_let_speak_is_told_so_and_who_never_listened_is_not() {
        let mut listening = Listening::default();
        listening.see(false);
        assert_eq!(listening.view(), PartView::Speaks);
        listening.see(true);
        listening.see(true);
        assert_eq!(listening.view(), PartView::Listens);
        listening.see(false);
        assert_eq!(listening.view(), PartView::LetSpeak);
        listening.see(true);
        assert_eq!(listening.view(), PartView::Listens);
    }
}
