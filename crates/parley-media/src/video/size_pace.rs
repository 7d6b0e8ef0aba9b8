//! How often the size of pictures may change: sans-IO, asked by the encode thread before each picture.
//!
//! Another size costs a key frame, which is as large as a second of pictures. Whatever asks for it (the estimate, a computer that
//! is too slow, a person), changes are [`GAP`] apart; until then pictures stay at the size they have, at the bitrate that is
//! wanted.

use parley_proto::Resolution;
use std::time::{Duration, Instant};

/// The least time between two changes.
const GAP: Duration = Duration::from_secs(2);

/// The size that counts now.
#[derive(Debug, Default)]
pub(super) struct SizePace {
    size: Option<Resolution>,
    changed: Option<Instant>,
}

impl SizePace {
    /// The size to encode at, when `wanted` is wished for.
    pub(super) fn follow(&mut self, now: Instant, wanted: Resolution) -> Resolution {
        let Some(size) = self.size else {
            self.size = Some(wanted);
            return wanted;
        };
        let too_early = self.changed.is_some_and(|changed| now < changed + GAP);
        if wanted == size || too_early {
            return size;
        }
        self.changed = Some(now);
        self.size = Some(wanted);
        wanted
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;

    const LARGE: Resolution = Resolution::new(1280, 720);
    const SMALL: Resolution = Resolution::new(640, 360);

    #[test]
    fn the_first_change_comes_at_once_and_others_two_seconds_apart_with_what_is_wanted_then() {
        let start = Instant::now();
        let mut pace = SizePace::default();
        let mut changes = Vec::new();
        let mut last = LARGE;
        for ms in (0..10_000).step_by(33) {
            // Back and forth, three times a second.
            let wanted = if ms / 330 % 2 == 0 { LARGE } else { SMALL };
            let size = pace.follow(start + Duration::from_millis(ms), wanted);
            if std::mem::replace(&mut last, size) != size {
                changes.push(ms);
            }
        }
        assert_eq!(changes[0], 330, "the first at once");
        assert!(
            changes.windows(2).all(|pair| pair[1] - pair[0] >= 2_000),
            "{changes:?}"
        );
        assert!(changes.len() >= 4, "and none is forgotten: {changes:?}");
    }

    #[test]
    fn what_is_wanted_no_more_when_its_time_comes_changes_nothing() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pace = SizePace::default();
        assert_eq!(pace.follow(at(0), LARGE), LARGE);
        assert_eq!(pace.follow(at(1_000), SMALL), SMALL);
        assert_eq!(pace.follow(at(1_500), LARGE), SMALL);
        assert_eq!(pace.follow(at(2_900), SMALL), SMALL);
        assert_eq!(pace.follow(at(3_100), SMALL), SMALL);
        assert_eq!(pace.follow(at(3_200), LARGE), LARGE);
    }
}
