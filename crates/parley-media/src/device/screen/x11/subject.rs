//! What is captured, followed: where a monitor or a window is right now, how large, and where the pointer is.
//!
//! A window is read from its own storage (Composite), so that what covers it is never shared by accident, and looked at
//! before each picture: moved and resized windows are simply found where they are.

use super::super::ScreenFault;
use super::super::name::Name;
use super::display::{Display, lost, lost_id, refused};
use parley_proto::Resolution;
use x11rb::connection::Connection as _;
use x11rb::protocol::composite::{ConnectionExt as _, Redirect};
use x11rb::protocol::randr::{ConnectionExt as _, MonitorInfo};
use x11rb::protocol::xproto::{
    ChangeWindowAttributesAux, ConnectionExt as _, Drawable, EventMask, MapState, Pixmap, Window,
};

/// Where to read pixels now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) drawable: Drawable,
    /// The upper left corner inside the drawable.
    pub(super) x: i16,
    pub(super) y: i16,
    pub(super) size: Resolution,
}

/// One look at the subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// Nothing while a window is minimised: then the last picture stands.
    pub(super) region: Option<Region>,
    /// The pointer, counted from the region's corner.
    pub(super) pointer: (i32, i32),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Subject {
    name: Name,
    /// A monitor's place, until the server says that monitors changed.
    place: Option<(i16, i16, Resolution)>,
    /// A window's own storage, and the size for which it was named.
    storage: Option<(Pixmap, Resolution)>,
}

impl Subject {
    /// Begins to follow it.
    pub(super) fn new(display: &Display, name: Name) -> Result<Self, ScreenFault> {
        if let Name::Window(window) = name {
            let events = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
            let connection = &display.connection;
            let selected = connection
                .change_window_attributes(window, &events)
                .map_err(lost)?
                .check();
            refused(selected).map_err(lost)?.ok_or(ScreenFault::NotThere)?;
            if display.has.composite {
                let redirected = connection
                    .composite_redirect_window(window, Redirect::AUTOMATIC)
                    .map_err(lost)?
                    .check();
                refused(redirected).map_err(lost)?;
            }
        }
        Ok(Self {
            name,
            place: None,
            storage: None,
        })
    }

    /// The drawable whose changes matter.
    pub(super) const fn changing(&self, display: &Display) -> Drawable {
        match self.name {
            Name::Monitor(_) => display.root,
            Name::Window(window) => window,
        }
    }

    /// The window, if it is one.
    pub(super) const fn window(&self) -> Option<Window> {
        match self.name {
            Name::Monitor(_) => None,
            Name::Window(window) => Some(window),
        }
    }

    /// Monitors changed, or the window did: what was remembered is not true any more.
    pub(super) fn forget(&mut self, display: &Display) -> Result<(), ScreenFault> {
        self.place = None;
        if let Some((pixmap, _)) = self.storage.take() {
            display.connection.free_pixmap(pixmap).map_err(lost)?;
        }
        Ok(())
    }

    /// Looks where it is.
    pub(super) fn look(&mut self, display: &Display) -> Result<Look, ScreenFault> {
        match &self.name {
            Name::Monitor(name) => {
                let name = name.clone();
                self.look_at_monitor(display, &name)
            }
            Name::Window(window) => {
                let window = *window;
                self.look_at_window(display, window)
            }
        }
    }

    fn look_at_monitor(&mut self, display: &Display, name: &str) -> Result<Look, ScreenFault> {
        let pointer = display.connection.query_pointer(display.root).map_err(lost)?;
        let known = self.place.is_some();
        let (x, y, size) = match self.place {
            Some(place) => place,
            None => place_of(display, name)?.ok_or(ScreenFault::MonitorGone)?,
        };
        if !known {
            self.place = Some((x, y, size));
        }
        let pointer = pointer.reply().map_err(lost)?;
        Ok(Look {
            region: Some(Region {
                drawable: display.root,
                x,
                y,
                size,
            }),
            pointer: (
                i32::from(pointer.root_x) - i32::from(x),
                i32::from(pointer.root_y) - i32::from(y),
            ),
        })
    }

