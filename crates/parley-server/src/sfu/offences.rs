//! What a client did that no good one does. One mistake is none; who goes on is told of, and has to go in the end.
//!
//! Owned by a peer. Only what is proven to be the client's own counts: what decrypted. Anybody can write another's address on a datagram,
//! and nobody shall be put out for that. Deliberately absent: whom it is told, and what is said over signaling (`rooms/offences`).

use parley_proto::{Offence, OffenceCount};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// So many at once ...
const MANY: f64 = 1_500.0;
/// ... and so many a second are forgiven: who stops sending a track that it took back a moment ago is no offender.
const FORGIVEN_PER_S: f64 = 20.0;
/// From so many on somebody is told.
const WORTH_TELLING: f64 = MANY / 10.0;
/// Between two times that it is told.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// One client's.
#[derive(Debug)]
pub(super) struct Offences {
    weight: f64,
    at: Instant,
    /// Since it was told last.
    untold: BTreeMap<Offence, u64>,
    worth_telling: bool,
    told: Option<Instant>,
}

impl Offences {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            weight: 0.0,
            at: now,
            untold: BTreeMap::new(),
            worth_telling: false,
            told: None,
        }
    }

    /// One more. True: it was one too many.
    pub(super) fn add(&mut self, now: Instant, what: Offence) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.weight = (self.weight - passed * FORGIVEN_PER_S).max(0.0) + 1.0;
        self.at = now;
        *self.untold.entry(what).or_default() += 1;
        self.worth_telling |= self.weight >= WORTH_TELLING;
        self.weight >= MANY
    }

    /// So many packets were above what it may send: each second of that is worth telling. What is too much is decided elsewhere.
    pub(super) fn flooded(&mut self, packets: u64) {
        if packets > 0 {
            *self.untold.entry(Offence::Flood).or_default() += packets;
            self.worth_telling = true;
        }
    }

    /// What is to be told now, if anything. `over`: it is the last time.
    pub(super) fn news(&mut self, now: Instant, over: bool) -> Vec<OffenceCount> {
        let early = self.told.is_some_and(|told| now < told + TOLD_EVERY);
        if !over && (early || !self.worth_telling) {
            return Vec::new();
        }
        self.told = Some(now);
        self.worth_telling = false;
        let untold = std::mem::take(&mut self.untold).into_iter();
        untold.map(|(what, count)| OffenceCount { what, count }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a start to count from")]
        Instant::now()
    }

    #[test]
    fn few_are_forgiven_and_many_are_not() {
        let start = start();
        let after = |per_s: u32, seconds: u32| {
            let mut offences = Offences::new(start);
            (0..per_s * seconds)
                .any(|at| offences.add(start + Duration::from_secs(1) * at / per_s, Offence::Streams))
        };
        assert!(!after(15, 600));
        assert!(
            !after(150, 10),
            "a track that was taken back and comes for ten seconds more"
        );
        assert!(after(150, 30));
        assert!(after(2_000, 1));
    }

    #[test]
    fn what_goes_on_is_told_once_a_second_and_a_mistake_is_not() {
        let start = start();
        let mut offences = Offences::new(start);
        offences.add(start, Offence::KeyFrames);
        assert_eq!(offences.news(start, false), []);
        let mut told = Vec::new();
        for at in 0..1_000 {
            let now = start + Duration::from_millis(3) * at;
            offences.add(now, Offence::Streams);
            let news = offences.news(now, false);
            if !news.is_empty() {
                told.push(news);
            }
        }
        assert_eq!(told.len(), 3, "{told:?}");
        told.push(offences.news(start, true));
        let all = |what| {
            let of = told.iter().flatten().filter(|one| one.what == what);
            of.map(|one| one.count).sum::<u64>()
        };
        assert_eq!((all(Offence::Streams), all(Offence::KeyFrames)), (1_000, 1));
        offences.flooded(0);
        assert_eq!(offences.news(start + Duration::from_secs(9), false), []);
        offences.flooded(700);
        assert_eq!(
            offences.news(start + Duration::from_secs(9), false),
            [OffenceCount {
                what: Offence::Flood,
                count: 700
            }]
        );
    }
}
