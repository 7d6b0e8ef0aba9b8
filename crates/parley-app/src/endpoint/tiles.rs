//! The pictures there are to show, by the name of their tile. Shared with whoever shows them; the lock is held for a look-up.
//!
//! Each tile has one slot that is fed and a thread that hands every picture on to all takers, each with a slot of its own
//! (pictures are shared, not copied). It also notices when nobody has taken a tile for a while: then nothing need be decoded
//! for it. A tile that nobody took yet counts as watched, for somebody may be about to.

use super::share::{CHOICE_TILE, SCREEN_TILE};
use parley_media::slot::{Slot, Taken};
use parley_media::video::VideoFrame;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The tile of one's own picture.
pub const SELF_TILE: &str = "self";
/// Takers of one tile; one more, and the oldest must go.
const TAKERS_MAX: usize = 16;
/// How long nobody must have taken a tile until it counts as unwatched: a page that is laid out anew is back sooner.
const UNWATCHED_AFTER: Duration = Duration::from_secs(1);
/// How long the thread waits for a picture before it looks who is left.
const PATIENCE: Duration = Duration::from_millis(250);

/// Slots of pictures by tile. A tile keeps its slot as long as it is there, whatever feeds it.
#[derive(Debug, Clone)]
pub struct Tiles {
    there: Arc<Mutex<BTreeMap<String, Tile>>>,
    /// Changes when somebody begins or ceases to watch a tile.
    watching: watch::Sender<()>,
}

/// One tile.
#[derive(Debug, Clone)]
struct Tile {
    fed: Slot<VideoFrame>,
    audience: Arc<Mutex<Audience>>,
}

/// Who takes a tile's pictures.
#[derive(Debug, Default)]
struct Audience {
    takers: Vec<Slot<VideoFrame>>,
    /// Since when nobody has taken it; nothing while somebody does, or nobody ever did.
    deserted: Option<Instant>,
    unwatched: bool,
    /// The last picture of a tile that may stand still, for those who come later.
    last: Option<VideoFrame>,
    stands_still: bool,
}

impl Default for Tiles {
    fn default() -> Self {
        Self {
            there: Arc::default(),
            watching: watch::Sender::new(()),
        }
    }
}

impl Tiles {
    /// The pictures of a tile from now on, for one taker: each gets a slot of its own, which is closed when the tile goes.
    /// Whoever holds one counts as watching.
    #[must_use]
    pub fn get(&self, tile: &str) -> Option<Slot<VideoFrame>> {
        let tile = lock(&self.there).get(tile)?.clone();
        let taker = Slot::new();
        if lock(&tile.audience).welcome(taker.clone()) {
            self.watching.send_replace(());
        }
        Some(taker)
    }

    /// Where to put the pictures of a tile that is there from now on.
    pub(super) fn slot(&self, tile: &str) -> Slot<VideoFrame> {
        let mut there = lock(&self.there);
        if let Some(tile) = there.get(tile) {
            return tile.fed.clone();
        }
        let new = Tile {
            fed: Slot::new(),
            audience: Arc::new(Mutex::new(Audience {
                stands_still: [SCREEN_TILE, CHOICE_TILE]
                    .iter()
                    .any(|kind| tile.starts_with(kind)),
                ..Audience::default()
            })),
        };
        let (of_thread, watching) = (new.clone(), self.watching.clone());
        let spawned = std::thread::Builder::new()
            .name("tile".into())
            .spawn(move || hand_on(&of_thread, &watching));
        if let Err(error) = spawned {
            // Seen as a tile without pictures; the call goes on.
            tracing::error!(%error, "no thread for a tile");
        }
        there.insert(tile.to_owned(), new.clone());
        new.fed
    }

    /// Takes a tile away and tells its takers.
    pub(super) fn remove(&self, tile: &str) {
        if let Some(tile) = lock(&self.there).remove(tile) {
            tile.fed.close();
            lock(&tile.audience).dismiss();
        }
    }

    /// Takes all tiles away whose names begin so.
    pub(super) fn remove_all(&self, beginning: &str) {
        let names: Vec<String> = lock(&self.there)
            .keys()
            .filter(|name| name.starts_with(beginning))
            .cloned()
            .collect();
        for name in names {
            self.remove(&name);
        }
    }

    /// Forgets what a tile showed last: whoever comes later sees only what comes later.
    pub(super) fn blank(&self, tile: &str) {
        if let Some(tile) = lock(&self.there).get(tile) {
            lock(&tile.audience).last = None;
        }
    }

    /// Whether anybody looks at a tile, or may be about to.
    pub(super) fn is_watched(&self, tile: &str) -> bool {
        lock(&self.there)
            .get(tile)
            .is_none_or(|tile| !lock(&tile.audience).unwatched)
    }

    /// Changes whenever [`Tiles::is_watched`] does for some tile.
    pub(super) fn watching(&self) -> watch::Receiver<()> {
        self.watching.subscribe()
    }
}

impl Audience {
    /// One more taker. Says whether the tile was unwatched until now.
    fn welcome(&mut self, taker: Slot<VideoFrame>) -> bool {
        if self.takers.len() >= TAKERS_MAX {
            self.takers.remove(0).close();
        }
        if let Some(last) = &self.last {
            taker.put(last.clone());
        }
        self.takers.push(taker);
        self.deserted = None;
        std::mem::take(&mut self.unwatched)
    }

