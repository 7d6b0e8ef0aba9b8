//! Streams of TURN cut into frames.

use crate::bytes::Plan;
use parley_server::turn::{FRAME_BYTES_MAX, Frame, next_frame};

/// Frames do not depend on how a stream arrives, are never longer than allowed, and what is no stream of TURN is noticed before
/// much of it has to be kept.
pub(crate) fn turn_framing(data: &[u8]) {
    let mut plan = Plan(data);
    let cut = usize::from(plan.byte()) + 1;
    let stream = plan.0;
    let at_once = frames(stream, stream.len().max(1));
    assert_eq!(frames(stream, cut), at_once, "cut every {cut} bytes");
}

/// How a stream ends for whoever reads it.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Waiting,
    Junk,
}

/// The frames as (where they begin, length, length with padding), read in pieces of `piece` bytes.
fn frames(stream: &[u8], piece: usize) -> (Vec<(usize, usize, usize)>, End) {
    let mut found = Vec::new();
    let mut begin = 0;
    for end in (piece..stream.len()).step_by(piece).chain([stream.len()]) {
        loop {
            let read = &stream[begin..end];
            match next_frame(read) {
                Frame::Whole { bytes, padded } => {
                    assert!(bytes <= padded && padded < bytes + 4, "{bytes} {padded}");
                    assert!(padded <= read.len() && padded <= FRAME_BYTES_MAX, "{padded}");
                    assert!(padded >= 4, "a frame of nothing would be found for ever");
                    found.push((begin, bytes, padded));
                    begin += padded;
                }
                Frame::Partial => {
                    assert!(read.len() < FRAME_BYTES_MAX, "{} bytes are kept", read.len());
                    break;
                }
                Frame::Junk => {
                    assert_eq!(
                        next_frame(&stream[begin..]),
                        Frame::Junk,
                        "what comes later makes it none"
                    );
                    return (found, End::Junk);
                }
            }
        }
    }
    (found, End::Waiting)
}
