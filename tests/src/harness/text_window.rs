//! A window on an X screen that shows pages of text and does what it is told: the thing that is shared in tests.
//!
//! Runs as a program of its own (`text-window`), told by lines on its standard input. It also tells the root window that it
//! exists, as a window manager would.

use super::page::page;
use super::programs::{Program, our};
use super::xvfb::Screen;
use anyhow::{Context as _, Result, bail};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ConfigureWindowAux, ConnectionExt as _, CreateGCAux, CreateWindowAux, EventMask, Gcontext,
    ImageFormat, Pixmap, PropMode, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// Different pages there are; step N shows page N modulo this.
pub const PAGES: usize = 12;
/// The window's title.
pub const TITLE: &str = "Pages of text";
/// Bytes of a picture sent at a time.
const STRIPE_BYTES: usize = 200_000;

/// The running program.
#[derive(Debug)]
pub struct TextWindow {
    program: Program,
    /// The X id, as in `window:ID`.
    pub id: String,
}

impl TextWindow {
    /// Opens it with its upper left corner at `at`.
    ///
    /// # Errors
    /// When it was not built or there is no screen.
    pub fn open(screen: &Screen, size: (u32, u32), at: (u32, u32)) -> Result<Self> {
        let mut command = our("text-window")?;
        command
            .env("DISPLAY", screen.display())
            .args([size.0, size.1, at.0, at.1].map(|number| number.to_string()));
        let program = Program::start("text-window", &mut command)?;
        let line = program.wait_for_line(Duration::from_secs(20), |line| line.starts_with("window "))?;
        let id = line.trim_start_matches("window ").to_owned();
        Ok(Self { program, id })
    }

    /// Tells it something (see [`show`]), and waits until it was done.
    ///
    /// # Errors
    /// When it ended or does not answer.
    pub fn tell(&self, words: &str) -> Result<()> {
        self.program.say(words)?;
        let done = format!("done {words}");
        self.program
            .wait_for_line(Duration::from_secs(20), |line| line == done)?;
        Ok(())
    }
}

