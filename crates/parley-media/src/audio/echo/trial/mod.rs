//! How a canceller is judged without a room: voices, a made room, and what of them is left.
//!
//! A trial takes four parts: who is far away speaks alone, then both speak at once, then the far one alone again, then the near one
//! alone. What the microphone hears of it is made once ([`Trial::microphone`]) and played to any engine, block by block as an
//! audio thread would, by two clocks ([`Trial::play`]). Judged with the tests here and by `cargo xtask bench voice` with human voices. Uses
//! no clock, no device and no file.

mod room;

use super::super::probe::stoi;
use super::super::{BLOCK_SAMPLES, Block, SAMPLE_RATE, SILENT_BLOCK};
use crate::audio::level::rms;
pub use room::Room;
use std::ops::Range;

/// How loud both speak while they speak, in decibels of full scale: the far one at the speaker, the near one at the microphone.
const FAR_DBFS: f32 = -20.0;
const NEAR_DBFS: f32 = -28.0;
/// Blocks below this are pauses.
const SPEAKS: f32 = 0.003;
/// After both spoke, the near one's room still sounds and the engine comes back; from so many seconds on it counts.
const SETTLES_S: f32 = 1.5;
/// An engine is late by less, in samples: 30 ms.
const LATE_MAX: usize = 1_440;

/// The rooms that everything is measured in.
pub const ROOMS: [(&str, Room); 5] = [
    ("laptop", LAPTOP),
    // Two devices with two clocks, the microphone far from the speaker.
    (
        "separate",
        Room {
            delay_ms: 40.0,
            gain_db: -20.0,
            drift_ppm: 50.0,
            seed: 12,
            ..LAPTOP
        },
    ),
    // A small loudspeaker at its limits.
    (
        "distorting",
        Room {
            delay_ms: 40.0,
            drift_ppm: 50.0,
            drive: 3.0,
            seed: 13,
            ..LAPTOP
        },
    ),
    // A speaker with a long way and a clock of its own.
    (
        "bluetooth",
        Room {
            delay_ms: 300.0,
            drift_ppm: -100.0,
            seed: 14,
            ..LAPTOP
        },
    ),
    // The echo far louder than who sits there.
    (
        "loud",
        Room {
            delay_ms: 25.0,
            gain_db: 4.0,
            drive: 2.0,
            seed: 15,
            ..LAPTOP
        },
    ),
];

const LAPTOP: Room = Room {
    delay_ms: 80.0,
    gain_db: -6.0,
    drift_ppm: 0.0,
    drive: 0.0,
    noise_dbfs: -62.0,
    moved_s: None,
    seed: 11,
};

/// How long each part is, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parts {
    /// The far one alone.
    pub far: u32,
    /// Both.
    pub both: u32,
    /// The far one alone again.
    pub far_again: u32,
    /// The near one alone.
    pub near: u32,
}

impl Parts {
    /// Fifty seconds.
    pub const USUAL: Self = Self {
        far: 16,
        both: 20,
        far_again: 9,
        near: 5,
    };

    fn samples(seconds: u32) -> usize {
        (seconds * SAMPLE_RATE) as usize
    }

    fn both(self) -> Range<usize> {
        Self::samples(self.far)..Self::samples(self.far + self.both)
    }

    /// Without what [`SETTLES_S`] leaves out, and without the end, where the near one begins.
    fn far_again(self) -> Range<usize> {
        let settles = (SETTLES_S * SAMPLE_RATE as f32) as usize;
        self.both().end + settles..Self::samples(self.far + self.both + self.far_again) - 2 * BLOCK_SAMPLES
    }

    fn near(self) -> Range<usize> {
        let from = Self::samples(self.far + self.both + self.far_again);
        from..from + Self::samples(self.near)
    }
}

/// What an engine is given, in the order of an audio thread.
#[derive(Debug)]
pub enum Heard<'a> {
    /// The speaker is about to play this.
    Played(&'a Block),
    /// The microphone heard this; the engine leaves here what it makes of it.
    Microphone(&'a mut Block),
}

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// By how much the microphone is quieter where only the far one speaks, late, in decibels. Noise counts as what is left.
    pub erle_db: f32,
    /// How well the near one is understood while both speak: STOI against what they said.
    pub near_stoi: f32,
    /// The same where they speak alone.
    pub alone_stoi: f32,
}

