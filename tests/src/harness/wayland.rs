//! A Wayland desktop without hardware, of other people's parts: sway drawing into memory, PipeWire with its session manager, and
//! the portal with sway's half of it, which shares the only output without a question. All on a session bus of its own.

use super::programs::Program;
use anyhow::{Context as _, Result, ensure};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Where sway's half of the portal finds the compositor (`tests/interop/screencopy_shim.py` tells why not directly).
const OF_PORTAL: &str = "wayland-portal";
/// What the person answers, in a file of the desktop's folder.
const ANSWER: &str = "answer";
/// Sway's half of the portal.
const PORTAL: &str = "/usr/libexec/xdg-desktop-portal-wlr";
/// The only output.
pub const OUTPUT: &str = "HEADLESS-1";
/// How long one part may take to be there.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the person answers the portal who is asked what to share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Person {
    /// The only output, without a question.
    Shares,
    /// The only output when asked, until [`Desktop::person_leaves`].
    SharesWhileThere,
    /// Nothing: the dialog is closed.
    Declines,
}

/// A desktop. Gone when dropped; the last parts first.
#[derive(Debug)]
pub struct Desktop {
    programs: Vec<Program>,
    environment: Vec<(String, String)>,
    folder: TempDir,
}

impl Drop for Desktop {
    fn drop(&mut self) {
        while let Some(program) = self.programs.pop() {
            drop(program);
        }
    }
}

impl Desktop {
    /// From now on nobody answers the dialog otherwise than by closing it.
    ///
    /// # Errors
    /// Unless somebody was there.
    pub fn person_leaves(&self) -> Result<()> {
        Ok(fs::remove_file(self.folder.path().join(ANSWER))?)
    }

