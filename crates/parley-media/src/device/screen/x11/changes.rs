//! What changed since the last picture: damage to the subject, the pointer's shape, the subject's place.

use super::super::ScreenFault;
use super::super::pixels::Pointer;
use super::display::{Display, lost, lost_id, refused};
use super::subject::{Look, Subject};
use x11rb::NONE;
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::damage::{ConnectionExt as _, Damage, ReportLevel};
use x11rb::protocol::randr::{ConnectionExt as _, NotifyMask};
use x11rb::protocol::xfixes::{ConnectionExt as _, CursorNotifyMask, Region as Parts};
use x11rb::protocol::xproto::Rectangle;

/// See the module.
#[derive(Debug)]
pub(super) struct Changes {
    damage: Option<(Damage, Parts)>,
    /// The server told of damage that was not taken back yet.
    damaged: bool,
    /// The pointer, if it is to be seen; renewed when its shape changes.
    pointer: Option<Pointer>,
    shape_changed: bool,
    last: Option<Look>,
}

impl Changes {
    /// Begins to listen. The first look always counts as changed.
    pub(super) fn new(display: &Display, subject: &Subject, cursor: bool) -> Result<Self, ScreenFault> {
        let connection = &display.connection;
        if display.has.randr {
            let what = NotifyMask::SCREEN_CHANGE | NotifyMask::CRTC_CHANGE | NotifyMask::OUTPUT_CHANGE;
            connection.randr_select_input(display.root, what).map_err(lost)?;
        }
        let cursor = cursor && display.has.xfixes;
        if cursor {
            connection
                .xfixes_select_cursor_input(display.root, CursorNotifyMask::DISPLAY_CURSOR)
                .map_err(lost)?;
        }
        let damage = if display.has.damage {
            listen(display, subject)?
        } else {
            None
        };
        Ok(Self {
            damage,
            damaged: true,
            pointer: cursor.then(Pointer::default),
            shape_changed: cursor,
            last: None,
        })
    }

    /// Reads what the server told meanwhile.
    pub(super) fn hear(&mut self, display: &Display, subject: &mut Subject) -> Result<(), ScreenFault> {
        while let Some(event) = display.connection.poll_for_event().map_err(lost)? {
            match event {
                Event::DamageNotify(_) => self.damaged = true,
                Event::XfixesCursorNotify(_) => self.shape_changed = true,
                Event::RandrScreenChangeNotify(_)
                | Event::RandrNotify(_)
                | Event::ConfigureNotify(_)
                | Event::MapNotify(_)
                | Event::UnmapNotify(_)
                | Event::DestroyNotify(_) => subject.forget(display)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether a picture of `look` would differ from the one taken last, as far as the server tells.
    pub(super) fn since_last(&mut self, display: &Display, look: Look) -> Result<bool, ScreenFault> {
        let Some(region) = look.region else {
            return Ok(false);
        };
        let before = self.last;
        let moved = before.and_then(|last| last.region) != Some(region);
        let pointed = self.pointer.is_some() && before.is_none_or(|last| last.pointer != look.pointer);
        let damaged = match self.damage {
            Some(_) if !self.damaged => false,
            // Taken back before the picture is read, so that what changes meanwhile is told anew.
            Some((damage, parts)) => {
                self.damaged = false;
                take_back(display, damage, parts, look)?
            }
            None => true,
        };
        Ok(moved || pointed || damaged || self.shape_changed)
    }

    /// A picture of `look` was taken.
    pub(super) const fn taken(&mut self, look: Look) {
        self.last = Some(look);
    }

    /// No picture could be taken although it changed: it counts as changed the next time too.
    pub(super) const fn missed(&mut self) {
        self.last = None;
    }

    /// The pointer's picture, if it is to be seen.
    pub(super) fn pointer(&mut self, display: &Display) -> Result<Option<&Pointer>, ScreenFault> {
        if self.pointer.is_some() && std::mem::take(&mut self.shape_changed) {
            let cookie = display.connection.xfixes_get_cursor_image().map_err(lost)?;
            if let Some(image) = refused(cookie.reply()).map_err(lost)? {
                self.pointer = Some(Pointer {
                    width: image.width.into(),
                    height: image.height.into(),
                    hot: (image.xhot.into(), image.yhot.into()),
                    pixels: image.cursor_image,
                });
            }
        }
        Ok(self.pointer.as_ref())
    }
}

fn listen(display: &Display, subject: &Subject) -> Result<Option<(Damage, Parts)>, ScreenFault> {
    let connection = &display.connection;
    let damage = connection.generate_id().map_err(|error| lost_id(&error))?;
    let parts = connection.generate_id().map_err(|error| lost_id(&error))?;
    let created = connection
        .damage_create(damage, subject.changing(display), ReportLevel::NON_EMPTY)
        .map_err(lost)?
        .check();
    if refused(created).map_err(lost)?.is_none() {
        return Ok(None);
    }
    connection
        .xfixes_create_region(parts, &[])
        .map_err(lost)?
        .check()
        .map_err(lost)?;
    Ok(Some((damage, parts)))
}

/// Takes the damage back, and says whether any of it is inside the region.
fn take_back(display: &Display, damage: Damage, parts: Parts, look: Look) -> Result<bool, ScreenFault> {
    let connection = &display.connection;
    connection.damage_subtract(damage, NONE, parts).map_err(lost)?;
    let fetched = connection.xfixes_fetch_region(parts).map_err(lost)?.reply();
    let (Some(fetched), Some(region)) = (refused(fetched).map_err(lost)?, look.region) else {
        return Ok(true);
    };
    // Of a window, all damage is its own.
    let inside = region.drawable != display.root
        || overlap(
            fetched.extents,
            (region.x.into(), region.y.into()),
            (region.size.width, region.size.height),
        );
    Ok(inside)
}

fn overlap(a: Rectangle, corner: (i32, i32), size: (u32, u32)) -> bool {
    let within = |start: i16, length: u16, from: i32, long: u32| {
        i32::from(start) < from.saturating_add(long as i32) && i32::from(start) + i32::from(length) > from
    };
    within(a.x, a.width, corner.0, size.0) && within(a.y, a.height, corner.1, size.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_counts_where_it_overlaps() {
        let check = |x, y, width, height, expect| {
            let damage = Rectangle { x, y, width, height };
            assert_eq!(overlap(damage, (100, 50), (200, 100)), expect, "{damage:?}");
        };
        check(0, 0, 400, 400, true);
        check(299, 149, 1, 1, true);
        check(300, 149, 1, 1, false);
        check(0, 0, 100, 60, false);
        check(0, 0, 101, 51, true);
        check(-50, -50, 60, 60, false);
    }
}
