//! Redundant sound (RFC 2198) as bytes: a packet of Opus with whole copies of some before it. Each hop of a group has its own: what a
//! publisher packed is taken apart here, and packed anew for each who needs it.
//!
//! A copy tells how much earlier it was sent, not its sequence number. That follows where packets of one length come without a pause, so
//! copies at other offsets are left. Deliberately absent: which copies are of use (`repair`), and who gets some (`copies`, `shield`).

use std::sync::Arc;

/// The most copies in one packet that are read: at 20 ms, as many as an offset has room for.
const COPIES_READ_MAX: usize = 17;
/// What 14 and 10 bits hold.
pub(super) const OFFSET_MAX: u32 = (1 << 14) - 1;
pub(super) const LENGTH_MAX: usize = (1 << 10) - 1;
/// Bytes of a packet with copies: with all headers below what any IPv6 path carries.
pub(super) const PACKED_BYTES_MAX: usize = 1_160;
/// Bytes of a copy's header.
pub(super) const HEADER_BYTES: usize = 4;
/// The longest packet of Opus (RFC 6716, 3.2.5): 120 ms, in ticks of 48 kHz.
const TICKS_MAX: u32 = 5_760;

/// A packet that comes as a copy in a later one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missed {
    /// So many packets earlier, at least 1.
    pub(crate) back: u64,
    /// So much earlier, in ticks of 48 kHz.
    pub(crate) earlier: u32,
    pub(crate) payload: Arc<[u8]>,
}

/// What was in a packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) primary: Arc<[u8]>,
    /// The copies that were asked for, oldest first.
    pub(crate) missed: Vec<Missed>,
}

/// Takes a packet apart whose parts must all be of payload type `media`. Of the copies those are taken that `is_missed`, told by how many
/// packets earlier they were. Nothing where it is not as the RFC has it: then nothing of the packet is to be trusted.
pub(crate) fn open(packed: &[u8], media: u8, is_missed: impl Fn(u64) -> bool) -> Option<Opened> {
    let mut headers = [(0, 0); COPIES_READ_MAX];
    let (mut count, mut at) = (0_usize, 0);
    loop {
        let first = *packed.get(at)?;
        if first & 0x7f != media & 0x7f {
            return None;
        }
        if first & 0x80 == 0 {
            at += 1;
            break;
        }
        let [_, high, middle, low] = *packed.get(at..)?.first_chunk::<HEADER_BYTES>()?;
        let bits = u32::from_be_bytes([0, high, middle, low]);
        let (earlier, length) = (bits >> 10, (bits & 0x3ff) as usize);
        let older = count
            .checked_sub(1)
            .and_then(|last| headers.get(last))
            .map_or(OFFSET_MAX + 1, |(older, _)| *older);
        if earlier == 0 || earlier >= older {
            return None;
        }
        *headers.get_mut(count)? = (earlier, length);
        count += 1;
        at += HEADER_BYTES;
    }
    let headers = headers.get(..count)?;
    let copied: usize = headers.iter().map(|(_, length)| length).sum();
    let primary = packed.get(at + copied..)?;
    let ticks = ticks(primary)?;
    let mut missed = Vec::new();
    for (earlier, length) in headers.iter().copied() {
        let payload = packed.get(at..at + length)?;
        at += length;
        let back = u64::from(earlier / ticks);
        if earlier.is_multiple_of(ticks) && !payload.is_empty() && is_missed(back) {
            missed.push(Missed {
                back,
                earlier,
                payload: payload.into(),
            });
        }
    }
    Some(Opened {
        primary: primary.into(),
        missed,
    })
}

/// Packs copies, oldest first, each with how much earlier it was sent, into a packet. They must fit the limits above.
pub(crate) fn pack<'a>(
    media: u8,
    copies: impl Iterator<Item = (u32, &'a [u8])> + Clone,
    primary: &[u8],
) -> Vec<u8> {
    let mut packed = Vec::with_capacity(PACKED_BYTES_MAX);
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
pub(super) fn ticks(packet: &[u8]) -> Option<u32> {
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
    fn what_is_packed_comes_out_again_as_far_as_it_is_missed() {
        let packed = packed(&[8, 3, 1]);
        let opened = open(&packed, OPUS, |back| back != 3).unwrap();
        assert_eq!(*opened.primary, *packet(100));
        let missed: Vec<_> = opened
            .missed
            .iter()
            .map(|one| (one.back, one.earlier, one.payload[1]))
            .collect();
        assert_eq!(missed, [(8, 7_680, 92), (1, 960, 99)]);
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
        let all = |bytes: &[u8]| open(bytes, OPUS, |_| true);
        let header = |earlier: u32, length: u32| {
            let [_, high, middle, low] = (earlier << 10 | length).to_be_bytes();
            vec![0x80 | OPUS, high, middle, low]
        };
        let whole = packed(&[2, 1]);
        assert!(all(&whole).is_some());
        for cut in 0..15 {
            assert_eq!(all(&whole[..cut]), None, "cut after {cut}");
        }
        let twice = [header(960, 1), header(960, 1), vec![OPUS, 1, 2, 0x78]].concat();
        let newer_first = [header(960, 1), header(1_920, 1), vec![OPUS, 1, 2, 0x78]].concat();
        let no_time = [header(0, 1), vec![OPUS, 1, 0x78]].concat();
        let past_the_end = [header(960, 1_023), vec![OPUS, 1, 0x78]].concat();
        let another_kind = [vec![0x80 | 100, 0x0f, 0, 1], vec![OPUS, 1, 0x78]].concat();
        let no_opus = vec![OPUS, 0x1b, 0x3f];
        let chain: Vec<u8> = (1..=300)
            .rev()
            .flat_map(|n| header(n, 0))
            .chain([OPUS, 0x78])
            .collect();
        for bytes in [
            twice,
            newer_first,
            no_time,
            past_the_end,
            another_kind,
            no_opus,
            chain,
        ] {
            assert_eq!(all(&bytes), None, "{bytes:?}");
        }
        // Between two packets, or empty: not wrong, and of no use.
        let between = [header(961, 1), header(960, 0), vec![OPUS, 1, 0x78]].concat();
        assert_eq!(all(&between).unwrap().missed, []);
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
            if let Some(opened) = open(&bytes, OPUS, |_| true) {
                prop_assert!(opened.missed.len() <= COPIES_READ_MAX);
                let taken: usize = opened.missed.iter().map(|one| one.payload.len()).sum();
                prop_assert!(taken + opened.primary.len() < bytes.len());
                prop_assert!(opened.missed.iter().all(|one| one.back > 0 && one.earlier <= OFFSET_MAX));
                prop_assert!(opened.missed.is_sorted_by(|one, other| one.earlier > other.earlier));
            }
        }
    }
}
