//! What came of a run.

use serde_json::{Value, json};
use std::fmt;

/// The figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// How long it was measured, in seconds.
    pub seconds: f64,
    /// Clients that were connected, and those that should have been.
    pub connected: (usize, usize),
    /// Packets that clients received a second.
    pub packets_per_s: f64,
    /// What they carried, in Mbit/s.
    pub mbit_s: f64,
    /// Of a hundred packets so many never came.
    pub loss_pct: f64,
    /// From the publisher's write to the subscriber's read, in milliseconds: half of the packets, and 99 of a hundred, took less.
    pub forward_ms_p50: Option<f64>,
    /// See there.
    pub forward_ms_p99: Option<f64>,
    /// Of one core, the SFU's threads; only where the system tells (Linux).
    pub cpu_pct: Option<f64>,
    /// Of one core, for each 1.5 Mbit/s that was passed on.
    pub cpu_pct_per_stream: Option<f64>,
    /// Packets passed on in a second of the SFU's threads.
    pub packets_per_cpu_s: Option<f64>,
    /// Of this whole process, server and clients, in MB.
    pub rss_mb: Option<f64>,
}

/// One stream of the reference figure, in Mbit/s.
const STREAM_MBIT_S: f64 = 1.5;

impl Report {
    /// Works out what follows from the CPU time, in seconds.
    #[must_use]
    pub fn with_cpu(mut self, cpu_s: Option<f64>) -> Self {
        let Some(cpu_s) = cpu_s.filter(|cpu_s| *cpu_s > 0.0 && self.seconds > 0.0) else {
            return self;
        };
        let pct = cpu_s / self.seconds * 100.0;
        self.cpu_pct = Some(pct);
        if self.mbit_s > 0.0 {
            self.cpu_pct_per_stream = Some(pct / (self.mbit_s / STREAM_MBIT_S));
        }
        self.packets_per_cpu_s = Some(self.packets_per_s * self.seconds / cpu_s);
        self
    }

    /// As all benchmarks of this project say it: one object, a row for each figure.
    #[must_use]
    pub fn json(&self, case: &str) -> Value {
        let rows = self.figures().into_iter().filter_map(|(metric, unit, value)| {
            let value = (value? * 1000.0).round() / 1000.0;
            Some(json!({"who": "parley", "case": case, "metric": metric, "value": value, "unit": unit}))
        });
        json!({"ok": self.is_good(), "rows": rows.collect::<Vec<_>>()})
    }

    /// Everybody was there, and got nearly everything.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.connected.0 == self.connected.1 && self.packets_per_s > 0.0 && self.loss_pct < 1.0
    }

    fn figures(&self) -> Vec<(&'static str, &'static str, Option<f64>)> {
        vec![
            ("connected", "", Some(self.connected.0 as f64)),
            ("packets_per_s", "1/s", Some(self.packets_per_s)),
            ("mbit_s", "Mbit/s", Some(self.mbit_s)),
            ("loss_pct", "%", Some(self.loss_pct)),
            ("forward_ms_p50", "ms", self.forward_ms_p50),
            ("forward_ms_p99", "ms", self.forward_ms_p99),
            ("cpu_pct", "%", self.cpu_pct),
            ("cpu_pct_per_stream", "%", self.cpu_pct_per_stream),
            ("packets_per_cpu_s", "1/s", self.packets_per_cpu_s),
            ("rss_mb", "MB", self.rss_mb),
        ]
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "measured for          {:>10.1} s", self.seconds)?;
        writeln!(
            f,
            "clients connected     {:>10} of {}",
            self.connected.0, self.connected.1
        )?;
        for (metric, unit, value) in self.figures().into_iter().skip(1) {
            match value {
                Some(value) => writeln!(f, "{metric:<21} {value:>10.2} {unit}")?,
                None => writeln!(f, "{metric:<21} {:>10}", "?")?,
            }
        }
        Ok(())
    }
}

/// The value that so many of a hundred are below, of values in microseconds, in milliseconds.
pub(super) fn percentile_ms(sorted_us: &[u32], pct: usize) -> Option<f64> {
    let at = (sorted_us.len() * pct / 100).min(sorted_us.len().checked_sub(1)?);
    sorted_us.get(at).map(|us| f64::from(*us) / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_follow_from_what_was_measured() {
        let report = Report {
            seconds: 10.0,
            connected: (3, 3),
            packets_per_s: 2_000.0,
            mbit_s: 15.0,
            loss_pct: 0.0,
            forward_ms_p50: percentile_ms(&[1_000, 2_000, 3_000], 50),
            forward_ms_p99: percentile_ms(&[], 99),
            cpu_pct: None,
            cpu_pct_per_stream: None,
            packets_per_cpu_s: None,
            rss_mb: None,
        }
        .with_cpu(Some(0.5));
        assert_eq!(
            (report.cpu_pct, report.cpu_pct_per_stream),
            (Some(5.0), Some(0.5))
        );
        assert_eq!(report.packets_per_cpu_s, Some(40_000.0));
        assert_eq!((report.forward_ms_p50, report.forward_ms_p99), (Some(2.0), None));
        let json = report.json("x");
        assert_eq!(json["ok"], true);
        let rows = json["rows"].as_array().unwrap();
        assert!(
            rows.iter()
                .any(|row| row["metric"] == "cpu_pct" && row["value"] == 5.0)
        );
        assert!(
            !rows.iter().any(|row| row["metric"] == "forward_ms_p99"),
            "what was not measured is left out"
        );
        assert!(report.to_string().contains("3 of 3"));
    }
}
