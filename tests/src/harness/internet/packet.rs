//! IPv4 packets as far as a NAT needs them (RFC 791): who talks to whom, read, and written anew with the checksums (RFC 1624).
//!
//! Deliberately not: fragments, options of interest, ICMP. What is none of UDP and TCP is no [`Packet`].

use std::net::{Ipv4Addr, SocketAddrV4};

const IP_CHECKSUM_AT: usize = 10;
const FROM_AT: usize = 12;
const TO_AT: usize = 16;

/// What a packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carried {
    /// A datagram.
    Udp,
    /// A piece of a stream.
    Tcp,
}

impl Carried {
    /// Where its checksum stands, counted from its own header.
    const fn checksum_at(self) -> usize {
        match self {
            Self::Udp => 6,
            Self::Tcp => 16,
        }
    }
}

/// Who talks to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// In what.
    pub carried: Carried,
    /// Who sent it.
    pub from: SocketAddrV4,
    /// Whom it is for.
    pub to: SocketAddrV4,
}

/// One whole packet of UDP or TCP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    bytes: Vec<u8>,
    flow: Flow,
    /// Where the header of UDP or TCP begins.
    inner_at: usize,
}

impl Packet {
    /// Reads it; `None` for anything else, fragments among it.
    #[must_use]
    pub fn read(bytes: Vec<u8>) -> Option<Self> {
        let first = *bytes.first()?;
        let inner_at = usize::from(first & 0x0f) * 4;
        if first >> 4 != 4 || inner_at < 20 || bytes.len() < inner_at + 8 {
            return None;
        }
        // More fragments, or not the first.
        if word(&bytes, 6) & 0x3fff != 0 {
            return None;
        }
        let carried = match bytes[9] {
            6 if bytes.len() >= inner_at + 20 => Carried::Tcp,
            17 => Carried::Udp,
            _ => return None,
        };
        let end = |address_at, port_at| SocketAddrV4::new(address(&bytes, address_at), word(&bytes, port_at));
        let flow = Flow {
            carried,
            from: end(FROM_AT, inner_at),
            to: end(TO_AT, inner_at + 2),
        };
        Some(Self {
            bytes,
            flow,
            inner_at,
        })
    }

    /// Who talks to whom.
    #[must_use]
    pub const fn flow(&self) -> Flow {
        self.flow
    }

    /// Makes it come from there.
    pub fn set_from(&mut self, from: SocketAddrV4) {
        self.flow.from = from;
        self.write(FROM_AT, self.inner_at, from);
    }

    /// Makes it go there.
    pub fn set_to(&mut self, to: SocketAddrV4) {
        self.flow.to = to;
        self.write(TO_AT, self.inner_at + 2, to);
    }

    /// The packet for the wire.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn write(&mut self, address_at: usize, port_at: usize, end: SocketAddrV4) {
        let inner_checksum_at = self.inner_at + self.flow.carried.checksum_at();
        // UDP may go without one (RFC 768), and then it stays so.
        let has_none = self.flow.carried == Carried::Udp && word(&self.bytes, inner_checksum_at) == 0;
        let [a, b, c, d] = end.ip().octets();
        let words = [
            (address_at, u16::from_be_bytes([a, b]), true),
            (address_at + 2, u16::from_be_bytes([c, d]), true),
            (port_at, end.port(), false),
        ];
        for (at, new, is_address) in words {
            let old = word(&self.bytes, at);
            put(&mut self.bytes, at, new);
            if is_address {
                let sum = adjusted(word(&self.bytes, IP_CHECKSUM_AT), old, new);
                put(&mut self.bytes, IP_CHECKSUM_AT, sum);
            }
            if !has_none {
                let sum = adjusted(word(&self.bytes, inner_checksum_at), old, new);
                put(&mut self.bytes, inner_checksum_at, sum);
            }
        }
        if !has_none && self.flow.carried == Carried::Udp && word(&self.bytes, inner_checksum_at) == 0 {
            put(&mut self.bytes, inner_checksum_at, 0xffff);
        }
    }
}

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn put(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

fn address(bytes: &[u8], at: usize) -> Ipv4Addr {
    Ipv4Addr::new(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3])
}

