//! Which packets came already, so that a second copy is known as one even after the first was played.

/// So far back copies are known.
const REACH: i64 = 128;

/// The last [`REACH`] sequence numbers.
#[derive(Debug, Default)]
pub(super) struct Seen {
    newest: Option<i64>,
    /// Bit `n`: the packet `n` before the newest came.
    bits: u128,
}

impl Seen {
    /// The newest packet that came.
    pub(super) const fn newest(&self) -> Option<i64> {
        self.newest
    }

    /// Notes a packet; true when it came before. Packets too old to tell count as new.
    pub(super) fn note(&mut self, sequence: i64) -> bool {
        let ahead = sequence - *self.newest.get_or_insert(sequence);
        if ahead > 0 {
            self.bits = if ahead >= REACH { 0 } else { self.bits << ahead };
            self.newest = Some(sequence);
        }
        let back = (-ahead).max(0);
        if back >= REACH {
            return false;
        }
        let bit = 1u128 << back;
        let before = self.bits & bit != 0;
        self.bits |= bit;
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_known_in_any_order() {
        let mut seen = Seen::default();
        let verdicts: Vec<bool> = [5, 7, 6, 5, 7, 200, 6, 199, 199]
            .iter()
            .map(|n| seen.note(*n))
            .collect();
        assert_eq!(
            verdicts,
            [false, false, false, true, true, false, false, false, true]
        );
    }
}
