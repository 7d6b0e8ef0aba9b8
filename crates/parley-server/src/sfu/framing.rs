//! Packets as frames of a stream: two bytes of length, then the packet (RFC 4571, section 2; RFC 6544, section 3). Holds no bytes:
//! whoever reads the stream does.

/// The length before each packet.
pub const HEADER_BYTES: usize = 2;
/// The largest packet that is taken: nothing in a call is larger than what fits a datagram on the way.
pub const PACKET_BYTES_MAX: usize = 2_048;

/// What a stream's next bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A whole packet; the next frame begins behind it. It may be empty, which says nothing (RFC 4571, section 2).
    Whole(&'a [u8]),
    /// More has to be read first.
    Partial,
    /// No packet is as large: the stream carries something else, or lost its place, and is of no more use.
    Junk,
}

/// Finds the first frame in what was read.
#[must_use]
pub fn next_frame(read: &[u8]) -> Frame<'_> {
    let Some((length, rest)) = read.split_first_chunk::<HEADER_BYTES>() else {
        return Frame::Partial;
    };
    let bytes = usize::from(u16::from_be_bytes(*length));
    if bytes > PACKET_BYTES_MAX {
        return Frame::Junk;
    }
    rest.get(..bytes).map_or(Frame::Partial, Frame::Whole)
}

/// Hands the whole packets at the beginning of `read` to `take`; how many bytes their frames were. `None`: what follows is none.
pub fn take_frames(read: &[u8], mut take: impl FnMut(&[u8])) -> Option<usize> {
    let mut taken = 0;
    loop {
        match next_frame(read.get(taken..).unwrap_or_default()) {
            Frame::Whole(packet) => {
                take(packet);
                taken += HEADER_BYTES + packet.len();
            }
            Frame::Partial => return Some(taken),
            Frame::Junk => return None,
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

    /// What comes out of a stream that is read in these pieces; `None` at junk. The second is what is kept for later at most.
    fn packets<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Option<Vec<Vec<u8>>>, usize) {
        let (mut kept, mut most, mut found) = (Vec::new(), 0, Vec::new());
        for piece in pieces {
            kept.extend_from_slice(piece);
            let Some(taken) = take_frames(&kept, |packet| found.push(packet.to_vec())) else {
                return (None, most);
            };
            kept.drain(..taken);
            most = most.max(kept.len());
        }
        (Some(found), most)
    }

    #[test]
    fn an_empty_packet_is_one_and_the_largest_one_too() {
        let largest = vec![7; PACKET_BYTES_MAX];
        let all = [vec![], largest, vec![], vec![1]];
        assert_eq!(packets([&framed(&all)[..]].into_iter()).0.unwrap(), all);
        assert_eq!(next_frame(&[]), Frame::Partial);
        assert_eq!(next_frame(&[0]), Frame::Partial);
        assert_eq!(next_frame(&[0, 0]), Frame::Whole(&[]));
        assert_eq!(next_frame(&[0, 1]), Frame::Partial);
    }

    #[test]
    fn a_length_that_no_packet_has_is_noticed_before_anything_of_it_came() {
        let [high, low] = (PACKET_BYTES_MAX as u16 + 1).to_be_bytes();
        assert_eq!(next_frame(&[high, low]), Frame::Junk);
        assert_eq!(next_frame(&[0xff, 0xff]), Frame::Junk);
        assert_eq!(next_frame(b"GET / HTTP/1.1"), Frame::Junk);
        let mut after_one = framed(&[vec![1, 2, 3]]);
        after_one.extend([0xff, 0xff]);
        assert_eq!(packets([&after_one[..]].into_iter()).0, None);
    }

    proptest! {
        #[test]
        fn packets_come_out_whole_however_the_stream_is_cut(
            said in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..12),
            cut in 1_usize..400,
        ) {
            let (came, most) = packets(framed(&said).chunks(cut));
            prop_assert_eq!(came.unwrap(), said);
            prop_assert!(most < HEADER_BYTES + 300);
        }

        #[test]
        fn of_any_bytes_no_more_than_one_frame_is_kept(bytes in proptest::collection::vec(any::<u8>(), 0..9_000)) {
            let (_, most) = packets(bytes.chunks(1_000));
            prop_assert!(most < HEADER_BYTES + PACKET_BYTES_MAX);
        }
    }
}
