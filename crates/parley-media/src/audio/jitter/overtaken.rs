//! How long to wait for packets that others overtook.
//!
//! Where a way has branches, a few packets come after ones that were sent later. They are too few for the quantile of [`delay`](super::delay),
//! or sway around it, so that the wait is now there and now not; but each of them that comes too late is a hole of 20 ms. A packet that
//! was held up by a queue is none of them: those behind it are held up as well. Nor is one that is overtaken by far: another way was
//! taken, and what comes over the old one comes no more.

/// Waiting begins at this share of overtaken packets: two of the last hundred.
const BEGIN: f32 = 0.015;
/// And ends below this one: none in some four seconds.
const END: f32 = 0.002;
/// What one packet weighs.
const WEIGHT: f32 = 0.01;
/// So many of them are remembered.
const REMEMBERED: usize = 16;
/// Waited on top, for the thread that plays is never quite on time: 2 ms.
const MARGIN: i64 = 96;
/// Overtaken by more than this, a packet tells nothing: 80 ms.
const LATE_MAX: i64 = 3_840;

/// See the module. In samples at 48 kHz.
#[derive(Debug, Default)]
pub(super) struct Overtaken {
    share: f32,
    waits: bool,
    late: [i64; REMEMBERED],
    next: usize,
}

impl Overtaken {
    /// A packet came: overtaken, so much later than the quickest, or in its place.
    pub(super) fn came(&mut self, late: Option<i64>) {
        self.share *= 1.0 - WEIGHT;
        if let Some(late) = late.filter(|late| (0..=LATE_MAX).contains(late)) {
            self.share += WEIGHT;
            self.late[self.next % REMEMBERED] = late;
            self.next = self.next.wrapping_add(1);
        }
        self.waits = self.share > if self.waits { END } else { BEGIN };
        if !self.waits && self.share < END {
            self.late = [0; REMEMBERED];
        }
    }

    /// How long to wait: for all of them but the worst.
    pub(super) fn wait(&self) -> i64 {
        if !self.waits {
            return 0;
        }
        let mut late = self.late;
        late.sort_unstable();
        late[REMEMBERED - 2] + MARGIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After so many packets of which each so-manyth was overtaken, and so many ordinary ones.
    fn after(packets: usize, each: usize, late_ms: i64, ordinary: usize) -> i64 {
        let mut overtaken = Overtaken::default();
        for n in 0..packets {
            overtaken.came((n % each == each - 1).then_some(late_ms * 48));
        }
        for _ in 0..ordinary {
            overtaken.came(None);
        }
        overtaken.wait() / 48
    }

    #[test]
    fn a_few_overtaken_packets_are_waited_for_and_single_ones_are_not() {
        assert_eq!(after(500, 33, 30, 0), 32);
        assert_eq!(after(500, 33, 30, 100), 32, "for a while without one");
        assert_eq!(after(500, 33, 30, 400), 0);
        assert_eq!(after(1_000, 400, 30, 0), 0);
        assert_eq!(after(100, 100, 30, 0), 0);
    }

    #[test]
    fn what_is_far_too_late_is_not_waited_for() {
        assert_eq!(after(500, 10, 10_000, 0), 0);
        assert_eq!(after(500, 10, -10_000, 0), 0);
        assert_eq!(after(500, 10, 80, 0), 82);
        let mut overtaken = Overtaken::default();
        for n in 0..500 {
            let late_ms = if n == 450 { 70 } else { 30 };
            overtaken.came((n % 30 == 0).then_some(late_ms * 48));
        }
        assert_eq!(overtaken.wait() / 48, 32, "nor is the worst");
    }
}
