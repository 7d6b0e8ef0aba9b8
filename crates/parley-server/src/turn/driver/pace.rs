//! When a thread has much to do, it lets packets gather for a moment before it looks again: then many leave by one call, and
//! each costs less. Without it, paced calls are relayed at the same cost as by any other server.
//! Sans-IO: the thread says what it did, and is told how long to wait.

use super::super::moment::Moment;
use std::time::Duration;

/// How long packets may gather: nobody hears or sees a millisecond.
const GATHER: Duration = Duration::from_millis(1);
/// Fewer than so many a second leave at once: there is time enough for each.
const BUSY_PER_S: u64 = 4000;
/// Over which the rate is measured.
const WINDOW_MS: u64 = 50;

/// How busy a thread is.
#[derive(Debug)]
pub(super) struct Pace {
    window_since: Moment,
    packets: u64,
    busy: bool,
}

impl Pace {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            window_since: now,
            packets: 0,
            busy: false,
        }
    }

    /// So many packets came by one look at all sockets: how long to wait before the next.
    pub(super) fn after(&mut self, now: Moment, packets: usize) -> Option<Duration> {
        self.packets += u64::try_from(packets).unwrap_or(u64::MAX);
        let passed_ms = now.ms_since(self.window_since);
        if passed_ms >= WINDOW_MS {
            self.busy = self.packets * 1000 / passed_ms >= BUSY_PER_S;
            self.packets = 0;
            self.window_since = now;
        }
        self.busy.then_some(GATHER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a thread waits after a second of `per_ms` packets a millisecond, starting with `pace`.
    fn waits(pace: &mut Pace, start: Moment, per_ms: usize) -> bool {
        (1..=1000)
            .map(|ms| pace.after(start + Duration::from_millis(ms), per_ms))
            .last()
            .flatten()
            .is_some()
    }

    #[test]
    fn only_a_busy_thread_lets_packets_gather_and_only_while_it_is() {
        let start = Moment::from_unix_ms(1_000_000);
        let mut pace = Pace::new(start);
        assert!(!waits(&mut pace, start, 3));
        let later = start + Duration::from_secs(1);
        assert!(waits(&mut pace, later, 5));
        assert!(!waits(&mut pace, later + Duration::from_secs(1), 1));
        // After a long silence one packet does not have to wait.
        let mut pace = Pace::new(start);
        assert!(waits(&mut pace, start, 5));
        assert_eq!(pace.after(start + Duration::from_secs(60), 1), None);
    }
}
