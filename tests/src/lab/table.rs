//! Scorecards as a page: what there is to reach and what was, then every scenario, ours beside Chromium's, the weakest rows first.
//! Pure; what people wrote around the tables stays.

use super::goals::outcomes;
use super::scenario::{SCENARIOS, Scenario};
use super::{CHROMIUM, PARLEY};
use crate::measure::rows::{Report, shown};
use anyhow::{Context as _, Result};
use std::fmt::Write as _;

/// Between these lines of the page everything is written anew.
const BEGIN: &str = "<!-- measured: begin -->";
const END: &str = "<!-- measured: end -->";
/// By so many steps ours is better when only ours could be measured: nobody knows.
const ALONE: f64 = 0.0;
/// And when only theirs could: worse than anything that was measured, as a rule.
const MISSING: f64 = -9.0;

/// Whether more is better, and how much is a step that people notice.
#[derive(Debug, Clone, Copy)]
enum Scale {
    /// More is better, a step is so much.
    Up(f64),
    /// Less is better, a step is so much.
    Down(f64),
    /// Less is better, a step is half as much again, and less than so much is all the same.
    DownBy(f64),
}

impl Scale {
    /// By how many steps ours is better than theirs; below zero it is worse.
    fn lead(self, ours: f64, theirs: f64) -> f64 {
        match self {
            Self::Up(step) => (ours - theirs) / step,
            Self::Down(step) => (theirs - ours) / step,
            Self::DownBy(least) => (theirs.max(least) / ours.max(least)).ln() / 1.5f64.ln(),
        }
    }
}

/// A column: the metric, its head, and what counts in it.
const COLUMNS: &[(&str, &str, Option<Scale>)] = &[
    ("psnr_db", "PSNR dB", Some(Scale::Up(1.5))),
    ("ssim", "SSIM", Some(Scale::Up(0.02))),
    ("vmaf", "VMAF", Some(Scale::Up(6.0))),
    ("fps_shown", "pictures/s", Some(Scale::Up(4.0))),
    ("freezes", "freezes", None),
    ("freeze_pct", "frozen %", Some(Scale::Down(3.0))),
    (
        "picture_latency_ms_p50",
        "picture late ms",
        Some(Scale::DownBy(40.0)),
    ),
    ("picture_latency_ms_p95", "p95", Some(Scale::DownBy(80.0))),
    ("kbit_s", "kbit/s", None),
    ("utilisation_pct", "used %", None),
    ("stoi", "STOI", Some(Scale::Up(0.03))),
    ("visqol_mos", "ViSQOL", Some(Scale::Up(0.3))),
    ("sound_gaps", "gaps", Some(Scale::Down(3.0))),
    ("mouth_to_ear_ms_p50", "sound late ms", Some(Scale::DownBy(40.0))),
    ("av_offset_ms_p95", "lips off ms", Some(Scale::DownBy(45.0))),
    ("first_picture_ms", "first picture ms", Some(Scale::DownBy(300.0))),
    ("ramp_ms", "ramp ms", Some(Scale::DownBy(1_000.0))),
    ("recover_ms", "back ms", Some(Scale::DownBy(1_000.0))),
    ("drain_ms", "drained ms", Some(Scale::DownBy(500.0))),
    ("share_pct", "share %", None),
];

/// The page with new tables in the place of the old ones; `command` is what was typed.
///
/// # Errors
/// When the page has no place for them.
pub fn rewritten(page: &str, report: &Report, command: &str) -> Result<String> {
    let no_place = || format!("the page has no lines `{BEGIN}` and `{END}` to write between");
    let (before, rest) = page.split_once(BEGIN).with_context(no_place)?;
    let (_, after) = rest.split_once(END).with_context(no_place)?;
    Ok(format!(
        "{before}{BEGIN}\n{}{END}{after}",
        tables(report, command)
    ))
}

