//! Who speaks: from the audio levels that every packet of sound carries (RFC 6464), without decoding anything.
//!
//! After I. Volfin and I. Cohen, "Dominant speaker identification for multipoint videoconferencing", Computer Speech and
//! Language 27(4), 2013: a voice is looked at over three spans of time at once, and somebody becomes dominant only by being
//! clearly ahead in all three. A cough is ahead in the shortest only, and a lively listener's "yes" in the two shorter ones.
//!
//! | span | made of | counts |
//! |---|---|---|
//! | immediate, 20 ms | the level | how many of 13 steps it reaches above the noise |
//! | medium, 100 ms | 5 immediates | those that are loud |
//! | long, 1 s | 10 mediums | those that are all loud |
//!
//! Each count is judged by how much better speech explains it than silence (the paper's log-likelihood of a binomial against an
//! exponential); what is compared between two people are the logarithms of these. Where the paper counts active bands of the
//! spectrum, there is only a level here, as in other servers that follow it.
//!
//! Owned by a room. Deliberately absent: clocks, packets, and who is passed on (`audio_slots`).

use std::time::{Duration, Instant};

/// What one look at a level covers.
const FRAME: Duration = Duration::from_millis(20);
/// Steps of a level, and how many dB each is. Above the ninth the score would fall again, and louder is no less speech.
const IMMEDIATE_STEPS: u8 = 13;
const IMMEDIATE_MOST: u8 = 9;
const STEP_DB: u8 = 10;
/// Immediates in a medium, mediums in a long.
const MEDIUM_FRAMES: usize = 5;
const LONG_MEDIUMS: usize = 10;
/// A frame is loud from 8 steps on: 47 dB below the loudest there is.
const LOUD_STEPS: u8 = 7;
/// The paper's rates of silence for each span, and by how much a newcomer must be ahead in each.
const RATES: [f64; 3] = [0.78, 24.0, 47.0];
const LEADS: [f64; 3] = [3.0, 2.0, 0.0];
/// How long a decision stands.
const DECISION: Duration = Duration::from_millis(300);
/// Between two syllables somebody still speaks.
const HANG_OVER: Duration = Duration::from_millis(400);
/// The noise below a voice is taken to rise no faster, in dB a second, and to be no louder than this.
const FLOOR_RISE_DB_PER_S: f32 = 1.0;
const FLOOR_MAX: f32 = 87.0;
/// Frames nothing came for count as silence, up to so many: a second covers everything that is remembered.
const FRAMES_MAX: usize = MEDIUM_FRAMES * LONG_MEDIUMS;

/// Everybody's voice. `K` names a microphone.
#[derive(Debug)]
pub(super) struct Speakers<K> {
    voices: Vec<Voice<K>>,
    dominant: Option<K>,
    decided: Option<Instant>,
}

#[derive(Debug)]
struct Voice<K> {
    key: K,
    /// Newest last; steps above the noise.
    frames: [u8; FRAMES_MAX],
    /// When the newest frame ends.
    until: Instant,
    /// The loudest level within the frame that is not over yet, 0 (silence) to 127.
    peak: u8,
    floor: f32,
    /// Smoothed over about 300 ms.
    loudness: f32,
    spoke: Option<Instant>,
}

impl<K: Copy + PartialEq> Speakers<K> {
    pub(super) fn new() -> Self {
        Self {
            voices: Vec::new(),
            dominant: None,
            decided: None,
        }
    }

    /// A packet of `key` came, so many dB below the loudest there is (0 to 127).
    pub(super) fn heard(&mut self, now: Instant, key: K, below_db: u8) {
        let loudness = 127 - below_db.min(127);
        match self.voices.iter_mut().find(|voice| voice.key == key) {
            Some(voice) => {
                voice.advance(now);
                voice.peak = voice.peak.max(loudness);
            }
            None => self.voices.push(Voice::new(now, key, loudness)),
        }
    }

    /// Nothing of `key` comes any more.
    pub(super) fn gone(&mut self, key: K) {
        self.voices.retain(|voice| voice.key != key);
        if self.dominant == Some(key) {
            self.dominant = None;
        }
    }

    /// Decides again, if it is time to.
    pub(super) fn decide(&mut self, now: Instant) {
        if self.decided.is_some_and(|at| now < at + DECISION) {
            return;
        }
        self.decided = Some(now);
        for voice in &mut self.voices {
            voice.advance(now);
        }
        let leader = self.voices.iter().find(|voice| Some(voice.key) == self.dominant);
        let best = match leader.map(Voice::scores) {
            None => self
                .voices
                .iter()
                .filter(|voice| voice.speaks(now))
                .max_by(|a, b| a.scores()[1].total_cmp(&b.scores()[1])),
            Some(to_beat) => self
                .voices
                .iter()
                .filter(|voice| Some(voice.key) != self.dominant)
                .map(|voice| (voice, voice.leads(to_beat)))
                .filter(|(_, leads)| leads.iter().zip(LEADS).all(|(lead, needed)| *lead > needed))
                .max_by(|(_, a), (_, b)| a[1].total_cmp(&b[1]))
                .map(|(voice, _)| voice),
        };
        if let Some(voice) = best {
            self.dominant = Some(voice.key);
        }
    }

