//! Those at the door: who came and has not said yet what they want, and who speaks HTTP. When there are too many, whoever has
//! been there longest goes: a person is through within milliseconds, somebody who holds connections open is not.

use crate::counters::Tally;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// How many there may be.
#[derive(Debug)]
pub(crate) struct Crowd {
    max: usize,
    there: Mutex<There>,
}

#[derive(Debug, Default)]
struct There {
    next: u64,
    /// By when they came. Dropping the sender tells who holds the other end to go.
    by_age: BTreeMap<u64, oneshot::Sender<()>>,
}

/// One's place in the crowd; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Arc<Crowd>,
    tally: Arc<Tally>,
    number: u64,
}

/// Tells that one has to go.
#[derive(Debug)]
pub(super) struct Evicted(oneshot::Receiver<()>);

impl Evicted {
    /// Returns when one has to go.
    pub(super) async fn wait(self) {
        // Either way the other end is gone.
        let _ = self.0.await;
    }
}

impl Crowd {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            max: max.max(1),
            there: Mutex::default(),
        })
    }

    /// One more; whoever came first goes if they are too many.
    pub(super) fn enter(self: &Arc<Self>, tally: &Arc<Tally>) -> (Place, Evicted) {
        let (stays, leaves) = oneshot::channel();
        let mut there = self.lock();
        let number = there.next;
        there.next += 1;
        if there.by_age.len() >= self.max {
            there.by_age.pop_first();
        }
        there.by_age.insert(number, stays);
        tally.tcp_open.set(there.by_age.len());
        drop(there);
        let place = Place {
            crowd: Arc::clone(self),
            tally: Arc::clone(tally),
            number,
        };
        (place, Evicted(leaves))
    }

    fn lock(&self) -> MutexGuard<'_, There> {
        // What is inside is right after every statement.
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut there = self.crowd.lock();
        there.by_age.remove(&self.number);
        self.tally.tcp_open.set(there.by_age.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[test]
    fn who_came_first_goes_when_there_are_too_many() {
        let (crowd, tally) = (Crowd::new(2), Arc::new(Tally::default()));
        let (_one, first) = crowd.enter(&tally);
        let (two, second) = crowd.enter(&tally);
        let (_three, third) = crowd.enter(&tally);
        assert!(first.wait().now_or_never().is_some());
        assert_eq!(tally.snapshot().tcp_open, 2);
        drop(two);
        assert_eq!(tally.snapshot().tcp_open, 1);
        let (_four, fourth) = crowd.enter(&tally);
        assert!(third.wait().now_or_never().is_none(), "there was a place again");
        assert!(fourth.wait().now_or_never().is_none());
        drop(second);
    }
}
