//! A screen without hardware: an X server that draws into memory.

use super::programs::Program;
use anyhow::{Context as _, Result, bail, ensure};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A screen. Gone when dropped.
#[derive(Debug)]
pub struct Screen {
    server: Program,
    display: String,
}

impl Screen {
    /// Switches a screen on, of this size in pixels.
    ///
    /// # Errors
    /// When Xvfb is missing or does not start.
    pub fn switch_on(width: u32, height: u32) -> Result<Self> {
        let mut command = Command::new("Xvfb");
        // The server finds a free display itself and tells its number on standard output once it is ready.
        command
            .args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-screen", "0"])
            .arg(format!("{width}x{height}x24"));
        let server = Program::start("Xvfb", &mut command).context("is the package xvfb installed?")?;
        let number = server.wait_for_line(Duration::from_secs(15), |line| {
            !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit())
        })?;
        Ok(Self {
            server,
            display: format!(":{number}"),
        })
    }

    /// What programs find the screen by (`DISPLAY`).
    #[must_use]
    pub fn display(&self) -> &str {
        &self.display
    }

    /// The X server's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// What was copied on this screen.
    ///
    /// # Errors
    /// When xclip is missing, or nothing was copied.
    pub fn clipboard(&self) -> Result<String> {
        let output = Command::new("xclip")
            .args(["-selection", "clipboard", "-o"])
            .env("DISPLAY", &self.display)
            .stdin(Stdio::null())
            .output()
            .context("the program xclip is missing (package xclip)")?;
        ensure!(
            output.status.success(),
            "nothing was copied: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Copies a line on this screen, as another program would; it can be pasted for as long as what comes back lives.
    ///
    /// # Errors
    /// When xclip is missing, or does not do it.
    pub fn copy(&self, line: &str) -> Result<Program> {
        let mut command = Command::new("xclip");
        command
            .args(["-selection", "clipboard", "-i", "-rmlastnl", "-quiet"])
            .env("DISPLAY", &self.display);
        let xclip = Program::start("xclip", &mut command).context("is the package xclip installed?")?;
        xclip.say(line)?;
        xclip.close_input();
        // It takes a moment until the selection is its own.
        for _ in 0..100 {
            if self.clipboard().is_ok_and(|copied| copied == line) {
                return Ok(xclip);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!(
            "the line did not get into the clipboard: {}",
            xclip.lines().join("\n")
        )
    }

    /// The colours of places on the screen now, as `0xRRGGBB`, and whether a click there would hit a window.
    ///
    /// # Errors
    /// When the screen is gone, or a place is outside it.
    #[cfg(target_os = "linux")]
    pub fn look_at(&self, places: &[(i16, i16)]) -> Result<Vec<(u32, bool)>> {
        use x11rb::connection::Connection as _;
        use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat};
        let (connection, screen) = x11rb::connect(Some(&self.display))?;
        let root = connection.setup().roots.get(screen).context("no screen")?.root;
        let look = |(x, y): (i16, i16)| -> Result<(u32, bool)> {
            let image = connection
                .get_image(ImageFormat::Z_PIXMAP, root, x, y, 1, 1, !0)?
                .reply()?;
            let hit = connection.translate_coordinates(root, root, x, y)?.reply()?.child;
            let pixel: [u8; 4] = image.data.as_slice().try_into()?;
            Ok((u32::from_le_bytes(pixel) & 0x00ff_ffff, hit != x11rb::NONE))
        };
        places.iter().copied().map(look).collect()
    }

    /// Takes a picture of the whole screen.
    ///
    /// # Errors
    /// When scrot is missing or fails.
    pub fn photograph(&self, file: &Path) -> Result<()> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let output = Command::new("scrot")
            .args(["--overwrite", "--silent"])
            .arg(file)
            .env("DISPLAY", &self.display)
            .stdin(Stdio::null())
            .output()
            .context("the program scrot is missing (package scrot)")?;
        ensure!(
            output.status.success() && file.is_file(),
            "no picture of the screen: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_can_be_pasted_and_only_on_its_own_screen() {
        let (one, other) = (
            Screen::switch_on(320, 200).unwrap(),
            Screen::switch_on(320, 200).unwrap(),
        );
        let copying = one.copy("a line").unwrap();
        assert_eq!(one.clipboard().unwrap(), "a line");
        assert!(other.clipboard().is_err());
        drop(copying);
        assert!(one.clipboard().is_err());
    }

    #[test]
    fn an_empty_screen_can_be_photographed() {
        let screen = Screen::switch_on(320, 200).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("empty.png");
        screen.photograph(&file).unwrap();
        assert!(std::fs::read(file).unwrap().starts_with(b"\x89PNG"));
    }
}
