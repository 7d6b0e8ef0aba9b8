//! `cargo xtask bench call`: what a call costs and how late it is, one way and two ways, next to Chromium on the same
//! machine with the same clip, one after the other.
//!
//! | run | sources | figures |
//! |---|---|---|
//! | set-up, ten times | clip | connected, first picture |
//! | cost | clip (a file, as Chromium's fake camera reads it) | CPU, memory, rates |
//! | latency | the same picture drawn live with the time in it, built-in speech | latencies, likeness of sound |
//!
//! Latency has a run of its own on both sides: reading clocks out of pictures costs CPU.
//!
//! A last case is the two-way call with everything on, of which cost alone is measured: the whole voice chain at both sides, and
//! virtual sound cards, which play what comes; ours take what they send from one, too.

use super::call;
use super::parley;
use super::rows::Report;
use crate::harness::cli::Wish;
use crate::harness::peers::project_folder;
use crate::harness::programs::{Program, built_folder, our};
use crate::harness::server::RealServer;
use crate::harness::sound;
use crate::harness::sound_card::SoundCard;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long each run lasts, when nothing is said.
pub const SECONDS: u32 = 30;
/// What both sides' pictures may take.
const KBPS: u32 = 1500;
/// Set-ups that are timed.
const SET_UPS: usize = 10;
/// The case with everything on.
const ALL_ON: &str = "all-on";
/// The metrics that only a run of its own gives.
const LATENCIES: &[&str] = &[
    "picture_latency_ms_p50",
    "picture_latency_ms_p95",
    "sound_latency_ms_p50",
    "sound_latency_ms_p95",
    "sound_match",
];

/// The clip that both sides send.
#[derive(Debug)]
struct Clip {
    video: PathBuf,
    audio: PathBuf,
}

/// Measures both cases, and Chromium too if asked.
///
/// # Errors
/// When a call could not even be tried.
pub fn run(seconds: u32, against_chromium: bool) -> Result<Report> {
    let clip = clip()?;
    let mut report = Report::default();
    for case in ["one-way", "two-way"] {
        measure_parley(&mut report, case, seconds, &clip)?;
        if against_chromium {
            measure_chromium(&mut report, case, seconds, &clip, &[])?;
        }
    }
    measure_all_on(&mut report, seconds, &clip)?;
    if against_chromium {
        let card = SoundCard::plug_in()?;
        measure_chromium(&mut report, ALL_ON, seconds, &clip, &card.environment())?;
    }
    Ok(report)
}

/// What a call costs with devices and voice chain.
fn measure_all_on(report: &mut Report, seconds: u32, clip: &Clip) -> Result<()> {
    let case = ALL_ON;
    eprintln!("parley, {case}: cost, {seconds} s");
    let words = sound::over_and_over(&clip.audio, Duration::from_secs(u64::from(seconds) + 60))?;
    let cards = [SoundCard::plug_in()?, SoundCard::plug_in()?];
    let _talking = [cards[0].speak(&words)?, cards[1].speak(&words)?];
    let [host, guest] = cards.each_ref().map(|card| Wish {
        video: clip.video.display().to_string(),
        audio: "mic".into(),
        speaker: "speaker".into(),
        seconds,
        environment: card.environment(),
        more: ["--max-kbps", &KBPS.to_string(), "--voice", "on"]
            .map(str::to_owned)
            .into(),
        ..Wish::default()
    });
    let [sender, receiver] = parley::call(&host, &guest, |_| {})?;
    report.ok &= sender.figures.ok && receiver.figures.ok;
    for metric in ["fps_sent", "fps_shown", "kbit_s", "loss_pct"] {
        let value = receiver.figures.values.get(metric).copied();
        report.add_or_note("parley", case, metric, value);
    }
    for (name, side) in [("sender", &sender), ("receiver", &receiver)] {
        report.add(
            "parley",
            case,
            &format!("cpu_s_per_min_{name}"),
            side.cpu_s_per_min,
        );
        report.add("parley", case, &format!("pss_mb_{name}"), side.pss_mb);
    }
    Ok(())
}

