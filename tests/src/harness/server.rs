//! The real server as a program of its own: it can be put into a namespace, and stopped and started again in mid-call.

use super::namespaces::Namespace;
use super::programs::{Program, our};
use anyhow::{Context as _, Result};
use std::net::SocketAddr;
use std::path::Path;
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
            .arg(data)
            // Who stops it in mid-call wants it gone.
            .env("PARLEY_SERVER_DRAIN_SECONDS", "0")
            .env("RUST_LOG", "info,stun_types=off");
        let mut command = match namespace {
            Some(namespace) => namespace.enter(&command),
            None => command,
        };
        let program = Program::start("parley-server", &mut command)?;
        let line =
            program.wait_for_line(Duration::from_secs(20), |line| line.contains("Parley server at "))?;
        let url = line
            .split("Parley server at ")
            .nth(1)
            .and_then(|rest| rest.split_whitespace().next())
            .context("the server named no address")?;
        Ok(Self {
            url: url.to_owned(),
            program,
        })
    }

    /// Where it is reached: `http://HOST:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.program.lines()
    }
}
