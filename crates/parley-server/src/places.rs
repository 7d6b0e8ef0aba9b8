//! The places of signaling connections: how many there may be, and who gives way when none is free. Whoever is in a room or waits
//! before one keeps theirs; of those who are only connected, from where most of them come, whoever has been there longest goes.
//! A person joins within seconds or is connected anew without noticing; somebody who fills a server with connections pushes
//! out their own. Behind a proxy all come from one place, and the longest goes.

use crate::counters::Tally;
use crate::rooms::ClientId;
use crate::turn::source_prefix;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Who was told to go still takes memory until they are gone: so many at once for each place, and at least so many.
const LEAVING_PER_PLACE: usize = 8;
const LEAVING_MIN: usize = 8;

/// All places of a server.
#[derive(Debug)]
pub(crate) struct Places {
    max: usize,
    /// Of those who are there and those who were told to go.
    all: u32,
    free: Arc<Semaphore>,
    there: Mutex<There>,
}

#[derive(Debug, Default)]
struct There {
    /// By when they came: numbers of clients only grow.
    unjoined: BTreeMap<ClientId, Standing>,
    joined: HashMap<ClientId, Standing>,
    /// How many of those who have not joined come from each source.
    unjoined_by_source: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Standing {
    source: IpAddr,
    joined: Arc<AtomicBool>,
    /// Dropping it tells who holds the other end to go.
    _stays: oneshot::Sender<()>,
}

/// One connection's place; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    client: ClientId,
    joined: Arc<AtomicBool>,
    _permit: OwnedSemaphorePermit,
}

/// Tells that a connection has to make place for another.
#[derive(Debug)]
pub(crate) struct GiveWay(oneshot::Receiver<()>);

impl GiveWay {
    /// Returns when it has to. Not to be asked again after that.
    pub(crate) async fn wait(&mut self) {
        // Either way the other end is gone.
        let _ = (&mut self.0).await;
    }
}

impl Places {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        let max = max.clamp(1, Semaphore::MAX_PERMITS / 2);
        let all = max.saturating_add((max / LEAVING_PER_PLACE).max(LEAVING_MIN));
        let all = u32::try_from(all).unwrap_or(u32::MAX);
        Arc::new(Self {
            max,
            all,
            free: Arc::new(Semaphore::new(all as usize)),
            there: Mutex::default(),
        })
    }

    /// A place for `client` from `source`, if there is one or somebody gives way. `client` is larger than all before.
    pub(crate) fn enter(
        self: &Arc<Self>,
        client: ClientId,
        source: IpAddr,
        tally: &Tally,
    ) -> Option<(Place, GiveWay)> {
        let permit = Arc::clone(&self.free).try_acquire_owned().ok()?;
        let source = source_prefix(source);
        let (stays, goes) = oneshot::channel();
        let joined = Arc::new(AtomicBool::new(false));
        let mut there = self.lock();
        if there.unjoined.len() + there.joined.len() >= self.max {
            if !there.evict() {
                return None;
            }
            tally.unjoined_evicted.add();
        }
        let standing = Standing {
            source,
            joined: Arc::clone(&joined),
            _stays: stays,
        };
        there.put_unjoined(client, standing);
        drop(there);
        let place = Place {
            places: Arc::clone(self),
            client,
            joined,
            _permit: permit,
        };
        Some((place, GiveWay(goes)))
    }

    /// Whether a client is in a room, or waits before one, from now on.
    pub(crate) fn set_joined(&self, client: ClientId, joined: bool) {
        let mut there = self.lock();
        let standing = if joined {
            there.take_unjoined(client)
        } else {
            there.joined.remove(&client)
        };
        // Whoever was so before, or is gone.
        let Some(standing) = standing else { return };
        standing.joined.store(joined, Ordering::Relaxed);
        if joined {
            there.joined.insert(client, standing);
        } else {
            there.put_unjoined(client, standing);
        }
    }

    /// Returns once nobody is there any more, and keeps everybody out from then on.
    pub(crate) async fn empty(&self) {
        if let Ok(all) = self.free.acquire_many(self.all).await {
            all.forget();
        }
    }

    fn lock(&self) -> MutexGuard<'_, There> {
        // What is inside is right after every statement.
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Whether whoever has it is in a room, or waits before one.
    pub(crate) fn is_joined(&self) -> bool {
        self.joined.load(Ordering::Relaxed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut there = self.places.lock();
        // Whoever was evicted has left already.
        if there.joined.remove(&self.client).is_none() {
            there.take_unjoined(self.client);
        }
    }
}

