//! What is read and written for every relayed packet, by hand: no allocation, no logging, the payload is never touched.
//! Requests and their answers are made of `stun-types` instead (`request`, `reply`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;
use stun_types::attribute::Fingerprint;

/// The header of every STUN message (RFC 8489, section 5).
pub(super) const STUN_HEADER_BYTES: usize = 20;
/// The header of ChannelData (RFC 8656, section 12.4).
pub(super) const CHANNEL_HEADER_BYTES: usize = 4;
/// Of a Data indication, at most: header, XOR-PEER-ADDRESS of IPv6, header of DATA.
const PREFIX_BYTES_MAX: usize = STUN_HEADER_BYTES + 24 + 4;

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const SEND_INDICATION: [u8; 2] = [0x00, 0x16];
const DATA_INDICATION: [u8; 2] = [0x00, 0x17];
const XOR_PEER_ADDRESS: u16 = 0x0012;
const DATA: u16 = 0x0013;
const DONT_FRAGMENT: u16 = 0x001a;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const MESSAGE_INTEGRITY_SHA256: u16 = 0x001c;
const FINGERPRINT: u16 = 0x8028;

/// What came from a client, told by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packet {
    /// Application data on a channel.
    Channel {
        /// The channel's number.
        number: u16,
        /// Bytes of data after the four of the header.
        length: usize,
    },
    /// A Send indication.
    Send,
    /// Another STUN message, well formed as far as lengths go.
    Message,
    /// None of these.
    Junk,
}

/// Tells what `packet` is. Lengths are checked: what follows may rely on them.
pub(super) fn classify(packet: &[u8]) -> Packet {
    let Some(&[first, second, high, low]) = packet.first_chunk::<4>() else {
        return Packet::Junk;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    match first >> 6 {
        0b01 if CHANNEL_HEADER_BYTES + length <= packet.len() => Packet::Channel {
            number: u16::from_be_bytes([first, second]),
            length,
        },
        0b00 if well_formed(packet, length) => {
            if [first, second] == SEND_INDICATION {
                Packet::Send
            } else {
                Packet::Message
            }
        }
        _ => Packet::Junk,
    }
}

/// Whether lengths add up, and what ends a message stands at its end. Checked before `stun-types` sees a message, because it
/// warns in the log about every one that is wrong.
fn well_formed(packet: &[u8], length: usize) -> bool {
    if packet.len() != STUN_HEADER_BYTES + length
        || !length.is_multiple_of(4)
        || packet.get(4..8) != Some(&COOKIE)
    {
        return false;
    }
    let mut rank_before = 0;
    let mut end = STUN_HEADER_BYTES;
    for (kind, value) in attributes(packet) {
        let rank = match kind {
            MESSAGE_INTEGRITY => 1,
            MESSAGE_INTEGRITY_SHA256 => 2,
            FINGERPRINT => 3,
            _ => 0,
        };
        if rank_before > 0 && rank <= rank_before {
            return false;
        }
        rank_before = rank;
        end = padded(value.end);
    }
    end == packet.len()
}

/// Whether the FINGERPRINT of a well-formed message, if it has one, is its own (RFC 8489, section 14.7). Also checked before
/// `stun-types` warns of each.
pub(super) fn fingerprint_holds(packet: &[u8]) -> bool {
    let Some((_, value)) = attributes(packet).find(|(kind, _)| *kind == FINGERPRINT) else {
        return true;
    };
    let before = packet.get(..value.start.saturating_sub(4)).unwrap_or_default();
    let mut expected = Fingerprint::compute(&[before]);
    for (byte, mask) in expected.iter_mut().zip(b"STUN") {
        *byte ^= mask;
    }
    packet.get(value) == Some(&expected)
}

/// The attributes of a STUN message as (type, where the value is), as far as they are whole.
fn attributes(packet: &[u8]) -> impl Iterator<Item = (u16, Range<usize>)> + '_ {
    let mut at = STUN_HEADER_BYTES;
    std::iter::from_fn(move || {
        let &[kind_high, kind_low, high, low] = packet.get(at..)?.first_chunk::<4>()?;
        let start = at + 4;
        let end = start + usize::from(u16::from_be_bytes([high, low]));
        if padded(end) > packet.len() {
            return None;
        }
        at = padded(end);
        Some((u16::from_be_bytes([kind_high, kind_low]), start..end))
    })
}

