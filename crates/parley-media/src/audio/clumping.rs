//! Whether packets are lost one by one or in clumps: from the fate of each ([`Runs`]), or from nothing but the share that each report
//! says was lost ([`Clumping`]).
//!
//! Pure. In Gilbert's model (two states, "A capacity of a burst-noise channel", Bell System Technical Journal 39, 1960) a loss ends
//! with the next packet by some chance `e`, so `1 / e` are lost in a row, where by chance alone it would be `1 / (1 - p)`. [`Runs`]
//! counts how often one that came follows one that was lost; some seconds of a voice tell.
//!
//! [`Clumping`] takes longer. Where each of `n` packets is lost by itself with chance `p`, reports scatter around `p` with a variance
//! of `p (1 - p) / n`. Where losses clump they scatter more: in Gilbert's model `r` times as much, and then `(r + 1) / 2` times as many
//! are lost in a row as by chance. Taken from differences of reports that follow each other, so that a loss that grows is no clump.

use std::ops::AddAssign;

/// What one report weighs.
const WEIGHT: f32 = 0.05;
/// So many differences must be known before anything is said.
const DIFFERENCES_MIN: u32 = 8;
/// A share outside of this has hardly a variance to compare with.
const SHARES: std::ops::Range<f32> = 0.03..0.97;
/// Reports of fewer packets say nothing.
const PACKETS_MIN: u64 = 10;
/// One report counts for no more than this: an outage is no clump.
const SURPRISE_MAX: f32 = 30.0;

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Clumping {
    last: Option<f32>,
    mean: f32,
    /// How much more reports scatter than chance makes them.
    ratio: f32,
    differences: u32,
}

impl Clumping {
    /// A report of the share that was lost, 0 to 1, of about so many packets. The same share again is taken for the same report.
    pub fn report(&mut self, share: f32, packets: u64) {
        if !share.is_finite() || !(0.0..=1.0).contains(&share) || self.last == Some(share) {
            return;
        }
        let Some(last) = self.last.replace(share) else {
            self.mean = share;
            return;
        };
        self.mean += WEIGHT * (share - self.mean);
        if packets < PACKETS_MIN || !SHARES.contains(&self.mean) {
            return;
        }
        let by_chance = 2.0 * self.mean * (1.0 - self.mean) / packets as f32;
        let surprise = ((share - last).powi(2) / by_chance).min(SURPRISE_MAX);
        self.differences = self.differences.saturating_add(1);
        // The first ones weigh alike.
        let weight = WEIGHT.max(1.0 / self.differences as f32);
        self.ratio += weight * (surprise - self.ratio);
    }

    /// How many more are lost in a row than by chance: 1 where each is lost by itself. `None` while too little is known.
    #[must_use]
    pub fn factor(&self) -> Option<f32> {
        let known = self.differences >= DIFFERENCES_MIN && SHARES.contains(&self.mean);
        known.then(|| f32::midpoint(self.ratio, 1.0).max(1.0))
    }
}

/// Packets of which it is known what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fates {
    /// All of them.
    pub known: u64,
    /// Those that were lost.
    pub lost: u64,
    /// Those that were lost, and of whose next one it is known too,
    pub followed: u64,
    /// and which of those came.
    pub ended: u64,
}

impl Fates {
    /// The next packet in the order of sending was lost or not; `None`: nobody knows. `last` is what was said before.
    pub fn note(&mut self, last: &mut Option<bool>, lost: Option<bool>) {
        let before = std::mem::replace(last, lost);
        let Some(lost) = lost else {
            return;
        };
        self.known += 1;
        self.lost += u64::from(lost);
        if before == Some(true) {
            self.followed += 1;
            self.ended += u64::from(!lost);
        }
    }

    /// Those that were not among these yet: both count the same packets from the beginning.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            known: self.known.saturating_sub(before.known),
            lost: self.lost.saturating_sub(before.lost),
            followed: self.followed.saturating_sub(before.followed),
            ended: self.ended.saturating_sub(before.ended),
        }
    }

    /// The share that was lost, where there are enough to tell one.
    #[must_use]
    pub fn share(self) -> Option<f32> {
        (self.known >= PACKETS_MIN).then(|| self.lost as f32 / self.known as f32)
    }
}

impl AddAssign for Fates {
    fn add_assign(&mut self, more: Self) {
        self.known += more.known;
        self.lost += more.lost;
        self.followed += more.followed;
        self.ended += more.ended;
    }
}

/// After so many packets, what was known before counts half: 4 s of 20 ms.
const HALF_AFTER: f32 = 200.0;
/// Chance alone is believed until so many lost ones tell otherwise.
const BY_CHANCE: f32 = 4.0;

