//! The life of connections: offered, standing, replaced, over.

use super::super::demux::Origin;
use super::super::event::{Event, What};
use super::super::peer::{Peer, PeerAt};
use super::super::room::Room;
use super::Sfu;
use parley_proto::{ParticipantId, Publish, RoomId, SfuClosed};
use std::net::SocketAddr;
use std::time::Instant;
use str0m::Input;
use str0m::net::Receive;

impl Sfu {
    pub(super) fn offer(
        &mut self,
        now: Instant,
        (room_id, who): (RoomId, ParticipantId),
        connection: u32,
        sdp: &str,
        publish: Vec<Publish>,
    ) {
        let tell = |what| Event {
            room: room_id,
            participant: who,
            what,
        };
        let room = self.rooms.entry(room_id).or_insert_with(|| Room::new(room_id));
        let member = room.members.entry(who).or_default();
        let known = [member.coming, member.peer]
            .into_iter()
            .flatten()
            .filter_map(|at| Some((at, self.peers.get(at)?.connection)))
            .collect::<Vec<_>>();
        let same = known.iter().find(|(_, number)| *number == connection);
        let newest = known.iter().map(|(_, number)| *number).max();
        let at = match same {
            Some((at, _)) => *at,
            // A word about a connection that was replaced long ago.
            None if newest.is_some_and(|newest| connection < newest) => return,
            None => {
                if self.peers.len() >= self.peers_max {
                    let reason = SfuClosed::Full;
                    return self.events.push(tell(What::Closed { connection, reason }));
                }
                let replaced = member.coming.take();
                let peer = Peer::new(
                    now,
                    sdp,
                    room_id,
                    who,
                    connection,
                    &self.certificate,
                    &self.candidates,
                );
                let at = self.peers.insert(peer);
                if let Some(member) = self
                    .rooms
                    .get_mut(&room_id)
                    .and_then(|room| room.members.get_mut(&who))
                {
                    member.coming = Some(at);
                }
                if let Some(replaced) = replaced {
                    self.close(replaced, SfuClosed::Replaced);
                }
                at
            }
        };
        let Some(peer) = self.peers.get_mut(at) else {
            return;
        };
        match peer.answer(sdp) {
            Ok(answer) => {
                self.demux.name(&peer.ufrag, at);
                self.agenda.give(at);
                self.drain(now, at);
                if let (Some(peer), Some(room)) = (self.peers.get_mut(at), self.rooms.get_mut(&room_id)) {
                    room.publish(who, publish, peer);
                }
                self.events.push(tell(What::Answer {
                    connection,
                    sdp: answer,
                }));
            }
            Err(refusal) => {
                tracing::debug!(refusal, "an offer is refused");
                self.counts.refused += 1;
                self.close(at, SfuClosed::Refused);
            }
        }
    }

    /// An address that something for this connection came from: remembered once the library takes what is no check from there, which
    /// it does after a genuine one.
    pub(super) fn learn(&mut self, now: Instant, from: Origin, to: SocketAddr, at: PeerAt) {
        /// What looks like a packet of media.
        const LOOKS_LIKE_MEDIA: [u8; 12] = [0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let Some(peer) = self.peers.get_mut(at) else {
            return;
        };
        let Ok(receive) = Receive::new(from.protocol(), from.address, to, &LOOKS_LIKE_MEDIA) else {
            return;
        };
        if !peer.rtc.accepts(&Input::Receive(now, receive)) {
            return;
        }
        let given_up = peer.origins.add(from);
        self.demux.came_from(from, at);
        if let Some(given_up) = given_up {
            self.demux.forget_address(given_up, at);
        }
    }

    /// A connection stands: it takes the place of the one before.
    pub(super) fn connected(&mut self, now: Instant, at: PeerAt) {
        let Some(peer) = self.peers.get_mut(at) else {
            return;
        };
        peer.connected = true;
        let (room_id, who) = (peer.room, peer.participant);
        let Some(room) = self.rooms.get_mut(&room_id) else {
            return;
        };
        room.tell_anew(who);
        room.stale = true;
        let Some(member) = room
            .members
            .get_mut(&who)
            .filter(|member| member.coming == Some(at))
        else {
            return;
        };
        member.coming = None;
        let before = member.peer.replace(at);
        if let Some(before) = before {
            self.close(before, SfuClosed::Replaced);
        }
        self.settle(now, room_id);
    }

    pub(super) fn leave(&mut self, room_id: RoomId, who: ParticipantId) {
        let Some(room) = self.rooms.get_mut(&room_id) else {
            return;
        };
        let peers = room.members.get(&who).map(|member| [member.peer, member.coming]);
        room.forget(who);
        for at in peers.into_iter().flatten().flatten() {
            self.drop_peer(at);
        }
        if self
            .rooms
            .get(&room_id)
            .is_some_and(|room| room.members.is_empty())
        {
            self.rooms.remove(&room_id);
        }
    }

    /// Ends a connection and says so. Its owner stays in the room, and may offer another.
    pub(super) fn close(&mut self, at: PeerAt, reason: SfuClosed) {
        let Some(peer) = self.drop_peer(at) else {
            return;
        };
        self.events.push(Event {
            room: peer.room,
            participant: peer.participant,
            what: What::Closed {
                connection: peer.connection,
                reason,
            },
        });
        if let Some(room) = self.rooms.get_mut(&peer.room) {
            if let Some(member) = room.members.get_mut(&peer.participant) {
                let forget = |place: &mut Option<PeerAt>| {
                    if *place == Some(at) {
                        *place = None;
                    }
                };
                forget(&mut member.peer);
                forget(&mut member.coming);
            }
            // Its place may be somebody else's before the next look: nothing may still lead there.
            room.route(&mut self.peers);
        }
    }

    pub(super) fn drop_peer(&mut self, at: PeerAt) -> Option<Peer> {
        let peer = self.peers.try_remove(at)?;
        self.agenda.forget(at);
        self.demux.forget(at);
        Some(peer)
    }
}
