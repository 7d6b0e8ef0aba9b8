//! The scorecard of one scenario: everything that both ends and the cable wrote down, as the figures of `docs/quality.md`.
//!
//! All of them are of the side that sees and hears, from its first picture (or the beginning of media) until just before the end.

use super::freeze::freezes;
use super::judges::Verdict;
use super::picture::{Fidelity, lateness, mean};
use super::scenario::{Scenario, WANTED_BPS};
use super::sound::Heard;
use super::tape::{PictureTime, Tape};
use super::way::Way;
use crate::harness::cable::log::Moment;
use crate::measure::rows::quantile;

/// The end of a call is no part of it.
pub const BEFORE_END_US: u64 = 500_000;
/// What a steady link is used for is looked at in this part of the time: encoders and estimates have found their rate.
const STEADY_FROM: f64 = 0.4;
/// A TCP flow begins so long after media, and has as long to find its rate.
pub const TCP_AFTER_S: u32 = 4;
/// Every figure, in the order of tables.
pub const METRICS: &[&str] = &[
    "psnr_db",
    "ssim",
    "vmaf",
    "fps_shown",
    "freezes",
    "freeze_pct",
    "picture_latency_ms_p50",
    "picture_latency_ms_p95",
    "utilisation_pct",
    "kbit_s",
    "stoi",
    "visqol_mos",
    "sound_gaps",
    "mouth_to_ear_ms_p50",
    "av_offset_ms_p95",
    "first_picture_ms",
    "ramp_ms",
    "recover_ms",
    "drain_ms",
    "share_pct",
];

/// What there is to judge by.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// Which network.
    pub scenario: &'a Scenario,
    /// What was sent.
    pub sent: &'a Tape,
    /// What came.
    pub came: &'a Tape,
    /// How like what was sent it was.
    pub fidelity: &'a Fidelity,
    /// What was heard of what was said.
    pub heard: &'a Heard,
    /// What judges from elsewhere say.
    pub verdict: &'a Verdict,
    /// What the cable passed.
    pub moments: &'a [Moment],
    /// When each step of the scenario was carried out; the first is when media began. Microseconds since the UNIX epoch.
    pub steps_us: &'a [u64],
    /// When the call ended.
    pub end_us: u64,
    /// From going in to the first picture, as that side measured it.
    pub first_picture_ms: Option<f64>,
}

