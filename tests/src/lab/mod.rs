//! The quality lab: how a call looks and sounds over networks that are not good, ours and Chromium's over the same ones with the
//! same film and voice. `cargo xtask lab` prints it and writes `docs/quality.md`; three short scenarios are tests of the world.
//!
//! | part | is |
//! |---|---|
//! | [`scenario`], [`goals`] | the tables: networks, and what is to be reached on them |
//! | [`clip`] | what is shown and said |
//! | [`place`], [`tcp`] | two networks, a cable, a server, and a flow beside the call |
//! | [`ends`] | two `parley-cli`, or two Chromium, that write down what they do |
//! | [`tape`] | reads that again |
//! | [`picture`] with [`likeness`] and [`freeze`], [`sound`], [`way`] | judge pictures, sound, and the use of the way (pure) |
//! | [`mod@score`] | all of that as one scorecard (pure) |
//! | [`table`] | scorecards as the page of documentation (pure) |
//!
//! One end sends picture and sound, the other one sound alone: two encoders and two decoders of 720p would be more than two slow
//! cores carry, and the lab would measure the machine. A cable that could not keep its times says so in a note.

pub mod clip;
pub mod ends;
pub mod freeze;
pub mod goals;
pub mod likeness;
pub mod picture;
pub mod place;
pub mod scenario;
pub mod score;
pub mod sound;
pub mod table;
pub mod tape;
pub mod tcp;
pub mod way;

use crate::measure::rows::Report;
use anyhow::{Context as _, Result};
use ends::{Ends, Task};
use place::{Place, wall_us};
use scenario::{SCENARIOS, Scenario};
use score::{Evidence, Figures, METRICS, score};
use tape::Tape;

/// Ours, in rows.
pub const PARLEY: &str = "parley";
/// Theirs.
pub const CHROMIUM: &str = "chromium";
/// A cable that is later than this was kept waiting by the machine: what it did is not to be believed.
const CABLE_LATE_US_MAX: u32 = 5_000;
/// Of the pictures that came, at least so many must have a number that can be read.
const READ_MIN: f64 = 0.9;

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// One scenario; nothing for all of them.
    pub scenario: Option<String>,
    /// How long each is watched, where its steps allow.
    pub seconds: Option<u32>,
    /// Chromium too, after ours, scenario by scenario.
    pub against_chromium: bool,
}

