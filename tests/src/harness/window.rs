//! A person at a computer: the real window of Parley on a screen of its own, with a camera, a microphone, a speaker and a
//! home folder of its own, driven through WebKitGTK's WebDriver.

pub mod seats;
mod tiles;

use super::fake_camera::FakeCamera;
use super::keyboard::Keyboard;
use super::namespaces::Namespace;
use super::panel::Panel;
use super::programs::{Program, built_folder};
use super::sound_card::SoundCard;
use super::webdriver::{Place, Session};
use super::xvfb::Screen;
use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use std::net::{TcpListener, TcpStream};
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
    program: PathBuf,
    /// Everything that makes a program run on this person's computer.
    environment: Vec<(&'static str, String)>,
    home: TempDir,
}

/// How a window is opened, where that is not as usual.
#[derive(Debug, Default)]
pub struct Opening<'a> {
    /// The program; nothing for the one that was built.
    pub program: Option<&'a Path>,
    /// The window's size; nothing for the app's own.
    pub size: Option<(u32, u32)>,
    /// The screen's size; nothing for the window's, which has nothing around it without a window manager.
    pub screen: Option<(u32, u32)>,
    /// For the app.
    pub arguments: &'a [String],
    /// The session bus of the desktop around it; nothing for none.
    pub panel: Option<&'a Panel>,
    /// What the camera shows of the pattern; nothing for all of it.
    pub scenery: Option<&'a str>,
    /// More of the app's environment.
    pub variables: &'a [(&'static str, String)],
    /// The network it is in; nothing for the machine's own.
    pub network: Option<&'a Namespace>,
}

impl Window {
    /// Opens Parley for somebody called `name`, with a camera that can do `mode` (`640x360@30:YUYV`).
    ///
    /// # Errors
    /// When a tool is missing or the window does not come.
    pub fn open(name: &str, mode: &str) -> Result<Self> {
        Self::open_so(name, mode, &Opening::default())
    }

    /// Opens it in another way.
    ///
    /// # Errors
    /// When a tool is missing or the window does not come.
    pub fn open_so(name: &str, mode: &str, opening: &Opening<'_>) -> Result<Self> {
        let parley = match opening.program {
            Some(program) => program.to_owned(),
            None => built_folder()?.join("parley"),
        };
        ensure!(
            parley.is_file(),
            "{} was not built; run `cargo build --workspace` first",
            parley.display()
        );
        let size = opening.size.unwrap_or(SIZE);
        let (width, height) = opening.screen.unwrap_or(size);
        let screen = Screen::switch_on(width, height)?;
        let sound = SoundCard::plug_in()?;
        let camera = FakeCamera::plug_in_showing(&format!("Camera of {name}"), &[mode], opening.scenery)?;
        let home = TempDir::with_prefix("parley-home-")?;
        let mut environment = environment(&screen, home.path(), opening.panel);
        environment.extend_from_slice(opening.variables);
        let port = free_port()?;
        let mut command = Command::new("WebKitWebDriver");
        command
            .arg(format!("--port={port}"))
            .env("TAURI_AUTOMATION", "true")
            .env("TAURI_WEBVIEW_AUTOMATION", "true");
        surround(&mut command, &environment, &sound);
        if let Some(network) = opening.network {
            command = network.enter(&command);
        }
        let driver = Program::start("WebKitWebDriver", &mut camera.attach(&command))
            .context("is the package webkit2gtk-driver installed?")?;
        let place = Place {
            port,
            network: opening.network.map(|network| network.name().to_owned()),
        };
        wait_for(&place, &driver)?;
        let started = Session::start(place, &parley.display().to_string(), opening.arguments);
        let session = started.with_context(|| {
            let said = driver.lines().join("\n");
            format!("the window of {name} did not open:\n{said}")
        })?;
        let window = Self {
            session,
            driver,
            camera,
            sound,
            screen,
            name: name.to_owned(),
            program: parley,
            environment,
            home,
        };
        window.wait_for(Duration::from_secs(30), "[data-testid=home]")?;
        if size != SIZE {
            window.session.resize(size.0, size.1)?;
        }
        Ok(window)
    }

    /// Starts the same program again on this person's computer, as a click on a link in another program does.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_again(&self, arguments: &[&str]) -> Result<Program> {
        let mut command = Command::new(&self.program);
        surround(command.args(arguments), &self.environment, &self.sound);
        Program::start("a second Parley", &mut command)
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

    /// Whose it is.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
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
        self.wait(limit, &format!("return !!document.querySelector({})", json!(css)))
    }

    /// Waits until nothing that `css` finds is there any more.
    ///
    /// # Errors
    /// When the time is over.
    pub fn wait_until_gone(&self, limit: Duration, css: &str) -> Result<()> {
        self.wait(limit, &format!("return !document.querySelector({})", json!(css)))
    }

    /// Waits until these words are to be read in the window.
    ///
    /// # Errors
    /// When the time is over.
    pub fn wait_for_words(&self, limit: Duration, words: &str) -> Result<()> {
        self.wait(
            limit,
            &format!("return document.body.innerText.includes({})", json!(words)),
        )
    }

    fn wait(&self, limit: Duration, script: &str) -> Result<()> {
        let waited = self.session.wait_for(limit, script);
        waited.map(drop).with_context(|| {
            let _ = self.photograph("failed");
            format!(
                "in the window of {}; it logged:\n{}",
                self.name,
                self.last_words()
            )
        })
    }

    /// Clicks what `css` finds.
    ///
    /// # Errors
    /// When it is not there or cannot be clicked.
    pub fn click_on(&self, css: &str) -> Result<()> {
        // Controls over the picture fade; a mouse on its way there brings them back.
        self.session
            .run("document.dispatchEvent(new MouseEvent('pointermove', {bubbles: true}))")?;
        self.session
            .click(css)
            .with_context(|| format!("{css} in the window of {}", self.name))
    }

    /// Clicks the control called `testid`.
    ///
    /// # Errors
    /// When it is not there or cannot be clicked.
    pub fn click(&self, testid: &str) -> Result<()> {
        self.click_on(&format!("[data-testid={}]", json!(testid)))
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

    /// The keyboard in front of its screen.
    #[must_use]
    pub fn keyboard(&self) -> Keyboard<'_> {
        Keyboard::at(self.screen.display())
    }

    /// Where this person's settings are.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.home.path().to_owned()
    }
}

/// The screen, the home folder and the bus of one person's computer.
fn environment(screen: &Screen, home: &Path, panel: Option<&Panel>) -> Vec<(&'static str, String)> {
    let below = |name: &str| home.join(name).display().to_string();
    let mut environment = vec![
        ("DISPLAY", screen.display().to_owned()),
        ("RUST_LOG", "info".to_owned()),
        ("HOME", home.display().to_string()),
        ("XDG_CONFIG_HOME", below("config")),
        ("XDG_DATA_HOME", below("data")),
        ("XDG_CACHE_HOME", below("cache")),
    ];
    if let Some(panel) = panel {
        environment.push(("DBUS_SESSION_BUS_ADDRESS", panel.address().to_owned()));
    }
    environment
}

fn surround(command: &mut Command, environment: &[(&'static str, String)], sound: &SoundCard) {
    command
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .envs(sound.environment());
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn wait_for(place: &Place, driver: &Program) -> Result<()> {
    for _ in 0..150 {
        let listens = place.inside(|| Ok(TcpStream::connect(("127.0.0.1", place.port))?));
        if listens.is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    anyhow::bail!("WebKitWebDriver does not listen:\n{}", driver.lines().join("\n"))
}
