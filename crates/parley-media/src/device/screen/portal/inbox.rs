//! The newest picture that came. While its turn has not come, its bytes are only copied, for a newer one may take its place;
//! the next that comes when it is wanted at once is converted where it lies. So one picture waits at most, whatever comes.

use super::super::pixels::{Order, PIXEL_BYTES, Rows};
use crate::time::CaptureTime;
use crate::video::VideoFrame;
use crate::video::pool::FramePool;
use parley_proto::Resolution;

/// What lies in PipeWire's buffers: agreed on before the first picture, and anew when its size changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) size: Resolution,
    pub(super) order: Order,
}

/// Where in a buffer the picture is, as its sender says: not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) offset: usize,
    /// Bytes from row to row; zero or less for "as long as a row".
    pub(super) stride: i32,
    /// Left, top, and size of what counts, if not all does.
    pub(super) crop: Option<(i32, i32, Resolution)>,
}

impl Layout {
    /// The picture in `bytes`; nothing if it cannot lie there.
    fn find<'a>(&self, bytes: &'a [u8], chunk: Chunk) -> Option<Rows<'a>> {
        let (left, top, size) = match chunk.crop {
            Some((left, top, size)) => (usize::try_from(left).ok()?, usize::try_from(top).ok()?, size),
            None => (0, 0, self.size),
        };
        let fits = size.pixels() > 0
            && left + size.width as usize <= self.size.width as usize
            && top + size.height as usize <= self.size.height as usize;
        if !fits {
            return None;
        }
        let stride = match usize::try_from(chunk.stride) {
            Ok(stride) if stride > 0 => stride,
            _ => self.size.width as usize * PIXEL_BYTES,
        };
        if stride < size.width as usize * PIXEL_BYTES {
            return None;
        }
        let start = chunk.offset.checked_add(top * stride + left * PIXEL_BYTES)?;
        Some(Rows {
            bytes: bytes.get(start..)?,
            stride,
            size,
            order: self.order,
        })
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    pool: FramePool,
    layout: Option<Layout>,
    fresh: Option<VideoFrame>,
    /// The bytes of a newer one than `fresh`, and what they are.
    kept: Option<(Resolution, Order, CaptureTime)>,
    bytes: Vec<u8>,
    wanted: bool,
    /// Buffers without a picture that can be read.
    unread: u64,
}

impl Inbox {
    /// From now on this lies in the buffers.
    pub(super) fn agree(&mut self, layout: Option<Layout>) {
        self.layout = layout;
    }

    /// A buffer came.
    pub(super) fn put(&mut self, bytes: &[u8], chunk: Chunk, captured: CaptureTime) {
        let Some(rows) = self.layout.and_then(|layout| layout.find(bytes, chunk)) else {
            self.unread += 1;
            tracing::debug!(
                ?chunk,
                unread = self.unread,
                "no picture in a buffer of the screen"
            );
            return;
        };
        if std::mem::take(&mut self.wanted) {
            self.kept = None;
            self.fresh = rows.to_i420(&mut self.pool, captured).ok().or(self.fresh.take());
        } else if self.keep(rows).is_some() {
            self.kept = Some((rows.size, rows.order, captured));
        }
    }

    /// The newest picture, once. With none there, the next is wanted at once.
    pub(super) fn take(&mut self) -> Option<VideoFrame> {
        if let Some((size, order, captured)) = self.kept.take() {
            let rows = Rows {
                bytes: &self.bytes,
                stride: size.width as usize * PIXEL_BYTES,
                size,
                order,
            };
            self.fresh = rows.to_i420(&mut self.pool, captured).ok().or(self.fresh.take());
        }
        let taken = self.fresh.take();
        self.wanted = taken.is_none();
        taken
    }

