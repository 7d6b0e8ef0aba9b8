//! How a thread of this room is told to stop: a flag it can also wait on.
//!
//! Owned by whoever owns the thread; the thread holds a clone. It joins nothing by itself.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The order to stop. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Halt(Arc<(Mutex<bool>, Condvar)>);

impl Halt {
    /// Gives the order and wakes a sleeping thread.
    pub(crate) fn order(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Whether the order was given.
    pub(crate) fn is_ordered(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `timeout` or the order, whichever comes first; says whether the order was given.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        let ordered = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        *self
            .0
            .1
            .wait_timeout_while(ordered, timeout, |ordered| !*ordered)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_ends_a_long_wait() {
        let halt = Halt::default();
        assert!(!halt.wait(Duration::ZERO));
        std::thread::scope(|scope| {
            let sleeper = scope.spawn(|| halt.wait(Duration::from_secs(20)));
            halt.order();
            assert!(sleeper.join().unwrap());
        });
        assert!(halt.is_ordered());
    }
}
