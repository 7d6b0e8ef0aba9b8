//! `cargo xtask bench setup`: how long a call takes to stand, and until the first picture is there, as the one who joins sees it.
//!
//! | case | network | way |
//! |---|---|---|
//! | direct | loopback | direct |
//! | turn-udp | 40 ms to the server and back | both sides through relays only; UDP is open |
//! | turn-tls | the same | both sides through relays only; of UDP nothing comes back, so TLS is what is left |
//!
//! With relays on both sides, what one says passes the long way twice until the other hears it: their own round trip is 80 ms.
//! Where UDP is closed it is not refused but swallowed, as firewalls do it, so the ways that do not work cost what they cost.

use super::parley;
use super::rows::Report;
use crate::harness::authority::Authority;
use crate::harness::cable::{Cable, CableSpec};
use crate::harness::cli::Wish;
use crate::harness::namespaces::Namespace;
use crate::harness::programs::our;
use crate::harness::server::RealServer;
use anyhow::{Result, ensure};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Set-ups that are timed in each case, when nothing is said: enough for a 95th percentile.
pub const SET_UPS: usize = 20;
/// The cable of the cases with relays: half of it each way.
const CABLE: &str = "delay=20";
const SUBNET: &str = "10.97.8";
const PORT: u16 = 443;
/// What pictures may take.
const KBPS: u32 = 1500;
/// How long each call stands.
const CALL_SECONDS: u32 = 2;
const WHO: &str = "parley";

/// Measures all cases, each so many times.
///
/// # Errors
/// When a network or a server cannot be had.
pub fn run(set_ups: usize) -> Result<Report> {
    let mut report = Report::default();
    let wish = Wish {
        video: "pattern".into(),
        seconds: CALL_SECONDS,
        more: vec!["--max-kbps".into(), KBPS.to_string()],
        ..Wish::default()
    };
    measure(&mut report, "direct", set_ups, || parley::set_up(&wish, &wish));
    for (case, udp_is_open) in [("turn-udp", true), ("turn-tls", false)] {
        let office = Office::open(udp_is_open)?;
        let wish = office.wish(&wish);
        measure(&mut report, case, set_ups, || {
            parley::set_up_through(Some(office.server.url()), &wish, &wish, Some(&office.people))
        });
    }
    report.notes.push(format!(
        "turn-udp and turn-tls: both sides through relays only, {CABLE} (ms) each way between them and the server"
    ));
    Ok(report)
}

/// Set-ups that fail are no figures, but they are told.
fn measure(report: &mut Report, case: &str, set_ups: usize, set_up: impl Fn() -> Result<(f64, f64)>) {
    let (mut connected, mut first_picture) = (Vec::new(), Vec::new());
    for attempt in 1..=set_ups {
        match set_up() {
            Ok((to_connected, to_picture)) => {
                eprintln!("{case}, {attempt} of {set_ups}: {to_connected:.0} ms, {to_picture:.0} ms");
                connected.push(to_connected);
                first_picture.push(to_picture);
            }
            Err(error) => {
                eprintln!("{case}, {attempt} of {set_ups}: {error:#}");
                report.ok = false;
                report
                    .notes
                    .push(format!("{case}: set-up {attempt} failed: {error:#}"));
            }
        }
    }
    report.add_quantiles(WHO, case, "connected_ms", &connected);
    report.add_quantiles(WHO, case, "first_picture_ms", &first_picture);
}

/// Where people are far from the server: they in one network, it in another, the cable between.
struct Office {
    people: Namespace,
    server: RealServer,
    authority: PathBuf,
    _cable: Cable,
    _far: Namespace,
    _folder: TempDir,
}

impl Office {
    fn open(udp_is_open: bool) -> Result<Self> {
        let folder = TempDir::with_prefix("parley-setup-")?;
        let (far, people) = (
            Namespace::create("setup-server")?,
            Namespace::create("setup-people")?,
        );
        let spec: CableSpec = CABLE.parse()?;
        let cable = Cable::connect(&far, &people, SUBNET, &spec)?;
        if !udp_is_open {
            // What comes out of the server's network is lost: whoever asks by UDP waits in vain.
            far.block_udp()?;
        }
        let authority = folder.path().join("authority.pem");
        let settings = settings(folder.path(), &authority)?;
        let mut command = our("parley-server")?;
        command
            .arg("--config")
            .arg(settings)
            .env("RUST_LOG", "info,stun_types=off");
        let server = RealServer::start_as(far.enter(&command))?;
        ensure!(
            server.url().starts_with("https://"),
            "the server has no TLS: {}",
            server.url()
        );
        Ok(Self {
            people,
            server,
            authority,
            _cable: cable,
            _far: far,
            _folder: folder,
        })
    }

    fn wish(&self, wish: &Wish) -> Wish {
        let mut more = wish.more.clone();
        more.push("--relay-only".into());
        Wish {
            trusts: Some(self.authority.clone()),
            more,
            ..wish.clone()
        }
    }
}

/// A server as on the internet: everything by port 443, with a certificate that clients believe.
fn settings(folder: &Path, authority_file: &Path) -> Result<PathBuf> {
    let host = format!("{SUBNET}.1");
    let authority = Authority::make()?;
    std::fs::write(authority_file, authority.pem())?;
    let files = authority.write_files(&host, folder)?;
    let text = |path: &Path| path.display().to_string();
    let settings = folder.join("parley-server.toml");
    std::fs::write(
        &settings,
        format!(
            "listen = [\"{host}:{PORT}\"]\n\
             data_dir = {:?}\n\
             drain_seconds = 0\n\
             [tls]\n\
             certificate = {:?}\n\
             key = {:?}\n\
             [stun]\n\
             listen = [\"{host}:3478\"]\n",
            text(folder),
            text(&files.certificate),
            text(&files.key),
        ),
    )?;
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_set_up_that_fails_is_told_and_the_others_count() {
        let attempts = Cell::new(0.0);
        let mut report = Report::default();
        measure(&mut report, "direct", 3, || {
            attempts.set(attempts.get() + 1.0);
            ensure!(attempts.get() != 2.0, "nobody came");
            Ok((attempts.get(), attempts.get() * 10.0))
        });
        let value = |metric: &str| report.rows.iter().find(|row| row.metric == metric).unwrap().value;
        assert_eq!(value("connected_ms_p50"), 1.0);
        assert_eq!(value("first_picture_ms_p95"), 30.0);
        assert!(!report.ok && report.notes[0].contains("nobody came"));
    }
}