/// The program: shows page 0, then obeys `step N`, `play FPS`, `resize W H`, `move X Y`, `hide`, `show`, `close`.
///
/// # Errors
/// When the screen goes away.
pub fn show(size: (u16, u16), at: (i16, i16), orders: &Receiver<String>, say: impl Fn(&str)) -> Result<()> {
    let mut shown = Shown::open(size, at)?;
    say(&format!("window {:x}", shown.window));
    let mut beat: Option<(Duration, Instant)> = None;
    loop {
        let patience = beat.map_or(Duration::from_millis(50), |(_, next)| {
            next.saturating_duration_since(Instant::now())
        });
        match orders.recv_timeout(patience) {
            Ok(order) => {
                let words: Vec<&str> = order.split_whitespace().collect();
                match words.as_slice() {
                    ["play", fps] => {
                        beat = Some((Duration::from_secs_f64(1.0 / fps.parse::<f64>()?), Instant::now()));
                    }
                    ["close"] => {
                        shown.close()?;
                        say("done close");
                        return Ok(());
                    }
                    other => shown.obey(other)?,
                }
                shown.settle()?;
                say(&format!("done {order}"));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        if let Some((interval, next)) = &mut beat
            && Instant::now() >= *next
        {
            *next += *interval;
            shown.step += 1;
            shown.draw()?;
        }
        shown.repaint()?;
    }
}

struct Shown {
    connection: RustConnection,
    root: Window,
    window: Window,
    context: Gcontext,
    pages: Vec<Pixmap>,
    size: (u16, u16),
    step: usize,
}

impl Shown {
    fn open(size: (u16, u16), at: (i16, i16)) -> Result<Self> {
        let (connection, screen) = x11rb::connect(None)?;
        let root = connection.setup().roots.get(screen).context("no screen")?.root;
        let (window, context) = (connection.generate_id()?, connection.generate_id()?);
        let wishes = CreateWindowAux::new().event_mask(EventMask::EXPOSURE);
        connection.create_window(
            24,
            window,
            root,
            at.0,
            at.1,
            size.0,
            size.1,
            0,
            WindowClass::INPUT_OUTPUT,
            0,
            &wishes,
        )?;
        connection.create_gc(context, window, &CreateGCAux::new().graphics_exposures(0))?;
        connection.change_property8(
            PropMode::REPLACE,
            window,
            AtomEnum::WM_NAME,
            AtomEnum::STRING,
            TITLE.as_bytes(),
        )?;
        let list = connection.intern_atom(false, b"_NET_CLIENT_LIST")?.reply()?.atom;
        connection.change_property32(PropMode::REPLACE, root, list, AtomEnum::WINDOW, &[window])?;
        connection.map_window(window)?;
        let mut shown = Self {
            connection,
            root,
            window,
            context,
            pages: Vec::new(),
            size,
            step: 0,
        };
        shown.print_pages()?;
        shown.settle()?;
        Ok(shown)
    }

    fn obey(&mut self, words: &[&str]) -> Result<()> {
        match words {
            ["step", number] => {
                self.step = number.parse()?;
                self.draw()?;
            }
            ["resize", width, height] => {
                self.size = (width.parse()?, height.parse()?);
                let size = ConfigureWindowAux::new()
                    .width(u32::from(self.size.0))
                    .height(u32::from(self.size.1));
                self.connection.configure_window(self.window, &size)?;
                self.print_pages()?;
            }
            ["move", x, y] => {
                let place = ConfigureWindowAux::new()
                    .x(x.parse::<i32>()?)
                    .y(y.parse::<i32>()?);
                self.connection.configure_window(self.window, &place)?;
            }
            ["hide"] => {
                self.connection.unmap_window(self.window)?;
            }
            ["show"] => {
                self.connection.map_window(self.window)?;
                self.draw()?;
            }
            ["pointer", x, y] => {
                self.connection
                    .warp_pointer(x11rb::NONE, self.root, 0, 0, 0, 0, x.parse()?, y.parse()?)?;
            }
            other => bail!("`{}` is no order", other.join(" ")),
        }
        Ok(())
    }

    /// Has the server hold all pages, so that showing one costs it a copy and us nothing.
    fn print_pages(&mut self) -> Result<()> {
        for old in self.pages.drain(..) {
            self.connection.free_pixmap(old)?;
        }
        let (width, height) = (usize::from(self.size.0), usize::from(self.size.1));
        let rows = (STRIPE_BYTES / (width * 4)).max(1);
        for step in 0..PAGES {
            let pixmap = self.connection.generate_id()?;
            self.connection
                .create_pixmap(24, pixmap, self.window, self.size.0, self.size.1)?;
            for (stripe, pixels) in page(width, height, step).chunks(rows * width * 4).enumerate() {
                self.connection.put_image(
                    ImageFormat::Z_PIXMAP,
                    pixmap,
                    self.context,
                    self.size.0,
                    (pixels.len() / (width * 4)) as u16,
                    0,
                    (stripe * rows) as i16,
                    0,
                    24,
                    pixels,
                )?;
            }
            self.pages.push(pixmap);
        }
        self.draw()
    }

    fn draw(&self) -> Result<()> {
        let page = *self.pages.get(self.step % PAGES).context("no pages")?;
        let (width, height) = self.size;
        self.connection
            .copy_area(page, self.window, self.context, 0, 0, 0, 0, width, height)?;
        self.connection.flush()?;
        Ok(())
    }

    fn repaint(&self) -> Result<()> {
        let mut exposed = false;
        while let Some(event) = self.connection.poll_for_event()? {
            exposed |= matches!(event, Event::Expose(_));
        }
        if exposed { self.draw() } else { Ok(()) }
    }

    /// Waits until the server did everything.
    fn settle(&self) -> Result<()> {
        self.connection.sync()?;
        self.repaint()?;
        Ok(self.connection.sync()?)
    }

    fn close(&self) -> Result<()> {
        self.connection.destroy_window(self.window)?;
        Ok(self.connection.sync()?)
    }
}
