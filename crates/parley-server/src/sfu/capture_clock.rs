//! When something was recorded, by our clock: what ties a person's lips to their words after both went through here.
//!
//! A publisher's sender reports (RFC 3550, 6.4.1) say by its wall clock when a timestamp was recorded, for every stream of it.
//! That clock may be wrong by years; but it is one for all streams of a connection, so one offset to our clock is enough, and
//! it is kept: receivers are told times that fit together even if all of them were late by as much. Until a report came, a
//! packet counts as recorded when it arrived.
//!
//! Owned by a peer. Deliberately absent: packets, reports, and any clock of our own.

use std::time::{Duration, Instant, SystemTime};

/// Offsets further apart than this mean that the publisher's clock was set, not that packets took longer.
const JUMP: Duration = Duration::from_secs(2);

/// One publisher's clock against ours.
#[derive(Debug, Default)]
pub(super) struct CaptureClock {
    /// A moment of theirs, and ours that it is taken for.
    tied: Option<(SystemTime, Instant)>,
}

impl CaptureClock {
    /// Ours for one of theirs, which something that arrives now tells of. Never in the future.
    pub(super) fn ours(&mut self, now: Instant, theirs: SystemTime) -> Instant {
        let (their_tie, our_tie) = *self.tied.get_or_insert((theirs, now));
        let moved = match theirs.duration_since(their_tie) {
            Ok(later) => our_tie.checked_add(later),
            Err(earlier) => our_tie.checked_sub(earlier.duration()),
        };
        match moved {
            // What is ahead of now shows that the report the clocks were tied by took longer than this.
            Some(moved) if moved > now && moved.duration_since(now) < JUMP => {
                self.tied = Some((theirs, now));
                now
            }
            Some(moved) if moved <= now && now.duration_since(moved) < JUMP => moved,
            _ => {
                self.tied = Some((theirs, now));
                now
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    #[test]
    fn two_streams_of_one_clock_stay_together_however_late_they_come() {
        #[expect(clippy::disallowed_methods, reason = "a start to count from")]
        let start = Instant::now() + Duration::from_secs(100);
        let at = |ms| start + Duration::from_millis(ms);
        let theirs = |ms| UNIX_EPOCH + Duration::from_millis(ms);
        let mut clock = CaptureClock::default();
        assert_eq!(clock.ours(at(0), theirs(5_000)), at(0));
        // Sound comes after 20 ms, the picture of the same moment after 150.
        let sound = clock.ours(at(120), theirs(5_100));
        let picture = clock.ours(at(250), theirs(5_100));
        assert_eq!((sound, picture), (at(100), at(100)));
        // A packet that was quicker than what the clocks were tied by ties them anew, and nothing is ever in the future.
        assert_eq!(clock.ours(at(190), theirs(5_200)), at(190));
        assert_eq!(clock.ours(at(300), theirs(5_300)), at(290));
        // Their clock was set back by an hour.
        assert_eq!(clock.ours(at(400), theirs(1_000)), at(400));
        assert_eq!(clock.ours(at(520), theirs(1_100)), at(500));
    }
}
