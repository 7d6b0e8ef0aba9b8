//! What a client did that no good one does. One mistake is none; who goes on with it has to go.
//!
//! Owned by a peer. Only what is proven to be the client's own counts: what decrypted. Anybody can write another's address on a datagram,
//! and nobody shall be put out for that.

use std::time::Instant;

/// So many at once ...
const MANY: f64 = 1_500.0;
/// ... and so many a second are forgiven: who stops sending a track that it took back a moment ago is no offender.
const FORGIVEN_PER_S: f64 = 20.0;

/// One client's.
#[derive(Debug)]
pub(super) struct Offences {
    weight: f64,
    at: Instant,
}

impl Offences {
    pub(super) const fn new(now: Instant) -> Self {
        Self { weight: 0.0, at: now }
    }

    /// One more. True: it was one too many.
    pub(super) fn add(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.weight = (self.weight - passed * FORGIVEN_PER_S).max(0.0) + 1.0;
        self.at = now;
        self.weight >= MANY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn few_are_forgiven_and_many_are_not() {
        #[expect(clippy::disallowed_methods, reason = "a start to count from")]
        let start = Instant::now();
        let after = |per_s: u32, seconds: u32| {
            let mut offences = Offences::new(start);
            (0..per_s * seconds).any(|at| offences.add(start + Duration::from_secs(1) * at / per_s))
        };
        assert!(!after(15, 600));
        assert!(
            !after(150, 10),
            "a track that was taken back and comes for ten seconds more"
        );
        assert!(after(150, 30));
        assert!(after(2_000, 1));
    }
}
