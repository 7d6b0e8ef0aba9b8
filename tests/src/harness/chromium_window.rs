//! The same person at the same computer as in [`super::window`], but with a Chromium window: a screen, a camera, a
//! microphone and a speaker of its own. Told what to do in lines of JSON (`tests/interop/window_chromium.mjs`).

use super::fake_camera::FakeCamera;
use super::peers::project_folder;
use super::programs::Program;
use super::sound_card::SoundCard;
use super::xvfb::Screen;
use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Opening a browser, or a camera, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);

/// One Chromium window and everything around it. Closed and unplugged when dropped.
#[derive(Debug)]
pub struct ChromiumWindow {
    // Dropped from top to bottom: the window goes before its devices do.
    driver: Program,
    /// What it sees with.
    pub camera: FakeCamera,
    /// What it hears and speaks with.
    pub sound: SoundCard,
    screen: Screen,
    pid: u32,
    asked: AtomicU64,
}

impl ChromiumWindow {
    /// Opens the page of `tests/interop/page` for somebody called `name`, with a camera that can do `mode`
    /// (`1280x720@30:YUYV`), in a window of `size` pixels; it will send at most `kbps` of picture.
    ///
    /// # Errors
    /// When a tool is missing or the window does not come.
    pub fn open(name: &str, mode: &str, size: (u32, u32), kbps: u32) -> Result<Self> {
        let screen = Screen::switch_on(size.0, size.1)?;
        let sound = SoundCard::plug_in()?;
        let camera = FakeCamera::plug_in(&format!("Camera of {name}"), &[mode])?;
        let format = mode.split(':').next().unwrap_or(mode);
        let mut command = Command::new("node");
        command
            .arg(project_folder().join("tests/interop/window_chromium.mjs"))
            .args(["--window", &format!("{}x{}", size.0, size.1)])
            .args(["--size", format])
            .args(["--kbps", &kbps.to_string()])
            .env("DISPLAY", screen.display())
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .envs(sound.environment());
        let driver = Program::start("window_chromium.mjs", &mut camera.attach(&command))
            .context("is Node installed?")?;
        let line = driver.wait_for_line(PATIENCE, |line| {
            event(line).is_some_and(|event| event["event"] == "open" || event["event"] == "failed")
        })?;
        let opened = event(&line).context("an event")?;
        let Some(pid) = opened["pid"].as_u64() else {
            bail!("Chromium did not open: {}", opened["message"]);
        };
        Ok(Self {
            driver,
            camera,
            sound,
            screen,
            pid: u32::try_from(pid)?,
            asked: AtomicU64::new(0),
        })
    }

    /// The root of Chromium's processes.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// The screen it is on.
    #[must_use]
    pub const fn screen(&self) -> &Screen {
        &self.screen
    }

    /// Makes the page do something, and gives its answer.
    ///
    /// # Errors
    /// When it cannot, or does not answer.
    pub fn ask(&self, what: &str, mut wish: Value) -> Result<Value> {
        let id = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        wish["id"] = json!(id);
        wish["do"] = json!(what);
        self.driver.say(&wish.to_string())?;
        let line = self.driver.wait_for_line(PATIENCE, |line| {
            event(line).is_some_and(|event| event["id"] == id)
        })?;
        let answer = event(&line).context("an event")?;
        if answer["event"] == "failed" {
            bail!("Chromium could not {what}: {}", answer["message"]);
        }
        Ok(answer)
    }
}

impl Drop for ChromiumWindow {
    fn drop(&mut self) {
        // It closes the browser when its input ends; a signal could leave that behind.
        self.driver.close_input();
        let _ = self.driver.wait(Duration::from_secs(5));
    }
}

fn event(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok()
}