/// Where the next attribute or the next frame of a stream begins.
pub(super) const fn padded(length: usize) -> usize {
    length.next_multiple_of(4)
}

/// What a Send indication asks for: data for a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SendIndication {
    /// To whom.
    pub(super) peer: SocketAddr,
    /// Where the data is in the packet.
    pub(super) payload: Range<usize>,
}

/// Reads what [`classify`] called [`Packet::Send`]. `None`: something is missing or not understood, and the indication is to
/// be dropped (RFC 8656, section 11.2).
pub(super) fn send_indication(packet: &[u8]) -> Option<SendIndication> {
    let mut peer = None;
    let mut payload = None;
    for (kind, value) in attributes(packet) {
        match kind {
            XOR_PEER_ADDRESS if peer.is_none() => peer = Some(xor_address(packet, packet.get(value)?)?),
            DATA if payload.is_none() => payload = Some(value),
            // Every datagram is sent unfragmented, so this is granted.
            XOR_PEER_ADDRESS | DATA | DONT_FRAGMENT => {}
            MESSAGE_INTEGRITY | MESSAGE_INTEGRITY_SHA256 => break,
            unknown if unknown < 0x8000 => return None,
            _ => {}
        }
    }
    Some(SendIndication {
        peer: peer?,
        payload: payload?,
    })
}

