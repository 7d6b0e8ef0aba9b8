//! Redundant audio (RFC 2198): a packet of sound that carries whole copies of some before it, so that what is lost on the way
//! comes once more a little later. Opus inside, negotiated as `red/48000/2` with `a=fmtp:N 111/111`.
//!
//! [`Red`] remembers what was sent and says what goes along; [`unpack`] gives what strangers send as packets. No clock, no network, and no
//! bytes: those are [`parley_proto::red`]'s, which the server reads, too.

use super::codec;
use bytes::Bytes;
use parley_proto::red::{self, HEADER_BYTES, LENGTH_MAX, OFFSET_MAX, PACKED_BYTES_MAX};
use std::collections::VecDeque;

pub use parley_proto::red::RedError;

/// Copies in one packet that we send.
pub const COPIES_MAX: u8 = 3;
/// Packets between a packet and its first copy, and from one copy to the next.
pub const STRIDE_MAX: u8 = 4;
/// Packs copies of what was sent into what is sent now.
#[derive(Debug, Default)]
pub struct Red {
    /// Timestamp and Opus packet, newest first.
    recent: VecDeque<(u32, Bytes)>,
}

impl Red {
    /// The packet with as many as `copies` before it, each `stride` packets earlier than the one after it. `media_type` is the
    /// payload type of what is inside. `None` when there is nothing to add: then it goes as it is.
    #[must_use]
    pub fn pack(
        &self,
        media_type: u8,
        timestamp: u32,
        payload: &Bytes,
        copies: u8,
        stride: u8,
    ) -> Option<Bytes> {
        let step = usize::from(stride.clamp(1, STRIDE_MAX));
        let duration = u32::try_from(codec::duration(payload)?).ok()?;
        let mut room = PACKED_BYTES_MAX.checked_sub(payload.len() + 1)?;
        let mut chosen = Vec::with_capacity(usize::from(COPIES_MAX));
        for (index, (at, copy)) in self.recent.iter().enumerate() {
            let back = index + 1;
            let offset = timestamp.wrapping_sub(*at);
            // A pause, or packets of another length: what was before has no place to be found again.
            if u32::try_from(back).ok()?.checked_mul(duration) != Some(offset) || offset > OFFSET_MAX {
                break;
            }
            if !back.is_multiple_of(step) {
                continue;
            }
            let full = chosen.len() >= usize::from(copies.min(COPIES_MAX));
            if full || copy.is_empty() || copy.len() > LENGTH_MAX || copy.len() + HEADER_BYTES > room {
                break;
            }
            room -= copy.len() + HEADER_BYTES;
            chosen.push((offset, copy));
        }
        if chosen.is_empty() {
            return None;
        }
        let copies = chosen.iter().rev().map(|(offset, copy)| (*offset, copy.as_ref()));
        Some(red::pack(media_type, copies, payload).into())
    }

    /// This packet went out: later ones may carry `copy`, which is the packet, or what of it a copy needs.
    pub fn sent(&mut self, timestamp: u32, copy: Bytes) {
        self.recent.truncate(usize::from(COPIES_MAX * STRIDE_MAX) - 1);
        self.recent.push_front((timestamp, copy));
    }
}

/// What was in a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// The packet itself.
    pub primary: Bytes,
    /// Those before it, newest first.
    pub copies: Vec<Copied>,
}

/// A packet that comes as a copy in a later one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// So many packets earlier: the difference of the sequence numbers, at least 1.
    pub back: u16,
    /// So much earlier, in ticks of 48 kHz, below 2^14.
    pub earlier: u32,
    /// The Opus packet.
    pub payload: Bytes,
}

