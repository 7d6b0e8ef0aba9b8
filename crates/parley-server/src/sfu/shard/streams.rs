//! What whoever has the streams asks of them: whose one is, and who is over. Their packets go the way of all packets.

use super::super::demux::Origin;
use super::Sfu;
use std::net::SocketAddr;

/// A packet of a stream that it fails of, for tests of what follows from it.
#[cfg(test)]
pub(in crate::sfu) const FATAL: &[u8] = b"nothing is prepared for this";

impl Sfu {
    /// Whether the first packet of a stream is a check that names one of our connections. Anybody who saw one can say so: it is
    /// somebody's only once it was genuine ([`Sfu::knows_stream`]).
    #[must_use]
    pub fn expects(&self, first: &[u8]) -> bool {
        self.demux.named(first).is_some()
    }

    /// All names that such checks bear here, and a number that is another one once they are others.
    pub fn names(&self) -> (u64, impl Iterator<Item = &str>) {
        self.demux.names()
    }

    /// Whether a genuine check came over the stream from there, and its connection is still there.
    #[must_use]
    pub fn knows_stream(&self, from: SocketAddr) -> bool {
        self.demux.of(Origin::stream(from)).is_some()
    }

    /// The stream from there is over; its connection may go on by another way.
    pub fn stream_ended(&mut self, from: SocketAddr) {
        let from = Origin::stream(from);
        if let Some(at) = self.demux.of(from) {
            self.demux.forget_address(from, at);
            if let Some(peer) = self.peers.get_mut(at) {
                peer.origins.forget(from);
            }
        }
    }
}
