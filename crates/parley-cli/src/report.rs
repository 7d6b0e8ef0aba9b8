//! What was measured, as a table for people or one JSON object for machines. The metrics' names are a promise to scripts.

use serde::Serialize;
use std::fmt::Write as _;

/// Everything one endpoint found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Report {
    /// Whether picture and sound arrived where they were expected.
    pub(crate) ok: bool,
    /// The figures.
    pub(crate) rows: Vec<Row>,
    /// What could not be measured or was not as it should be.
    pub(crate) notes: Vec<String>,
    /// What came, when all is well.
    #[serde(skip)]
    came: &'static str,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Row {
    who: &'static str,
    case: String,
    metric: &'static str,
    value: f64,
    unit: &'static str,
}

impl Report {
    pub(crate) const fn new() -> Self {
        Self {
            ok: true,
            rows: Vec::new(),
            notes: Vec::new(),
            came: "all went well",
        }
    }

    /// What there was to come. A success says no more than that.
    pub(crate) fn expect(&mut self, picture: bool, sound: bool) {
        self.came = match (picture, sound) {
            (true, true) => "picture and sound arrived",
            (true, false) => "the picture arrived; the other side sent no sound",
            (false, true) => "sound arrived; the other side sent no picture",
            (false, false) => "all went well; the other side sent neither picture nor sound",
        };
    }

    /// Adds a figure; one that was not measured is left out, with a note.
    pub(crate) fn add(&mut self, metric: &'static str, unit: &'static str, value: Option<f64>) {
        self.add_to("call", metric, unit, value);
    }

    /// The same, for a case of its own.
    pub(crate) fn add_to(
        &mut self,
        case: &str,
        metric: &'static str,
        unit: &'static str,
        value: Option<f64>,
    ) {
        match value.filter(|value| value.is_finite()) {
            Some(value) => self.rows.push(Row {
                who: "parley",
                case: case.to_owned(),
                metric,
                // More decimals than any of these figures is good for.
                value: (value * 1000.0).round() / 1000.0,
                unit,
            }),
            None => self.notes.push(format!("{metric} could not be measured")),
        }
    }

    /// Something that is worth saying.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Something is not as it should be.
    pub(crate) fn fail(&mut self, note: impl Into<String>) {
        self.ok = false;
        self.notes.push(note.into());
    }

    /// For machines: one line.
    pub(crate) fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string(self)?)
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let width = self
            .rows
            .iter()
            .map(|row| row.metric.len())
            .max()
            .unwrap_or_default();
        let mut text = String::new();
        let mut case = "call";
        for row in &self.rows {
            // Writing to a string does not fail.
            if case != row.case {
                case = &row.case;
                let _ = writeln!(text, "{case}:");
            }
            let _ = writeln!(text, "{:width$}  {:>12}  {}", row.metric, row.value, row.unit);
        }
        for note in &self.notes {
            let _ = writeln!(text, "note: {note}");
        }
        let verdict = if self.ok { self.came } else { "not all went well" };
        let _ = writeln!(text, "{verdict}");
        text
    }
}

/// A rank statistic: 0.5 is the median.
pub(crate) fn quantile(values: &[f64], rank: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    sorted
        .get((rank.clamp(0.0, 1.0) * last as f64).round() as usize)
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_get_the_promised_form() {
        let mut report = Report::new();
        report.add("fps_shown", "1/s", Some(29.970_03));
        report.add("rtt_ms", "ms", None);
        assert_eq!(
            report.json().unwrap(),
            r#"{"ok":true,"rows":[{"who":"parley","case":"call","metric":"fps_shown","value":29.97,"unit":"1/s"}],"notes":["rtt_ms could not be measured"]}"#
        );
        report.fail("no picture came");
        assert!(report.json().unwrap().starts_with(r#"{"ok":false"#));
        assert!(report.table().contains("note: no picture came"));
        assert!(report.table().ends_with("not all went well\n"));
    }

    #[test]
    fn nothing_is_said_to_have_come_that_was_not_sent() {
        for (picture, sound, expect) in [
            (true, true, "picture and sound arrived"),
            (true, false, "sent no sound"),
            (false, true, "sent no picture"),
            (false, false, "neither picture nor sound"),
        ] {
            let mut report = Report::new();
            report.expect(picture, sound);
            let table = report.table();
            assert!(table.contains(expect), "{table}");
            assert_eq!(
                table.contains("picture and sound arrived"),
                picture && sound,
                "{table}"
            );
        }
    }

    #[test]
    fn quantiles_are_of_what_is_there() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[3.0, 1.0, 2.0], 0.5), Some(2.0));
        assert_eq!(quantile(&[3.0, 1.0, 2.0], 0.95), Some(3.0));
    }
}
