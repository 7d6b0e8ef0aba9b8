//! What the world does of connections for files between people of a group: each a peer in memory, as that of a call of two.

use super::super::fake_peer::FakePeer;
use super::{Delivery, World};
use crate::port::PeerEvent;
use crate::session::{Input, PairCommand};
use parley_proto::ParticipantId;
use std::time::Duration;

impl World {
    pub(super) fn serve_pair(&mut self, party: usize, command: PairCommand) {
        match command {
            PairCommand::Open { participant } => {
                let opened = &mut self.parties[party].pairs_opened;
                *opened += 1;
                let number = 40 + 40 * party as u8 + *opened % 40;
                let peer = FakePeer::new(number, self.now);
                self.parties[party].pairs.insert(participant, peer);
            }
            PairCommand::Tell { participant, command } => {
                let latency = || Duration::from_millis(2);
                let peer = self.parties[party].pairs.get_mut(&participant);
                let peer = peer.expect("a connection is told something that is not there");
                for (at, event) in peer.command(self.now, command, latency) {
                    self.push(
                        at,
                        Delivery::FromPair {
                            party,
                            participant,
                            event,
                        },
                    );
                }
                self.look();
            }
            PairCommand::Close { participant } => {
                self.parties[party].pairs.remove(&participant);
                self.look();
            }
        }
    }

    pub(super) fn hear_pair(&mut self, party: usize, participant: ParticipantId, event: PeerEvent) {
        self.input(party, Input::Pair { participant, event });
        self.look();
    }

    /// Whether packets pass on them.
    pub(super) fn look_at_pairs(&mut self) {
        for party in 0..self.parties.len() {
            let Some(me) = self.snapshot(party).me else {
                continue;
            };
            let ids: Vec<ParticipantId> = self.parties[party].pairs.keys().copied().collect();
            for participant in ids {
                let there =
                    (0..self.parties.len()).find(|other| self.snapshot(*other).me == Some(participant));
                let theirs = there.and_then(|there| self.parties[there].pairs.get(&me));
                let Some(own) = self.parties[party].pairs.get(&participant) else {
                    continue;
                };
                let [carries, _] = own.carries(&theirs.into_iter().collect::<Vec<_>>());
                let carries = carries && self.path_up;
                let now = self.now;
                let events = match self.parties[party].pairs.get_mut(&participant) {
                    Some(own) => own.check(now, carries),
                    None => Vec::new(),
                };
                for event in events {
                    self.input(party, Input::Pair { participant, event });
                }
            }
        }
    }

    /// Whether files could go between the two.
    pub(in crate::session::tests) fn pair_flows(&self, one: usize, other: usize) -> bool {
        let flows = |from: usize, to: usize| {
            let pair = self.parties[from].pairs.get(&self.id(to));
            pair.is_some_and(FakePeer::media_flows)
        };
        flows(one, other) && flows(other, one)
    }
}
