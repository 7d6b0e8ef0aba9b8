//! Peers that share no code with Parley (`tests/interop/`): a page in a real Chromium, and aiortc. Each is a program that
//! speaks the protocol from its document and prints JSON lines. So does a guest, who sits at our own page in somebody else's browser.

use super::namespaces::Namespace;
use super::programs::Program;
use super::python::Packages;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What aiortc needs, pinned so that a new release does not surprise a test run.
const AIORTC: Packages = Packages {
    folder: "aiortc",
    wanted: &["aiortc==1.16.0", "websockets", "numpy"],
    alone: false,
};

/// One such peer. Ended when dropped.
#[derive(Debug)]
pub struct Peer {
    program: Program,
}

impl Peer {
    /// A page in Chromium; `arguments` as `tests/interop/chromium.mjs` takes them.
    ///
    /// # Errors
    /// When Node, the UI's packages or Chromium are missing.
    pub fn chromium(arguments: &[&str]) -> Result<Self> {
        Self::node("chromium.mjs", arguments, None, None)
    }

    /// A guest at the real page of a server; `arguments` as `tests/interop/guest.mjs` takes them. `display` is where Firefox shows
    /// its window, if it is to have one.
    ///
    /// # Errors
    /// When Node, the UI's packages or the browser are missing.
    pub fn guest(arguments: &[&str], display: Option<&str>) -> Result<Self> {
        Self::node("guest.mjs", arguments, display, None)
    }

    /// The same, inside a namespace.
    ///
    /// # Errors
    /// As [`Peer::guest`].
    pub fn guest_in(namespace: &Namespace, arguments: &[&str]) -> Result<Self> {
        Self::node("guest.mjs", arguments, None, Some(namespace))
    }

    fn node(
        driver: &str,
        arguments: &[&str],
        display: Option<&str>,
        namespace: Option<&Namespace>,
    ) -> Result<Self> {
        ensure!(
            project_folder().join("ui/node_modules/playwright-core").is_dir(),
            "playwright-core is missing; run `npm ci` in ui/ (cargo xtask test does)"
        );
        let mut command = Command::new("node");
        command
            // Before Node 22 its own WebSocket has to be asked for; Firefox is driven through one.
            .arg("--experimental-websocket")
            .arg(project_folder().join("tests/interop").join(driver))
            .args(arguments);
        if let Some(display) = display {
            command.env("DISPLAY", display);
        }
        let mut command = match namespace {
            Some(namespace) => namespace.enter(&command),
            None => command,
        };
        let program = Program::start(driver, &mut command).context("is Node installed?")?;
        Ok(Self { program })
    }

    /// aiortc; `arguments` as `tests/interop/aiortc_peer.py` takes them. The first time it is installed, below `target/`.
    ///
    /// # Errors
    /// When Python or its packages are missing.
    pub fn aiortc(arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(AIORTC.python()?);
        command
            .arg(project_folder().join("tests/interop/aiortc_peer.py"))
            .args(arguments);
        let program = Program::start("aiortc_peer.py", &mut command)?;
        Ok(Self { program })
    }

    /// Installs aiortc when it is not there: minutes on a busy machine, so to be done before anybody waits for it.
    ///
    /// # Errors
    /// When Python or its packages are missing.
    pub fn install_aiortc() -> Result<()> {
        AIORTC.python().map(drop)
    }

    /// The link it made or joined.
    ///
    /// # Errors
    /// When it does not come within half a minute.
    pub fn link(&self) -> Result<String> {
        let event = self.event("link", Duration::from_secs(30))?;
        Ok(event["link"].as_str().context("no link in the event")?.to_owned())
    }

    /// What it measured, once it is done.
    ///
    /// # Errors
    /// When the time is over or it failed.
    pub fn report(&self, limit: Duration) -> Result<Value> {
        self.event("report", limit)
    }

    /// What it told of `event` so far, the oldest first.
    #[must_use]
    pub fn told(&self, event: &str) -> Vec<Value> {
        let lines = self.program.lines();
        let told = lines.iter().filter_map(|line| serde_json::from_str(line).ok());
        told.filter(|told: &Value| told["event"] == event).collect()
    }

    fn event(&self, name: &str, limit: Duration) -> Result<Value> {
        let events = |line: &str| serde_json::from_str::<Value>(line).ok();
        let line = self.program.wait_for_line(limit, |line| {
            events(line).is_some_and(|event| event["event"] == name || event["event"] == "failed")
        })?;
        let event = events(&line).context("an event")?;
        if event["event"] == "failed" {
            bail!(
                "the peer failed: {}\n{}",
                event["message"],
                self.program.lines().join("\n")
            );
        }
        Ok(event)
    }
}

/// The top folder of the sources.
#[must_use]
pub fn project_folder() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
