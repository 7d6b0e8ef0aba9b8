//! Where a key frame begins in packets of H.264 (RFC 6184), and of which pictures nothing depends: nothing else is looked at.
//!
//! A decoder can begin where the sequence parameter set is: every encoder that browsers and Parley use sends it before each
//! IDR picture, in the same packet (STAP-A) or in one of its own. An IDR slice without it is no place to begin.

/// Single NAL units have types below this one.
const SINGLE_MAX: u8 = 23;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const SLICE: u8 = 1;
const SEQUENCE_PARAMETERS: u8 = 7;

/// Whether a decoder can begin with this packet's payload.
pub(super) fn begins_key_frame(payload: &[u8]) -> bool {
    let Some((header, rest)) = payload.split_first() else {
        return false;
    };
    match header & 0x1f {
        kind @ 1..=SINGLE_MAX => kind == SEQUENCE_PARAMETERS,
        STAP_A => aggregated(rest).any(|unit| {
            unit.first()
                .is_some_and(|header| header & 0x1f == SEQUENCE_PARAMETERS)
        }),
        _ => false,
    }
}

/// Whether this packet is of a picture that no other refers to (`nal_ref_idc` 0; H.264, 7.4.1), so that others can be decoded without it.
pub(super) fn is_spare(payload: &[u8]) -> bool {
    let kind = |header: &u8| header & 0x1f;
    match payload {
        [header, rest @ ..] if header & 0x60 == 0 => match kind(header) {
            SLICE => true,
            FU_A => rest.first().is_some_and(|header| kind(header) == SLICE),
            _ => false,
        },
        _ => false,
    }
}

/// Whether nothing of the same picture is before this packet of a slice: it is the first one (`first_mb_in_slice` 0; H.264, 7.4.3), or that
/// cannot be told.
pub(super) fn begins_picture(payload: &[u8]) -> bool {
    // 0 is the one number that is written with its first bit set (H.264, 9.1).
    let bit = |byte: Option<&u8>| byte.is_none_or(|byte| byte & 0x80 != 0);
    match payload {
        [header, rest @ ..] if header & 0x1f == SLICE => bit(rest.first()),
        [header, rest @ ..] if header & 0x1f == FU_A => bit(rest.first()) && bit(rest.get(1)),
        _ => true,
    }
}

/// The units of an aggregation packet; what is cut short ends it.
fn aggregated(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (unit, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        rest = after;
        Some(unit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_frame_begins_where_the_parameters_are() {
        let check =
            |payload: &[u8], begins: bool| assert_eq!(begins_key_frame(payload), begins, "{payload:?}");
        check(&[0x67, 0x42, 0xe0, 0x1f], true);
        check(&[0x78, 0, 2, 0x67, 1, 0, 1, 0x68], true);
        check(&[0x78, 0, 1, 0x09, 0, 2, 0x67, 1], true);
        check(&[0x78, 0, 1, 0x68], false);
        check(&[0x78, 0, 9, 0x67], false);
        check(&[0x68, 1], false);
        check(&[0x65, 1], false);
        check(&[0x7c, 0x85, 1], false);
        check(&[0x61, 1], false);
        check(&[0x78], false);
        check(&[], false);
    }

    #[test]
    fn a_picture_is_spare_when_its_slices_say_that_none_refers_to_it() {
        let check = |payload: &[u8], spare: bool| assert_eq!(is_spare(payload), spare, "{payload:?}");
        check(&[0x01, 1], true);
        check(&[0x1c, 0x81, 1], true);
        check(&[0x1c, 0x01], true);
        check(&[0x41, 1], false);
        check(&[0x5c, 0x81, 1], false);
        check(&[0x1c, 0x85, 1], false);
        // Without a picture in them: what they say is of the next one.
        check(&[0x06, 1], false);
        check(&[0x09, 1], false);
        check(&[0x18, 0, 1, 0x06], false);
        check(&[0x1c], false);
        check(&[], false);
    }

    #[test]
    fn a_picture_begins_with_the_first_part_of_its_first_slice() {
        let check = |payload: &[u8], begins: bool| assert_eq!(begins_picture(payload), begins, "{payload:?}");
        check(&[0x01, 0x9a], true);
        check(&[0x01, 0x3a], false);
        check(&[0x1c, 0x81, 0x9a], true);
        check(&[0x1c, 0x81, 0x3a], false);
        check(&[0x1c, 0x01, 0x9a], false);
        check(&[0x1c, 0x41, 0x9a], false);
        // Nothing is said of these.
        check(&[0x1c, 0x81], true);
        check(&[0x01], true);
        check(&[0x67, 0x42], true);
        check(&[], true);
    }

    proptest! {
        #[test]
        fn no_payload_is_a_panic(payload in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = (begins_key_frame(&payload), is_spare(&payload), begins_picture(&payload));
        }
    }
}
