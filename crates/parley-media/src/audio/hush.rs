//! Whether a sound that comes is to be heard: a gain with a short fade either way. Owned by whoever is heard; time is counted in
//! blocks.
//!
//! It is for the end of what is told by another way than the sound itself. When packets just stop, a jitter buffer cannot know
//! whether they are late or the sound is over: it plays what waits and then invents up to 200 ms more, and none of that is wanted
//! once the sender said that it is over.

use super::{BLOCK_SAMPLES, Block};

/// See the module. Heard, unless told otherwise.
#[derive(Debug, Default)]
pub(super) struct Hush {
    hushed: bool,
    /// The last block ended in silence.
    silent: bool,
}

impl Hush {
    /// From the next block on: it fades, and what follows is silent, or as it comes.
    pub(super) const fn set(&mut self, hushed: bool) {
        self.hushed = hushed;
    }

    /// The next block, as it is to be heard. The fade takes one: long enough not to click.
    pub(super) fn apply(&mut self, block: &mut Block) {
        let before = std::mem::replace(&mut self.silent, self.hushed);
        match (before, self.hushed) {
            (false, false) => {}
            (true, true) => block.fill(0.0),
            (_, down) => {
                for (at, sample) in block.iter_mut().enumerate() {
                    let risen = (at + 1) as f32 / BLOCK_SAMPLES as f32;
                    *sample *= if down { 1.0 - risen } else { risen };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fades_within_a_block_and_comes_back_as_softly() {
        let mut hush = Hush::default();
        let mut next = |hushed: bool| {
            let mut block = [0.5; BLOCK_SAMPLES];
            hush.set(hushed);
            hush.apply(&mut block);
            let steps = block.windows(2).map(|pair| (pair[1] - pair[0]).abs());
            assert!(steps.fold(0.0, f32::max) < 0.002, "a click");
            (block[0], block[BLOCK_SAMPLES - 1])
        };
        assert_eq!(next(false), (0.5, 0.5));
        let (first, last) = next(true);
        assert!(first > 0.49 && last == 0.0, "{first} {last}");
        assert_eq!(next(true), (0.0, 0.0));
        let (first, last) = next(false);
        assert!(first < 0.01 && last == 0.5, "{first} {last}");
        assert_eq!(next(false), (0.5, 0.5));
    }
}
