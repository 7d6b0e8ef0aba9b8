//! `cargo xtask bench sfu`: what a server takes to pass sound and pictures on to many, next to Janus's video room on the same machine,
//! one after the other in each round.
//!
//! | case | who sends | who gets it |
//! |---|---|---|
//! | video-10, video-40 | one picture of 1.5 Mbit/s, 30 a second, without layers | 10, 40 people |
//! | sound-140 | one voice, 20 ms a packet | 140 people |
//!
//! | file | what |
//! |---|---|
//! | `parley` | ours: people who come in over its signaling, as clients do |
//! | `janus` | the other: its HTTP API, and its configuration |
//!
//! The clients are those of `parley-server load`: real ICE, DTLS and SRTP, made-up pictures. A delay runs from the publisher's write until
//! the kernel had the packet for its listener, so that a thread with many clients, which reads late, is not counted as the server's. Each server is alone on one processor. All of it
//! is in a network of its own, at an address that is not loopback's, which Janus does not use; the kernel sends it over loopback all the same.

mod janus;
mod parley;

use super::cost::CpuMeter;
use super::rows::{Report, quantile};
use crate::harness::cores::Cores;
use crate::harness::namespaces::Namespace;
use crate::harness::system;
use anyhow::{Result, ensure};
use janus::Janus;
use parley::Parley;
use parley_proto::PublishedLayer;
use parley_server::load::{Crowd, Part};
use parley_server::sfu::Certificate;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long each stretch of load is, when nothing is said; and at most, for nobody says anything over signaling meanwhile.
pub const SECONDS: u32 = 8;
const SECONDS_MAX: u32 = 20;
/// How often each server has its turn in each case; the median counts.
const ROUNDS: usize = 3;
/// Where everybody is.
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 1));
/// Until everybody is connected.
const CONNECT_MAX: Duration = Duration::from_secs(15);
/// From then on, before it is measured: estimates have to grow.
const SETTLE: Duration = Duration::from_secs(3);
/// What ours may cost of the other's.
const GOAL: f64 = 2.0 / 3.0;

#[derive(Debug, Clone, Copy)]
struct Case {
    name: &'static str,
    /// A picture, or a voice.
    picture: bool,
    listeners: usize,
}

const CASES: [Case; 3] = [
    Case {
        name: "video-10",
        picture: true,
        listeners: 10,
    },
    Case {
        name: "video-40",
        picture: true,
        listeners: 40,
    },
    Case {
        name: "sound-140",
        picture: false,
        listeners: 140,
    },
];

impl Case {
    fn publisher(self) -> Part {
        Part {
            speaks: !self.picture,
            layers: self.layers(),
            ..Part::default()
        }
    }

    fn listener(self) -> Part {
        Part {
            hears: usize::from(!self.picture),
            sees: usize::from(self.picture),
            ..Part::default()
        }
    }

    fn layers(self) -> Vec<PublishedLayer> {
        let layer = PublishedLayer {
            rid: String::new(),
            width: 1280,
            height: 720,
            kbps: 1_500,
        };
        if self.picture { vec![layer] } else { Vec::new() }
    }
}

/// A server that passes things on. What is given back by `fill` ends the visit when it is dropped.
trait Sfu {
    fn who(&self) -> &'static str;
    fn pid(&self) -> u32;
    /// Brings a publisher and its listeners in, whose clients the crowd has in that order.
    fn fill<'a>(&'a self, crowd: &mut Crowd, case: Case) -> Result<Box<dyn Visit + 'a>>;
}

/// Everybody who is there. They leave when it is dropped.
trait Visit {}

/// Measures all cases with ours (`server`, or the program that was built with this), and with Janus too if asked.
///
/// # Errors
/// When a server does not come up, or not everybody gets in.
pub fn run(seconds: u32, against_janus: bool, server: Option<&Path>) -> Result<Report> {
    let (cores, folder) = (Cores::share(), TempDir::with_prefix("parley-sfu-")?);
    let world = Namespace::create("sfu")?;
    world.add_own_address(&format!("{HERE}/24"))?;
    let mut servers: Vec<Box<dyn Sfu>> =
        vec![Box::new(Parley::start(server, folder.path(), &cores, &world)?)];
    if against_janus {
        servers.push(Box::new(Janus::start(folder.path(), &cores, &world)?));
    }
    cores.stay_off()?;
    let mut report = Report::default();
    let time = Duration::from_secs(seconds.min(SECONDS_MAX).into());
    for case in CASES {
        let mut stretches: BTreeMap<&str, Vec<Stretch>> = BTreeMap::new();
        for round in 1..=ROUNDS {
            for server in &servers {
                eprintln!("{}, {}: round {round} of {ROUNDS}", server.who(), case.name);
                let stretch = world.inside(|| stretch(server.as_ref(), case, time))?;
                stretches.entry(server.who()).or_default().push(stretch);
            }
        }
        for server in &servers {
            let of_one = stretches.get(server.who()).map(Vec::as_slice).unwrap_or_default();
            fill_in(&mut report, server.who(), case, of_one);
        }
        let of = |who: &str| median(stretches.get(who)?, Stretch::cost);
        if let Some((ours, theirs)) = of("parley").zip(of("janus")) {
            report.add("parley", case.name, "times_peer", ours / theirs);
        }
    }
    report.notes.extend(cores.note());
    if against_janus {
        report.notes.push(format!(
            "times_peer is the CPU time of ours for a packet over Janus's; the goal is {GOAL:.2}"
        ));
    }
    Ok(report)
}

