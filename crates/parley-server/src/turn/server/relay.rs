//! The way of every relayed packet: found, permitted, within its rate; nothing is copied or allocated. The driver puts the
//! pieces together where it sends them from.

use super::super::allocation::{Allocation, FiveTuple, RelayId};
use super::super::family::Family;
use super::super::moment::Moment;
use super::super::peers::Verdict;
use super::super::wire::{self, CHANNEL_HEADER_BYTES, Prefix};
use super::{TurnServer, TurnShared};
use std::net::SocketAddr;
use std::ops::Range;

/// Where a client's data goes.
#[derive(Debug, Clone)]
pub enum Onward {
    /// Out of a relay's socket.
    Peer(ToPeer),
    /// The peer is another relay of this thread: straight to its client. The system would have had it twice in between, and
    /// behind a NAT it might not find the way back in.
    Client(ToClient, Range<usize>),
}

/// Send a part of what came to a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToPeer {
    /// From this relay's socket.
    pub relay: RelayId,
    /// To this peer.
    pub peer: SocketAddr,
    /// These bytes of the packet that was handed in.
    pub payload: Range<usize>,
}

/// Send what came from a peer to a client.
#[derive(Debug, Clone)]
pub struct ToClient {
    /// Where the client is.
    pub to: FiveTuple,
    /// What to put around it.
    pub prefix: Prefix,
}

impl TurnServer {
    /// A datagram of `length` bytes came from a peer to a relay.
    pub fn handle_peer(
        &mut self,
        now: Moment,
        relay: RelayId,
        peer: SocketAddr,
        length: usize,
    ) -> Option<ToClient> {
        let allocation = self.allocations.get_mut(relay.allocation())?;
        if !allocation.permissions.holds(now, peer.ip()) {
            self.tally.data_from_unpermitted_peer.add();
            return None;
        }
        if !allocation.bandwidth.take(now, length) {
            self.tally.over_bandwidth.add();
            return None;
        }
        let prefix =
            u16::try_from(length)
                .ok()
                .and_then(|length| match allocation.channels.number_of(now, peer) {
                    Some(number) => Some(Prefix::channel(number, length, allocation.five_tuple.stream)),
                    None => Prefix::data_indication(next(&mut self.transactions), peer, length),
                });
        let Some(prefix) = prefix else {
            self.tally.data_too_large.add();
            return None;
        };
        self.tally.packets_to_clients.add();
        self.tally.bytes_to_clients.add_many(length);
        Some(ToClient {
            to: allocation.five_tuple,
            prefix,
        })
    }

    pub(super) fn channel_data(
        &mut self,
        now: Moment,
        from: &FiveTuple,
        number: u16,
        length: usize,
    ) -> Option<Onward> {
        let Some((index, allocation)) = self.allocations.find_mut(from) else {
            self.tally.data_without_allocation.add();
            return None;
        };
        let Some(channel) = allocation.channels.by_number(now, number) else {
            self.tally.data_on_unbound_channel.add();
            return None;
        };
        if channel.guarded && !is_exception(&self.shared, channel.peer) {
            self.tally.data_to_guarded_port.add();
            return None;
        }
        // Its relay may have been given back since (Refresh of one family), and its port may be somebody else's.
        if !has_relay_for(allocation, channel.peer) {
            self.tally.data_to_unpermitted_peer.add();
            return None;
        }
        let payload = CHANNEL_HEADER_BYTES..CHANNEL_HEADER_BYTES + length;
        self.forward(now, index, channel.peer, payload)
    }

    pub(super) fn send_indication(&mut self, now: Moment, from: &FiveTuple, packet: &[u8]) -> Option<Onward> {
        let Some((index, allocation)) = self.allocations.find_mut(from) else {
            self.tally.data_without_allocation.add();
            return None;
        };
        let Some(indication) = wire::send_indication(packet).filter(|send| send.peer.port() != 0) else {
            self.tally.bad_indications.add();
            return None;
        };
        let peer = indication.peer;
        if !has_relay_for(allocation, peer) || !allocation.permissions.holds(now, peer.ip()) {
            self.tally.data_to_unpermitted_peer.add();
            return None;
        }
        // A permission is for an address, and of this machine not every port is meant.
        if self.shared.config.peers.verdict(peer.ip()) == Verdict::Guarded
            && !is_exception(&self.shared, peer)
        {
            self.tally.data_to_guarded_port.add();
            return None;
        }
        self.forward(now, index, peer, indication.payload)
    }

    fn forward(
        &mut self,
        now: Moment,
        index: usize,
        peer: SocketAddr,
        payload: Range<usize>,
    ) -> Option<Onward> {
        let allocation = self.allocations.get_mut(index)?;
        if !allocation.bandwidth.take(now, payload.len()) {
            self.tally.over_bandwidth.add();
            return None;
        }
        self.tally.packets_to_peers.add();
        self.tally.bytes_to_peers.add_many(payload.len());
        let family = Family::of(peer.ip());
        if let Some(other) = self.neighbour(family, peer) {
            let port = self.allocations.get_mut(index)?.ports[family]?;
            let public = self.shared.config.relays[family]?.public;
            let from = SocketAddr::new(public, port);
            let to_client = self.handle_peer(now, RelayId::new(other, family), from, payload.len())?;
            return Some(Onward::Client(to_client, payload));
        }
        Some(Onward::Peer(ToPeer {
            relay: RelayId::new(index, family),
            peer,
            payload,
        }))
    }

    /// Whose relay of this thread is at `peer`.
    fn neighbour(&self, family: Family, peer: SocketAddr) -> Option<usize> {
        let here = self.shared.config.relays[family]?;
        if peer.ip() != here.public && peer.ip() != here.bind {
            return None;
        }
        self.by_port[family].get(&peer.port()).copied()
    }
}

pub(super) fn has_relay_for(allocation: &Allocation, peer: SocketAddr) -> bool {
    allocation.ports[Family::of(peer.ip())].is_some()
}

/// Whether a port of this machine is a live relay or allowed by name.
pub(super) fn is_exception(shared: &TurnShared, peer: SocketAddr) -> bool {
    let is_live = |peer: SocketAddr| shared.ports.is_live(Family::of(peer.ip()), peer.port());
    shared.config.peers.is_exception(peer, is_live)
}

/// Counts on; where it began nobody knows.
fn next(transactions: &mut [u8; 12]) -> [u8; 12] {
    for byte in transactions.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            break;
        }
    }
    *transactions
}
