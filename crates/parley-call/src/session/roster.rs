//! Everybody else in the room, as the server says. Kept in calls of two as well, where it decides nothing: who talks to whom there
//! is [`super::stay`]'s, which trusts media more than the server.

use parley_proto::limits::GROUP_PEOPLE_MAX;
use parley_proto::{Participant, ParticipantId, Role};

/// See the module. In the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Roster(Vec<Participant>);

impl Roster {
    /// These are there, and nobody else.
    pub(super) fn reset(&mut self, others: Vec<Participant>) {
        self.0 = others;
        self.0.truncate(GROUP_PEOPLE_MAX);
        self.0.sort_by_key(|person| (person.order, person.id));
    }

    /// Somebody came, or came again.
    pub(super) fn add(&mut self, newcomer: Participant) {
        self.0.retain(|person| person.id != newcomer.id);
        if self.0.len() < GROUP_PEOPLE_MAX {
            self.0.push(newcomer);
        }
    }

    /// Somebody is gone. Gives whether they were there.
    pub(super) fn remove(&mut self, id: ParticipantId) -> bool {
        let before = self.0.len();
        self.0.retain(|person| person.id != id);
        self.0.len() < before
    }

    pub(super) fn set_away(&mut self, id: ParticipantId, away: bool) {
        if let Some(person) = self.0.iter_mut().find(|person| person.id == id) {
            person.away = away;
        }
    }

    pub(super) fn set_role(&mut self, id: ParticipantId, role: Role) {
        if let Some(person) = self.0.iter_mut().find(|person| person.id == id) {
            person.role = role;
        }
    }

    pub(super) fn set_listens(&mut self, id: ParticipantId, listens: bool) {
        if let Some(person) = self.0.iter_mut().find(|person| person.id == id) {
            person.listens = listens;
        }
    }

    pub(super) fn get(&self, id: ParticipantId) -> Option<&Participant> {
        self.0.iter().find(|person| person.id == id)
    }

    pub(super) fn has(&self, id: ParticipantId) -> bool {
        self.get(id).is_some()
    }

    pub(super) fn everybody(&self) -> &[Participant] {
        &self.0
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = ParticipantId> + '_ {
        self.0.iter().map(|person| person.id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// How many of them have a connection to the server.
    pub(super) fn present(&self) -> usize {
        self.0.iter().filter(|person| !person.away).count()
    }
}
