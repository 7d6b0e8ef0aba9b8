//! What a measurement gives: rows of (who, case, metric, value, unit), as a table for people or one JSON object for machines.
//! The names of the metrics are a promise to scripts: they are added to, never renamed.

use serde::Serialize;
use std::fmt::Write as _;

/// Everything one measurement found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Whether what was measured worked at all.
    pub ok: bool,
    /// The figures.
    pub rows: Vec<Row>,
    /// What a reader must know: why a metric is missing, what was not as it should be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// `parley`, or the peer it is compared with.
    pub who: String,
    /// Which variant of the measurement.
    pub case: String,
    /// What was measured.
    pub metric: String,
    /// The figure.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            ok: true,
            rows: Vec::new(),
            notes: Vec::new(),
        }
    }
}

impl Report {
    /// Adds a figure.
    pub fn add(&mut self, who: &str, case: &str, metric: &str, value: f64) {
        if value.is_finite() {
            self.rows.push(Row {
                who: who.to_owned(),
                case: case.to_owned(),
                metric: metric.to_owned(),
                // Three decimals are more than any of these measurements is good for.
                value: (value * 1000.0).round() / 1000.0,
                unit: unit_of(metric),
            });
        }
    }

    /// A figure that was added.
    #[must_use]
    pub fn value(&self, who: &str, case: &str, metric: &str) -> Option<f64> {
        let of = |row: &&Row| row.who == who && row.case == case && row.metric == metric;
        self.rows.iter().find(of).map(|row| row.value)
    }

    /// Adds a figure if it is there, or a note that it could not be measured.
    pub fn add_or_note(&mut self, who: &str, case: &str, metric: &str, value: Option<f64>) {
        match value {
            Some(value) => self.add(who, case, metric, value),
            None => self
                .notes
                .push(format!("{who}, {case}: {metric} could not be measured")),
        }
    }

    /// Adds the median and the 95th percentile of samples as `metric_p50` and `metric_p95`.
    pub fn add_quantiles(&mut self, who: &str, case: &str, metric: &str, samples: &[f64]) {
        for (name, rank) in [("p50", 0.5), ("p95", 0.95)] {
            self.add_or_note(who, case, &format!("{metric}_{name}"), quantile(samples, rank));
        }
    }

    /// A table with a column for everyone who was measured.
    #[must_use]
    pub fn table(&self) -> String {
        let mut people: Vec<&str> = Vec::new();
        let mut lines: Vec<(&str, &str)> = Vec::new();
        for row in &self.rows {
            if !people.contains(&row.who.as_str()) {
                people.push(&row.who);
            }
            if !lines.contains(&(&row.case, &row.metric)) {
                lines.push((&row.case, &row.metric));
            }
        }
        let wide = lines
            .iter()
            .map(|(case, _)| case.len())
            .max()
            .unwrap_or(0)
            .max(10);
        let mut table = format!("{:<wide$} {:<26} {:<6}", "case", "metric", "unit");
        for who in &people {
            let _ = write!(table, " {who:>12}");
        }
        for (case, metric) in lines {
            let _ = write!(table, "\n{case:<wide$} {metric:<26} {:<6}", unit_of(metric));
            for who in &people {
                let _ = match self.value(who, case, metric) {
                    Some(value) => write!(table, " {:>12}", shown(value)),
                    None => write!(table, " {:>12}", "-"),
                };
            }
        }
        for note in &self.notes {
            let _ = write!(table, "\nnote: {note}");
        }
        table
    }
}

/// A figure for people.
#[must_use]
pub fn shown(value: f64) -> String {
    if value.abs() >= 100.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

/// The value below which `rank` (0 to 1) of the samples lie.
#[must_use]
pub fn quantile(samples: &[f64], rank: f64) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = ((sorted.len() as f64 * rank).ceil() as usize).saturating_sub(1);
    sorted.get(index).copied()
}

/// The unit is told by the end of the metric's name.
fn unit_of(metric: &str) -> &'static str {
    let metric = ["_p50", "_p95", "_p99"]
        .iter()
        .fold(metric, |metric, rank| metric.trim_end_matches(rank));
    if metric == "cpu_pct_per_stream" {
        return "%";
    }
    if metric.starts_with("cpu_s_per_min") {
        return "s";
    }
    if metric.starts_with("pss_mb") {
        return "MB";
    }
    if metric.starts_with("kb_per") {
        return "kB";
    }
    if metric.starts_with("fps") || ["joins_s", "packets_per_cpu_s", "sound_packets_s"].contains(&metric) {
        return "1/s";
    }
    if metric == "cpu_ms_per_10ms" {
        return "ms";
    }
    match metric.rsplit('_').next() {
        Some("ms") => "ms",
        Some("pct") => "%",
        Some("db") => "dB",
        Some("s") if metric.ends_with("kbit_s") => "kbit/s",
        Some("width" | "height") => "px",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_samples() {
        let samples: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        assert_eq!(quantile(&samples, 0.5), Some(10.0));
        assert_eq!(quantile(&samples, 0.95), Some(19.0));
        assert_eq!(quantile(&[7.0], 0.95), Some(7.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn the_json_has_the_promised_shape() {
        let mut report = Report::default();
        report.add("parley", "one-way", "cpu_s_per_min_sender", 12.3);
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            r#"{"ok":true,"rows":[{"who":"parley","case":"one-way","metric":"cpu_s_per_min_sender","value":12.3,"unit":"s"}]}"#
        );
    }

    #[test]
    fn what_was_not_measured_is_left_out_and_noted() {
        let mut report = Report::default();
        report.add_quantiles("parley", "one-way", "connected_ms", &[]);
        report.add("parley", "one-way", "rtt_ms", f64::NAN);
        assert!(report.rows.is_empty());
        assert_eq!(report.notes.len(), 2);
    }

    #[test]
    fn the_table_puts_people_side_by_side() {
        let mut report = Report::default();
        report.add("parley", "one-way", "rtt_ms", 0.5);
        report.add("chromium", "one-way", "rtt_ms", 1.0);
        let table = report.table();
        let line = table.lines().nth(1).unwrap();
        assert_eq!(
            line.split_whitespace().collect::<Vec<_>>(),
            ["one-way", "rtt_ms", "ms", "0.50", "1"]
        );
    }

    #[test]
    fn units_follow_from_names() {
        for (metric, unit) in [
            ("connected_ms_p50", "ms"),
            ("cpu_s_per_min_sender", "s"),
            ("pss_mb_receiver", "MB"),
            ("kbit_s", "kbit/s"),
            ("better_from_kbit_s", "kbit/s"),
            ("fps_shown", "1/s"),
            ("loss_pct", "%"),
            ("packets_per_cpu_s", "1/s"),
            ("kb_per_participant", "kB"),
            ("joins_s", "1/s"),
            ("sound_packets_s", "1/s"),
            ("cpu_pct_per_stream", "%"),
            ("forward_ms_p99", "ms"),
            ("join_ms_p95", "ms"),
            ("psnr_db", "dB"),
            ("cpu_ms_per_10ms", "ms"),
            ("av_offset_ms_p95", "ms"),
            ("sound_match", ""),
        ] {
            assert_eq!(unit_of(metric), unit, "{metric}");
        }
    }
}
