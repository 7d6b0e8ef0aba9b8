//! coturn (Debian's package): somebody else's TURN server, and somebody else's clients of ours.

use super::programs::Program;
use super::tls_front::CertificateFiles;
use anyhow::{Context as _, Result, bail, ensure};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// A running `turnserver` on loopback, with `use-auth-secret`. Stopped when dropped.
#[derive(Debug)]
pub struct Coturn {
    port: u16,
    tls_port: u16,
    _server: Program,
    _folder: TempDir,
}

impl Coturn {
    /// Starts it; `secret` is what its `static-auth-secret` says.
    ///
    /// # Errors
    /// When it is missing or does not come up.
    pub fn start(secret: &str, certificate: &CertificateFiles) -> Result<Self> {
        let folder = TempDir::with_prefix("parley-coturn-")?;
        let (port, tls_port) = free_ports()?;
        let at = |name: &str| folder.path().join(name).display().to_string();
        // Its relays are on loopback as everything here, which it would refuse to relay to by itself.
        let lines = [
            "listening-ip=127.0.0.1".to_owned(),
            "relay-ip=127.0.0.1".to_owned(),
            "allow-loopback-peers".to_owned(),
            format!("listening-port={port}"),
            format!("tls-listening-port={tls_port}"),
            "use-auth-secret".to_owned(),
            format!("static-auth-secret={secret}"),
            "realm=turn.example.org".to_owned(),
            format!("cert={}", certificate.certificate().display()),
            format!("pkey={}", certificate.key().display()),
            "no-cli".to_owned(),
            "log-file=stdout".to_owned(),
            format!("pidfile={}", at("pid")),
            format!("userdb={}", at("users.sqlite")),
        ];
        let file = folder.path().join("turnserver.conf");
        std::fs::write(&file, lines.join("\n"))?;
        let mut command = Command::new("turnserver");
        command.arg("-c").arg(&file).current_dir(folder.path());
        let server =
            Program::start("turnserver", &mut command).context("is the package coturn installed?")?;
        until_it_listens(port, &server)?;
        until_it_listens(tls_port, &server)?;
        Ok(Self {
            port,
            tls_port,
            _server: server,
            _folder: folder,
        })
    }

    /// Where it is over UDP and TCP.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it is over TLS.
    #[must_use]
    pub fn tls_port(&self) -> u16 {
        self.tls_port
    }
}

/// Two that are free for TCP and UDP at this moment, each with the next one, which coturn takes too. Below those that systems give
/// to whoever asks for any: it can be told of none but by number, and may not lose it meanwhile.
fn free_ports() -> Result<(u16, u16)> {
    let is_free = |port: u16| {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
            && UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
    };
    // Test programs that run side by side begin at different places.
    let begin = 20_000 + u16::try_from(std::process::id() % 2_000).unwrap_or(0) * 4;
    (begin..begin + 400)
        .step_by(4)
        .find(|first| (*first..*first + 4).all(is_free))
        .map(|first| (first, first + 2))
        .context("no port is free")
}

fn until_it_listens(port: u16, server: &Program) -> Result<()> {
    for _ in 0..100 {
        if std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    bail!(
        "turnserver does not listen on {port}:\n{}",
        server.lines().join("\n")
    )
}

/// `turnutils_uclient` in mid-work: pairs of clients that send each other numbered messages through a relay.
#[derive(Debug)]
pub struct RelayClients {
    program: Program,
}

/// What such clients counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchanged {
    /// Messages sent by all of them.
    pub sent: u32,
    /// Messages that came back out of the relay.
    pub received: u32,
}

impl RelayClients {
    /// One pair without RTCP, ten messages each, slow enough that TLS never carries two in one piece: these clients read one and
    /// forget the other then (from coturn's own server too). `more` chooses the transport: none for UDP, `-t`, `-t -S`.
    ///
    /// # Errors
    /// When it is missing.
    pub fn start(port: u16, secret: &str, more: &[&str]) -> Result<Self> {
        let mut command = Command::new("turnutils_uclient");
        command
            .args([
                "-y", "-c", "-m", "2", "-n", "10", "-z", "100", "-u", "tester", "-W", secret,
            ])
            .args(["-p", &port.to_string()])
            .args(more)
            .arg("127.0.0.1");
        let program =
            Program::start("turnutils_uclient", &mut command).context("is the package coturn installed?")?;
        Ok(Self { program })
    }

    /// Waits for their end and reads what they counted.
    ///
    /// # Errors
    /// When they did not end in time, not well, or counted nothing; the message has their last words.
    pub fn exchanged(&self, limit: Duration) -> Result<Exchanged> {
        let status = self.program.wait(limit)?;
        // Its last words may still be in the pipe.
        let heard = self.program.wait_for_line(Duration::from_secs(2), |line| {
            line.contains("Total transmit time") || line.contains("ERROR")
        });
        let lines = self.program.lines();
        ensure!(
            status.success() && heard.is_ok(),
            "turnutils_uclient ended with {status}:\n{}",
            lines.join("\n")
        );
        let total = lines.iter().rev().find(|line| line.contains("tot_send_msgs="));
        let total = total.context("turnutils_uclient counted nothing")?;
        let count = |name: &str| {
            let (_, rest) = total.split_once(name)?;
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        };
        let counted = count("tot_send_msgs=").zip(count("tot_recv_msgs="));
        let (sent, received) = counted.with_context(|| format!("no numbers in {total}"))?;
        Ok(Exchanged { sent, received })
    }
}

/// What `turnutils_stunclient` learns of its own address, as it says it.
///
/// # Errors
/// When it is missing or is told nothing.
pub fn address_seen_by_stun(port: u16) -> Result<String> {
    let mut command = Command::new("turnutils_stunclient");
    command.args(["-p", &port.to_string(), "127.0.0.1"]);
    let program =
        Program::start("turnutils_stunclient", &mut command).context("is the package coturn installed?")?;
    let status = program.wait(Duration::from_secs(20))?;
    let words = "UDP reflexive addr: ";
    let line = program.wait_for_line(Duration::from_secs(2), |line| line.contains(words))?;
    ensure!(status.success(), "turnutils_stunclient ended with {status}");
    Ok(line
        .split_once(words)
        .map_or("", |(_, rest)| rest)
        .trim()
        .to_owned())
}
