//! How long repairs take: what was missing and came after all. Where one round trip is often not enough, because requests and
//! answers are lost as well, a longer wait is cheaper than a key frame, which is many packets and as easily lost.

use std::time::Duration;

/// How much of the longest wait is forgotten with each repair that was quicker: half of it after some twenty.
const FORGET_PART: u32 = 32;
/// The next one may take longer than any of the last by this and one more round.
const LONGER: f32 = 1.25;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Repairs {
    /// The longest wait lately that ended well.
    longest: Duration,
}

impl Repairs {
    /// Something that was missing for so long came.
    pub(super) fn note(&mut self, waited: Duration) {
        let forgotten = self.longest - self.longest / FORGET_PART;
        self.longest = forgotten.max(waited);
    }

    /// How long to wait for the next one, where `usual` is enough for one round and `most` is the bound.
    pub(super) fn patience(&self, usual: Duration, most: Duration) -> Duration {
        if self.longest <= usual / 2 {
            return usual;
        }
        (self.longest.mul_f32(LONGER) + usual / 2).clamp(usual, most.max(usual))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_follows_repairs_that_take_more_than_one_round_and_comes_back() {
        let ms = Duration::from_millis;
        let patience = |repairs: &Repairs| repairs.patience(ms(110), ms(500)).as_millis();
        let mut repairs = Repairs::default();
        assert_eq!(patience(&repairs), 110);
        repairs.note(ms(45));
        assert_eq!(patience(&repairs), 110, "one round is what is expected");
        repairs.note(ms(145));
        assert_eq!(patience(&repairs), 236);
        repairs.note(ms(5_000));
        assert_eq!(patience(&repairs), 500, "nobody waits for ever");
        (0..200).for_each(|_| repairs.note(ms(45)));
        assert_eq!(patience(&repairs), 110);
    }
}
