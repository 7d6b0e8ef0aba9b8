//! Frames on a stream (TCP or TLS): STUN messages by their length, ChannelData padded to four bytes (RFC 8656, sections 3.1
//! and 12.5). Holds no bytes: whoever reads the stream does.

use super::wire::{CHANNEL_HEADER_BYTES, STUN_HEADER_BYTES, padded};

/// What a stream's next bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// A whole frame: the first `bytes` are for the server; the next one begins after `padded`.
    Whole {
        /// Length of the frame without its padding.
        bytes: usize,
        /// Length with it.
        padded: usize,
    },
    /// More has to be read first.
    Partial,
    /// No frame begins like this: the stream is lost and is to be closed.
    Junk,
}

/// No frame may be longer, with header and padding. Datagrams of calls have 1500 bytes at most, and so many clients may send the
/// beginning of something long. What HTTP begins with would be longer, too.
pub const FRAME_BYTES_MAX: usize = 16 * 1024;

/// Finds the first frame in what was read.
#[must_use]
pub fn next_frame(read: &[u8]) -> Frame {
    let Some(&first) = read.first() else {
        return Frame::Partial;
    };
    let header = match first >> 6 {
        0b00 => STUN_HEADER_BYTES,
        0b01 => CHANNEL_HEADER_BYTES,
        _ => return Frame::Junk,
    };
    // The cookie as soon as it is there: what talks something else is noticed before it has sent much.
    let cookie = [0x21, 0x12, 0xa4, 0x42];
    if header == STUN_HEADER_BYTES
        && read
            .iter()
            .skip(4)
            .zip(cookie)
            .any(|(byte, expected)| *byte != expected)
    {
        return Frame::Junk;
    }
    let Some(&[_, _, high, low]) = read.first_chunk::<4>() else {
        return Frame::Partial;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if header == STUN_HEADER_BYTES && !length.is_multiple_of(4) {
        return Frame::Junk;
    }
    let bytes = header + length;
    if padded(bytes) > FRAME_BYTES_MAX {
        return Frame::Junk;
    }
    if padded(bytes) > read.len() {
        return Frame::Partial;
    }
    Frame::Whole {
        bytes,
        padded: padded(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stun(length: u8) -> Vec<u8> {
        let mut message = vec![0, 1, 0, length, 0x21, 0x12, 0xa4, 0x42];
        message.resize(20 + usize::from(length), 0);
        message
    }

    fn channel(payload: u8) -> Vec<u8> {
        let mut frame = vec![0x40, 0, 0, payload];
        frame.resize(padded(4 + usize::from(payload)), payload);
        frame
    }

    /// All frames, as their unpadded lengths; `None` at junk.
    fn lengths(mut read: &[u8]) -> Option<Vec<usize>> {
        let mut found = Vec::new();
        loop {
            match next_frame(read) {
                Frame::Whole { bytes, padded } => {
                    found.push(bytes);
                    read = &read[padded..];
                }
                Frame::Partial => return Some(found),
                Frame::Junk => return None,
            }
        }
    }

    #[test]
    fn frames_are_found_one_after_the_other() {
        let stream = [stun(0), channel(5), channel(0), stun(8), channel(4)].concat();
        assert_eq!(lengths(&stream).unwrap(), [20, 9, 4, 28, 8]);
    }

    #[test]
    fn a_frame_is_whole_only_with_its_padding() {
        let frame = channel(5);
        for length in 0..frame.len() {
            assert_eq!(next_frame(&frame[..length]), Frame::Partial, "{length}");
        }
        assert_eq!(next_frame(&frame), Frame::Whole { bytes: 9, padded: 12 });
    }

    #[test]
    fn another_protocol_is_noticed_at_once() {
        for junk in [
            &b"\x16\x03\x01\x02\x00\x01\x00"[..],
            b"\x80",
            b"\xff\xff",
            &[0, 1, 0, 3],
            &[0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x43],
            b"GET / HTTP/1.1\r\n",
            b"POST",
            b"CONNECT",
            b"PRI * HTTP/2.0",
        ] {
            assert_eq!(next_frame(junk), Frame::Junk, "{junk:02x?}");
        }
    }

    #[test]
    fn a_frame_is_no_longer_than_it_may_be() {
        let first = |length: usize| {
            let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
            next_frame(&[0x40, 0, high, low])
        };
        assert_eq!(first(FRAME_BYTES_MAX - 4), Frame::Partial);
        assert_eq!(first(FRAME_BYTES_MAX - 3), Frame::Junk);
        assert_eq!(first(65_535), Frame::Junk);
    }

    proptest! {
        #[test]
        fn frames_do_not_depend_on_how_the_stream_is_cut(
            frames in proptest::collection::vec((any::<bool>(), 0u8..40), 0..20),
            cuts in proptest::collection::vec(1usize..30, 1..100),
        ) {
            let frames: Vec<Vec<u8>> = frames
                .into_iter()
                .map(|(is_stun, length)| if is_stun { stun(length / 4 * 4) } else { channel(length) })
                .collect();
            let stream = frames.concat();
            let expected = lengths(&stream).unwrap();
            prop_assert_eq!(expected.len(), frames.len());
            let mut cuts = cuts.into_iter().cycle();
            let (mut read, mut rest, mut found) = (Vec::new(), &stream[..], Vec::new());
            while !rest.is_empty() {
                let (now, later) = rest.split_at(cuts.next().unwrap().min(rest.len()));
                read.extend_from_slice(now);
                rest = later;
                while let Frame::Whole { bytes, padded } = next_frame(&read) {
                    found.push(bytes);
                    read.drain(..padded);
                }
            }
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn any_bytes_are_cut_into_frames_without_panic(stream in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut rest = &stream[..];
            while let Frame::Whole { bytes, padded } = next_frame(rest) {
                prop_assert!(bytes <= padded && padded <= FRAME_BYTES_MAX);
                rest = &rest[padded..];
            }
        }
    }
}
