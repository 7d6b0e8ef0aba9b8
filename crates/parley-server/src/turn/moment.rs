//! Moments as this module counts them, so that it depends on nothing around it.

use std::ops::Add;
use std::time::Duration;

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

    /// Whole seconds by the steady clock, for what only this server compares.
    pub(super) const fn steady_s(self) -> u64 {
        self.steady_ms / 1000
    }

    /// Milliseconds since `earlier` by the steady clock; zero if it is before.
    pub(super) const fn ms_since(self, earlier: Self) -> u64 {
        self.steady_ms.saturating_sub(earlier.steady_ms)
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
