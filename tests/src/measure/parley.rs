//! A call between two `parley-cli` on this machine, each a process of its own, and what it cost them.

use super::cost::{CpuMeter, pss_mb};
use crate::harness::cli::{Cli, Figures, Wish};
use crate::harness::namespaces::Namespace;
use anyhow::{Context as _, Result};
use std::time::{Duration, Instant};

/// Start-up and set-up, on a busy machine.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// How long after the second endpoint was started the meters begin: the call stands, encoders have found their rate.
const SETTLE: Duration = Duration::from_secs(3);
/// How long before the end the meters stop: ending is no part of a call's cost.
const STOP_EARLY: Duration = Duration::from_millis(500);

/// What an endpoint measured and cost.
#[derive(Debug, Clone)]
pub struct Side {
    /// Its own figures.
    pub figures: Figures,
    /// CPU seconds per minute of call.
    pub cpu_s_per_min: f64,
    /// Memory, in MB.
    pub pss_mb: f64,
}

/// Makes a call: `host` starts a room on a server inside itself, `guest` joins. Calls `progress` about once a second.
///
/// # Errors
/// When an endpoint does not start or says nothing. A bad call is no error: see [`Figures::ok`].
pub fn call(host: &Wish, guest: &Wish, mut progress: impl FnMut(&str)) -> Result<[Side; 2]> {
    progress("starting");
    let first = Cli::host(None, host, None)?;
    let link = first.link()?;
    let second = Cli::join(&link, guest, None)?;
    let began = Instant::now();
    progress("connecting");
    std::thread::sleep(SETTLE);
    let meters = [
        CpuMeter::start(first.pid(), &[]),
        CpuMeter::start(second.pid(), &[]),
    ];
    let seconds = host.seconds.min(guest.seconds);
    let end = began + Duration::from_secs(u64::from(seconds)) - STOP_EARLY;
    while Instant::now() < end && first.succeeded().is_none() && second.succeeded().is_none() {
        progress(&format!("{} s of {seconds}", began.elapsed().as_secs()));
        std::thread::sleep(Duration::from_secs(1).min(end.saturating_duration_since(Instant::now())));
    }
    let cpu = [meters[0].s_per_min(), meters[1].s_per_min()];
    let memory = [pss_mb(first.pid(), &[]), pss_mb(second.pid(), &[])];
    let patience = START_PATIENCE + Duration::from_secs(u64::from(seconds));
    let figures = [
        first.figures(patience).context("the host")?,
        second.figures(patience).context("the guest")?,
    ];
    let side = |at: usize| Side {
        figures: figures[at].clone(),
        cpu_s_per_min: cpu[at],
        pss_mb: memory[at].as_ref().copied().unwrap_or(f64::NAN),
    };
    Ok([side(0), side(1)])
}

/// Only how long a call takes to stand, as the guest saw it: milliseconds to connected and to the first picture.
///
/// # Errors
/// When the call does not come to stand.
pub fn set_up(host: &Wish, guest: &Wish) -> Result<(f64, f64)> {
    set_up_through(None, host, guest, None)
}

/// The same by a server elsewhere, both from within a network.
///
/// # Errors
/// When the call does not come to stand.
pub fn set_up_through(
    server: Option<&str>,
    host: &Wish,
    guest: &Wish,
    network: Option<&Namespace>,
) -> Result<(f64, f64)> {
    let first = Cli::host(server, host, network)?;
    let second = Cli::join(&first.link()?, guest, network)?;
    let figures = second.figures(START_PATIENCE)?;
    Ok((figures.get("connected_ms")?, figures.get("first_picture_ms")?))
}
