//! Figures of each of the others, for calls of three and more: names, pictures and sound that came. Sans-IO.

use crate::looks::Looked;
use crate::report::Report;
use crate::watch::Seen;
use parley_app::endpoint::{CallSnapshot, Endpoint};
use parley_proto::ParticipantId;
use std::collections::BTreeMap;

/// Everybody who was there.
#[derive(Debug, Default)]
pub(crate) struct People {
    known: BTreeMap<ParticipantId, Known>,
    /// At once, at most.
    most: usize,
}

#[derive(Debug, Default)]
struct Known {
    name: String,
    /// In the order in which they came.
    number: usize,
    /// Packets of their sound.
    sound_received: u64,
    /// What was invented of it, percent, in each second.
    concealed_pct: Vec<f32>,
}

impl People {
    /// A new snapshot.
    pub(crate) fn call(&mut self, call: &CallSnapshot) {
        self.most = self.most.max(call.people.len());
        for person in &call.people {
            let number = self.known.len() + 1;
            let known = self.known.entry(person.id).or_insert_with(|| Known {
                number,
                ..Known::default()
            });
            known.name.clone_from(&person.name);
        }
    }

    /// Another second.
    pub(crate) fn second(&mut self, endpoint: &Endpoint) {
        for heard in endpoint
            .sound_status()
            .into_iter()
            .flat_map(|sound| sound.participants)
        {
            if let Some(known) = self.known.get_mut(&heard.id) {
                known.sound_received = heard.counters.received;
                known.concealed_pct.push(heard.concealed_pct);
            }
        }
    }

    /// Adds what came of each, where there was more than one: a case each, `person 1` for whoever came first.
    pub(crate) fn report(&self, looked: &Looked, report: &mut Report) {
        if self.most < 2 {
            return;
        }
        report.add("people", "1", Some(self.most as f64));
        let mut known: Vec<_> = self.known.iter().collect();
        known.sort_by_key(|(_, known)| known.number);
        for (who, known) in known {
            let case = format!("person {}", known.number);
            report.note(format!("{case} is {}", known.name));
            let mut add = |metric, unit, value| report.add_to(&case, metric, unit, value);
            picture(looked.people.get(who), &mut add);
            add("sound_packets", "1", Some(known.sound_received as f64));
            if !known.concealed_pct.is_empty() {
                let sum: f32 = known.concealed_pct.iter().sum();
                let mean = sum / known.concealed_pct.len() as f32;
                add("concealed_pct", "%", Some(mean.into()));
            }
        }
    }
}

fn picture(seen: Option<&Seen>, add: &mut impl FnMut(&'static str, &'static str, Option<f64>)) {
    let figures = seen.map(|seen| seen.figures).unwrap_or_default();
    add("pictures_shown", "1", Some(figures.shown as f64));
    let Some(seen) = seen.filter(|_| figures.shown > 0) else {
        return;
    };
    add("width", "px", seen.size.map(|(width, _)| width.into()));
    add("height", "px", seen.size.map(|(_, height)| height.into()));
    add("fps_shown", "1/s", Some(figures.fps.into()));
    add("pictures_missing", "1", Some(figures.missing as f64));
    add("gap_ms_max", "ms", Some(figures.gap_ms_max.into()));
    // Only the pattern carries a clock.
    for (metric, latency) in [
        ("picture_latency_ms_p50", figures.latency_p50_ms),
        ("picture_latency_ms_p95", figures.latency_p95_ms),
    ] {
        if let Some(latency) = latency {
            add(metric, "ms", Some(latency.into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_app::endpoint::PersonSnapshot;

    fn person(number: u8) -> PersonSnapshot {
        PersonSnapshot {
            media_told: true,
            ..PersonSnapshot::new(
                ParticipantId::from_bytes([number; 16]),
                format!("Person {number}"),
            )
        }
    }

    #[test]
    fn where_there_were_several_each_has_a_case_of_its_own_in_the_order_in_which_they_came() {
        let mut people = People::default();
        let mut call = CallSnapshot::new();
        call.people = vec![person(9)];
        people.call(&call);
        let mut alone = Report::new();
        people.report(&Looked::default(), &mut alone);
        assert!(
            alone.rows.is_empty() && alone.notes.is_empty(),
            "a call of two reads as ever"
        );

        call.people = vec![person(3), person(9)];
        people.call(&call);
        let mut looked = Looked::default();
        let mut seen = Seen {
            size: Some((320, 180)),
            ..Seen::default()
        };
        seen.figures.shown = 30;
        looked.people.insert(person(9).id, seen);
        let mut report = Report::new();
        people.report(&looked, &mut report);
        assert_eq!(report.notes, ["person 1 is Person 9", "person 2 is Person 3"]);
        let json = report.json().unwrap();
        for row in [
            r#"{"who":"parley","case":"call","metric":"people","value":2.0,"unit":"1"}"#,
            r#"{"who":"parley","case":"person 1","metric":"width","value":320.0,"unit":"px"}"#,
            r#"{"who":"parley","case":"person 2","metric":"pictures_shown","value":0.0,"unit":"1"}"#,
        ] {
            assert!(json.contains(row), "{row} in {json}");
        }
        assert!(report.ok);
    }
}
