//! A person at a computer: the real window of Parley on a screen of its own, with a camera, a microphone, a speaker and a
//! home folder of its own, driven through WebKitGTK's WebDriver.

use super::fake_camera::FakeCamera;
use super::programs::{Program, built_folder};
use super::sound_card::SoundCard;
use super::webdriver::Session;
use super::xvfb::Screen;
use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// The window's size when nothing else is said, which is the app's own.
const SIZE: (u32, u32) = (960, 640);

/// One window and everything around it. Closed and unplugged when dropped.
#[derive(Debug)]
pub struct Window {
    // Dropped from top to bottom: the window goes before its devices do.
    session: Session,
    driver: Program,
    /// What it sees with.
    pub camera: FakeCamera,
    /// What it hears and speaks with.
    pub sound: SoundCard,
    screen: Screen,
    name: String,
    home: TempDir,
}

impl Window {
    /// Opens Parley for somebody called `name`, with a camera that can do `mode` (`640x360@30:YUYV`).
    ///
    /// # Errors
    /// When a tool is missing or the window does not come.
    pub fn open(name: &str, mode: &str) -> Result<Self> {
        Self::open_with(name, mode, SIZE, &[])
    }

    /// Opens it at another size, with arguments for the app.
    ///
    /// # Errors
    /// When a tool is missing or the window does not come.
    pub fn open_with(name: &str, mode: &str, size: (u32, u32), arguments: &[String]) -> Result<Self> {
        let parley = built_folder()?.join("parley");
        ensure!(
            parley.is_file(),
            "{} was not built; run `cargo build --workspace` first",
            parley.display()
        );
        Self::open_program(&parley, name, mode, size, arguments)
    }

    /// Opens the one that is installed on this machine as `parley`.
    ///
    /// # Errors
    /// When a tool is missing or the window does not come.
    pub fn open_installed(parley: &Path, name: &str, mode: &str) -> Result<Self> {
        Self::open_program(parley, name, mode, SIZE, &[])
    }

    fn open_program(
        parley: &Path,
        name: &str,
        mode: &str,
        size: (u32, u32),
        arguments: &[String],
    ) -> Result<Self> {
        // As large as the window, which has nothing around it without a window manager.
        let screen = Screen::switch_on(size.0, size.1)?;
        let sound = SoundCard::plug_in()?;
        let camera = FakeCamera::plug_in(&format!("Camera of {name}"), &[mode])?;
        let home = TempDir::with_prefix("parley-home-")?;
        let port = free_port()?;
        let mut command = Command::new("WebKitWebDriver");
        command
            .arg(format!("--port={port}"))
            .env("DISPLAY", screen.display())
            .env("TAURI_AUTOMATION", "true")
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .env("RUST_LOG", "info")
            .env("HOME", home.path())
            .env("XDG_CONFIG_HOME", home.path().join("config"))
            .env("XDG_DATA_HOME", home.path().join("data"))
            .env("XDG_CACHE_HOME", home.path().join("cache"))
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .envs(sound.environment());
        let driver = Program::start("WebKitWebDriver", &mut camera.attach(&command))
            .context("is the package webkit2gtk-driver installed?")?;
        wait_for_port(port, &driver)?;
        let session = Session::start(port, &parley.display().to_string(), arguments).with_context(|| {
            format!(
                "the window of {name} did not open:\n{}",
                driver.lines().join("\n")
            )
        })?;
        let window = Self {
            session,
            driver,
            camera,
            sound,
            screen,
            name: name.to_owned(),
            home,
        };
        window.wait_for(Duration::from_secs(30), "[data-testid=home]")?;
        if size != SIZE {
            window.session.resize(size.0, size.1)?;
        }
        Ok(window)
    }

    /// The page, for what the words here do not cover.
    #[must_use]
    pub const fn page(&self) -> &Session {
        &self.session
    }