    /// Who speaks now, the dominant one first, then the louder ones.
    pub(super) fn speaking(&self, now: Instant) -> Vec<K> {
        let mut speaking: Vec<&Voice<K>> = self.voices.iter().filter(|voice| voice.speaks(now)).collect();
        speaking.sort_by(|a, b| {
            let leads = |voice: &Voice<K>| Some(voice.key) == self.dominant;
            leads(b).cmp(&leads(a)).then(b.loudness.total_cmp(&a.loudness))
        });
        speaking.into_iter().map(|voice| voice.key).collect()
    }

    /// How loud somebody was lately, 0 to 127.
    pub(super) fn loudness(&self, key: K) -> f32 {
        self.voices
            .iter()
            .find(|voice| voice.key == key)
            .map_or(0.0, |voice| voice.loudness)
    }
}

impl<K> Voice<K> {
    fn new(now: Instant, key: K, loudness: u8) -> Self {
        Self {
            key,
            frames: [0; FRAMES_MAX],
            until: now + FRAME,
            peak: loudness,
            floor: f32::from(loudness).min(FLOOR_MAX),
            loudness: 0.0,
            spoke: None,
        }
    }

    /// Closes the frames that are over.
    fn advance(&mut self, now: Instant) {
        for _ in 0..FRAMES_MAX {
            if now < self.until {
                return;
            }
            self.close();
            self.until += FRAME;
        }
        // Longer away than anything is remembered.
        self.until = self.until.max(now + FRAME);
    }

    fn close(&mut self) {
        let peak = f32::from(std::mem::take(&mut self.peak));
        // Nothing that came is no noise either: the floor is made of what was heard.
        if peak > 0.0 {
            let risen = self.floor + FLOOR_RISE_DB_PER_S * FRAME.as_secs_f32();
            self.floor = peak.min(risen).min(FLOOR_MAX);
        }
        self.loudness += (peak - self.loudness) * FRAME.as_secs_f32() / 0.3;
        let above = peak > self.floor + f32::from(STEP_DB);
        let steps = if above {
            (peak as u8 / STEP_DB).min(IMMEDIATE_MOST)
        } else {
            0
        };
        self.frames.rotate_left(1);
        self.frames[FRAMES_MAX - 1] = steps;
        if self.medium(0) * 2 > MEDIUM_FRAMES {
            self.spoke = Some(self.until);
        }
    }

    /// The loud frames of the medium that ended `ago` mediums before now.
    fn medium(&self, ago: usize) -> usize {
        self.frames.rchunks(MEDIUM_FRAMES).nth(ago).map_or(0, |frames| {
            frames.iter().filter(|steps| **steps > LOUD_STEPS).count()
        })
    }

    fn speaks(&self, now: Instant) -> bool {
        self.spoke.is_some_and(|at| now < at + HANG_OVER)
    }

    fn scores(&self) -> [f64; 3] {
        let immediate = usize::from(self.frames[FRAMES_MAX - 1]);
        let long = (0..LONG_MEDIUMS)
            .filter(|ago| self.medium(*ago) == MEDIUM_FRAMES)
            .count();
        [
            score(immediate, usize::from(IMMEDIATE_STEPS), RATES[0]),
            score(self.medium(0), MEDIUM_FRAMES, RATES[1]),
            score(long, LONG_MEDIUMS, RATES[2]),
        ]
    }

    fn leads(&self, to_beat: [f64; 3]) -> [f64; 3] {
        let mine = self.scores();
        std::array::from_fn(|at| (mine[at] / to_beat[at]).ln())
    }
}

/// The paper's speech activity score: the logarithm of how likely `count` of `of` are under speech (a coin for each), less that
/// under silence (exponential with `rate`). Never quite nothing, for it is divided by.
fn score(count: usize, of: usize, rate: f64) -> f64 {
    let ln_factorial = |n: usize| (1..=n).map(|at| (at as f64).ln()).sum::<f64>();
    let ways = ln_factorial(of) - ln_factorial(count.min(of)) - ln_factorial(of - count.min(of));
    let speech = ways + of as f64 * 0.5f64.ln();
    let silence = rate.ln() - rate * count as f64;
    (speech - silence).max(1e-10)
}

#[cfg(test)]
mod tests;