    /// Copies the rows without what is between them. What was kept stays where they are not all there.
    fn keep(&mut self, rows: Rows<'_>) -> Option<()> {
        let row = rows.size.width as usize * PIXEL_BYTES;
        let last = (rows.size.height as usize).checked_sub(1)?;
        let end = last.checked_mul(rows.stride)?.checked_add(row)?;
        let whole = rows.bytes.get(..end)?;
        self.bytes.clear();
        for number in 0..=last {
            let start = number * rows.stride;
            self.bytes.extend_from_slice(whole.get(start..start + row)?);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    const SIZE: Resolution = Resolution::new(4, 2);
    const WHOLE: Chunk = Chunk {
        offset: 0,
        stride: 0,
        crop: None,
    };

    #[expect(clippy::disallowed_methods, reason = "test: any moment will do")]
    fn now() -> CaptureTime {
        CaptureTime(Instant::now())
    }

    fn inbox() -> Inbox {
        let mut inbox = Inbox::default();
        inbox.agree(Some(Layout {
            size: SIZE,
            order: Order::BlueFirst,
        }));
        inbox
    }

    fn grey(level: u8) -> Vec<u8> {
        vec![level; SIZE.pixels() as usize * PIXEL_BYTES]
    }

    fn luma(frame: Option<VideoFrame>) -> Option<u8> {
        frame.map(|frame| frame.y()[0])
    }

    #[test]
    fn the_newest_counts_whether_it_was_waited_for_or_not() {
        let mut inbox = inbox();
        inbox.put(&grey(50), WHOLE, now());
        inbox.put(&grey(255), WHOLE, now());
        let white = luma(inbox.take()).unwrap();
        assert!(white.abs_diff(235) <= 1, "{white}");
        assert!(inbox.take().is_none(), "once");
        // Waited for: the first is made at once, and one that comes before it was taken counts instead of it.
        inbox.put(&grey(255), WHOLE, now());
        inbox.put(&grey(0), WHOLE, now());
        let black = luma(inbox.take()).unwrap();
        assert!(black.abs_diff(16) <= 1, "{black}");
    }

    #[test]
    fn what_counts_of_a_buffer_is_found_where_its_sender_says() {
        // The right half of the lower two rows of three is white, after two bytes of something else and with longer rows.
        let layout = Layout {
            size: Resolution::new(4, 3),
            order: Order::BlueFirst,
        };
        let (black, white) = ([0u8; 4], [255u8; 4]);
        let upper = [black, black, black, black, black].concat();
        let lower = [black, black, white, white, black].concat();
        let bytes = [&[9, 9], upper.as_slice(), &lower, &lower].concat();
        let mut inbox = Inbox::default();
        inbox.agree(Some(layout));
        let chunk = Chunk {
            offset: 2,
            stride: 20,
            crop: Some((2, 1, Resolution::new(2, 2))),
        };
        inbox.put(&bytes, chunk, now());
        let frame = inbox.take().unwrap();
        assert_eq!(frame.resolution(), Resolution::new(2, 2));
        assert!(
            frame.y().iter().all(|luma| luma.abs_diff(235) <= 1),
            "{:?}",
            frame.y()
        );
    }

    #[test]
    fn buffers_that_lie_give_nothing() {
        let crop = |left, top, width, height| Chunk {
            crop: Some((left, top, Resolution::new(width, height))),
            ..WHOLE
        };
        let lies = [
            Chunk { offset: 1, ..WHOLE },
            Chunk {
                offset: usize::MAX,
                ..WHOLE
            },
            Chunk {
                stride: i32::MAX,
                ..WHOLE
            },
            Chunk { stride: 12, ..WHOLE },
            crop(-1, 0, 2, 2),
            crop(3, 0, 2, 2),
            crop(0, 1, 2, 2),
            crop(0, 0, 0, 0),
            crop(0, 0, u32::MAX, u32::MAX),
        ];
        for wanted in [false, true] {
            for lie in lies {
                let mut inbox = inbox();
                inbox.wanted = wanted;
                inbox.put(&grey(9), lie, now());
                assert!(inbox.take().is_none(), "{lie:?}");
                // What came before it is still to be had.
                let mut inbox = self::inbox();
                inbox.wanted = wanted;
                inbox.put(&grey(255), WHOLE, now());
                inbox.put(&grey(9), lie, now());
                let white = luma(inbox.take());
                assert!(
                    white.is_some_and(|luma| luma.abs_diff(235) <= 1),
                    "{lie:?}: {white:?}"
                );
            }
        }
        let mut before_the_terms = Inbox::default();
        before_the_terms.put(&grey(9), WHOLE, now());
        assert!(before_the_terms.take().is_none());
        assert_eq!(before_the_terms.unread, 1);
    }
}
