//! The pictures there are to show, by the name of their tile. Shared with whoever shows them; the lock is held for a look-up.

use parley_media::slot::Slot;
use parley_media::video::VideoFrame;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The tile of one's own picture.
pub const SELF_TILE: &str = "self";

/// Slots of pictures by tile. A tile keeps its slot as long as it is there, whatever feeds it.
#[derive(Debug, Clone, Default)]
pub struct Tiles(Arc<Mutex<BTreeMap<String, Slot<VideoFrame>>>>);

impl Tiles {
    /// The pictures of a tile. For one taker at a time.
    #[must_use]
    pub fn get(&self, tile: &str) -> Option<Slot<VideoFrame>> {
        self.lock().get(tile).cloned()
    }

    /// The pictures of a tile that is there from now on.
    pub(super) fn slot(&self, tile: &str) -> Slot<VideoFrame> {
        self.lock().entry(tile.to_owned()).or_default().clone()
    }

    /// Takes a tile away and tells its taker.
    pub(super) fn remove(&self, tile: &str) {
        if let Some(slot) = self.lock().remove(tile) {
            slot.close();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Slot<VideoFrame>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_keeps_its_slot_until_it_is_taken_away() {
        let tiles = Tiles::default();
        assert!(tiles.get("ada").is_none());
        let slot = tiles.slot("ada");
        let again = tiles.slot("ada");
        again.close();
        assert!(slot.is_closed(), "both are one");
        tiles.remove("ada");
        assert!(tiles.get("ada").is_none());
        assert!(!tiles.slot("ada").is_closed(), "a new one");
    }
}
