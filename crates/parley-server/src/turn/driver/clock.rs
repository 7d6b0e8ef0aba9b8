//! The clock of a running driver: the wall clock read once, carried on by the monotonic one.

use super::super::moment::Moment;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    started_at: Moment,
    started: Instant,
}

impl Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "driver: the one place where the clocks are read"
    )]
    pub(super) fn start() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            started_at: Moment::from_unix_ms(0) + unix,
            started: Instant::now(),
        }
    }

    pub(super) fn now(&self) -> Moment {
        self.started_at + self.started.elapsed()
    }

    /// How long until `moment`.
    pub(super) fn until(&self, moment: Moment) -> Duration {
        moment.since(self.now())
    }
}
