//! One's own picture: a source while it is wanted, feeding one's own tile and, in a call, its encoders.

use super::retire;
use super::tiles::{SELF_TILE, Tiles};
use parley_media::slot::Slot;
use parley_media::video::{SourceStatus, VideoFrame, VideoInput, VideoSource};
use tokio::sync::watch;

/// The source of one's own picture, or its absence.
#[derive(Debug)]
pub(super) struct OwnPicture {
    tiles: Tiles,
    open: Option<Open>,
    /// Where pictures go besides one's own tile.
    to_encoders: Vec<Slot<VideoFrame>>,
}

#[derive(Debug)]
struct Open {
    input: VideoInput,
    source: VideoSource,
    status: watch::Receiver<SourceStatus>,
}

impl OwnPicture {
    pub(super) const fn new(tiles: Tiles) -> Self {
        Self {
            tiles,
            open: None,
            to_encoders: Vec::new(),
        }
    }

    /// Opens this input instead of what is open, unless that is the same; `None` closes.
    pub(super) fn set(&mut self, input: Option<VideoInput>) {
        if self.open.as_ref().map(|open| &open.input) == input.as_ref() {
            return;
        }
        // Stopping waits for the device.
        if let Some(open) = self.open.take() {
            retire(open.source);
        }
        let Some(input) = input else {
            self.tiles.remove(SELF_TILE);
            return;
        };
        let source = VideoSource::spawn(input.clone());
        source.feed(self.tiles.slot(SELF_TILE));
        self.to_encoders.retain(|slot| !slot.is_closed());
        for slot in &self.to_encoders {
            source.feed(slot.clone());
        }
        let status = source.status();
        self.open = Some(Open {
            input,
            source,
            status,
        });
    }

    /// A slot that gets the picture, whatever its source, until it is closed or [`OwnPicture::no_encoder`] was said.
    pub(super) fn for_encoder(&mut self) -> Slot<VideoFrame> {
        let slot = Slot::new();
        if let Some(open) = &self.open {
            open.source.feed(slot.clone());
        }
        self.to_encoders.retain(|slot| !slot.is_closed());
        self.to_encoders.push(slot.clone());
        slot
    }

    pub(super) fn no_encoder(&mut self) {
        self.to_encoders.clear();
    }

    /// What is known of the source; nothing while none is wanted.
    pub(super) fn status(&self) -> Option<SourceStatus> {
        self.open.as_ref().map(|open| open.status.borrow().clone())
    }

    /// Returns when the status changed. Cancel safe.
    pub(super) async fn changed(&mut self) {
        if let Some(open) = &mut self.open
            && open.status.changed().await.is_ok()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}

impl Drop for OwnPicture {
    fn drop(&mut self) {
        self.set(None);
    }
}
