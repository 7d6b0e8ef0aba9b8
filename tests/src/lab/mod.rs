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
//! | [`judges`] with [`vmaf`] and [`visqol`], [`raw_film`] | judges that others made, where they can be had |
//! | [`mod@score`] | all of that as one scorecard (pure) |
//! | [`table`] | scorecards as the page of documentation (pure) |
//!
//! One end sends picture and sound, the other one sound alone: two encoders and two decoders of 720p would be more than two slow
//! cores carry, and the lab would measure the machine. A cable that could not keep its times says so in a note.

pub mod clip;
pub mod ends;
pub mod freeze;
pub mod goals;
pub mod judges;
pub mod likeness;
pub mod picture;
pub mod place;
pub mod raw_film;
pub mod scenario;
pub mod score;
pub mod sound;
pub mod table;
pub mod tape;
pub mod tcp;
pub mod visqol;
pub mod vmaf;
pub mod way;

use crate::harness::idle_time::IdleTime;
use crate::measure::rows::{Report, shown};
use anyhow::{Context as _, Result};
use ends::{Ends, Task};
use judges::Judges;
use place::{Place, wall_us};
use scenario::{SCENARIOS, Scenario};
use score::{BEFORE_END_US, Evidence, Figures, METRICS, score};
use std::time::Instant;
use tape::Tape;

/// Ours, in rows.
pub const PARLEY: &str = "parley";
/// Theirs.
pub const CHROMIUM: &str = "chromium";
/// A cable that is later than this was kept waiting by the machine: what it did is not to be believed.
const CABLE_LATE_US_MAX: u32 = 5_000;
/// With less of the processors left over, what was measured may be the machine.
const IDLE_MIN: f64 = 0.05;
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

/// Runs what was asked for. A scenario that fails is no figure but a note, and the others go on. `each` is shown all that there is
/// after each of them, so that an end before the end leaves something behind.
///
/// # Errors
/// When there is no such scenario, or `each` fails.
pub fn run(wish: &Wish, each: impl Fn(&Report) -> Result<()>) -> Result<Report> {
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
    let began = Instant::now();
    let mut report = Report::default();
    let judges = Judges::call(&mut report.notes);
    for note in &report.notes {
        eprintln!("{note}");
    }
    let (mut at, all) = (0, chosen.len() * sides.len());
    for scenario in chosen {
        for side in &sides {
            let of_this = Instant::now();
            let seconds = scenario.seconds(wish.seconds);
            at += 1;
            let said = match watch(scenario, side, seconds, &judges) {
                Ok(card) => {
                    card.fill(&mut report, side.0, scenario, &judges);
                    card.in_short()
                }
                Err(error) => {
                    // Chromium's failure is no failure of what is tested.
                    report.ok &= side.0 != PARLEY;
                    let note = format!("{}, {}: {error:#}", side.0, scenario.name);
                    report.notes.push(note);
                    format!("failed: {error:#}")
                }
            };
            eprintln!(
                "{at} of {all}, {}, {} ({}): {said} ({seconds} s watched in {:.0} s)",
                side.0,
                scenario.name,
                scenario.about,
                of_this.elapsed().as_secs_f64()
            );
            each(&report)?;
        }
    }
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    eprintln!("The lab took {minutes:.1} minutes.");
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

    /// For the one who waits.
    fn in_short(&self) -> String {
        const TOLD: &[(&str, &str)] = &[
            ("fps_shown", "pictures/s"),
            ("freeze_pct", "% frozen"),
            ("psnr_db", "dB"),
            ("vmaf", "VMAF"),
            ("picture_latency_ms_p50", "ms late"),
            ("kbit_s", "kbit/s"),
            ("stoi", "STOI"),
            ("visqol_mos", "ViSQOL"),
            ("mouth_to_ear_ms_p50", "ms to the ear"),
        ];
        let told = TOLD.iter().filter_map(|(metric, word)| {
            let value = self.get(metric)?;
            Some(format!("{} {word}", shown(value)))
        });
        let mut told: Vec<String> = told.collect();
        told.extend(self.notes.iter().cloned());
        told.join(", ")
    }

    fn fill(&self, report: &mut Report, who: &str, scenario: &Scenario, judges: &Judges) {
        let name = scenario.name;
        for (metric, value) in &self.figures {
            report.add(who, name, metric, *value);
        }
        for metric in METRICS {
            if is_asked(scenario, metric) && judges.know(metric) && self.get(metric).is_none() {
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
    watch(scenario, &OURS, seconds, &Judges::default())
}

fn watch(scenario: &Scenario, (_, start): &Side, seconds: u32, judges: &Judges) -> Result<Card> {
    let place = Place::make(scenario)?;
    let task = Task::new(scenario.clip, &place)?;
    let ends = start(&task, &place)?;
    ends.wait_for_media()?;
    let idle = IdleTime::start();
    let steps_us = place.happen(scenario, seconds)?;
    let (end_us, idle) = (wall_us(), idle.share());
    let ended = ends.end()?;
    // What was written stays until it was read.
    let (moments, forth, folder) = place.leave()?;
    let (sent, came) = (Tape::read(&task.sent)?, Tape::read(&task.came)?);
    let compared = picture::compared(&came.films)?;
    let fidelity = picture::fidelity(task.film(), &compared)?;
    let begin_us = steps_us.first().copied().unwrap_or(end_us);
    let heard = sound::compare(
        &sent.sound,
        &came.sound,
        begin_us,
        end_us.saturating_sub(BEFORE_END_US),
    );
    let verdict = judges.judge(task.film(), &compared, &heard, folder.path());
    let figures = score(&Evidence {
        scenario,
        sent: &sent,
        came: &came,
        fidelity: &fidelity,
        heard: &heard,
        verdict: &verdict,
        moments: &moments,
        steps_us: &steps_us,
        end_us,
        first_picture_ms: ended.first_picture_ms,
    });
    let mut notes = ended.notes;
    notes.extend(verdict.notes);
    if idle < IDLE_MIN {
        notes.push(format!(
            "the processors were busy for {:.0} % of the time: figures may be the machine's",
            100.0 * (1.0 - idle)
        ));
    }
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
            "{} of {} pictures had no number that could be read, or were gone before, and are in no figure but the rate and the freezes",
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
            let nobody = Judges::default();
            card.fill(&mut report, PARLEY, scenario::find(name).unwrap(), &nobody);
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
        assert!(misses("clean", "something") && !misses("clean", "vmaf") && !misses("clean", "visqol_mos"));
        assert_eq!(report_of("clean").value(PARLEY, "clean", "fps_shown"), Some(29.0));
    }

    #[test]
    fn a_scenario_that_is_not_there_is_answered_with_those_that_are() {
        let wish = Wish {
            scenario: Some("tea".into()),
            ..Wish::default()
        };
        let said = run(&wish, |_| Ok(())).unwrap_err().to_string();
        assert!(said.contains("clean") && said.contains("bloat"), "{said}");
    }
}