/// What came of one stretch.
#[derive(Debug, Clone, Copy, Default)]
struct Stretch {
    packets: f64,
    mbit: f64,
    seconds: f64,
    loss_pct: f64,
    p50_ms: f64,
    p99_ms: f64,
    cpu_s: f64,
}

impl Stretch {
    /// CPU seconds for a packet.
    fn cost(&self) -> f64 {
        self.cpu_s / self.packets
    }

    fn packets_per_cpu_s(&self) -> f64 {
        self.packets / self.cpu_s
    }

    /// Percent of one processor for each 1.5 Mbit/s.
    fn pct_per_stream(&self) -> f64 {
        self.cpu_s * 100.0 / (self.mbit / 1.5)
    }
}

fn stretch(server: &dyn Sfu, case: Case, time: Duration) -> Result<Stretch> {
    let mut crowd = Crowd::new(HERE, Certificate::generate()?)?.by_the_kernels_clock(system::one_by_one);
    for part in [case.publisher()]
        .into_iter()
        .chain(std::iter::repeat_n(case.listener(), case.listeners))
    {
        crowd.add(part)?;
    }
    let _visit = server.fill(&mut crowd, case)?;
    crowd.want(0, &[String::new()]);
    let begin = Instant::now();
    while !crowd.is_connected() {
        ensure!(
            begin.elapsed() < CONNECT_MAX,
            "not everybody is connected to {}",
            server.who()
        );
        crowd.turn(Instant::now() + SETTLE)?;
    }
    serve(&mut crowd, SETTLE)?;
    let meter = CpuMeter::start(server.pid(), &[]);
    crowd.count();
    serve(&mut crowd, time)?;
    let cpu_s = meter.spent_s();
    let report = crowd.report();
    Ok(Stretch {
        packets: report.packets_per_s * report.seconds,
        mbit: report.mbit_s * report.seconds,
        seconds: report.seconds,
        loss_pct: report.loss_pct,
        p50_ms: report.forward_ms_p50.unwrap_or(f64::NAN),
        p99_ms: report.forward_ms_p99.unwrap_or(f64::NAN),
        cpu_s,
    })
}

fn serve(crowd: &mut Crowd, time: Duration) -> Result<()> {
    let until = Instant::now() + time;
    while Instant::now() < until {
        crowd.turn(until)?;
    }
    Ok(())
}

fn median(stretches: &[Stretch], of: impl Fn(&Stretch) -> f64) -> Option<f64> {
    let each: Vec<f64> = stretches.iter().map(of).collect();
    quantile(&each, 0.5)
}

fn fill_in(report: &mut Report, who: &str, case: Case, stretches: &[Stretch]) {
    let median = |of: fn(&Stretch) -> f64| median(stretches, of);
    let mut add = |metric: &str, value| report.add_or_note(who, case.name, metric, value);
    add("packets_per_cpu_s", median(Stretch::packets_per_cpu_s));
    if case.picture {
        add("cpu_pct_per_stream", median(Stretch::pct_per_stream));
    }
    add("cpu_pct", median(|one| one.cpu_s * 100.0 / one.seconds));
    add("forward_ms_p50", median(|one| one.p50_ms));
    add("forward_ms_p99", median(|one| one.p99_ms));
    add("loss_pct", median(|one| one.loss_pct));
    // What everybody should have got: less is another load than the case says.
    let due = if case.picture { 1.4 } else { 0.03 } * case.listeners as f64;
    let least = stretches
        .iter()
        .map(|one| one.mbit / one.seconds)
        .fold(f64::MAX, f64::min);
    if least < due {
        report.ok = false;
        report.notes.push(format!(
            "{who}, {}: only {least:.1} Mbit/s came, where {due:.1} should have",
            case.name
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(cpu_s: f64) -> Stretch {
        Stretch {
            packets: 30_000.0,
            mbit: 600.0,
            seconds: 10.0,
            loss_pct: 0.0,
            p50_ms: 0.2,
            p99_ms: 1.0,
            cpu_s,
        }
    }

    #[test]
    fn the_median_round_counts() {
        let mut report = Report::default();
        let rounds = [stretch(1.0), stretch(4.0), stretch(2.0)];
        fill_in(&mut report, "parley", CASES[1], &rounds);
        assert_eq!(
            report.value("parley", "video-40", "packets_per_cpu_s"),
            Some(15_000.0)
        );
        // 60 Mbit/s are 40 streams; two seconds of ten are a fifth of a core.
        assert_eq!(
            report.value("parley", "video-40", "cpu_pct_per_stream"),
            Some(0.5)
        );
        assert!(report.ok && report.notes.is_empty(), "{:?}", report.notes);
    }

    #[test]
    fn who_passes_less_on_than_was_offered_is_not_praised_for_it() {
        let mut report = Report::default();
        let less = Stretch {
            mbit: 300.0,
            ..stretch(0.5)
        };
        fill_in(&mut report, "janus", CASES[1], &[less]);
        assert!(!report.ok && report.notes.len() == 1);
    }
}
