//! Room in the pacer, told across tasks: while there is none the video pump takes no frames, its channel fills up, and the
//! encoder skips raw pictures. So latency stays bounded and no encoded picture is thrown away.

use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// See the module.
#[derive(Debug, Default)]
pub(in crate::peer) struct Room {
    none: AtomicBool,
    changed: Notify,
}

impl Room {
    /// Told by the pacer after each change of its queue.
    pub(super) fn set(&self, room: bool) {
        if self.none.swap(!room, Ordering::AcqRel) && room {
            self.changed.notify_waiters();
        }
    }

    /// Whether there is room now.
    pub(in crate::peer) fn is_free(&self) -> bool {
        !self.none.load(Ordering::Acquire)
    }

    /// Waits until there is room.
    pub(in crate::peer) async fn free(&self) {
        loop {
            let changed = self.changed.notified();
            if self.is_free() {
                return;
            }
            changed.await;
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    #[tokio::test]
    async fn a_waiting_pump_goes_on_when_there_is_room_again() {
        let room = Arc::new(Room::default());
        room.free().await;
        room.set(false);
        assert!(
            tokio::time::timeout(Duration::from_millis(20), room.free())
                .await
                .is_err()
        );
        let waiting = tokio::spawn({
            let room = Arc::clone(&room);
            async move { room.free().await }
        });
        tokio::task::yield_now().await;
        room.set(true);
        tokio::time::timeout(Duration::from_secs(5), waiting)
            .await
            .unwrap()
            .unwrap();
    }
}
