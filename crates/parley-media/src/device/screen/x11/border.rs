//! A thin border around what is shared, so that its person sees what others see. Four windows of our own, which no click hits.
//!
//! Around a window it lies outside, and just above it in the stack: what covers the window covers the border too. Where a
//! window reaches the edge of the screen it lies inside that edge; the picture of the window never has it, being read from the
//! window's own storage. A monitor has no outside: there it is two pixels wide, and others see it. The server takes it
//! away with the connection, however the share ends.

use super::super::ScreenFault;
use super::display::{Display, lost, lost_id, refused};
use super::subject::{Look, Subject};
use std::time::{Duration, Instant};
use x11rb::connection::Connection as _;
use x11rb::protocol::shape::SK;
use x11rb::protocol::xfixes::ConnectionExt as _;
use x11rb::protocol::xproto::{
    AtomEnum, ConfigureWindowAux, ConnectionExt as _, CreateWindowAux, PropMode, StackMode, Window,
    WindowClass,
};
use x11rb::wrapper::ConnectionExt as _;

/// Pixels around a window.
const AROUND_WINDOW: i32 = 4;
/// Pixels at the edge of a monitor, which others see too.
const INSIDE_MONITOR: i32 = 2;
/// The accent of the light design (`--accent`): it stands out from black as from white.
const COLOUR: u32 = 0x002f_64e0;
/// How often the place is looked at, ...
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// ... and what lies over what, and what a window manager put around the window.
const ORDER_EVERY: Duration = Duration::from_millis(500);
/// A window manager nests windows a few deep.
const NESTED_MAX: usize = 16;

/// See the module.
#[derive(Debug)]
pub(super) struct Border {
    strips: [Window; 4],
    /// Where they are, while they are shown.
    shown: Option<[Rect; 4]>,
    look_at: Option<Instant>,
    order_at: Option<Instant>,
    /// What the window manager put around the window, or the window itself.
    outermost: Option<Window>,
}

/// A place on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rect {
    x: i32,
    y: i32,
    width: i32,
    height: i32,
}

impl Border {
    /// Makes it, not to be seen yet. None where it would catch clicks.
    pub(super) fn new(display: &Display) -> Result<Option<Self>, ScreenFault> {
        if !display.has.xfixes {
            return Ok(None);
        }
        let mut strips = [0; 4];
        for strip in &mut strips {
            *strip = make_strip(display)?;
        }
        Ok(Some(Self {
            strips,
            shown: None,
            look_at: None,
            order_at: None,
            outermost: None,
        }))
    }

    /// Puts it where the subject is now; costs nothing when it was just done.
    pub(super) fn follow(
        &mut self,
        display: &Display,
        subject: &Subject,
        look: Look,
        now: Instant,
    ) -> Result<(), ScreenFault> {
        if self.look_at.is_some_and(|due| now < due) {
            return Ok(());
        }
        self.look_at = Some(now + LOOK_EVERY);
        let order = self.order_at.is_none_or(|due| now >= due);
        if order {
            self.order_at = Some(now + ORDER_EVERY);
            self.outermost = match subject.window() {
                Some(window) => outermost(display, window)?,
                None => None,
            };
        }
        let place = match (look.region, subject.window()) {
            (None, _) => None,
            (Some(_), Some(_)) => self.around_window(display)?,
            (Some(region), None) => strips(
                Rect {
                    x: region.x.into(),
                    y: region.y.into(),
                    width: region.size.width as i32,
                    height: region.size.height as i32,
                },
                INSIDE_MONITOR,
            ),
        };
        self.put(display, place, order)
    }

    fn around_window(&self, display: &Display) -> Result<Option<[Rect; 4]>, ScreenFault> {
        let Some(outermost) = self.outermost else {
            return Ok(None);
        };
        let connection = &display.connection;
        let window = connection.get_geometry(outermost).map_err(lost)?;
        let screen = connection.get_geometry(display.root).map_err(lost)?;
        let (Some(window), Some(screen)) = (
            refused(window.reply()).map_err(lost)?,
            refused(screen.reply()).map_err(lost)?,
        ) else {
            return Ok(None);
        };
        let edges = 2 * i32::from(window.border_width);
        let ring = Rect {
            x: i32::from(window.x) - AROUND_WINDOW,
            y: i32::from(window.y) - AROUND_WINDOW,
            width: i32::from(window.width) + edges + 2 * AROUND_WINDOW,
            height: i32::from(window.height) + edges + 2 * AROUND_WINDOW,
        };
        // Without storage of its own the window's picture would have a border that lies inside.
        let ring = if display.has.composite {
            ring.within(i32::from(screen.width), i32::from(screen.height))
        } else {
            ring
        };
        Ok(strips(ring, AROUND_WINDOW))
    }

    /// Moves the strips, shows or hides them, and with `order` puts them where they belong in the stack.
    fn put(&mut self, display: &Display, place: Option<[Rect; 4]>, order: bool) -> Result<(), ScreenFault> {
        let connection = &display.connection;
        let comes = place.is_some() && self.shown.is_none();
        if let Some(place) = place.filter(|place| self.shown != Some(*place)) {
            for (strip, rect) in self.strips.iter().zip(place) {
                let there = ConfigureWindowAux::new()
                    .x(rect.x)
                    .y(rect.y)
                    .width(rect.width as u32)
                    .height(rect.height as u32);
                connection.configure_window(*strip, &there).map_err(lost)?;
            }
        }
        if place.is_some() && (order || comes) {
            self.stack(display)?;
        }
        if comes {
            for strip in self.strips {
                connection.map_window(strip).map_err(lost)?;
            }
        }
        if place.is_none() && self.shown.is_some() {
            for strip in self.strips {
                connection.unmap_window(strip).map_err(lost)?;
            }
        }
        self.shown = place;
        connection.flush().map_err(lost)
    }