/// See the module.
#[derive(Debug, Clone, Copy, Default)]
pub struct Runs {
    known: f32,
    lost: f32,
    followed: f32,
    ended: f32,
}

impl Runs {
    /// More packets, of which it was not told before.
    pub fn note(&mut self, fates: Fates) {
        let left = 0.5f32.powf(fates.known as f32 / HALF_AFTER);
        let count = |sum: &mut f32, more: u64| *sum = *sum * left + more as f32;
        count(&mut self.known, fates.known);
        count(&mut self.lost, fates.lost);
        count(&mut self.followed, fates.followed);
        count(&mut self.ended, fates.ended);
    }

    /// As [`Clumping::factor`].
    #[must_use]
    pub fn factor(&self) -> Option<f32> {
        let share = self.lost / self.known.max(1.0);
        if self.known < PACKETS_MIN as f32 || !SHARES.contains(&share) {
            return None;
        }
        let by_chance = 1.0 - share;
        let ends = (self.ended + BY_CHANCE * by_chance) / (self.followed + BY_CHANCE);
        Some((by_chance / ends).max(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in `seconds` of 50 packets, whose fate `lost` decides by a roll.
    fn found(seconds: u64, mut lost: impl FnMut(f64) -> bool) -> Option<f32> {
        let mut clumping = Clumping::default();
        let mut state = 5u64;
        for _ in 0..seconds {
            let mut gone = 0u16;
            for _ in 0..50 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                gone += u16::from(lost((state >> 11) as f64 / (1u64 << 53) as f64));
            }
            clumping.report(f32::from(gone) / 50.0, 50);
        }
        clumping.factor()
    }

    fn in_bursts(into: f64, out: f64) -> impl FnMut(f64) -> bool {
        let mut in_burst = false;
        move |roll| {
            in_burst = if in_burst { roll >= out } else { roll < into };
            in_burst
        }
    }

    /// What is known of the fates of so many seconds of 50 packets, told once a second.
    fn known(seconds: u64, mut lost: impl FnMut(f64) -> bool) -> Option<f32> {
        let (mut runs, mut last) = (Runs::default(), None);
        let mut state = 5u64;
        for _ in 0..seconds {
            let mut fates = Fates::default();
            for _ in 0..50 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let is_lost = lost((state >> 11) as f64 / (1u64 << 53) as f64);
                fates.note(&mut last, Some(is_lost));
            }
            runs.note(fates);
        }
        runs.factor()
    }

    #[test]
    fn fates_tell_chance_and_bursts_apart_within_seconds() {
        for seconds in [1, 2, 4, 60] {
            for chance in [0.05, 0.1, 0.3, 0.5] {
                let factor = known(seconds, |roll| roll < chance).unwrap_or(1.0);
                assert!((1.0..1.6).contains(&factor), "{chance} for {seconds} s: {factor}");
            }
        }
        // 6.7 in a row where chance would have 1.5: 4.3 times as many.
        for (seconds, least) in [(2, 1.6), (4, 2.2), (60, 2.6)] {
            let factor = known(seconds, in_bursts(0.080_77, 0.15)).unwrap();
            assert!((least..7.0).contains(&factor), "after {seconds} s: {factor}");
        }
        assert_eq!(known(60, |roll| roll < 0.005), None);
        assert_eq!(known(60, |_| true), None);
    }

    #[test]
    fn chance_and_bursts_are_told_apart() {
        for chance in [0.1, 0.3, 0.5] {
            let factor = found(60, |roll| roll < chance).unwrap();
            assert!((1.0..1.6).contains(&factor), "{chance}: {factor}");
        }
        // 6.7 in a row where chance would have 1.5.
        let factor = found(60, in_bursts(0.080_77, 0.15)).unwrap();
        assert!((2.2..7.0).contains(&factor), "{factor}");
    }

    #[test]
    fn nothing_is_said_too_early_or_of_hardly_any_loss() {
        assert_eq!(found(6, |roll| roll < 0.3), None);
        assert_eq!(found(60, |roll| roll < 0.005), None);
        assert_eq!(found(60, |_| true), None);
    }

    #[test]
    fn a_loss_that_grows_is_no_clump() {
        let mut clumping = Clumping::default();
        for n in 0..40u8 {
            clumping.report(0.05 + f32::from(n) * 0.01, 50);
        }
        assert_eq!(clumping.factor(), Some(1.0));
    }

    #[test]
    fn absurd_reports_are_left_out() {
        let mut clumping = Clumping::default();
        for n in 0..100u64 {
            for share in [f32::NAN, f32::INFINITY, -1.0, 255.0, 0.0, 1.0] {
                clumping.report(share, n * n * n * n * n);
            }
        }
        assert!(
            clumping
                .factor()
                .is_none_or(|factor| (1.0..20.0).contains(&factor))
        );
    }
}