    /// Switches it on with an output of this size and this person before it.
    ///
    /// # Errors
    /// When a part of it is missing or does not start.
    pub fn switch_on(width: u32, height: u32, person: Person) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        let runtime = at("run");
        fs::create_dir_all(&runtime)?;
        fs::set_permissions(&runtime, fs::Permissions::from_mode(0o700))?;
        let of_portal = at("config/xdg-desktop-portal-wlr");
        fs::create_dir_all(&of_portal)?;
        let chooser = match person {
            Person::Shares => format!("chooser_type=none\noutput_name={OUTPUT}\n"),
            Person::SharesWhileThere => {
                fs::write(at(ANSWER), format!("{OUTPUT}\n"))?;
                format!("chooser_type=simple\nchooser_cmd=cat {}\n", at(ANSWER).display())
            }
            Person::Declines => "chooser_type=simple\nchooser_cmd=false\n".to_owned(),
        };
        fs::write(of_portal.join("config"), format!("[screencast]\n{chooser}"))?;
        fs::write(
            at("sway.conf"),
            format!("output {OUTPUT} resolution {width}x{height}\nxwayland disable\n"),
        )?;
        let text = |path: PathBuf| path.display().to_string();
        let bus = runtime.join("bus");
        let environment = [
            ("XDG_RUNTIME_DIR", text(runtime.clone())),
            ("XDG_CONFIG_HOME", text(at("config"))),
            ("XDG_DATA_HOME", text(at("data"))),
            ("XDG_STATE_HOME", text(at("state"))),
            ("XDG_CURRENT_DESKTOP", "sway".to_owned()),
            ("XDG_SESSION_TYPE", "wayland".to_owned()),
            ("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", bus.display())),
        ];
        let mut desktop = Self {
            programs: Vec::new(),
            environment: environment.map(|(name, value)| (name.to_owned(), value)).into(),
            folder,
        };
        let address = format!("--address=unix:path={}", bus.display());
        desktop.start(Command::new("dbus-daemon").args(["--session", "--nofork", &address]))?;
        there(&bus)?;
        desktop.start(&mut Command::new("pipewire"))?;
        there(&runtime.join("pipewire-0"))?;
        desktop.start(&mut Command::new("wireplumber"))?;
        // It refuses to be root, and needs nothing of an ordinary person's either.
        let mut sway = Command::new("unshare");
        sway.args(["--user", "--map-user=1000", "--map-group=1000", "sway", "-c"])
            .arg(desktop.folder.path().join("sway.conf"))
            .envs([
                ("WLR_BACKENDS", "headless"),
                ("WLR_RENDERER", "pixman"),
                ("WLR_LIBINPUT_NO_DEVICES", "1"),
            ]);
        desktop.start(&mut sway)?;
        let display = "wayland-1";
        there(&runtime.join(display))?;
        desktop.start(
            Command::new("python3")
                .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/screencopy_shim.py"))
                .args([runtime.join(display), runtime.join(OF_PORTAL)]),
        )?;
        there(&runtime.join(OF_PORTAL))?;
        desktop
            .environment
            .push(("WAYLAND_DISPLAY".into(), display.into()));
        desktop.start(Command::new(PORTAL).env("WAYLAND_DISPLAY", OF_PORTAL))?;
        desktop.until_named("org.freedesktop.impl.portal.desktop.wlr")?;
        desktop.start(&mut Command::new("/usr/libexec/xdg-desktop-portal"))?;
        desktop.until_named("org.freedesktop.portal.Desktop")?;
        Ok(desktop)
    }

    /// The variables by which programs find it; there is no X beside it.
    pub fn enter(&self, command: &mut Command) {
        command
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
    }

    /// The same as a list.
    #[must_use]
    pub fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// Starts a program in it, which ends with what comes back.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(&self, command: &mut Command) -> Result<Program> {
        let own: Vec<_> = command
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
            .collect();
        self.enter(command);
        command.envs(own);
        let name = command.get_program().to_string_lossy().into_owned();
        Program::start(&name, command)
    }

    /// Tells sway to do something.
    ///
    /// # Errors
    /// When it does not.
    pub fn tell(&self, words: &[&str]) -> Result<()> {
        let socket = fs::read_dir(self.folder.path().join("run"))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| {
                path.file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with("sway-ipc"))
            });
        let mut command = Command::new("swaymsg");
        command
            .arg("-s")
            .arg(socket.context("sway has no socket")?)
            .args(words);
        self.enter(&mut command);
        let output = command.output()?;
        ensure!(
            output.status.success(),
            "sway does not {words:?}: {}",
            String::from_utf8_lossy(&output.stdout)
        );
        Ok(())
    }

    /// The desktop's half of the portal ends, and with it what it shares.
    ///
    /// # Errors
    /// When it ended before.
    pub fn end_portal(&mut self) -> Result<()> {
        let at = self.programs.iter().position(|program| program.name() == PORTAL);
        drop(self.programs.remove(at.context("it ended before")?));
        Ok(())
    }

    fn start(&mut self, command: &mut Command) -> Result<()> {
        let program = self
            .run(command)
            .context("are the packages of the full tests installed?")?;
        self.programs.push(program);
        Ok(())
    }

    /// Waits until somebody on the bus has this name.
    fn until_named(&self, name: &str) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        let asked = format!("string:{name}");
        loop {
            let mut ask = Command::new("dbus-send");
            ask.args(["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/"])
                .args(["org.freedesktop.DBus.NameHasOwner", &asked])
                .stdin(Stdio::null());
            self.enter(&mut ask);
            let output = ask.output().context("is the package dbus installed?")?;
            if String::from_utf8_lossy(&output.stdout).contains("boolean true") {
                return Ok(());
            }
            ensure!(
                Instant::now() < end,
                "{name} does not come: {:#?}",
                self.last_words()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn last_words(&self) -> Vec<String> {
        let lines = self.programs.iter().flat_map(|program| {
            let lines = program.lines();
            lines[lines.len().saturating_sub(5)..].to_vec()
        });
        lines.collect()
    }
}

fn there(path: &Path) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while !path.exists() {
        ensure!(Instant::now() < end, "{} does not come", path.display());
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
