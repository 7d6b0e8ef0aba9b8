//! `cargo xtask bench signaling`: what people cost the server who are in a room and do nothing, and how long coming in takes while
//! many do. The server is the real program, alone on one processor.
//!
//! | step | what | figures |
//! |---|---|---|
//! | 1 | 5,000 people come, two to a room, and stay; each says every ten seconds that it is there | memory of each, CPU |
//! | 2 | beside them, 500 people a second come into rooms of their own and leave at once | joins a second, how long a join takes, CPU |
//!
//! A join is all of it: TCP, WebSocket, ticket, place in the room.

use super::cost::{CpuMeter, pss_mb};
use super::rows::Report;
use crate::harness::cores::Cores;
use crate::harness::participant::Participant;
use crate::harness::programs::our;
use crate::harness::server::RealServer;
use crate::harness::system;
use anyhow::{Context as _, Result};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

/// How long each step is watched, when nothing is said.
pub const SECONDS: u32 = 20;
/// People who are there and do nothing. An even number.
const PARTICIPANTS: usize = 5_000;
/// Pairs of them who are on their way in at once.
const COMING_MAX: usize = 64;
/// People who come, a second, beside them.
const JOINS_PER_S: u32 = 500;
/// What the server takes at once: more than there are here.
const SERVER_TAKES: &str = "16384";
/// People on their way in or out at once; who would be one more does not come, which is counted.
const VISITS_MAX: usize = 2_000;
/// How long all may take to be in.
const FILL_PATIENCE: Duration = Duration::from_secs(180);
/// What was needed for coming in is given back by then.
const SETTLE: Duration = Duration::from_secs(3);
/// How long those under way at the end may take.
const DRAIN: Duration = Duration::from_secs(30);
const CASE: &str = "one-core";
const WHO: &str = "parley";

/// Measures both steps; `program` is the server, or the one that was built with this.
///
/// # Errors
/// When the server does not come up, or not everybody gets in.
pub fn run(seconds: u32, program: Option<&Path>) -> Result<Report> {
    let (cores, folder) = (Cores::share(), TempDir::with_prefix("parley-signaling-")?);
    system::allow_many_files()?;
    let server = RealServer::start_as(cores.alone(command(program, folder.path())?))?;
    let address: SocketAddr = server.url().trim_start_matches("http://").parse()?;
    cores.stay_off()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.for_load())
        .enable_all()
        .build()?;
    let mut report = Report::default();
    let time = Duration::from_secs(seconds.into());
    let memory = || pss_mb(server.pid(), &[]);

    let empty_mb = memory()?;
    let (go, going) = watch::channel(false);
    eprintln!("{PARTICIPANTS} people come");
    let mut idle = runtime.block_on(fill(address, &going))?;
    std::thread::sleep(SETTLE);
    let full_mb = memory()?;
    eprintln!("they are there, {seconds} s");
    let meter = CpuMeter::start(server.pid(), &[]);
    std::thread::sleep(time);
    report.add(WHO, CASE, "participants", PARTICIPANTS as f64);
    report.add(
        WHO,
        CASE,
        "kb_per_participant",
        kb_each(empty_mb, full_mb, PARTICIPANTS),
    );
    report.add(WHO, CASE, "cpu_idle_pct", meter.pct());

    eprintln!("{JOINS_PER_S} a second come and leave, {seconds} s");
    let meter = CpuMeter::start(server.pid(), &[]);
    let visits = runtime.block_on(visits(address, time));
    report.add(WHO, CASE, "cpu_joining_pct", meter.pct());
    fill_in(&mut report, &visits);
    report.add(WHO, CASE, "pss_mb", memory()?);

    let _ = go.send(true);
    let stayed = runtime.block_on(all_stayed(&mut idle));
    if stayed != PARTICIPANTS {
        report.ok = false;
        report.notes.push(format!(
            "only {stayed} of {PARTICIPANTS} were there without a break until the end"
        ));
    }
    report.notes.extend(cores.note());
    Ok(report)
}

fn command(program: Option<&Path>, data: &Path) -> Result<Command> {
    let mut command = match program {
        Some(program) => Command::new(program),
        None => our("parley-server")?,
    };
    command
        .args(["--listen", "127.0.0.1:0", "--stun", "127.0.0.1:0", "--data-dir"])
        .arg(data)
        .env("PARLEY_SERVER_DRAIN_SECONDS", "0")
        .env("PARLEY_SERVER_LIMITS_CONNECTIONS", SERVER_TAKES)
        .env("PARLEY_SERVER_LIMITS_PARTICIPANTS", SERVER_TAKES)
        .env("RUST_LOG", "warn,parley_server=info,stun_types=off");
    Ok(command)
}

