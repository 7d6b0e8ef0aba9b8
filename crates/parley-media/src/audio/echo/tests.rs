//! The canceller in made rooms, with the built-in speech, in virtual time.

use super::trial::{Heard, Parts, ROOMS, Room, Score, Trial};
use super::*;
use crate::audio::SAMPLE_RATE;
use crate::audio::speech::{self, SECOND};

/// Half a minute of the built-in speech, from this second and so many half seconds on.
fn voice(second: u64, halves: u64) -> Vec<f32> {
    let mut said = vec![0.0; 30 * SECOND as usize];
    speech::fill(second * SECOND + halves * SECOND / 2, &mut said);
    said
}

fn room(name: &str) -> Room {
    ROOMS.iter().find(|(known, _)| *known == name).unwrap().1
}

/// Half a second apart, lest the clicks, which are all alike, pass for an echo.
fn trial(room: Room, parts: Parts) -> Trial {
    Trial::new(&voice(60, 0), &voice(1_000_003, 1), room, parts)
}

fn cancelled(trial: &Trial, microphone: &[f32]) -> Vec<f32> {
    let mut engine = EchoCanceller::new();
    trial.play(microphone, |heard| match heard {
        Heard::Played(block) => engine.render(block),
        Heard::Microphone(block) => engine.process(block),
    })
}

fn judged(room: Room, parts: Parts) -> Score {
    let trial = trial(room, parts);
    let microphone = trial.microphone();
    trial.score(&microphone, &cancelled(&trial, &microphone))
}

/// How loud each second is, in decibels of full scale.
fn seconds(sound: &[f32]) -> Vec<f32> {
    let second = SAMPLE_RATE as usize;
    let loudness = |second: &[f32]| 20.0 * rms(second).max(1e-6).log10();
    sound.chunks_exact(second).map(loudness).collect()
}

#[test]
fn in_every_room_the_echo_goes_and_who_is_there_stays_understood() {
    // Bounds are a few decibels and hundredths below what was measured.
    for (name, erle_db, near_stoi) in [
        ("laptop", 33.0, 0.85),
        ("separate", 20.0, 0.92),
        ("distorting", 30.0, 0.80),
        ("bluetooth", 33.0, 0.85),
        ("loud", 38.0, 0.68),
    ] {
        let score = judged(room(name), Parts::USUAL);
        assert!(score.erle_db > erle_db, "{name}: {score:?}");
        assert!(score.near_stoi > near_stoi, "{name}: {score:?}");
        assert!(score.alone_stoi > 0.98, "{name}: {score:?}");
    }
}

/// Two devices whose clocks are 100 millionths apart: a block more of one than of the other every 100 seconds.
fn two_clocks(far_alone_s: u32, drift_ppm: f64) {
    let room = Room {
        drift_ppm,
        ..room("laptop")
    };
    let parts = Parts {
        far: far_alone_s,
        ..Parts::USUAL
    };
    let score = judged(room, parts);
    assert!(score.erle_db > 33.0, "{drift_ppm}: {score:?}");
    assert!(score.near_stoi > 0.85, "{drift_ppm}: {score:?}");
}

#[test]
fn clocks_that_drift_apart_are_followed() {
    two_clocks(Parts::USUAL.far, 100.0);
    two_clocks(Parts::USUAL.far, -100.0);
}

#[test]
#[ignore = "ten minutes in virtual time: in `test full`"]
fn clocks_that_drift_apart_for_ten_minutes_are_followed() {
    two_clocks(600, 100.0);
}

#[test]
fn somebody_who_moves_the_laptop_is_noticed_within_a_second() {
    let room = Room {
        moved_s: Some(20.0),
        ..room("laptop")
    };
    let parts = Parts {
        far: 30,
        both: 1,
        far_again: 4,
        near: 1,
    };
    let trial = trial(room, parts);
    let microphone = trial.microphone();
    let (heard, left) = (seconds(&microphone), seconds(&cancelled(&trial, &microphone)));
    for second in 21..30 {
        let quieter = heard[second] - left[second];
        assert!(quieter > 20.0, "second {second}: {quieter} dB");
    }
}

#[test]
fn where_nothing_is_played_only_time_passes() {
    let mut engine = EchoCanceller::new();
    let mut said = voice(7, 0);
    let mut made = said.clone();
    for block in made.as_chunks_mut().0 {
        engine.process(block);
    }
    let mut high_pass = HighPass::new();
    for block in said.as_chunks_mut().0 {
        high_pass.apply(block);
    }
    // Half a window.
    let late = 240;
    let (mut wrong, mut all) = (0.0, 0.0);
    for (said, made) in said.iter().zip(&made[late..]) {
        wrong += (said - made).powi(2);
        all += said * said;
    }
    assert!(wrong < 1e-6 * all, "{wrong} of {all}");
}

#[test]
fn a_device_that_gives_nonsense_is_got_over() {
    let trial = trial(room("laptop"), Parts::USUAL);
    let mut microphone = trial.microphone();
    microphone[5 * 48_000 + 7] = f32::NAN;
    microphone[6 * 48_000] = f32::INFINITY;
    let made = cancelled(&trial, &microphone);
    assert!(made.iter().all(|sample| sample.is_finite()));
    let (heard, left) = (seconds(&microphone[8 * 48_000..]), seconds(&made[8 * 48_000..]));
    assert!(heard[4] - left[4] > 25.0, "{} to {}", heard[4], left[4]);
}
