//! Pixels out of the server: through shared memory, or over the connection where that is not to be had.

use super::super::ScreenFault;
use super::super::pixels::PIXEL_BYTES;
use super::display::{Display, lost, refused};
use super::segment::Segment;
use super::subject::Region;
use x11rb::protocol::shm::ConnectionExt as _;
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat};

/// All planes of a pixel.
const ALL_PLANES: u32 = !0;

/// See the module. Keeps its memory from picture to picture.
#[derive(Debug)]
pub(super) struct Grabber {
    segment: Option<Segment>,
    /// Where pixels go that came over the connection.
    plain: Vec<u8>,
    shared_memory: bool,
}

impl Grabber {
    pub(super) const fn new(display: &Display) -> Self {
        Self {
            segment: None,
            plain: Vec::new(),
            shared_memory: display.has.shm,
        }
    }

    /// The pixels of a region, tight BGRX, to be drawn on. Nothing when the region is not there any more: look again.
    pub(super) fn grab(
        &mut self,
        display: &Display,
        region: Region,
    ) -> Result<Option<&mut [u8]>, ScreenFault> {
        let needed = region.size.pixels() as usize * PIXEL_BYTES;
        let (Ok(width), Ok(height), true) = (
            u16::try_from(region.size.width),
            u16::try_from(region.size.height),
            needed > 0,
        ) else {
            return Ok(None);
        };
        self.make_room(display, needed);
        let Some(segment) = &mut self.segment else {
            let cookie = display
                .connection
                .get_image(
                    ImageFormat::Z_PIXMAP,
                    region.drawable,
                    region.x,
                    region.y,
                    width,
                    height,
                    ALL_PLANES,
                )
                .map_err(lost)?;
            let Some(image) = refused(cookie.reply()).map_err(lost)? else {
                return Ok(None);
            };
            self.plain = image.data;
            return Ok(self.plain.get_mut(..needed));
        };
        let cookie = display
            .connection
            .shm_get_image(
                region.drawable,
                region.x,
                region.y,
                width,
                height,
                ALL_PLANES,
                ImageFormat::Z_PIXMAP.into(),
                segment.id(),
                0,
            )
            .map_err(lost)?;
        if refused(cookie.reply()).map_err(lost)?.is_none() {
            return Ok(None);
        }
        Ok(segment.bytes().get_mut(..needed))
    }

    /// A segment that is large enough, if the server takes any. One that does not is never asked again.
    fn make_room(&mut self, display: &Display, needed: usize) {
        if !self.shared_memory || self.segment.as_ref().is_some_and(|own| own.len() >= needed) {
            return;
        }
        if let Some(small) = self.segment.take() {
            small.detach(&display.connection);
        }
        match Segment::new(&display.connection, needed) {
            Ok(segment) => self.segment = Some(segment),
            Err(error) => {
                tracing::info!(%error, "pictures of the screen come over the connection");
                self.shared_memory = false;
            }
        }
    }
}
