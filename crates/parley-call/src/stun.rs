//! The STUN exchanges that need no library: a Binding request, and the address in its answer (RFC 8489, sections 5, 14.2);
//! an Allocate request by nobody, and whether a relay answers it (RFC 8656, section 7); whom a check of ICE is meant for.
//!
//! For looking what the network lets through, and who knocks. ICE's own checks are the peer driver's library's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Which request an answer belongs to; random, so that nobody off the path can answer.
pub(crate) type Transaction = [u8; 12];

const COOKIE: u32 = 0x2112_a442;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const MAPPED_ADDRESS: u16 = 0x0001;
const USERNAME: u16 = 0x0006;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

/// A Binding request.
pub(crate) fn request(transaction: Transaction) -> [u8; 20] {
    let mut message = [0; 20];
    message[1] = 0x01;
    message[4..8].copy_from_slice(&COOKIE.to_be_bytes());
    message[8..].copy_from_slice(&transaction);
    message
}

/// The address that the answer to this transaction says the request came from.
pub(crate) fn mapped_address(message: &[u8], transaction: Transaction) -> Option<SocketAddr> {
    let (header, mut attributes) = message.split_at_checked(20)?;
    let fits = header[..2] == BINDING_SUCCESS.to_be_bytes()
        && usize::from(u16::from_be_bytes([header[2], header[3]])) == attributes.len()
        && header[4..8] == COOKIE.to_be_bytes()
        && header[8..] == transaction;
    if !fits {
        return None;
    }
    let mut plain = None;
    while let Some((&[kind_high, kind_low, high, low], rest)) = attributes.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let value = rest.get(..length)?;
        match u16::from_be_bytes([kind_high, kind_low]) {
            XOR_MAPPED_ADDRESS => return address(value).map(|found| unmasked(found, transaction)),
            MAPPED_ADDRESS => plain = address(value),
            _ => {}
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    plain
}

/// Whether this is a STUN message (RFC 8489, section 5), or at least looks like a whole one.
pub(crate) fn is_message(packet: &[u8]) -> bool {
    packet
        .split_at_checked(HEADER_BYTES)
        .is_some_and(|(header, attributes)| {
            header[0] < 0x40
                && usize::from(u16::from_be_bytes([header[2], header[3]])) == attributes.len()
                && header[4..8] == COOKIE.to_be_bytes()
        })
}

/// The user fragment of whom a check of ICE is meant for: what stands before the colon (RFC 8445, 7.2.2). Not whether the check is
/// genuine.
pub(crate) fn asked_of(packet: &[u8]) -> Option<&str> {
    if !is_message(packet) || packet[..2] != BINDING_REQUEST.to_be_bytes() {
        return None;
    }
    let mut attributes = packet.get(HEADER_BYTES..)?;
    while let Some((&[kind_high, kind_low, high, low], rest)) = attributes.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([high, low]));
        if u16::from_be_bytes([kind_high, kind_low]) == USERNAME {
            let name = std::str::from_utf8(rest.get(..length)?).ok()?;
            return name.split_once(':').map(|(of, _)| of);
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// The header of every message.
pub(crate) const HEADER_BYTES: usize = 20;

/// An Allocate request without credentials: a relay asks for them, and thereby is known.
pub(crate) fn allocate(transaction: Transaction) -> [u8; 28] {
    let mut message = [0; 28];
    message[..HEADER_BYTES].copy_from_slice(&request(transaction));
    message[1] = 0x03;
    message[3] = 8;
    // REQUESTED-TRANSPORT (RFC 8656, 18.7): UDP.
    message[HEADER_BYTES..].copy_from_slice(&[0x00, 0x19, 0x00, 0x04, 17, 0, 0, 0]);
    message
}

/// Whether this is, or begins with, an answer to that Allocate request: success or error.
pub(crate) fn answers_allocate(message: &[u8], transaction: Transaction) -> bool {
    message.split_at_checked(HEADER_BYTES).is_some_and(|(header, _)| {
        matches!(header[..2], [0x01, 0x03 | 0x13])
            && header[4..8] == COOKIE.to_be_bytes()
            && header[8..] == transaction
    })
}

fn address(value: &[u8]) -> Option<SocketAddr> {
    let (&[_, family, high, low], ip) = value.split_first_chunk::<4>()?;
    let ip: IpAddr = match family {
        1 => Ipv4Addr::from(<[u8; 4]>::try_from(ip).ok()?).into(),
        2 => Ipv6Addr::from(<[u8; 16]>::try_from(ip).ok()?).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_be_bytes([high, low])))
}

/// Addresses are masked, because some routers rewrite those they find in packets.
fn unmasked(found: SocketAddr, transaction: Transaction) -> SocketAddr {
    let port = found.port() ^ (COOKIE >> 16) as u16;
    let ip = match found.ip() {
        IpAddr::V4(ip) => IpAddr::V4((ip.to_bits() ^ COOKIE).into()),
        IpAddr::V6(ip) => {
            let mut mask = [0; 16];
            mask[..4].copy_from_slice(&COOKIE.to_be_bytes());
            mask[4..].copy_from_slice(&transaction);
            IpAddr::V6((ip.to_bits() ^ u128::from_be_bytes(mask)).into())
        }
    };
    SocketAddr::new(ip, port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 5769, 2.2 and 2.3: the transaction of the sample responses.
    const TRANSACTION: Transaction = [
        0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
    ];

    fn answer(attributes: &[u8]) -> Vec<u8> {
        let mut message = vec![0x01, 0x01, 0, attributes.len() as u8, 0x21, 0x12, 0xa4, 0x42];
        message.extend(TRANSACTION);
        message.extend(attributes);
        message
    }

    #[test]
    fn the_addresses_of_the_sample_responses_are_read() {
        // SOFTWARE "test vector" with its padding, then XOR-MAPPED-ADDRESS, as in the RFC.
        let software = [&[0x80, 0x22, 0x00, 0x0b][..], b"test vector ", &[]].concat();
        let v4 = [
            0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43,
        ];
        let v6 = [
            0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79,
            0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
        ];
        for (attribute, expect) in [
            (&v4[..], "192.0.2.1:32853"),
            (&v6[..], "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
        ] {
            let message = answer(&[&software, attribute].concat());
            assert_eq!(
                mapped_address(&message, TRANSACTION),
                Some(expect.parse().unwrap())
            );
        }
    }

    #[test]
    fn an_answer_to_something_else_is_none() {
        let v4 = [
            0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43,
        ];
        let good = answer(&v4);
        assert!(mapped_address(&good, TRANSACTION).is_some());
        assert_eq!(mapped_address(&good, [0; 12]), None);
        for (at, byte) in [(0, 0x00), (1, 0x11), (3, 8), (4, 0), (21, 0x21), (25, 3)] {
            let mut bad = good.clone();
            bad[at] = byte;
            assert_eq!(mapped_address(&bad, TRANSACTION), None, "byte {at}");
        }
        assert_eq!(mapped_address(&request(TRANSACTION), TRANSACTION), None);
    }

    #[test]
    fn an_old_servers_plain_address_is_taken() {
        let plain = [0x00, 0x01, 0x00, 0x08, 0x00, 0x01, 0x80, 0x55, 192, 0, 2, 1];
        assert_eq!(
            mapped_address(&answer(&plain), TRANSACTION),
            Some("192.0.2.1:32853".parse().unwrap())
        );
    }

    #[test]
    fn a_relay_is_known_by_what_it_asks() {
        let request = allocate(TRANSACTION);
        assert_eq!(request[..4], [0, 3, 0, 8]);
        assert!(!answers_allocate(&request, TRANSACTION));
        for (kind, expect) in [([1, 0x13], true), ([1, 0x03], true), ([1, 0x01], false)] {
            let mut answer = request;
            answer[..2].copy_from_slice(&kind);
            assert_eq!(answers_allocate(&answer, TRANSACTION), expect, "{kind:02x?}");
            assert!(!answers_allocate(&answer, [0; 12]));
            assert!(!answers_allocate(&answer[..19], TRANSACTION));
        }
    }

    /// A check with these attributes.
    fn check_with(attributes: &[u8]) -> Vec<u8> {
        let mut message = answer(attributes);
        message[..2].copy_from_slice(&BINDING_REQUEST.to_be_bytes());
        message
    }

    #[test]
    fn a_check_tells_whom_it_is_meant_for() {
        // PRIORITY first, as the sample request of RFC 5769, 2.1 has it, with the user name of that.
        let priority = [0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff];
        let username = [&[0x00, 0x06, 0x00, 0x09][..], b"evtj:h6vY", &[0x20; 3]].concat();
        let check = check_with(&[&priority[..], &username].concat());
        assert!(is_message(&check));
        assert_eq!(asked_of(&check), Some("evtj"));
        for (at, byte) in [(0, 0x01), (1, 0x03), (3, 4), (4, 0), (31, 200), (36, b'.')] {
            let mut bad = check.clone();
            bad[at] = byte;
            assert_eq!(asked_of(&bad), None, "byte {at}");
        }
        assert_eq!(asked_of(&check_with(&priority)), None);
        assert_eq!(asked_of(&request(TRANSACTION)), None);
        assert!(!is_message(b"GET / HTTP/1.1\r\n\r\n"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = asked_of(&body);
            let _ = asked_of(&check_with(&body));
            let _ = answers_allocate(&body, TRANSACTION);
            let _ = mapped_address(&body, TRANSACTION);
            let _ = mapped_address(&answer(&body), TRANSACTION);
        }
    }
}
