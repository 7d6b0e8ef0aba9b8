//! Datagrams as frames on a stream: STUN messages by their length, ChannelData padded to four bytes (RFC 8656, sections 3.1
//! and 12.5).

use bytes::BytesMut;

/// The header of a STUN message (RFC 8489, section 5).
const STUN_HEADER_BYTES: usize = 20;
/// The header of ChannelData.
const CHANNEL_HEADER_BYTES: usize = 4;
/// What every STUN message has in the fifth to eighth byte.
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// An Allocate request (RFC 8656, section 17).
const ALLOCATE: [u8; 2] = [0x00, 0x03];
/// An Allocate success response (RFC 8656, section 17, class by RFC 8489).
const ALLOCATED: [u8; 2] = [0x01, 0x03];

/// The stream carries something else, or lost its place: it is of no more use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Junk;

/// What is read of a stream, cut into datagrams.
#[derive(Debug, Default)]
pub(super) struct Frames {
    read: BytesMut,
}

impl Frames {
    /// Where what was read goes. Never more than one frame and one read is in it.
    pub(super) const fn buffer(&mut self) -> &mut BytesMut {
        &mut self.read
    }

    /// The next datagram, without its padding; `None` while more has to be read.
    pub(super) fn next(&mut self) -> Result<Option<BytesMut>, Junk> {
        let Some(bytes) = length(&self.read)? else {
            return Ok(None);
        };
        let padded = bytes.next_multiple_of(4);
        if self.read.len() < padded {
            return Ok(None);
        }
        let mut frame = self.read.split_to(padded);
        frame.truncate(bytes);
        Ok(Some(frame))
    }
}

/// Appends a datagram to what goes into a stream; gives whether it was one that may.
pub(super) fn append(datagram: &[u8], out: &mut BytesMut) -> bool {
    // What follows in the datagram is padding already.
    let Ok(Some(bytes)) = length(datagram) else {
        return false;
    };
    let Some(frame) = datagram.get(..bytes) else {
        return false;
    };
    out.extend_from_slice(frame);
    out.extend_from_slice(&[0; 3][..bytes.next_multiple_of(4) - bytes]);
    true
}

/// Whether this datagram asks a relay for an allocation: the first thing that a client says.
pub(super) fn is_allocate(datagram: &[u8]) -> bool {
    datagram.starts_with(&ALLOCATE)
}

/// Whether this datagram of a relay says that there is an allocation now.
pub(super) fn is_allocated(datagram: &[u8]) -> bool {
    datagram.starts_with(&ALLOCATED)
}

/// The length of the frame that begins here, header included and padding not.
fn length(read: &[u8]) -> Result<Option<usize>, Junk> {
    let Some(first) = read.first() else {
        return Ok(None);
    };
    let header = match first >> 6 {
        0b00 => STUN_HEADER_BYTES,
        0b01 => CHANNEL_HEADER_BYTES,
        _ => return Err(Junk),
    };
    let Some(&[_, _, high, low]) = read.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if header == STUN_HEADER_BYTES {
        let differs = read.iter().skip(4).zip(COOKIE).any(|(byte, of)| *byte != of);
        if differs || !length.is_multiple_of(4) {
            return Err(Junk);
        }
    }
    Ok(Some(header + length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stun(body: u8) -> Vec<u8> {
        let mut message = vec![0, 1, 0, body / 4 * 4, 0x21, 0x12, 0xa4, 0x42];
        message.resize(20 + usize::from(body / 4 * 4), 7);
        message
    }

    fn channel(payload: u8) -> Vec<u8> {
        let mut frame = vec![0x40, 0, 0, payload];
        frame.resize(4 + usize::from(payload), payload);
        frame
    }

    #[test]
    fn channel_data_is_padded_and_stun_is_not() {
        let mut out = BytesMut::new();
        assert!(append(&channel(5), &mut out));
        assert_eq!(out.len(), 12);
        assert!(append(&stun(8), &mut out));
        assert_eq!(out.len(), 12 + 28);
        // A datagram may come padded already (RFC 8656, section 12.5).
        let mut padded = channel(5);
        padded.resize(12, 0);
        let mut again = BytesMut::new();
        assert!(append(&padded, &mut again));
        assert_eq!(again, out[..12]);
    }

    #[test]
    fn what_is_no_frame_goes_into_no_stream() {
        let mut out = BytesMut::new();
        for datagram in [
            &[][..],
            &[0x80, 0, 0, 0],
            &[0x40, 0, 0, 9, 1],
            &[0, 1, 0, 0],
            b"hello",
        ] {
            assert!(!append(datagram, &mut out), "{datagram:02x?}");
        }
        assert!(out.is_empty());
    }

    #[test]
    fn a_stream_that_carries_something_else_is_noticed() {
        for read in [&b"\x16\x03\x01\x02\x00"[..], b"\xff", b"\x00\x01\x00\x03"] {
            let mut frames = Frames::default();
            frames.buffer().extend_from_slice(read);
            assert_eq!(frames.next(), Err(Junk), "{read:02x?}");
        }
        let mut frames = Frames::default();
        frames.buffer().extend_from_slice(&stun(0)[..10]);
        assert_eq!(frames.next(), Ok(None));
    }

    #[test]
    fn an_allocation_is_heard_of() {
        let mut success = stun(0);
        success[..2].copy_from_slice(&[0x01, 0x03]);
        assert!(is_allocated(&success) && !is_allocate(&success));
        success[..2].copy_from_slice(&[0x00, 0x03]);
        assert!(is_allocate(&success) && !is_allocated(&success));
        assert!(!is_allocated(&stun(0)) && !is_allocate(&stun(0)));
        assert!(!is_allocated(&channel(3)));
    }

    proptest! {
        #[test]
        fn datagrams_come_out_as_they_went_in_however_the_stream_is_cut(
            datagrams in proptest::collection::vec((any::<bool>(), 0u8..60), 0..20),
            cuts in proptest::collection::vec(1usize..30, 1..100),
        ) {
            let datagrams: Vec<Vec<u8>> = datagrams
                .into_iter()
                .map(|(is_stun, length)| if is_stun { stun(length) } else { channel(length) })
                .collect();
            let mut stream = BytesMut::new();
            for datagram in &datagrams {
                prop_assert!(append(datagram, &mut stream));
            }
            let (mut cuts, mut frames, mut came) = (cuts.into_iter().cycle(), Frames::default(), Vec::new());
            while !stream.is_empty() {
                let part = stream.split_to(cuts.next().unwrap().min(stream.len()));
                frames.buffer().extend_from_slice(&part);
                while let Some(datagram) = frames.next().unwrap() {
                    came.push(datagram.to_vec());
                }
            }
            prop_assert_eq!(came, datagrams);
        }

        #[test]
        fn any_bytes_are_frames_or_junk(read in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut frames = Frames::default();
            frames.buffer().extend_from_slice(&read);
            while let Ok(Some(_)) = frames.next() {}
            let _ = append(&read, &mut BytesMut::new());
        }
    }
}
