//! How many packets of media a connection's library was given and did not let go of yet: it tells nobody.
//!
//! Owned by a peer. It saves questions and decides nothing else: one too many here and the library is asked once more than needed, one
//! too few and it is asked at the time that it said last. What the library dropped would count for ever; so where it was never less
//! than some number whenever it was asked for [`LOST_AFTER`], so many are taken to be dropped.
//!
//! Deliberately absent: what is sent again, padding and reports, which the library makes up itself.

use std::time::{Duration, Instant};

/// The library's pacer lets nothing wait longer than two seconds.
const LOST_AFTER: Duration = Duration::from_secs(3);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    count: usize,
    /// The fewest there were whenever the library was asked, and since when.
    least: Option<(usize, Instant)>,
}

impl Backlog {
    /// The library was given a packet.
    pub(super) const fn given(&mut self) {
        self.count += 1;
    }

    /// It let go of one.
    pub(super) const fn let_go(&mut self) {
        self.count = self.count.saturating_sub(1);
    }

    /// It was asked when it wants to be woken.
    pub(super) fn asked(&mut self, now: Instant) {
        let (least, since) = self.least.unwrap_or((self.count, now));
        let least = least.min(self.count);
        self.least = if now < since + LOST_AFTER {
            Some((least, since))
        } else {
            self.count -= least;
            Some((self.count, now))
        };
    }

    /// Those that wait.
    pub(super) const fn count(&self) -> usize {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_waits_until_it_is_let_go_and_what_was_dropped_does_not_for_ever() {
        #[expect(clippy::disallowed_methods, reason = "a start to count from")]
        let start = Instant::now();
        let mut backlog = Backlog::default();
        backlog.let_go();
        assert_eq!(backlog.count(), 0, "padding that looks like a packet of ours");
        let mut counts = Vec::new();
        for tenth in 0..70_u32 {
            // Two at a time, of which each is let go; and of a burst at the end of the first second two are dropped.
            for _ in 0..if tenth == 10 { 4 } else { 2 } {
                backlog.given();
            }
            backlog.let_go();
            backlog.let_go();
            backlog.asked(start + Duration::from_millis(100) * tenth);
            counts.push(backlog.count());
        }
        assert_eq!(counts[..10], [0; 10]);
        assert_eq!(counts[10], 2);
        assert_eq!(counts[69], 0, "{counts:?}");
    }

    #[test]
    fn a_queue_that_becomes_shorter_is_counted_to_its_end() {
        #[expect(clippy::disallowed_methods, reason = "a start to count from")]
        let start = Instant::now();
        let mut backlog = Backlog::default();
        for _ in 0..30 {
            backlog.given();
        }
        for left in (0..30).rev() {
            backlog.let_go();
            backlog.asked(start + Duration::from_millis(66) * (30 - left));
            assert_eq!(backlog.count(), left as usize);
        }
    }
}
