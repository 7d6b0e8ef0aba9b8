//! `cargo xtask bench turn`: how many packets a relay passes on for a second of CPU time, and how many it loses, next to coturn on
//! the same machine, one after the other in each round.
//!
//! | case | way to the relay | packets |
//! |---|---|---|
//! | channeldata-1200, channeldata-160 | UDP | pictures' size and sound's, one by one |
//! | channeldata-1200-burst, channeldata-160-burst | UDP | ten at once from one client, as the packets of a picture |
//! | tcp-1200, tcp-1200-burst | TCP | the same as ChannelData in a stream |
//! | tls-1200 | TLS over TCP | encryption is most of it |
//!
//! | file | what |
//! |---|---|
//! | `servers` | the two servers, each alone on one processor, with one thread for relays |
//! | `wire`, `client` | a client: how it reaches its relay, and how it gets one |
//! | `pace`, `load`, `tally` | when packets leave, who sends them, what became of them |
//!
//! Every packet passes the relay twice: from one of sixteen clients to a peer, who sends it back. All of it is in a network of its
//! own with nothing but loopback, so the kernel's share of a packet is that of loopback for both servers.

mod client;
mod load;
mod pace;
mod servers;
mod tally;
mod wire;

use super::rows::{Report, quantile};
use crate::harness::authority::Authority;
use crate::harness::cores::Cores;
use crate::harness::namespaces::Namespace;
use anyhow::Result;
use load::Load;
use pace::Shape;
use servers::{Relay, Way};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use tally::Tally;
use tempfile::TempDir;
use tokio_rustls::rustls::pki_types::CertificateDer;

/// How long each stretch of load is, when nothing is said.
pub const SECONDS: u32 = 5;
/// How often each server has its turn in each case; the median counts.
const ROUNDS: usize = 3;
/// Packets a second that are offered, over all clients: what one slow processor can send, take and send back.
const PER_S: u32 = 6_000;
/// A burst: the packets of a middling picture.
const BURST: u32 = 10;
/// What ours is to reach.
const GOAL: f64 = 1.3;

struct Case {
    name: &'static str,
    way: Way,
    bytes: usize,
    burst: u32,
}

const CASES: [Case; 7] = [
    Case::new("channeldata-1200", Way::Udp, 1200, 1),
    Case::new("channeldata-1200-burst", Way::Udp, 1200, BURST),
    Case::new("channeldata-160", Way::Udp, 160, 1),
    Case::new("channeldata-160-burst", Way::Udp, 160, BURST),
    Case::new("tcp-1200", Way::Tcp, 1200, 1),
    Case::new("tcp-1200-burst", Way::Tcp, 1200, BURST),
    Case::new("tls-1200", Way::Tls, 1200, 1),
];

impl Case {
    const fn new(name: &'static str, way: Way, bytes: usize, burst: u32) -> Self {
        Self {
            name,
            way,
            bytes,
            burst,
        }
    }

    const fn shape(&self) -> Shape {
        Shape {
            bytes: self.bytes,
            burst: self.burst,
            per_s: PER_S,
        }
    }
}

/// Measures all cases with ours (`server`, or the program that was built with this), and with coturn too if asked.
///
/// # Errors
/// When a server does not come up or gives no relay.
pub fn run(seconds: u32, against_coturn: bool, server: Option<&Path>) -> Result<Report> {
    let (cores, folder) = (Cores::share(), TempDir::with_prefix("parley-turn-")?);
    let authority = Authority::make()?;
    let certificate = authority.write_files("127.0.0.1", folder.path())?;
    let world = Namespace::create("turn")?;
    let mut relays = vec![Relay::ours(server, folder.path(), &certificate, &cores, &world)?];
    if against_coturn {
        relays.push(Relay::coturn(folder.path(), &certificate, &cores, &world)?);
    }
    cores.stay_off()?;

    let mut report = Report::default();
    let time = Duration::from_secs(seconds.into());
    let root = authority.der();
    for case in &CASES {
        let mut tallies: BTreeMap<&str, Vec<Tally>> = BTreeMap::new();
        for round in 1..=ROUNDS {
            for relay in &relays {
                eprintln!("{}, {}: round {round} of {ROUNDS}", relay.who(), case.name);
                let tally = world.inside(|| stretch(relay, case, time, &root))?;
                tallies.entry(relay.who()).or_default().push(tally);
            }
        }
        for relay in &relays {
            let of_one = tallies.get(relay.who()).map(Vec::as_slice).unwrap_or_default();
            fill(&mut report, relay.who(), case, of_one, seconds);
        }
        compare(&mut report, case.name, &tallies);
    }
    report.notes.extend(cores.note());
    if against_coturn {
        report
            .notes
            .push(format!("times_peer is ours over coturn's; the goal is {GOAL}"));
    }
    Ok(report)
}

