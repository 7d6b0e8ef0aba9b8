//! Those at the door: who came and has not said yet what they want, and who speaks HTTP. When there are too many, of those from
//! where most came whoever has been there longest goes: a person is through within milliseconds, somebody who holds connections
//! open is not, and one source that floods the door only pushes itself out. Behind a proxy all come from one, and the longest goes.

use crate::counters::Tally;
use crate::turn::source_prefix;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
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
    /// By when they came.
    by_age: BTreeMap<u64, Waiting>,
    /// How many of them come from each source.
    by_source: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Waiting {
    source: IpAddr,
    /// Dropping it tells who holds the other end to go.
    _stays: oneshot::Sender<()>,
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

    /// One more, from `source`; somebody goes if they are too many.
    pub(super) fn enter(self: &Arc<Self>, source: IpAddr, tally: &Arc<Tally>) -> (Place, Evicted) {
        let source = source_prefix(source);
        let (stays, leaves) = oneshot::channel();
        let mut there = self.lock();
        let number = there.next;
        there.next += 1;
        if there.by_age.len() >= self.max {
            there.evict();
        }
        let waiting = Waiting {
            source,
            _stays: stays,
        };
        there.by_age.insert(number, waiting);
        *there.by_source.entry(source).or_default() += 1;
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

impl There {
    /// Of those from where most came, whoever came first.
    fn evict(&mut self) {
        let most = self.by_source.values().max();
        let first = self
            .by_age
            .iter()
            .find(|(_, waiting)| self.by_source.get(&waiting.source) == most)
            .map(|(number, _)| *number);
        if let Some(number) = first {
            self.leave(number);
        }
    }

    /// Whoever was evicted before has left already.
    fn leave(&mut self, number: u64) {
        let Some(waiting) = self.by_age.remove(&number) else {
            return;
        };
        if let Some(count) = self.by_source.get_mut(&waiting.source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_source.remove(&waiting.source);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut there = self.crowd.lock();
        there.leave(self.number);
        self.tally.tcp_open.set(there.by_age.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use std::net::Ipv4Addr;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn who_came_first_goes_when_there_are_too_many() {
        let (crowd, tally) = (Crowd::new(2), Arc::new(Tally::default()));
        let (_one, first) = crowd.enter(HERE, &tally);
        let (two, second) = crowd.enter(HERE, &tally);
        let (_three, third) = crowd.enter(HERE, &tally);
        assert!(first.wait().now_or_never().is_some());
        assert_eq!(tally.snapshot().tcp_open, 2);
        drop(two);
        assert_eq!(tally.snapshot().tcp_open, 1);
        let (_four, fourth) = crowd.enter(HERE, &tally);
        assert!(third.wait().now_or_never().is_none(), "there was a place again");
        assert!(fourth.wait().now_or_never().is_none());
        drop(second);
    }
    #[test]
    fn a_flood_from_one_place_pushes_out_nobody_else() {
        let (crowd, tally) = (Crowd::new(10), Arc::new(Tally::default()));
        let elsewhere = "192.0.2.9".parse().unwrap();
        let (_kept, person) = crowd.enter(elsewhere, &tally);
        // Of one household, however many addresses it has.
        let flood: Vec<_> = (0..100_u16)
            .map(|n| {
                crowd.enter(
                    std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, n % 256, 0, 0, 0, n).into(),
                    &tally,
                )
            })
            .collect();
        assert!(
            person.wait().now_or_never().is_none(),
            "who came before the flood"
        );
        assert_eq!(tally.snapshot().tcp_open, 10);
        drop(flood);
        assert_eq!(tally.snapshot().tcp_open, 1);
        assert_eq!(
            crowd.lock().by_source.len(),
            1,
            "nothing is left of those who went"
        );
    }
}
