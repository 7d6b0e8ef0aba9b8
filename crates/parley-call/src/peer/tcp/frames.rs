//! Packets as frames of a stream: two bytes of length, then the packet (RFC 4571, section 2; RFC 6544, section 3).

use bytes::{Buf as _, BytesMut};

/// The length before each packet.
pub(super) const HEADER_BYTES: usize = 2;
/// The largest packet: nothing in a call is larger than what fits a datagram on the way.
const PACKET_BYTES_MAX: usize = 2048;

/// The stream carries something else, or lost its place: it is of no more use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Junk;

/// What is read of a stream, cut into frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    read: BytesMut,
}

impl Frames {
    /// Where what was read goes. Never more than one frame and one read is in it, if all whole ones are taken after each read.
    pub(super) const fn buffer(&mut self) -> &mut BytesMut {
        &mut self.read
    }

    /// The next whole frame, its length included; `None` while more has to be read. Empty ones say nothing and are left out.
    pub(super) fn next(&mut self) -> Result<Option<BytesMut>, Junk> {
        loop {
            let Some(length) = self.read.first_chunk::<HEADER_BYTES>() else {
                return Ok(None);
            };
            let bytes = usize::from(u16::from_be_bytes(*length));
            if bytes > PACKET_BYTES_MAX {
                return Err(Junk);
            }
            if bytes == 0 {
                self.read.advance(HEADER_BYTES);
                continue;
            }
            let whole = HEADER_BYTES + bytes;
            return Ok((self.read.len() >= whole).then(|| self.read.split_to(whole)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(packets: &[Vec<u8>]) -> Vec<u8> {
        let frame = |packet: &Vec<u8>| [&(packet.len() as u16).to_be_bytes()[..], packet].concat();
        packets.iter().flat_map(frame).collect()
    }

    #[test]
    fn what_cannot_be_a_packet_ends_the_stream() {
        let mut frames = Frames::default();
        frames.buffer().extend_from_slice(b"HTTP/1.1 400 Bad Request\r\n");
        assert_eq!(frames.next(), Err(Junk));
        let mut frames = Frames::default();
        frames
            .buffer()
            .extend_from_slice(&framed(&[vec![7; PACKET_BYTES_MAX]]));
        assert_eq!(
            frames.next().unwrap().unwrap().len(),
            HEADER_BYTES + PACKET_BYTES_MAX
        );
    }

    proptest! {
        #[test]
        fn packets_come_out_whole_however_the_stream_is_cut(
            packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..12),
            cut in 1_usize..400,
        ) {
            let mut frames = Frames::default();
            let mut came = Vec::new();
            for piece in framed(&packets).chunks(cut) {
                frames.buffer().extend_from_slice(piece);
                while let Some(frame) = frames.next().unwrap() {
                    came.push(frame[HEADER_BYTES..].to_vec());
                }
            }
            let said: Vec<_> = packets.into_iter().filter(|packet| !packet.is_empty()).collect();
            prop_assert_eq!(came, said);
        }

        #[test]
        fn any_bytes_are_cut_or_refused_and_never_kept(bytes in proptest::collection::vec(any::<u8>(), 0..9000)) {
            let mut frames = Frames::default();
            for piece in bytes.chunks(1000) {
                frames.buffer().extend_from_slice(piece);
                loop {
                    match frames.next() {
                        Ok(Some(_)) => {}
                        Ok(None) => break,
                        Err(Junk) => return Ok(()),
                    }
                }
                prop_assert!(frames.buffer().len() < HEADER_BYTES + PACKET_BYTES_MAX);
            }
        }
    }
}
