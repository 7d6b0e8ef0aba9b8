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
    /// What it keeps, where nobody else wants it: after the program, so that it is gone first.
    _data: Option<TempDir>,
}

impl RealServer {
    /// Starts it on loopback, on a free port.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start() -> Result<Self> {
        let data = TempDir::with_prefix("parley-server-")?;
        let server = Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), data.path(), None)?;
        Ok(Self {
            _data: Some(data),
            ..server
        })
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
        let server = Self::run(command, None)?;
        Ok(Self {
            _data: Some(data),
            ..server
        })
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
        Self::start_public_with("", ip, certificate, data, namespace)
    }

    /// The same with more sections of settings than those of TLS and STUN.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_public_with(
        more: &str,
        ip: IpAddr,
        certificate: &CertificateFiles,
        data: &Path,
        namespace: &Namespace,
    ) -> Result<Self> {
        let at = |port| SocketAddr::new(ip, port).to_string();
        let settings = format!(
            "listen = [{https:?}]\n[tls]\ncertificate = {certificate:?}\nkey = {key:?}\n[stun]\nlisten = [{usual:?}, {https:?}]\n{more}",
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
        match namespace {
            Some(namespace) => Self::start_as(namespace.enter(&command)),
            None => Self::start_as(command),
        }
    }

    /// Starts it as `command` says, whatever is put before it (a namespace, a processor of its own).
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_as(mut command: Command) -> Result<Self> {
        let program = Program::start("parley-server", &mut command)?;
        let line = program.wait_for_line(Duration::from_secs(20), |line| url_in(line).is_some())?;
        let url = url_in(&line).context("the server named no address")?;
        Ok(Self {
            url: url.to_owned(),
            program,
            _data: None,
        })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// Where it is reached: `http://HOST:PORT`, with TLS of a certificate from files `https://HOST:PORT`.
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

/// The address in the first line that names one.
fn url_in(line: &str) -> Option<&str> {
    ["Parley server at ", "For browsers at "]
        .iter()
        .find_map(|before| line.split(before).nth(1))?
        .split_whitespace()
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_whichever_way_it_is_told() {
        let plain = "2026-01-01T00:00:00Z  INFO parley_server: Parley server at http://127.0.0.1:7788";
        assert_eq!(url_in(plain), Some("http://127.0.0.1:7788"));
        let secure = "INFO parley_server: For browsers at https://10.0.0.1:443";
        assert_eq!(url_in(secure), Some("https://10.0.0.1:443"));
        assert_eq!(url_in("INFO so far counters=..."), None);
    }
}
