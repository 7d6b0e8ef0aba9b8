//! Decoded samples that wait to be played, and how invented ones fade.

use super::super::codec::{DECODED_MAX, DEEP_MAX};

/// Invented sound plays in full for so long: 100 ms.
const FADE_AFTER: usize = 4_800;
/// Then it fades out over so long: 100 ms.
const FADE: usize = 4_800;

/// Gain of the invented sample that comes after `run` others.
pub(super) fn concealment_gain(run: usize) -> f32 {
    let over = run.saturating_sub(FADE_AFTER);
    1.0 - (over as f32 / FADE as f32).min(1.0)
}

/// An empty queue with room for all that can wait: a block, the longest packet, what deep redundancy tells at once, and what stretching puts in.
pub(super) fn queue() -> Vec<f32> {
    Vec::with_capacity(DEEP_MAX + 2 * DECODED_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invented_sound_fades_after_a_tenth_of_a_second() {
        assert_eq!(concealment_gain(0), 1.0);
        assert_eq!(concealment_gain(4_800), 1.0);
        assert_eq!(concealment_gain(7_200), 0.5);
        assert_eq!(concealment_gain(100_000), 0.0);
    }
}