fn tables(report: &Report, command: &str) -> String {
    let mut page = format!("Measured by `{command}`.\n\n## What is to be reached\n\n");
    page.push_str(&goals(report));
    page.push_str("\n## Scenario by scenario, the weakest first\n\n");
    page.push_str(&scenarios(report));
    if !report.notes.is_empty() {
        page.push_str("\n## What to know about this run\n\n");
        for note in &report.notes {
            let _ = writeln!(page, "* {}", note.replace('\n', " "));
        }
    }
    page
}

fn goals(report: &Report) -> String {
    let mut table = String::from("| scenario | figure | to reach | measured | |\n|---|---|---|---|---|\n");
    for outcome in outcomes(report, PARLEY) {
        let goal = outcome.goal;
        let _ = writeln!(
            table,
            "| {} | {} | {} | {} | {} |",
            goal.case,
            goal.metric,
            goal.bound,
            outcome.measured.map_or("–".to_owned(), shown),
            if outcome.is_met() { "yes" } else { "**no**" }
        );
    }
    table
}

/// A row for each scenario that ran. In each cell ours stands before theirs.
fn scenarios(report: &Report) -> String {
    let ran = |scenario: &&Scenario| report.rows.iter().any(|row| row.case == scenario.name);
    let against = report.rows.iter().any(|row| row.who == CHROMIUM);
    let mut rows: Vec<(&Scenario, Option<Weakness>)> = SCENARIOS
        .iter()
        .filter(ran)
        .map(|scenario| (scenario, weakness(report, scenario.name).filter(|_| against)))
        .collect();
    // Those without a comparison keep the order of the table, behind the others.
    let steps = |weakness: &Option<Weakness>| weakness.as_ref().map_or(f64::INFINITY, |weak| weak.steps);
    rows.sort_by(|(_, one), (_, other)| steps(one).total_cmp(&steps(other)));
    let mut table = String::from("| scenario |");
    if against {
        table.push_str(" weakest |");
    }
    let heads = COLUMNS.iter().map(|(_, head, _)| format!(" {head} |"));
    table.extend(heads);
    table.push_str("\n|");
    table.push_str(&"---|".repeat(COLUMNS.len() + 1 + usize::from(against)));
    table.push('\n');
    for (scenario, weakness) in rows {
        let _ = write!(table, "| **{}**: {} |", scenario.name, scenario.about);
        if against {
            let said = weakness.map_or("–".to_owned(), |weak| {
                format!("{} {:+.1}", weak.head, weak.steps)
            });
            let _ = write!(table, " {said} |");
        }
        for (metric, ..) in COLUMNS {
            let of = |who| report.value(who, scenario.name, metric).map(shown);
            let _ = write!(table, " {} |", cell(of(PARLEY), of(CHROMIUM), against));
        }
        table.push('\n');
    }
    table
}

fn cell(ours: Option<String>, theirs: Option<String>, against: bool) -> String {
    let or_dash = |figure: Option<String>| figure.unwrap_or_else(|| "–".to_owned());
    match (ours, theirs) {
        (None, None) => String::new(),
        (ours, theirs) if against => format!("{} / {}", or_dash(ours), or_dash(theirs)),
        (ours, _) => or_dash(ours),
    }
}

/// Where ours is worst against theirs.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Weakness {
    head: &'static str,
    steps: f64,
}

fn weakness(report: &Report, case: &str) -> Option<Weakness> {
    let of_column = |&(metric, head, scale): &(&'static str, &'static str, Option<Scale>)| {
        let of = |who| report.value(who, case, metric);
        let steps = match (of(PARLEY), of(CHROMIUM)) {
            (Some(ours), Some(theirs)) => scale?.lead(ours, theirs),
            (None, Some(_)) => MISSING,
            (Some(_), None) => ALONE,
            (None, None) => return None,
        };
        Some(Weakness { head, steps })
    };
    COLUMNS
        .iter()
        .filter_map(of_column)
        .min_by(|one, other| one.steps.total_cmp(&other.steps))
}

