//! Sees data channels that do not go on after the path came back. Pure: what was said and what is answered come in.
//!
//! SCTP doubles its timeout with each packet sent in vain (RFC 9260, 6.3.3): after some seconds without a path it stands still
//! for as many more, then begins with one packet a round trip, and rtc-sctp 0.21.1 gives up for good, without a word, at the
//! sixth. Neither can be hurried from outside. A fresh connection is there in a fraction of a second.

use std::time::{Duration, Instant};

/// What was said before the path came back must be answered by then. An answer takes a round trip.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// One connection's data channels.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// The path carried, and does not.
    out: bool,
    connected: bool,
    watched: Option<Watched>,
}

#[derive(Debug)]
struct Watched {
    since: Instant,
    said: u64,
}

impl Backlog {
    /// The path carries, or does not; `said` bytes were handed to the library so far.
    pub(super) fn on_path(&mut self, now: Instant, carries: bool, said: u64) {
        if carries {
            if std::mem::take(&mut self.out) {
                self.watched = Some(Watched { since: now, said });
            }
            self.connected = true;
        } else if self.connected {
            self.out = true;
            self.watched = None;
        }
    }

    /// Whether it is time to look.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let due = |watched: &Watched| now.saturating_duration_since(watched.since) >= ANSWER_MAX;
        self.watched.as_ref().is_some_and(due)
    }

    /// Looks, once: so many bytes were said so far and so many of them are not answered. Gives whether it stands still.
    pub(super) fn is_stuck(&mut self, said: u64, unanswered: u64) -> bool {
        let watched = self.watched.take();
        watched.is_some_and(|watched| said.saturating_sub(unanswered) < watched.said)
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_said_before_the_path_came_back_counts_and_only_then() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut backlog = Backlog::default();
        backlog.on_path(at(0), true, 0);
        assert!(!backlog.is_due(at(60_000)), "there was no outage");
        for (said, unanswered, stuck) in [(5_000, 5_000, true), (9_000, 4_001, true), (9_000, 4_000, false)] {
            backlog.on_path(at(0), false, 5_000);
            assert!(!backlog.is_due(at(9_000)), "the path is still out");
            backlog.on_path(at(10_000), true, 5_000);
            backlog.on_path(at(10_500), true, 6_000);
            assert!(!backlog.is_due(at(11_900)));
            assert!(backlog.is_due(at(12_000)));
            assert_eq!(backlog.is_stuck(said, unanswered), stuck, "{said} {unanswered}");
            assert!(!backlog.is_due(at(60_000)), "once");
        }
        let mut silent = Backlog::default();
        silent.on_path(at(0), false, 0);
        silent.on_path(at(1), true, 0);
        assert!(!silent.is_due(at(60_000)), "it had not stood before");
    }
}
