//! What is on its way to a client on a stream. The thread that relays puts in and never waits; the client's task takes out.

use super::super::wire::Prefix;
use super::stream::WAITING_BYTES_MAX;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Bytes for one client. When full, the newest packet is dropped.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    closed: bool,
}

impl Outbox {
    /// Puts in a whole frame. False: there is no room, it is lost. Once closed, everything is let go without complaint.
    pub(super) fn push(&self, prefix: Option<&Prefix>, payload: &[u8]) -> bool {
        let (head, padding) = prefix.map_or((&[][..], 0), |prefix| (prefix.as_bytes(), prefix.padding()));
        let mut waiting = self.lock();
        if waiting.closed {
            return true;
        }
        if waiting.bytes.len() + head.len() + payload.len() + padding > WAITING_BYTES_MAX {
            return false;
        }
        let was_empty = waiting.bytes.is_empty();
        waiting.bytes.extend_from_slice(head);
        waiting.bytes.extend_from_slice(payload);
        waiting
            .bytes
            .extend_from_slice([0; 3].get(..padding).unwrap_or_default());
        drop(waiting);
        if was_empty {
            self.filled.notify_one();
        }
        true
    }

    /// Nothing more is wanted: the task is gone, or is to go.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Waits for something, and takes all of it in exchange for an empty buffer. False: closed.
    pub(super) async fn take(&self, buffer: &mut Vec<u8>) -> bool {
        buffer.clear();
        loop {
            {
                let mut waiting = self.lock();
                if waiting.closed {
                    return false;
                }
                if !waiting.bytes.is_empty() {
                    std::mem::swap(&mut waiting.bytes, buffer);
                    return true;
                }
            }
            self.filled.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_that_does_not_read_loses_the_newest_packets() {
        let outbox = Outbox::default();
        let taken = (0..1000).filter(|_| outbox.push(None, &[1; 1000])).count();
        assert_eq!(taken, WAITING_BYTES_MAX / 1000);
        let mut bytes = Vec::new();
        assert!(outbox.take(&mut bytes).await);
        assert_eq!(bytes.len(), taken * 1000);
        assert!(outbox.push(Some(&Prefix::channel(0x4000, 1, true)), b"x"));
        assert!(outbox.take(&mut bytes).await);
        assert_eq!(bytes, b"\x40\0\0\x01x\0\0\0");
        outbox.close();
        assert!(!outbox.take(&mut bytes).await);
        assert!(
            outbox.push(None, &[1; WAITING_BYTES_MAX * 2]),
            "nobody is slow who is gone"
        );
    }
}
