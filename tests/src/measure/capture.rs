//! `cargo xtask bench capture`: what taking pictures of a screen costs, before encoding.
//!
//! A window of 1920x1080 shows a new page at each beat. What the X server spends on drawing it alone is measured first and
//! taken off; what it spends more once pictures are taken is counted as ours.

use super::cost::CpuMeter;
use super::rows::Report;
use crate::harness::programs::{Program, our};
use crate::harness::text_window::TextWindow;
use crate::harness::xvfb::Screen;
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long each case lasts, when nothing is said.
pub const SECONDS: u32 = 10;
/// Name, pictures a second.
const CASES: [(&str, u32); 2] = [("1080p15-text", 15), ("1080p30-motion", 30)];

/// Measures all cases.
///
/// # Errors
/// When there is no screen, or a program is missing.
pub fn run(seconds: u32) -> Result<Report> {
    let mut report = Report::default();
    for (case, fps) in CASES {
        measure(&mut report, case, fps, Duration::from_secs(seconds.into()))?;
    }
    report.notes.push(
        "cpu_pct counts Parley's capture (pointer, copy, conversion to I420) and what the X server spends for it, of one core; \
         server_cpu_pct is the server's part"
            .into(),
    );
    Ok(report)
}

fn measure(report: &mut Report, case: &str, fps: u32, time: Duration) -> Result<()> {
    let screen = Screen::switch_on(1920, 1080)?;
    let window = TextWindow::open(&screen, (1920, 1080), (0, 0))?;
    window.tell(&format!("play {fps}"))?;
    eprintln!("{case}: the server alone");
    let alone = spent(&[screen.pid()], time)?;

    let mut command = our("screen-probe")?;
    command
        .env("DISPLAY", screen.display())
        .args(["monitor:", &fps.to_string(), "--cursor"]);
    let probe = Program::start("screen-probe", &mut command)?;
    std::thread::sleep(Duration::from_secs(1));
    eprintln!("{case}: with capture");
    let before = count(&probe, "before")?;
    let begin = Instant::now();
    let both = spent(&[screen.pid(), probe.pid()], time)?;
    let after = count(&probe, "after")?;
    let shown = (after - before) / begin.elapsed().as_secs_f64();
    let server = (pct(&both, 0) - pct(&alone, 0)).max(0.0);
    report.add("parley", case, "fps", shown);
    report.add("parley", case, "cpu_pct", pct(&both, 1) + server);
    report.add("parley", case, "server_cpu_pct", server);
    report.ok &= shown > f64::from(fps) * 0.5;
    Ok(())
}

fn pct(spent: &[f64], index: usize) -> f64 {
    spent.get(index).copied().unwrap_or(f64::NAN)
}

/// Percent of one core that each process takes.
fn spent(pids: &[u32], time: Duration) -> Result<Vec<f64>> {
    let meters: Vec<_> = pids.iter().map(|pid| CpuMeter::start(*pid, &[])).collect();
    std::thread::sleep(time);
    Ok(meters
        .iter()
        .map(|meter| meter.s_per_min() / 60.0 * 100.0)
        .collect())
}

fn count(probe: &Program, when: &str) -> Result<f64> {
    probe.say(when)?;
    let asked = format!("\"asked\":\"{when}\"");
    let line = probe.wait_for_line(Duration::from_secs(5), |line| line.contains(&asked))?;
    let answer: Value = serde_json::from_str(&line)?;
    answer["count"].as_f64().context("no count in the answer")
}
