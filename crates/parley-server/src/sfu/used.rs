//! The numbers under which packets of a section left. Two packets under one number would be two under one key stream (RFC 3711, 9.1), of
//! which anybody who has both learns what either says; so whatever else goes wrong, no number leaves twice.
//!
//! Owned by a down track. Deliberately absent: which number a packet gets (`rewriter`).

/// Numbers that are remembered, and so late that one may still leave. Of pictures at 8 Mbit/s it is a second.
const REACH: u64 = 1_024;
const WORDS: usize = (REACH / 64) as usize;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Used {
    newest: Option<u64>,
    /// One bit for each of the last numbers, each at its remainder.
    left: [u64; WORDS],
}

impl Used {
    /// A packet is about to leave under this number. False: it must not.
    pub(super) fn first_time(&mut self, seq: u64) -> bool {
        match self.newest {
            Some(newest) if seq <= newest => {
                if newest - seq >= REACH {
                    return false;
                }
            }
            Some(newest) if seq - newest < REACH => {
                for between in newest + 1..seq {
                    let (word, bit) = self.at(between);
                    *word &= !bit;
                }
                let (word, bit) = self.at(seq);
                *word &= !bit;
                self.newest = Some(seq);
            }
            _ => {
                self.left = [0; WORDS];
                self.newest = Some(seq);
            }
        }
        let (word, bit) = self.at(seq);
        let first = *word & bit == 0;
        *word |= bit;
        first
    }

    const fn at(&mut self, seq: u64) -> (&mut u64, u64) {
        let place = seq % REACH;
        (&mut self.left[(place / 64) as usize], 1 << (place % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_late_leaves_once_and_what_is_too_late_does_not() {
        let mut used = Used::default();
        assert!(used.first_time(30_000) && !used.first_time(30_000));
        assert!(used.first_time(30_003) && used.first_time(30_001) && used.first_time(30_002));
        assert!(!used.first_time(30_001) && !used.first_time(30_000));
        assert!(used.first_time(30_003 + REACH), "as far as it reaches");
        assert!(!used.first_time(30_003), "it cannot be told any more");
        assert!(used.first_time(30_004), "but this one can");
        assert!(used.first_time(1 << 40) && used.first_time((1 << 40) - 1));
    }

    proptest! {
        #[test]
        fn no_number_leaves_twice(steps in proptest::collection::vec(prop_oneof![0u64..40, 0u64..5_000], 1..400)) {
            let (mut used, mut left, mut newest) = (Used::default(), BTreeSet::new(), 0);
            for seq in steps {
                let may = left.is_empty() || seq + REACH > newest;
                prop_assert_eq!(used.first_time(seq), may && !left.contains(&seq));
                if may {
                    left.insert(seq);
                    newest = newest.max(seq);
                }
            }
        }
    }
}
