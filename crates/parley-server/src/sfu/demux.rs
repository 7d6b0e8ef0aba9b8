//! Whose a datagram is, or a packet of a stream: all clients send to one port.
//!
//! By the address it comes from, once a check of ICE came from there that was meant for one of our connections and was genuine
//! (RFC 8445, 7.3); until then by the name that such a check bears (RFC 8489, 14.3: the receiver's fragment, a colon, the sender's).

use super::peer::PeerAt;
use std::collections::HashMap;
use std::net::SocketAddr;
use str0m::net::Protocol;

const HEADER_BYTES: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0, 1];
const USERNAME: u16 = 6;

/// Where something comes from. A client may have the same port for datagrams and for a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    pub(super) address: SocketAddr,
    /// Over a stream; else it is a datagram.
    pub(super) is_stream: bool,
}

impl Origin {
    /// Of a stream.
    pub(super) const fn stream(address: SocketAddr) -> Self {
        Self {
            address,
            is_stream: true,
        }
    }

    pub(super) const fn protocol(self) -> Protocol {
        if self.is_stream {
            Protocol::Tcp
        } else {
            Protocol::Udp
        }
    }
}

impl From<SocketAddr> for Origin {
    /// Of a datagram.
    fn from(address: SocketAddr) -> Self {
        Self {
            address,
            is_stream: false,
        }
    }
}

/// What is known of addresses and names.
#[derive(Debug, Default)]
pub(super) struct Demux {
    addresses: HashMap<Origin, PeerAt>,
    names: HashMap<String, PeerAt>,
}

impl Demux {
    /// The connection that something from there is for.
    pub(super) fn find(&self, from: impl Into<Origin>, datagram: &[u8]) -> Option<PeerAt> {
        self.addresses
            .get(&from.into())
            .copied()
            .or_else(|| self.named(datagram))
    }

    /// The connection that a check names.
    pub(super) fn named(&self, datagram: &[u8]) -> Option<PeerAt> {
        self.names.get(receiver_of(datagram)?).copied()
    }

    /// Whose whatever comes from there is.
    pub(super) fn of(&self, from: Origin) -> Option<PeerAt> {
        self.addresses.get(&from).copied()
    }

    /// Whether something from there is known to be for that connection.
    pub(super) fn knows(&self, from: impl Into<Origin>, peer: PeerAt) -> bool {
        self.of(from.into()) == Some(peer)
    }

    /// A genuine check came from there.
    pub(super) fn came_from(&mut self, from: impl Into<Origin>, peer: PeerAt) {
        self.addresses.insert(from.into(), peer);
    }

    /// The address is that connection's no more.
    pub(super) fn forget_address(&mut self, from: impl Into<Origin>, peer: PeerAt) {
        let from = from.into();
        if self.knows(from, peer) {
            self.addresses.remove(&from);
        }
    }

    /// Checks for that connection bear this name from now on.
    pub(super) fn name(&mut self, ufrag: &str, peer: PeerAt) {
        self.names.retain(|_, other| *other != peer);
        self.names.insert(ufrag.to_owned(), peer);
    }

    /// The connection is gone.
    pub(super) fn forget(&mut self, peer: PeerAt) {
        self.names.retain(|_, other| *other != peer);
        self.addresses.retain(|_, other| *other != peer);
    }
}

/// The receiver's fragment in a check.
fn receiver_of(datagram: &[u8]) -> Option<&str> {
    let (header, mut rest) = datagram.split_at_checked(HEADER_BYTES)?;
    if !header.starts_with(&BINDING_REQUEST) {
        return None;
    }
    loop {
        let (kind, after) = rest.split_first_chunk::<2>()?;
        let (length, after) = after.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let value = after.get(..length)?;
        if u16::from_be_bytes(*kind) == USERNAME {
            return std::str::from_utf8(value).ok()?.split(':').next();
        }
        rest = after.get(length.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0, 1, 0, 0];
        bytes.extend([7; 16]);
        for (kind, value) in attributes {
            bytes.extend(kind.to_be_bytes());
            bytes.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
            bytes.extend(*value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    #[test]
    fn a_check_names_its_receiver_and_the_rest_comes_from_a_known_place() {
        let from: SocketAddr = "192.0.2.1:5000".parse().unwrap();
        let ask = check(&[(0x8022, b"abc"), (USERNAME, b"ours:theirs")]);
        let mut demux = Demux::default();
        assert_eq!(demux.find(from, &ask), None);
        demux.name("ours", 3);
        assert_eq!(demux.find(from, &ask), Some(3));
        assert_eq!(
            demux.find(from, &[0x80, 96]),
            None,
            "no genuine check came from there yet"
        );
        demux.came_from(from, 3);
        assert_eq!(demux.find(from, &[0x80, 96]), Some(3));
        demux.name("anew", 3);
        assert_eq!(
            demux.find("192.0.2.2:1".parse::<SocketAddr>().unwrap(), &ask),
            None,
            "an old name"
        );
        demux.forget_address(from, 4);
        assert!(demux.knows(from, 3));
        demux.forget(3);
        assert_eq!(demux.find(from, &[0x80, 96]), None);
    }

    #[test]
    fn a_stream_is_somebody_elses_than_the_datagrams_of_its_address() {
        let from: SocketAddr = "192.0.2.1:5000".parse().unwrap();
        let mut demux = Demux::default();
        demux.came_from(from, 1);
        assert_eq!(demux.of(Origin::stream(from)), None);
        demux.came_from(Origin::stream(from), 2);
        assert!(demux.knows(from, 1) && demux.knows(Origin::stream(from), 2));
        demux.forget_address(Origin::stream(from), 2);
        assert!(demux.knows(from, 1) && demux.of(Origin::stream(from)).is_none());
    }

    #[test]
    fn what_is_no_check_names_nobody() {
        assert_eq!(receiver_of(&check(&[])), None);
        assert_eq!(receiver_of(&check(&[(USERNAME, b"no colon")])), Some("no colon"));
        assert_eq!(receiver_of(&check(&[(USERNAME, &[0xff, 0xfe])])), None);
        let mut answer = check(&[(USERNAME, b"a:b")]);
        answer[0] = 1;
        assert_eq!(receiver_of(&answer), None);
        let whole = check(&[(USERNAME, b"a:b")]);
        assert_eq!(receiver_of(&whole[..25]), None, "cut short");
    }

    proptest! {
        #[test]
        fn no_datagram_is_a_panic(datagram in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = receiver_of(&datagram);
        }
    }
}