    /// A picture for everyone.
    fn show(&mut self, frame: &VideoFrame) {
        if self.stands_still {
            self.last = Some(frame.clone());
        }
        for taker in &self.takers {
            taker.put(frame.clone());
        }
    }

    /// Forgets those who left. Says whether the tile has just become unwatched.
    fn count(&mut self, now: Instant) -> bool {
        let before = self.takers.len();
        self.takers.retain(Slot::is_shared);
        if before > 0 && self.takers.is_empty() {
            self.deserted = Some(now);
        }
        let long_ago = |since| now.saturating_duration_since(since) > UNWATCHED_AFTER;
        if self.unwatched || !self.deserted.is_some_and(long_ago) {
            return false;
        }
        self.unwatched = true;
        true
    }

    fn dismiss(&mut self) {
        for taker in std::mem::take(&mut self.takers) {
            taker.close();
        }
    }
}

/// The tile's thread: until the tile is taken away, or nobody can feed it any more.
#[expect(clippy::disallowed_methods, reason = "driver: since when nobody watches")]
fn hand_on(tile: &Tile, watching: &watch::Sender<()>) {
    loop {
        let taken = tile.fed.take(PATIENCE);
        let mut audience = lock(&tile.audience);
        let ceased = audience.count(Instant::now());
        match taken {
            Taken::Value(frame) => audience.show(&frame),
            Taken::TimedOut if tile.fed.is_shared() => {}
            Taken::TimedOut | Taken::Closed => {
                audience.dismiss();
                return;
            }
        }
        drop(audience);
        if ceased {
            watching.send_replace(());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_media::time::CaptureTime;
    use parley_proto::Resolution;

    const SOON: Duration = Duration::from_secs(10);

    #[expect(clippy::disallowed_methods, reason = "test: any moment will do")]
    fn now() -> Instant {
        Instant::now()
    }

    fn picture() -> VideoFrame {
        let resolution = Resolution::new(2, 2);
        let pixels = vec![90; VideoFrame::byte_len(resolution)].into();
        VideoFrame::from_i420(resolution, pixels, CaptureTime(now())).unwrap()
    }

    #[test]
    fn a_tile_keeps_its_slot_until_it_is_taken_away() {
        let tiles = Tiles::default();
        assert!(tiles.get("ada").is_none());
        let fed = tiles.slot("ada");
        let taker = tiles.get("ada").unwrap();
        tiles.slot("ada").put(picture());
        assert!(matches!(taker.take(SOON), Taken::Value(_)));
        tiles.remove("ada");
        assert!(tiles.get("ada").is_none());
        assert!(fed.is_closed() && taker.is_closed());
        assert!(!tiles.slot("ada").is_closed(), "a new one");
    }

    #[test]
    fn every_taker_sees_every_picture() {
        let tiles = Tiles::default();
        let fed = tiles.slot(SELF_TILE);
        let takers = [tiles.get(SELF_TILE).unwrap(), tiles.get(SELF_TILE).unwrap()];
        for _ in 0..5 {
            fed.put(picture());
            for taker in &takers {
                assert!(matches!(taker.take(SOON), Taken::Value(_)));
            }
        }
    }

    #[test]
    fn whoever_comes_late_sees_a_screen_that_stands_still() {
        let tiles = Tiles::default();
        let fed = [tiles.slot(SCREEN_TILE), tiles.slot("ada")];
        let first = [tiles.get(SCREEN_TILE).unwrap(), tiles.get("ada").unwrap()];
        for (fed, first) in fed.iter().zip(&first) {
            fed.put(picture());
            assert!(matches!(first.take(SOON), Taken::Value(_)));
        }
        assert!(tiles.get(SCREEN_TILE).unwrap().try_take().is_some());
        assert!(
            tiles.get("ada").unwrap().try_take().is_none(),
            "a face would be an old one"
        );
        tiles.blank(SCREEN_TILE);
        assert!(tiles.get(SCREEN_TILE).unwrap().try_take().is_none());
        tiles.remove_all("scr");
        assert!(tiles.get(SCREEN_TILE).is_none() && tiles.get("ada").is_some());
    }

    #[test]
    fn a_tile_is_unwatched_when_its_takers_are_gone_for_a_second() {
        let start = now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut audience = Audience::default();
        assert!(!audience.count(at(60_000)), "nobody came yet");
        let taker = Slot::new();
        assert!(!audience.welcome(taker.clone()));
        assert!(!audience.count(at(120_000)));
        drop(taker);
        assert!(!audience.count(at(121_000)), "it has just left");
        assert!(!audience.count(at(121_900)));
        assert!(audience.count(at(122_100)));
        assert!(!audience.count(at(122_200)), "told once");
        let back = Slot::new();
        assert!(audience.welcome(back.clone()), "and back");
        assert!(!audience.count(at(130_000)));
        assert!(back.is_shared(), "and stays");
    }

    #[test]
    fn there_is_a_bound_to_takers() {
        let tiles = Tiles::default();
        let fed = tiles.slot("ada");
        let takers: Vec<_> = (0..=TAKERS_MAX).filter_map(|_| tiles.get("ada")).collect();
        assert_eq!(takers.iter().filter(|taker| taker.is_closed()).count(), 1);
        drop(fed);
    }
}