/// Whose ends, and how to start them.
type Side = (&'static str, fn(&Task, &Place) -> Result<Box<dyn Ends>>);

const OURS: Side = (PARLEY, ends::ours);
const THEIRS: Side = (CHROMIUM, ends::theirs);

/// Runs what was asked for. A scenario that fails is no figure but a note, and the others go on.
///
/// # Errors
/// When there is no such scenario.
pub fn run(wish: &Wish) -> Result<Report> {
    let chosen: Vec<&Scenario> = match &wish.scenario {
        Some(name) => {
            let found = scenario::find(name);
            vec![found.with_context(|| {
                format!("there is no scenario `{name}`; there are: {}", scenario::names())
            })?]
        }
        None => SCENARIOS.iter().collect(),
    };
    let mut sides = vec![OURS];
    if wish.against_chromium {
        sides.push(THEIRS);
    }
    let mut report = Report::default();
    for scenario in chosen {
        for side in &sides {
            let seconds = scenario.seconds(wish.seconds);
            eprintln!("{}, {}: {} ({seconds} s)", side.0, scenario.name, scenario.about);
            match watch(scenario, side, seconds) {
                Ok(card) => card.fill(&mut report, side.0, scenario),
                Err(error) => {
                    eprintln!("{}, {}: {error:#}", side.0, scenario.name);
                    // Chromium's failure is no failure of what is tested.
                    report.ok &= side.0 != PARLEY;
                    report
                        .notes
                        .push(format!("{}, {}: {error:#}", side.0, scenario.name));
                }
            }
        }
    }
    Ok(report)
}

/// What one scenario gave.
#[derive(Debug, Default)]
pub struct Card {
    /// By metric.
    pub figures: Figures,
    /// What a reader must know.
    pub notes: Vec<String>,
}

impl Card {
    /// One figure.
    #[must_use]
    pub fn get(&self, metric: &str) -> Option<f64> {
        let found = self.figures.iter().find(|(name, _)| *name == metric);
        found.map(|(_, value)| *value)
    }

    fn fill(&self, report: &mut Report, who: &str, scenario: &Scenario) {
        let name = scenario.name;
        for (metric, value) in &self.figures {
            report.add(who, name, metric, *value);
        }
        for metric in METRICS {
            if is_asked(scenario, metric) && self.get(metric).is_none() {
                report.add_or_note(who, name, metric, None);
            }
        }
        let notes = self.notes.iter().map(|note| format!("{who}, {name}: {note}"));
        report.notes.extend(notes);
    }
}

/// Whether a scenario is about this metric at all.
fn is_asked(scenario: &Scenario, metric: &str) -> bool {
    match metric {
        "ramp_ms" => scenario.name == "ramp",
        "share_pct" => scenario.tcp,
        "recover_ms" => scenario.steps.len() > 1,
        "drain_ms" => scenario.name == "dip",
        "utilisation_pct" => !scenario.tcp && scenario.steps.len() == 1 && scenario.capacity_bps(0).is_some(),
        _ => true,
    }
}

/// Ours over one scenario.
///
/// # Errors
/// When it cannot be made, or no picture comes.
pub fn watch_ours(scenario: &Scenario, seconds: u32) -> Result<Card> {
    watch(scenario, &OURS, seconds)
}

fn watch(scenario: &Scenario, (_, start): &Side, seconds: u32) -> Result<Card> {
    let place = Place::make(scenario)?;
    let task = Task::new(scenario.clip, &place)?;
    let ends = start(&task, &place)?;
    ends.wait_for_media()?;
    let steps_us = place.happen(scenario, seconds)?;
    let end_us = wall_us();
    let ended = ends.end()?;
    // What was written stays until it was read.
    let (moments, forth, _folder) = place.leave()?;
    let (sent, came) = (Tape::read(&task.sent)?, Tape::read(&task.came)?);
    let fidelity = picture::fidelity(task.film(), &came.films)?;
    let figures = score(&Evidence {
        scenario,
        sent: &sent,
        came: &came,
        fidelity: &fidelity,
        moments: &moments,
        steps_us: &steps_us,
        end_us,
        first_picture_ms: ended.first_picture_ms,
    });
    let mut notes = ended.notes;
    if forth.late_us_p99 > CABLE_LATE_US_MAX {
        notes.push(format!(
            "the cable was kept waiting by the machine for {:.1} ms (99 of 100 packets were earlier): not to be believed",
            f64::from(forth.late_us_p99) / 1e3
        ));
    }
    let read = came
        .pictures
        .iter()
        .filter(|picture| picture.number.is_some())
        .count();
    if (read as f64) < READ_MIN * came.pictures.len() as f64 {
        notes.push(format!(
            "{} of {} pictures had no number that can be read, and are in no figure but the rate and the freezes",
            came.pictures.len() - read,
            came.pictures.len()
        ));
    }
    Ok(Card { figures, notes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_scenario_is_about_is_missed_in_it() {
        let report_of = |name| {
            let mut report = Report::default();
            let card = Card {
                figures: vec![("fps_shown", 29.0)],
                notes: vec!["something".into()],
            };
            card.fill(&mut report, PARLEY, scenario::find(name).unwrap());
            report
        };
        let misses = |name, metric: &str| {
            let notes = report_of(name).notes;
            notes.iter().any(|note| note.contains(metric))
        };
        assert!(misses("dip", "drain_ms") && misses("dip", "recover_ms") && misses("ramp", "ramp_ms"));
        assert!(misses("outage", "recover_ms") && !misses("outage", "drain_ms"));
        assert!(misses("tcp", "share_pct") && !misses("tcp", "utilisation_pct"));
        assert!(misses("clean", "stoi") && !misses("clean", "utilisation_pct"));
        assert!(misses("link-1m", "utilisation_pct") && !misses("clean", "fps_shown"));
        assert!(misses("clean", "something"));
        assert_eq!(report_of("clean").value(PARLEY, "clean", "fps_shown"), Some(29.0));
    }

    #[test]
    fn a_scenario_that_is_not_there_is_answered_with_those_that_are() {
        let wish = Wish {
            scenario: Some("tea".into()),
            ..Wish::default()
        };
        let said = run(&wish).unwrap_err().to_string();
        assert!(said.contains("clean") && said.contains("bloat"), "{said}");
    }
}