/// Metrics and figures; what could not be measured is left out.
pub type Figures = Vec<(&'static str, f64)>;

/// Judges.
#[must_use]
pub fn score(evidence: &Evidence<'_>) -> Figures {
    let begin_us = evidence.steps_us.first().copied().unwrap_or(0);
    let end_us = evidence.end_us.saturating_sub(BEFORE_END_US);
    let mut figures: Vec<(&'static str, Option<f64>)> = Vec::new();
    let late = picture(evidence, end_us, &mut figures);
    way(evidence, begin_us, end_us, &mut figures);
    sound(evidence, &late, &mut figures);
    figures.push(("first_picture_ms", evidence.first_picture_ms));
    let in_order = |(metric, _): &(&'static str, f64)| METRICS.iter().position(|known| known == metric);
    let mut measured: Figures = figures
        .into_iter()
        .filter_map(|(metric, value)| Some((metric, value?)))
        .collect();
    measured.sort_by_key(in_order);
    measured
}

/// The pictures' figures. Gives how late each was.
fn picture(
    evidence: &Evidence<'_>,
    end_us: u64,
    figures: &mut Vec<(&'static str, Option<f64>)>,
) -> Vec<(u64, f64)> {
    let shown: Vec<PictureTime> = evidence
        .came
        .pictures
        .iter()
        .filter(|picture| picture.at_us <= end_us)
        .copied()
        .collect();
    let moments: Vec<u64> = shown.iter().map(|picture| picture.at_us).collect();
    figures.push(("psnr_db", mean(&evidence.fidelity.psnr_db)));
    figures.push(("ssim", mean(&evidence.fidelity.ssim)));
    figures.push(("vmaf", evidence.verdict.vmaf));
    if let Some(watched_us) = moments.first().map(|first| end_us - first).filter(|us| *us > 0) {
        let found = freezes(&moments, end_us);
        figures.push(("fps_shown", Some(moments.len() as f64 * 1e6 / watched_us as f64)));
        figures.push(("freezes", Some(found.count.into())));
        figures.push((
            "freeze_pct",
            Some(100.0 * found.total_us as f64 / watched_us as f64),
        ));
    }
    let late = lateness(&evidence.sent.pictures, &shown);
    let ms: Vec<f64> = late.iter().map(|(_, ms)| *ms).collect();
    figures.push(("picture_latency_ms_p50", quantile(&ms, 0.5)));
    figures.push(("picture_latency_ms_p95", quantile(&ms, 0.95)));
    late
}

fn way(evidence: &Evidence<'_>, begin_us: u64, end_us: u64, figures: &mut Vec<(&'static str, Option<f64>)>) {
    let way = Way(evidence.moments);
    let scenario = evidence.scenario;
    let kbit_s = way.media_bps(begin_us, end_us).map(|bps| bps / 1e3);
    figures.push(("kbit_s", kbit_s));
    if scenario.tcp {
        let both_from = begin_us + u64::from(2 * TCP_AFTER_S) * 1_000_000;
        figures.push(("share_pct", way.share_pct(both_from, end_us)));
    } else if let (1, Some(capacity)) = (scenario.steps.len(), scenario.capacity_bps(0)) {
        let steady_us = begin_us + (end_us.saturating_sub(begin_us) as f64 * STEADY_FROM) as u64;
        let used = way.media_bps(steady_us, end_us).map(|bps| 100.0 * bps / capacity);
        figures.push(("utilisation_pct", used));
    }
    if scenario.name == "ramp" {
        // Each side's own word that media began comes at another moment; a picture is a picture.
        let first_us = evidence.came.pictures.first().map(|picture| picture.at_us);
        figures.push((
            "ramp_ms",
            way.reached_ms(first_us.unwrap_or(begin_us), WANTED_BPS),
        ));
    }
    for (step, at_us) in evidence.steps_us.iter().enumerate().skip(1) {
        let (before, after) = (scenario.capacity_bps(step - 1), scenario.capacity_bps(step));
        let (Some(before), Some(after)) = (before, after) else {
            continue;
        };
        if after > before {
            figures.push(("recover_ms", way.reached_ms(*at_us, after)));
        } else if after > 0.0 && after < before {
            figures.push(("drain_ms", way.drained_ms(*at_us)));
        }
    }
}

fn sound(
    evidence: &Evidence<'_>,
    pictures_late: &[(u64, f64)],
    figures: &mut Vec<(&'static str, Option<f64>)>,
) {
    let found = evidence.heard;
    figures.push(("stoi", found.stoi));
    figures.push(("visqol_mos", evidence.verdict.visqol_mos));
    if found.stoi.is_some() {
        figures.push(("sound_gaps", Some(found.gaps.into())));
    }
    let ms: Vec<f64> = found.late.iter().map(|(_, ms)| *ms).collect();
    figures.push(("mouth_to_ear_ms_p50", quantile(&ms, 0.5)));
    let offsets = offsets(&found.late, pictures_late);
    figures.push(("av_offset_ms_p95", quantile(&offsets, 0.95)));
}

/// How far picture and sound of each second were apart, in milliseconds: how late that second's sound was, against the median
/// of its pictures.
fn offsets(sound_late: &[(u64, f64)], pictures_late: &[(u64, f64)]) -> Vec<f64> {
    let of_second = |(second_us, sound_ms): &(u64, f64)| {
        let within = *second_us..*second_us + 1_000_000;
        let pictures: Vec<f64> = pictures_late
            .iter()
            .filter(|(captured_us, _)| within.contains(captured_us))
            .map(|(_, ms)| *ms)
            .collect();
        Some((sound_ms - quantile(&pictures, 0.5)?).abs())
    };
    sound_late.iter().filter_map(of_second).collect()
}

#[cfg(test)]
mod tests {
    use super::super::scenario;
    use super::super::sound::{Sound, compare};
    use super::*;
    use crate::harness::sound::tests::voice;

    const START_US: u64 = 1_790_000_000_000_000;

    fn pictures(count: u32, late_us: u64) -> Vec<PictureTime> {
        (0..count)
            .map(|number| PictureTime {
                number: Some(number),
                at_us: START_US + u64::from(number) * 40_000 + late_us,
            })
            .collect()
    }

    fn tape(pictures: Vec<PictureTime>, late_us: u64) -> Tape {
        Tape {
            pictures,
            sound: Sound {
                begin_us: START_US + late_us,
                samples: voice(11, 3),
            },
            films: Vec::new(),
        }
    }

    fn moments(kbps: impl Fn(u64) -> u64) -> Vec<Moment> {
        (1..=110)
            .map(|at| Moment {
                end_us: START_US + at * 100_000,
                udp_bytes: [kbps(at) * 100 / 8, 0],
                ..Moment::default()
            })
            .collect()
    }

    fn figures(name: &str, came: &Tape, moments: &[Moment], steps_s: &[u64]) -> Figures {
        let steps_us: Vec<u64> = steps_s.iter().map(|s| START_US + s * 1_000_000).collect();
        let (sent, end_us) = (tape(pictures(275, 0), 0), START_US + 10_500_000);
        let heard = compare(&sent.sound, &came.sound, START_US, end_us - BEFORE_END_US);
        score(&Evidence {
            scenario: scenario::find(name).unwrap(),
            sent: &sent,
            came,
            heard: &heard,
            verdict: &Verdict {
                vmaf: Some(88.0),
                ..Verdict::default()
            },
            fidelity: &Fidelity {
                psnr_db: vec![36.0, 38.0],
                ssim: vec![0.95, 0.97],
            },
            moments,
            steps_us: &steps_us,
            end_us,
            first_picture_ms: Some(310.0),
        })
    }

    fn value(figures: &[(&'static str, f64)], metric: &str) -> Option<f64> {
        figures
            .iter()
            .find(|(name, _)| *name == metric)
            .map(|(_, value)| *value)
    }

    #[test]
    fn a_good_call_has_good_figures() {
        let came = tape(pictures(270, 60_000), 90_000);
        let found = figures("link-1m", &came, &moments(|_| 900), &[0]);
        for (metric, expect, tolerance) in [
            ("psnr_db", 37.0, 0.001),
            ("ssim", 0.96, 0.001),
            ("vmaf", 88.0, 0.0),
            ("fps_shown", 25.0, 0.2),
            ("freezes", 0.0, 0.0),
            ("freeze_pct", 0.0, 0.0),
            ("picture_latency_ms_p50", 60.0, 0.001),
            ("picture_latency_ms_p95", 60.0, 0.001),
            ("utilisation_pct", 90.0, 0.5),
            ("kbit_s", 900.0, 5.0),
            ("stoi", 1.0, 0.02),
            ("sound_gaps", 0.0, 0.0),
            ("mouth_to_ear_ms_p50", 90.0, 0.2),
            ("av_offset_ms_p95", 30.0, 0.2),
            ("first_picture_ms", 310.0, 0.0),
        ] {
            let value = value(&found, metric).unwrap();
            assert!((value - expect).abs() <= tolerance, "{metric}: {value}");
        }
        for metric in ["visqol_mos", "ramp_ms", "recover_ms", "drain_ms", "share_pct"] {
            assert_eq!(value(&found, metric), None, "{metric}");
        }
        let order: Vec<usize> = found
            .iter()
            .map(|(metric, _)| METRICS.iter().position(|known| known == metric).unwrap())
            .collect();
        assert!(order.is_sorted());
    }

    #[test]
    fn a_picture_that_stops_is_frozen_to_the_end() {
        let came = tape(pictures(125, 60_000), 90_000);
        let found = figures("clean", &came, &moments(|_| 900), &[0]);
        assert_eq!(value(&found, "freezes"), Some(1.0));
        let frozen = value(&found, "freeze_pct").unwrap();
        assert!((frozen - 50.0).abs() < 1.0, "{frozen}");
    }

    #[test]
    fn a_dip_is_left_behind() {
        // Half a megabit from second 2 to 5, then 1,200 more each second.
        let rate = |at: u64| match at {
            0..=20 => 2_400,
            21..=50 => 500,
            later => (500 + (later - 50) / 10 * 1_200).min(2_400),
        };
        let came = tape(pictures(270, 60_000), 90_000);
        let found = figures("dip", &came, &moments(rate), &[0, 2, 5]);
        assert_eq!(value(&found, "drain_ms"), Some(0.0));
        let recovered = value(&found, "recover_ms").unwrap();
        assert!((2_000.0..4_000.0).contains(&recovered), "{recovered}");
        // A rate that never comes back is no recovery.
        let found = figures("dip", &came, &moments(|_| 500), &[0, 2, 5]);
        assert_eq!(value(&found, "recover_ms"), None);
    }

    #[test]
    fn nothing_that_came_is_nothing_measured() {
        let found = figures("clean", &Tape::default(), &[], &[0]);
        for metric in ["fps_shown", "picture_latency_ms_p50", "stoi", "av_offset_ms_p95"] {
            assert_eq!(value(&found, metric), None, "{metric}");
        }
    }
}
