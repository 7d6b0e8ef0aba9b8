//! Which of what is missing was of pictures that were left out: nobody is to wait for that.
//!
//! Owned by a down track. What certainly was of such a picture loses its place: all between two of its packets, the one right after a packet
//! that does not end it, and the one right before a packet that does not begin it. Anything else that is missing may be of a picture that
//! goes down, and keeps its place. Deliberately absent: which pictures are left out (`forwarder`), numbers (`rewriter`).

use super::rewriter::Rewriter;

/// A packet of a picture that is left out, with nothing after it having come yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) seq: u64,
    /// The picture's, of its layer.
    pub(super) time: u32,
    /// Nothing of the picture is before it.
    pub(super) begins: bool,
    /// Nothing of it is behind.
    pub(super) ends: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    /// The time of the picture that the highest packet was of, if that was left out and did not end it.
    goes_on: Option<u32>,
}

impl LeftOut {
    /// This one is left out.
    pub(super) fn part(&mut self, rewriter: &mut Rewriter, part: Part) {
        let goes_on = self.goes_on.take();
        if goes_on == Some(part.time) {
            rewriter.leave_out_up_to(part.seq);
        } else {
            if goes_on.is_some() {
                rewriter.leave_out_next(part.seq);
            }
            if !part.begins {
                rewriter.leave_out(part.seq.saturating_sub(1));
            }
            rewriter.leave_out(part.seq);
        }
        self.goes_on = (!part.ends).then_some(part.time);
    }

    /// The next one that goes down, in order.
    pub(super) fn passes(&mut self, rewriter: &mut Rewriter, seq: u64) {
        if self.goes_on.take().is_some() {
            rewriter.leave_out_next(seq);
        }
    }

    /// Another source begins, or something else was left out: what is missing next is not known to be of a picture that was.
    pub(super) const fn forget(&mut self) {
        self.goes_on = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    /// A source of which pictures of four packets are sent, every other one left out.
    struct Source {
        now: Instant,
        rewriter: Rewriter,
        left_out: LeftOut,
    }

    impl Source {
        fn new() -> Self {
            #[expect(clippy::disallowed_methods, reason = "a start to count from")]
            let now = Instant::now();
            let mut rewriter = Rewriter::new(90_000, 100);
            rewriter.begin(now, 0, 0);
            Self {
                now,
                rewriter,
                left_out: LeftOut::default(),
            }
        }

        /// The number that a packet goes down with.
        fn come(&mut self, seq: u64) -> Option<u64> {
            let picture = u32::try_from(seq / 4).unwrap();
            if picture % 2 == 1 && !self.rewriter.is_late(seq) {
                let part = Part {
                    seq,
                    time: picture * 3_000,
                    begins: seq.is_multiple_of(4),
                    ends: seq % 4 == 3,
                };
                self.left_out.part(&mut self.rewriter, part);
                return None;
            }
            if !self.rewriter.is_late(seq) {
                self.left_out.passes(&mut self.rewriter, seq);
            }
            let rewritten = self.rewriter.rewrite(self.now, seq, picture * 3_000)?;
            Some(rewritten.seq)
        }

        fn come_all(&mut self, seqs: impl IntoIterator<Item = u64>) -> Vec<u64> {
            seqs.into_iter().filter_map(|seq| self.come(seq)).collect()
        }
    }

    #[test]
    fn what_is_lost_of_a_picture_that_is_left_out_leaves_no_gap() {
        for lost in [
            vec![4],
            vec![5],
            vec![6],
            vec![5, 6],
            vec![7],
            vec![4, 7],
            vec![4, 6],
        ] {
            let mut source = Source::new();
            let numbers = source.come_all((0..12).filter(|seq| !lost.contains(seq)));
            let unbroken: Vec<u64> = (100..108).collect();
            assert_eq!(numbers, unbroken, "without {lost:?}");
            let repaired = source.come_all(lost);
            assert!(repaired.is_empty(), "nothing of it has a place: {repaired:?}");
        }
    }

    #[test]
    fn what_may_be_of_a_picture_that_goes_down_keeps_its_place() {
        // The last one before a picture that is left out, the first one after it, and more at once than can be told apart.
        for (lost, numbers) in [
            (vec![3], vec![100, 101, 102, 104, 105, 106, 107]),
            (vec![8], vec![100, 101, 102, 103, 105, 106, 107]),
            (vec![3, 4], vec![100, 101, 102, 104, 105, 106, 107]),
            (vec![7, 8], vec![100, 101, 102, 103, 105, 106, 107]),
        ] {
            let mut source = Source::new();
            let came = source.come_all((0..12).filter(|seq| !lost.contains(seq)));
            assert_eq!(came, numbers, "without {lost:?}");
            let repaired = source.come_all(lost);
            assert_eq!(repaired.len(), 1, "{repaired:?}");
            assert!((100..108).contains(&repaired[0]) && !numbers.contains(&repaired[0]));
        }
    }

    #[test]
    fn another_source_has_nothing_to_do_with_what_was_left_out_before() {
        let mut source = Source::new();
        source.come_all(0..6);
        source.left_out.forget();
        source.rewriter.begin(source.now, 40, 0);
        let first = source.rewriter.rewrite(source.now, 40, 0);
        assert_eq!(first.map(|first| first.seq), Some(104));
        assert_eq!(source.come(42), Some(106), "what is missing may still come");
    }
}