/// Pairs who come and stay; each task gives how many of its two were never lost.
async fn fill(server: SocketAddr, going: &watch::Receiver<bool>) -> Result<JoinSet<Result<usize>>> {
    let mut pairs = JoinSet::new();
    let coming = Arc::new(Semaphore::new(COMING_MAX));
    let all = async {
        for _ in 0..PARTICIPANTS / 2 {
            let place = Arc::clone(&coming).acquire_owned().await?;
            pairs.spawn(pair(server, place, going.clone()));
            // None of them ends by itself yet.
            if let Some(ended) = pairs.try_join_next() {
                ended??;
            }
        }
        // All places are free again: everybody is in, or failed.
        let _ = coming.acquire_many(u32::try_from(COMING_MAX)?).await?;
        match pairs.try_join_next() {
            Some(ended) => ended?.map(drop),
            None => Ok(()),
        }
    };
    timeout(FILL_PATIENCE, all)
        .await
        .with_context(|| format!("not all of {PARTICIPANTS} got in within {FILL_PATIENCE:?}"))??;
    Ok(pairs)
}

/// Two who come, give their place among those who are coming to others, and stay.
async fn pair(
    server: SocketAddr,
    coming: OwnedSemaphorePermit,
    mut going: watch::Receiver<bool>,
) -> Result<usize> {
    let mut host = Participant::enter(server, None, "Ada").await?;
    let mut guest = Participant::enter(server, Some(host.room()), "Ben").await?;
    drop(coming);
    let mut going_too = going.clone();
    let (host, guest) = tokio::join!(host.stay(&mut going), guest.stay(&mut going_too));
    Ok([host, guest]
        .iter()
        .filter(|came_back| matches!(came_back, Ok(0)))
        .count())
}

async fn all_stayed(pairs: &mut JoinSet<Result<usize>>) -> usize {
    let mut stayed = 0;
    let count = async {
        while let Some(pair) = pairs.join_next().await {
            stayed += pair.ok().and_then(Result::ok).unwrap_or(0);
        }
    };
    let _ = timeout(DRAIN, count).await;
    stayed
}

/// What became of those who came and left.
#[derive(Debug, Default)]
struct Visits {
    join_ms: Vec<f64>,
    failed: usize,
    first_failure: Option<String>,
    /// Who did not even come: too many were on their way.
    held_back: usize,
    seconds: f64,
}

impl Visits {
    fn add(&mut self, outcome: Result<f64>) {
        match outcome {
            Ok(ms) => self.join_ms.push(ms),
            Err(error) => {
                self.failed += 1;
                self.first_failure.get_or_insert_with(|| format!("{error:#}"));
            }
        }
    }
}

async fn visits(server: SocketAddr, time: Duration) -> Visits {
    let mut visits = Visits::default();
    let mut under_way = JoinSet::new();
    let mut tick = interval(Duration::from_secs_f64(1.0 / f64::from(JOINS_PER_S)));
    let begin = Instant::now();
    while begin.elapsed() < time {
        tick.tick().await;
        if under_way.len() >= VISITS_MAX {
            visits.held_back += 1;
        } else {
            under_way.spawn(visit(server));
        }
        while let Some(done) = under_way.try_join_next() {
            visits.add(done.context("a visit ended oddly").flatten());
        }
    }
    visits.seconds = begin.elapsed().as_secs_f64();
    let rest = async {
        while let Some(done) = under_way.join_next().await {
            visits.add(done.context("a visit ended oddly").flatten());
        }
    };
    let in_time = timeout(DRAIN, rest).await.is_ok();
    if !in_time {
        visits.failed += under_way.len();
    }
    visits
}

/// Milliseconds from nothing to a place in a room.
async fn visit(server: SocketAddr) -> Result<f64> {
    let begin = Instant::now();
    let visitor = Participant::enter(server, None, "Eve").await?;
    let join_ms = begin.elapsed().as_secs_f64() * 1e3;
    visitor.leave().await?;
    Ok(join_ms)
}

fn fill_in(report: &mut Report, visits: &Visits) {
    let joins_s = visits.join_ms.len() as f64 / visits.seconds;
    report.add(WHO, CASE, "joins_s", joins_s);
    report.add_quantiles(WHO, CASE, "join_ms", &visits.join_ms);
    let missed = visits.failed + visits.held_back;
    if missed > 0 {
        report.notes.push(format!(
            "{} of {} visits failed and {} were held back; the first said: {}",
            visits.failed,
            visits.join_ms.len() + missed,
            visits.held_back,
            visits.first_failure.as_deref().unwrap_or("nothing")
        ));
    }
    report.ok &= visits.failed == 0 && joins_s >= 0.95 * f64::from(JOINS_PER_S);
}

/// In kB (1,000 bytes), of memory in MB.
fn kb_each(empty_mb: f64, full_mb: f64, people: usize) -> f64 {
    (full_mb - empty_mb) * 1000.0 / people as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_what_people_added() {
        assert!((kb_each(12.0, 62.0, 5_000) - 10.0).abs() < 1e-9);
    }

    #[test]
    fn a_server_that_does_not_keep_up_is_not_fine() {
        let visits = |joins: usize, failed| Visits {
            join_ms: vec![4.0; joins],
            failed,
            first_failure: (failed > 0).then(|| "no".to_owned()),
            held_back: 0,
            seconds: 10.0,
        };
        let ok = |joins, failed| {
            let mut report = Report::default();
            fill_in(&mut report, &visits(joins, failed));
            (report.ok, report.notes.len())
        };
        assert_eq!(ok(5_000, 0), (true, 0));
        assert_eq!(ok(4_000, 0), (false, 0));
        assert_eq!(ok(4_990, 10), (false, 1));
    }
}
