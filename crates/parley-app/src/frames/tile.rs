//! One tile of the page: a thread that takes the newest frame, makes it as large as the tile, and hands it to the socket.
//!
//! Two credits: at most two frames are on their way unacknowledged. While there is none, frames are not even scaled; the
//! slot they come from keeps the newest and counts the rest.

use super::{Lookup, Want, message};
use bytes::Bytes;
use parley_media::slot::{Slot, Taken};
use parley_media::video::VideoFrame;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// Frames on their way to the page that it did not acknowledge yet.
const CREDITS: u8 = 2;
/// How long a thread waits for a frame before it looks again whether it is still wanted.
const PATIENCE: Duration = Duration::from_millis(200);

/// A shown tile; dropping it ends its thread.
#[derive(Debug)]
pub(super) struct Tile(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    want: Want,
    credits: u8,
    closed: bool,
}

impl Tile {
    /// Begins to show `want` in `slot`.
    pub(super) fn open(
        slot: u32,
        want: Want,
        lookup: Lookup,
        out: mpsc::Sender<Bytes>,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                want,
                credits: CREDITS,
                closed: false,
            }),
            changed: Condvar::new(),
        });
        let of_thread = Arc::clone(&shared);
        std::thread::Builder::new()
            .name(format!("tile {slot}"))
            .spawn(move || run(slot, &of_thread, &lookup, &out))?;
        Ok(Self(shared))
    }

    /// Shows something else, or the same in another size.
    pub(super) fn change(&self, want: Want) {
        self.0.lock().want = want;
    }

    /// The page took a frame in.
    pub(super) fn acknowledge(&self) {
        let mut state = self.0.lock();
        // A page that acknowledges what it never got must not get more for it.
        state.credits = (state.credits + 1).min(CREDITS);
        drop(state);
        self.0.changed.notify_one();
    }
}

impl Drop for Tile {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a frame may be sent; nothing once the tile is closed.
    fn wait_for_credit(&self) -> Option<Want> {
        let state = self
            .changed
            .wait_while(self.lock(), |state| state.credits == 0 && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        (!state.closed).then(|| state.want.clone())
    }

    /// Waits a little, unless the tile is closed.
    fn pause(&self) {
        drop(
            self.changed
                .wait_timeout_while(self.lock(), PATIENCE, |state| !state.closed),
        );
    }
}

fn run(slot: u32, shared: &Shared, lookup: &Lookup, out: &mpsc::Sender<Bytes>) {
    let mut number = 0u32;
    // Kept as long as it is the wanted one: whoever holds a slot counts as looking at it.
    let mut held: Option<(String, Slot<VideoFrame>)> = None;
    while let Some(want) = shared.wait_for_credit() {
        held = held.filter(|(tile, _)| *tile == want.tile);
        if held.is_none() {
            held = lookup(&want.tile).map(|frames| (want.tile.clone(), frames));
        }
        let Some((_, frames)) = &held else {
            shared.pause();
            continue;
        };
        let frame = match frames.take(PATIENCE) {
            Taken::Value(frame) => frame,
            Taken::TimedOut => continue,
            Taken::Closed => {
                held = None;
                shared.pause();
                continue;
            }
        };
        shared.lock().credits -= 1;
        if out
            .blocking_send(message(slot, number, &frame, want.limit))
            .is_err()
        {
            return;
        }
        number = number.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::picture;
    use super::*;

    fn number_of(message: &Bytes) -> u32 {
        u32::from_le_bytes(message[12..16].try_into().unwrap())
    }

    fn width_of(message: &Bytes) -> u32 {
        u32::from_le_bytes(message[4..8].try_into().unwrap())
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "test: long enough for a frame too many")]
    fn two_frames_go_out_and_the_third_waits_for_an_acknowledgement() {
        let frames = Slot::new();
        let source = frames.clone();
        let lookup: Lookup = Arc::new(move |tile| (tile == "self").then(|| source.clone()));
        let (out, mut sent) = mpsc::channel(8);
        let tile = Tile::open(0, Want::new("self".into(), 64, 64), lookup, out).unwrap();
        for number in 0..2 {
            frames.put(picture(64, 36));
            assert_eq!(number_of(&sent.blocking_recv().unwrap()), number);
        }
        frames.put(picture(32, 18));
        frames.put(picture(16, 8));
        std::thread::sleep(Duration::from_millis(20));
        assert!(sent.try_recv().is_err(), "no credit is left");
        tile.acknowledge();
        assert_eq!(width_of(&sent.blocking_recv().unwrap()), 16, "the newest one");
        drop(tile);
        assert!(sent.blocking_recv().is_none(), "the thread ended");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "test: long enough for a frame too many")]
    fn acknowledging_what_was_never_sent_gives_no_credit() {
        let frames = Slot::new();
        let source = frames.clone();
        let (out, mut sent) = mpsc::channel(8);
        let lookup: Lookup = Arc::new(move |_| Some(source.clone()));
        let tile = Tile::open(0, Want::new("self".into(), 64, 64), lookup, out).unwrap();
        for _ in 0..300 {
            tile.acknowledge();
        }
        for _ in 0..2 {
            frames.put(picture(2, 2));
            assert!(sent.blocking_recv().is_some());
        }
        frames.put(picture(2, 2));
        std::thread::sleep(Duration::from_millis(20));
        assert!(sent.try_recv().is_err());
    }
}
