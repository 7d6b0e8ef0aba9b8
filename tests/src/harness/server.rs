//! The real server as a program of its own: it can be put into a namespace, and stopped and started again in mid-call.

use super::namespaces::Namespace;
use super::programs::{Program, our};
use super::tls_front::CertificateFiles;
use anyhow::{Context as _, Result};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// A running `parley-server`. Stopped when dropped.
#[derive(Debug)]
pub struct RealServer {
    program: Program,
    url: String,
}

impl RealServer {
    /// Starts it on loopback, on a free port.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start() -> Result<Self> {
        let data = TempDir::with_prefix("parley-server-")?;
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), data.path(), None)
    }

    /// Starts it at an address, with its key in `data`, inside a namespace if one is given.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_at(address: SocketAddr, data: &Path, namespace: Option<&Namespace>) -> Result<Self> {
        let mut command = our("parley-server")?;
        command
            .arg("--listen")
            .arg(address.to_string())
            .arg("--stun")
            .arg(SocketAddr::new(address.ip(), 0).to_string())
            .arg("--data-dir")
            .arg(data);
        Self::run(command, namespace)
    }

    /// Starts it with a file of settings, as an operator writes one; what is not said there is as usual.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_with(settings: &str) -> Result<Self> {
        let data = TempDir::with_prefix("parley-server-")?;
        let file = data.path().join("settings.toml");
        std::fs::write(&file, settings)?;
        let mut command = our("parley-server")?;
        command
            .arg("--config")
            .arg(&file)
            .arg("--data-dir")
            .arg(data.path());
        Self::run(command, None)
    }

    /// Starts it as the internet has it, at an address of a namespace: HTTPS and relays over TCP and TLS on port 443, STUN and
    /// relays on UDP 3478 and 443, and into no private network. Its key is kept in `data`.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_public(
        ip: IpAddr,
        certificate: &CertificateFiles,
        data: &Path,
        namespace: &Namespace,
    ) -> Result<Self> {
        let at = |port| SocketAddr::new(ip, port).to_string();
        let settings = format!(
            "listen = [{https:?}]\n[tls]\ncertificate = {certificate:?}\nkey = {key:?}\n[stun]\nlisten = [{usual:?}, {https:?}]\n",
            https = at(443),
            usual = at(3478),
            certificate = certificate.certificate(),
            key = certificate.key(),
        );
        let file = data.join("settings.toml");
        std::fs::write(&file, settings)?;
        let mut command = our("parley-server")?;
        command.arg("--config").arg(&file).arg("--data-dir").arg(data);
        Self::run(command, Some(namespace))
    }

    fn run(mut command: Command, namespace: Option<&Namespace>) -> Result<Self> {
        command
            // Who stops it in mid-call wants it gone.
            .env("PARLEY_SERVER_DRAIN_SECONDS", "0")
            .env("RUST_LOG", "info,stun_types=off");
        let mut command = match namespace {
            Some(namespace) => namespace.enter(&command),
            None => command,
        };
        let program = Program::start("parley-server", &mut command)?;
        // The second where it speaks TLS alone.
        let said = ["Parley server at ", "For browsers at "];
        let of = |line: &str| {
            said.iter()
                .find_map(|words| Some(line.split_once(words)?.1.to_owned()))
        };
        let line = program.wait_for_line(Duration::from_secs(20), |line| of(line).is_some())?;
        let url = of(&line)
            .and_then(|rest| rest.split_whitespace().next().map(str::to_owned))
            .context("the server named no address")?;
        Ok(Self { url, program })
    }

    /// Where it is reached: `http://HOST:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The UDP port of STUN and TURN.
    ///
    /// # Errors
    /// When it has none.
    pub fn udp_port(&self) -> Result<u16> {
        let words = "on UDP port ";
        let line = self
            .program
            .wait_for_line(Duration::from_secs(5), |line| line.contains(words))?;
        let rest = line.split_once(words).map_or("", |(_, rest)| rest);
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().with_context(|| format!("no port in {line}"))
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.program.lines()
    }
}
