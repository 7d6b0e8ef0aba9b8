//! A place for one value where the newest wins: what stands between two threads when an old picture is worth nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One end of a slot; clones share it. Both putting and taking may be done from any thread.
#[derive(Debug)]
pub struct Slot<T>(Arc<Shared<T>>);

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    replaced: AtomicU64,
}

impl<T> std::fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot")
            .field("replaced", &self.replaced)
            .finish_non_exhaustive()
    }
}

struct State<T> {
    value: Option<T>,
    closed: bool,
    /// Whoever waits shall stop waiting, once.
    woken: bool,
}

/// What waiting for a value came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken<T> {
    /// The newest value.
    Value(T),
    /// Nothing came in time.
    TimedOut,
    /// The slot was closed and is empty.
    Closed,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State {
                value: None,
                closed: false,
                woken: false,
            }),
            changed: Condvar::new(),
            replaced: AtomicU64::new(0),
        }))
    }
}

impl<T> Slot<T> {
    /// An empty, open slot.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a value, throwing away one that nobody took (which is counted). Does nothing on a closed slot.
    pub fn put(&self, value: T) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        if state.value.replace(value).is_some() {
            self.0.replaced.fetch_add(1, Ordering::Relaxed);
        }
        drop(state);
        self.0.changed.notify_one();
    }

    /// Takes the value if there is one.
    #[must_use]
    pub fn try_take(&self) -> Option<T> {
        self.lock().value.take()
    }

    /// Waits for a value, at most for `timeout`. Blocks the thread: not for async code.
    #[must_use]
    pub fn take(&self, timeout: Duration) -> Taken<T> {
        let state = self.lock();
        let (mut state, _) = self
            .0
            .changed
            .wait_timeout_while(state, timeout, |state| {
                state.value.is_none() && !state.closed && !state.woken
            })
            .unwrap_or_else(PoisonError::into_inner);
        state.woken = false;
        match state.value.take() {
            Some(value) => Taken::Value(value),
            None if state.closed => Taken::Closed,
            None => Taken::TimedOut,
        }
    }

    /// Ends the present wait for a value, or the next one, as if its time were over.
    pub fn wake(&self) {
        self.lock().woken = true;
        self.0.changed.notify_all();
    }

    /// Closes the slot: waiting takers return, putting does nothing more.
    pub fn close(&self) {
        self.lock().closed = true;
        self.0.changed.notify_all();
    }

    /// Whether [`Slot::close`] was called.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Whether somebody else holds this slot too: a giver that finds itself alone can forget it.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// How many values were thrown away because a newer one came first.
    #[must_use]
    pub fn replaced(&self) -> u64 {
        self.0.replaced.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // A panic elsewhere cannot leave a half-written Option behind.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_can_be_woken_once_and_a_value_comes_first() {
        let slot = Slot::new();
        slot.wake();
        assert_eq!(slot.take(Duration::from_secs(60)), Taken::TimedOut);
        slot.put(1);
        slot.wake();
        assert_eq!(slot.take(Duration::from_secs(60)), Taken::Value(1));
        assert_eq!(slot.take(Duration::from_millis(1)), Taken::TimedOut);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| slot.take(Duration::from_secs(60)));
            slot.wake();
            assert_eq!(waiting.join().unwrap(), Taken::TimedOut);
        });
    }

    #[test]
    fn the_newest_value_wins_and_the_loss_is_counted() {
        let slot = Slot::new();
        slot.put(1);
        slot.put(2);
        assert_eq!(slot.take(Duration::ZERO), Taken::Value(2));
        assert_eq!(slot.replaced(), 1);
        assert_eq!(slot.take(Duration::ZERO), Taken::TimedOut);
    }

    #[test]
    fn a_giver_notices_that_it_is_alone() {
        let slot = Slot::<u8>::new();
        let taker = slot.clone();
        assert!(slot.is_shared());
        drop(taker);
        assert!(!slot.is_shared());
    }

    #[test]
    fn closing_wakes_a_waiting_taker() {
        let slot = Slot::<u8>::new();
        std::thread::scope(|scope| {
            let taker = scope.spawn(|| slot.take(Duration::from_secs(10)));
            slot.close();
            assert_eq!(taker.join().unwrap(), Taken::Closed);
        });
        slot.put(3);
        assert_eq!(slot.try_take(), None);
    }
}
