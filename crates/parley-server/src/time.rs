//! Moments: the clocks as an argument, so that tokens and timers are tested in virtual time.

use std::ops::Add;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment, in milliseconds since the UNIX epoch, by two clocks. The steady one was set once, when the server started, and never goes
/// backwards: what lasts a while is measured and ordered by it. The wall clock is set by people and NTP, and goes on while a machine
/// sleeps: what ends at a certain time is compared by that ([`Moment::unix_s`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    steady_ms: u64,
    wall_ms: u64,
}

impl Moment {
    /// From milliseconds since the UNIX epoch, the same by both clocks.
    #[must_use]
    pub const fn from_unix_ms(ms: u64) -> Self {
        Self {
            steady_ms: ms,
            wall_ms: ms,
        }
    }

    /// The same moment with another wall clock.
    #[must_use]
    pub const fn on_wall(self, wall_ms: u64) -> Self {
        Self { wall_ms, ..self }
    }

    /// Milliseconds since the UNIX epoch, by the wall clock.
    #[must_use]
    pub const fn unix_ms(self) -> u64 {
        self.wall_ms
    }

    /// Whether the wall clock has come to this one by `now`.
    #[must_use]
    pub const fn is_past(self, now: Self) -> bool {
        self.wall_ms <= now.wall_ms
    }

    /// Whole seconds since the UNIX epoch, by the wall clock.
    #[must_use]
    pub const fn unix_s(self) -> u64 {
        self.wall_ms / 1000
    }

    /// How long after `earlier` this is, by the steady clock; zero if it is before.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.steady_ms.saturating_sub(earlier.steady_ms))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;
    fn add(self, by: Duration) -> Self {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        Self {
            steady_ms: self.steady_ms.saturating_add(ms),
            wall_ms: self.wall_ms.saturating_add(ms),
        }
    }
}

/// The clocks of a running server: the monotonic one, which began at what the wall clock said, and the wall clock itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started_at: Moment,
    started: Instant,
}

impl Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "driver: the one place where the clocks are read"
    )]
    pub(crate) fn start() -> Self {
        Self {
            started_at: Moment::from_unix_ms(wall_ms()),
            started: Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> Moment {
        (self.started_at + self.started.elapsed()).on_wall(wall_ms())
    }

    /// When `moment` comes, for a timer.
    pub(crate) fn instant(&self, moment: Moment) -> Instant {
        self.started + moment.since(self.started_at)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "driver: the one place where the clocks are read"
)]
fn wall_ms() -> u64 {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(unix.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_the_wall_clock_changes_what_time_it_is_and_not_how_long_something_took() {
        let before = Moment::from_unix_ms(1_000_000);
        let hour = Duration::from_secs(3600);
        for wall_ms in [before.unix_ms() + 3_600_000, 0] {
            let after = (before + Duration::from_secs(1)).on_wall(wall_ms);
            assert_eq!(after.unix_ms(), wall_ms);
            assert_eq!(after.since(before), Duration::from_secs(1));
            assert!(after > before && after < before + hour);
            assert_eq!((before + hour).is_past(after), wall_ms != 0);
        }
    }

    #[test]
    fn a_clock_tells_the_time_of_the_wall() {
        let clock = Clock::start();
        let now = clock.now();
        assert!(now.since(clock.started_at) < Duration::from_secs(60));
        assert!(now.unix_ms().abs_diff(wall_ms()) < 60_000);
        assert!(clock.instant(now + Duration::from_secs(5)) > clock.started);
    }
}
