//! The clocks of a running driver: the monotonic one, which began at what the wall clock said, and the wall clock itself.

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
        Self {
            started_at: Moment::from_unix_ms(wall_ms()),
            started: Instant::now(),
        }
    }

    pub(super) fn now(&self) -> Moment {
        (self.started_at + self.started.elapsed()).on_wall(wall_ms())
    }

    /// How long until `moment`.
    pub(super) fn until(&self, moment: Moment) -> Duration {
        moment.since(self.now())
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