    /// Just above the window, or above everything. Does nothing in the server when they are there already.
    fn stack(&self, display: &Display) -> Result<(), ScreenFault> {
        let mut beside = self.outermost;
        // Above the window each strip lies on the one before; above everything each lies under it, or they would take turns.
        let mut mode = StackMode::ABOVE;
        for strip in self.strips {
            let mut order = ConfigureWindowAux::new().stack_mode(mode);
            order.sibling = beside;
            // A sibling that just went is refused, and told as an event that nobody reads.
            display.connection.configure_window(strip, &order).map_err(lost)?;
            beside = Some(strip);
            if self.outermost.is_none() {
                mode = StackMode::BELOW;
            }
        }
        Ok(())
    }
}

impl Rect {
    /// What of it is on a screen of this size.
    fn within(self, width: i32, height: i32) -> Self {
        let (left, top) = (self.x.max(0), self.y.max(0));
        Self {
            x: left,
            y: top,
            width: (self.x + self.width).min(width) - left,
            height: (self.y + self.height).min(height) - top,
        }
    }
}

/// The four strips of a ring: above, below, left, right. None when it has no inside.
fn strips(ring: Rect, thick: i32) -> Option<[Rect; 4]> {
    let Rect { x, y, width, height } = ring;
    let inside = height - 2 * thick;
    if width <= 2 * thick || inside <= 0 {
        return None;
    }
    let strip = |x, y, width, height| Rect { x, y, width, height };
    Some([
        strip(x, y, width, thick),
        strip(x, y + height - thick, width, thick),
        strip(x, y + thick, thick, inside),
        strip(x + width - thick, y + thick, thick, inside),
    ])
}

/// A window of one colour that the window manager leaves alone and that no click hits.
fn make_strip(display: &Display) -> Result<Window, ScreenFault> {
    let connection = &display.connection;
    let strip = connection.generate_id().map_err(|error| lost_id(&error))?;
    let look = CreateWindowAux::new()
        .override_redirect(1)
        .background_pixel(COLOUR)
        .border_pixel(COLOUR);
    connection
        .create_window(
            x11rb::COPY_DEPTH_FROM_PARENT,
            strip,
            display.root,
            0,
            0,
            1,
            1,
            0,
            WindowClass::INPUT_OUTPUT,
            x11rb::COPY_FROM_PARENT,
            &look,
        )
        .map_err(lost)?;
    // Compositors draw no shadow around a panel.
    let atoms = &display.atoms;
    connection
        .change_property32(
            PropMode::REPLACE,
            strip,
            atoms._NET_WM_WINDOW_TYPE,
            AtomEnum::ATOM,
            &[atoms._NET_WM_WINDOW_TYPE_DOCK],
        )
        .map_err(lost)?;
    let nowhere = connection.generate_id().map_err(|error| lost_id(&error))?;
    connection.xfixes_create_region(nowhere, &[]).map_err(lost)?;
    connection
        .xfixes_set_window_shape_region(strip, SK::INPUT, 0, 0, nowhere)
        .map_err(lost)?;
    connection.xfixes_destroy_region(nowhere).map_err(lost)?;
    Ok(strip)
}

/// The window right below the root that has `window` in it.
fn outermost(display: &Display, window: Window) -> Result<Option<Window>, ScreenFault> {
    let mut outermost = window;
    for _ in 0..NESTED_MAX {
        let tree = display.connection.query_tree(outermost).map_err(lost)?.reply();
        let Some(tree) = refused(tree).map_err(lost)? else {
            return Ok(None);
        };
        if tree.parent == display.root || tree.parent == x11rb::NONE {
            return Ok(Some(outermost));
        }
        outermost = tree.parent;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(x: i32, y: i32, width: i32, height: i32) -> Rect {
        Rect { x, y, width, height }
    }

    #[test]
    fn four_strips_make_a_ring_without_covering_each_other() {
        let ring = rect(10, 20, 100, 60);
        let strips = strips(ring, 4).unwrap();
        let covered = |x: i32, y: i32| {
            let holds = |strip: &&Rect| {
                (strip.x..strip.x + strip.width).contains(&x)
                    && (strip.y..strip.y + strip.height).contains(&y)
            };
            strips.iter().filter(holds).count()
        };
        for x in 0..130 {
            for y in 0..100 {
                let inside = (14..106).contains(&x) && (24..76).contains(&y);
                let outside = !(10..110).contains(&x) || !(20..80).contains(&y);
                let expect = usize::from(!inside && !outside);
                assert_eq!(covered(x, y), expect, "{x}, {y}");
            }
        }
    }

    #[test]
    fn at_the_edge_of_the_screen_it_lies_inside_and_without_an_inside_there_is_none() {
        let whole = rect(-4, -4, 1008, 708);
        assert_eq!(whole.within(1000, 700), rect(0, 0, 1000, 700));
        let half_out = rect(900, 100, 400, 50);
        assert_eq!(half_out.within(1000, 700), rect(900, 100, 100, 50));
        assert_eq!(strips(rect(2000, 100, 400, 50).within(1000, 700), 4), None);
        assert_eq!(strips(rect(0, 0, 100, 8), 4), None);
    }
}