impl There {
    /// Of those from where most came who have not joined, whoever came first. False when all have.
    fn evict(&mut self) -> bool {
        let most = self.unjoined_by_source.values().max();
        let first = self
            .unjoined
            .iter()
            .find(|(_, standing)| self.unjoined_by_source.get(&standing.source) == most)
            .map(|(client, _)| *client);
        first.and_then(|client| self.take_unjoined(client)).is_some()
    }

    fn put_unjoined(&mut self, client: ClientId, standing: Standing) {
        *self.unjoined_by_source.entry(standing.source).or_default() += 1;
        self.unjoined.insert(client, standing);
    }

    fn take_unjoined(&mut self, client: ClientId) -> Option<Standing> {
        let standing = self.unjoined.remove(&client)?;
        if let Some(count) = self.unjoined_by_source.get_mut(&standing.source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.unjoined_by_source.remove(&standing.source);
            }
        }
        Some(standing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn ip(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    /// A house with so many places and a door.
    struct House {
        places: Arc<Places>,
        tally: Tally,
        next: u64,
    }

    impl House {
        fn of(max: usize) -> Self {
            Self {
                places: Places::new(max),
                tally: Tally::default(),
                next: 0,
            }
        }

        fn enter(&mut self, source: IpAddr) -> Option<(Place, GiveWay)> {
            self.next += 1;
            self.places.enter(ClientId(self.next), source, &self.tally)
        }

        fn must_enter(&mut self, source: IpAddr) -> (Place, GiveWay) {
            self.enter(source).expect("there is a place")
        }
    }

    fn goes(told: &mut GiveWay) -> bool {
        told.wait().now_or_never().is_some()
    }

    #[test]
    fn who_never_joined_gives_way_and_who_did_stays() {
        let mut house = House::of(2);
        let (_joined, mut first) = house.must_enter(ip(1));
        house.places.set_joined(ClientId(1), true);
        let (idle, mut second) = house.must_enter(ip(1));
        assert!(!idle.is_joined());
        let (_third, mut third) = house.must_enter(ip(2));
        assert!(goes(&mut second) && !goes(&mut first));
        house.places.set_joined(ClientId(3), true);
        assert!(house.enter(ip(3)).is_none(), "all who are there have joined");
        assert!(!goes(&mut third));
        house.places.set_joined(ClientId(1), false);
        assert!(house.enter(ip(3)).is_some());
        assert!(goes(&mut first), "whom a host did not let in has not joined");
        assert_eq!(house.tally.snapshot().unjoined_evicted, 2);
    }

    #[test]
    fn a_flood_from_one_source_pushes_out_its_own() {
        let mut house = House::of(10);
        let (_person, mut person) = house.must_enter(ip(9));
        // They go as fast as they are told to.
        let mut flood = std::collections::VecDeque::new();
        for _ in 0..1000 {
            flood.push_back(house.must_enter(ip(1)));
            flood.retain_mut(|(_, told)| !goes(told));
        }
        assert!(
            !goes(&mut person),
            "who came before the flood, and looks at the camera"
        );
        assert_eq!(flood.len(), 9);
        drop(flood);
        let there = house.places.lock();
        assert_eq!((there.unjoined.len(), there.unjoined_by_source.len()), (1, 1));
    }

    #[test]
    fn those_who_were_told_to_go_and_do_not_are_bounded() {
        let mut house = House::of(80);
        let stubborn: Vec<_> = (0..1000).map_while(|_| house.enter(ip(1))).collect();
        assert_eq!(stubborn.len(), 80 + 10);
        assert!(house.places.empty().now_or_never().is_none());
        drop(stubborn);
        assert!(house.enter(ip(1)).is_some(), "their places are free again");
        assert!(house.places.empty().now_or_never().is_some());
    }
}
