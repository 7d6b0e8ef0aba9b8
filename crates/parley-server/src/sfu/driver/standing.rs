//! Which connections of whom a thread has: whom to tell, and of what, when it fails. Owned by its worker, outside of what fails.
//!
//! Somebody may have two: one stands while the next one is being made. Deliberately absent: how they do.

use super::super::event::{Event, What};
use parley_proto::{ParticipantId, RoomId, SfuClosed};
use std::collections::{BTreeMap, BTreeSet};

/// Somebody in a room.
pub(super) type Who = (RoomId, ParticipantId);

/// See the module. Bounded by the connections that the SFU takes: of every other one it says at once that it is closed.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// No empty ones.
    numbers: BTreeMap<Who, BTreeSet<u32>>,
}

impl Standing {
    /// Somebody offers this connection, for the first time or once more.
    pub(super) fn offered(&mut self, who: Who, connection: u32) {
        let numbers = self.numbers.entry(who).or_default();
        // Of one that was replaced long ago the SFU takes no notice.
        if numbers.last().is_none_or(|newest| *newest <= connection) {
            numbers.insert(connection);
        }
    }

    /// The SFU closed it: this one and no other.
    pub(super) fn closed(&mut self, who: Who, connection: u32) {
        let Some(numbers) = self.numbers.get_mut(&who) else {
            return;
        };
        numbers.remove(&connection);
        if numbers.is_empty() {
            self.numbers.remove(&who);
        }
    }

    /// Somebody is gone, and asks for nothing more.
    pub(super) fn left(&mut self, who: Who) {
        self.numbers.remove(&who);
    }

    /// The thread failed, of that one's command if it was one's: all are over. What it failed of shall not come again at once.
    pub(super) fn lose(&mut self, cause: Option<Who>) -> Vec<Event> {
        let mut events = Vec::new();
        for ((room, participant), numbers) in std::mem::take(&mut self.numbers) {
            let newest = numbers.last().copied();
            let refused = newest.filter(|_| cause == Some((room, participant)));
            for connection in numbers {
                let reason = if refused == Some(connection) {
                    SfuClosed::Refused
                } else {
                    SfuClosed::Lost
                };
                events.push(Event {
                    room,
                    participant,
                    what: What::Closed { connection, reason },
                });
            }
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(number: u8) -> Who {
        (
            RoomId::from_bytes([1; 24]),
            ParticipantId::from_bytes([number; 16]),
        )
    }

    /// What everybody is told when the thread fails.
    fn told(standing: &mut Standing, cause: Option<Who>) -> Vec<(Who, u32, SfuClosed)> {
        let events = standing.lose(cause).into_iter();
        events
            .map(|event| match event.what {
                What::Closed { connection, reason } => ((event.room, event.participant), connection, reason),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn whose_next_connection_found_no_place_is_still_told_of_the_one_that_stood() {
        let mut standing = Standing::default();
        standing.offered(who(1), 1);
        standing.offered(who(1), 2);
        standing.closed(who(1), 2);
        standing.offered(who(2), 7);
        standing.closed(who(2), 7);
        standing.offered(who(3), 1);
        standing.left(who(3));
        assert_eq!(told(&mut standing, None), [(who(1), 1, SfuClosed::Lost)]);
        assert_eq!(told(&mut standing, None), [], "once");
    }

    #[test]
    fn whoever_made_it_fail_is_refused_what_they_offered_and_everybody_else_loses_theirs() {
        let mut standing = Standing::default();
        for (number, connection) in [(1, 4), (1, 5), (1, 3), (2, 1), (2, 1)] {
            standing.offered(who(number), connection);
        }
        assert_eq!(
            told(&mut standing, Some(who(1))),
            [
                (who(1), 4, SfuClosed::Lost),
                (who(1), 5, SfuClosed::Refused),
                (who(2), 1, SfuClosed::Lost),
            ]
        );
    }
}
