//! Whom a host put large for everybody: what this side said, what it heard, and what of that counts. Sans-IO.
//!
//! A host says it to everybody on every change, and to a newcomer by itself, as a raised hand. What was said or heard last counts, as long as whoever
//! said it is a host by the server's word, and whoever is meant is there. It outlives the group for as long as somebody of it may come back.

use super::newcomers::Newcomers;
use crate::session::roster::Roster;
use crate::snapshot::Spotlight;
use parley_proto::limits::GROUP_PEOPLE_MAX;
use parley_proto::{ControlMessage, Participant, ParticipantId, Role};
use std::collections::BTreeSet;
use std::time::Instant;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Spotlights {
    /// What this side says, if it was the last to say something.
    own: Option<Spotlight>,
    /// What everybody was told who was there then.
    told: Option<Spotlight>,
    /// What another host said is taken back, and nobody was told yet.
    takes_back: bool,
    /// Those who have to be told by themselves.
    newcomers: BTreeSet<ParticipantId>,
    /// How they are told.
    pace: Newcomers,
    /// What another host says, if they were the last.
    heard: Option<(ParticipantId, Spotlight)>,
}

impl Spotlights {
    /// This side, a host, wants this.
    pub(super) fn put(&mut self, target: Option<Spotlight>) {
        // Taking back what another host said has to be heard, too.
        self.takes_back = self.heard.take().is_some() && target.is_none();
        self.own = target;
    }

    /// Somebody says something. Gives whether they may.
    pub(super) fn hear(&mut self, from: ParticipantId, target: Option<Spotlight>, roster: &Roster) -> bool {
        let may = roster.get(from).is_some_and(|person| person.role == Role::Host);
        if may {
            self.own = None;
            self.told = None;
            self.takes_back = false;
            self.newcomers.clear();
            self.heard = target.map(|target| (from, target));
        }
        may
    }

    /// Somebody is there who may have missed what was said.
    pub(super) fn welcome(&mut self, id: ParticipantId) {
        if self.newcomers.len() < GROUP_PEOPLE_MAX {
            self.newcomers.insert(id);
        }
    }

    /// Somebody is not there any more. What they said, and what was said of them, is kept and does not count: a server that began anew
    /// names everybody again under the same ids, one after the other.
    pub(super) fn forget(&mut self, id: ParticipantId) {
        self.newcomers.remove(&id);
    }

    /// What counts now.
    pub(super) fn shown(&self, me: Option<&Participant>, roster: &Roster) -> Option<Spotlight> {
        let is_host = |person: &Participant| person.role == Role::Host;
        let own = self.own.filter(|_| me.is_some_and(is_host));
        let heard = self.heard.filter(|(by, _)| roster.get(*by).is_some_and(is_host));
        let is_there = |target: &Spotlight| {
            me.is_some_and(|me| me.id == target.participant) || roster.has(target.participant)
        };
        own.or(heard.map(|(_, target)| target)).filter(is_there)
    }

    /// When newcomers are told who wait to be; where nothing else keeps this side from saying it.
    pub(super) fn tells_newcomers_at(&self) -> Option<Instant> {
        let waits = self.own.is_some() && !self.newcomers.is_empty();
        self.pace.next_at().filter(|_| waits)
    }

    /// The next thing to be said now, and to whom (nobody: to everybody); it counts as said.
    pub(super) fn next_word(&mut self, now: Instant) -> Option<(Option<ParticipantId>, ControlMessage)> {
        if std::mem::take(&mut self.takes_back) || self.own != self.told {
            self.told = self.own;
            self.newcomers.clear();
            return Some((None, word(self.own)));
        }
        let own = self.own?;
        if self.newcomers.is_empty() || !self.pace.take(now) {
            return None;
        }
        if Newcomers::are_many(self.newcomers.iter()) {
            self.newcomers.clear();
            return Some((None, word(Some(own))));
        }
        let newcomer = self.newcomers.pop_first()?;
        Some((Some(newcomer), word(Some(own))))
    }
}

