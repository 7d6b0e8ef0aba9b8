//! What the lab is to reach: a table of scenario, metric and bound (issue "Sounds and looks right"; the bar of the product). Pure.

use crate::measure::rows::Report;

/// A bound that a figure must keep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// As much or more.
    AtLeast(f64),
    /// As much or less.
    AtMost(f64),
}

impl Bound {
    /// Whether a figure keeps it.
    #[must_use]
    pub fn is_kept(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, "at least {bound}"),
            Self::AtMost(bound) => write!(f, "at most {bound}"),
        }
    }
}

/// Something to reach.
#[derive(Debug, Clone, Copy)]
pub struct Goal {
    /// Where.
    pub case: &'static str,
    /// Which figure.
    pub metric: &'static str,
    /// How good.
    pub bound: Bound,
}

const fn goal(case: &'static str, metric: &'static str, bound: Bound) -> Goal {
    Goal { case, metric, bound }
}

/// Everything there is to reach.
pub const GOALS: &[Goal] = &[
    goal("ramp", "ramp_ms", Bound::AtMost(5_000.0)),
    goal("dip", "recover_ms", Bound::AtMost(10_000.0)),
    goal("dip", "drain_ms", Bound::AtMost(2_000.0)),
    goal("outage", "recover_ms", Bound::AtMost(10_000.0)),
    goal("link-3m", "utilisation_pct", Bound::AtLeast(85.0)),
    goal("link-1m", "utilisation_pct", Bound::AtLeast(85.0)),
    goal("link-300k", "utilisation_pct", Bound::AtLeast(85.0)),
    goal("tcp", "share_pct", Bound::AtLeast(33.3)),
    goal("tcp", "share_pct", Bound::AtMost(66.7)),
    goal("loss-10", "fps_shown", Bound::AtLeast(20.0)),
    goal("loss-10", "freeze_pct", Bound::AtMost(3.0)),
    goal("loss-30", "stoi", Bound::AtLeast(0.93)),
    goal("loss-50", "stoi", Bound::AtLeast(0.88)),
    goal("burst-35", "stoi", Bound::AtLeast(0.88)),
    goal("clean", "av_offset_ms_p95", Bound::AtMost(45.0)),
    goal("link-1m", "av_offset_ms_p95", Bound::AtMost(45.0)),
    goal("jitter-100", "av_offset_ms_p95", Bound::AtMost(45.0)),
    goal("clean", "picture_latency_ms_p50", Bound::AtMost(40.0)),
    goal("clean", "mouth_to_ear_ms_p50", Bound::AtMost(35.0)),
    goal("jitter-30", "mouth_to_ear_ms_p50", Bound::AtMost(80.0)),
];

/// What became of a goal.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// Which.
    pub goal: Goal,
    /// The figure; nothing where it could not be measured, which is no success.
    pub measured: Option<f64>,
}

impl Outcome {
    /// Whether it was reached.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.measured.is_some_and(|value| self.goal.bound.is_kept(value))
    }
}

/// What became of the goals of those scenarios that ran.
#[must_use]
pub fn outcomes(report: &Report, who: &str) -> Vec<Outcome> {
    let ran = |case: &str| report.rows.iter().any(|row| row.who == who && row.case == case);
    GOALS
        .iter()
        .filter(|goal| ran(goal.case))
        .map(|goal| Outcome {
            goal: *goal,
            measured: report.value(who, goal.case, goal.metric),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::scenario;
    use super::*;

    #[test]
    fn goals_are_of_scenarios_that_there_are() {
        for goal in GOALS {
            assert!(scenario::find(goal.case).is_some(), "{}", goal.case);
        }
    }

    #[test]
    fn a_figure_that_is_missing_is_no_success() {
        let mut report = Report::default();
        report.add("parley", "dip", "drain_ms", 1_500.0);
        report.add("parley", "loss-30", "stoi", 0.9);
        let met: Vec<(&str, bool)> = outcomes(&report, "parley")
            .iter()
            .map(|outcome| (outcome.goal.metric, outcome.is_met()))
            .collect();
        assert_eq!(met, [("recover_ms", false), ("drain_ms", true), ("stoi", false)]);
        assert!(outcomes(&report, "chromium").is_empty());
    }

    #[test]
    fn bounds_are_part_of_what_is_allowed() {
        assert!(Bound::AtLeast(85.0).is_kept(85.0) && !Bound::AtLeast(85.0).is_kept(84.9));
        assert!(Bound::AtMost(45.0).is_kept(45.0) && !Bound::AtMost(45.0).is_kept(45.1));
        assert_eq!(Bound::AtMost(5_000.0).to_string(), "at most 5000");
    }
}
