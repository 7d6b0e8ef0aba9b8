//! Limits on how much anybody may ask: token buckets, in virtual time.

use crate::time::Moment;
use crate::turn::source_prefix;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

/// A token bucket: `burst` at once, `per_s` in the long run.
#[derive(Debug, Clone)]
pub(crate) struct TokenBucket {
    /// Thousandths of a token.
    milli: u64,
    burst: u32,
    per_s: u32,
    filled_at: Moment,
}

impl TokenBucket {
    pub(crate) fn new(now: Moment, burst: u32, per_s: u32) -> Self {
        Self {
            milli: u64::from(burst) * 1000,
            burst,
            per_s,
            filled_at: now,
        }
    }

    /// Takes one token if there is one.
    pub(crate) fn take(&mut self, now: Moment) -> bool {
        self.take_some(now, 1)
    }

    /// Takes so many tokens if they are there, else none.
    pub(crate) fn take_some(&mut self, now: Moment, count: usize) -> bool {
        let milli = u64::try_from(count).unwrap_or(u64::MAX).saturating_mul(1000);
        let gained = now.since(self.filled_at).as_millis();
        let gained = u64::try_from(gained)
            .unwrap_or(u64::MAX)
            .saturating_mul(u64::from(self.per_s));
        self.filled_at = self.filled_at.max(now);
        self.milli = self
            .milli
            .saturating_add(gained)
            .min(u64::from(self.burst) * 1000);
        match self.milli.checked_sub(milli) {
            Some(left) => {
                self.milli = left;
                true
            }
            None => false,
        }
    }
}

/// A bucket for each source: an IPv4 address or an IPv6 /56 (what one household gets), so that nobody multiplies their
/// share by changing addresses. Remembers a bounded number of sources; when full, whoever has not asked for longest is
/// forgotten: their bucket has filled up most, and nobody else's tokens come back.
#[derive(Debug)]
pub(crate) struct SourceLimit {
    sources: HashMap<IpAddr, Known>,
    /// Who asked last comes last.
    by_last: BTreeMap<u64, IpAddr>,
    /// Of every question one more.
    asked: u64,
    forgotten: u64,
    sources_max: usize,
    burst: u32,
    per_s: u32,
}

impl SourceLimit {
    pub(crate) fn new(sources_max: usize, burst: u32, per_s: u32) -> Self {
        Self {
            sources: HashMap::new(),
            by_last: BTreeMap::new(),
            asked: 0,
            forgotten: 0,
            sources_max: sources_max.max(1),
            burst,
            per_s,
        }
    }

    pub(crate) fn take(&mut self, now: Moment, source: IpAddr) -> bool {
        let source = source_prefix(source);
        self.asked += 1;
        let last = self.asked;
        let known = match self.sources.entry(source) {
            Entry::Occupied(entry) => {
                let known = entry.into_mut();
                self.by_last.remove(&known.last);
                known.last = last;
                known
            }
            Entry::Vacant(entry) => entry.insert(Known {
                bucket: TokenBucket::new(now, self.burst, self.per_s),
                last,
            }),
        };
        let taken = known.bucket.take(now);
        self.by_last.insert(last, source);
        if self.sources.len() > self.sources_max
            && let Some((_, longest)) = self.by_last.pop_first()
        {
            self.sources.remove(&longest);
            self.forgotten += 1;
        }
        taken
    }

    /// How many were forgotten for others so far.
    pub(crate) const fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

#[derive(Debug)]
struct Known {
    bucket: TokenBucket,
    /// Its place in `by_last`.
    last: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const START: Moment = Moment::from_unix_ms(1_000_000);

    #[test]
    fn a_bucket_allows_the_burst_and_then_the_rate() {
        let mut bucket = TokenBucket::new(START, 5, 10);
        assert_eq!((0..20).filter(|_| bucket.take(START)).count(), 5);
        let later = START + Duration::from_millis(350);
        assert_eq!((0..20).filter(|_| bucket.take(later)).count(), 3);
        let much_later = START + Duration::from_secs(999);
        assert_eq!((0..20).filter(|_| bucket.take(much_later)).count(), 5);
        assert!(!bucket.take(START), "time that goes backwards fills nothing");
    }

    #[test]
    fn what_is_more_than_is_left_takes_nothing() {
        let mut bucket = TokenBucket::new(START, 100, 10);
        assert!(bucket.take_some(START, 60));
        assert!(!bucket.take_some(START, 41) && !bucket.take_some(START, usize::MAX));
        assert!(bucket.take_some(START, 40) && !bucket.take(START));
        let later = START + Duration::from_secs(3);
        assert!(!bucket.take_some(later, 31) && bucket.take_some(later, 30));
    }

    #[test]
    fn neighbours_in_one_household_share_a_bucket_and_strangers_do_not() {
        let mut limit = SourceLimit::new(100, 1, 1);
        let mut take = |ip: &str| limit.take(START, ip.parse().unwrap());
        assert!(take("2001:db8:1:100::1"));
        assert!(!take("2001:db8:1:1ff::2"));
        assert!(take("2001:db8:1:200::1"));
        assert!(take("192.0.2.1"));
        assert!(!take("::ffff:192.0.2.1"));
        assert!(take("192.0.2.2"));
    }

    #[test]
    fn the_memory_for_sources_is_bounded() {
        let mut limit = SourceLimit::new(100, 1, 1);
        for n in 0u32..10_000 {
            limit.take(START, IpAddr::from(n.to_be_bytes()));
            assert!(limit.sources.len() <= 100);
            assert_eq!(limit.by_last.len(), limit.sources.len());
        }
        assert_eq!(limit.forgotten(), 9900);
    }

    #[test]
    fn a_flood_of_sources_gives_nobody_their_tokens_back_who_goes_on_asking() {
        let mut limit = SourceLimit::new(100, 1, 1);
        let persistent = "192.0.2.1".parse().unwrap();
        assert!(limit.take(START, persistent));
        for n in 0u32..10_000 {
            limit.take(START, IpAddr::from((0x0a00_0000 + n).to_be_bytes()));
            if n % 50 == 0 {
                assert!(!limit.take(START, persistent), "after {n} others");
            }
        }
    }
}