    fn look_at_window(&mut self, display: &Display, window: Window) -> Result<Look, ScreenFault> {
        let connection = &display.connection;
        // All three questions go in one packet.
        let geometry = connection.get_geometry(window).map_err(lost)?;
        let attributes = connection.get_window_attributes(window).map_err(lost)?;
        let pointer = connection.query_pointer(window).map_err(lost)?;
        let (Some(geometry), Some(attributes), Some(pointer)) = (
            refused(geometry.reply()).map_err(lost)?,
            refused(attributes.reply()).map_err(lost)?,
            refused(pointer.reply()).map_err(lost)?,
        ) else {
            return Err(ScreenFault::WindowClosed);
        };
        if geometry.depth != 24 && geometry.depth != 32 {
            return Err(ScreenFault::Format(geometry.depth));
        }
        let size = Resolution::new(geometry.width.into(), geometry.height.into());
        let region = if attributes.map_state == MapState::VIEWABLE {
            let border = i16::try_from(geometry.border_width).unwrap_or_default();
            self.storage(display, window, size)?
                .map(|(drawable, own)| Region {
                    drawable,
                    x: if own { border } else { 0 },
                    y: if own { border } else { 0 },
                    size,
                })
        } else {
            None
        };
        Ok(Look {
            region,
            pointer: (pointer.win_x.into(), pointer.win_y.into()),
        })
    }

    /// The drawable to read a window from, and whether it is the window's own storage. Nothing if it just went away.
    fn storage(
        &mut self,
        display: &Display,
        window: Window,
        size: Resolution,
    ) -> Result<Option<(Drawable, bool)>, ScreenFault> {
        if !display.has.composite {
            return Ok(Some((window, false)));
        }
        if let Some((pixmap, named_for)) = self.storage
            && named_for == size
        {
            return Ok(Some((pixmap, true)));
        }
        self.forget(display)?;
        let pixmap = display
            .connection
            .generate_id()
            .map_err(|error| lost_id(&error))?;
        let named = display
            .connection
            .composite_name_window_pixmap(window, pixmap)
            .map_err(lost)?
            .check();
        if refused(named).map_err(lost)?.is_none() {
            return Ok(None);
        }
        self.storage = Some((pixmap, size));
        Ok(Some((pixmap, true)))
    }
}

/// Where the monitor of that name is.
fn place_of(display: &Display, name: &str) -> Result<Option<(i16, i16, Resolution)>, ScreenFault> {
    let found = monitors(display)?
        .into_iter()
        .find(|monitor| name.is_empty() || monitor.name == name);
    Ok(found.map(|monitor| (monitor.x, monitor.y, monitor.size)))
}

/// A monitor as RandR tells it.
#[derive(Debug, Clone)]
pub(super) struct Monitor {
    pub(super) name: String,
    pub(super) x: i16,
    pub(super) y: i16,
    pub(super) size: Resolution,
    pub(super) is_primary: bool,
}

/// All monitors, the first one first. A server without RandR has one: all of its screen.
pub(super) fn monitors(display: &Display) -> Result<Vec<Monitor>, ScreenFault> {
    let connection = &display.connection;
    let mut monitors = Vec::new();
    if display.has.randr {
        let reply = connection
            .randr_get_monitors(display.root, true)
            .map_err(lost)?
            .reply()
            .map_err(lost)?;
        for monitor in reply.monitors {
            monitors.push(described(display, &monitor)?);
        }
        monitors.sort_by_key(|monitor| !monitor.is_primary);
    }
    if monitors.is_empty() {
        let whole = connection
            .get_geometry(display.root)
            .map_err(lost)?
            .reply()
            .map_err(lost)?;
        monitors.push(Monitor {
            name: "screen".into(),
            x: 0,
            y: 0,
            size: Resolution::new(whole.width.into(), whole.height.into()),
            is_primary: true,
        });
    }
    Ok(monitors)
}

fn described(display: &Display, monitor: &MonitorInfo) -> Result<Monitor, ScreenFault> {
    let name = display
        .connection
        .get_atom_name(monitor.name)
        .map_err(lost)?
        .reply()
        .map_err(lost)?;
    Ok(Monitor {
        name: String::from_utf8_lossy(&name.name).into_owned(),
        x: monitor.x,
        y: monitor.y,
        size: Resolution::new(monitor.width.into(), monitor.height.into()),
        is_primary: monitor.primary,
    })
}
