//! The pointer on macOS: its place. What it looks like is told to nobody, so an arrow stands for it.

use super::super::icon;
use super::super::pixels::Pointer;
use objc2_core_graphics::CGEvent;

/// See the module.
#[derive(Default)]
pub(super) struct PointerWatch {
    arrow: Option<(usize, Pointer)>,
}

impl PointerWatch {
    /// An arrow for a picture with that many pixels a point, and where it points, on the desktop.
    pub(super) fn look(&mut self, sharpness: usize) -> Option<(&Pointer, (i32, i32))> {
        // An event that nobody sent says where the pointer is now.
        let event = CGEvent::new(None)?;
        let at = CGEvent::location(Some(&event));
        if self.arrow.as_ref().is_none_or(|(drawn, _)| *drawn != sharpness) {
            self.arrow = Some((sharpness, icon::arrow(sharpness)));
        }
        let (_, arrow) = self.arrow.as_ref()?;
        Some((arrow, (at.x as i32, at.y as i32)))
    }
}
