//! How many streams there are, and of whom: a source that opens many and says nothing takes only its own share.

use super::super::limit::source_prefix;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All places for streams.
#[derive(Debug)]
pub(crate) struct Places {
    max: usize,
    per_source_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_source: HashMap<IpAddr, usize>,
}

/// One stream's; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    source: IpAddr,
}

impl Places {
    pub(crate) fn new(max: usize, per_source_max: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            per_source_max,
            taken: Mutex::default(),
        })
    }

    /// A place for a stream from `source`, if there is one.
    pub(crate) fn take(self: &Arc<Self>, source: IpAddr) -> Option<Place> {
        let source = source_prefix(source);
        let mut taken = self.lock();
        let of_source = taken.by_source.get(&source).copied().unwrap_or(0);
        if taken.total >= self.max || of_source >= self.per_source_max {
            return None;
        }
        taken.total += 1;
        taken.by_source.insert(source, of_source + 1);
        Some(Place {
            places: Arc::clone(self),
            source,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn are_free(&self) -> bool {
        let taken = self.lock();
        taken.total == 0 && taken.by_source.is_empty()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.total = taken.total.saturating_sub(1);
        if let Some(count) = taken.by_source.get_mut(&self.source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.by_source.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_all_places_and_those_who_leave_make_room() {
        let places = Places::new(5, 2);
        let take = |ip: &str| places.take(ip.parse().unwrap());
        let one = [take("192.0.2.1"), take("::ffff:192.0.2.1"), take("192.0.2.1")];
        assert_eq!(one.iter().flatten().count(), 2);
        let two = [
            take("2001:db8::1"),
            take("2001:db8:0:1::2"),
            take("2001:db8:0:ff::3"),
        ];
        assert_eq!(two.iter().flatten().count(), 2, "one household");
        let three = take("192.0.2.3");
        assert!(three.is_some());
        assert!(take("192.0.2.4").is_none(), "there are no more");
        drop(two);
        assert!(take("192.0.2.4").is_some());
        drop((one, three));
        assert!(places.are_free());
    }
}
