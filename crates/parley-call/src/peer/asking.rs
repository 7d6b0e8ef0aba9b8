//! When the other side may be asked for a key frame. Sans-IO.
//!
//! A key frame is large and takes a round trip to come: asking again before it can be there only makes things worse. A
//! decoder's wish is never forgotten, though; it waits until one may ask again.

use std::time::{Duration, Instant};

/// The least time between two requests.
const INTERVAL: Duration = Duration::from_millis(300);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Asking {
    last: Option<Instant>,
    due: Option<Instant>,
}

impl Asking {
    /// A key frame is wanted; gives whether to ask now. If not, [`Asking::due`] tells when.
    pub(super) fn want(&mut self, now: Instant) -> bool {
        if self.may_ask(now) {
            return true;
        }
        self.due = self.last.map(|last| last + INTERVAL);
        false
    }

    /// Whether one may ask now. A wish that waited is done with if so.
    pub(super) fn may_ask(&mut self, now: Instant) -> bool {
        let may = self.last.is_none_or(|last| now >= last + INTERVAL);
        if may {
            self.due = None;
        }
        may
    }

    /// It was asked.
    pub(super) fn asked(&mut self, now: Instant) {
        self.last = Some(now);
    }

    /// When a wish that waits must be looked at again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;

    #[test]
    fn wishes_close_together_become_two_requests_and_none_is_forgotten() {
        let start = Instant::now();
        let mut asking = Asking::default();
        assert!(asking.want(start));
        asking.asked(start);
        for ms in [10, 20, 250] {
            assert!(!asking.want(start + Duration::from_millis(ms)));
        }
        let due = asking.due().unwrap();
        assert_eq!(due, start + INTERVAL);
        assert!(asking.may_ask(due));
        asking.asked(due);
        assert_eq!(asking.due(), None);
    }

    #[test]
    fn with_nobody_to_ask_the_next_wish_asks_again_at_once() {
        let mut asking = Asking::default();
        let now = Instant::now();
        assert!(asking.want(now));
        assert!(asking.want(now), "nothing was asked in between");
    }
}