/// A checksum after one of its words changed (RFC 1624, equation 3).
fn adjusted(sum: u16, old: u16, new: u16) -> u16 {
    let mut total = u32::from(!sum) + u32::from(!old) + u32::from(new);
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    !(total as u16)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A packet with a body of five bytes and right checksums.
    pub(in crate::harness::internet) fn packet(carried: Carried, from: &str, to: &str) -> Packet {
        let (from, to): (SocketAddrV4, SocketAddrV4) = (from.parse().unwrap(), to.parse().unwrap());
        let (protocol, header) = match carried {
            Carried::Udp => (17, 8),
            Carried::Tcp => (6, 20),
        };
        let mut bytes = vec![0; 20 + header];
        bytes.extend_from_slice(b"hello");
        let length = bytes.len() as u16;
        bytes[0] = 0x45;
        put(&mut bytes, 2, length);
        bytes[8] = 64;
        bytes[9] = protocol;
        bytes[FROM_AT..TO_AT].copy_from_slice(&from.ip().octets());
        bytes[TO_AT..20].copy_from_slice(&to.ip().octets());
        put(&mut bytes, 20, from.port());
        put(&mut bytes, 22, to.port());
        if carried == Carried::Udp {
            put(&mut bytes, 24, length - 20);
        }
        let sum = ip_sum(&bytes);
        put(&mut bytes, IP_CHECKSUM_AT, !sum);
        let sum = inner_sum(&bytes);
        put(&mut bytes, 20 + carried.checksum_at(), !sum);
        Packet::read(bytes).unwrap()
    }

    fn sum(bytes: &[u8]) -> u32 {
        let words = bytes.chunks(2);
        words
            .map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0)))
            .sum()
    }

    fn folded(mut total: u32) -> u16 {
        while total > 0xffff {
            total = (total & 0xffff) + (total >> 16);
        }
        total as u16
    }

    fn ip_sum(bytes: &[u8]) -> u16 {
        folded(sum(&bytes[..20]))
    }

    /// With the pseudo header of RFC 768.
    fn inner_sum(bytes: &[u8]) -> u16 {
        let inner = &bytes[20..];
        folded(sum(&bytes[FROM_AT..20]) + u32::from(bytes[9]) + inner.len() as u32 + sum(inner))
    }

    #[test]
    fn a_packet_that_was_written_anew_says_so_and_its_checksums_are_right() {
        for carried in [Carried::Udp, Carried::Tcp] {
            let mut packet = packet(carried, "192.168.1.7:5000", "203.0.113.1:3478");
            packet.set_from("198.51.100.10:61234".parse().unwrap());
            packet.set_to("10.255.0.254:1".parse().unwrap());
            let flow = packet.flow();
            let bytes = packet.into_bytes();
            assert_eq!(
                (ip_sum(&bytes), inner_sum(&bytes)),
                (0xffff, 0xffff),
                "{carried:?}"
            );
            let again = Packet::read(bytes).unwrap();
            assert_eq!(again.flow(), flow);
            assert_eq!(flow.from.to_string(), "198.51.100.10:61234");
            assert_eq!(flow.to.to_string(), "10.255.0.254:1");
        }
    }

    #[test]
    fn a_datagram_without_a_checksum_stays_without() {
        let mut bytes = packet(Carried::Udp, "10.0.0.1:1", "10.0.0.2:2").into_bytes();
        put(&mut bytes, 26, 0);
        let mut packet = Packet::read(bytes).unwrap();
        packet.set_to("10.0.0.3:3".parse().unwrap());
        assert_eq!(word(&packet.into_bytes(), 26), 0);
    }

    #[test]
    fn what_a_nat_cannot_judge_is_no_packet() {
        let good = packet(Carried::Tcp, "10.0.0.1:1", "10.0.0.2:2").into_bytes();
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            Packet::read(bytes)
        };
        assert!(with(0, 0x45).is_some());
        assert_eq!(with(0, 0x65), None, "IPv6");
        assert_eq!(with(0, 0x41), None, "a header that is too short");
        assert_eq!(with(0, 0x4f), None, "a header longer than the packet");
        assert_eq!(with(6, 0x20), None, "the first of several fragments");
        assert_eq!(with(7, 0x08), None, "a later one");
        assert_eq!(with(9, 1), None, "ICMP");
        for length in 0..40 {
            assert_eq!(Packet::read(good[..length].to_vec()), None, "{length} bytes");
        }
    }
}
