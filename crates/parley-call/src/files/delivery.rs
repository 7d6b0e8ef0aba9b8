//! What SCTP brings through by itself, told by its answers: the bytes of a round trip, as delivery-rate estimates of BBR do
//! (draft-ietf-ccwg-bbr, 4.1, without its probing).
//!
//! SCTP's congestion window grows only while more waits for it than it lets go (RFC 9260, 7.2.2), and after a loss everything
//! behind it is late, which looks like a queue. A window that is shortened for that reason starves SCTP where packets are
//! lost. So there is a window below which files are not held while no queue is seen: a round trip's worth of the best of the last second, and
//! as much again for SCTP to grow into, but never so much more that it could be a longer queue than [`QUEUE_MAX`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The best of so long counts: several of SCTP's saw teeth at a usual round trip.
const MEMORY: Duration = Duration::from_secs(1);
/// Round trips below it are counted as so long; a queue of that length hurts nobody.
const ROUND_TRIP_MIN: Duration = Duration::from_millis(10);
/// Above it there is something wrong with the path, and nothing to be kept up.
const ROUND_TRIP_MAX: Duration = Duration::from_millis(500);
/// The longest queue that this may cause.
const QUEUE_MAX: Duration = Duration::from_millis(30);
/// The shortest round trip of so long, and of the span before, is the bare path's: a path may change.
const ROUND_TRIP_MEMORY: Duration = Duration::from_secs(60);
/// Moments that are remembered at most; with more on its way some are left out.
const MARKS_MAX: usize = 256;
/// Spans that are remembered at most: more than [`MEMORY`] of the shortest.
const SPANS_MAX: usize = 128;

/// See the module. Bytes are counted from the beginning of a lane.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    /// When so many bytes had gone.
    marks: VecDeque<(Instant, u64)>,
    round_trip: Option<RoundTrip>,
    /// Since when, and from which byte on, the present span counts.
    span: Option<(Instant, u64)>,
    /// When a span ended, and its bytes for one round trip. Only those that can still be the best: each has more than those
    /// after it, so that the first is the best, and nobody looks through them for each chunk.
    spans: VecDeque<(Instant, f64)>,
}

#[derive(Debug, Clone, Copy)]
struct RoundTrip {
    since: Instant,
    now: Duration,
    before: Duration,
}

impl RoundTrip {
    fn shortest(self) -> Duration {
        self.now.min(self.before).clamp(ROUND_TRIP_MIN, ROUND_TRIP_MAX)
    }
}

impl Delivery {
    /// So many bytes have gone altogether.
    pub(super) fn on_gone(&mut self, now: Instant, gone: u64) {
        if self.marks.len() < MARKS_MAX {
            self.marks.push_back((now, gone));
        }
    }

    /// So many bytes are answered altogether.
    pub(super) fn on_answered(&mut self, now: Instant, answered: u64) {
        let mut went = None;
        while let Some((at, _)) = self.marks.front().filter(|(_, gone)| *gone <= answered) {
            went = Some(*at);
            self.marks.pop_front();
        }
        if let Some(went) = went {
            self.note_round_trip(now, now.saturating_duration_since(went));
        }
        self.note_span(now, answered);
    }

    /// The window below which SCTP would starve, in bytes.
    #[must_use]
    pub(super) fn window(&self) -> f64 {
        let Some(round_trip) = self.round_trip else {
            return 0.0;
        };
        let best = self.spans.front().map_or(0.0, |(_, bytes)| *bytes);
        let round_trip = round_trip.shortest();
        let more = round_trip.min(QUEUE_MAX);
        best * (1.0 + more.as_secs_f64() / round_trip.as_secs_f64())
    }

    fn note_round_trip(&mut self, now: Instant, took: Duration) {
        let known = self.round_trip.get_or_insert(RoundTrip {
            since: now,
            now: took,
            before: Duration::MAX,
        });
        if now.saturating_duration_since(known.since) > ROUND_TRIP_MEMORY {
            *known = RoundTrip {
                since: now,
                now: took,
                before: known.now,
            };
        }
        known.now = known.now.min(took);
    }

    fn note_span(&mut self, now: Instant, answered: u64) {
        let Some(round_trip) = self.round_trip.map(RoundTrip::shortest) else {
            return;
        };
        let (since, from) = *self.span.get_or_insert((now, answered));
        let lasted = now.saturating_duration_since(since);
        if lasted < round_trip {
            return;
        }
        self.span = Some((now, answered));
        let bytes = answered.saturating_sub(from) as f64 * round_trip.as_secs_f64() / lasted.as_secs_f64();
        while self.spans.back().is_some_and(|(_, earlier)| *earlier <= bytes) {
            self.spans.pop_back();
        }
        if self.spans.len() == SPANS_MAX {
            self.spans.pop_front();
        }
        self.spans.push_back((now, bytes));
        while self
            .spans
            .front()
            .is_some_and(|(at, _)| now.saturating_duration_since(*at) > MEMORY)
        {
            self.spans.pop_front();
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;

    /// A path of 50 ms that brings so many bytes through in a millisecond, for so long.
    fn deliver(
        delivery: &mut Delivery,
        start: Instant,
        from: u64,
        ms: u64,
        per_ms: impl Fn(u64) -> u64,
    ) -> u64 {
        let at = |ms| start + Duration::from_millis(ms);
        let mut gone = from;
        let mut on_the_way: VecDeque<(u64, u64)> = VecDeque::new();
        for now in 0..ms {
            gone += per_ms(now);
            delivery.on_gone(at(now), gone);
            on_the_way.push_back((now + 50, gone));
            if let Some((_, answered)) = on_the_way.front().copied().filter(|(due, _)| *due <= now) {
                on_the_way.pop_front();
                delivery.on_answered(at(now), answered);
            }
        }
        gone
    }

    #[test]
    fn a_steady_path_is_kept_full_and_no_queue_beyond_the_bound_can_come_of_it() {
        let mut delivery = Delivery::default();
        deliver(&mut delivery, Instant::now(), 0, 2_000, |_| 500);
        // 50 ms of 500 bytes each, and 30 ms more.
        let window = delivery.window();
        assert!((39_000.0..42_000.0).contains(&window), "{window}");
    }

    #[test]
    fn the_teeth_of_a_saw_do_not_lower_it_and_a_second_of_less_does() {
        let mut delivery = Delivery::default();
        let start = Instant::now();
        let gone = deliver(&mut delivery, start, 0, 2_000, |ms| 300 + (ms % 400) / 2);
        let high = delivery.window();
        assert!((35_000.0..42_000.0).contains(&high), "{high}");
        let later = start + Duration::from_secs(2);
        deliver(&mut delivery, later, gone, 1_500, |_| 100);
        let low = delivery.window();
        assert!((7_500.0..9_000.0).contains(&low), "{low}");
    }

    #[test]
    fn without_answers_nothing_is_known() {
        let mut delivery = Delivery::default();
        let now = Instant::now();
        for n in 0..10_000 {
            delivery.on_gone(now, n * 1000);
        }
        assert_eq!(delivery.window(), 0.0);
        assert_eq!(delivery.marks.len(), MARKS_MAX);
        delivery.on_answered(now, 10_000_000);
        assert!(delivery.window() < 1.0);
    }
}
