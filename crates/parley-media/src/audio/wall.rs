//! The wall clock as the engine knows it: read once at the start, carried on by the monotonic clock, so that no correction
//! of the system's time ever jumps in the middle of a sound.

use super::{BLOCK_SAMPLES, SAMPLE_RATE};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// One moment on both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct WallAnchor {
    monotonic: Instant,
    since_epoch: Duration,
}

impl WallAnchor {
    pub(super) fn new(monotonic: Instant, wall: SystemTime) -> Self {
        Self {
            monotonic,
            since_epoch: wall.duration_since(UNIX_EPOCH).unwrap_or_default(),
        }
    }

    /// A moment on the wall clock.
    pub(super) fn wall(&self, at: Instant) -> SystemTime {
        UNIX_EPOCH + self.since_epoch(at)
    }

    /// A moment as samples since the UNIX epoch, to the nearest block.
    pub(super) fn position(&self, at: Instant) -> u64 {
        let micros = self.since_epoch(at).as_micros() + 5_000;
        u64::try_from(micros / 10_000).unwrap_or(u64::MAX / 480) * BLOCK_SAMPLES as u64
    }

    /// The next moment at or after `at` that begins a block of the wall clock.
    pub(super) fn next_block(&self, at: Instant) -> Instant {
        let past = (self.since_epoch(at).as_nanos() % 10_000_000) as u64;
        at + Duration::from_nanos((10_000_000 - past) % 10_000_000)
    }

    fn since_epoch(&self, at: Instant) -> Duration {
        match at.checked_duration_since(self.monotonic) {
            Some(later) => self.since_epoch + later,
            None => self
                .since_epoch
                .saturating_sub(self.monotonic.saturating_duration_since(at)),
        }
    }
}

const _: () = assert!(SAMPLE_RATE as usize == 100 * BLOCK_SAMPLES);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::pace::test_start;

    #[test]
    fn blocks_begin_on_whole_hundredths_of_the_wall_clocks_second() {
        let start = test_start();
        let wall = UNIX_EPOCH + Duration::from_micros(1_790_000_000_003_700);
        let anchor = WallAnchor::new(start, wall);
        let next = anchor.next_block(start);
        assert_eq!(next - start, Duration::from_micros(6_300));
        assert_eq!(anchor.position(next), 1_790_000_000 * 48_000 + 480);
        assert_eq!(anchor.next_block(next), next);
        assert_eq!(anchor.wall(next), wall + Duration::from_micros(6_300));
    }
}
