//! Why a call is bad: from the figures of its seconds to findings with evidence, and a timeline of what happened. Sans-IO:
//! one [`Diagnosis::second`] a second, time is an argument.
//!
//! Owned by the engine's task. Two hours of seconds are kept, for the report; older ones are forgotten. A finding begins
//! when its rule holds over its window ([`rules`]), and ends when the rule has not held for [`CALM_S`] seconds: nobody
//! wants to read a sentence that flickers.

mod loudness;
pub mod report;
mod rules;
mod timeline;

use crate::view::{CallState, Finding, FindingCode, InspectorView, StatsSample};
pub use loudness::Loudness;
use rules::{RULES, Rule};
use std::collections::{BTreeMap, VecDeque};
use timeline::Timeline;

/// Seconds that are kept.
const SAMPLES_MAX: usize = 2 * 60 * 60;
/// Of these, the latest with figures of each person: there may be many of them.
const PEOPLE_S: usize = 60;
/// Seconds without its signs after which a finding is over.
const CALM_S: u32 = 5;

/// What the figures do not tell of a second.
#[derive(Debug, Clone, PartialEq)]
pub struct Circumstances {
    /// Milliseconds since 1970.
    pub now_ms: u64,
    /// How far the call is.
    pub state: CallState,
    /// One's own switch.
    pub muted: bool,
    /// One's own microphone is open and not muted.
    pub microphone_on: bool,
    /// One's own camera gives pictures.
    pub camera_on: bool,
    /// The size the camera gives.
    pub captured: Option<(u32, u32)>,
    /// The other people: name, and whether their microphone is on.
    pub people: Vec<(String, bool)>,
    /// The cores of this computer.
    pub cores: u32,
}

/// The memory of one call.
#[derive(Debug, Default)]
pub struct Diagnosis {
    samples: VecDeque<StatsSample>,
    seconds: VecDeque<Circumstances>,
    now: BTreeMap<FindingCode, Current>,
    past: BTreeMap<FindingCode, Finding>,
    timeline: Timeline,
    report: Option<String>,
}

/// A finding that lasts.
#[derive(Debug)]
struct Current {
    finding: Finding,
    calm_s: u32,
}

impl Diagnosis {
    /// Another second of the call.
    pub fn second(&mut self, sample: StatsSample, circumstances: Circumstances) {
        self.timeline.second(&sample, &circumstances);
        if self.samples.len() == SAMPLES_MAX {
            self.samples.pop_front();
            self.seconds.pop_front();
        }
        let now_ms = circumstances.now_ms;
        self.samples.push_back(sample);
        let grown_old = self.samples.len().checked_sub(PEOPLE_S + 1);
        if let Some(old) = grown_old.and_then(|at| self.samples.get_mut(at)) {
            old.people = Vec::new();
        }
        self.seconds.push_back(circumstances);
        for rule in RULES {
            let value = rule.applies(&self.samples, &self.seconds);
            self.judge(rule, value, now_ms);
        }
    }

    /// The call is over: what lasted, lasted until now.
    pub fn end(&mut self, now_ms: u64) {
        let lasting: Vec<FindingCode> = self.now.keys().copied().collect();
        for code in lasting {
            self.close(code, now_ms);
        }
        self.timeline.end(now_ms);
    }

    /// Where the report of this call was saved.
    pub fn saved(&mut self, place: String) {
        self.report = Some(place);
    }

    /// What a window shows.
    #[must_use]
    pub fn view(&self) -> InspectorView {
        let mut findings: Vec<Finding> = self.now.values().map(|current| current.finding.clone()).collect();
        let mut past: Vec<Finding> = self.past.values().cloned().collect();
        // The map is in the order of the codes; what ruins the call comes first.
        findings.sort_by_key(|finding| !finding.bad);
        past.sort_by_key(|finding| !finding.bad);
        InspectorView {
            findings,
            past,
            events: self.timeline.events(),
            report: self.report.clone(),
        }
    }

    /// The seconds that are kept, oldest first.
    pub fn samples(&self) -> impl Iterator<Item = &StatsSample> {
        self.samples.iter()
    }

    /// The same, latest first.
    pub fn latest(&self) -> impl Iterator<Item = &StatsSample> {
        self.samples.iter().rev()
    }

    fn judge(&mut self, rule: &Rule, value: Option<f32>, now_ms: u64) {
        let Some(value) = value else {
            let over = self.now.get_mut(&rule.code).is_some_and(|current| {
                current.calm_s += 1;
                current.calm_s >= CALM_S
            });
            if over {
                self.close(rule.code, now_ms);
            }
            return;
        };
        let bad = rule.is_bad(value);
        let lowered = self.lowered();
        if !self.now.contains_key(&rule.code) {
            self.timeline.trouble(rule.code, true, now_ms);
        }
        let since_ms = now_ms.saturating_sub(u64::from(rule.window_s) * 1000);
        let current = self.now.entry(rule.code).or_insert_with(|| Current {
            finding: Finding {
                code: rule.code,
                bad,
                since_ms,
                until_ms: None,
                value,
                worst: value,
                lowered,
                message: String::new(),
            },
            calm_s: 0,
        });
        current.calm_s = 0;
        let finding = &mut current.finding;
        finding.value = value;
        finding.worst = rule.worse(finding.worst, value);
        finding.bad = bad;
        finding.lowered |= lowered;
        finding.message = rule.sentence(finding);
    }

    fn close(&mut self, code: FindingCode, now_ms: u64) {
        let Some(Current { mut finding, .. }) = self.now.remove(&code) else {
            return;
        };
        finding.until_ms = Some(now_ms);
        self.timeline.trouble(code, false, now_ms);
        let rule = RULES.iter().find(|rule| rule.code == code);
        let earlier = self.past.remove(&code);
        if let (Some(earlier), Some(rule)) = (&earlier, rule) {
            finding.since_ms = earlier.since_ms;
            finding.worst = rule.worse(earlier.worst, finding.worst);
            finding.bad |= earlier.bad;
            finding.lowered |= earlier.lowered;
        }
        self.past.insert(code, finding);
    }

    /// Whether the picture that is sent is smaller than the one the camera gives.
    fn lowered(&self) -> bool {
        let sent = self.samples.back().and_then(|sample| sample.sent_size);
        let captured = self.seconds.back().and_then(|second| second.captured);
        matches!((sent, captured), (Some(sent), Some(captured)) if sent.1 < captured.1)
    }
}

#[cfg(test)]
mod tests;
