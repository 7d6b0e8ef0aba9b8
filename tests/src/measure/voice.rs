//! `cargo xtask bench voice`: how much of the speaker's sound is left of what the microphone hears, and how well who sits there is still
//! understood while both speak: our echo canceller next to WebRTC's (AEC3, as `sonora` brings it, with its defaults).
//!
//! | voice | from |
//! |---|---|
//! | far away | sentences of espeak-ng, by three speakers |
//! | near | the eight speakers' names of alsa-utils, spoken by a person |
//!
//! Rooms, parts and scores are those of [`parley_media::audio::echo::trial`]: both engines hear exactly the same. Noise suppression and
//! gain are left out: they would do the same to both. The time is that of the thread alone.

use super::cost::thread_ms;
use super::rows::Report;
use crate::harness::sound::{read_wav, say};
use crate::lab::clip;
use anyhow::Result;
use parley_media::audio::echo::EchoCanceller;
use parley_media::audio::echo::trial::{Heard, Parts, ROOMS, Trial};
use parley_media::audio::{BLOCK_SAMPLES, Block, SAMPLE_RATE};
use sonora::config::{EchoCanceller as Aec3, HighPassFilter};
use sonora::{AudioProcessing, Config, StreamConfig};

/// What the far one says: Harvard sentences (IEEE Recommended Practice for Speech Quality Measurements, 1969).
const SAID: [&str; 3] = [
    "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. It's easy to tell the depth of a well.",
    "The box was thrown beside the parked truck. The hogs were fed chopped corn and garbage. Four hours of steady work faced us.",
    "The source of the huge river is the clear spring. Kick the ball straight and follow through. Help the woman get back to her feet.",
];
/// The rooms in which a goal was set: so well understood, and so many decibels less quiet than the peer at most.
const GOAL_ROOMS: [&str; 3] = ["laptop", "separate", "distorting"];
const STOI_GOAL: f64 = 0.8;
const BEHIND_DB_MAX: f64 = 5.0;

/// Measures both engines in all rooms.
///
/// # Errors
/// When the voices cannot be made.
pub fn run() -> Result<Report> {
    let (far, near) = (far()?, read_wav(&clip::voice()?)?);
    let mut report = Report::default();
    for (case, room) in ROOMS {
        eprintln!("voice, {case}");
        let trial = Trial::new(&far, &near, room, Parts::USUAL);
        let microphone = trial.microphone();
        let mut ours = EchoCanceller::new();
        let parley = |heard: Heard<'_>| match heard {
            Heard::Played(block) => ours.render(block),
            Heard::Microphone(block) => ours.process(block),
        };
        measure(&mut report, ("parley", case), &trial, &microphone, parley)?;
        let mut theirs = aec3();
        let peer = |heard: Heard<'_>| give(&mut theirs, heard);
        measure(&mut report, ("aec3", case), &trial, &microphone, peer)?;
    }
    for case in GOAL_ROOMS {
        judge(&mut report, case);
    }
    Ok(report)
}

fn measure(
    report: &mut Report,
    (who, case): (&str, &str),
    trial: &Trial,
    microphone: &[f32],
    engine: impl FnMut(Heard<'_>),
) -> Result<()> {
    let before = thread_ms()?;
    let made = trial.play(microphone, engine);
    let spent = thread_ms()? - before;
    let score = trial.score(microphone, &made);
    report.add(who, case, "erle_db", score.erle_db.into());
    report.add(who, case, "near_stoi", score.near_stoi.into());
    report.add(who, case, "alone_stoi", score.alone_stoi.into());
    let blocks = microphone.len() / BLOCK_SAMPLES;
    report.add(who, case, "cpu_ms_per_10ms", spent / blocks as f64);
    Ok(())
}

/// A note for each goal that was missed.
fn judge(report: &mut Report, case: &str) {
    let of = |who: &str, metric: &str| report.value(who, case, metric).unwrap_or(f64::NAN);
    let stoi = of("parley", "near_stoi");
    let behind = of("aec3", "erle_db") - of("parley", "erle_db");
    let mut missed = Vec::new();
    if stoi < STOI_GOAL {
        missed.push(format!(
            "{case}: near_stoi {stoi} is below the goal of {STOI_GOAL}"
        ));
    }
    if behind > BEHIND_DB_MAX {
        missed.push(format!(
            "{case}: erle_db is {behind:.1} below the peer's, more than {BEHIND_DB_MAX}"
        ));
    }
    report.notes.extend(missed);
}

fn far() -> Result<Vec<f32>> {
    let folder = tempfile::tempdir()?;
    let mut said = Vec::new();
    for (number, text) in SAID.iter().enumerate() {
        let wav = folder.path().join(format!("far-{number}.wav"));
        say(text, &wav)?;
        said.extend(read_wav(&wav)?);
    }
    Ok(said)
}

fn aec3() -> AudioProcessing {
    let mono = StreamConfig::new(SAMPLE_RATE, 1);
    AudioProcessing::builder()
        .config(Config {
            high_pass_filter: Some(HighPassFilter::default()),
            echo_canceller: Some(Aec3::default()),
            ..Config::default()
        })
        .capture_config(mono)
        .render_config(mono)
        .build()
}

/// Refused only for a wrong format, which is fixed here; a block that was refused stays as it was heard, and shows.
fn give(engine: &mut AudioProcessing, heard: Heard<'_>) {
    let mut made: Block = [0.0; BLOCK_SAMPLES];
    match heard {
        Heard::Played(block) => {
            let _ = engine.process_render_f32(&[&block[..]], &mut [&mut made[..]]);
        }
        Heard::Microphone(block) => {
            if engine
                .process_capture_f32(&[&block[..]], &mut [&mut made[..]])
                .is_ok()
            {
                *block = made;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_goal_is_noted_and_a_reached_one_is_not() {
        let mut report = Report::default();
        for (case, stoi, erle_db) in [("laptop", 0.9, 36.0), ("separate", 0.7, 30.0)] {
            report.add("parley", case, "near_stoi", stoi);
            report.add("parley", case, "erle_db", erle_db);
            report.add("aec3", case, "erle_db", 38.0);
            judge(&mut report, case);
        }
        assert_eq!(report.notes.len(), 2, "{:?}", report.notes);
        assert!(report.notes.iter().all(|note| note.starts_with("separate")));
    }
}
