//! Whether to wait for the redundancy of the next packet.
//!
//! A packet carries the one before it in small, so a lost one can be repaired, but only by waiting a packet longer. That
//! pays when packets are lost often enough, and the sender adds redundancy at all.

/// Waiting begins at this share of lost packets.
const LOSS_BEGIN: f32 = 0.03;
/// And ends below this one.
const LOSS_END: f32 = 0.01;
/// It needs at least this share of packets with redundancy to begin (pauses have none),
const REDUNDANT_BEGIN: f32 = 0.3;
/// and this one to go on.
const REDUNDANT_END: f32 = 0.1;
/// What one packet weighs.
const WEIGHT: f32 = 0.01;

/// The shares of lost and of redundant packets, and what follows from them.
#[derive(Debug, Default)]
pub(super) struct Repair {
    lost: f32,
    redundant: f32,
    waits: bool,
}

impl Repair {
    /// A packet came in time.
    pub(super) fn came(&mut self, redundant: bool) {
        self.redundant += WEIGHT * (if redundant { 1.0 } else { 0.0 } - self.redundant);
        self.lost *= 1.0 - WEIGHT;
        self.decide();
    }

    /// So many packets did not.
    pub(super) fn lost(&mut self, packets: i64) {
        // More than a few at once is an outage, for which no redundancy helps.
        for _ in 0..packets.clamp(0, 3) {
            self.lost += WEIGHT * (1.0 - self.lost);
        }
        self.decide();
    }

    /// Whether a packet's length more of waiting pays.
    pub(super) const fn pays(&self) -> bool {
        self.waits
    }

    fn decide(&mut self) {
        self.waits = if self.waits {
            self.lost > LOSS_END && self.redundant > REDUNDANT_END
        } else {
            self.lost > LOSS_BEGIN && self.redundant > REDUNDANT_BEGIN
        };
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
        repair.pays()
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
        assert!(repair.pays());
        for _ in 0..300 {
            repair.came(true);
        }
        assert!(!repair.pays());
    }
}
