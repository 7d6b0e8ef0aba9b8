//! `cargo xtask bench files`: how fast a file goes from one endpoint to another and what it costs, next to Chromium's bare data
//! channel on the same machine.
//!
//! | case | way | file |
//! |---|---|---|
//! | loopback | this machine | 1 GB |
//! | rtt50-loss1 | a cable of 25 ms each way that loses 1 % | 32 MB |
//!
//! Ours reads, hashes, sends, writes, hashes again and compares; Chromium only sends and counts. CPU seconds are those of both
//! sides together, memory is the larger side's.

use super::rows::Report;
use crate::harness::cable::{Cable, CableSpec};
use crate::harness::cli::{Cli, Figures, Wish};
use crate::harness::namespaces::Namespace;
use crate::harness::peers::project_folder;
use crate::harness::programs::Program;
use crate::harness::server::RealServer;
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The file over loopback, in MB.
pub const LOOPBACK_MB: u32 = 1000;
/// The file over the cable, in MB.
const CABLE_MB: u32 = 32;
/// What the cable does.
const CABLE: &str = "delay=25,loss=1";
/// A slow machine takes a while.
const PATIENCE: Duration = Duration::from_secs(900);

/// Measures both cases, and Chromium too if asked.
///
/// # Errors
/// When it could not even be tried.
pub fn run(loopback_mb: u32, against_chromium: bool) -> Result<Report> {
    let mut report = Report::default();
    eprintln!("parley, loopback: {loopback_mb} MB");
    loopback(&mut report, loopback_mb)?;
    if against_chromium {
        eprintln!("chromium, loopback: {loopback_mb} MB");
        chromium(&mut report, "loopback", loopback_mb, None)?;
    }
    over_cable(&mut report, against_chromium)?;
    Ok(report)
}

fn loopback(report: &mut Report, mb: u32) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = made_file(folder.path(), mb)?;
    let host = Cli::host(None, &sends(&file), None)?;
    let guest = Cli::join(&host.link()?, &takes(folder.path()), None)?;
    fill(report, "loopback", &host, &guest)
}

fn over_cable(report: &mut Report, against_chromium: bool) -> Result<()> {
    let (here, there) = (Namespace::create("files-a")?, Namespace::create("files-b")?);
    let spec: CableSpec = CABLE.parse()?;
    let _cable = Cable::connect(&here, &there, "10.97.7", &spec)?;
    let folder = tempfile::tempdir()?;
    let file = made_file(folder.path(), CABLE_MB)?;
    let server = RealServer::start_at("10.97.7.1:7788".parse()?, folder.path(), Some(&here))?;
    eprintln!("parley, rtt50-loss1: {CABLE_MB} MB");
    let host = Cli::host(Some(server.url()), &sends(&file), Some(&here))?;
    let guest = Cli::join(&host.link()?, &takes(folder.path()), Some(&there))?;
    fill(report, "rtt50-loss1", &host, &guest)?;
    if against_chromium {
        eprintln!("chromium, rtt50-loss1: {CABLE_MB} MB");
        here.route_everything_to("10.97.7.2")?;
        there.route_everything_to("10.97.7.1")?;
        chromium(report, "rtt50-loss1", CABLE_MB, Some((&here, &there)))?;
    }
    Ok(())
}

fn quiet(more: Vec<String>) -> Wish {
    Wish {
        video: "off".into(),
        audio: "off".into(),
        seconds: 3600,
        more,
        ..Wish::default()
    }
}

/// The endpoint that sends a file.
#[must_use]
pub fn sends(file: &Path) -> Wish {
    quiet(vec![
        "--send".into(),
        file.display().to_string(),
        "--leave-after-files".into(),
    ])
}

/// The endpoint that takes what comes into `in` of a folder.
#[must_use]
pub fn takes(folder: &Path) -> Wish {
    let into = folder.join("in").display().to_string();
    quiet(vec!["--download".into(), into, "--leave-after-files".into()])
}

fn fill(report: &mut Report, case: &str, host: &Cli, guest: &Cli) -> Result<()> {
    let (sent, received) = (host.figures(PATIENCE)?, guest.figures(PATIENCE)?);
    report.ok &= sent.get("files_sent").is_ok_and(|n| n == 1.0)
        && received.get("files_received").is_ok_and(|n| n == 1.0);
    let both = |metric| -> Option<(f64, f64)> { Some((value(&sent, metric)?, value(&received, metric)?)) };
    let mb_s = value(&received, "file_mb_s");
    eprintln!("parley, {case}: {} MB/s", mb_s.unwrap_or(f64::NAN));
    report.add_or_note("parley", case, "mb_s", mb_s);
    let gb = value(&received, "file_mb").map(|mb| mb / 1000.0);
    let cpu = both("file_cpu_s")
        .zip(gb)
        .map(|((one, other), gb)| (one + other) / gb);
    report.add_or_note("parley", case, "cpu_s_per_gb", cpu);
    report.add_or_note(
        "parley",
        case,
        "pss_mb",
        both("file_pss_mb").map(|(one, other)| one.max(other)),
    );
    Ok(())
}

fn value(figures: &Figures, metric: &str) -> Option<f64> {
    figures.values.get(metric).copied()
}

/// Bytes that nothing can make smaller or guess.
///
/// # Errors
/// When there is no room for it.
pub fn made_file(folder: &Path, mb: u32) -> Result<PathBuf> {
    let path = folder.join("made.bin");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut block = vec![0u8; 1_000_000];
    for _ in 0..mb {
        for word in block.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        file.write_all(&block)?;
    }
    file.flush()?;
    Ok(path)
}

fn chromium(
    report: &mut Report,
    case: &str,
    mb: u32,
    namespaces: Option<(&Namespace, &Namespace)>,
) -> Result<()> {
    let mut command = Command::new("node");
    command
        .arg(project_folder().join("tests/interop/bench_files_chromium.mjs"))
        .args(["--case", case, "--mb", &mb.to_string()]);
    if let Some((one, other)) = namespaces {
        command.args(["--netns", &format!("{},{}", one.name(), other.name())]);
    }
    let bench = Program::start("bench_files_chromium.mjs", &mut command).context("is Node installed?")?;
    let read = |line: &str| {
        serde_json::from_str::<Value>(line)
            .ok()
            .filter(|whole| whole.get("rows").is_some())
    };
    let line = bench.wait_for_line(PATIENCE, |line| read(line).is_some())?;
    let whole = read(&line).context("figures")?;
    let rows = whole["rows"].as_array().context("rows")?;
    ensure!(!rows.is_empty(), "Chromium measured nothing");
    for row in rows {
        let (Some(metric), Some(value)) = (row["metric"].as_str(), row["value"].as_f64()) else {
            continue;
        };
        eprintln!("chromium, {case}: {metric} {value:.3}");
        report.add("chromium", case, metric, value);
    }
    Ok(())
}
