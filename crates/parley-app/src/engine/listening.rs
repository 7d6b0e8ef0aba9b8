//! Whether this side only listens, as the server said last, and what follows from it: a listener's microphone and camera are closed, nothing is
//! shared, and nothing of that comes back by itself when a host lets them speak. Owned by the engine's actor.

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
    /// A host let this side speak, whose microphone was not opened since.
    let_speak: bool,
    /// Whether it was muted, and the camera on, before: another call begins like that.
    before: Option<(bool, bool)>,
}

impl Listening {
    /// What the call says now. Gives whether that is news.
    fn see(&mut self, on: bool) -> bool {
        let news = self.on != on;
        if news {
            self.let_speak = self.on;
            self.on = on;
        }
        news
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
    /// Follows what the call says. Whoever becomes a listener is muted, without a picture and shares nothing; who is let speak takes
    /// their hand down and opens what they like themselves.
    pub(super) fn follow_part(&mut self) {
        let call = self.endpoint.call().filter(|_| self.phase == Phase::InCall);
        let listens = call.is_some_and(|call| call.listens);
        let news = self.listening.see(listens);
        let in_call = self.phase == Phase::InCall;
        self.listening.let_speak &= self.mute.muted && in_call;
        if !news {
            return;
        }
        if listens {
            self.listening.before = Some((self.mute.muted, self.camera_on));
            self.switch_mute(MuteAsk::Set(true));
            self.camera_on = false;
            self.endpoint.choose_share(false);
            self.stop_sharing();
            return;
        }
        let before = self.listening.before.take();
        if in_call {
            // What it was raised for is granted.
            let _ = self.raise_hand(false);
        } else if let Some((muted, camera_on)) = before {
            self.switch_mute(MuteAsk::Set(muted));
            self.camera_on = camera_on;
        }
    }

    /// Somebody who listens has no microphone, no camera and nothing to share.
    pub(super) fn must_speak(&self) -> Outcome {
        if self.listening.on {
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
        assert!(!listening.see(false));
        assert_eq!(listening.view(), PartView::Speaks);
        assert!(listening.see(true));
        assert!(!listening.see(true));
        assert_eq!(listening.view(), PartView::Listens);
        assert!(listening.see(false));
        assert_eq!(listening.view(), PartView::LetSpeak);
        assert!(listening.see(true));
        assert_eq!(listening.view(), PartView::Listens);
    }
}
