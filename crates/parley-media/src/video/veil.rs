//! What of a shared text is not shown in detail yet. A page that is wholly new has half a megabit and more, which a narrow way needs a
//! second for, and all that time the picture stands. So there it is covered first: without its detail it takes a tenth of that, and then
//! it is uncovered from the top, a strip at a time. Sans-IO; owned by [`Text`](super::text::Text).
//!
//! The encoder is given what is covered as it was before, pixel by pixel, and so leaves it alone: also where what is below it scrolled
//! once, for that would cost as much as uncovering some of it. Where all looks different below, the veil does too, and while what is
//! below moves it moves along: nobody looks at a still picture of what goes on.

use super::VideoFrame;
use super::pool::FramePool;
use super::scale::scale_into;
use parley_proto::Resolution;

/// Covered, a picture has the detail of one that fits in here: 11 kB at the quantiser that it comes with (1280 by 720, a page of dense text
/// which takes 96 kB at the coarsest at which it can be read, and would still take 43 kB with the detail of 160 by 90).
const DETAIL: Resolution = Resolution::new(64, 64);

/// What is below looks different when its luma is so far away, in the mean.
const DIFFERENT: u64 = 24;

/// See the module.
#[derive(Debug)]
pub(super) struct Veil {
    /// Rows of pixels from the top that are not covered.
    clear: u32,
    /// A picture without its detail: small, and as large as it was.
    covered: Option<(VideoFrame, VideoFrame)>,
    pool: FramePool,
    small: FramePool,
}

impl Veil {
    /// One over all of a picture.
    pub(super) fn new() -> Self {
        Self {
            clear: 0,
            covered: None,
            pool: FramePool::new(),
            small: FramePool::new(),
        }
    }

    /// Uncovers so many rows more.
    pub(super) const fn lift(&mut self, rows: u32) {
        self.clear = self.clear.saturating_add(rows);
    }

    /// Whether it covers nothing of a picture any more.
    pub(super) const fn is_gone(&self, size: Resolution) -> bool {
        self.clear >= size.height
    }

    /// The share of a picture that it does not cover, from 0 to 1.
    pub(super) fn clear_share(&self, size: Resolution) -> f64 {
        f64::from(self.clear.min(size.height)) / f64::from(size.height.max(1))
    }

    /// What is to be seen of a picture, which moves or not.
    pub(super) fn over(&mut self, frame: &VideoFrame, moves: bool) -> VideoFrame {
        let size = frame.resolution();
        if self.is_gone(size) {
            return frame.clone();
        }
        let small = scale_into(&mut self.small, frame, size.fit_within(DETAIL));
        let (small, coarse) = match self.covered.take() {
            Some((of, coarse)) if !moves && coarse.resolution() == size && !is_different(&of, &small) => {
                (of, coarse)
            }
            _ => {
                let coarse = scale_into(&mut self.pool, &small, size);
                (small, coarse)
            }
        };
        // Rows of colour are half as many, and never split.
        let (width, clear) = (size.width as usize, self.clear as usize & !1);
        let seen = self.pool.make(size, frame.captured, |planes| {
            let rows = |to: &mut [u8], fine: &[u8], coarse: &[u8], at: usize| {
                let (above, below) = to.split_at_mut(at.min(fine.len()));
                above.copy_from_slice(&fine[..above.len()]);
                below.copy_from_slice(&coarse[above.len()..]);
            };
            let in_colour = width / 2 * (clear / 2);
            rows(planes.y, frame.y(), coarse.y(), width * clear);
            rows(planes.u, frame.u(), coarse.u(), in_colour);
            rows(planes.v, frame.v(), coarse.v(), in_colour);
        });
        self.covered = Some((small, coarse));
        seen.unwrap_or_else(|_| frame.clone())
    }
}

fn is_different(one: &VideoFrame, other: &VideoFrame) -> bool {
    let pairs = one.y().iter().zip(other.y());
    let away: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    away > DIFFERENT * other.y().len() as u64
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;
    use crate::time::CaptureTime;
    use std::time::Instant;

    const SIZE: Resolution = Resolution::new(128, 48);

    /// Lines one pixel wide.
    fn lines() -> VideoFrame {
        let pixels: Vec<u8> = (0..VideoFrame::byte_len(SIZE))
            .map(|at| if at % 2 == 0 { 20 } else { 220 })
            .collect();
        VideoFrame::from_i420(SIZE, pixels.into(), CaptureTime(Instant::now())).unwrap()
    }

    /// How many rows are as they are, from the top, and how uneven the others.
    fn seen(veil: &mut Veil, frame: &VideoFrame) -> (usize, u8) {
        let seen = veil.over(frame, false);
        let rows = || seen.y().chunks(128).zip(frame.y().chunks(128));
        let clear = rows().take_while(|(seen, frame)| seen == frame).count();
        let below = &seen.y()[clear * 128..];
        let (most, least) = (below.iter().max(), below.iter().min());
        (clear, most.zip(least).map_or(0, |(most, least)| most - least))
    }

    #[test]
    fn what_is_covered_has_no_detail_and_it_is_uncovered_from_the_top() {
        let (mut veil, frame) = (Veil::new(), lines());
        assert_eq!(seen(&mut veil, &frame).0, 0);
        assert!(seen(&mut veil, &frame).1 < 10, "no lines are to be made out");
        veil.lift(16);
        assert_eq!(seen(&mut veil, &frame).0, 16);
        assert!(!veil.is_gone(SIZE));
        veil.lift(32);
        assert!(veil.is_gone(SIZE));
        assert_eq!(veil.over(&frame, false).i420(), frame.i420());
    }

    #[test]
    fn what_stays_covered_stays_the_same_pixel_by_pixel() {
        let (mut veil, frame) = (Veil::new(), lines());
        let before = veil.over(&frame, false);
        veil.lift(16);
        let after = veil.over(&frame, false);
        assert_eq!(before.y()[128 * 16..], after.y()[128 * 16..]);
        assert_eq!(before.u()[64 * 8..], after.u()[64 * 8..]);
        assert_ne!(before.u()[..64 * 8], after.u()[..64 * 8]);
    }
    /// The same lines with a dark patch, whose left edge is here.
    fn with_patch(left: usize) -> VideoFrame {
        let mut pixels = lines().i420().to_vec();
        for row in pixels.chunks_mut(128).take(48) {
            row[left..left + 12].fill(20);
        }
        VideoFrame::from_i420(SIZE, pixels.into(), CaptureTime(Instant::now())).unwrap()
    }

    #[test]
    fn the_veil_moves_with_what_moves_below_it_and_only_there() {
        let mut veil = Veil::new();
        let before = veil.over(&with_patch(16), false);
        let once = veil.over(&with_patch(64), false);
        assert_eq!(once.y(), before.y(), "what only changed once is left alone");
        let moved = veil.over(&with_patch(64), true);
        assert!(moved.y()[72] < 60 && before.y()[72] > 100, "it is where it went");
        assert!(moved.y()[24] > 100 && before.y()[24] < 60, "and nowhere else");
        assert_eq!(moved.y()[112..128], before.y()[112..128], "the rest stands");
    }
}