fn measure_parley(report: &mut Report, case: &str, seconds: u32, clip: &Clip) -> Result<()> {
    let sends = |video: &Path, audio: &str, seconds: u32| Wish {
        video: video.display().to_string(),
        audio: audio.to_owned(),
        seconds,
        more: vec!["--max-kbps".into(), KBPS.to_string()],
        ..Wish::default()
    };
    let answers = |wish: &Wish| match case {
        "one-way" => Wish {
            video: "off".into(),
            audio: "off".into(),
            ..wish.clone()
        },
        _ => wish.clone(),
    };
    let clip_audio = clip.audio.display().to_string();

    let (mut connected, mut first_picture) = (Vec::new(), Vec::new());
    for attempt in 1..=SET_UPS {
        eprintln!("parley, {case}: set-up {attempt} of {SET_UPS}");
        let host = sends(&clip.video, &clip_audio, 2);
        let (to_connected, to_picture) = parley::set_up(&host, &answers(&host))?;
        connected.push(to_connected);
        first_picture.push(to_picture);
    }
    report.add_quantiles("parley", case, "connected_ms", &connected);
    report.add_quantiles("parley", case, "first_picture_ms", &first_picture);

    eprintln!("parley, {case}: cost, {seconds} s");
    let host = sends(&clip.video, &clip_audio, seconds);
    let [sender, receiver] = parley::call(&host, &answers(&host), |_| {})?;
    report.ok &= receiver.figures.ok;
    eprintln!("parley, {case}: latency, {seconds} s");
    let host = sends(Path::new("pattern"), "speech", seconds);
    let [_, timed] = parley::call(&host, &answers(&host), |_| {})?;

    let mut combined = receiver;
    // Set-up figures stand above, of ten times.
    combined.figures.values.retain(|metric, _| {
        !matches!(metric.as_str(), "connected_ms" | "first_picture_ms")
            && !LATENCIES.contains(&metric.as_str())
    });
    let late = timed
        .figures
        .values
        .iter()
        .filter(|(metric, _)| LATENCIES.contains(&metric.as_str()));
    combined
        .figures
        .values
        .extend(late.map(|(metric, value)| (metric.clone(), *value)));
    // One way, only the sender knows what it sent.
    if let Ok(sent) = sender.figures.get("fps_sent") {
        combined.figures.values.insert("fps_sent".into(), sent);
    }
    let mut filled = Report::default();
    call::fill(&mut filled, case, &combined, &sender);
    report.rows.extend(filled.rows);
    // Of what is missing only that is worth a note that no other run gave either.
    let known = ["connected_ms", "first_picture_ms"];
    report.notes.extend(
        filled
            .notes
            .into_iter()
            .filter(|note| !known.iter().any(|metric| note.contains(metric))),
    );
    Ok(())
}

fn measure_chromium(
    report: &mut Report,
    case: &str,
    seconds: u32,
    clip: &Clip,
    environment: &[(String, String)],
) -> Result<()> {
    if case == ALL_ON {
        eprintln!("chromium, {case}: cost, {seconds} s");
    } else {
        eprintln!("chromium, {case}: {SET_UPS} set-ups, cost and latency of {seconds} s each");
    }
    let server = RealServer::start()?;
    let mut command = Command::new("node");
    command
        .envs(environment.iter().cloned())
        .arg(project_folder().join("tests/interop/bench_chromium.mjs"))
        .args(["--server", server.url(), "--case", case])
        .args([
            "--seconds",
            &seconds.to_string(),
            "--setups",
            &SET_UPS.to_string(),
        ])
        .arg("--video")
        .arg(&clip.video)
        .arg("--audio")
        .arg(&clip.audio);
    let bench = Program::start("bench_chromium.mjs", &mut command).context("is Node installed?")?;
    let limit = Duration::from_secs(180 + 3 * u64::from(seconds));
    let read = |line: &str| {
        let whole: Value = serde_json::from_str(line).ok()?;
        whole.get("rows").is_some().then_some(whole)
    };
    let line = bench.wait_for_line(limit, |line| read(line).is_some())?;
    let whole = read(&line).context("figures")?;
    for row in whole["rows"].as_array().into_iter().flatten() {
        let (Some(metric), Some(value)) = (row["metric"].as_str(), row["value"].as_f64()) else {
            bail!("an odd row: {row}");
        };
        report.add("chromium", case, metric, value);
    }
    let notes = whole["notes"].as_array().into_iter().flatten();
    report
        .notes
        .extend(notes.filter_map(|note| note.as_str().map(str::to_owned)));
    Ok(())
}

/// Makes the clip, or finds the one made before.
fn clip() -> Result<Clip> {
    let built = built_folder()?;
    let folder = built.parent().unwrap_or(&built).join("bench");
    let clip = Clip {
        video: folder.join("clip.y4m"),
        audio: folder.join("clip.wav"),
    };
    if !(clip.video.is_file() && clip.audio.is_file()) {
        eprintln!("making the clip");
        std::fs::create_dir_all(&folder)?;
        let status = our("bench-clip")?.arg(&folder).status()?;
        ensure!(status.success(), "the clip could not be made");
    }
    Ok(clip)
}
