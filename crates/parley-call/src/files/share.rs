//! How fast chunks may go while the call allots files only so much (`crate::allotment`): a budget that runs at that rate, sans-IO.
//!
//! Delay alone ([`pace`](super::pace)) would share a narrow way with the pictures, which go down for a shorter queue than files do.

use parley_proto::Bitrate;
use std::time::{Duration, Instant};

/// Nothing waits longer than this for what went before: a large chunk at a small rate must not look like a stall.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Share {
    /// Bytes a second; none while nothing is held.
    rate: Option<f64>,
    /// Until when what went uses up the rate.
    busy_until: Option<Instant>,
}

impl Share {
    /// So much from now on. Gives whether files are held since this moment.
    pub(super) fn allot(&mut self, most: Option<Bitrate>) -> bool {
        let rate = most.map(|most| (most.bps() as f64 / 8.0).max(1.0));
        let begins = rate.is_some() && self.rate.is_none();
        self.rate = rate;
        if rate.is_none() {
            self.busy_until = None;
        }
        begins
    }

    /// Whether only so much may go.
    pub(super) const fn is_held(&self) -> bool {
        self.rate.is_some()
    }

    /// Whether a chunk may go now.
    pub(super) fn may_go(&self, now: Instant) -> bool {
        self.busy_until.is_none_or(|until| now >= until)
    }

    /// A chunk of `bytes` went.
    pub(super) fn gone(&mut self, now: Instant, bytes: u64) {
        let Some(rate) = self.rate else { return };
        let from = self.busy_until.map_or(now, |until| until.max(now));
        let takes = Duration::from_secs_f64((bytes as f64 / rate).min(WAIT_MAX.as_secs_f64()));
        self.busy_until = Some((from + takes).min(now + WAIT_MAX));
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;

    /// Bytes that go in ten seconds, in chunks of `chunk`.
    fn gone(share: &mut Share, start: Instant, chunk: u64) -> u64 {
        let mut bytes = 0;
        for ms in 0..10_000 {
            let now = start + Duration::from_millis(ms);
            // What is not held is held by the window.
            if share.may_go(now) && bytes < 10_000_000 {
                share.gone(now, chunk);
                bytes += chunk;
            }
        }
        bytes
    }

    #[test]
    fn what_is_allotted_is_kept_to_and_without_a_word_nothing_is_held() {
        let start = Instant::now();
        let mut share = Share::default();
        assert!(gone(&mut share, start, 2_000) >= 10_000_000);
        assert!(share.allot(Some(Bitrate::from_kbps(80))));
        assert!(!share.allot(Some(Bitrate::from_kbps(80))), "already");
        let held = gone(&mut share, start, 2_000);
        assert!((100_000..=104_000).contains(&held), "{held}");
        assert!(!share.allot(None));
        assert!(gone(&mut share, start, 2_000) >= 10_000_000);
    }

    #[test]
    fn a_large_chunk_at_a_small_rate_holds_the_next_for_two_seconds_at_most() {
        let start = Instant::now();
        let mut share = Share::default();
        share.allot(Some(Bitrate::from_kbps(8)));
        assert_eq!(gone(&mut share, start, 60_000), 5 * 60_000);
    }
}
