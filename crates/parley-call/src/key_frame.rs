//! How a decoder's wish for a key frame reaches the peer driver: a flag that wakes, not a queue, so that ten wishes in a
//! row are one. Rate limiting is the peer driver's, which knows the round trip.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// Asks the sender of one received video track for a key frame. Clones ask the same sender. Works from any thread.
#[derive(Debug, Clone, Default)]
pub struct KeyFrameRequester {
    raised: Arc<AtomicBool>,
    wakes: Arc<Notify>,
}

impl KeyFrameRequester {
    /// A requester whose wishes nobody hears yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks. Never blocks; asking again before the wish was taken changes nothing.
    pub fn request(&self) {
        self.raised.store(true, Ordering::Release);
        self.wakes.notify_one();
    }

    /// One for another track, which wakes the same taker: [`Self::taken`] then tells whose wish it was.
    pub(crate) fn sibling(&self) -> Self {
        Self {
            raised: Arc::default(),
            wakes: Arc::clone(&self.wakes),
        }
    }

    /// Whether there was a wish since the last time; takes it.
    pub(crate) fn taken(&self) -> bool {
        self.raised.swap(false, Ordering::Acquire)
    }

    /// Waits for the next wish. For one taker only. Cancel safe.
    pub async fn requested(&self) {
        self.wakes.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn many_wishes_before_they_are_taken_are_one() {
        let requester = KeyFrameRequester::new();
        requester.request();
        requester.clone().request();
        requester.requested().await;
        let second = tokio::time::timeout(Duration::from_millis(10), requester.requested()).await;
        assert!(second.is_err());
    }

    #[tokio::test]
    async fn siblings_wake_the_same_taker_who_sees_whose_wish_it_was() {
        let first = KeyFrameRequester::new();
        let second = first.sibling();
        second.clone().request();
        first.requested().await;
        assert!(!first.taken());
        assert!(second.taken());
        assert!(!second.taken());
    }
}
