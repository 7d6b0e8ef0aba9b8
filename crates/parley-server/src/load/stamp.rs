//! What a made-up packet carries, so that its receiver knows how long it took and what it is.

/// Behind one byte that makes it look like a part of a picture: the length of what is written.
const BYTES: usize = 1 + 8 + 1;

/// One packet's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// When it was sent, in microseconds of the run.
    pub sent_us: u64,
    /// The layer it is of.
    pub layer: u8,
}

impl Stamp {
    /// A payload of so many bytes with this in it; `begins` looks like the start of a key frame.
    #[must_use]
    pub fn payload(self, begins: bool, bytes: usize) -> Vec<u8> {
        let mut payload = Vec::with_capacity(bytes.max(BYTES));
        // A sequence parameter set, or a slice (RFC 6184, 5.3).
        payload.push(if begins { 0x67 } else { 0x61 });
        payload.extend(self.sent_us.to_be_bytes());
        payload.push(self.layer);
        payload.resize(bytes.max(BYTES), 0xa5);
        payload
    }

    /// What is in such a payload.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let (sent, rest) = payload.get(1..)?.split_first_chunk::<8>()?;
        Some(Self {
            sent_us: u64::from_be_bytes(*sent),
            layer: *rest.first()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let stamp = Stamp {
            sent_us: 1 << 40,
            layer: 2,
        };
        for (begins, bytes) in [(true, 0), (false, 1_150)] {
            let payload = stamp.payload(begins, bytes);
            assert_eq!(Stamp::read(&payload), Some(stamp));
            assert_eq!(
                (payload.len(), payload[0] & 0x1f == 7),
                (bytes.max(BYTES), begins)
            );
        }
        assert_eq!(Stamp::read(&[0x61, 1, 2]), None);
    }
}
