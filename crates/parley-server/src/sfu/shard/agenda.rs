//! Which connections have something to do, without looking at each of them: one room may have hundreds.
//!
//! Owned by the SFU. Deliberately absent: the connections.

use super::super::peer::PeerAt;
use std::collections::VecDeque;
use std::time::Instant;

/// Connections by their place.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    /// When each wants to be woken.
    wakes: Vec<Option<Instant>>,
    /// Those that were given something since. One may be there twice.
    given: Vec<PeerAt>,
}

impl Agenda {
    /// That one was given something to do.
    pub(super) fn give(&mut self, at: PeerAt) {
        self.given.push(at);
    }

    /// That one wants to be woken then.
    pub(super) fn wake(&mut self, at: PeerAt, when: Instant) {
        if self.wakes.len() <= at {
            self.wakes.resize(at + 1, None);
        }
        if let Some(wake) = self.wakes.get_mut(at) {
            *wake = Some(when);
        }
    }

    /// That one is gone.
    pub(super) fn forget(&mut self, at: PeerAt) {
        if let Some(wake) = self.wakes.get_mut(at) {
            *wake = None;
        }
    }

    /// Takes those out that have something to do now, each once, to the end of `due`. Whose time it is are to say when they want to be
    /// woken again; who was only given something may.
    pub(super) fn take_due(&mut self, now: Instant, due: &mut VecDeque<PeerAt>) {
        self.given.sort_unstable();
        self.given.dedup();
        for (at, wake) in self.wakes.iter_mut().enumerate() {
            if wake.is_some_and(|wake| wake <= now) {
                *wake = None;
                if self.given.binary_search(&at).is_err() {
                    due.push_back(at);
                }
            }
        }
        due.extend(self.given.drain(..));
    }

    /// Whether that one is yet to be woken, at a time it said.
    pub(super) fn is_on(&self, at: PeerAt) -> bool {
        self.wakes.get(at).is_some_and(Option::is_some)
    }

    /// When the first one wants to be woken.
    pub(super) fn next(&self) -> Option<Instant> {
        self.wakes.iter().flatten().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn who_was_given_something_or_wants_to_be_woken_is_due_once() {
        #[expect(clippy::disallowed_methods, reason = "a start to count from")]
        let start = Instant::now();
        let ms = |ms| start + Duration::from_millis(ms);
        let mut agenda = Agenda::default();
        for (at, when) in [(3, 10), (1, 20), (0, 5)] {
            agenda.wake(at, ms(when));
        }
        assert_eq!(agenda.next(), Some(ms(5)));
        agenda.give(1);
        agenda.give(1);
        agenda.give(0);
        let mut due = VecDeque::new();
        agenda.take_due(ms(12), &mut due);
        assert_eq!(due, [3, 0, 1]);
        assert!(!agenda.is_on(0) && agenda.is_on(1), "that time is yet to come");
        due.clear();
        agenda.take_due(ms(50), &mut due);
        assert_eq!(due, [1]);
        due.clear();
        agenda.take_due(ms(50), &mut due);
        assert!(due.is_empty(), "until they say when");
        agenda.wake(1, ms(60));
        agenda.forget(1);
        assert_eq!(agenda.next(), None);
    }
}
