//! What hosts are told of somebody's client that does what no good one does. The server limits, counts and puts out; here it is only
//! kept to be shown. Sans-IO.

use crate::snapshot::OffencesSnapshot;
use parley_proto::limits::GROUP_PEOPLE_MAX;
use parley_proto::{Offence, OffenceCount, ParticipantId};
use std::collections::BTreeMap;

/// See the module. The newest word about each person.
#[derive(Debug, Default)]
pub(super) struct OffencesTold(BTreeMap<ParticipantId, (Vec<OffenceCount>, u32)>);

impl OffencesTold {
    /// The server says this of somebody who is there. Kinds that are not known here are left out, and each counts once.
    pub(super) fn take(&mut self, id: ParticipantId, list: &[OffenceCount], kicks: u32) {
        if self.0.len() >= GROUP_PEOPLE_MAX && !self.0.contains_key(&id) {
            return;
        }
        let of = |what: Offence| list.iter().find(|one| one.what == what).copied();
        let known = Offence::ALL.into_iter().filter_map(of).collect();
        self.0.insert(id, (known, kicks));
    }

    /// Somebody left.
    pub(super) fn forget(&mut self, id: ParticipantId) {
        self.0.remove(&id);
    }

    pub(super) fn all(&self) -> Vec<OffencesSnapshot> {
        let told =
            |(participant, (list, kicks)): (&ParticipantId, &(Vec<OffenceCount>, u32))| OffencesSnapshot {
                participant: *participant,
                list: list.clone(),
                kicks: *kicks,
            };
        self.0.iter().map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_word_about_each_is_kept_and_what_is_not_known_left_out() {
        let id = |n| ParticipantId::from_bytes([n; 16]);
        let count = |what, count| OffenceCount { what, count };
        let mut told = OffencesTold::default();
        told.take(id(1), &[count(Offence::Flood, 3)], 0);
        told.take(
            id(1),
            &[
                count(Offence::Unknown, 9),
                count(Offence::Flood, 7),
                count(Offence::Flood, 8),
            ],
            1,
        );
        told.take(id(2), &[count(Offence::Absurd, 1)], 0);
        let [first, second] = &told.all()[..] else {
            panic!("{told:?}");
        };
        assert_eq!(
            (&first.list[..], first.kicks),
            (&[count(Offence::Flood, 7)][..], 1)
        );
        assert_eq!(second.participant, id(2));
        told.forget(id(1));
        assert_eq!(told.all().len(), 1);
        for n in 0..2 * GROUP_PEOPLE_MAX as u128 {
            told.take(ParticipantId::from_bytes(n.to_be_bytes()), &[], 0);
        }
        assert_eq!(told.all().len(), GROUP_PEOPLE_MAX);
    }
}
