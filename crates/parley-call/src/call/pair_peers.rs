//! The drivers of the connections for files, one for each person of a group to whom there is one. They are those of any other
//! connection, with no media to send; which there are, and what they do, is decided by the session.

use crate::config::{LocalMedia, NetworkOptions};
use crate::peer::{Peer, PeerHandle, PeerSetup};
use crate::port::{PeerCommand, PeerEvent};
use parley_proto::ParticipantId;
use std::collections::BTreeMap;
use std::task::Poll;

/// See the module.
#[derive(Debug)]
pub(super) struct PairPeers {
    network: NetworkOptions,
    peers: BTreeMap<ParticipantId, PeerHandle>,
    /// Those that took no more.
    stuck: Vec<ParticipantId>,
    /// Who was heard last: the next one comes first.
    last: Option<ParticipantId>,
}

impl PairPeers {
    pub(super) const fn new(network: NetworkOptions) -> Self {
        Self {
            network,
            peers: BTreeMap::new(),
            stuck: Vec::new(),
            last: None,
        }
    }

    /// Starts one, in place of one that is there.
    pub(super) fn open(&mut self, participant: ParticipantId) {
        let peer = Peer::spawn(PeerSetup {
            media: LocalMedia::none(),
            network: self.network.clone(),
        });
        self.stuck.retain(|stuck| *stuck != participant);
        self.peers.insert(participant, peer);
    }

    /// Never waits: one that takes no more is ended.
    pub(super) fn tell(&mut self, participant: ParticipantId, command: PeerCommand) {
        if let Some(peer) = self.peers.get(&participant)
            && peer.commands.try_send(command).is_err()
        {
            tracing::warn!("the driver of a connection for files takes no commands");
            self.peers.remove(&participant);
            self.stuck.push(participant);
        }
    }

    /// Ends one.
    pub(super) fn close(&mut self, participant: ParticipantId) {
        self.peers.remove(&participant);
        self.stuck.retain(|stuck| *stuck != participant);
    }

    /// What one of them tells next, each in turn; nothing is the end of that one. Waits while there is none. Cancel safe.
    pub(super) async fn next(&mut self) -> (ParticipantId, Option<PeerEvent>) {
        std::future::poll_fn(|cx| {
            if let Some(participant) = self.stuck.pop() {
                return Poll::Ready((participant, None));
            }
            let last = self.last;
            let after = |id: &ParticipantId| last.is_none_or(|last| *id > last);
            let ids: Vec<ParticipantId> = self.peers.keys().copied().collect();
            let (first, then): (Vec<_>, Vec<_>) = ids.into_iter().partition(after);
            for participant in first.into_iter().chain(then) {
                let told = self
                    .peers
                    .get_mut(&participant)
                    .map(|peer| peer.events.poll_recv(cx));
                if let Some(Poll::Ready(event)) = told {
                    if event.is_none() {
                        self.peers.remove(&participant);
                    }
                    self.last = Some(participant);
                    return Poll::Ready((participant, event));
                }
            }
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_that_takes_no_more_is_told_as_ended_and_one_that_was_closed_is_not() {
        let id = |n| ParticipantId::from_bytes([n; 16]);
        let mut peers = PairPeers::new(NetworkOptions::default());
        peers.open(id(1));
        peers.open(id(2));
        // Nothing runs in between, so its queue fills up.
        for _ in 0..1_000 {
            peers.tell(id(1), PeerCommand::Rollback);
        }
        peers.close(id(2));
        assert!(peers.peers.is_empty());
        let told = peers.next().await;
        assert!(matches!(told, (who, None) if who == id(1)));
        let more = tokio::time::timeout(std::time::Duration::from_millis(50), peers.next()).await;
        assert!(more.is_err(), "nobody is left to tell anything");
    }
}
