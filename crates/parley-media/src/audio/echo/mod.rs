//! The echo canceller: takes what the speaker plays out of what the microphone hears.
//!
//! | who | where | why there |
//! |---|---|---|
//! | `high_pass` | first | what lies below voices would be learnt in vain |
//! | `reference` | with it | what was played, read at the microphone's pace: the two may be two devices with two clocks |
//! | `delay` | watches | moves the reading where the echo comes later than the filter is long |
//! | `filter` | then | the way from speaker to microphone, learnt; what it tells is subtracted and costs the voice nothing |
//! | `drift` | watches the filter | a way that grows longer is a clock that runs slow |
//! | `residual` | last | what is left is weighed down, and that does cost the voice: the less is left the better |
//!
//! Owned by the voice chain; blocks are all the time it knows. `trial` is how it is judged (`cargo xtask bench voice`, where WebRTC's
//! canceller is measured beside it). It does nothing about noise and loudness, and knows no device: another device is another canceller.

mod delay;
mod drift;
mod filter;
mod fraction;
mod high_pass;
mod reference;
mod residual;
pub mod trial;

use super::level::rms;
use super::{Block, SILENT_BLOCK};
use delay::EchoDelay;
use drift::Drift;
use filter::{EchoFilter, PARTITIONS};
use high_pass::HighPass;
use reference::{Reference, Taken};
use residual::Residual;

/// Devices may give a little more than full scale, and none gives more than this.
const LOUDEST: f32 = 4.0;
/// Something was played in a block above this: -50 dB of full scale.
const PLAYED: f32 = 0.003;
/// The echo may begin so much after what is read, in samples: half a millisecond to 100 ms. The rest of the filter is for the room.
const BEGINS: std::ops::RangeInclusive<f64> = 24.0..=4_800.0;
/// Where it begins after the reading was moved: 10 ms, for what comes before the loudest.
const BEGINS_AT: f64 = 480.0;
/// How fast the levels are followed that tell whether the filter is lost.
const LEVEL_FOLLOWS: f32 = 0.15;
/// A filter that makes it so much louder, with an echo at least so large against all, is lost: the way has changed.
const LOUDER: f32 = 1.15;
const ECHO_LEAST: f32 = 0.1;
/// Power of a room that is quiet: nothing is decided by it.
const ROOM_LEAST: f32 = 1e-7;
/// It is given so many blocks to find back before it is looked at again.
const LOST_AGAIN: usize = 100;

/// The canceller of one microphone and one speaker.
pub struct EchoCanceller {
    high_pass: HighPass,
    reference: Reference,
    delay: EchoDelay,
    filter: EchoFilter,
    drift: Drift,
    residual: Residual,
    /// Blocks since something was played.
    silent: usize,
    levels: Levels,
    since_lost: usize,
}

impl std::fmt::Debug for EchoCanceller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EchoCanceller").finish_non_exhaustive()
    }
}

impl Default for EchoCanceller {
    fn default() -> Self {
        Self::new()
    }
}

impl EchoCanceller {
    /// Knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            high_pass: HighPass::new(),
            reference: Reference::new(),
            delay: EchoDelay::new(),
            filter: EchoFilter::new(),
            drift: Drift::new(),
            residual: Residual::new(),
            silent: PARTITIONS,
            levels: Levels::default(),
            since_lost: 0,
        }
    }

    /// What the speaker is about to play, before the microphone can have heard it.
    pub fn render(&mut self, block: &Block) {
        let block = sane(block);
        self.reference.put(&block);
        self.delay.put(&block);
    }

    /// What the microphone heard: the echo is taken out, and what remains comes 5 ms later.
    pub fn process(&mut self, block: &mut Block) {
        *block = sane(block);
        self.high_pass.apply(block);
        let loud = self.play();
        if let Some(older) = self.delay.hear(block, self.reference.place())
            && !BEGINS.contains(&older)
            && self.levels.useless()
        {
            self.read_elsewhere(older - BEGINS_AT);
        }
        let mut echo = SILENT_BLOCK;
        if self.silent < PARTITIONS {
            echo = self.filter.echo();
            let heard = rms(block);
            for (sample, echo) in block.iter_mut().zip(&echo) {
                *sample -= echo;
            }
            self.find_back(heard, rms(&echo), rms(block));
            self.filter.learn(block);
            self.drift.follow(self.filter.way(), loud);
        } else {
            self.filter.rest();
        }
        self.residual.take_out(block, &echo, self.filter.unsure());
    }

    /// Brings the filter what goes with this block of the microphone; tells whether it is something to learn from.
    fn play(&mut self) -> bool {
        let block = match self.reference.take(self.drift.more()) {
            Taken::Next(block) => block,
            Taken::Again => {
                self.filter.shorten();
                self.drift.start_anew();
                self.delay.forget();
                return false;
            }
            Taken::Nothing => SILENT_BLOCK,
        };
        self.silent = if block == SILENT_BLOCK {
            (self.silent + 1).min(PARTITIONS)
        } else {
            0
        };
        if self.silent < PARTITIONS {
            self.filter.play(&block);
        }
        rms(&block) > PLAYED
    }

    fn read_elsewhere(&mut self, samples: f64) {
        tracing::debug!(samples, "the echo comes at another time than it was looked for");
        self.reference.step_back(samples);
        self.filter.forget();
        self.drift.start_anew();
        self.delay.forget();
    }

    /// Notices a way that has changed, by a filter that does harm.
    fn find_back(&mut self, heard: f32, echo: f32, rest: f32) {
        self.levels.follow(heard, echo, rest);
        self.since_lost += 1;
        if self.since_lost > LOST_AGAIN && self.levels.harm() {
            self.since_lost = 0;
            self.filter.doubt();
            self.residual.doubt();
        }
    }
}

/// A device's nonsense would stay in every filter for ever: it is silence here.
fn sane(block: &Block) -> Block {
    block.map(|sample| {
        if sample.is_finite() {
            sample.clamp(-LOUDEST, LOUDEST)
        } else {
            0.0
        }
    })
}

/// Followed powers.
#[derive(Debug, Default)]
struct Levels {
    heard: f32,
    echo: f32,
    rest: f32,
}

impl Levels {
    fn follow(&mut self, heard: f32, echo: f32, rest: f32) {
        for (level, now) in [
            (&mut self.heard, heard),
            (&mut self.echo, echo),
            (&mut self.rest, rest),
        ] {
            *level += LEVEL_FOLLOWS * (now * now - *level);
        }
    }

    /// Whether the filter takes out so little (less than 3 dB) that another place to read cannot be worse.
    fn useless(&self) -> bool {
        self.rest > 0.5 * self.heard
    }

    /// Whether what the filter subtracts makes it louder.
    fn harm(&self) -> bool {
        self.rest > LOUDER * self.heard && self.echo > ECHO_LEAST * self.heard && self.rest > ROOM_LEAST
    }
}

#[cfg(test)]
mod tests;
