//! RTP payloads of one picture back into an access unit in Annex B form (RFC 6184, 5.4: single unit, STAP-A, FU-A).
//!
//! What it is given comes from the network: everything that does not fit is an error, never a panic, and no picture grows
//! beyond four megabytes. Order and completeness are the frame buffer's work.

use super::nal::{type_of, unit_type};

/// The largest access unit that is put together.
const UNIT_BYTES_MAX: usize = 4 << 20;

/// One picture, ready for a decoder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccessUnit {
    /// Annex B bytes.
    pub data: Vec<u8>,
    /// Whether it contains an IDR slice: a decoder can start here (once it has the parameter sets).
    pub key_frame: bool,
}

/// Why payloads are no picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DepacketizeError {
    /// It ends in the middle of a header or a unit.
    #[error("payload ends too early")]
    Truncated,
    /// A fragment without its beginning, or of another unit than the one begun.
    #[error("fragment without its beginning")]
    StrayFragment,
    /// The last fragment of a unit is missing.
    #[error("unit without its last fragment")]
    UnfinishedUnit,
    /// A payload type that this mode does not allow, or aggregates inside aggregates.
    #[error("payload type {0} is not allowed here")]
    Type(u8),
    /// Larger than any real picture.
    #[error("picture is larger than {UNIT_BYTES_MAX} bytes")]
    TooLarge,
}

/// Puts one picture together at a time: `push` its payloads in order, then `finish`. After an error it begins anew.
#[derive(Debug, Default)]
pub struct Depacketizer {
    unit: AccessUnit,
    /// The header byte of the unit that is coming in fragments.
    fragmented: Option<u8>,
}

impl Depacketizer {
    /// With no picture begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a payload.
    ///
    /// # Errors
    /// When it does not fit: the picture so far is thrown away.
    pub fn push(&mut self, payload: &[u8]) -> Result<(), DepacketizeError> {
        let added = self.add(payload);
        if added.is_err() {
            *self = Self::default();
        }
        added
    }

    /// Hands out the picture and begins the next. It is empty if nothing was pushed.
    ///
    /// # Errors
    /// When its last unit is not complete.
    pub fn finish(&mut self) -> Result<AccessUnit, DepacketizeError> {
        let done = std::mem::take(self);
        match done.fragmented {
            Some(_) => Err(DepacketizeError::UnfinishedUnit),
            None => Ok(done.unit),
        }
    }

    fn add(&mut self, payload: &[u8]) -> Result<(), DepacketizeError> {
        let &header = payload.first().ok_or(DepacketizeError::Truncated)?;
        match type_of(header) {
            unit_type::FU_A => self.fragment(payload),
            _ if self.fragmented.is_some() => Err(DepacketizeError::UnfinishedUnit),
            unit_type::STAP_A => self.aggregate(&payload[1..]),
            _ => self.single(payload),
        }
    }

    fn single(&mut self, unit: &[u8]) -> Result<(), DepacketizeError> {
        let &header = unit.first().ok_or(DepacketizeError::Truncated)?;
        self.begin(header)?;
        self.extend(&unit[1..])
    }

    fn aggregate(&mut self, mut rest: &[u8]) -> Result<(), DepacketizeError> {
        if rest.is_empty() {
            return Err(DepacketizeError::Truncated);
        }
        while let Some((size, tail)) = rest.split_first_chunk::<2>() {
            let size = usize::from(u16::from_be_bytes(*size));
            let unit = tail.get(..size).ok_or(DepacketizeError::Truncated)?;
            self.single(unit)?;
            rest = &tail[size..];
        }
        if rest.is_empty() {
            Ok(())
        } else {
            Err(DepacketizeError::Truncated)
        }
    }

    fn fragment(&mut self, payload: &[u8]) -> Result<(), DepacketizeError> {
        let [indicator, fragment, body @ ..] = payload else {
            return Err(DepacketizeError::Truncated);
        };
        let header = (indicator & 0xe0) | type_of(*fragment);
        let (start, end) = (fragment & 0x80 != 0, fragment & 0x40 != 0);
        match self.fragmented {
            None if start => self.begin(header)?,
            Some(begun) if !start && begun == header => {}
            Some(_) if start => return Err(DepacketizeError::UnfinishedUnit),
            _ => return Err(DepacketizeError::StrayFragment),
        }
        self.fragmented = (!end).then_some(header);
        self.extend(body)
    }

