//! What several programs play, as one: each comes in pieces of any size, a block of 10 ms of all goes out. Sans-IO.
//!
//! Each program begins with a little in store, so that a late piece is no gap, and what piles up (its clock runs faster than
//! ours, or we slept) is thrown away. Owned by [`super::Applications`].

use crate::audio::limiter::Limiter;
use crate::audio::{BLOCK_SAMPLES, Block, SILENT_BLOCK};
use std::collections::VecDeque;

/// What is in store before a program begins to be heard: it comes in pieces of two blocks.
const BEGIN_WITH: usize = 4 * BLOCK_SAMPLES;
/// More than this is late for no reason, ...
const STORE_MAX: usize = 12 * BLOCK_SAMPLES;
/// ... and is cut to this.
const CUT_TO: usize = 4 * BLOCK_SAMPLES;
/// Bytes of a sample as the server sends it.
const SAMPLE_BYTES: usize = size_of::<f32>();

/// See the module.
#[derive(Default)]
pub(super) struct Mix {
    programs: Vec<Program>,
    limiter: Limiter,
    /// Samples that were thrown away.
    dropped: u64,
}

/// One program's sound.
struct Program {
    /// The stream it comes in.
    channel: u32,
    store: VecDeque<f32>,
    begun: bool,
}

impl Mix {
    /// A program begins.
    pub(super) fn add(&mut self, channel: u32) {
        self.remove(channel);
        self.programs.push(Program {
            channel,
            store: VecDeque::with_capacity(2 * STORE_MAX),
            begun: false,
        });
    }

    /// It ended; what it still had in store is not played.
    pub(super) fn remove(&mut self, channel: u32) {
        self.programs.retain(|program| program.channel != channel);
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.programs.len()
    }

    /// What one of them played: 32-bit floats, little endian, 48 kHz, mono.
    pub(super) fn hear(&mut self, channel: u32, bytes: &[u8]) {
        let Some(program) = self
            .programs
            .iter_mut()
            .find(|program| program.channel == channel)
        else {
            return;
        };
        let samples = bytes.as_chunks::<SAMPLE_BYTES>().0;
        // Of a piece larger than the store only its end is of use, and the store never grows.
        let skipped = samples.len().saturating_sub(STORE_MAX);
        for sample in samples.iter().skip(skipped) {
            let sample = f32::from_le_bytes(*sample);
            program
                .store
                .push_back(if sample.is_finite() { sample } else { 0.0 });
        }
        let surplus = if program.store.len() > STORE_MAX {
            program.store.len() - CUT_TO
        } else {
            0
        };
        program.store.drain(..surplus);
        self.dropped += (skipped + surplus) as u64;
    }

    /// The next 10 ms of all.
    pub(super) fn block(&mut self) -> Block {
        let mut mix = SILENT_BLOCK;
        for program in &mut self.programs {
            program.begun |= program.store.len() >= BEGIN_WITH;
            if !program.begun {
                continue;
            }
            let there = program.store.len().min(BLOCK_SAMPLES);
            for (sum, sample) in mix.iter_mut().zip(program.store.drain(..there)) {
                *sum += sample;
            }
            program.begun = there == BLOCK_SAMPLES;
        }
        self.limiter.apply(&mut mix);
        mix
    }

    /// Samples thrown away so far.
    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(level: f32, samples: usize) -> Vec<u8> {
        std::iter::repeat_n(level.to_le_bytes(), samples)
            .flatten()
            .collect()
    }

    fn loudest(block: &Block) -> f32 {
        block.iter().fold(0.0, |most, sample| most.max(sample.abs()))
    }

    #[test]
    fn programs_are_added_up_and_one_that_ended_is_not_heard() {
        let mut mix = Mix::default();
        for (channel, level) in [(1, 0.125), (2, 0.25)] {
            mix.add(channel);
            mix.hear(channel, &bytes(level, BEGIN_WITH));
        }
        assert!((loudest(&mix.block()) - 0.375).abs() < 1e-3);
        mix.remove(2);
        assert_eq!(mix.len(), 1);
        mix.hear(7, &bytes(1.0, 480)); // nobody's
        for (channel, level) in [(1, 0.125), (7, 1.0)] {
            mix.hear(channel, &bytes(level, 3 * 480));
        }
        assert!((loudest(&mix.block()) - 0.125).abs() < 1e-3);
    }

    #[test]
    fn a_program_begins_with_something_in_store_and_begins_again_after_a_gap() {
        let mut mix = Mix::default();
        mix.add(1);
        mix.hear(1, &bytes(0.5, BEGIN_WITH - 1));
        assert_eq!(loudest(&mix.block()), 0.0);
        mix.hear(1, &bytes(0.5, 1));
        for _ in 0..5 {
            mix.block();
        }
        mix.hear(1, &bytes(0.5, BEGIN_WITH - 1));
        mix.block();
        assert_eq!(loudest(&mix.block()), 0.0, "after a gap it waits again");
    }

    #[test]
    fn what_piles_up_is_thrown_away_and_counted_and_nonsense_is_silence() {
        let mut mix = Mix::default();
        mix.add(1);
        for _ in 0..100 {
            mix.hear(1, &bytes(f32::NAN, 480));
        }
        assert!(mix.programs[0].store.len() <= STORE_MAX);
        assert!(mix.dropped() > 80 * 480);
        mix.hear(1, &bytes(0.1, 1_000_000));
        assert!(mix.programs[0].store.len() <= STORE_MAX);
        assert_eq!(mix.programs[0].store.capacity(), 2 * STORE_MAX, "it never grows");
        assert!(loudest(&mix.block()) <= 0.1);
    }
}
