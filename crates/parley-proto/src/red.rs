//! Redundant sound (RFC 2198) as bytes: a packet of Opus that carries whole copies of some before it. Negotiated as `red/48000/2` with
//! `a=fmtp:N 111/111`. Clients and the server read it, and each hop packs its own.
//!
//! Nothing is copied while reading: what is told are places in the packet. A copy tells how much earlier it was sent, not its sequence number.
//! That follows where packets of one length come without a pause, so copies at other offsets are left. Deliberately absent: which copies are
//! worth sending, and which are of use.
//!
//! ```text
//! |1| type(7) | timestamp offset(14) | length(10) |   for each copy, oldest first
//! |0| type(7) |                                        for the packet itself
//! the copies' bytes, then the packet's
//! ```

use std::ops::Range;

/// The most copies in one packet that are read: at 20 ms, as many as an offset has room for.
pub const COPIES_READ_MAX: usize = 17;
/// The longest offset, in ticks of 48 kHz: what 14 bits hold.
pub const OFFSET_MAX: u32 = (1 << 14) - 1;
/// The longest copy, in bytes: what 10 bits hold.
pub const LENGTH_MAX: usize = (1 << 10) - 1;
/// Bytes of a packet with copies that we send: with all headers below what any IPv6 path carries.
pub const PACKED_BYTES_MAX: usize = 1_160;
/// Bytes of a copy's header.
pub const HEADER_BYTES: usize = 4;
/// The longest packet of Opus (RFC 6716, 3.2.5): 120 ms, in ticks of 48 kHz.
const TICKS_MAX: u32 = 5_760;

/// Where in a packet a copy of one before it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// So many packets earlier: the difference of the sequence numbers, at least 1.
    pub back: u16,
    /// So much earlier, in ticks of 48 kHz, at most [`OFFSET_MAX`].
    pub earlier: u32,
    /// Its bytes, at least one.
    pub bytes: Range<usize>,
}

/// What is where in a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The packet itself: a packet of Opus.
    pub primary: Range<usize>,
    /// How long that is, in ticks of 48 kHz.
    ticks: u32,
    /// How much earlier each copy was, and how long it is; oldest first.
    headers: [(u32, usize); COPIES_READ_MAX],
    count: usize,
}

impl Opened {
    /// The copies, oldest first. Those without a place among the sequence numbers, and empty ones, are not wrong, but of no use, and left.
    pub fn copies(&self) -> impl Iterator<Item = Copied> {
        let headers = self.headers.iter().take(self.count);
        let copied: usize = headers.clone().map(|(_, length)| length).sum();
        let mut at = self.primary.start - copied;
        headers.filter_map(move |(earlier, length)| {
            let bytes = at..at + length;
            at = bytes.end;
            let back = u16::try_from(earlier / self.ticks).ok()?;
            let is_of_use = earlier.is_multiple_of(self.ticks) && !bytes.is_empty();
            is_of_use.then_some(Copied {
                back,
                earlier: *earlier,
                bytes,
            })
        })
    }
}

/// Why a packet is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedError {
    /// It ends before what its headers promise.
    #[error("redundant audio is cut short")]
    Truncated,
    /// It has something else inside than what was agreed on.
    #[error("redundant audio of an unknown kind")]
    OtherType,
    /// Its copies are not older and older.
    #[error("redundant audio out of order")]
    Disorder,
    /// It has more copies than anybody can use.
    #[error("redundant audio with too many copies")]
    TooMany,
    /// The packet itself is no Opus packet.
    #[error("redundant audio without sound")]
    NoSound,
}

