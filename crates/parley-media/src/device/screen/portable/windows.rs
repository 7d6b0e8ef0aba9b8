//! The pointer on Windows: its place and its picture, which is read anew when the system shows another.

#![allow(unsafe_code, reason = "the system's calls have no safe form")]

use super::super::icon::{self, Bitmap};
use super::super::pixels::Pointer;
use ::windows::Win32::Graphics::Gdi::{
    BITMAP, BITMAPINFO, BITMAPINFOHEADER, DIB_RGB_COLORS, DeleteObject, GetDC, GetDIBits, GetObjectW,
    HBITMAP, ReleaseDC,
};
use ::windows::Win32::UI::WindowsAndMessaging::{
    CURSOR_SHOWING, CURSORINFO, GetCursorInfo, GetIconInfo, HCURSOR, HICON, ICONINFO,
};

/// The largest side that a pointer's bitmaps may have; enlarged pointers have 256.
const SIDE_MAX: i32 = 1024;

/// See the module.
#[derive(Default)]
pub(super) struct PointerWatch {
    shape: Option<(HCURSOR, Pointer)>,
}

impl PointerWatch {
    /// What it looks like and where it points, on the desktop. Nothing while it is hidden.
    pub(super) fn look(&mut self, _sharpness: usize) -> Option<(&Pointer, (i32, i32))> {
        let mut now = CURSORINFO {
            cbSize: size_of::<CURSORINFO>() as u32,
            ..CURSORINFO::default()
        };
        // SAFETY: it writes one structure, whose size it is told in it.
        unsafe { GetCursorInfo(&raw mut now) }.ok()?;
        if now.flags.0 & CURSOR_SHOWING.0 == 0 {
            return None;
        }
        if self
            .shape
            .as_ref()
            .is_none_or(|(cursor, _)| *cursor != now.hCursor)
        {
            self.shape = shape(now.hCursor).map(|shape| (now.hCursor, shape));
        }
        let (_, shape) = self.shape.as_ref()?;
        Some((shape, (now.ptScreenPos.x, now.ptScreenPos.y)))
    }
}

fn shape(cursor: HCURSOR) -> Option<Pointer> {
    let mut parts = ICONINFO::default();
    // SAFETY: it writes one structure. A cursor that its owner destroyed meanwhile is refused.
    unsafe { GetIconInfo(HICON(cursor.0), &raw mut parts) }.ok()?;
    let (mask, colours) = (Part(parts.hbmMask), Part(parts.hbmColor));
    let hot = (
        i32::try_from(parts.xHotspot).ok()?,
        i32::try_from(parts.yHotspot).ok()?,
    );
    Some(icon::of_windows(colours.read().as_ref(), &mask.read()?, hot))
}

/// A bitmap that the system made for us, and none if it has no handle.
struct Part(HBITMAP);

impl Part {
    fn read(&self) -> Option<Bitmap> {
        if self.0.is_invalid() {
            return None;
        }
        let mut about = BITMAP::default();
        // SAFETY: it writes one structure, whose size it is told.
        let told = unsafe {
            GetObjectW(
                self.0.into(),
                size_of::<BITMAP>() as i32,
                Some((&raw mut about).cast()),
            )
        };
        let (width, height) = (about.bmWidth, about.bmHeight);
        if told == 0 || !(1..=SIDE_MAX).contains(&width) || !(1..=SIDE_MAX).contains(&height) {
            return None;
        }
        let mut wanted = BITMAPINFO {
            bmiHeader: BITMAPINFOHEADER {
                biSize: size_of::<BITMAPINFOHEADER>() as u32,
                biWidth: width,
                biHeight: -height, // the top row first
                biPlanes: 1,
                biBitCount: 32,
                ..BITMAPINFOHEADER::default()
            },
            ..BITMAPINFO::default()
        };
        let mut pixels = vec![0u32; width as usize * height as usize];
        // SAFETY: `pixels` has room for all rows in the form that `wanted` describes, 32 bits a pixel; the screen's context
        // is given back right away.
        let rows = unsafe {
            let screen = GetDC(None);
            let rows = GetDIBits(
                screen,
                self.0,
                0,
                height as u32,
                Some(pixels.as_mut_ptr().cast()),
                &raw mut wanted,
                DIB_RGB_COLORS,
            );
            ReleaseDC(None, screen);
            rows
        };
        (rows != 0).then_some(Bitmap {
            width: width as usize,
            pixels,
        })
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.0.is_invalid() {
            // SAFETY: the handle is ours, and nobody uses it after this. What the system says to it changes nothing.
            let _ = unsafe { DeleteObject(self.0.into()) };
        }
    }
}
