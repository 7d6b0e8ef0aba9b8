//! How long a thread that failed rests before it begins anew: the longer, the sooner it failed again. A fault that every datagram
//! brings back shall not take a processor, and a fault that came once shall hardly be felt.

use std::time::{Duration, Instant};

/// After one failure.
const PAUSE: Duration = Duration::from_millis(20);
/// The longest.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Failures that are no further apart belong together.
const TOGETHER: Duration = Duration::from_secs(10);

/// The pauses of one thread.
#[derive(Debug, Default)]
pub(super) struct Pause {
    /// When it failed last, and how long it rested.
    last: Option<(Instant, Duration)>,
}

impl Pause {
    /// It failed: how long to rest.
    pub(super) fn after_failure(&mut self, now: Instant) -> Duration {
        let pause = match self.last {
            Some((before, pause)) if now.saturating_duration_since(before) <= TOGETHER => {
                (pause * 2).min(PAUSE_MAX)
            }
            _ => PAUSE,
        };
        self.last = Some((now, pause));
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_that_follow_each_other_are_paused_after_ever_longer_and_a_late_one_is_not() {
        #[expect(clippy::disallowed_methods, reason = "a start to count from")]
        let mut now = Instant::now();
        let mut pause = Pause::default();
        let mut rested_ms = Vec::new();
        for apart_s in [0, 1, 9, 10, 1, 1, 1, 1, 11, 1] {
            now += Duration::from_secs(apart_s);
            rested_ms.push(pause.after_failure(now).as_millis());
        }
        assert_eq!(rested_ms, [20, 40, 80, 160, 320, 640, 1_000, 1_000, 20, 40]);
    }
}
