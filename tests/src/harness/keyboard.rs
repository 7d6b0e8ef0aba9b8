//! The keyboard of a screen: real key events of the X server (XTEST, by `xdotool`), for the window that has the focus and for
//! whoever listens to a key everywhere.

use anyhow::{Context as _, Result, ensure};
use std::process::{Command, Stdio};

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
        Ok(())
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
