//! Which layers of a picture its publisher has to send: those that somebody watches or waits for.
//!
//! Owned by an up track. A layer that is wanted is said at once; one that nobody wants any more only after a while, because
//! beginning it again costs a key frame.

use std::time::{Duration, Instant};

/// So long nobody wanted it.
const HOLD: Duration = Duration::from_secs(5);

/// One picture's layers, as bits, the smallest first.
#[derive(Debug, Default)]
pub(super) struct Dynacast {
    told: Option<u8>,
    /// When each was wanted last.
    wanted: [Option<Instant>; 8],
}

impl Dynacast {
    /// Takes in which layers are wanted now; what to tell the publisher, if that changed.
    pub(super) fn update(&mut self, now: Instant, wanted: u8) -> Option<u8> {
        let mut sends = 0;
        for (layer, last) in self.wanted.iter_mut().enumerate() {
            let bit = 1 << layer;
            if wanted & bit != 0 {
                *last = Some(now);
            }
            if last.is_some_and(|last| now < last + HOLD) {
                sends |= bit;
            }
        }
        (self.told.replace(sends) != Some(sends)).then_some(sends)
    }

    /// Whether the publisher was told to send this layer.
    pub(super) fn sends(&self, layer: usize) -> bool {
        self.told.is_some_and(|told| told >> layer & 1 != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wanted_layer_begins_at_once_and_an_unwanted_one_ends_later() {
        #[expect(clippy::disallowed_methods, reason = "a start to count from")]
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut dynacast = Dynacast::default();
        assert_eq!(dynacast.update(at(0), 0), Some(0), "nobody watches: said once");
        assert_eq!(dynacast.update(at(1), 0), None);
        assert_eq!(dynacast.update(at(2), 0b001), Some(0b001));
        assert_eq!(dynacast.update(at(3), 0b100), Some(0b101));
        assert!(dynacast.sends(2) && !dynacast.sends(1));
        assert_eq!(dynacast.update(at(6), 0b100), None);
        assert_eq!(dynacast.update(at(7), 0b100), Some(0b100));
        assert_eq!(dynacast.update(at(8), 0), None);
        assert_eq!(dynacast.update(at(12), 0), Some(0));
    }
}
