//! `cargo xtask bench sfu`: what a server takes to pass sound and pictures on to many, next to Janus's video room on the same machine,
//! one after the other in each round.
//!
//! | case | who sends | who gets it |
//! |---|---|---|
//! | video-10, video-40 | one picture of 1.5 Mbit/s, 30 a second, without layers | 10, 40 people |
//! | sound-140 | one voice, 20 ms a packet | 140 people |
//! | people-5 to people-49 | in one room all of them: a voice, and a picture of 150 kbit/s | each other, as far as there are sections |
//! | grid-10 | in one room ten: a voice, and a picture of 500 kbit/s | each other |
//! | rooms-1 to rooms-8 | so many rooms of five: a voice, and a picture of 500 kbit/s | each other |
//!
//! `--case` takes one of them. The last three are of ours alone, measured once where nobody is compared: the curves of what people and rooms cost.
//!
//! | file | what |
//! |---|---|
//! | `parley` | ours: people who come in over its signaling, as clients do |
//! | `janus` | the other: its HTTP API, and its configuration |
//!
//! The clients are those of `parley-server load`: real ICE, DTLS and SRTP, made-up pictures. A delay runs from the publisher's write until
//! the kernel had the packet for its listener, so that a thread with many clients, which reads late, is not counted as the server's.
//! Each server is alone on one processor, and like the clients ahead of what else runs on the machine: where a fifth of it was others'
//! work, one in a hundred datagrams took 4 ms from one idle program to another, and so 0.3 ms. All of it is in a network of its own,
//! at an address that is not loopback's, which Janus does not use; the kernel sends it over loopback all the same.

mod janus;
mod parley;

use super::cost::{CpuMeter, pss_mb};
use super::rows::{Report, quantile};
use crate::harness::cores::Cores;
use crate::harness::namespaces::Namespace;
use crate::harness::system;
use anyhow::{Result, ensure};
use janus::Janus;
use parley::Parley;
use parley_proto::PublishedLayer;
use parley_proto::limits::{AUDIO_DOWNS_MAX, VIDEO_DOWNS_MAX};
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

/// A picture without layers, 30 a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Picture {
    width: u16,
    height: u16,
    kbps: u32,
}

const LARGE: Picture = Picture {
    width: 1280,
    height: 720,
    kbps: 1_500,
};
const MIDDLE: Picture = Picture {
    width: 640,
    height: 360,
    kbps: 500,
};
const SMALL: Picture = Picture {
    width: 320,
    height: 180,
    kbps: 150,
};

#[derive(Debug, Clone, Copy)]
struct Case {
    name: &'static str,
    /// What is seen of whoever sends.
    picture: Option<Picture>,
    /// Whoever sends is heard, too.
    voice: bool,
    rooms: usize,
    /// In each room: who sends.
    senders: usize,
    /// In each room: who receives only. Where there are none, those who send also receive.
    listeners: usize,
}

/// Those in which others can be compared with ours.
const CASES: [Case; 3] = [
    Case::of_one("video-10", Some(LARGE), 10),
    Case::of_one("video-40", Some(LARGE), 40),
    Case::of_one("sound-140", None, 140),
];
/// What people and rooms cost. Two are none: they talk directly.
const CURVES: [Case; 10] = [
    Case::of_all("people-5", SMALL, 1, 5),
    Case::of_all("people-10", SMALL, 1, 10),
    Case::of_all("people-20", SMALL, 1, 20),
    Case::of_all("people-40", SMALL, 1, 40),
    Case::of_all("people-49", SMALL, 1, 49),
    Case::of_all("grid-10", MIDDLE, 1, 10),
    Case::of_all("rooms-1", MIDDLE, 1, 5),
    Case::of_all("rooms-2", MIDDLE, 2, 5),
    Case::of_all("rooms-4", MIDDLE, 4, 5),
    Case::of_all("rooms-8", MIDDLE, 8, 5),
];

impl Case {
    /// One sends to listeners: a picture, or a voice.
    const fn of_one(name: &'static str, picture: Option<Picture>, listeners: usize) -> Self {
        Self {
            name,
            picture,
            voice: picture.is_none(),
            rooms: 1,
            senders: 1,
            listeners,
        }
    }

    /// Rooms in which all send and receive.
    const fn of_all(name: &'static str, picture: Picture, rooms: usize, people: usize) -> Self {
        Self {
            name,
            picture: Some(picture),
            voice: true,
            rooms,
            senders: people,
            listeners: 0,
        }
    }

    /// In each room; whoever sends comes first.
    const fn people(self) -> usize {
        self.senders + self.listeners
    }

    /// What somebody of a room does.
    fn part(self, number: usize) -> Part {
        let sends = number < self.senders;
        let receives = !sends || self.listeners == 0;
        let others = if receives {
            self.senders - usize::from(sends)
        } else {
            0
        };
        Part {
            speaks: sends && self.voice,
            layers: if sends { self.layers() } else { Vec::new() },
            hears: if self.voice {
                others.min(AUDIO_DOWNS_MAX)
            } else {
                0
            },
            sees: self.picture.map_or(0, |_| others.min(VIDEO_DOWNS_MAX)),
        }
    }

    fn layers(self) -> Vec<PublishedLayer> {
        let layer = |picture: Picture| PublishedLayer {
            rid: String::new(),
            width: picture.width,
            height: picture.height,
            kbps: picture.kbps,
        };
        self.picture.into_iter().map(layer).collect()
    }