fn word(target: Option<Spotlight>) -> ControlMessage {
    ControlMessage::Spotlight {
        participant: target.map(|target| target.participant),
        screen: target.is_some_and(|target| target.screen),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an arbitrary moment to count from")]
mod tests {
    use super::*;

    fn person(n: u8, role: Role) -> Participant {
        Participant {
            id: ParticipantId::from_bytes([n; 16]),
            name: String::new(),
            role,
            order: n.into(),
            away: false,
            listens: false,
        }
    }

    fn on(n: u8) -> Spotlight {
        Spotlight {
            participant: ParticipantId::from_bytes([n; 16]),
            screen: false,
        }
    }

    fn room() -> (Participant, Roster) {
        let mut roster = Roster::default();
        roster.reset(vec![person(2, Role::Host), person(3, Role::Guest)]);
        (person(1, Role::Host), roster)
    }

    #[test]
    fn what_a_host_says_last_counts_and_what_a_guest_says_does_not() {
        let (me, roster) = room();
        let mut one = Spotlights::default();
        let [host, guest] = [2, 3].map(|n| ParticipantId::from_bytes([n; 16]));
        assert!(!one.hear(guest, Some(on(3)), &roster));
        assert_eq!(one.shown(Some(&me), &roster), None);
        assert!(one.hear(host, Some(on(3)), &roster));
        assert_eq!(one.shown(Some(&me), &roster), Some(on(3)));
        one.put(Some(on(1)));
        assert_eq!(one.shown(Some(&me), &roster), Some(on(1)), "oneself, too");
        assert!(one.hear(host, None, &roster));
        assert_eq!(one.shown(Some(&me), &roster), None);
    }

    #[test]
    fn it_ends_with_whoever_is_in_it_and_with_whoever_is_host_no_more() {
        let (me, mut roster) = room();
        let mut one = Spotlights::default();
        let host = ParticipantId::from_bytes([2; 16]);
        one.hear(host, Some(on(3)), &roster);
        roster.set_role(host, Role::Guest);
        assert_eq!(one.shown(Some(&me), &roster), None);
        roster.set_role(host, Role::Host);
        roster.remove(on(3).participant);
        assert_eq!(one.shown(Some(&me), &roster), None);
        one.put(Some(on(2)));
        let guest = person(1, Role::Guest);
        assert_eq!(one.shown(Some(&guest), &roster), None);
    }

    #[test]
    fn it_lasts_while_a_server_that_began_anew_does_not_name_them_yet() {
        let (me, mut roster) = room();
        let mut one = Spotlights::default();
        let host = ParticipantId::from_bytes([2; 16]);
        one.hear(host, Some(on(3)), &roster);
        for id in [host, on(3).participant] {
            roster.remove(id);
            one.forget(id);
        }
        assert_eq!(one.shown(Some(&me), &roster), None);
        roster.reset(vec![person(3, Role::Guest)]);
        assert_eq!(
            one.shown(Some(&me), &roster),
            None,
            "whoever said it is not there"
        );
        roster.reset(vec![person(2, Role::Host), person(3, Role::Guest)]);
        assert_eq!(one.shown(Some(&me), &roster), Some(on(3)));
        one.put(Some(on(3)));
        one.forget(on(3).participant);
        assert_eq!(one.next_word(Instant::now()), Some((None, word(Some(on(3))))));
    }

    #[test]
    fn everybody_is_told_of_a_change_and_newcomers_of_what_lasts() {
        let (_, roster) = room();
        let [host, newcomer] = [2, 7].map(|n| ParticipantId::from_bytes([n; 16]));
        let mut one = Spotlights::default();
        one.welcome(newcomer);
        assert_eq!(one.next_word(Instant::now()), None, "of nothing nobody is told");
        one.put(Some(on(3)));
        assert_eq!(one.next_word(Instant::now()), Some((None, word(Some(on(3))))));
        assert_eq!(one.next_word(Instant::now()), None);
        one.welcome(newcomer);
        assert_eq!(
            one.next_word(Instant::now()),
            Some((Some(newcomer), word(Some(on(3)))))
        );
        one.put(None);
        assert_eq!(one.next_word(Instant::now()), Some((None, word(None))));
        assert_eq!(one.next_word(Instant::now()), None);
        // What another host said is taken back by this one.
        one.hear(host, Some(on(3)), &roster);
        assert_eq!(one.next_word(Instant::now()), None);
        one.put(None);
        assert_eq!(one.next_word(Instant::now()), Some((None, word(None))));
        assert_eq!(one.next_word(Instant::now()), None);
    }
}
