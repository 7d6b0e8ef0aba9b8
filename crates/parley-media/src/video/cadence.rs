//! Which pictures to encode when fewer are wanted than come, and how many come at all. Sans-IO: capture times in.

use crate::time::CaptureTime;
use parley_proto::FrameRate;
use std::time::Duration;

/// Lets pictures pass at no more than a frame rate, evenly spaced: of 30 a second every third falls out for 20.
#[derive(Debug, Default)]
pub struct Cadence {
    /// When the next picture is due.
    due: Option<CaptureTime>,
    /// When the last one passed, and the smoothed time between those that passed.
    passed: Option<CaptureTime>,
    interval: Option<Duration>,
}

impl Cadence {
    /// Whether the picture taken at `captured` passes at `limit`.
    pub fn admit(&mut self, captured: CaptureTime, limit: FrameRate) -> bool {
        let interval = limit.interval();
        let due = self.due.unwrap_or(captured);
        // Cameras jitter: what comes a little early is taken as due.
        if captured.0 + interval / 4 < due.0 && due.0 <= captured.0 + interval {
            return false;
        }
        let late = captured.0.saturating_duration_since(due.0) > interval;
        let jumped = due.0 > captured.0 + interval;
        let base = if late || jumped { captured } else { due };
        self.due = Some(CaptureTime(base.0 + interval));
        self.measure(captured);
        true
    }

    /// Pictures per second that really pass, once known: smoothed over about a second.
    #[must_use]
    pub fn measured(&self) -> Option<FrameRate> {
        let interval = self.interval?;
        let fps = (1.0 / interval.as_secs_f64().max(1e-3)).round();
        Some(FrameRate::new(fps as u32))
    }

    fn measure(&mut self, captured: CaptureTime) {
        let Some(passed) = self.passed.replace(captured) else {
            return;
        };
        let step = captured.0.saturating_duration_since(passed.0);
        // A pause says nothing about the rate.
        if step > Duration::from_secs(1) {
            return;
        }
        self.interval = Some(
            self.interval
                .map_or(step, |smooth| smooth.mul_f64(0.95) + step.mul_f64(0.05)),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[expect(clippy::disallowed_methods, reason = "test: any moment will do as the start")]
    fn start() -> Instant {
        Instant::now()
    }

    /// Numbers of the pictures that pass, of `count` coming `fps` times a second with `jitter_ms` of up and down.
    fn passing(fps: u64, count: u64, limit: u32, jitter_ms: u64) -> Vec<u64> {
        let begin = start() + Duration::from_secs(1);
        let mut cadence = Cadence::default();
        let captured = |number: u64| {
            let time = begin + Duration::from_micros(number * 1_000_000 / fps);
            let jitter = Duration::from_millis(jitter_ms);
            CaptureTime(if number.is_multiple_of(2) {
                time + jitter
            } else {
                time - jitter
            })
        };
        (0..count)
            .filter(|&number| cadence.admit(captured(number), FrameRate::new(limit)))
            .collect()
    }

    #[test]
    fn pictures_are_left_out_evenly() {
        assert_eq!(passing(30, 9, 30, 0).len(), 9);
        assert_eq!(passing(30, 300, 30, 3).len(), 300);
        assert_eq!(passing(30, 9, 20, 0), [0, 2, 3, 5, 6, 8]);
        assert_eq!(passing(30, 9, 15, 0), [0, 2, 4, 6, 8]);
        assert_eq!(passing(30, 300, 25, 0).len(), 250);
        assert_eq!(passing(60, 600, 30, 2).len(), 300);
        assert_eq!(passing(15, 150, 30, 5).len(), 150);
    }

    #[test]
    fn after_a_pause_there_is_no_rush() {
        let begin = start();
        let mut cadence = Cadence::default();
        let mut at =
            |ms: u64| cadence.admit(CaptureTime(begin + Duration::from_millis(ms)), FrameRate::new(10));
        assert!(at(0));
        assert!(at(5_000));
        assert!(!at(5_033));
        assert!(!at(5_066));
        assert!(at(5_100));
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_stop_the_flow() {
        let begin = start();
        let mut cadence = Cadence::default();
        assert!(cadence.admit(CaptureTime(begin + Duration::from_secs(60)), FrameRate::new(30)));
        assert!(cadence.admit(CaptureTime(begin), FrameRate::new(30)));
    }

    #[test]
    fn the_real_rate_is_measured() {
        let begin = start();
        let mut cadence = Cadence::default();
        assert_eq!(cadence.measured(), None);
        for number in 0..60u64 {
            let captured = CaptureTime(begin + Duration::from_micros(number * 1_000_000 / 15));
            assert!(cadence.admit(captured, FrameRate::new(30)));
        }
        assert_eq!(cadence.measured(), Some(FrameRate::new(15)));
    }
}
