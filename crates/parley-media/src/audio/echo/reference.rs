//! What the speaker plays, read at the microphone's pace.
//!
//! Two devices have two clocks: a reference that comes a hundred millionths too fast walks away from its echo by five samples a
//! second, faster than a filter learns. So it is read at a rate of its own ([`super::drift`] tells which), between the samples
//! where need be. Owned by the canceller. Bounded: [`KEPT`] samples, the oldest are written over.

use super::fraction::{BEFORE, Fraction, TAPS};
use crate::audio::{BLOCK_SAMPLES, Block, SILENT_BLOCK};

/// Samples that are kept: 1.4 s, more than the longest way and a stall.
const KEPT: usize = 1 << 16;
/// Reading begins so far behind what was written last: a block that is to be read, one that may come late, and what is read around
/// a place. No echo is sooner than that: a block waits in the speaker's ring for a callback, and then for one of the microphone's.
const MARGIN: f64 = (2 * BLOCK_SAMPLES + 2 * TAPS) as f64;
/// So many times in a row the reading waits for a speaker that takes its blocks in bursts; then there is none.
const WAITS_MAX: u32 = 20;
/// Further behind than this is a stall of the microphone: reading begins anew.
const BEHIND_MAX: f64 = 48_000.0;

pub(super) struct Reference {
    ring: Vec<f32>,
    /// Samples written so far, counted as if the empty ring had been.
    written: u64,
    /// What is read next, by the same count.
    read: Option<f64>,
    /// How often in a row what was to be read had not been put in; at [`WAITS_MAX`] nothing is played.
    waited: u32,
    fraction: Fraction,
}

/// What goes with a block of the microphone.
#[derive(Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "boxed it would be an allocation on the audio thread; it lives for one call"
)]
pub(super) enum Taken {
    /// The block after the one before.
    Next(Block),
    /// The one before again: the next was not played yet. From now on all is read a block later, and its echo comes a block sooner.
    Again,
    /// Nothing is played.
    Nothing,
}

impl Reference {
    pub(super) fn new() -> Self {
        Self {
            ring: vec![0.0; KEPT],
            written: KEPT as u64,
            read: None,
            waited: WAITS_MAX,
            fraction: Fraction::new(),
        }
    }

    /// What will be played next.
    pub(super) fn put(&mut self, block: &Block) {
        if self.waited == WAITS_MAX {
            (self.waited, self.read) = (0, None);
        }
        for sample in block {
            self.ring[self.written as usize % KEPT] = *sample;
            self.written += 1;
        }
    }

    /// The next block, read with so much more than a sample from one to the next.
    pub(super) fn take(&mut self, more: f64) -> Taken {
        if self.waited == WAITS_MAX {
            return Taken::Nothing;
        }
        let newest = self.written as f64 - MARGIN;
        let mut read = self.read.unwrap_or(newest);
        if newest - read > BEHIND_MAX {
            read = newest;
        }
        let last = read + BLOCK_SAMPLES as f64 * (1.0 + more);
        if last as u64 + BEFORE as u64 >= self.written {
            self.waited += 1;
            return Taken::Again;
        }
        self.waited = 0;
        let mut block = SILENT_BLOCK;
        for sample in &mut block {
            let middle = read as u64;
            let from = middle as usize - (BEFORE - 1);
            let around = (from..from + TAPS).map(|at| self.ring[at % KEPT]);
            *sample = self.fraction.at(read - middle as f64, around);
            read += 1.0 + more;
        }
        self.read = Some(read);
        Taken::Next(block)
    }

    /// Reads what is so many samples older (younger, below zero) from now on.
    pub(super) fn step_back(&mut self, samples: f64) {
        let oldest = self.written as f64 - BEHIND_MAX;
        self.read = self.read.map(|read| (read - samples).max(oldest));
    }

    /// Where reading stands, counted from the first sample that was put in.
    pub(super) fn place(&self) -> f64 {
        self.read.map_or(0.0, |read| read - KEPT as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(at: f64) -> f32 {
        (at * 0.1).sin() as f32
    }

    #[test]
    fn what_comes_too_fast_is_read_faster_and_stays_itself() {
        let mut reference = Reference::new();
        let (mut written, mut largest) = (0u64, 0f32);
        for block in 0..6_000u64 {
            // The speaker's clock: 200 millionths fast, so a block more in fifty seconds.
            while written as f64 * 480.0 <= block as f64 * 480.0 * 1.0002 {
                reference.put(&std::array::from_fn(|n| tone((written * 480 + n as u64) as f64)));
                written += 1;
            }
            let place = reference.place();
            let Taken::Next(read) = reference.take(2e-4) else {
                panic!("block {block} came too late");
            };
            if block > 10 {
                for (n, sample) in read.iter().enumerate() {
                    largest = largest.max((sample - tone(place + n as f64 * 1.0002)).abs());
                }
            }
        }
        assert!(largest < 2e-3, "{largest}");
    }

    #[test]
    fn a_speaker_that_takes_bursts_is_waited_for_once_and_one_that_ends_is_nothing() {
        let mut reference = Reference::new();
        let mut again = 0;
        for block in 0..400 {
            if block % 4 == 0 {
                // The microphone's callback was first now and then.
                again += i32::from(reference.take(0.0) == Taken::Again);
                (0..4).for_each(|_| reference.put(&[0.5; BLOCK_SAMPLES]));
            } else {
                again += i32::from(reference.take(0.0) == Taken::Again);
            }
        }
        assert!((1..=4).contains(&again), "{again}");
        let silence = (0..100).map(|_| reference.take(0.0));
        assert_eq!(silence.last(), Some(Taken::Nothing));
    }

    #[test]
    fn a_stall_of_the_microphone_is_left_out() {
        let mut reference = Reference::new();
        for _ in 0..5 {
            reference.put(&[0.25; BLOCK_SAMPLES]);
            reference.take(0.0);
        }
        for _ in 0..300 {
            reference.put(&[0.5; BLOCK_SAMPLES]);
        }
        let Taken::Next(block) = reference.take(0.0) else {
            panic!("nothing was read");
        };
        assert!(block[0] > 0.49, "{}", block[0]);
        assert!(reference.place() > 290.0 * 480.0, "{}", reference.place());
    }
}
