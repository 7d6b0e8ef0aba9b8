//! What a NAL unit is and where one begins (ITU-T H.264, 7.3.1 and Annex B). Looks at headers only, never into slices.

/// The unit types this room tells apart (ITU-T H.264, table 7-1; RFC 6184, 5.2 from 24 on).
pub(super) mod unit_type {
    pub(in super::super) const SLICE: u8 = 1;
    pub(in super::super) const IDR_SLICE: u8 = 5;
    pub(in super::super) const SEQUENCE_PARAMETERS: u8 = 7;
    pub(in super::super) const DELIMITER: u8 = 9;
    pub(in super::super) const LAST_SINGLE: u8 = 23;
    pub(in super::super) const STAP_A: u8 = 24;
    pub(in super::super) const FU_A: u8 = 28;
}

/// The type in a NAL unit's first byte.
pub(super) const fn type_of(header: u8) -> u8 {
    header & 0x1f
}

/// The NAL units of an Annex B stream, without start codes and trailing zeros; empty ones are left out.
pub fn nal_units(annex_b: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(annex_b);
    std::iter::from_fn(move || {
        loop {
            let body = rest?;
            let end = find_start_code(body);
            let unit = trim_zeros(&body[..end.unwrap_or(body.len())]);
            rest = end.map(|at| &body[at + 3..]);
            if !unit.is_empty() {
                return Some(unit);
            }
        }
    })
}

fn after_start_code(bytes: &[u8]) -> Option<&[u8]> {
    find_start_code(bytes).map(|at| &bytes[at + 3..])
}

/// Where the next `00 00 01` stands.
fn find_start_code(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at + 2 < bytes.len() {
        match bytes[at + 2] {
            // Neither this nor the next two places can begin a start code.
            2.. => at += 3,
            1 if bytes[at] == 0 && bytes[at + 1] == 0 => return Some(at),
            1 => at += 3,
            0 => at += 1,
        }
    }
    None
}

fn trim_zeros(unit: &[u8]) -> &[u8] {
    let end = unit
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |last| last + 1);
    &unit[..end]
}

/// Whether an access unit in Annex B form is a picture that no other one refers to: the `nal_ref_idc` of all its slices is 0
/// (ITU-T H.264, 7.4.1).
#[must_use]
pub fn is_discardable(annex_b: &[u8]) -> bool {
    let is_slice = |unit: &&[u8]| (unit_type::SLICE..=unit_type::IDR_SLICE).contains(&type_of(unit[0]));
    let mut slices = nal_units(annex_b).filter(is_slice).peekable();
    slices.peek().is_some() && slices.all(|slice| slice[0] & 0x60 == 0)
}

/// What an RTP payload says about a picture beginning in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureStart {
    /// Certainly the first packet of a picture, likely a key frame: parameters or a delimiter come first.
    Certain,
    /// The beginning of a key frame's slice: the first packet of its picture unless something came before.
    Slice,
}

/// Whether a decoder might begin at this payload.
#[must_use]
pub fn picture_start(payload: &[u8]) -> Option<PictureStart> {
    let kind = match type_of(*payload.first()?) {
        unit_type::STAP_A => type_of(*payload.get(3)?),
        unit_type::FU_A => {
            let fragment = *payload.get(1)?;
            if fragment & 0x80 == 0 {
                return None;
            }
            type_of(fragment)
        }
        single => single,
    };
    match kind {
        unit_type::SEQUENCE_PARAMETERS | unit_type::DELIMITER => Some(PictureStart::Certain),
        unit_type::IDR_SLICE => Some(PictureStart::Slice),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_found_between_start_codes_of_both_lengths() {
        let check = |stream: &[u8], expect: &[&[u8]]| {
            assert_eq!(nal_units(stream).collect::<Vec<_>>(), expect, "{stream:?}");
        };
        check(&[], &[]);
        check(&[1, 2, 3], &[]);
        check(&[0, 0, 1], &[]);
        check(&[0, 0, 0, 1, 0x67, 9, 0, 0, 1, 0x68], &[&[0x67, 9], &[0x68]]);
        check(&[0, 0, 1, 0x65, 0, 0, 3, 1, 7, 0, 0], &[&[0x65, 0, 0, 3, 1, 7]]);
        check(&[0, 0, 1, 0, 0, 1, 0x41], &[&[0x41]]);
        check(&[0, 0, 1, 5, 0, 1, 0, 0, 1, 6], &[&[5, 0, 1], &[6]]);
    }

    #[test]
    fn a_picture_is_discardable_when_none_of_its_slices_is_referred_to() {
        let check = |stream: &[u8], expect| assert_eq!(is_discardable(stream), expect, "{stream:?}");
        check(&[], false);
        check(&[0, 0, 0, 1, 0x06, 5, 0, 0, 1, 0x09, 0xf0], false);
        check(&[0, 0, 0, 1, 0x61, 9], false);
        check(&[0, 0, 0, 1, 0x01, 9], true);
        check(&[0, 0, 1, 0x06, 5, 0, 0, 1, 0x01, 9, 0, 0, 1, 0x01, 7], true);
        check(&[0, 0, 1, 0x01, 9, 0, 0, 1, 0x41, 7], false);
        check(&[0, 0, 0, 1, 0x67, 66, 0, 0, 1, 0x65, 7], false);
    }

    #[test]
    fn the_beginning_of_a_key_frame_is_seen_in_the_first_bytes() {
        let check = |payload: &[u8], expect| assert_eq!(picture_start(payload), expect, "{payload:?}");
        check(&[], None);
        check(&[0x67, 1], Some(PictureStart::Certain));
        check(&[0x78, 0, 2, 0x67, 1], Some(PictureStart::Certain));
        check(&[0x78], None);
        check(&[0x7c, 0x85], Some(PictureStart::Slice));
        check(&[0x7c, 0x05], None);
        check(&[0x65], Some(PictureStart::Slice));
        check(&[0x41], None);
    }
}
