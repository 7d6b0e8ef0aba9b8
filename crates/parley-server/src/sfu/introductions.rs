//! Which streams a client may bring with it, looked at before the library believes a packet.
//!
//! Owned by a peer. The library binds the number of a new stream (SSRC) to a section and a layer by what the packet's header says, before
//! it knows that the packet is genuine; and it remembers every number that it ever took. A packet that somebody else sent under
//! this client's address would take a layer away from it, whose own packets say no more which layer they are of (RFC 8852: only the first ones
//! do). So:
//!
//! * A new number for a layer that comes under another one right now is not let through.
//! * There are [`STREAMS_MAX`] new ones at a time, and one more every [`MORE_EVERY`].
//!
//! What is forged before a layer came at all cannot be told apart here: its client has to offer anew, as after any other loss.

use std::time::{Duration, Instant};

/// Numbers that are let through: four tracks of three layers, each with its repairs, and as many again.
const STREAMS_MAX: usize = 48;
/// Until one more is.
const MORE_EVERY: Duration = Duration::from_secs(5);
const HEADER_BYTES: usize = 12;
/// Of a header with extensions of one byte each (RFC 8285, 4.2).
const ONE_BYTE: [u8; 2] = [0xbe, 0xde];

/// Under which numbers the extensions were negotiated that say what a stream is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    pub(super) mid: u8,
    pub(super) rid: Option<u8>,
    pub(super) repaired: Option<u8>,
}

/// What a header claims its stream to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claim<'a> {
    pub(super) pt: u8,
    pub(super) mid: &'a str,
    /// Empty without simulcast.
    pub(super) rid: &'a str,
    /// It is for what is sent again.
    pub(super) repairs: bool,
}

/// The numbers one client brought so far.
#[derive(Debug)]
pub(super) struct Introductions {
    known: Vec<u32>,
    /// When room for one more was made last.
    since: Instant,
    max: usize,
}

impl Introductions {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            known: Vec::new(),
            since: now,
            max: STREAMS_MAX,
        }
    }

    /// Whether this number was let through before.
    pub(super) fn knows(&self, ssrc: u32) -> bool {
        self.known.contains(&ssrc)
    }

    /// Lets a new one through, if there is room. The oldest gives way: its packets would have to be introduced again.
    pub(super) fn admit(&mut self, now: Instant, ssrc: u32) -> bool {
        if self.known.len() >= self.max {
            if now < self.since + MORE_EVERY {
                return false;
            }
            self.since = now;
            self.known.remove(0);
        }
        self.known.push(ssrc);
        true
    }
}

/// The number of the stream that a datagram of RTP is of; nothing for RTCP (RFC 5761, 4) and all else.
pub(super) fn stream_of(datagram: &[u8]) -> Option<u32> {
    let (header, _) = datagram.split_first_chunk::<HEADER_BYTES>()?;
    let is_rtp = (128..192).contains(&header[0]) && !(64..96).contains(&(header[1] & 0x7f));
    is_rtp.then(|| u32::from_be_bytes([header[8], header[9], header[10], header[11]]))
}

/// What such a datagram claims to be; nothing where it names no section.
pub(super) fn claim(datagram: &[u8], names: Names) -> Option<Claim<'_>> {
    let (header, rest) = datagram.split_first_chunk::<HEADER_BYTES>()?;
    let has_extensions = header[0] & 0x10 != 0;
    let rest = rest.get(usize::from(header[0] & 0x0f) * 4..)?;
    let (head, rest) = rest.split_first_chunk::<4>()?;
    if !has_extensions || head[..2] != ONE_BYTE {
        return None;
    }
    let words = usize::from(u16::from_be_bytes([head[2], head[3]]));
    let mut rest = rest.get(..words * 4)?;
    let mut claim = Claim {
        pt: header[1] & 0x7f,
        mid: "",
        rid: "",
        repairs: false,
    };
    while let Some((first, after)) = rest.split_first() {
        let (id, length) = (first >> 4, usize::from(first & 0x0f) + 1);
        if id == 0 {
            rest = after;
            continue;
        }
        let (value, after) = after.split_at_checked(length)?;
        rest = after;
        let text = || std::str::from_utf8(value).ok();
        if id == names.mid {
            claim.mid = text()?;
        } else if Some(id) == names.rid {
            claim.rid = text()?;
        } else if Some(id) == names.repaired {
            (claim.rid, claim.repairs) = (text()?, true);
        }
    }
    (!claim.mid.is_empty()).then_some(claim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMES: Names = Names {
        mid: 4,
        rid: Some(10),
        repaired: Some(11),
    };

    fn packet(extensions: &[(u8, &[u8])]) -> Vec<u8> {
        let mut packet = vec![0x90, 0x80 | 102, 0, 1, 0, 0, 0, 1, 0, 0, 0, 77];
        let mut body = Vec::new();
        for (id, value) in extensions {
            body.push(id << 4 | u8::try_from(value.len() - 1).unwrap());
            body.extend_from_slice(value);
        }
        body.resize(body.len().next_multiple_of(4), 0);
        packet.extend(ONE_BYTE);
        packet.extend(u16::try_from(body.len() / 4).unwrap().to_be_bytes());
        packet.extend(body);
        packet
    }

    #[test]
    fn a_header_says_which_layer_it_is_of() {
        let first = packet(&[(3, &[0, 9]), (4, b"1"), (10, b"q")]);
        assert_eq!(stream_of(&first), Some(77));
        let claim_of = |packet: &[u8]| claim(packet, NAMES).map(|it| (it.pt, it.rid.to_owned(), it.repairs));
        assert_eq!(claim_of(&first), Some((102, "q".to_owned(), false)));
        let again = packet(&[(4, b"1"), (11, b"q")]);
        assert_eq!(claim_of(&again), Some((102, "q".to_owned(), true)));
        assert_eq!(claim_of(&packet(&[(10, b"q")])), None, "of no section");
        assert_eq!(claim_of(&first[..14]), None, "cut short");
        assert_eq!(
            stream_of(&[0x80, 200, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
            None,
            "RTCP"
        );
        assert_eq!(stream_of(&[22, 254, 253]), None, "DTLS");
    }

    #[test]
    fn there_are_so_many_and_one_more_now_and_then() {
        #[expect(clippy::disallowed_methods, reason = "a start to count from")]
        let now = Instant::now();
        let mut introductions = Introductions::new(now);
        let let_in = (0..10_000).filter(|ssrc| introductions.admit(now, *ssrc)).count();
        assert_eq!(let_in, STREAMS_MAX);
        assert!(introductions.knows(0) && !introductions.knows(5_000));
        assert!(introductions.admit(now + MORE_EVERY, 5_000));
        assert!(!introductions.admit(now + MORE_EVERY, 5_001));
        assert!(introductions.knows(5_000) && !introductions.knows(0));
    }

    proptest! {
        #[test]
        fn no_datagram_is_a_panic(datagram in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = (stream_of(&datagram), claim(&datagram, NAMES));
        }
    }
}