fn stretch(relay: &Relay, case: &Case, time: Duration, root: &CertificateDer<'static>) -> Result<Tally> {
    Load::open(relay, case.way, root)?.run(case.shape(), time, relay.pid())
}

fn fill(report: &mut Report, who: &str, case: &Case, tallies: &[Tally], seconds: u32) {
    let whole = tallies
        .iter()
        .copied()
        .fold(Tally::default(), |sum, one| sum + one);
    report.ok &= whole.back > 0;
    report.add_or_note(who, case.name, "packets_per_cpu_s", median(tallies));
    report.add(who, case.name, "loss_pct", whole.loss_pct());
    let all_seconds = f64::from(seconds) * tallies.len() as f64;
    if !whole.reached(PER_S, all_seconds) {
        report.notes.push(format!(
            "{who}, {}: only {:.0} of {PER_S} packets a second were offered ({} found a full stream)",
            case.name,
            whole.sent as f64 / all_seconds,
            whole.held_back
        ));
    }
}

fn compare(report: &mut Report, case: &str, tallies: &BTreeMap<&str, Vec<Tally>>) {
    let of = |who: &str| median(tallies.get(who)?);
    if let Some((ours, theirs)) = of("parley").zip(of("coturn")) {
        report.add("parley", case, "times_peer", ours / theirs);
    }
}

fn median(tallies: &[Tally]) -> Option<f64> {
    let each: Vec<f64> = tallies.iter().map(Tally::packets_per_cpu_s).collect();
    quantile(&each, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(back: u64, cpu_s: f64) -> Tally {
        Tally {
            sent: 30_000,
            at_peer: back,
            returned: back,
            back,
            cpu_s,
            ..Tally::default()
        }
    }

    #[test]
    fn the_median_round_counts_and_all_losses_do() {
        let tallies = [tally(30_000, 1.0), tally(30_000, 2.0), tally(29_000, 4.0)];
        let mut report = Report::default();
        fill(&mut report, "parley", &CASES[0], &tallies, 5);
        let value = |metric: &str| report.rows.iter().find(|row| row.metric == metric).unwrap().value;
        assert!((value("packets_per_cpu_s") - 30_000.0).abs() < 1e-6);
        assert!(value("loss_pct") > 0.5 && value("loss_pct") < 0.7);
        assert!(report.ok && report.notes.is_empty(), "{:?}", report.notes);
    }

    #[test]
    fn what_was_not_offered_is_said() {
        let mut report = Report::default();
        fill(&mut report, "coturn", &CASES[4], &[tally(30_000, 1.0)], 10);
        assert_eq!(report.notes.len(), 1);
        fill(&mut report, "coturn", &CASES[4], &[tally(0, 1.0)], 5);
        assert!(!report.ok, "a relay that passes nothing on");
    }

    #[test]
    fn ours_is_compared_with_the_peer_that_was_there() {
        let mut report = Report::default();
        let ours = ("parley", vec![tally(30_000, 1.0)]);
        compare(&mut report, "tcp-1200", &BTreeMap::from([ours.clone()]));
        assert!(report.rows.is_empty());
        let theirs = ("coturn", vec![tally(30_000, 1.5)]);
        compare(&mut report, "tcp-1200", &BTreeMap::from([ours, theirs]));
        assert!((report.rows[0].value - 1.5).abs() < 1e-9);
    }
}