/// XOR-MAPPED-ADDRESS and its like (RFC 8489, section 14.2).
fn xor_address(packet: &[u8], value: &[u8]) -> Option<SocketAddr> {
    let (head, address) = value.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes([head[2] ^ COOKIE[0], head[3] ^ COOKIE[1]]);
    let mask = packet.get(4..STUN_HEADER_BYTES)?;
    let ip: IpAddr = match (head[1], address.len()) {
        (1, 4) => {
            let mut bytes = [0; 4];
            xor(&mut bytes, address, mask);
            Ipv4Addr::from(bytes).into()
        }
        (2, 16) => {
            let mut bytes = [0; 16];
            xor(&mut bytes, address, mask);
            Ipv6Addr::from(bytes).into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn xor(into: &mut [u8], value: &[u8], mask: &[u8]) {
    for ((byte, value), mask) in into.iter_mut().zip(value).zip(mask) {
        *byte = value ^ mask;
    }
}

/// What stands before a peer's datagram on its way to the client, and how many zero bytes after it.
#[derive(Clone, Copy)]
pub struct Prefix {
    bytes: [u8; PREFIX_BYTES_MAX],
    length: u8,
    padding: u8,
}

impl Prefix {
    /// The bytes before the datagram.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// How many zero bytes come after it, 0 to 3.
    #[must_use]
    pub fn padding(&self) -> usize {
        usize::from(self.padding)
    }

    /// The header of ChannelData; padded on a stream (RFC 8656, section 12.5).
    pub(super) fn channel(number: u16, payload: u16, padded_to_four: bool) -> Self {
        let mut prefix = Self::empty();
        prefix.put(&number.to_be_bytes());
        prefix.put(&payload.to_be_bytes());
        if padded_to_four {
            prefix.padding = padding(payload);
        }
        prefix
    }

    /// Everything of a Data indication but the data. `None`: it would be longer than a message can be.
    pub(super) fn data_indication(transaction: [u8; 12], peer: SocketAddr, payload: u16) -> Option<Self> {
        let address: u16 = if peer.is_ipv4() { 8 } else { 20 };
        let padding = padding(payload);
        let length = (4 + address + 4)
            .checked_add(payload)?
            .checked_add(padding.into())?;
        let mut prefix = Self::empty();
        prefix.put(&DATA_INDICATION);
        prefix.put(&length.to_be_bytes());
        prefix.put(&COOKIE);
        prefix.put(&transaction);
        prefix.put(&XOR_PEER_ADDRESS.to_be_bytes());
        prefix.put(&address.to_be_bytes());
        prefix.put(&[0, if peer.is_ipv4() { 1 } else { 2 }]);
        let [high, low] = peer.port().to_be_bytes();
        prefix.put(&[high ^ COOKIE[0], low ^ COOKIE[1]]);
        let mut mask = [0; 16];
        mask[..4].copy_from_slice(&COOKIE);
        mask[4..].copy_from_slice(&transaction);
        let mut masked = [0; 16];
        match peer.ip() {
            IpAddr::V4(ip) => {
                xor(&mut masked, &ip.octets(), &mask);
                prefix.put(&masked[..4]);
            }
            IpAddr::V6(ip) => {
                xor(&mut masked, &ip.octets(), &mask);
                prefix.put(&masked);
            }
        }
        prefix.put(&DATA.to_be_bytes());
        prefix.put(&payload.to_be_bytes());
        prefix.padding = padding;
        Some(prefix)
    }

    const fn empty() -> Self {
        Self {
            bytes: [0; PREFIX_BYTES_MAX],
            length: 0,
            padding: 0,
        }
    }

    /// What is put together here fits by construction; what would not is left out rather than a panic.
    fn put(&mut self, more: &[u8]) {
        let start = usize::from(self.length);
        if let Some(room) = self.bytes.get_mut(start..start + more.len()) {
            room.copy_from_slice(more);
            self.length += u8::try_from(more.len()).unwrap_or(0);
        }
    }
}

impl std::fmt::Debug for Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Prefix({:02x?} + {})", self.as_bytes(), self.padding)
    }
}

/// Zero bytes up to the next multiple of four.
fn padding(length: u16) -> u8 {
    [0, 3, 2, 1][usize::from(length % 4)]
}

#[cfg(test)]
mod tests {
    use super::super::rfc5769::{ANSWER_V4, ANSWER_V6, REQUEST};
    use super::*;
    use proptest::prelude::*;
    use stun_types::message::{Message, MessageClass, MessageType, MessageWriteVec};
    use stun_types::prelude::*;
    use turn_types::attribute::{Data, XorPeerAddress};
    use turn_types::message::{DATA as DATA_METHOD, SEND};

    fn send(peer: SocketAddr, payload: &[u8]) -> Vec<u8> {
        let mut message = Message::builder_indication(SEND, MessageWriteVec::new());
        let peer = XorPeerAddress::new(peer, message.transaction_id());
        message.add_attribute(&peer).unwrap();
        message.add_attribute(&Data::new(payload)).unwrap();
        message.finish()
    }

    #[test]
    fn a_send_indication_is_read_as_its_author_meant_it() {
        for peer in ["192.0.2.9:5000", "[2001:db8::9]:5000"] {
            for payload in [&b""[..], b"a", b"four", b"five!"] {
                let peer: SocketAddr = peer.parse().unwrap();
                let packet = send(peer, payload);
                assert_eq!(classify(&packet), Packet::Send);
                let read = send_indication(&packet).unwrap();
                assert_eq!(read.peer, peer);
                assert_eq!(&packet[read.payload], payload);
            }
        }
    }

    #[test]
    fn a_send_indication_with_something_unknown_is_none() {
        let packet = send("192.0.2.9:5000".parse().unwrap(), b"data");
        let with = |attribute: &[u8]| {
            let mut packet = packet.clone();
            packet.extend_from_slice(attribute);
            let length = u16::try_from(packet.len() - 20).unwrap();
            packet[2..4].copy_from_slice(&length.to_be_bytes());
            send_indication(&packet).is_some()
        };
        assert!(
            with(&[0x80, 0x22, 0, 1, b'a', 0, 0, 0]),
            "SOFTWARE may be ignored"
        );
        assert!(with(&[0x00, 0x1a, 0, 0]), "DONT-FRAGMENT is granted");
        assert!(!with(&[0x00, 0x03, 0, 0]), "what must be understood is not");
    }

    #[test]
    fn the_addresses_of_rfc_5769_are_read() {
        // Sections 2.2 and 2.3: SOFTWARE comes before, MESSAGE-INTEGRITY after.
        let header = &ANSWER_V4[..20];
        let (v4, v6) = (&ANSWER_V4[40..48], &ANSWER_V6[40..60]);
        let read = |value: &[u8]| xor_address(header, value).map(|address| address.to_string());
        assert_eq!(read(v4).unwrap(), "192.0.2.1:32853");
        assert_eq!(read(v6).unwrap(), "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
        assert_eq!(read(&v6[..8]), None);
        assert_eq!(read(&[0, 3, 0, 0, 0, 0, 0, 0]), None);
        // And written the same way.
        let transaction: [u8; 12] = header[8..].try_into().unwrap();
        for value in [v4, v6] {
            let peer = xor_address(header, value).unwrap();
            let prefix = Prefix::data_indication(transaction, peer, 0).unwrap();
            assert_eq!(&prefix.as_bytes()[24..24 + value.len()], value);
        }
    }

    #[test]
    fn the_fingerprint_of_rfc_5769_holds_and_no_other() {
        let request = REQUEST;
        assert_eq!(classify(&request), Packet::Message);
        assert!(fingerprint_holds(&request));
        for at in (20..request.len()).filter(|at| !(100..104).contains(at)) {
            let mut changed = request;
            changed[at] ^= 1;
            assert!(
                !fingerprint_holds(&changed) || classify(&changed) == Packet::Junk,
                "byte {at}"
            );
        }
        assert!(fingerprint_holds(&send(
            "192.0.2.9:5000".parse().unwrap(),
            b"none, so nothing is wrong"
        )));
    }

    #[test]
    fn a_data_indication_is_read_by_others_as_it_was_meant() {
        for peer in ["192.0.2.9:5000", "[2001:db8::9]:5000"] {
            for payload in [&b""[..], b"a", b"four", b"five!"] {
                let peer: SocketAddr = peer.parse().unwrap();
                let length = u16::try_from(payload.len()).unwrap();
                let prefix = Prefix::data_indication([7; 12], peer, length).unwrap();
                let mut packet = prefix.as_bytes().to_vec();
                packet.extend_from_slice(payload);
                packet.resize(packet.len() + prefix.padding(), 0);
                let message = Message::from_bytes(&packet).unwrap();
                assert_eq!(
                    message.get_type(),
                    MessageType::from_class_method(MessageClass::Indication, DATA_METHOD)
                );
                let read = message.attribute::<XorPeerAddress>().unwrap();
                assert_eq!(read.addr(message.transaction_id()), peer);
                let raw = message.raw_attribute(Data::TYPE).unwrap();
                assert_eq!(&*raw.value, payload);
            }
        }
        let peer = "192.0.2.9:5000".parse().unwrap();
        assert!(Prefix::data_indication([7; 12], peer, u16::MAX).is_none());
    }

    #[test]
    fn channel_data_is_padded_on_a_stream_only() {
        let datagram = Prefix::channel(0x4001, 5, false);
        assert_eq!(datagram.as_bytes(), [0x40, 0x01, 0, 5]);
        assert_eq!(datagram.padding(), 0);
        assert_eq!(Prefix::channel(0x4001, 5, true).padding(), 3);
        assert_eq!(Prefix::channel(0x4001, 8, true).padding(), 0);
    }

    #[test]
    fn what_is_cut_or_lies_about_its_length_is_junk() {
        let packet = send("192.0.2.9:5000".parse().unwrap(), b"data");
        for length in 0..packet.len() {
            assert_eq!(classify(&packet[..length]), Packet::Junk, "{length}");
        }
        assert_eq!(classify(&[0x40, 0, 0, 3, 1, 2]), Packet::Junk);
        assert_eq!(classify(&[0x80, 0, 0, 0]), Packet::Junk);
        assert_eq!(
            classify(&[0x7f, 0xff, 0, 1, 9, 0, 0, 0]),
            Packet::Channel {
                number: 0x7fff,
                length: 1
            }
        );
    }

    proptest! {
        #[test]
        fn nothing_that_comes_makes_it_panic(packet in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = classify(&packet);
            let _ = send_indication(&packet);
        }

        #[test]
        fn what_is_called_well_formed_stun_types_can_read(attributes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut packet = vec![0, 3, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
            packet[3] = u8::try_from(attributes.len()).unwrap();
            packet.extend_from_slice(&attributes);
            if classify(&packet) == Packet::Message {
                prop_assert!(Message::from_bytes(&packet).is_ok() || !fingerprint_holds(&packet));
            }
        }
    }
}
