//! The keyboard of a screen: real key events of the X server (XTEST, by `xdotool`), for the window that has the focus and for
//! whoever listens to a key everywhere.

use anyhow::{Context as _, Result, ensure};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use x11rb::protocol::xproto::{ClientMessageEvent, ConnectionExt as _, EventMask};

/// Between two keys: a person is slower, a busy machine not always faster.
const BETWEEN_MS: &str = "80";

/// A keyboard at one screen.
#[derive(Debug)]
pub struct Keyboard<'a> {
    display: &'a str,
}

impl<'a> Keyboard<'a> {
    /// The one at the screen that programs find by `display`.
    #[must_use]
    pub const fn at(display: &'a str) -> Self {
        Self { display }
    }

    /// Gives the focus to the window with this title, as a window manager would.
    ///
    /// # Errors
    /// When there is no such window.
    pub fn focus(&self, title: &str) -> Result<()> {
        let name = format!("^{title}$");
        self.xdotool(&["search", "--onlyvisible", "--name", &name, "windowfocus"])
    }

    /// Waits until a window with this title is to be seen.
    ///
    /// # Errors
    /// When none comes.
    pub fn wait_for(&self, title: &str, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        let name = format!("^{title}$");
        loop {
            match self.xdotool(&["search", "--onlyvisible", "--name", &name]) {
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
                Ok(()) => return Ok(()),
            }
        }
    }

    /// Closes the window with this title, as its frame's button would.
    ///
    /// # Errors
    /// When there is no such window.
    pub fn close(&self, title: &str) -> Result<()> {
        let name = format!("^{title}$");
        let found = self.xdotool_says(&["search", "--onlyvisible", "--name", &name])?;
        let window: u32 = found.lines().next().context("no such window")?.trim().parse()?;
        let (connection, _) = x11rb::connect(Some(self.display))?;
        let atom = |name: &str| {
            Ok::<_, anyhow::Error>(connection.intern_atom(false, name.as_bytes())?.reply()?.atom)
        };
        // ICCCM 4.2.8.1: the window is asked, and may say no.
        let asked = [atom("WM_DELETE_WINDOW")?, x11rb::CURRENT_TIME, 0, 0, 0];
        let event = ClientMessageEvent::new(32, window, atom("WM_PROTOCOLS")?, asked);
        connection
            .send_event(false, window, EventMask::NO_EVENT, event)?
            .check()?;
        Ok(())
    }

    /// Presses these one after the other (`Tab`, `ctrl+comma`).
    ///
    /// # Errors
    /// When there is no such key.
    pub fn press(&self, keys: &[&str]) -> Result<()> {
        self.xdotool(&[&["key", "--delay", BETWEEN_MS], keys].concat())
    }

    /// Presses a key, and lets go of it when what is returned is dropped.
    ///
    /// # Errors
    /// When there is no such key.
    pub fn hold(&self, key: &'a str) -> Result<HeldKey<'_>> {
        self.xdotool(&["keydown", key])?;
        Ok(HeldKey { keyboard: self, key })
    }

    fn xdotool(&self, words: &[&str]) -> Result<()> {
        self.xdotool_says(words).map(drop)
    }

    fn xdotool_says(&self, words: &[&str]) -> Result<String> {
        let output = Command::new("xdotool")
            .args(words)
            .env("DISPLAY", self.display)
            .stdin(Stdio::null())
            .output()
            .context("the program xdotool is missing (package xdotool)")?;
        ensure!(
            output.status.success(),
            "xdotool {}: {}",
            words.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// A key that is down.
#[derive(Debug)]
pub struct HeldKey<'a> {
    keyboard: &'a Keyboard<'a>,
    key: &'a str,
}

impl Drop for HeldKey<'_> {
    fn drop(&mut self) {
        let _ = self.keyboard.xdotool(&["keyup", self.key]);
    }
}
