//! Moments: the wall clock as an argument, so that tokens and timers are tested in virtual time.

use std::ops::Add;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment in milliseconds since the UNIX epoch. Within one run of a server it never goes backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// From milliseconds since the UNIX epoch.
    #[must_use]
    pub const fn from_unix_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the UNIX epoch.
    #[must_use]
    pub const fn unix_ms(self) -> u64 {
        self.0
    }

    /// Whole seconds since the UNIX epoch.
    #[must_use]
    pub const fn unix_s(self) -> u64 {
        self.0 / 1000
    }

    /// How long after `earlier` this is; zero if it is before.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;
    fn add(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)),
        )
    }
}

/// The one clock of a running server: the wall clock read once, carried on by the monotonic one.
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
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            started_at: Moment(0) + unix,
            started: Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> Moment {
        self.started_at + self.started.elapsed()
    }

    /// When `moment` comes, for a timer.
    pub(crate) fn instant(&self, moment: Moment) -> Instant {
        self.started + moment.since(self.started_at)
    }
}
