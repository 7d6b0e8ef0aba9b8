//! Candidates of the other side: kept until the description they belong to is set, each used once, never too many.
//!
//! Which description a candidate belongs to is told by its user fragment (RFC 8838, section 4.1; RFC 8839, 5.4), so that
//! those of an offer that lost a glare, or of the time before an ICE restart, do not reach the wrong generation.

use crate::sdp;
use parley_proto::Candidate;
use parley_proto::limits::{CANDIDATE_BYTES_MAX, CANDIDATES_MAX};

/// What became of a candidate.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Belongs to the description that is set: use it now.
    Use(Candidate),
    /// Kept for a description to come.
    Held,
    /// Kept as well, and the oldest of those kept was dropped for it.
    HeldInstead,
    /// Known already, or one too many.
    Dropped,
    /// Breaks a limit.
    Malformed,
}

#[derive(Debug, Default)]
pub(super) struct RemoteCandidates {
    used: Vec<Candidate>,
    held: Vec<Candidate>,
}

impl RemoteCandidates {
    /// Takes in a candidate; `remote` is the description that is set now.
    pub(super) fn take_in(&mut self, candidate: Candidate, remote: Option<&str>) -> Fate {
        let texts = [
            Some(&candidate.candidate),
            candidate.sdp_mid.as_ref(),
            candidate.username_fragment.as_ref(),
        ];
        if texts
            .iter()
            .flatten()
            .any(|text| text.len() > CANDIDATE_BYTES_MAX)
        {
            return Fate::Malformed;
        }
        // The end of candidates needs no action: checks go on until they succeed.
        let known = self.used.contains(&candidate) || self.held.contains(&candidate);
        if candidate.candidate.is_empty() || known || self.used.len() >= CANDIDATES_MAX {
            return Fate::Dropped;
        }
        // The oldest are the likeliest to belong to an offer that came to nothing: they must not block all later ones.
        let crowded = self.used.len() + self.held.len() >= CANDIDATES_MAX;
        if crowded && !self.held.is_empty() {
            self.held.remove(0);
        }
        if remote.is_some_and(|sdp| belongs(&candidate, sdp)) {
            self.used.push(candidate.clone());
            return Fate::Use(candidate);
        }
        self.held.push(candidate);
        if crowded { Fate::HeldInstead } else { Fate::Held }
    }

    /// A description was set: gives those that waited for it, and forgets those used with the one before.
    pub(super) fn release(&mut self, remote: &str) -> Vec<Candidate> {
        self.used.retain(|candidate| belongs(candidate, remote));
        let (ready, held) = std::mem::take(&mut self.held)
            .into_iter()
            .partition::<Vec<_>, _>(|candidate| belongs(candidate, remote));
        self.held = held;
        self.used.extend_from_slice(&ready);
        ready
    }
}

/// Whether a candidate belongs to a description. One that does not say belongs to whichever is set.
fn belongs(candidate: &Candidate, remote: &str) -> bool {
    ufrag(candidate).is_none_or(|ufrag| sdp::has_ufrag(remote, ufrag))
}

/// The user fragment: told beside the line, or in it (`… ufrag x …`).
fn ufrag(candidate: &Candidate) -> Option<&str> {
    let in_line = || {
        let mut words = candidate.candidate.split(' ');
        words.find(|word| *word == "ufrag")?;
        words.next()
    };
    candidate
        .username_fragment
        .as_deref()
        .filter(|ufrag| !ufrag.is_empty())
        .or_else(in_line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::tests::description;

    fn candidate(port: u32, ufrag: Option<&str>) -> Candidate {
        Candidate {
            candidate: format!("candidate:1 1 udp 1 10.0.0.1 {port} typ host"),
            sdp_mid: Some("0".into()),
            sdp_mline_index: Some(0),
            username_fragment: ufrag.map(Into::into),
        }
    }

    #[test]
    fn candidates_wait_for_their_own_description() {
        let mut candidates = RemoteCandidates::default();
        let (ours, next) = (candidate(1, Some("one")), candidate(2, Some("two")));
        assert_eq!(candidates.take_in(ours.clone(), None), Fate::Held);
        assert_eq!(candidates.take_in(next.clone(), None), Fate::Held);
        let first = description(1, "one");
        assert_eq!(candidates.release(&first), std::slice::from_ref(&ours));
        assert_eq!(candidates.take_in(ours, Some(&first)), Fate::Dropped);
        let late = candidate(3, Some("one"));
        assert_eq!(candidates.take_in(late.clone(), Some(&first)), Fate::Use(late));
        assert_eq!(candidates.release(&description(1, "two")), [next]);
    }

    #[test]
    fn a_candidate_that_does_not_say_belongs_to_what_is_set() {
        let mut candidates = RemoteCandidates::default();
        let plain = candidate(1, None);
        assert_eq!(candidates.take_in(plain.clone(), None), Fate::Held);
        assert_eq!(candidates.release(&description(1, "any")), [plain]);
    }

    #[test]
    fn the_line_itself_may_tell_the_generation() {
        let mut candidates = RemoteCandidates::default();
        let mut told = candidate(1, None);
        told.candidate.push_str(" generation 0 ufrag two network-id 1");
        assert_eq!(candidates.take_in(told, Some(&description(1, "one"))), Fate::Held);
    }

    #[test]
    fn those_of_offers_that_came_to_nothing_do_not_block_later_ones() {
        let mut candidates = RemoteCandidates::default();
        let set = description(1, "set");
        for port in 0..1000 {
            candidates.take_in(candidate(port, Some("dead")), Some(&set));
        }
        let good = candidate(7, Some("set"));
        assert_eq!(candidates.take_in(good.clone(), Some(&set)), Fate::Use(good));
    }

    #[test]
    fn too_many_or_too_long_ones_are_dropped() {
        let mut candidates = RemoteCandidates::default();
        let kept = (0..1000)
            .filter(|port| candidates.take_in(candidate(*port, None), None) == Fate::Held)
            .count();
        assert_eq!(kept, CANDIDATES_MAX);
        assert_eq!(candidates.held.len(), CANDIDATES_MAX);
        let mut long = candidate(1, None);
        long.candidate = "x".repeat(CANDIDATE_BYTES_MAX + 1);
        assert_eq!(candidates.take_in(long, None), Fate::Malformed);
    }
}
