//! "Say something, hear yourself": some seconds of the microphone as others would hear it, played on the speaker that others
//! would be heard from.
//!
//! Owned by the audio thread: the capture gives it each block after the voice chain and before the mute, the playout takes
//! blocks from it. It holds the only copy, which goes with the test.

use super::level::rms;
use super::{BLOCK_SAMPLES, Block};

/// Blocks that are recorded: four seconds.
pub(super) const BLOCKS: usize = 400;
/// What is quieter all the time is nobody speaking.
const HEARD_RMS: f32 = 0.004;

/// What the test does now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum EchoTestState {
    /// Nothing.
    #[default]
    Off,
    /// It listens.
    Recording,
    /// It plays what it heard.
    Playing,
    /// It heard nothing, and therefore played nothing. Until the next test.
    HeardNothing,
}

/// The test.
#[derive(Debug, Default)]
pub(super) struct EchoTest {
    state: EchoTestState,
    sound: Vec<f32>,
    played: usize,
    loudest: f32,
}

impl EchoTest {
    /// Begins, from its beginning; or ends.
    pub(super) fn set(&mut self, on: bool) {
        *self = Self::default();
        if on {
            self.sound = Vec::with_capacity(BLOCKS * BLOCK_SAMPLES);
            self.state = EchoTestState::Recording;
        }
    }

    pub(super) const fn state(&self) -> EchoTestState {
        self.state
    }

    /// Ten milliseconds of the microphone, as others would hear them.
    pub(super) fn hear(&mut self, block: &Block) {
        if self.state != EchoTestState::Recording {
            return;
        }
        self.sound.extend_from_slice(block);
        self.loudest = self.loudest.max(rms(block));
        if self.sound.len() >= BLOCKS * BLOCK_SAMPLES {
            self.state = if self.loudest < HEARD_RMS {
                EchoTestState::HeardNothing
            } else {
                EchoTestState::Playing
            };
        }
    }

    /// The microphone is gone: there is nothing more to wait for.
    pub(super) fn lose_microphone(&mut self) {
        if self.state == EchoTestState::Recording {
            self.set(false);
        }
    }

    /// Adds the next ten milliseconds of what it heard.
    pub(super) fn add_to(&mut self, mix: &mut Block) {
        if self.state != EchoTestState::Playing {
            return;
        }
        let rest = &self.sound[self.played..];
        for (sum, sample) in mix.iter_mut().zip(rest) {
            *sum += sample;
        }
        self.played += mix.len().min(rest.len());
        if self.played >= self.sound.len() {
            self.set(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{SILENT_BLOCK, speech};

    fn record(test: &mut EchoTest, block: impl Fn(usize) -> Block) {
        for n in 0..BLOCKS {
            assert_eq!(test.state(), EchoTestState::Recording, "block {n}");
            let mut nothing = SILENT_BLOCK;
            test.add_to(&mut nothing);
            assert_eq!(nothing, SILENT_BLOCK, "it plays only when it has heard");
            test.hear(&block(n));
        }
    }

    #[test]
    fn what_was_said_is_played_once_in_the_same_order_and_forgotten() {
        let mut test = EchoTest::default();
        let said = |n: usize| {
            let mut block = SILENT_BLOCK;
            speech::fill(n as u64 * BLOCK_SAMPLES as u64, &mut block);
            block
        };
        test.set(true);
        record(&mut test, said);
        for n in 0..BLOCKS {
            assert_eq!(test.state(), EchoTestState::Playing, "block {n}");
            test.hear(&SILENT_BLOCK);
            let mut mix = [0.25; BLOCK_SAMPLES];
            test.add_to(&mut mix);
            let expect = said(n).map(|sample| 0.25 + sample);
            assert_eq!(mix, expect, "block {n}");
        }
        assert_eq!(test.state(), EchoTestState::Off);
        assert!(test.sound.is_empty());
    }

    #[test]
    fn silence_is_said_and_not_played() {
        let mut test = EchoTest::default();
        test.set(true);
        record(&mut test, |_| [0.001; BLOCK_SAMPLES]);
        assert_eq!(test.state(), EchoTestState::HeardNothing);
        let mut mix = SILENT_BLOCK;
        test.add_to(&mut mix);
        assert_eq!(mix, SILENT_BLOCK);
        test.set(true);
        assert_eq!(test.state(), EchoTestState::Recording);
    }

    #[test]
    fn without_a_microphone_it_ends_and_can_be_ended_at_any_time() {
        let mut test = EchoTest::default();
        test.set(true);
        test.hear(&SILENT_BLOCK);
        test.lose_microphone();
        assert_eq!(test.state(), EchoTestState::Off);
        test.set(true);
        record(&mut test, |_| [0.1; BLOCK_SAMPLES]);
        test.lose_microphone();
        assert_eq!(test.state(), EchoTestState::Playing, "that was said already");
        test.set(false);
        assert_eq!(test.state(), EchoTestState::Off);
    }
}
