//! What the server says of how media flows in the room, and who is ready for it.

use parley_proto::limits::GROUP_PEOPLE_MAX;
use parley_proto::{ParticipantId, TopologyMode};
use std::collections::BTreeSet;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Topology {
    mode: TopologyMode,
    /// Of the last word of the server; 0 in a room that was never a group.
    number: u32,
    /// Who else is ready for this one.
    ready: BTreeSet<ParticipantId>,
    /// The server was told that this side is.
    said: bool,
}

impl Topology {
    /// The server says how it is. Gives whether that counts: only the largest number does.
    pub(super) fn take(&mut self, mode: TopologyMode, number: u32, ready: Vec<ParticipantId>) -> bool {
        let known = number > self.number || (number == self.number && number != 0);
        if !known || mode == TopologyMode::Unknown {
            return false;
        }
        self.mode = mode;
        self.number = number;
        self.ready = ready.into_iter().take(GROUP_PEOPLE_MAX).collect();
        // Said once more where it was said before: a server that was away may not know.
        self.said = false;
        true
    }

    pub(super) const fn mode(&self) -> TopologyMode {
        self.mode
    }

    /// Somebody else is ready.
    pub(super) fn on_ready(&mut self, id: ParticipantId, number: u32) {
        if number == self.number && self.ready.len() < GROUP_PEOPLE_MAX {
            self.ready.insert(id);
        }
    }

    pub(super) fn forget(&mut self, id: ParticipantId) {
        self.ready.remove(&id);
    }

    /// This side is ready: the number to say it with, once.
    pub(super) const fn say(&mut self) -> Option<u32> {
        if self.said || self.number == 0 {
            return None;
        }
        self.said = true;
        Some(self.number)
    }

    /// Whether this side and that one are ready.
    pub(super) fn are_ready(&self, other: ParticipantId) -> bool {
        self.said && self.ready.contains(&other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_largest_number_counts() {
        let mut topology = Topology::default();
        let ben = ParticipantId::from_bytes([2; 16]);
        assert!(!topology.take(TopologyMode::Sfu, 0, Vec::new()));
        assert!(topology.take(TopologyMode::Sfu, 5, vec![ben]));
        assert_eq!((topology.say(), topology.say()), (Some(5), None));
        assert!(topology.are_ready(ben));
        assert!(!topology.take(TopologyMode::Direct, 4, Vec::new()));
        assert!(!topology.take(TopologyMode::Unknown, 9, Vec::new()));
        assert!(topology.take(TopologyMode::Direct, 6, Vec::new()));
        topology.on_ready(ben, 5);
        assert_eq!(topology.say(), Some(6));
        assert!(!topology.are_ready(ben), "that was for the one before");
        topology.on_ready(ben, 6);
        assert!(topology.are_ready(ben));
    }
}