/// Takes a packet apart whose parts must all be of payload type `media`.
///
/// # Errors
/// See [`RedError`]. Then nothing of the packet is to be trusted.
pub fn open(packed: &[u8], media: u8) -> Result<Opened, RedError> {
    let mut headers = [(0, 0); COPIES_READ_MAX];
    let (mut count, mut at, mut copied) = (0_usize, 0, 0);
    let mut older = OFFSET_MAX + 1;
    loop {
        let first = *packed.get(at).ok_or(RedError::Truncated)?;
        if first & 0x7f != media & 0x7f {
            return Err(RedError::OtherType);
        }
        if first & 0x80 == 0 {
            at += 1;
            break;
        }
        let header = packed.get(at..).and_then(|rest| rest.first_chunk());
        let [_, high, middle, low]: [u8; HEADER_BYTES] = *header.ok_or(RedError::Truncated)?;
        let bits = u32::from_be_bytes([0, high, middle, low]);
        let (earlier, length) = (bits >> 10, (bits & 0x3ff) as usize);
        if earlier == 0 || earlier >= older {
            return Err(RedError::Disorder);
        }
        older = earlier;
        *headers.get_mut(count).ok_or(RedError::TooMany)? = (earlier, length);
        count += 1;
        copied += length;
        at += HEADER_BYTES;
    }
    let primary = at + copied..packed.len();
    let sound = packed.get(primary.clone()).filter(|sound| !sound.is_empty());
    let ticks = ticks(sound.ok_or(RedError::Truncated)?).ok_or(RedError::NoSound)?;
    Ok(Opened {
        primary,
        ticks,
        headers,
        count,
    })
}

/// Packs copies, oldest first, each with how much earlier it was sent in ticks of 48 kHz, into a packet. They must fit [`OFFSET_MAX`] and
/// [`LENGTH_MAX`]; how long the whole may be is the caller's business.
pub fn pack<'a>(media: u8, copies: impl Iterator<Item = (u32, &'a [u8])> + Clone, primary: &[u8]) -> Vec<u8> {
    let all: usize = copies.clone().map(|(_, copy)| HEADER_BYTES + copy.len()).sum();
    let mut packed = Vec::with_capacity(all + 1 + primary.len());
    for (earlier, copy) in copies.clone() {
        let rest = (earlier & OFFSET_MAX) << 10 | (copy.len() & LENGTH_MAX) as u32;
        let [_, high, middle, low] = rest.to_be_bytes();
        packed.extend([0x80 | media & 0x7f, high, middle, low]);
    }
    packed.push(media & 0x7f);
    for (_, copy) in copies {
        packed.extend_from_slice(copy);
    }
    packed.extend_from_slice(primary);
    packed
}

