//! A screen that stands still gives no new pictures. This says when to encode the last one again. Sans-IO.
//!
//! A change leaves the picture as sharp as its bits allowed; a few more rounds spend the idle rate on sharpening it, and then
//! there is silence. Whoever comes late, or lost something, asks for a key frame, and gets it of the same picture.

use super::VideoFrame;
use std::time::{Duration, Instant};

/// How often a picture is encoded again to sharpen it at most, ...
const ROUNDS: u8 = 30;
/// ... and the time between.
pub(super) const INTERVAL: Duration = Duration::from_millis(100);
/// A round that came out no larger than a packet had nothing to sharpen any more.
const SETTLED_BYTES: usize = 1200;

/// The last picture, for as long as nothing newer comes.
#[derive(Debug, Default)]
pub(super) struct Standing {
    frame: Option<VideoFrame>,
    rounds_left: u8,
    due: Option<Instant>,
}

impl Standing {
    /// A new picture came at `now`.
    pub(super) fn renew(&mut self, frame: VideoFrame, now: Instant) {
        self.frame = Some(frame);
        self.rounds_left = ROUNDS;
        self.due = Some(now + INTERVAL);
    }

    /// The last picture, if any came.
    pub(super) fn frame(&self) -> Option<VideoFrame> {
        self.frame.clone()
    }

    /// What to encode at `now` although nothing new came, if anything.
    pub(super) fn again(&mut self, now: Instant, key_frame: bool) -> Option<VideoFrame> {
        let sharpen = self.rounds_left > 0 && self.due.is_some_and(|due| now >= due);
        if !key_frame && !sharpen {
            return None;
        }
        self.rounds_left = if key_frame { ROUNDS } else { self.rounds_left - 1 };
        self.due = Some(now + INTERVAL);
        self.frame.clone()
    }

    /// A picture was encoded, to so many bytes.
    pub(super) const fn encoded(&mut self, bytes: usize) {
        if bytes <= SETTLED_BYTES {
            self.rounds_left = 0;
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;
    use crate::time::CaptureTime;
    use parley_proto::Resolution;

    fn frame(now: Instant) -> VideoFrame {
        VideoFrame::from_i420(Resolution::new(2, 2), vec![0; 6].into(), CaptureTime(now)).unwrap()
    }

    /// How often the picture is encoded again within ten seconds, asked every 10 ms, with a key frame wanted at some.
    fn rounds(key_frames_at_ms: &[u64]) -> usize {
        let start = Instant::now();
        let mut standing = Standing::default();
        assert!(standing.again(start, true).is_none(), "nothing to show yet");
        standing.renew(frame(start), start);
        (0..10_000u64)
            .step_by(10)
            .filter(|ms| {
                let now = start + Duration::from_millis(*ms);
                standing.again(now, key_frames_at_ms.contains(ms)).is_some()
            })
            .count()
    }

    #[test]
    fn a_still_picture_is_sharpened_and_then_left_alone() {
        assert_eq!(rounds(&[]), usize::from(ROUNDS));
    }

    #[test]
    fn sharpening_ends_when_there_is_nothing_to_sharpen() {
        let start = Instant::now();
        let mut standing = Standing::default();
        standing.renew(frame(start), start);
        standing.encoded(20_000);
        assert!(standing.again(start + INTERVAL, false).is_some());
        standing.encoded(SETTLED_BYTES);
        assert!(standing.again(start + INTERVAL * 5, false).is_none());
        assert!(
            standing.again(start + INTERVAL * 6, true).is_some(),
            "a key frame all the same"
        );
    }

    #[test]
    fn a_wish_for_a_key_frame_is_met_and_sharpened_anew() {
        assert_eq!(rounds(&[5_000]), usize::from(ROUNDS) * 2 + 1);
    }
}
