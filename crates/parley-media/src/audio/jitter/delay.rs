//! How late packets come, and so how long sound has to wait to be whole.
//!
//! The transit of a packet is its arrival less its timestamp: the way, and the two clocks' difference. The quickest of the
//! last one to two seconds is the base, which follows the drift of the clocks; how much later the others come goes into a
//! histogram that slowly forgets. The wait is its quantile. All in samples at 48 kHz.

/// One bin: 1 ms.
const BIN: i64 = 48;
/// Half a second. What comes later still is an outage, not jitter.
const BINS: usize = 500;
/// So many of the packets shall come in time.
const QUANTILE: f32 = 0.98;
/// Waited on top, for the thread that plays is never quite on time.
const MARGIN: i64 = 96;
/// After so many packets, each new one weighs the same (5 s of 20 ms packets).
const MEMORY_PACKETS: f32 = 250.0;
/// Two of these make the window of the base: 1 s.
const WINDOW: i64 = 48_000;
/// Packets closer together than this came in one go: 2 ms. Only the first of them tells how long the way held them up.
const TOGETHER: i64 = 96;
/// A base that falls by more than this is another way, of which the old one's jitter tells nothing: 60 ms.
const OTHER_WAY_BINS: i64 = 60;
/// Assumed before anything was measured, and outweighed within a second.
const FIRST_GUESS_MS: usize = 20;

/// The measure of one stream.
#[derive(Debug)]
pub(super) struct DelayMeasure {
    bins: Vec<f32>,
    seen: f32,
    window_end: i64,
    minimum: Option<i64>,
    minimum_before: Option<i64>,
    base: i64,
    latest: i64,
    last_arrival: i64,
}

impl Default for DelayMeasure {
    fn default() -> Self {
        let mut bins = vec![0.0; BINS];
        bins[FIRST_GUESS_MS] = 1.0;
        Self {
            bins,
            seen: 1.0,
            window_end: 0,
            minimum: None,
            minimum_before: None,
            base: 0,
            latest: 0,
            last_arrival: i64::MIN / 2,
        }
    }
}

impl DelayMeasure {
    /// A packet with this timestamp arrived.
    pub(super) fn observe(&mut self, arrived: i64, time: i64) {
        let transit = arrived - time;
        self.follow_base(arrived, transit);
        self.latest = transit - self.base;
        let together = arrived - std::mem::replace(&mut self.last_arrival, arrived) < TOGETHER;
        let bin = usize::try_from(self.latest / BIN).unwrap_or(0);
        if bin >= BINS || together {
            return;
        }
        self.seen = (self.seen + 1.0).min(MEMORY_PACKETS);
        let weight = 1.0 / self.seen;
        for share in &mut self.bins {
            *share *= 1.0 - weight;
        }
        self.bins[bin] += weight;
    }

    /// How long after the quickest way a moment of this timestamp is, at `now`.
    pub(super) fn age(&self, now: i64, time: i64) -> i64 {
        now - time - self.base
    }

    /// How long to wait.
    pub(super) fn target(&self) -> i64 {
        self.quantile() + MARGIN
    }

    /// How late the newest packet came.
    pub(super) fn latest(&self) -> i64 {
        self.latest
    }

    /// How late all but the worst packets come.
    pub(super) fn quantile(&self) -> i64 {
        let mut share = 0.0;
        for (bin, weight) in self.bins.iter().enumerate() {
            share += weight;
            if share >= QUANTILE {
                return (bin as i64 + 1) * BIN;
            }
        }
        // Rounding can leave the sum a hair under one.
        BINS as i64 * BIN
    }

    fn follow_base(&mut self, arrived: i64, transit: i64) {
        let Some(minimum) = self.minimum else {
            self.minimum = Some(transit);
            self.base = transit;
            self.window_end = arrived + WINDOW;
            return;
        };
        if arrived >= self.window_end {
            self.minimum_before = Some(minimum);
            self.minimum = Some(transit);
            self.window_end = arrived + WINDOW;
        } else {
            self.minimum = Some(minimum.min(transit));
        }
        let lowest = self
            .minimum_before
            .unwrap_or(i64::MAX)
            .min(self.minimum.unwrap_or(i64::MAX));
        // Whole bins only, so that the histogram can move along exactly.
        let bins = (lowest - self.base).div_euclid(BIN);
        if bins != 0 {
            self.base += bins * BIN;
            if bins > -OTHER_WAY_BINS {
                self.shift(bins);
            }
        }
    }

    /// The base moved by so many bins: everything seen before is as much less late (or more).
    fn shift(&mut self, bins: i64) {
        let by = usize::try_from(bins.unsigned_abs()).unwrap_or(BINS).min(BINS);
        if bins > 0 {
            let gone: f32 = self.bins[..by].iter().sum();
            self.bins.copy_within(by.., 0);
            self.bins[BINS - by..].fill(0.0);
            self.bins[0] += gone;
        } else {
            let gone: f32 = self.bins[BINS - by..].iter().sum();
            self.bins.copy_within(..BINS - by, by);
            self.bins[..by].fill(0.0);
            self.bins[BINS - 1] += gone;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(lateness_ms: impl Fn(i64) -> i64, packets: i64) -> DelayMeasure {
        let mut measure = DelayMeasure::default();
        for n in 0..packets {
            let time = n * 960;
            measure.observe(time + 5_000_000 + lateness_ms(n) * 48, time);
        }
        measure
    }

    #[test]
    fn a_clean_way_needs_hardly_any_wait() {
        assert!(measure(|_| 0, 100).target() <= 3 * 48);
    }

    #[test]
    fn the_wait_covers_the_jitter_there_is() {
        let target = measure(|n| (n * 7_919) % 30, 400).target() / 48;
        assert!((28..=34).contains(&target), "{target} ms");
    }

    #[test]
    fn the_base_follows_a_way_that_became_longer() {
        let measure = measure(|n| if n < 200 { 0 } else { 80 }, 500);
        assert!(measure.target() / 48 <= 5, "{} ms", measure.target() / 48);
        assert!(measure.age(500 * 960 + 5_000_000 + 80 * 48, 500 * 960) <= 48);
    }

    #[test]
    fn drifting_clocks_do_not_add_up() {
        // 200 ppm over ten minutes: 120 ms apart at the end.
        let measure = measure(|n| n * 20 / 5_000, 30_000);
        assert!(measure.target() / 48 <= 6, "{} ms", measure.target() / 48);
    }

    #[test]
    fn packets_that_come_in_pairs_are_waited_for() {
        // Two every 40 ms, together.
        let target = measure(|n| if n % 2 == 0 { 20 } else { 0 }, 400).target() / 48;
        assert!((20..=24).contains(&target), "{target} ms");
    }

    #[test]
    fn a_way_that_became_much_shorter_is_believed_at_once() {
        let target = measure(|n| if n < 200 { 800 } else { 0 }, 230).target() / 48;
        assert!(target <= 24, "{target} ms");
    }

    #[test]
    fn an_outage_is_not_taken_for_jitter() {
        let measure = measure(
            |n| {
                if (300..350).contains(&n) {
                    3_000 - (n - 300) * 20
                } else {
                    0
                }
            },
            500,
        );
        assert!(measure.target() / 48 <= 5, "{} ms", measure.target() / 48);
    }
}
