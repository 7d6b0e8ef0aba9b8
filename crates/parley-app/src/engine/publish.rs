//! When the state is told again: at once after a quiet time, and at most twenty times a second. Time is an argument.

use std::time::{Duration, Instant};

/// The shortest time between two tellings.
const APART: Duration = Duration::from_millis(50);

/// Whether something is to be told, and when.
#[derive(Debug, Default)]
pub(super) struct Pace {
    due: Option<Instant>,
    last: Option<Instant>,
}

impl Pace {
    /// Something changed.
    pub(super) fn changed(&mut self, now: Instant) {
        if self.due.is_none() {
            self.due = Some(self.last.map_or(now, |last| (last + APART).max(now)));
        }
    }

    /// When to tell; nothing when nothing changed.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// It was told.
    pub(super) fn told(&mut self, now: Instant) {
        self.due = None;
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "test: any moment will do as the start")]
    fn the_first_change_is_told_at_once_and_a_flood_twenty_times_a_second() {
        let start = Instant::now();
        let mut pace = Pace::default();
        assert_eq!(pace.due(), None);
        let mut told = 0;
        for ms in 0..1000 {
            let now = start + Duration::from_millis(ms);
            pace.changed(now);
            if pace.due().is_some_and(|due| due <= now) {
                pace.told(now);
                told += 1;
            }
        }
        assert_eq!(told, 20);
        pace.told(start + Duration::from_secs(1));
        pace.changed(start + Duration::from_secs(60));
        assert_eq!(pace.due(), Some(start + Duration::from_secs(60)));
    }
}
