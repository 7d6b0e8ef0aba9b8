//! What programs cost: CPU time and memory of a process and everything it started, from `/proc` and the kernel's clocks.

use crate::harness::system;
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

/// Clock ticks per second in `/proc/PID/stat`: fixed at 100 in Linux's interface to programs.
const TICKS_PER_S: f64 = 100.0;

/// CPU time spent by a tree of processes since the meter was started.
#[derive(Debug)]
pub struct CpuMeter {
    root: u32,
    skip: Vec<String>,
    spent: BTreeMap<u32, f64>,
    started: Instant,
}

impl CpuMeter {
    /// Starts measuring `root` and its descendants, except those whose program is called one of `skip`.
    #[must_use]
    pub fn start(root: u32, skip: &[&str]) -> Self {
        let skip: Vec<String> = skip.iter().map(|name| (*name).to_owned()).collect();
        let spent = processes(root, &skip)
            .into_iter()
            .map(|process| (process.pid, process.cpu_s))
            .collect();
        Self {
            root,
            skip,
            spent,
            started: Instant::now(),
        }
    }

    /// CPU seconds since the start. Processes that ended in between are left out; there are none in a steady call.
    #[must_use]
    pub fn spent_s(&self) -> f64 {
        processes(self.root, &self.skip)
            .into_iter()
            .map(|process| process.cpu_s - self.spent.get(&process.pid).copied().unwrap_or(0.0))
            .sum()
    }

    /// CPU seconds per minute since the start.
    #[must_use]
    pub fn s_per_min(&self) -> f64 {
        self.spent_s() / self.started.elapsed().as_secs_f64() * 60.0
    }

    /// Percent of one processor since the start.
    #[must_use]
    pub fn pct(&self) -> f64 {
        self.spent_s() / self.started.elapsed().as_secs_f64() * 100.0
    }
}

/// What this thread has spent of a processor so far, in milliseconds.
///
/// # Errors
/// When the kernel does not count it.
pub fn thread_ms() -> Result<f64> {
    let path = "/proc/thread-self/schedstat";
    let told = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    let ns = told.split_whitespace().next().context("an empty schedstat")?;
    Ok(ns.parse::<f64>()? / 1e6)
}

/// Memory of a tree of processes in MB (10^6 bytes), shared pages divided among those who share them (PSS).
///
/// # Errors
/// When the process is gone.
pub fn pss_mb(root: u32, skip: &[&str]) -> Result<f64> {
    let skip: Vec<String> = skip.iter().map(|name| (*name).to_owned()).collect();
    let mut kib = 0.0;
    for process in processes(root, &skip) {
        // One that ended since has no memory.
        let Ok(rollup) = fs::read_to_string(format!("/proc/{}/smaps_rollup", process.pid)) else {
            continue;
        };
        let line = rollup
            .lines()
            .find(|line| line.starts_with("Pss:"))
            .context("no Pss line")?;
        kib += line
            .split_whitespace()
            .nth(1)
            .and_then(|number| number.parse::<f64>().ok())
            .unwrap_or(0.0);
    }
    anyhow::ensure!(kib > 0.0, "process {root} is gone");
    Ok(kib * 1024.0 / 1e6)
}

#[derive(Debug, Clone, PartialEq)]
struct Process {
    pid: u32,
    parent: u32,
    name: String,
    cpu_s: f64,
}

/// `root` and its descendants.
fn processes(root: u32, skip: &[String]) -> Vec<Process> {
    let all: Vec<Process> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter_map(|pid| parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?))
        .collect();
    let mut family = vec![root];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        next += 1;
        family.extend(
            all.iter()
                .filter(|process| process.parent == parent)
                .map(|process| process.pid),
        );
    }
    all.into_iter()
        .filter(|process| family.contains(&process.pid) && !skip.contains(&process.name))
        // The same to the nanosecond. One that ended since keeps its hundredths.
        .map(|process| Process {
            cpu_s: system::cpu_s(process.pid).unwrap_or(process.cpu_s),
            ..process
        })
        .collect()
}

/// Reads a line of `/proc/PID/stat` (proc(5)); the name stands in parentheses and may hold anything.
fn parse(line: &str) -> Option<Process> {
    let (before, rest) = line.split_once('(')?;
    let (name, after) = rest.rsplit_once(')')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some(Process {
        pid: before.trim().parse().ok()?,
        parent: fields.get(1)?.parse().ok()?,
        name: name.to_owned(),
        cpu_s: (ticks(11)? + ticks(12)?) / TICKS_PER_S,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_line_of_proc_is_read_whatever_the_program_is_called() {
        let line = "42 (a) name (x) S 7 42 42 0 -1 4194560 1 0 0 0 150 50 9 9 20 0 1 0 5 6 7";
        assert_eq!(
            parse(line),
            Some(Process {
                pid: 42,
                parent: 7,
                name: "a) name (x".into(),
                cpu_s: 2.0
            })
        );
    }

    #[test]
    fn a_busy_child_is_counted_and_a_skipped_one_is_not() {
        let mut busy = Command::new("sh")
            .args(["-c", "sh -c 'while :; do :; done'"])
            .spawn()
            .unwrap();
        let meter = CpuMeter::start(busy.id(), &[]);
        let blind = CpuMeter::start(busy.id(), &["sh"]);
        std::thread::sleep(std::time::Duration::from_millis(600));
        let (seen, unseen) = (meter.s_per_min(), blind.s_per_min());
        let memory = pss_mb(busy.id(), &[]).unwrap();
        // The loop is a child of the first shell only if that shell forked; end whichever there are.
        for process in processes(busy.id(), &[]) {
            crate::harness::system::terminate(process.pid);
        }
        busy.wait().unwrap();
        // A loop takes all it gets, and the machine may be busy with other things.
        assert!(seen > 1.0, "{seen}");
        assert_eq!(unseen, 0.0);
        assert!(memory > 0.05, "{memory}");
    }
}
