//! Who of a room has the floor: whose picture comes first where a way carries one only.
//!
//! Owned by a room. Whoever is dominant for [`HOLD`] takes it, and keeps it until somebody else does, over pauses too: another picture costs
//! a key frame and a moment without any. Deliberately absent: who is dominant (`speakers`).

use parley_proto::ParticipantId;
use std::time::{Duration, Instant};

/// So long somebody else has to be dominant.
const HOLD: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Floor {
    holder: Option<ParticipantId>,
    claim: Option<(ParticipantId, Instant)>,
}

impl Floor {
    /// Who is dominant now, if anybody speaks.
    pub(super) fn decide(&mut self, now: Instant, dominant: Option<ParticipantId>) {
        let Some(who) = dominant.filter(|who| Some(*who) != self.holder) else {
            self.claim = None;
            return;
        };
        let (claims, since) = *self.claim.get_or_insert((who, now));
        if claims != who {
            self.claim = Some((who, now));
        } else if self.holder.is_none() || now >= since + HOLD {
            self.holder = Some(who);
            self.claim = None;
        }
    }

    /// Who has it.
    pub(super) const fn holder(&self) -> Option<ParticipantId> {
        self.holder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_over_to_who_speaks_for_a_while_and_stays_in_pauses() {
        #[expect(clippy::disallowed_methods, reason = "a start to count from")]
        let start = Instant::now();
        let [ada, bob, eve] = [1, 2, 3].map(|number| ParticipantId::from_bytes([number; 16]));
        let mut floor = Floor::default();
        let mut after = |ms, dominant| {
            floor.decide(start + Duration::from_millis(ms), dominant);
            floor.holder()
        };
        assert_eq!(after(0, None), None);
        assert_eq!(after(100, Some(ada)), Some(ada), "nobody had it");
        assert_eq!(after(5_000, None), Some(ada));
        assert_eq!(after(6_000, Some(bob)), Some(ada));
        assert_eq!(after(7_900, Some(bob)), Some(ada));
        assert_eq!(after(7_950, Some(ada)), Some(ada), "a word between two of hers");
        assert_eq!(after(8_000, Some(bob)), Some(ada));
        assert_eq!(after(9_000, Some(eve)), Some(ada));
        assert_eq!(after(10_500, Some(eve)), Some(ada));
        assert_eq!(after(11_000, Some(eve)), Some(eve));
    }
}
