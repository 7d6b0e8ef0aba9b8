//! A session bus of its own for one test, so that nothing of this machine's desktop gets in, and nothing gets out to it.
//!
//! Who is on it, the tests say: a made-up portal (`parley-portal`), notifications and trays (`parley-desktop`), a panel
//! (`tests`). A room of its own because those three have no edge between them; only their tests may stand on it. Empty on other
//! systems.
#![cfg(target_os = "linux")]

use gio::{Cancellable, DBusConnection, DBusConnectionFlags, glib};
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Everybody may say everything, and no program is known that could be started.
const CONFIG: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir=FOLDER</listen>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>"#;

/// A bus, until it is dropped.
#[derive(Debug)]
pub struct TestBus {
    daemon: Child,
    address: String,
    folder: TempDir,
}

impl TestBus {
    /// A bus on which nobody is, and which starts nobody.
    ///
    /// # Errors
    /// When `dbus-daemon` is not installed, or does not come up.
    pub fn start() -> io::Result<Self> {
        let folder = TempDir::with_prefix("parley-bus-")?;
        let config = folder.path().join("bus.conf");
        let listening = CONFIG.replace("FOLDER", &folder.path().display().to_string());
        std::fs::write(&config, listening)?;
        let mut daemon = Command::new("dbus-daemon");
        daemon.arg(format!("--config-file={}", config.display()));
        Self::come_up(daemon, folder)
    }

    /// A session's bus, with all programs of this computer that it can start. `prepare` says what they find in their
    /// environment; it is told the bus's folder.
    ///
    /// # Errors
    /// As for [`TestBus::start`].
    pub fn with_programs(prepare: impl FnOnce(&mut Command, &Path)) -> io::Result<Self> {
        let folder = TempDir::with_prefix("parley-bus-")?;
        let mut daemon = Command::new("dbus-daemon");
        daemon.arg("--session");
        prepare(&mut daemon, folder.path());
        Self::come_up(daemon, folder)
    }

    fn come_up(mut daemon: Command, folder: TempDir) -> io::Result<Self> {
        let daemon = daemon
            .args(["--nofork", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| {
                let said = format!("dbus-daemon: {error}; is the package dbus-daemon installed?");
                io::Error::new(error.kind(), said)
            })?;
        // From here on it is ended whatever happens.
        let mut bus = Self {
            daemon,
            address: String::new(),
            folder,
        };
        if let Some(told) = bus.daemon.stdout.take() {
            BufReader::new(told).read_line(&mut bus.address)?;
        }
        bus.address.truncate(bus.address.trim_end().len());
        if bus.address.is_empty() {
            return Err(io::Error::other("dbus-daemon did not come up"));
        }
        Ok(bus)
    }

    /// Where it is, as in `DBUS_SESSION_BUS_ADDRESS`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A folder that goes with it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// One more connection to it.
    ///
    /// # Errors
    /// When it does not let anybody in.
    pub fn connect(&self) -> Result<DBusConnection, glib::Error> {
        let flags = DBusConnectionFlags::AUTHENTICATION_CLIENT | DBusConnectionFlags::MESSAGE_BUS_CONNECTION;
        let connection = DBusConnection::for_address_sync(&self.address, flags, None, Cancellable::NONE)?;
        // The end of the bus is not that of the test.
        connection.set_exit_on_close(false);
        Ok(connection)
    }
}

impl Drop for TestBus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bus_is_its_own_and_ends_when_it_is_dropped() {
        let (bus, other) = (TestBus::start().unwrap(), TestBus::start().unwrap());
        assert_ne!(bus.address(), other.address());
        let (one, another) = (bus.connect().unwrap(), bus.connect().unwrap());
        assert_ne!(one.unique_name(), another.unique_name());
        let (address, folder) = (bus.address().to_owned(), bus.folder().to_owned());
        drop(bus);
        let flags = DBusConnectionFlags::AUTHENTICATION_CLIENT;
        assert!(DBusConnection::for_address_sync(&address, flags, None, Cancellable::NONE).is_err());
        assert!(!folder.exists());
        assert!(other.connect().is_ok());
    }
}
