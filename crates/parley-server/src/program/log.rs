//! The log: on standard error, for people or as JSON. Ids of rooms and people are cut short where they are written (their
//! debug form), so that a log lets nobody in.

use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// The STUN parser reports every odd datagram of the internet; they are counted instead. Whoever names it hears it.
const QUIET: &str = "stun_types=off";

pub(crate) fn start(json: bool) {
    let asked = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_default();
    let asked = if asked.is_empty() { "info" } else { &asked };
    let filter = EnvFilter::try_new(format!("{QUIET},{asked}"))
        .unwrap_or_else(|_| EnvFilter::new(format!("{QUIET},info")));
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(filter)
        .with_target(false);
    if json {
        log.json().init();
    } else {
        log.init();
    }
}
