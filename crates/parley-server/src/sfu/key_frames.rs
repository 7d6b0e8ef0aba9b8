//! Asking a publisher for a key frame of one layer: many may want one, it is asked for once.
//!
//! Owned by a layer of an up track. A key frame costs as much as many other pictures, so there is a pause after each request,
//! whoever wants another; a wish within it is kept. A key frame that comes answers every wish from before it.

use std::time::{Duration, Instant};

/// Between two requests for the same layer.
const PAUSE: Duration = Duration::from_millis(500);

/// The wishes for one layer.
#[derive(Debug, Default)]
pub(super) struct KeyFrames {
    wanted: bool,
    asked: Option<Instant>,
}

impl KeyFrames {
    /// Somebody cannot go on without one. True: the wish is new.
    pub(super) const fn want(&mut self) -> bool {
        !std::mem::replace(&mut self.wanted, true)
    }

    /// One began.
    pub(super) const fn came(&mut self) {
        self.wanted = false;
    }

    /// Whether to ask now; to be asked whenever packets come or time passes.
    pub(super) fn ask(&mut self, now: Instant) -> bool {
        let due = self.wanted && self.asked.is_none_or(|asked| now >= asked + PAUSE);
        if due {
            self.asked = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_wishes_are_one_request_and_none_is_forgotten() {
        #[expect(clippy::disallowed_methods, reason = "a start to count from")]
        let now = Instant::now();
        let ms = |ms| now + Duration::from_millis(ms);
        let mut frames = KeyFrames::default();
        assert!(!frames.ask(now), "nobody wants one");
        let wishes = (0..100).filter(|_| frames.want()).count();
        assert_eq!(wishes, 1);
        let requests = (0..100).filter(|at| frames.ask(ms(*at))).count();
        assert_eq!(requests, 1);
        assert!(frames.ask(ms(500)), "lost on the way: asked again");
        frames.came();
        assert!(!frames.ask(ms(1_100)));
        frames.want();
        assert!(frames.ask(ms(1_200)));
        frames.came();
        frames.want();
        assert!(!frames.ask(ms(1_300)), "too soon after the last one");
        assert!(frames.ask(ms(1_700)), "and kept until it is not");
    }
}
