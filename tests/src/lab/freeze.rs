//! Freezes: pictures that stood still for too long, as browsers count them (W3C, "Identifiers for WebRTC's Statistics API",
//! `freezeCount`): when the next picture comes later than three times what it took in the mean of the last thirty, and later than
//! that mean and 150 ms. Pure.

/// Pictures whose mean is taken.
const REMEMBERED: usize = 30;
/// More than this beyond the mean.
const BEYOND_US: u64 = 150_000;
/// What is taken for the mean while there is none.
const FIRST_MEAN_US: u64 = 1_000_000 / 30;

/// What stood still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Freezes {
    /// How often.
    pub count: u32,
    /// How long, all together.
    pub total_us: u64,
}

/// The freezes of pictures that were shown at these moments and watched until `end_us`. What never went on counts too.
#[must_use]
pub fn freezes(shown_us: &[u64], end_us: u64) -> Freezes {
    let mut found = Freezes::default();
    let mut steps: Vec<u64> = Vec::new();
    let ends = shown_us.iter().skip(1).copied().chain([end_us]);
    for (begin, end) in shown_us.iter().zip(ends) {
        let step = end.saturating_sub(*begin);
        let recent = &steps[steps.len().saturating_sub(REMEMBERED)..];
        let mean = match recent.len() as u64 {
            0 => FIRST_MEAN_US,
            count => recent.iter().sum::<u64>() / count,
        };
        if step > (3 * mean).max(mean + BEYOND_US) {
            found.count += 1;
            found.total_us += step;
        }
        steps.push(step);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Moments that lie so many milliseconds apart.
    fn shown(steps_ms: &[u64]) -> Vec<u64> {
        let mut at = 5_000_000;
        let mut moments = vec![at];
        for step in steps_ms {
            at += step * 1_000;
            moments.push(at);
        }
        moments
    }

    fn check(steps_ms: &[u64], end_after_ms: u64, count: u32, total_ms: u64) {
        let moments = shown(steps_ms);
        let end = moments.last().unwrap() + end_after_ms * 1_000;
        let expect = Freezes {
            count,
            total_us: total_ms * 1_000,
        };
        assert_eq!(freezes(&moments, end), expect, "{steps_ms:?}");
    }

    #[test]
    fn a_steady_picture_never_freezes_however_slow() {
        check(&[33; 100], 20, 0, 0);
        check(&[140; 50], 20, 0, 0);
    }

    #[test]
    fn a_step_that_is_far_longer_than_the_others_is_a_freeze() {
        check(&[33, 33, 33, 180, 33, 33], 20, 0, 0);
        check(&[33, 33, 33, 190, 33, 33], 20, 1, 190);
        // Slow pictures are waited for longer.
        check(&[100, 100, 100, 290, 100], 20, 0, 0);
        check(&[100, 100, 100, 310, 100], 20, 1, 310);
    }

    #[test]
    fn a_picture_that_never_goes_on_is_frozen_to_the_end() {
        check(&[33; 30], 4_000, 1, 4_000);
        check(&[], 3_000, 1, 3_000);
        assert_eq!(freezes(&[], 1), Freezes::default());
    }
}