/// Two voices in a room.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    parts: Parts,
    room: Room,
    far: Vec<f32>,
    near: Vec<f32>,
}

impl Trial {
    /// Two voices (48 kHz, repeated for as long as they are needed) in a room.
    #[must_use]
    pub fn new(far: &[f32], near: &[f32], room: Room, parts: Parts) -> Self {
        let all = parts.near().end;
        let mut trial = Self {
            parts,
            room,
            far: vec![0.0; all],
            near: vec![0.0; all],
        };
        let (far, near) = (loud(far, FAR_DBFS), loud(near, NEAR_DBFS));
        fill(&mut trial.far[..parts.near().start - BLOCK_SAMPLES], &far);
        fill(&mut trial.near[parts.both()], &near);
        fill(&mut trial.near[parts.near()], &near);
        trial
    }

    /// What the microphone hears.
    #[must_use]
    pub fn microphone(&self) -> Vec<f32> {
        let echo = self.room.echo(&self.far);
        let noise = self.room.noise(echo.len());
        let all = echo.iter().zip(&noise).zip(&self.near);
        all.map(|((echo, noise), near)| (echo + noise + near).clamp(-1.0, 1.0))
            .collect()
    }

    /// What an engine makes of the microphone. The speaker takes its blocks at its own pace.
    pub fn play(&self, microphone: &[f32], mut engine: impl FnMut(Heard<'_>)) -> Vec<f32> {
        let mut heard = microphone.to_vec();
        let pace = 1.0 + self.room.drift_ppm / 1e6;
        let (mut played, mut given) = (self.far.as_chunks().0.iter(), 0u32);
        for (number, block) in heard.as_chunks_mut().0.iter_mut().enumerate() {
            while f64::from(given) <= number as f64 * pace {
                engine(Heard::Played(played.next().unwrap_or(&SILENT_BLOCK)));
                given += 1;
            }
            engine(Heard::Microphone(block));
        }
        heard
    }

    /// Judges what an engine made of it.
    #[must_use]
    pub fn score(&self, microphone: &[f32], made: &[f32]) -> Score {
        Score {
            erle_db: quieter_db(microphone, made, self.parts.far_again()),
            near_stoi: self.understood(made, self.parts.both()),
            alone_stoi: self.understood(made, self.parts.near()),
        }
    }

    fn understood(&self, made: &[f32], part: Range<usize>) -> f32 {
        let (said, made) = (&self.near[part.clone()], &made[part]);
        let said = &said[..said.len() - LATE_MAX];
        let alike = |late: usize| -> f32 {
            // Every third sample tells enough.
            let pairs = said.iter().zip(&made[late..]).step_by(3);
            pairs.map(|(said, made)| said * made).sum()
        };
        let late = (0..LATE_MAX)
            .step_by(4)
            .max_by(|a, b| alike(*a).total_cmp(&alike(*b)));
        stoi(said, &made[late.unwrap_or(0)..])
    }
}

/// By how many decibels `made` is quieter than `heard` in a stretch.
fn quieter_db(heard: &[f32], made: &[f32], part: Range<usize>) -> f32 {
    20.0 * (rms(&heard[part.clone()]) / rms(&made[part]).max(1e-9)).log10()
}

/// The voice with its words, without its pauses, this loud.
fn loud(voice: &[f32], dbfs: f32) -> Vec<f32> {
    let speaks = voice.chunks(BLOCK_SAMPLES).filter(|block| rms(block) > SPEAKS);
    let words: Vec<f32> = speaks.flatten().copied().collect();
    let gain = 10f32.powf(dbfs / 20.0) / rms(&words).max(1e-9);
    voice.iter().map(|sample| sample * gain).collect()
}

fn fill(place: &mut [f32], voice: &[f32]) {
    for (sample, said) in place.iter_mut().zip(voice.iter().cycle()) {
        *sample = *said;
    }
}