    fn begin(&mut self, header: u8) -> Result<(), DepacketizeError> {
        let kind = type_of(header);
        if kind == 0 || kind > unit_type::LAST_SINGLE {
            return Err(DepacketizeError::Type(kind));
        }
        self.unit.key_frame |= kind == unit_type::IDR_SLICE;
        self.extend(&[0, 0, 0, 1, header])
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), DepacketizeError> {
        if self.unit.data.len() + bytes.len() > UNIT_BYTES_MAX {
            return Err(DepacketizeError::TooLarge);
        }
        self.unit.data.extend_from_slice(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{nal_units, packetize};
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;

    #[test]
    fn what_does_not_fit_is_an_error() {
        let check = |payloads: &[&[u8]], expect: DepacketizeError| {
            let mut depacketizer = Depacketizer::new();
            let outcome = payloads
                .iter()
                .try_for_each(|payload| depacketizer.push(payload))
                .and_then(|()| depacketizer.finish().map(drop));
            assert_eq!(outcome, Err(expect), "{payloads:?}");
            assert_eq!(depacketizer.finish(), Ok(AccessUnit::default()), "begins anew");
        };
        check(&[&[]], DepacketizeError::Truncated);
        check(&[&[0x78]], DepacketizeError::Truncated);
        check(&[&[0x78, 0]], DepacketizeError::Truncated);
        check(&[&[0x78, 0, 0]], DepacketizeError::Truncated);
        check(&[&[0x78, 0, 9, 0x67]], DepacketizeError::Truncated);
        check(&[&[0x78, 0, 1, 0x67, 0]], DepacketizeError::Truncated);
        check(&[&[0x78, 0, 1, 0x78]], DepacketizeError::Type(24));
        check(&[&[0x7c]], DepacketizeError::Truncated);
        check(&[&[0x7c, 0x05, 1]], DepacketizeError::StrayFragment);
        check(&[&[0x7c, 0x85, 1]], DepacketizeError::UnfinishedUnit);
        check(&[&[0x7c, 0x85, 1], &[0x41, 1]], DepacketizeError::UnfinishedUnit);
        check(
            &[&[0x7c, 0x85, 1], &[0x7c, 0x85, 1]],
            DepacketizeError::UnfinishedUnit,
        );
        check(
            &[&[0x7c, 0x85, 1], &[0x7c, 0x41, 1]],
            DepacketizeError::StrayFragment,
        );
        check(&[&[0x7c, 0x9c, 1]], DepacketizeError::Type(28));
        check(&[&[0x00, 1]], DepacketizeError::Type(0));
        check(&[&[0x1d, 1]], DepacketizeError::Type(29));
        check(&[&vec![0x41; UNIT_BYTES_MAX]], DepacketizeError::TooLarge);
    }

    /// Units as an encoder makes them: a sensible type, and no three bytes inside that could be a start code.
    fn unit() -> impl Strategy<Value = Vec<u8>> {
        let body = prop_oneof![
            proptest::collection::vec(1u8..=255, 0..40),
            proptest::collection::vec(1u8..=255, 1000..4000),
        ];
        (1u8..=23, 0u8..4, body).prop_map(|(kind, importance, body)| {
            std::iter::once(importance << 5 | kind).chain(body).collect()
        })
    }

    proptest! {
        #[test]
        fn any_access_unit_comes_back_whole(units in proptest::collection::vec(unit(), 1..8), mtu in 0usize..1500) {
            let mut stream = Vec::new();
            for unit in &units {
                stream.extend_from_slice(&[0, 0, 0, 1]);
                stream.extend_from_slice(unit);
            }
            let payloads = packetize(&Bytes::from(stream.clone()), mtu);
            let mut depacketizer = Depacketizer::new();
            for payload in &payloads {
                prop_assert!(payload.len() <= mtu.max(64));
                prop_assert!(depacketizer.push(payload).is_ok());
            }
            let back = depacketizer.finish();
            prop_assert_eq!(back.as_ref().map(|unit| &unit.data), Ok(&stream));
            let key_frame = units.iter().any(|unit| unit[0] & 0x1f == 5);
            prop_assert_eq!(back.map(|unit| unit.key_frame), Ok(key_frame));
        }

        #[test]
        fn any_bytes_give_a_picture_or_an_error(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..20),
        ) {
            let mut depacketizer = Depacketizer::new();
            let given: usize = payloads.iter().map(Vec::len).sum();
            for payload in &payloads {
                let _ = depacketizer.push(payload);
                let _ = super::super::picture_start(payload);
            }
            if let Ok(unit) = depacketizer.finish() {
                prop_assert!(unit.data.len() <= given * 5);
                prop_assert!(nal_units(&unit.data).count() <= given);
            }
        }
    }
}
