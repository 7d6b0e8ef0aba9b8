//! How much of a picture is new.

use super::VideoFrame;

/// The side of a block, in luma pixels: what the codec decides about at once.
const BLOCK: usize = 16;

/// The share of blocks in which two pictures differ, from 0 (the same) to 1 (all of them, or another size).
pub(super) fn changed_share(before: &VideoFrame, now: &VideoFrame) -> f32 {
    if before.resolution() != now.resolution() {
        return 1.0;
    }
    if std::ptr::eq(before.i420(), now.i420()) {
        return 0.0;
    }
    let width = now.resolution().width as usize;
    let planes = [
        (before.y(), now.y(), width, BLOCK),
        (before.u(), now.u(), width / 2, BLOCK / 2),
        (before.v(), now.v(), width / 2, BLOCK / 2),
    ];
    let columns = width.div_ceil(BLOCK);
    let mut changed = vec![false; columns * (now.resolution().height as usize).div_ceil(BLOCK)];
    for (before, now, stride, block) in planes {
        let rows = before.chunks_exact(stride).zip(now.chunks_exact(stride));
        for (y, (before, now)) in rows.enumerate().filter(|(_, (before, now))| before != now) {
            let row = changed.iter_mut().skip(y / block * columns);
            for ((before, now), changed) in before.chunks(block).zip(now.chunks(block)).zip(row) {
                *changed |= before != now;
            }
        }
    }
    changed.iter().filter(|changed| **changed).count() as f32 / changed.len() as f32
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
    use std::time::Instant;

    /// A grey picture with some bytes of it changed.
    fn frame(width: u32, height: u32, changed: &[usize]) -> VideoFrame {
        let size = Resolution::new(width, height);
        let mut pixels = vec![128u8; VideoFrame::byte_len(size)];
        for at in changed {
            pixels[*at] = 7;
        }
        VideoFrame::from_i420(size, pixels.into(), CaptureTime(Instant::now())).unwrap()
    }

    #[test]
    fn blocks_are_counted_once_whatever_changed_in_them() {
        // 40 by 20 are three columns and two rows of blocks, the last ones narrower.
        let before = frame(40, 20, &[]);
        let share = |at: &[usize]| changed_share(&before, &frame(40, 20, at));
        assert_eq!(share(&[]), 0.0);
        assert_eq!(share(&[0, 15, 40 * 15 + 15]), 1.0 / 6.0);
        assert_eq!(share(&[39, 40 * 19 + 39]), 2.0 / 6.0);
        // The first of the colour's bytes belongs to the first block.
        assert_eq!(share(&[0, 40 * 20]), 1.0 / 6.0);
        assert_eq!(
            share(&[40 * 20 + 10 * 10 - 1]),
            1.0 / 6.0,
            "the last of them to the last"
        );
        assert_eq!(changed_share(&before, &frame(20, 40, &[])), 1.0);
        assert_eq!(changed_share(&before, &before.clone()), 0.0);
    }
}
