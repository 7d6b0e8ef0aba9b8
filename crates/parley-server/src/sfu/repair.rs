//! What of a voice was lost on the way up and comes once more, as a copy in a later packet (RFC 2198): it is passed on as what it was, under
//! its own number, and whoever gets it cannot tell it from others.
//!
//! Owned by an up track of sound. It knows which packets came, whichever way: what a copy stood in for is not passed on a second time when
//! it comes late, for two packets under one number would be two under one key stream. Deliberately absent: bytes ([`parley_proto::red`]), and to whom.

use std::sync::Arc;
use str0m::rtp::Ssrc;

/// Packets that are remembered, and so late that one is still taken: what is older was heard without it long ago.
const REACH: u64 = 128;
/// So many copies of a packet are passed on at most, the newest: as many as our own clients send. Each one costs as much as a packet, for
/// everybody who listens.
const TAKEN_MAX: usize = 3;

/// A packet that comes as a copy in a later one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Missed {
    /// So many packets earlier, at least 1.
    pub(super) back: u64,
    /// So much earlier, in ticks of 48 kHz.
    pub(super) earlier: u32,
    pub(super) payload: Arc<[u8]>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Repair {
    /// The stream it is of, and the newest number that came.
    newest: Option<(Ssrc, u64)>,
    /// The newest and those before it, the newest lowest.
    came: u128,
}

impl Repair {
    /// A packet is there, by itself or as a copy. True: for the first time.
    pub(super) fn first_time(&mut self, ssrc: Ssrc, seq: u64) -> bool {
        let newest = self.newest.filter(|(stream, _)| *stream == ssrc);
        let Some((_, newest)) = newest else {
            self.newest = Some((ssrc, seq));
            self.came = 1;
            return true;
        };
        if seq > newest {
            let ahead = seq - newest;
            self.came = if ahead < REACH { self.came << ahead } else { 0 } | 1;
            self.newest = Some((ssrc, seq));
            return true;
        }
        let back = newest - seq;
        if back >= REACH {
            return false;
        }
        let known = self.came >> back & 1 == 1;
        self.came |= 1 << back;
        !known
    }

    /// Whether a packet that many before the one that comes is missing, and would still be taken.
    pub(super) fn lacks(&self, ssrc: Ssrc, seq: u64, back: u64) -> bool {
        let Some(seq) = seq.checked_sub(back) else {
            return false;
        };
        match self.newest.filter(|(stream, _)| *stream == ssrc) {
            Some((_, newest)) if seq <= newest => {
                newest - seq < REACH && self.came >> (newest - seq) & 1 == 0
            }
            _ => back < REACH,
        }
    }

    /// Of what was missed before a packet that came, oldest first, that which is passed on before it. After silence this is what directly
    /// precedes it: what was lost before that was silence, and is not.
    pub(super) fn take(&mut self, ssrc: Ssrc, seq: u64, again: bool, mut missed: Vec<Missed>) -> Vec<Missed> {
        if again {
            let mut next = 1;
            for one in missed.iter().rev() {
                next += u64::from(one.back == next);
            }
            missed.retain(|one| one.back < next);
        }
        missed.drain(..missed.len().saturating_sub(TAKEN_MAX));
        missed.retain(|one| self.first_time(ssrc, seq.saturating_sub(one.back)));
        missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn one() -> Ssrc {
        Ssrc::from(1)
    }

    fn missed(backs: &[u64]) -> Vec<Missed> {
        let missed = |back: &u64| Missed {
            back: *back,
            earlier: 0,
            payload: [0x78].into(),
        };
        backs.iter().map(missed).collect()
    }

    fn backs(missed: &[Missed]) -> Vec<u64> {
        missed.iter().map(|one| one.back).collect()
    }

    #[test]
    fn what_a_copy_stood_in_for_is_not_taken_when_it_comes_late() {
        let mut repair = Repair::default();
        assert!(repair.first_time(one(), 70_000));
        assert!(repair.lacks(one(), 70_003, 1) && repair.lacks(one(), 70_003, 2));
        assert!(!repair.lacks(one(), 70_003, 3), "it came");
        assert!(repair.first_time(one(), 70_003));
        assert_eq!(backs(&repair.take(one(), 70_003, false, missed(&[2, 1]))), [2, 1]);
        assert!(!repair.first_time(one(), 70_001));
        assert!(!repair.lacks(one(), 70_004, 2));
        // A copy of what came meanwhile.
        assert!(repair.take(one(), 70_003, false, missed(&[1])).is_empty());
    }

    #[test]
    fn what_was_lost_of_silence_stays_so_and_the_beginning_of_a_word_does_not() {
        let mut repair = Repair::default();
        repair.first_time(one(), 100);
        repair.first_time(one(), 105);
        assert_eq!(backs(&repair.take(one(), 105, true, missed(&[4, 2, 1]))), [2, 1]);
        repair.first_time(one(), 110);
        assert!(repair.take(one(), 110, true, missed(&[4, 3])).is_empty());
    }

    #[test]
    fn of_many_copies_the_newest_are_taken_and_the_others_may_still_come() {
        let mut repair = Repair::default();
        repair.first_time(one(), 100);
        repair.first_time(one(), 118);
        let all: Vec<u64> = (1..=17).rev().collect();
        assert_eq!(backs(&repair.take(one(), 118, false, missed(&all))), [3, 2, 1]);
        assert!(repair.lacks(one(), 119, 5) && !repair.lacks(one(), 119, 4));
        assert_eq!(backs(&repair.take(one(), 119, false, missed(&[6, 5, 4]))), [6, 5]);
    }

    #[test]
    fn another_stream_begins_anew_and_what_is_too_old_is_not_taken() {
        let mut repair = Repair::default();
        assert!(repair.first_time(one(), 1_000));
        assert!(repair.first_time(Ssrc::from(2), 7));
        assert!(repair.lacks(Ssrc::from(2), 8, 3), "before its first packet");
        assert!(!repair.lacks(Ssrc::from(2), 2, 3), "before all packets");
        assert!(repair.first_time(Ssrc::from(2), 9_000));
        assert!(!repair.first_time(Ssrc::from(2), 9_000 - REACH));
        assert!(!repair.lacks(Ssrc::from(2), 9_000, REACH));
    }

    proptest! {
        #[test]
        fn nothing_is_taken_twice_whatever_comes(steps in proptest::collection::vec((0u64..400, any::<bool>(), 0u64..20), 1..300)) {
            let (mut repair, mut taken) = (Repair::default(), BTreeSet::new());
            for (seq, again, back) in steps {
                let came: Vec<Missed> = missed(&[back]).into_iter().filter(|_| back > 0 && repair.lacks(one(), seq, back)).collect();
                if repair.first_time(one(), seq) {
                    prop_assert!(taken.insert(seq));
                }
                for got in repair.take(one(), seq, again, came) {
                    prop_assert!(taken.insert(seq - got.back));
                }
            }
        }
    }
}
