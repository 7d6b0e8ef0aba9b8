//! How much of files may be on its way at once, so that they take what the call leaves: delay-based, after LEDBAT (RFC 6817).
//!
//! Every receipt tells how long the last chunk took. The least of it in the last minutes is the bare path; what is more than
//! that is a queue somewhere, ours or the bottleneck's. While the queue is below the target the window grows, above it it
//! shrinks, by as much as it is off. Loss is SCTP's business below; a wait for a retransmission is told from a queue by taking
//! the least of the last few delays. Sound and pictures pass by: they never wait behind more than the target.

use parley_proto::limits::CHUNK_BYTES_MAX;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The queue that is aimed at, in milliseconds: little enough for a conversation, RFC 6817 allows 100.
const TARGET_MS: f64 = 30.0;
/// The window's bounds, in bytes.
const WINDOW_MIN: f64 = 8.0 * 1024.0;
const WINDOW_MAX: f64 = (8 << 20) as f64;
/// Where it begins: what TCP begins with (RFC 6928).
const WINDOW_START: f64 = 16.0 * 1024.0;
/// The share by which it grows at most in the time of one window.
const GROWTH: f64 = 1.0 / 8.0;
/// The share by which it shrinks at most in that time.
const SHRINKAGE: f64 = 1.0 / 2.0;
/// The delays of so long count as now.
const RECENT: Duration = Duration::from_millis(120);
/// The least delay of one such span, and of the one before, is the bare path's: a path may change.
const BASE_SPAN: Duration = Duration::from_secs(60);
/// A chunk is this part of the window.
const CHUNKS_PER_WINDOW: f64 = 8.0;
const CHUNK_BYTES_MIN: usize = 2 * 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Pace {
    window: f64,
    /// Growing by everything that arrives, until a queue shows for the first time.
    starting: bool,
    /// Against it all delays are counted, for the two clocks have nothing in common.
    zero: Option<u32>,
    recent: VecDeque<(Instant, f64)>,
    base: Option<Base>,
    /// Something else holds files: what arrives then says nothing of what could (RFC 6817, 2.4.2).
    held: bool,
}

#[derive(Debug)]
struct Base {
    since: Instant,
    now: f64,
    before: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            window: WINDOW_START,
            starting: true,
            zero: None,
            recent: VecDeque::new(),
            base: None,
            held: false,
        }
    }
}

impl Pace {
    /// Bytes that may be on their way at once.
    #[must_use]
    pub(super) fn window(&self) -> u64 {
        self.window as u64
    }

    /// How large the next chunk should be: small ones while little may be on its way, for they tell the delay more often.
    #[must_use]
    pub(super) fn chunk_bytes(&self) -> usize {
        ((self.window / CHUNKS_PER_WINDOW) as usize).clamp(CHUNK_BYTES_MIN, CHUNK_BYTES_MAX)
    }

    /// The queue there seems to be, in milliseconds.
    #[must_use]
    pub(super) fn queue_ms(&self) -> f64 {
        let base = self.base.as_ref().map_or(0.0, |base| base.now.min(base.before));
        let recent = self.recent.iter().map(|(_, delay)| *delay).reduce(f64::min);
        recent.map_or(0.0, |recent| (recent - base).max(0.0))
    }

    /// Whether what waits is enough for SCTP, or others, to feel it.
    #[must_use]
    pub(super) fn sees_queue(&self) -> bool {
        self.queue_ms() >= TARGET_MS / 2.0
    }

    /// While files are held the least is on its way at once. From there the window grows anew.
    pub(super) const fn hold(&mut self, held: bool) {
        self.held = held;
        if held {
            self.window = WINDOW_MIN;
            self.starting = false;
        }
    }

    /// So many bytes arrived, the last of them after `delay_ms` (of which only changes mean something).
    pub(super) fn on_receipt(&mut self, now: Instant, bytes: u64, delay_ms: u32) {
        let zero = *self.zero.get_or_insert(delay_ms);
        // Wrapping, and signed: a shorter delay than the first one is less than nothing.
        self.note(now, f64::from(delay_ms.wrapping_sub(zero).cast_signed()));
        let queue = self.queue_ms();
        if self.held {
            return;
        }
        let bytes = bytes as f64;
        self.starting &= !self.sees_queue();
        if self.starting {
            self.window += bytes;
        } else {
            let off = ((TARGET_MS - queue) / TARGET_MS).clamp(-1.0, 1.0);
            let share = if off > 0.0 { GROWTH } else { SHRINKAGE };
            // `bytes / window` of a window's time has passed.
            self.window += off * share * bytes.min(self.window);
        }
        self.window = self.window.clamp(WINDOW_MIN, WINDOW_MAX);
    }

