//! An offer that waits, because media flows over a proven connection and a message through the server is anybody's word.
//!
//! Who really needs a negotiation (an ICE restart, a fresh connection on another network) has no media coming from here, so
//! soon none comes from there either: then the offer is taken up. Only the newest waits, and not for long: who wants one says
//! it again and again. Candidates of a connection that is not followed yet wait with its offer.

use parley_proto::Candidate;
use parley_proto::limits::CANDIDATES_MAX;
use std::time::{Duration, Instant};

/// An offer is repeated every two seconds for as long as it stands; one not repeated for so long stands no more.
const HELD_MAX: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct HeldOffer(Option<Held>);

#[derive(Debug)]
struct Held {
    at: Instant,
    from: Option<u32>,
    sdp: String,
    candidates: Vec<Candidate>,
}

/// What waited and is taken up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TakenUp {
    /// The number of their connection.
    pub(super) from: Option<u32>,
    /// The offer.
    pub(super) sdp: String,
    /// What came for it meanwhile.
    pub(super) candidates: Vec<Candidate>,
}

impl HeldOffer {
    /// Keeps an offer that came about their connection of that number, instead of the one before.
    pub(super) fn hold(&mut self, now: Instant, from: Option<u32>, sdp: String) {
        let same = |held: &Held| held.from == from && held.sdp == sdp;
        let candidates = match self.0.take() {
            Some(held) if same(&held) => held.candidates,
            _ => Vec::new(),
        };
        self.0 = Some(Held {
            at: now,
            from,
            sdp,
            candidates,
        });
    }

    /// Keeps a candidate of the connection whose offer waits; gives whether there is such an offer, and room.
    pub(super) fn hold_candidate(&mut self, from: Option<u32>, candidate: &Candidate) -> bool {
        let held = self.0.as_mut().filter(|held| held.from == from);
        let room = held.filter(|held| held.candidates.len() < CANDIDATES_MAX);
        room.is_some_and(|held| {
            if !held.candidates.contains(candidate) {
                held.candidates.push(candidate.clone());
            }
            true
        })
    }

    /// They have a connection of this number: what they wanted for one before it stands no more.
    pub(super) fn forget_before(&mut self, number: Option<u32>) {
        self.0.take_if(|held| held.from < number);
    }

    /// Something newer was agreed on for their connection of this number.
    pub(super) fn forget(&mut self, from: Option<u32>) {
        self.0.take_if(|held| held.from == from);
    }

    /// Whether the one that waits is this.
    pub(super) fn is(&self, wanted: impl Fn(&str) -> bool) -> bool {
        self.0.as_ref().is_some_and(|held| wanted(&held.sdp))
    }

    /// Gives it, once, if it still stands.
    pub(super) fn take(&mut self, now: Instant) -> Option<TakenUp> {
        let held = self.0.take()?;
        (now < held.at + HELD_MAX).then_some(TakenUp {
            from: held.from,
            sdp: held.sdp,
            candidates: held.candidates,
        })
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;

    fn candidate(line: &str) -> Candidate {
        Candidate {
            candidate: line.into(),
            sdp_mid: None,
            sdp_mline_index: None,
            username_fragment: None,
        }
    }

    #[test]
    fn the_newest_is_given_once_and_not_too_late() {
        let start = Instant::now();
        let mut held = HeldOffer::default();
        assert_eq!(held.take(start), None);
        held.hold(start, Some(1), "first".into());
        held.hold(start, Some(2), "second".into());
        let taken = held.take(start).unwrap();
        assert_eq!((taken.from, taken.sdp.as_str()), (Some(2), "second"));
        assert_eq!(held.take(start), None);
        held.hold(start, None, "old".into());
        assert_eq!(held.take(start + HELD_MAX), None);
    }

    #[test]
    fn what_something_newer_took_the_place_of_is_forgotten() {
        let start = Instant::now();
        let mut held = HeldOffer::default();
        for (number, kept) in [(Some(1), true), (Some(2), true), (None, true), (Some(3), false)] {
            held.hold(start, Some(2), "offer".into());
            held.forget_before(number);
            assert_eq!(held.take(start).is_some(), kept, "{number:?}");
        }
        for (number, kept) in [(Some(1), true), (Some(3), true), (Some(2), false)] {
            held.hold(start, Some(2), "offer".into());
            held.forget(number);
            assert_eq!(held.take(start).is_some(), kept, "{number:?}");
        }
    }

    #[test]
    fn candidates_wait_with_the_offer_of_their_connection() {
        let start = Instant::now();
        let mut held = HeldOffer::default();
        assert!(
            !held.hold_candidate(Some(2), &candidate("a")),
            "there is no offer"
        );
        held.hold(start, Some(2), "offer".into());
        assert!(held.hold_candidate(Some(2), &candidate("a")));
        assert!(held.hold_candidate(Some(2), &candidate("a")));
        assert!(!held.hold_candidate(Some(1), &candidate("b")));
        held.hold(start, Some(2), "offer".into());
        let taken = held.take(start).unwrap();
        assert_eq!(taken.candidates, [candidate("a")], "a repeated offer keeps them");
        held.hold(start, Some(2), "offer".into());
        for number in 0..2 * CANDIDATES_MAX {
            held.hold_candidate(Some(2), &candidate(&number.to_string()));
        }
        assert_eq!(held.take(start).unwrap().candidates.len(), CANDIDATES_MAX);
    }
}
