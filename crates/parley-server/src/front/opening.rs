//! What a connection speaks, by its first byte; STUN by its first four. Sans-IO.

use crate::sfu::framing::PACKET_BYTES_MAX;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// A TLS record of a handshake (RFC 8446, section 5.1).
    Tls,
    /// A STUN message (RFC 8489, section 5). Nothing else of TURN can come first: a channel has to be bound before it is used.
    Stun,
    /// A request: methods are in capital letters (RFC 9110, section 9.1).
    Http,
    /// Nothing that is spoken here.
    Junk,
}

/// One byte is enough: STUN's types begin with two zero bits, and those of TLS and HTTP are taken by no STUN request
/// (RFC 7983, section 7, tells them apart the same way).
pub(super) const fn opening(first: u8) -> Opening {
    match first {
        0x16 => Opening::Tls,
        0x00..=0x03 => Opening::Stun,
        b'A'..=b'Z' => Opening::Http,
        _ => Opening::Junk,
    }
}

/// What is looked at to see whether a message of STUN is in a frame.
pub(super) const STUN_LOOK_BYTES: usize = 4;
/// A STUN message without attributes.
const STUN_BYTES_MIN: usize = 20;

/// Whether a connection that begins so speaks ICE over TCP: a frame's length, then the type of a Binding request (RFC 4571, section 2;
/// RFC 8489, section 5). Without a frame the same two bytes were the length of a message, which is a multiple of four.
pub(super) fn is_framed_check([high, low, kind @ ..]: [u8; STUN_LOOK_BYTES]) -> bool {
    const BINDING_REQUEST: [u8; 2] = [0, 1];
    let bytes = usize::from(u16::from_be_bytes([high, low]));
    kind == BINDING_REQUEST && (STUN_BYTES_MIN..=PACKET_BYTES_MAX).contains(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_tells_what_is_spoken() {
        for (bytes, expect) in [
            (&[0x16u8, 3, 1][..], Opening::Tls),
            (&[0x00, 0x03], Opening::Stun), // Allocate
            (&[0x00, 0x01], Opening::Stun), // Binding
            (&[0x01, 0x01], Opening::Stun), // an answer: the relays refuse it
            (b"GET / HTTP/1.1", Opening::Http),
            (b"OPTIONS * HTTP/1.1", Opening::Http),
            (b"PRI * HTTP/2.0", Opening::Http), // refused by the parser of HTTP/1
            (&[0x40, 0x00], Opening::Junk),     // ChannelData
            (b"get / http/1.1", Opening::Junk),
            (b"SSH-2.0", Opening::Http),    // refused by the parser of HTTP/1
            (&[0x80, 0x2e], Opening::Junk), // SSLv2
            (&[0x15, 3, 1], Opening::Junk), // an alert comes before nothing
            (&[0xff], Opening::Junk),
            (b"\r\n", Opening::Junk),
        ] {
            assert_eq!(opening(bytes[0]), expect, "{bytes:02x?}");
        }
    }

    #[test]
    fn a_check_in_a_frame_is_no_message_of_the_relays() {
        for (begins, expect) in [
            ([0, 20, 0, 1], true),   // a check without attributes
            ([0, 132, 0, 1], true),  // one as browsers send it
            ([8, 0, 0, 1], true),    // the largest packet
            ([8, 4, 0, 1], false),   // larger
            ([0, 19, 0, 1], false),  // shorter than any message
            ([0, 132, 0, 3], false), // no check
            ([0, 132, 1, 1], false), // an answer comes before nothing
            ([0, 1, 0, 0], false),   // Binding, to the relays
            ([0, 1, 0, 8], false),   // with an attribute
            ([0, 3, 0, 36], false),  // Allocate
        ] {
            assert_eq!(is_framed_check(begins), expect, "{begins:02x?}");
            assert_eq!(
                opening(begins[0]),
                if begins[0] < 4 {
                    Opening::Stun
                } else {
                    Opening::Junk
                }
            );
        }
    }
}
