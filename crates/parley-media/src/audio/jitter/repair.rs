//! How long to wait for the redundancy in later packets.
//!
//! A packet carries the one before it in small, so a lost one can be repaired, but only by waiting a packet longer. That
//! pays when packets are lost often enough, and the sender adds redundancy at all. It may also carry whole copies of some before
//! it (RFC 2198): it is waited for as many packets as lost ones needed lately to come as a copy. Both add up, for a copy carries
//! in small what was before it as well.

/// Waiting begins at this share of lost packets.
const LOSS_BEGIN: f32 = 0.03;
/// And ends below this one.
const LOSS_END: f32 = 0.01;
/// It needs at least this share of packets with redundancy to begin (pauses have none),
const REDUNDANT_BEGIN: f32 = 0.3;
/// and this one to go on.
const REDUNDANT_END: f32 = 0.1;
/// A copy is waited for when so many packets came only as one that far back or further,
const COPIED_BEGIN: f32 = 0.01;
/// and no more below this.
const COPIED_END: f32 = 0.004;
/// Copies are waited for no longer than this many packets: 240 ms.
const COPIES_BACK: usize = 12;
/// What one packet weighs.
const WEIGHT: f32 = 0.01;

/// The shares of lost, of redundant and of copied packets, and what follows from them.
#[derive(Debug, Default)]
pub(super) struct Repair {
    lost: f32,
    redundant: f32,
    waits: bool,
    /// By how many packets later the copy came, less one.
    copied: [f32; COPIES_BACK],
    /// So many packets are waited for copies.
    back: usize,
}

impl Repair {
    /// A packet came in time.
    pub(super) fn came(&mut self, redundant: bool) {
        self.redundant += WEIGHT * (if redundant { 1.0 } else { 0.0 } - self.redundant);
        self.lost *= 1.0 - WEIGHT;
        for share in &mut self.copied {
            *share *= 1.0 - WEIGHT;
        }
        self.decide();
    }

    /// A lost packet came as a copy, so many packets later. Too late or not: that is what it tells.
    pub(super) fn copied(&mut self, back: i64) {
        let share = usize::try_from(back - 1)
            .ok()
            .and_then(|at| self.copied.get_mut(at));
        if let Some(share) = share {
            *share = (*share + WEIGHT).min(1.0);
            self.decide();
        }
    }

    /// So many packets did not.
    pub(super) fn lost(&mut self, packets: i64) {
        // More than a few at once is an outage, for which no redundancy helps.
        for _ in 0..packets.clamp(0, 3) {
            self.lost += WEIGHT * (1.0 - self.lost);
        }
        self.decide();
    }

    /// How many packets' length more of waiting pays: never more than the furthest copies take.
    pub(super) fn packets(&self) -> i64 {
        (self.back + usize::from(self.waits)).min(COPIES_BACK) as i64
    }

    fn decide(&mut self) {
        self.waits = if self.waits {
            self.lost > LOSS_END && self.redundant > REDUNDANT_END
        } else {
            self.lost > LOSS_BEGIN && self.redundant > REDUNDANT_BEGIN
        };
        let further = |than: usize| self.copied.iter().skip(than).sum::<f32>();
        while self.back < COPIES_BACK && further(self.back) > COPIED_BEGIN {
            self.back += 1;
        }
        while self.back > 0 && further(self.back - 1) < COPIED_END {
            self.back -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(lost_of_100: usize, redundant: bool) -> bool {
        let mut repair = Repair::default();
        for n in 0..1_000 {
            if n % 100 < lost_of_100 {
                repair.lost(1);
            } else {
                repair.came(redundant);
            }
        }
        repair.packets() == 1
    }

    #[test]
    fn waiting_pays_only_with_loss_and_redundancy() {
        assert!(after(10, true));
        assert!(!after(10, false));
        assert!(!after(0, true));
        assert!(!after(1, true));
    }

    #[test]
    fn waiting_ends_when_the_loss_does() {
        let mut repair = Repair::default();
        for _ in 0..200 {
            repair.came(true);
        }
        for _ in 0..5 {
            repair.lost(1);
        }
        assert_eq!(repair.packets(), 1);
        for _ in 0..300 {
            repair.came(true);
        }
        assert_eq!(repair.packets(), 0);
    }

    /// What is waited for after `packets` of which every tenth came only as a copy, this far back.
    fn for_copies(back: i64, packets: usize) -> Repair {
        let mut repair = Repair::default();
        for n in 0..packets {
            if n % 10 == 9 {
                repair.copied(back);
            }
            repair.came(false);
        }
        repair
    }

    #[test]
    fn copies_are_waited_for_as_far_back_as_they_come_from() {
        for back in [1, 3, 9, 12] {
            assert_eq!(for_copies(back, 200).packets(), back);
        }
        assert_eq!(for_copies(1, 10).packets(), 0, "a single one says nothing");
        let mut repair = for_copies(3, 200);
        for _ in 0..500 {
            repair.came(false);
        }
        assert_eq!(repair.packets(), 0);
    }

    #[test]
    fn copies_from_nowhere_are_not_waited_for() {
        for back in [i64::MIN + 1, -1, 0, 13, i64::MAX] {
            assert_eq!(for_copies(back, 200).packets(), 0, "{back}");
        }
    }
}
