//! `cargo xtask bench group`: what a call of several costs one who is in it, in processor time and memory, and what its server.
//!
//! One endpoint shows the pictures of all others, at the size they have in a grid, and sends its own; it is the one that is measured.
//! The others send theirs, one of them looks at the measured one, and else they look at nobody: so many whole clients do not fit on
//! a small machine, and what they would see costs the measured one nothing. No window: its drawing is `bench call --window`'s.

use super::cost::{CpuMeter, pss_mb};
use super::rows::Report;
use crate::harness::cli::{Cli, Wish};
use crate::harness::idle_time::IdleTime;
use crate::harness::roll_call::{Came, Reading};
use crate::harness::server::RealServer;
use anyhow::{Context as _, Result, bail, ensure};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long each room is measured, when nothing is said.
pub const SECONDS: u32 = 20;
/// Two talk directly; ten is a grid that still shows faces.
const PEOPLE: [usize; 4] = [2, 3, 5, 10];
/// Until everybody is seen.
const PATIENCE: Duration = Duration::from_secs(60);
/// After that, encoders and ways find their rates.
const SETTLE: Duration = Duration::from_secs(5);
/// Everybody's camera.
const CAMERA: &str = "pattern:1280x720";
/// The one who is measured.
const WHO: &str = "parley";

/// Measures each size of room for so many seconds.
///
/// # Errors
/// When a program does not start, or somebody is not seen at all.
pub fn run(seconds: u32) -> Result<Report> {
    let mut report = Report::default();
    for people in PEOPLE {
        let case = format!("people-{people}");
        eprintln!("{case}");
        measure(
            &mut report,
            &case,
            people,
            Duration::from_secs(u64::from(seconds)),
        )
        .with_context(|| format!("with {people} people"))?;
    }
    report.notes.push(
        "one endpoint that shows all others and is seen by one in the size of a tile; nobody else looks at anybody; no window is drawn".into(),
    );
    Ok(report)
}

fn measure(report: &mut Report, case: &str, people: usize, lasts: Duration) -> Result<()> {
    let server = RealServer::start()?;
    let watcher = Cli::host(Some(server.url()), &wish("Watcher", &[]), None)?;
    let link = watcher.link()?;
    let mut others = Vec::with_capacity(people - 1);
    for at in 1..people {
        // One after the other: it is the call that is measured, not how they come. The first one looks at whom is measured.
        let looks: &[&str] = if at == 1 {
            &["--look", "1", "--look-size", tile(people)]
        } else {
            &["--look", "0"]
        };
        let wish = wish(&format!("Person {at}"), looks);
        others.push(Cli::join(&link, &wish, None)?);
        wait_until_seen(&watcher, at)?;
    }
    sleep(SETTLE);
    let Reading(before) = Reading::of_endpoint(&watcher);
    let (began, idle) = (Instant::now(), IdleTime::start());
    let [of_client, of_server] = [watcher.pid(), server.pid()].map(|pid| CpuMeter::start(pid, &[]));
    sleep(lasts);
    let [client, at_server] = [&of_client, &of_server].map(CpuMeter::pct);
    let idle = idle.share();
    let memory = [pss_mb(watcher.pid(), &[])?, pss_mb(server.pid(), &[])?];
    let Reading(after) = Reading::of_endpoint(&watcher);
    let seconds = began.elapsed().as_secs_f64();
    let each = after.iter().map(|(name, now)| {
        let then = before.get(name).copied().unwrap_or_default();
        let grown = |now: u64, then: u64| now.checked_sub(then).map(|grown| grown as f64 / seconds);
        Some((grown(now.pictures, then.pictures)?, grown(now.sound, then.sound)?))
    });
    let each: Option<Vec<(f64, f64)>> = each.collect();
    let each = each.context("somebody's way changed meanwhile")?;
    let fps_min = each
        .iter()
        .map(|(pictures, _)| *pictures)
        .fold(f64::MAX, f64::min);
    let sound: f64 = each.iter().map(|(_, sound)| *sound).sum();
    ensure!(
        after.len() == people - 1,
        "{} of {people} are left",
        after.len() + 1
    );
    report.add(WHO, case, "client_cpu_pct", client);
    report.add(WHO, case, "pss_mb_client", memory[0]);
    report.add(WHO, case, "server_cpu_pct", at_server);
    report.add(WHO, case, "pss_mb_server", memory[1]);
    report.add(WHO, case, "fps_shown_min", fps_min);
    report.add(WHO, case, "sound_packets_s", sound);
    report.add(WHO, case, "idle_pct", 100.0 * idle);
    Ok(())
}

/// How large pictures come to one of so many where nobody says otherwise (`parley-app`'s `endpoint/gaze`), as `parley-cli` writes it.
const fn tile(people: usize) -> &'static str {
    match people {
        0..=2 => "1280x720",
        3..=5 => "640x360",
        _ => "320x180",
    }
}

fn wish(name: &str, more: &[&str]) -> Wish {
    let always = ["--name", name, "--events"];
    Wish {
        // It ends with the measurement, not before.
        seconds: 3_600,
        video: CAMERA.into(),
        more: always.iter().chain(more).map(|&word| word.to_owned()).collect(),
        ..Wish::default()
    }
}

fn wait_until_seen(watcher: &Cli, others: usize) -> Result<()> {
    let began = Instant::now();
    loop {
        let Reading(came) = Reading::of_endpoint(watcher);
        // Of those who all speak, the server passes the loudest on.
        let seen = |came: &&Came| came.pictures > 0;
        if came.len() == others && came.values().filter(seen).count() == others {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            bail!("not everybody was seen: {came:?}; {}", watcher.last_words());
        }
        sleep(Duration::from_millis(200));
    }
}
