//! What shown pictures tell about a call: latency, gaps and frame rate, out of the pattern's stamps. Sans-IO.
//!
//! Used by the command line and the benchmark; both ends must stand on one clock (one machine).

use super::VideoFrame;
use super::pattern::{Stamp, read};
use std::time::Instant;

/// Most latencies kept; the oldest fall out. An hour at 30 pictures a second.
const SAMPLES_MAX: usize = 108_000;

/// Fed with every picture as it is shown (or would be).
#[derive(Debug, Default)]
pub struct PictureMeter {
    latencies_us: Vec<u32>,
    oldest: usize,
    first_shown: Option<Instant>,
    last_shown: Option<Instant>,
    last_number: Option<u32>,
    figures: PictureFigures,
}

/// What was measured so far.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PictureFigures {
    /// Pictures shown.
    pub shown: u64,
    /// Of these, pictures whose stamp could not be read.
    pub unread: u64,
    /// Pictures of the source that were never shown, by their numbers.
    pub missing: u64,
    /// Pictures shown again or out of order.
    pub disordered: u64,
    /// Pictures shown per second, between the first and the last.
    pub fps: f32,
    /// The longest time between two shown pictures, in milliseconds.
    pub gap_ms_max: f32,
    /// Half of the pictures were shown within this many milliseconds of being made.
    pub latency_p50_ms: Option<f32>,
    /// Nearly all (95 of 100) were.
    pub latency_p95_ms: Option<f32>,
}

impl PictureMeter {
    /// Nothing measured yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a picture shown at `shown`, which was `clock_us` on the wall clock (microseconds since the UNIX epoch). Returns
    /// its stamp.
    pub fn show(&mut self, frame: &VideoFrame, shown: Instant, clock_us: u64) -> Option<Stamp> {
        let stamp = read(frame);
        self.note(stamp, shown, clock_us);
        stamp
    }

    /// The figures so far.
    #[must_use]
    pub fn figures(&self) -> PictureFigures {
        let mut figures = self.figures;
        if let (Some(first), Some(last)) = (self.first_shown, self.last_shown)
            && last > first
        {
            figures.fps = (figures.shown - 1) as f32 / (last - first).as_secs_f32();
        }
        let mut sorted = self.latencies_us.clone();
        sorted.sort_unstable();
        let percentile = |percent: usize| {
            let index = (sorted.len() * percent / 100).min(sorted.len().checked_sub(1)?);
            Some(sorted[index] as f32 / 1e3)
        };
        figures.latency_p50_ms = percentile(50);
        figures.latency_p95_ms = percentile(95);
        figures
    }

    fn note(&mut self, stamp: Option<Stamp>, shown: Instant, clock_us: u64) {
        self.figures.shown += 1;
        self.first_shown.get_or_insert(shown);
        if let Some(before) = self.last_shown.replace(shown) {
            let gap_ms = shown.saturating_duration_since(before).as_secs_f32() * 1e3;
            self.figures.gap_ms_max = self.figures.gap_ms_max.max(gap_ms);
        }
        match stamp {
            Some(stamp) => {
                self.note_number(stamp.number);
                let latency_us = clock_us.saturating_sub(stamp.clock_us);
                self.keep(u32::try_from(latency_us).unwrap_or(u32::MAX));
            }
            None => self.figures.unread += 1,
        }
    }

    fn note_number(&mut self, number: u32) {
        let Some(before) = self.last_number else {
            self.last_number = Some(number);
            return;
        };
        match number.wrapping_sub(before) as i32 {
            step if step > 0 => {
                self.figures.missing += u64::from(step.unsigned_abs() - 1);
                self.last_number = Some(number);
            }
            _ => self.figures.disordered += 1,
        }
    }

    fn keep(&mut self, latency_us: u32) {
        if self.latencies_us.len() < SAMPLES_MAX {
            self.latencies_us.push(latency_us);
        } else {
            self.latencies_us[self.oldest] = latency_us;
            self.oldest = (self.oldest + 1) % SAMPLES_MAX;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::CaptureTime;
    use crate::video::pattern::Pattern;
    use parley_proto::Resolution;
    use std::time::Duration;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "test: any moment will do as the start")]
    fn latency_rate_and_gaps_come_out_of_the_stamps() {
        let begin = Instant::now();
        let mut pattern = Pattern::new(Resolution::new(320, 180)).unwrap();
        let mut meter = PictureMeter::new();
        for (step, number) in (0u64..).zip([5, 6, 7, 9, 9, 13]) {
            let made_us = 1_000_000 + step * 40_000;
            let frame = pattern.draw(number, made_us, CaptureTime(begin)).unwrap();
            let stamp = meter.show(
                &frame,
                begin + Duration::from_millis(step * 40),
                made_us + 10_000 + step * 1000,
            );
            assert_eq!(stamp.map(|stamp| stamp.number), Some(number));
        }
        let figures = meter.figures();
        assert_eq!((figures.shown, figures.unread), (6, 0));
        assert_eq!((figures.missing, figures.disordered), (1 + 3, 1));
        assert!((figures.fps - 25.0).abs() < 0.01, "{figures:?}");
        assert!((figures.gap_ms_max - 40.0).abs() < 0.01, "{figures:?}");
        assert_eq!(figures.latency_p50_ms, Some(13.0));
        assert_eq!(figures.latency_p95_ms, Some(15.0));
    }

    #[test]
    fn nothing_shown_is_no_latency() {
        assert_eq!(PictureMeter::new().figures(), PictureFigures::default());
    }
}