    fn note(&mut self, now: Instant, delay: f64) {
        self.recent.push_back((now, delay));
        while self.recent.len() > 1
            && self
                .recent
                .front()
                .is_some_and(|(at, _)| now.saturating_duration_since(*at) > RECENT)
        {
            self.recent.pop_front();
        }
        let base = self.base.get_or_insert(Base {
            since: now,
            now: delay,
            before: f64::INFINITY,
        });
        if now.saturating_duration_since(base.since) > BASE_SPAN {
            base.before = base.now;
            base.now = delay;
            base.since = now;
        }
        base.now = base.now.min(delay);
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;

    /// A path of so many bytes a second and milliseconds, with a queue, in steps of a millisecond.
    struct Path {
        rate: f64,
        delay_ms: f64,
        /// What others put into the queue, bytes a second.
        others: f64,
    }

    /// Sends for `ms`; gives bytes delivered in the second half and the longest queue in it, in milliseconds.
    fn run(pace: &mut Pace, path: &Path, start: Instant, ms: u64) -> (f64, f64) {
        let (mut queued, mut on_the_way, mut delivered, mut longest) = (0.0f64, 0.0f64, 0.0f64, 0.0f64);
        let mut receipts: VecDeque<(u64, f64, f64)> = VecDeque::new();
        for at in 0..ms {
            queued = (queued + (path.others - path.rate) / 1000.0).max(0.0);
            while on_the_way + pace.chunk_bytes() as f64 <= pace.window() as f64 {
                let bytes = pace.chunk_bytes() as f64;
                on_the_way += bytes;
                queued += bytes;
                let took = path.delay_ms + queued / path.rate * 1000.0;
                receipts.push_back((at + (took + path.delay_ms) as u64, bytes, took));
            }
            if at > ms / 2 {
                longest = longest.max(queued / path.rate * 1000.0);
            }
            while receipts.front().is_some_and(|(due, ..)| *due <= at) {
                let Some((_, bytes, took)) = receipts.pop_front() else {
                    break;
                };
                on_the_way -= bytes;
                if at > ms / 2 {
                    delivered += bytes;
                }
                // The clocks of the two sides are a long way apart.
                let told = (took as u32).wrapping_sub(77_777);
                pace.on_receipt(start + Duration::from_millis(at), bytes as u64, told);
            }
        }
        (delivered / (ms as f64 / 2.0) * 1000.0, longest)
    }

    #[test]
    fn a_free_path_is_filled_and_its_queue_stays_short() {
        for (rate, delay_ms) in [(625_000.0, 20.0), (125_000.0, 40.0), (12_500_000.0, 10.0)] {
            let path = Path {
                rate,
                delay_ms,
                others: 0.0,
            };
            let (got, longest) = run(&mut Pace::default(), &path, Instant::now(), 20_000);
            assert!(got > rate * 0.85, "{got} of {rate}");
            assert!(longest < 3.0 * TARGET_MS, "{longest} ms of queue at {rate}");
        }
    }

    #[test]
    fn what_others_send_is_made_room_for() {
        let start = Instant::now();
        let mut pace = Pace::default();
        let free = Path {
            rate: 625_000.0,
            delay_ms: 20.0,
            others: 0.0,
        };
        run(&mut pace, &free, start, 5_000);
        let shared = Path {
            others: 400_000.0,
            ..free
        };
        let (got, longest) = run(&mut pace, &shared, start + Duration::from_secs(5), 10_000);
        assert!((100_000.0..260_000.0).contains(&got), "{got}");
        assert!(longest < 3.0 * TARGET_MS, "{longest} ms of queue");
    }

    #[test]
    fn a_short_fast_path_gets_the_largest_chunks() {
        let path = Path {
            rate: 200_000_000.0,
            delay_ms: 1.0,
            others: 0.0,
        };
        let mut pace = Pace::default();
        run(&mut pace, &path, Instant::now(), 4_000);
        assert_eq!(pace.chunk_bytes(), CHUNK_BYTES_MAX);
        assert_eq!(Pace::default().chunk_bytes(), CHUNK_BYTES_MIN);
    }

    #[test]
    fn one_late_chunk_is_a_retransmission_and_no_queue() {
        let start = Instant::now();
        let mut pace = Pace::default();
        for n in 0..40 {
            let late = if n % 4 == 0 { 300 } else { 20 };
            pace.on_receipt(start + Duration::from_millis(10 * n), 4096, late);
        }
        assert!(pace.queue_ms() < 1.0, "{}", pace.queue_ms());
    }

    #[test]
    fn what_was_held_begins_small_and_is_back_within_two_seconds() {
        let start = Instant::now();
        let mut pace = Pace::default();
        let path = Path {
            rate: 625_000.0,
            delay_ms: 20.0,
            others: 0.0,
        };
        run(&mut pace, &path, start, 5_000);
        let before = pace.window();
        pace.hold(true);
        for n in 0..1_000 {
            pace.on_receipt(start + Duration::from_millis(5_000 + 10 * n), 2_048, 20);
        }
        assert_eq!(
            pace.window(),
            WINDOW_MIN as u64,
            "nobody learns from what is held"
        );
        pace.hold(false);
        run(&mut pace, &path, start + Duration::from_secs(20), 2_000);
        assert!(pace.window() > before / 2, "{} of {before}", pace.window());
    }
}
