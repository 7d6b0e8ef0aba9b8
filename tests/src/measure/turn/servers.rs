//! The servers that are compared: ours as the program that is given away, and coturn. Each alone on one processor, with one thread
//! for relays, and allowed to relay to this machine.

use crate::harness::authority::CertificateFiles;
use crate::harness::cores::Cores;
use crate::harness::namespaces::Namespace;
use crate::harness::programs::{Program, our};
use crate::harness::server::RealServer;
use anyhow::{Context as _, Result};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// What credentials are made with, by both.
pub(super) const SECRET: &str = "north";
/// Both run on loopback in a network of their own, where every port is free.
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const START_PATIENCE: Duration = Duration::from_secs(20);

/// How clients reach a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Udp,
    Tcp,
    Tls,
}

/// A TURN server that runs. Stopped when dropped.
pub(super) struct Relay {
    who: &'static str,
    program: Running,
    udp: u16,
    tcp: u16,
    tls: u16,
}

enum Running {
    Ours(RealServer),
    Theirs(Program),
}

impl Relay {
    /// Ours: `program`, or the one that was built with this.
    ///
    /// # Errors
    /// When it does not come up.
    pub(super) fn ours(
        program: Option<&Path>,
        folder: &Path,
        certificate: &CertificateFiles,
        cores: &Cores,
        world: &Namespace,
    ) -> Result<Self> {
        let settings = folder.join("parley-server.toml");
        std::fs::write(&settings, our_settings(folder, certificate))?;
        let mut command = match program {
            Some(program) => Command::new(program),
            None => our("parley-server")?,
        };
        command.arg("--config").arg(settings).env("RUST_LOG", "info");
        let server = RealServer::start_as(world.enter(&cores.alone(command)))?;
        let relay = Self {
            who: "parley",
            program: Running::Ours(server),
            udp: 3478,
            tcp: 5349,
            tls: 5349,
        };
        relay.is_up(world)?;
        Ok(relay)
    }

    /// coturn, from the system's package.
    ///
    /// # Errors
    /// When it is not installed, or does not come up.
    pub(super) fn coturn(
        folder: &Path,
        certificate: &CertificateFiles,
        cores: &Cores,
        world: &Namespace,
    ) -> Result<Self> {
        let (udp, tls) = (13478, 15349);
        let mut command = Command::new("turnserver");
        command
            .args([
                "-n",
                "--use-auth-secret",
                "--realm=example.org",
                "--no-cli",
                "--no-dtls",
            ])
            .arg(format!("--static-auth-secret={SECRET}"))
            .args(["-L", "127.0.0.1", "-E", "127.0.0.1", "-p", &udp.to_string()])
            .arg(format!("--tls-listening-port={tls}"))
            .arg(format!("--cert={}", certificate.certificate.display()))
            .arg(format!("--pkey={}", certificate.key.display()))
            .args([
                "--allow-loopback-peers",
                "--allowed-peer-ip=127.0.0.0-127.255.255.255",
            ])
            .args(["--min-port=50000", "--max-port=60000", "-m", "1"])
            // A line for every session would be counted as relaying.
            .args(["--log-file=/dev/null", "--no-stdout-log"])
            .arg(format!("--pidfile={}", folder.join("coturn.pid").display()));
        let program = Program::start("turnserver", &mut world.enter(&cores.alone(command)))?;
        let relay = Self {
            who: "coturn",
            program: Running::Theirs(program),
            udp,
            tcp: udp,
            tls,
        };
        relay
            .is_up(world)
            .context("is coturn installed (the package coturn)?")?;
        Ok(relay)
    }

    /// What it is called in a report.
    pub(super) const fn who(&self) -> &'static str {
        self.who
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        match &self.program {
            Running::Ours(server) => server.pid(),
            Running::Theirs(program) => program.pid(),
        }
    }

    /// Where it is reached.
    pub(super) const fn address(&self, way: Way) -> SocketAddr {
        let port = match way {
            Way::Udp => self.udp,
            Way::Tcp => self.tcp,
            Way::Tls => self.tls,
        };
        SocketAddr::new(HERE, port)
    }

    /// Waits until its TCP port takes connections; the others are bound before it.
    fn is_up(&self, world: &Namespace) -> Result<()> {
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            let tried = world.inside(|| Ok(TcpStream::connect(self.address(Way::Tls))?));
            match tried {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline || self.has_ended() => {
                    return Err(error.context(format!("{} did not come up", self.who)));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    fn has_ended(&self) -> bool {
        match &self.program {
            Running::Ours(_) => false,
            Running::Theirs(program) => program.try_wait().is_some(),
        }
    }
}

/// As an operator would write it, with relays to this machine and without the usual limit of 20 Mbit/s, which coturn has not.
fn our_settings(folder: &Path, certificate: &CertificateFiles) -> String {
    let text = |path: &Path| path.display().to_string();
    format!(
        "listen = [\"127.0.0.1:5349\"]\n\
         data_dir = {:?}\n\
         drain_seconds = 0\n\
         [tls]\n\
         certificate = {:?}\n\
         key = {:?}\n\
         [stun]\n\
         listen = [\"127.0.0.1:3478\"]\n\
         [turn]\n\
         secret = {SECRET:?}\n\
         networks = [\"127.0.0.0/8\"]\n\
         ports = \"30000-39999\"\n\
         kbit_s_max = 10000000\n",
        text(folder),
        text(&certificate.certificate),
        text(&certificate.key),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_server::settings::Settings;

    #[test]
    fn our_settings_are_right_and_relay_to_this_machine() {
        let files = CertificateFiles {
            certificate: "/c.pem".into(),
            key: "/k.pem".into(),
        };
        let text = our_settings(Path::new("/data"), &files);
        let settings = Settings::from_file("bench.toml", &text).and_then(Settings::checked);
        let settings = settings.map_err(|mistakes| mistakes.to_string()).unwrap();
        assert_eq!(settings.turn_secret.as_deref(), Some(SECRET));
        assert_eq!(settings.turn_kbit_s_max, 10_000_000);
        assert_eq!(settings.turn_networks.len(), 1);
    }
}
