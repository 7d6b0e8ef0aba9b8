//! Whether the way gets longer: a line through the summed delay variation, against a threshold that adapts.
//!
//! The line's slope is the "trendline" that took the Kalman filter's place in the practice of GCC; the threshold and its adaptation
//! are those of draft-ietf-rmcat-gcc-02, 5.4, and of Carlucci et al., "Analysis and Design of the Google Congestion Control for
//! WebRTC" (MMSys 2016), 3.4: it follows the slope slowly upwards, so that a flow that only reacts to loss does not starve this
//! one, and faster back.

use super::groups::Gap;
use std::collections::VecDeque;

/// Points the line goes through.
const POINTS: usize = 20;
/// How much of the old smoothed delay stays.
const SMOOTHING: f64 = 0.9;
/// From a slope to a number in milliseconds that is compared with the threshold, ...
const GAIN: f64 = 4.0;
/// ... times the number of gaps so far up to this: the first few say little.
const GAPS_MAX: f64 = 60.0;
/// The slope must be too steep for this long.
const OVERUSE_MS: f64 = 10.0;
/// The threshold: at the start, and its bounds.
const THRESHOLD_MS: f64 = 12.5;
const THRESHOLD_MIN_MS: f64 = 6.0;
const THRESHOLD_MAX_MS: f64 = 600.0;
/// How fast the threshold follows, per millisecond, up and down.
const FOLLOW_UP: f64 = 0.0087;
const FOLLOW_DOWN: f64 = 0.039;
/// A slope this far above the threshold is a sudden event, not a neighbour to adapt to.
const SUDDEN_MS: f64 = 15.0;
/// The longest time one gap counts for.
const STEP_MAX_MS: f64 = 100.0;

/// What the way does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Usage {
    /// It keeps its length.
    #[default]
    Normal,
    /// A queue grows.
    Over,
    /// A queue empties.
    Under,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Trendline {
    points: VecDeque<(f64, f64)>,
    first_ms: Option<f64>,
    summed_ms: f64,
    smoothed_ms: f64,
    gaps: f64,
    threshold_ms: f64,
    updated_ms: Option<f64>,
    over_ms: f64,
    over_count: u32,
    before: f64,
    usage: Usage,
}

impl Default for Trendline {
    fn default() -> Self {
        Self {
            points: VecDeque::with_capacity(POINTS + 1),
            first_ms: None,
            summed_ms: 0.0,
            smoothed_ms: 0.0,
            gaps: 0.0,
            threshold_ms: THRESHOLD_MS,
            updated_ms: None,
            over_ms: 0.0,
            over_count: 0,
            before: 0.0,
            usage: Usage::Normal,
        }
    }
}

impl Trendline {
    pub(super) const fn usage(&self) -> Usage {
        self.usage
    }

    pub(super) fn add(&mut self, gap: Gap) {
        self.gaps = (self.gaps + 1.0).min(GAPS_MAX);
        self.summed_ms += gap.delay_ms();
        self.smoothed_ms = SMOOTHING * self.smoothed_ms + (1.0 - SMOOTHING) * self.summed_ms;
        let first = *self.first_ms.get_or_insert(gap.arrived_ms);
        self.points.push_back((gap.arrived_ms - first, self.smoothed_ms));
        if self.points.len() > POINTS {
            self.points.pop_front();
        }
        let slope = if self.points.len() == POINTS {
            slope(&self.points).unwrap_or(self.before)
        } else {
            self.before
        };
        self.judge(slope, gap);
    }

    fn judge(&mut self, slope: f64, gap: Gap) {
        let weighed = self.gaps * slope * GAIN;
        if weighed > self.threshold_ms {
            self.over_ms += if self.over_count == 0 {
                gap.sent_apart_ms / 2.0
            } else {
                gap.sent_apart_ms
            };
            self.over_count += 1;
            if self.over_ms > OVERUSE_MS && self.over_count > 1 && slope >= self.before {
                self.over_ms = 0.0;
                self.over_count = 0;
                self.usage = Usage::Over;
            }
        } else {
            self.over_ms = 0.0;
            self.over_count = 0;
            self.usage = if weighed < -self.threshold_ms {
                Usage::Under
            } else {
                Usage::Normal
            };
        }
        self.before = slope;
        self.adapt(weighed, gap.arrived_ms);
    }

    fn adapt(&mut self, weighed: f64, now_ms: f64) {
        let passed = now_ms - self.updated_ms.unwrap_or(now_ms);
        self.updated_ms = Some(now_ms);
        let size = weighed.abs();
        if size > self.threshold_ms + SUDDEN_MS {
            return;
        }
        let follow = if size < self.threshold_ms {
            FOLLOW_DOWN
        } else {
            FOLLOW_UP
        };
        self.threshold_ms += follow * (size - self.threshold_ms) * passed.clamp(0.0, STEP_MAX_MS);
        self.threshold_ms = self.threshold_ms.clamp(THRESHOLD_MIN_MS, THRESHOLD_MAX_MS);
    }
}

/// Least squares.
fn slope(points: &VecDeque<(f64, f64)>) -> Option<f64> {
    let count = points.len() as f64;
    let (sum_x, sum_y) = points
        .iter()
        .fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (over, under) = points.iter().fold((0.0, 0.0), |(over, under), (x, y)| {
        (
            over + (x - mean_x) * (y - mean_y),
            under + (x - mean_x) * (x - mean_x),
        )
    });
    (under > 0.0).then(|| over / under)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(gaps: u32, growth_ms: f64) -> Usage {
        let mut line = Trendline::default();
        let mut at = 0.0;
        for _ in 0..gaps {
            at += 20.0 + growth_ms;
            line.add(Gap {
                arrived_ms: at,
                sent_apart_ms: 20.0,
                arrived_apart_ms: 20.0 + growth_ms,
            });
        }
        line.usage()
    }

    #[test]
    fn a_way_that_keeps_its_length_is_normal() {
        assert_eq!(after(200, 0.0), Usage::Normal);
    }

    #[test]
    fn a_queue_that_grows_is_seen_and_so_is_one_that_empties() {
        assert_eq!(after(40, 4.0), Usage::Over);
        assert_eq!(after(40, -4.0), Usage::Under);
    }

    #[test]
    fn the_first_gaps_say_nothing() {
        assert_eq!(after(10, 4.0), Usage::Normal);
    }
}