    /// What everybody together should get, in Mbit/s, without the voices of rooms in which all speak at once.
    fn due_mbit(self) -> f64 {
        let kbps = match self.picture {
            Some(picture) => f64::from(picture.kbps),
            // What Opus takes, without headers.
            None => 32.0,
        };
        let streams: usize = (0..self.people())
            .map(|number| self.part(number))
            .map(|part| {
                if self.picture.is_some() {
                    part.sees
                } else {
                    part.hears
                }
            })
            .sum();
        (streams * self.rooms) as f64 * kbps / 1_000.0
    }
}

/// A server that passes things on. What is given back by `fill` ends the visit when it is dropped.
trait Sfu {
    fn who(&self) -> &'static str;
    fn pid(&self) -> u32;
    /// Brings everybody in, whose clients the crowd has room by room in the order of [`Case::part`].
    fn fill<'a>(&'a self, crowd: &mut Crowd, case: Case) -> Result<Box<dyn Visit + 'a>>;
}

/// Everybody who is there. They leave when it is dropped.
trait Visit {}

/// Measures all cases, or the one of this name, with ours (`server`, or the program that was built with this), and with Janus too if asked.
///
/// # Errors
/// When a server does not come up, or not everybody gets in; when there is no such case.
pub fn run(seconds: u32, against_janus: bool, server: Option<&Path>, only: Option<&str>) -> Result<Report> {
    let curves: &[Case] = if against_janus { &[] } else { &CURVES };
    let (cases, curves) = (chosen(&CASES, only), chosen(curves, only));
    ensure!(
        !cases.is_empty() || !curves.is_empty(),
        "there is no such case; the table at the head of the bench lists them"
    );
    let (cores, folder) = (Cores::share(), TempDir::with_prefix("parley-sfu-")?);
    let world = Namespace::create("sfu")?;
    world.add_own_address(&format!("{HERE}/24"))?;
    let mut servers: Vec<Box<dyn Sfu>> =
        vec![Box::new(Parley::start(server, folder.path(), &cores, &world)?)];
    if against_janus {
        servers.push(Box::new(Janus::start(folder.path(), &cores, &world)?));
    }
    cores.stay_off()?;
    system::be_punctual();
    let mut report = Report::default();
    let time = Duration::from_secs(seconds.min(SECONDS_MAX).into());
    for case in cases {
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
    for case in curves {
        for server in &servers {
            eprintln!("{}, {}", server.who(), case.name);
            let stretch = world.inside(|| stretch(server.as_ref(), case, time))?;
            fill_in(&mut report, server.who(), case, &[stretch]);
        }
    }
    if server.is_none() {
        let note = "ours is the program that was built with this bench, not the one that is given away";
        report.notes.push(note.to_owned());
    }
    report.notes.extend(cores.note());
    if against_janus {
        report.notes.push(format!(
            "times_peer is the CPU time of ours for a packet over Janus's; the goal is {GOAL:.2}"
        ));
    }
    Ok(report)
}

/// All of them, or the one of this name.
fn chosen(cases: &[Case], only: Option<&str>) -> Vec<Case> {
    let is_meant = |case: &&Case| only.is_none_or(|only| only == case.name);
    cases.iter().filter(is_meant).copied().collect()
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
    /// Of the server, at the end.
    memory_mb: f64,
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
    for number in (0..case.rooms).flat_map(|_| 0..case.people()) {
        crowd.add(case.part(number))?;
    }
    let _visit = server.fill(&mut crowd, case)?;
    for at in 0..case.rooms * case.people() {
        crowd.want(at, &[String::new()]);
    }
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
    let memory_mb = pss_mb(server.pid(), &[])?;
    let report = crowd.report();
    Ok(Stretch {
        packets: report.packets_per_s * report.seconds,
        mbit: report.mbit_s * report.seconds,
        seconds: report.seconds,
        loss_pct: report.loss_pct,
        p50_ms: report.forward_ms_p50.unwrap_or(f64::NAN),
        p99_ms: report.forward_ms_p99.unwrap_or(f64::NAN),
        cpu_s,
        memory_mb,
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
    if case.picture.is_some() {
        add("cpu_pct_per_stream", median(Stretch::pct_per_stream));
    }
    add("cpu_pct", median(|one| one.cpu_s * 100.0 / one.seconds));
    add("packets_per_s", median(|one| one.packets / one.seconds));
    add("mbit_s", median(|one| one.mbit / one.seconds));
    add("forward_ms_p50", median(|one| one.p50_ms));
    add("forward_ms_p99", median(|one| one.p99_ms));
    add("loss_pct", median(|one| one.loss_pct));
    add("pss_mb", median(|one| one.memory_mb));
    // What everybody should have got, but for some moments of it: less is another load than the case says.
    let due = case.due_mbit() * 0.93;
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
            memory_mb: 20.0,
        }
    }

    #[test]
    fn one_sends_to_listeners_or_all_send_to_each_other() {
        let one = CASES[0];
        let parts: Vec<_> = [0, 1]
            .map(|number| one.part(number))
            .map(|part| (part.speaks, part.layers.len(), part.hears, part.sees))
            .to_vec();
        assert_eq!(parts, [(false, 1, 0, 0), (false, 0, 0, 1)]);
        assert_eq!(one.due_mbit(), 15.0);
        let all = Case::of_all("x", SMALL, 2, 49);
        let part = all.part(48);
        assert_eq!(
            (part.speaks, part.layers.len(), part.hears, part.sees),
            (true, 1, AUDIO_DOWNS_MAX, VIDEO_DOWNS_MAX)
        );
    }

    #[test]
    fn one_case_can_be_asked_for() {
        let names = |cases: Vec<Case>| cases.iter().map(|case| case.name).collect::<Vec<_>>();
        assert_eq!(names(chosen(&CASES, Some("video-40"))), ["video-40"]);
        assert_eq!(chosen(&CASES, None).len(), CASES.len());
        assert!(chosen(&CURVES, Some("video-40")).is_empty());
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