#[cfg(test)]
mod tests {
    use super::super::score::METRICS;
    use super::*;

    fn report() -> Report {
        let mut report = Report::default();
        for (case, ours, theirs) in [
            ("clean", 38.0, 38.3),
            ("link-1m", 30.0, 36.0),
            ("dip", 33.0, 30.0),
        ] {
            report.add(PARLEY, case, "psnr_db", ours);
            report.add(CHROMIUM, case, "psnr_db", theirs);
        }
        report.add(PARLEY, "dip", "drain_ms", 1_500.0);
        report.notes.push("something\nto know".into());
        report
    }

    #[test]
    fn every_metric_has_a_column() {
        let mut columns: Vec<&str> = COLUMNS.iter().map(|(metric, ..)| *metric).collect();
        let mut metrics = METRICS.to_vec();
        columns.sort_unstable();
        metrics.sort_unstable();
        assert_eq!(columns, metrics);
    }

    #[test]
    fn the_weakest_row_stands_first_and_says_where() {
        let table = scenarios(&report());
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert!(rows[0].starts_with("| **link-1m**"), "{table}");
        assert!(rows[0].contains("| PSNR dB -4.0 | 30 / 36 |"), "{table}");
        assert!(rows[1].starts_with("| **clean**"), "{table}");
        assert!(rows[2].contains(" 1500 / – |"), "{table}");
        let columns = table.lines().map(|line| line.matches('|').count());
        assert_eq!(
            columns.collect::<std::collections::BTreeSet<_>>().len(),
            1,
            "{table}"
        );
    }

    #[test]
    fn alone_ours_stand_in_their_order() {
        let mut report = report();
        report.rows.retain(|row| row.who == PARLEY);
        let table = scenarios(&report);
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert!(
            rows[0].starts_with("| **clean**: a local network, 1 ms | 38 |"),
            "{table}"
        );
        assert!(rows[1].starts_with("| **link-1m**"), "{table}");
        assert!(!table.contains("weakest"), "{table}");
    }

    #[test]
    fn what_could_not_be_measured_of_ours_is_the_weakest_of_all() {
        let mut report = report();
        report.add(CHROMIUM, "clean", "stoi", 0.97);
        let weakest = weakness(&report, "clean").unwrap();
        assert_eq!((weakest.head, weakest.steps), ("STOI", MISSING));
    }

    #[test]
    fn steps_are_what_people_notice() {
        let check = |scale: Scale, ours, theirs, expect: f64| {
            let steps = scale.lead(ours, theirs);
            assert!(
                (steps - expect).abs() < 1e-9,
                "{scale:?} {ours} {theirs}: {steps}"
            );
        };
        check(Scale::Up(1.5), 36.0, 33.0, 2.0);
        check(Scale::Down(3.0), 9.0, 0.0, -3.0);
        check(Scale::DownBy(40.0), 90.0, 60.0, -1.0);
        check(Scale::DownBy(40.0), 5.0, 39.0, 0.0);
    }

    #[test]
    fn only_the_tables_of_a_page_are_written_anew() {
        let page = format!("# Head\n\nWords.\n\n{BEGIN}\nold\n{END}\n\nMore words.\n");
        let new = rewritten(&page, &report(), "cargo xtask lab").unwrap();
        assert!(new.starts_with("# Head\n\nWords.\n") && new.ends_with("\n\nMore words.\n"));
        assert!(!new.contains("old") && new.contains("Measured by `cargo xtask lab`."));
        assert!(
            new.contains("| dip | drain_ms | at most 2000 | 1500 | yes |"),
            "{new}"
        );
        assert!(
            new.contains("| dip | recover_ms | at most 10000 | – | **no** |"),
            "{new}"
        );
        assert!(new.contains("* something to know"), "{new}");
        let again = rewritten(&new, &report(), "cargo xtask lab").unwrap();
        assert_eq!(again, new);
        assert!(rewritten("# Head\n", &report(), "x").is_err());
    }
}
