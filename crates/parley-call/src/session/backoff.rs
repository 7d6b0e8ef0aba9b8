//! How long to wait before the next attempt: twice as long each time, with jitter, so that a thousand clients of a
//! restarted server do not come back in the same instant.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);

/// Doubling delays with jitter from a seed.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    attempt: u32,
    random: u64,
}

impl Backoff {
    pub(super) const fn new(seed: u64) -> Self {
        Self {
            attempt: 0,
            random: seed,
        }
    }

    /// The next delay: between half of it and the whole.
    pub(super) fn next(&mut self) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.attempt.min(16)).min(LONGEST);
        self.attempt = self.attempt.saturating_add(1);
        whole / 2 + (whole / 2).mul_f64(self.fraction())
    }

    /// It worked: the next delay is the first one again.
    pub(super) const fn reset(&mut self) {
        self.attempt = 0;
    }

    /// 0.0 up to 1.0, by splitmix64 (Steele, Lea, Flood 2014).
    fn fraction(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_ten_seconds_and_start_again_after_success() {
        for seed in 0..50 {
            let mut backoff = Backoff::new(seed);
            for whole_ms in [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000] {
                let delay = backoff.next().as_millis();
                assert!(
                    (whole_ms / 2..=whole_ms).contains(&delay),
                    "{delay} of {whole_ms}"
                );
            }
            backoff.reset();
            assert!(backoff.next().as_millis() <= 200);
        }
    }

    #[test]
    fn two_seeds_do_not_come_at_the_same_time() {
        assert_ne!(Backoff::new(1).next(), Backoff::new(2).next());
    }
}