/// Reads a packet whose parts must all be of payload type `media_type`. Copies nothing.
///
/// # Errors
/// See [`RedError`]. Then nothing of the packet is to be trusted.
pub fn unpack(packed: &Bytes, media_type: u8) -> Result<Unpacked, RedError> {
    let opened = red::open(packed, media_type)?;
    let mut copies: Vec<Copied> = opened
        .copies()
        .map(|one| Copied {
            back: one.back,
            earlier: one.earlier,
            payload: packed.slice(one.bytes),
        })
        .collect();
    copies.reverse();
    Ok(Unpacked {
        primary: packed.slice(opened.primary),
        copies,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPUS: u8 = 111;

    /// 20 ms of Opus (hybrid, full band, one mono frame) as far as its length is concerned.
    fn packet(number: u8) -> Bytes {
        Bytes::copy_from_slice(&[0x78, number, number, number])
    }

    fn after(packets: u8) -> Red {
        let mut red = Red::default();
        for number in 0..packets {
            red.sent(u32::from(number) * 960, packet(number));
        }
        red
    }

    fn numbers(packed: &Bytes) -> Vec<(u16, u8)> {
        let unpacked = unpack(packed, OPUS).unwrap();
        let copies = unpacked.copies.iter();
        copies.map(|copy| (copy.back, copy.payload[1])).collect()
    }

    #[test]
    fn what_is_packed_comes_out_again() {
        for (copies, stride, expect) in [
            (1, 1, vec![(1, 19)]),
            (3, 1, vec![(1, 19), (2, 18), (3, 17)]),
            (2, 3, vec![(3, 17), (6, 14)]),
            (200, 200, vec![(4, 16), (8, 12), (12, 8)]),
        ] {
            let packed = after(20)
                .pack(OPUS, 20 * 960, &packet(20), copies, stride)
                .unwrap();
            assert_eq!(numbers(&packed), expect, "{copies} copies, stride {stride}");
            assert_eq!(unpack(&packed, OPUS).unwrap().primary, packet(20));
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_rfc() {
        let packed = after(2).pack(OPUS, 2 * 960, &packet(2), 2, 1).unwrap();
        let expect: &[u8] = &[
            0x80 | 111,
            0x1e,
            0x00,
            0x04, // 1,920 ticks earlier, 4 bytes
            0x80 | 111,
            0x0f,
            0x00,
            0x04, // 960
            111,
            0x78,
            0,
            0,
            0,
            0x78,
            1,
            1,
            1,
            0x78,
            2,
            2,
            2,
        ];
        assert_eq!(packed, expect);
    }

    #[test]
    fn with_nothing_to_add_it_goes_as_it_is() {
        assert_eq!(Red::default().pack(OPUS, 0, &packet(0), 3, 1), None);
        assert_eq!(after(3).pack(OPUS, 3 * 960, &packet(3), 0, 1), None);
        // After a pause, and at the first packets of another length.
        assert_eq!(after(3).pack(OPUS, 30 * 960, &packet(3), 3, 1), None);
        let short = Bytes::from_static(&[0x70, 1, 1]); // 10 ms
        assert_eq!(after(3).pack(OPUS, 3 * 960, &short, 3, 1), None);
        assert_eq!(after(3).pack(OPUS, 3 * 960, &Bytes::new(), 3, 1), None);
    }

    #[test]
    fn copies_run_on_where_timestamps_wrap() {
        let mut red = Red::default();
        red.sent(u32::MAX - 959, packet(1));
        let packed = red.pack(OPUS, 0, &packet(2), 3, 1).unwrap();
        assert_eq!(numbers(&packed), [(1, 1)]);
    }

    #[test]
    fn a_packet_never_outgrows_the_way() {
        let large = |number: u8| {
            let mut packet = vec![number; 500];
            packet[0] = 0x78;
            Bytes::from(packet)
        };
        let mut red = Red::default();
        for number in 0..5 {
            red.sent(u32::from(number) * 960, large(number));
        }
        let packed = red.pack(OPUS, 5 * 960, &large(5), 3, 1).unwrap();
        assert!(packed.len() <= PACKED_BYTES_MAX, "{}", packed.len());
        assert_eq!(numbers(&packed), [(1, 4)]);
        let huge = Bytes::from(vec![0x78; 1_200]);
        assert_eq!(red.pack(OPUS, 5 * 960, &huge, 3, 1), None);
    }

    #[test]
    fn what_is_not_as_the_rfc_has_it_is_refused() {
        let one = |offset: u32, length: u32| {
            let mut bytes = (u32::from(0x80 | OPUS) << 24 | offset << 10 | length)
                .to_be_bytes()
                .to_vec();
            bytes.push(OPUS);
            bytes
        };
        let read = |bytes: Vec<u8>| unpack(&Bytes::from(bytes), OPUS);
        assert_eq!(read(vec![]), Err(RedError::Truncated));
        assert_eq!(read(vec![OPUS]), Err(RedError::Truncated));
        assert_eq!(read(vec![0x80 | OPUS, 0, 0]), Err(RedError::Truncated));
        assert_eq!(read(vec![110, 0x78, 1]), Err(RedError::OtherType));
        assert_eq!(
            read([one(960, 5), vec![0x78; 5]].concat()),
            Err(RedError::Truncated)
        );
        assert_eq!(read([one(0, 2), vec![0x78; 5]].concat()), Err(RedError::Disorder));
        let twice = [one(960, 1)[..4].to_vec(), one(960, 1), vec![0x78; 5]].concat();
        assert_eq!(read(twice), Err(RedError::Disorder));
        let many = (0..18).rev().flat_map(|n| one(960 + n, 0)[..4].to_vec());
        assert_eq!(
            read(many.chain([OPUS, 0x78, 1]).collect()),
            Err(RedError::TooMany)
        );
        // 63 frames of 60 ms are no packet.
        assert_eq!(read(vec![OPUS, 0x1b, 0x3f]), Err(RedError::NoSound));
        // An offset between two packets has no number; the rest is good.
        let between = read([one(961, 1), vec![1, 0x78, 2]].concat()).unwrap();
        assert!(between.copies.is_empty());
    }

    #[test]
    fn a_packet_is_as_long_for_whoever_only_passes_it_on_as_for_the_codec() {
        for [toc, frames] in (0..=u16::MAX).map(u16::to_be_bytes) {
            let packet = [toc, frames, 0];
            let here = codec::duration(&packet).map(|samples| samples as u32);
            assert_eq!(red::ticks(&packet), here, "{packet:?}");
        }
    }
}
