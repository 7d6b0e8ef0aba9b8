//! Whether a shared page moves: much of it is new again and again, as while somebody scrolls or a film plays on it. A page that was
//! turned, or scrolled once, does not. Sans-IO; owned by [`Text`](super::text::Text).

use super::VideoFrame;
use super::changed::changed_share;
use super::text_rate::TextRate;
use std::time::{Duration, Instant};

/// Large changes no further apart than this are one motion.
const CALM: Duration = Duration::from_millis(500);
/// A page that moves for so long is not waited for to stand.
const RESTLESS: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Motion {
    /// The picture that came last, encoded or not.
    seen: Option<VideoFrame>,
    /// The first and the last of the large changes that followed each other.
    changes: Option<(Instant, Instant)>,
}

impl Motion {
    /// A picture comes, or comes again.
    pub(super) fn see(&mut self, now: Instant, frame: &VideoFrame) {
        let changed = self.seen.as_ref().map_or(0.0, |seen| changed_share(seen, frame));
        self.seen = Some(frame.clone());
        if !TextRate::is_small(changed) {
            let first = self.changes_at(now).map_or(now, |(first, _)| first);
            self.changes = Some((first, now));
        }
    }

    /// Whether it moves.
    pub(super) fn is_on(&self, now: Instant) -> bool {
        self.changes_at(now).is_some_and(|(first, last)| last > first)
    }

    /// Whether it has moved for so long that nobody can wait for it to stand.
    pub(super) fn is_restless(&self, now: Instant) -> bool {
        self.changes_at(now)
            .is_some_and(|(first, last)| last.saturating_duration_since(first) >= RESTLESS)
    }

    fn changes_at(&self, now: Instant) -> Option<(Instant, Instant)> {
        self.changes
            .filter(|(_, last)| now.saturating_duration_since(*last) <= CALM)
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

    /// Whether a page moves, and restlessly, after each of these milliseconds, at which it is all of this shade.
    fn told(shades: &[(u64, u8)]) -> Vec<(bool, bool)> {
        let start = Instant::now();
        let size = Resolution::new(32, 32);
        let mut motion = Motion::default();
        let see = |(ms, shade): &(u64, u8)| {
            let now = start + Duration::from_millis(*ms);
            let pixels = vec![*shade; VideoFrame::byte_len(size)];
            let frame = VideoFrame::from_i420(size, pixels.into(), CaptureTime(now)).unwrap();
            motion.see(now, &frame);
            (motion.is_on(now), motion.is_restless(now))
        };
        shades.iter().map(see).collect()
    }

    #[test]
    fn a_page_moves_while_one_change_follows_another_and_is_restless_after_two_seconds_of_that() {
        let scrolls: Vec<_> = (0..=30).map(|n| (u64::from(n) * 100, n)).collect();
        let told_of_it = told(&scrolls);
        // The first picture is no change, and one change is none that goes on.
        assert_eq!(told_of_it.iter().position(|(on, _)| *on), Some(2));
        assert_eq!(told_of_it.iter().position(|(_, restless)| *restless), Some(21));
    }

    #[test]
    fn pages_turned_now_and_then_do_not_move_and_what_moved_may_stand_again() {
        let turned: Vec<_> = (0..20).map(|n| (u64::from(n) * 600, n)).collect();
        assert!(told(&turned).iter().all(|(on, _)| !on));
        let stands = told(&[(0, 0), (100, 1), (200, 2), (600, 2), (800, 2)]);
        assert_eq!(
            stands.iter().map(|(on, _)| *on).collect::<Vec<_>>(),
            [false, false, true, true, false]
        );
    }
}
