//! When something is told again: at once after a quiet time, and not again before some time has passed: the state at most
//! twenty times a second, the talk ten times, and so is what the call is asked to show. Time is an argument.

use std::time::{Duration, Instant};

/// The shortest time between two tellings of the state.
const STATE_APART: Duration = Duration::from_millis(50);
/// The same of the talk, which is longer.
const TALK_APART: Duration = Duration::from_millis(100);

/// The same of what is looked at, which the server takes ten times a second.
const LOOKS_APART: Duration = Duration::from_millis(100);

/// Whether something is to be told, and when.
#[derive(Debug)]
pub(crate) struct Pace {
    apart: Duration,
    due: Option<Instant>,
    last: Option<Instant>,
}

impl Pace {
    /// That of the state.
    pub(crate) const fn of_state() -> Self {
        Self::new(STATE_APART)
    }

    /// That of the talk.
    pub(crate) const fn of_talk() -> Self {
        Self::new(TALK_APART)
    }

    /// That of what is looked at.
    pub(crate) const fn of_looks() -> Self {
        Self::new(LOOKS_APART)
    }

    const fn new(apart: Duration) -> Self {
        Self {
            apart,
            due: None,
            last: None,
        }
    }

    /// Something changed.
    pub(crate) fn changed(&mut self, now: Instant) {
        if self.due.is_none() {
            self.due = Some(self.last.map_or(now, |last| (last + self.apart).max(now)));
        }
    }

    /// When to tell; nothing when nothing changed.
    pub(crate) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// It was told.
    pub(crate) fn told(&mut self, now: Instant) {
        self.due = None;
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_change_is_told_at_once_and_a_flood_at_its_pace() {
        flood(Pace::of_state(), 20);
        flood(Pace::of_talk(), 10);
        flood(Pace::of_looks(), 10);
    }

    #[expect(clippy::disallowed_methods, reason = "test: any moment will do as the start")]
    fn flood(mut pace: Pace, expected: u32) {
        let start = Instant::now();
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
        assert_eq!(told, expected);
        pace.told(start + Duration::from_secs(1));
        pace.changed(start + Duration::from_secs(60));
        assert_eq!(pace.due(), Some(start + Duration::from_secs(60)));
    }
}
