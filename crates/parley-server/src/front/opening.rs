//! What a connection speaks, by its first byte. Sans-IO.

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
}
