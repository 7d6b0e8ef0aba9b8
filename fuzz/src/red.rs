//! Redundant audio of strangers, and our own out of any packets.

use crate::bytes::Plan;
use bytes::Bytes;
use parley_media::audio::red::{COPIES_MAX, Red, STRIDE_MAX, unpack};

/// Bytes below which a packed packet stays.
const PACKED_MAX: usize = 1_160;

/// What is read is within the packet and in order; what was packed comes out as it was.
pub(crate) fn red(data: &[u8]) {
    let mut plan = Plan(data);
    let media_type = plan.byte() & 0x7f;
    let stranger = Bytes::copy_from_slice(plan.0);
    if let Ok(unpacked) = unpack(&stranger, media_type) {
        let copied: usize = unpacked.copies.iter().map(|copy| copy.payload.len()).sum();
        assert!(copied + unpacked.primary.len() < stranger.len(), "{unpacked:?}");
        assert!(unpacked.copies.len() <= 17, "{unpacked:?}");
        assert!(
            unpacked
                .copies
                .is_sorted_by(|a, b| a.earlier < b.earlier && a.back < b.back),
            "{unpacked:?}"
        );
        assert!(
            unpacked
                .copies
                .iter()
                .all(|copy| copy.back > 0 && copy.earlier < 1 << 14)
        );
    }
    let mut red = Red::default();
    let mut timestamp = u32::from(plan.u16()) << 16;
    let mut sent: Vec<Bytes> = Vec::new();
    while !plan.is_over() {
        let control = plan.byte();
        let length = usize::from(plan.byte()) * usize::from(1 + (control & 0x7));
        let payload = Bytes::copy_from_slice(plan.take(length));
        timestamp = timestamp.wrapping_add(480 * u32::from(control >> 4));
        let packed = red.pack(media_type, timestamp, &payload, control & 0x7, control >> 5);
        if let Some(packed) = packed {
            assert!(packed.len() <= PACKED_MAX);
            let unpacked = unpack(&packed, media_type);
            assert!(unpacked.is_ok(), "{unpacked:?}");
            let Ok(unpacked) = unpacked else { return };
            assert_eq!(unpacked.primary, payload);
            assert!(!unpacked.copies.is_empty() && unpacked.copies.len() <= usize::from(COPIES_MAX));
            for copy in &unpacked.copies {
                assert!(copy.back <= u16::from(COPIES_MAX * STRIDE_MAX));
                let was = sent
                    .len()
                    .checked_sub(usize::from(copy.back))
                    .and_then(|at| sent.get(at));
                assert_eq!(was, Some(&copy.payload));
            }
        }
        red.sent(timestamp, payload.clone());
        sent.push(payload);
    }
}