    /// The root of the window's processes (the driver, the app, the web process).
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.driver.pid()
    }

    /// The screen it is on.
    #[must_use]
    pub const fn screen(&self) -> &Screen {
        &self.screen
    }

    /// Whether something that `css` finds is to be seen.
    ///
    /// # Errors
    /// When the window is gone.
    pub fn shows(&self, css: &str) -> Result<bool> {
        let found = self
            .session
            .run(&format!("return !!document.querySelector({})", json!(css)))?;
        Ok(found == true)
    }

    /// Waits until something that `css` finds is there.
    ///
    /// # Errors
    /// When the time is over; the message has what the window shows instead.
    pub fn wait_for(&self, limit: Duration, css: &str) -> Result<()> {
        self.session
            .wait_for(limit, &format!("return !!document.querySelector({})", json!(css)))
            .map(drop)
            .with_context(|| {
                format!(
                    "in the window of {}; it logged:\n{}",
                    self.name,
                    self.last_words()
                )
            })
    }

    /// Waits until nothing that `css` finds is there any more.
    ///
    /// # Errors
    /// When the time is over.
    pub fn wait_until_gone(&self, limit: Duration, css: &str) -> Result<()> {
        self.session
            .wait_for(limit, &format!("return !document.querySelector({})", json!(css)))
            .map(drop)
            .with_context(|| {
                format!(
                    "in the window of {}; it logged:\n{}",
                    self.name,
                    self.last_words()
                )
            })
    }

    /// Clicks the control called `testid`.
    ///
    /// # Errors
    /// When it is not there or cannot be clicked.
    pub fn click(&self, testid: &str) -> Result<()> {
        // Controls over the picture fade; a mouse on its way there brings them back.
        self.session
            .run("document.dispatchEvent(new MouseEvent('pointermove', {bubbles: true}))")?;
        self.session
            .click(&format!("[data-testid={}]", json!(testid)))
            .with_context(|| format!("{testid} in the window of {}", self.name))
    }

    /// Moves the mouse a little: controls over the picture fade when nobody does, and come back when somebody does.
    ///
    /// # Errors
    /// When the window is gone.
    pub fn move_pointer(&self) -> Result<()> {
        let script = "document.body.dispatchEvent(new PointerEvent('pointermove', {bubbles: true, clientX: 400, clientY: 300}))";
        self.session.run(script).map(drop)
    }

    /// Types into the field called `testid`.
    ///
    /// # Errors
    /// When it is not there.
    pub fn type_into(&self, testid: &str, text: &str) -> Result<()> {
        self.session
            .type_into(&format!("[data-testid={}]", json!(testid)), text)
            .with_context(|| format!("{testid} in the window of {}", self.name))
    }

    /// What was copied on this person's screen.
    ///
    /// # Errors
    /// When nothing was.
    pub fn copied(&self) -> Result<String> {
        self.screen.clipboard()
    }

    /// Puts `line` on this person's clipboard and pastes it into the field called `testid`, by the keyboard.
    ///
    /// # Errors
    /// When there is no such field.
    pub fn paste_into(&self, testid: &str, line: &str) -> Result<()> {
        let _copying = self.screen.copy(line)?;
        self.session
            .paste_into(&format!("[data-testid={}]", json!(testid)))
            .with_context(|| format!("{testid} in the window of {}", self.name))?;
        let value = format!("return document.querySelector('[data-testid={testid}]').value");
        self.session
            .wait_for(Duration::from_secs(10), &value)
            .map(drop)
            .context("nothing was pasted")
    }

    /// How many pictures a tile (`tile-remote`, `tile-self`) drew since it is there.
    ///
    /// # Errors
    /// When there is no such tile.
    pub fn frames_drawn(&self, tile: &str) -> Result<u64> {
        let script = format!(
            "return Number(document.querySelector('canvas[data-testid={tile}]')?.dataset.frames ?? NaN)"
        );
        let drawn = self.session.run(&script)?;
        drawn.as_f64().map(|count| count as u64).with_context(|| {
            format!(
                "there is no {tile} in the window of {}; it logged:\n{}",
                self.name,
                self.last_words()
            )
        })
    }

    /// The number in the picture a tile shows, read from its pixels.
    ///
    /// # Errors
    /// When there is no such tile.
    pub fn number_shown(&self, tile: &str) -> Result<Option<u64>> {
        let script = format!(
            "{}\nconst stamp = readStamp(document.querySelector('canvas[data-testid={tile}]'));\nreturn stamp && stamp.number",
            stamp_reader()
        );
        Ok(self.session.run(&script)?.as_u64())
    }

    /// Keeps a picture of the screen as `target/desktop/NAME.png`.
    ///
    /// # Errors
    /// When it cannot be taken.
    pub fn photograph(&self, name: &str) -> Result<PathBuf> {
        let folder = built_folder()?;
        let file = folder
            .parent()
            .unwrap_or(&folder)
            .join("desktop")
            .join(format!("{name}.png"));
        self.screen.photograph(&file)?;
        Ok(file)
    }

    /// The last lines the window's programs wrote.
    #[must_use]
    pub fn last_words(&self) -> String {
        let lines = self.driver.lines();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }

    /// From now on notes, in the page, how long after the time drawn into it each picture of a tile was drawn; gives what was
    /// noted since the first call, in ms.
    ///
    /// # Errors
    /// When there is no such tile.
    pub fn lateness(&self, tile: &str) -> Result<Vec<f64>> {
        // The tile counts a picture right after drawing it, and an observer runs before anything else does.
        let script = format!(
            "if (globalThis.late) return globalThis.late;
            {}
            const picture = document.querySelector('canvas[data-testid={tile}]');
            const late = (globalThis.late = []);
            const note = () => {{
              const drawnMs = Date.now();
              const stamp = readStamp(picture);
              if (stamp && late.length < 20000) late.push(drawnMs - stamp.clockUs / 1000);
            }};
            new MutationObserver(note).observe(picture, {{ attributeFilter: ['data-frames'] }});
            return late;",
            stamp_reader()
        );
        let noted = self.session.run(&script)?;
        let noted = noted.as_array().context("no list of times")?;
        Ok(noted.iter().filter_map(serde_json::Value::as_f64).collect())
    }

    /// Where this person's settings are.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.home.path().to_owned()
    }
}

/// The reader of picture numbers that Chromium's page uses too, as a plain script.
fn stamp_reader() -> String {
    include_str!("../../interop/page/stamp.js").replace("export function", "function")
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn wait_for_port(port: u16, program: &Program) -> Result<()> {
    for _ in 0..150 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    anyhow::bail!("WebKitWebDriver does not listen:\n{}", program.lines().join("\n"))
}