/// How long a packet of Opus is (RFC 6716, 3.1), in ticks of 48 kHz. Nothing for what is none.
#[must_use]
pub fn ticks(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let config = usize::from(toc >> 3);
    let frame = match config {
        0..12 => [480, 960, 1_920, 2_880][config & 3],
        12..16 => [480, 960][config & 1],
        _ => [120, 240, 480, 960][config & 3],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3f),
    };
    Some(frame * frames).filter(|ticks| (1..=TICKS_MAX).contains(ticks))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPUS: u8 = 111;

    /// 20 ms of Opus (hybrid, full band, one mono frame) as far as its length is concerned.
    fn packet(number: u8) -> Vec<u8> {
        vec![0x78, number, number]
    }

    fn packed(backs: &[u32]) -> Vec<u8> {
        let copies: Vec<(u32, Vec<u8>)> = backs
            .iter()
            .map(|back| (back * 960, packet(100 - *back as u8)))
            .collect();
        let copies = copies.iter().map(|(earlier, copy)| (*earlier, copy.as_slice()));
        pack(OPUS, copies, &packet(100))
    }

    #[test]
    fn what_is_packed_comes_out_again() {
        let packed = packed(&[8, 3, 1]);
        let opened = open(&packed, OPUS).unwrap();
        assert_eq!(packed[opened.primary.clone()], packet(100));
        let copies: Vec<_> = opened
            .copies()
            .map(|one| (one.back, one.earlier, packed[one.bytes].to_vec()))
            .collect();
        assert_eq!(
            copies,
            [
                (8, 7_680, packet(92)),
                (3, 2_880, packet(97)),
                (1, 960, packet(99))
            ]
        );
    }

    #[test]
    fn the_bytes_are_those_of_the_rfc() {
        let expected: &[u8] = &[
            0x80 | 111,
            0x1e,
            0x00,
            0x03, // 1,920 ticks earlier, 3 bytes
            0x80 | 111,
            0x0f,
            0x00,
            0x03, // 960
            111,
            0x78,
            98,
            98,
            0x78,
            99,
            99,
            0x78,
            100,
            100,
        ];
        assert_eq!(packed(&[2, 1]), expected);
    }

    #[test]
    fn what_is_not_as_the_rfc_has_it_is_not_taken() {
        let header = |earlier: u32, length: u32| {
            let [_, high, middle, low] = (earlier << 10 | length).to_be_bytes();
            vec![0x80 | OPUS, high, middle, low]
        };
        let whole = packed(&[2, 1]);
        assert!(open(&whole, OPUS).is_ok());
        for cut in 0..16 {
            assert_eq!(
                open(&whole[..cut], OPUS),
                Err(RedError::Truncated),
                "cut after {cut}"
            );
        }
        let twice = [header(960, 1), header(960, 1), vec![OPUS, 1, 2, 0x78]].concat();
        let newer_first = [header(960, 1), header(1_920, 1), vec![OPUS, 1, 2, 0x78]].concat();
        let no_time = [header(0, 1), vec![OPUS, 1, 0x78]].concat();
        let past_the_end = [header(960, 1_023), vec![OPUS, 1, 0x78]].concat();
        let another_kind = [vec![0x80 | 100, 0x0f, 0, 1], vec![OPUS, 1, 0x78]].concat();
        let chain: Vec<u8> = (1..=300)
            .rev()
            .flat_map(|n| header(n, 0))
            .chain([OPUS, 0x78])
            .collect();
        for (bytes, error) in [
            (twice, RedError::Disorder),
            (newer_first, RedError::Disorder),
            (no_time, RedError::Disorder),
            (past_the_end, RedError::Truncated),
            (another_kind, RedError::OtherType),
            (vec![OPUS, 0x1b, 0x3f], RedError::NoSound),
            (chain, RedError::TooMany),
        ] {
            assert_eq!(open(&bytes, OPUS), Err(error), "{bytes:?}");
        }
        // Between two packets, or empty: not wrong, and of no use.
        let between = [header(961, 1), header(960, 0), vec![OPUS, 1, 0x78]].concat();
        assert_eq!(open(&between, OPUS).unwrap().copies().count(), 0);
    }

    #[test]
    fn opus_tells_how_long_it_is() {
        for (packet, expected) in [
            (&[0x78][..], Some(960)),
            (&[0x70], Some(480)),
            (&[0x61], Some(960)),
            (&[0x18], Some(2_880)),
            (&[0x83, 0x02], Some(240)),
            (&[0x83], None),
            (&[0x83, 0], None),
            (&[0x1b, 0x3f], None),
            (&[], None),
        ] {
            assert_eq!(ticks(packet), expected, "{packet:?}");
        }
    }

    proptest! {
        #[test]
        fn no_packet_is_a_panic_and_nothing_comes_out_that_was_not_in(bytes in proptest::collection::vec(prop_oneof![Just(0x80 | OPUS), Just(OPUS), any::<u8>()], 0..120)) {
            if let Ok(opened) = open(&bytes, OPUS) {
                let copies: Vec<Copied> = opened.copies().collect();
                prop_assert!(copies.len() <= COPIES_READ_MAX && opened.primary.end == bytes.len());
                prop_assert!(copies.iter().all(|one| one.back > 0 && one.earlier <= OFFSET_MAX));
                prop_assert!(copies.is_sorted_by(|one, other| one.earlier > other.earlier && one.bytes.end <= other.bytes.start));
                prop_assert!(copies.iter().all(|one| one.bytes.end <= opened.primary.start));
            }
        }
    }
}
