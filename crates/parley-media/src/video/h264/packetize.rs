//! An access unit into RTP payloads (RFC 6184, 5.6 to 5.8): small units together in a STAP-A, a large one in pieces (FU-A).

use super::nal::{nal_units, type_of, unit_type};
use bytes::{BufMut, Bytes, BytesMut};

/// The payload sizes worked with: a wish outside is moved to the nearer end.
const MTU: std::ops::RangeInclusive<usize> = 64..=60_000;

/// Cuts an access unit in Annex B form into payloads of at most `mtu` bytes (not below 64), in order. The last one carries the
/// marker. Units that fit alone share the memory of `annex_b`. Units with a type that RTP needs for itself are left out.
#[must_use]
pub fn packetize(annex_b: &Bytes, mtu: usize) -> Vec<Bytes> {
    let mtu = mtu.clamp(*MTU.start(), *MTU.end());
    let mut payloads = Vec::new();
    let mut small: Vec<Bytes> = Vec::new();
    let sendable = nal_units(annex_b).filter(|unit| (1..=unit_type::LAST_SINGLE).contains(&type_of(unit[0])));
    for unit in sendable.map(|unit| annex_b.slice_ref(unit)) {
        if !small.is_empty() && aggregated_len(&small) + 2 + unit.len() > mtu {
            payloads.push(join(&mut small));
        }
        if unit.len() > mtu {
            fragment(&unit, mtu, &mut payloads);
        } else {
            small.push(unit);
        }
    }
    if !small.is_empty() {
        payloads.push(join(&mut small));
    }
    payloads
}

fn aggregated_len(units: &[Bytes]) -> usize {
    1 + units.iter().map(|unit| 2 + unit.len()).sum::<usize>()
}

/// One unit as it is, several as a STAP-A. Leaves `units` empty.
fn join(units: &mut Vec<Bytes>) -> Bytes {
    if units.len() == 1
        && let Some(only) = units.pop()
    {
        return only;
    }
    let mut payload = BytesMut::with_capacity(aggregated_len(units));
    // The importance of the whole is that of its most important unit (RFC 6184, 5.7).
    let importance = units.iter().map(|unit| unit[0] & 0x60).max().unwrap_or(0);
    payload.put_u8(importance | unit_type::STAP_A);
    for unit in units.drain(..) {
        // Fits: no unit that comes here is longer than a payload.
        payload.put_u16(unit.len() as u16);
        payload.put_slice(&unit);
    }
    payload.freeze()
}

/// Pieces of nearly equal size, so that no tiny last packet costs a header of its own.
fn fragment(unit: &Bytes, mtu: usize, payloads: &mut Vec<Bytes>) {
    let header = unit[0];
    let body = &unit[1..];
    let count = body.len().div_ceil(mtu - 2);
    let size = body.len().div_ceil(count);
    for (index, piece) in body.chunks(size).enumerate() {
        let start = if index == 0 { 0x80 } else { 0 };
        let end = if (index + 1) * size >= body.len() { 0x40 } else { 0 };
        let mut payload = BytesMut::with_capacity(2 + piece.len());
        payload.put_u8((header & 0xe0) | unit_type::FU_A);
        payload.put_u8(start | end | type_of(header));
        payload.put_slice(piece);
        payloads.push(payload.freeze());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annex_b(units: &[&[u8]]) -> Bytes {
        let mut stream = Vec::new();
        for unit in units {
            stream.extend_from_slice(&[0, 0, 0, 1]);
            stream.extend_from_slice(unit);
        }
        stream.into()
    }

    #[test]
    fn parameter_sets_travel_together_and_a_long_slice_in_even_pieces() {
        let slice: Vec<u8> = std::iter::once(0x65).chain((0..250).map(|_| 7)).collect();
        let payloads = packetize(&annex_b(&[&[0x67, 1, 2], &[0x68, 3], &slice]), 100);
        assert_eq!(payloads[0].as_ref(), [0x78, 0, 3, 0x67, 1, 2, 0, 2, 0x68, 3]);
        assert_eq!(payloads[1][..2], [0x7c, 0x85]);
        assert_eq!(payloads[2][..2], [0x7c, 0x05]);
        assert_eq!(payloads[3][..2], [0x7c, 0x45]);
        let sizes: Vec<_> = payloads.iter().map(Bytes::len).collect();
        assert_eq!(sizes, [10, 86, 86, 84]);
    }

    #[test]
    fn a_unit_that_fits_is_sent_as_it_is_without_a_copy() {
        let stream = annex_b(&[&[0x41, 9, 9, 9]]);
        let payloads = packetize(&stream, 1200);
        assert_eq!(payloads, [Bytes::from_static(&[0x41, 9, 9, 9])]);
        assert_eq!(payloads[0].as_ptr(), stream[4..].as_ptr());
    }

    #[test]
    fn units_that_rtp_could_misread_are_left_out() {
        assert!(packetize(&annex_b(&[&[0x18, 1], &[0x1c, 0x85, 1], &[0x60]]), 1200).is_empty());
        assert!(packetize(&Bytes::new(), 0).is_empty());
    }
}
