//! The report of a call for somebody who is to help: figures, findings and events as JSON and as a page to read, without
//! addresses, names, ids or links. Pure: gives texts, writes nothing.

use super::Diagnosis;
use crate::view::{EventCode, Finding, InspectorView, StatsSample};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

/// What is written down.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The version of Parley.
    version: String,
    /// The operating system.
    system: String,
    /// When it was made, in milliseconds since 1970.
    made_ms: u64,
    /// Everything that was wrong, worst first.
    findings: Vec<Finding>,
    /// What happened.
    events: Vec<ReportedEvent>,
    /// The seconds of the call.
    samples: Vec<StatsSample>,
}

#[derive(Debug, Serialize)]
struct ReportedEvent {
    at_ms: u64,
    code: EventCode,
    detail: Option<String>,
}

/// The six graphs of the page: title, unit, figure, and a second one to compare with.
type Graph = (
    &'static str,
    &'static str,
    fn(&StatsSample) -> f32,
    Option<fn(&StatsSample) -> f32>,
);

const GRAPHS: &[Graph] = &[
    (
        "Sent and received",
        "kbit/s",
        |s| s.sent_kbps as f32,
        Some(|s| s.received_kbps as f32),
    ),
    (
        "Lost on the way there and here",
        "%",
        |s| s.loss_out_pct,
        Some(|s| s.loss_in_pct),
    ),
    (
        "Round trip, jitter",
        "ms",
        |s| s.rtt_ms.unwrap_or(0.0),
        Some(|s| s.jitter_ms),
    ),
    (
        "Pictures a second, sent and received",
        "",
        |s| s.fps_sent,
        Some(|s| s.fps_received),
    ),
    (
        "Encoding and decoding a picture",
        "ms",
        |s| s.encode_ms.unwrap_or(0.0),
        Some(|s| s.decode_ms.unwrap_or(0.0)),
    ),
    (
        "Processor (100 % is one core)",
        "%",
        |s| s.cpu_pct.unwrap_or(0.0),
        None,
    ),
];

impl Report {
    /// Of a call, made at this moment (milliseconds since 1970).
    #[must_use]
    pub fn of(diagnosis: &Diagnosis, version: &str, made_ms: u64) -> Self {
        let InspectorView {
            findings,
            past,
            events,
            ..
        } = diagnosis.view();
        let (mut names, mut ids) = (BTreeMap::new(), BTreeMap::new());
        Self {
            version: version.to_owned(),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            made_ms,
            findings: findings.into_iter().chain(past).collect(),
            events: events
                .into_iter()
                .map(|event| ReportedEvent {
                    at_ms: event.at_ms,
                    code: event.code,
                    detail: match event.code {
                        EventCode::PersonCame | EventCode::PersonLeft => {
                            event.detail.map(|name| nameless(&mut names, name))
                        }
                        _ => event.detail,
                    },
                })
                .collect(),
            samples: diagnosis
                .samples()
                .cloned()
                .map(|sample| redacted(sample, &mut ids))
                .collect(),
        }
    }

    /// For machines.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// For people: one page that needs nothing else.
    #[must_use]
    pub fn html(&self) -> String {
        let mut page = String::from(HEAD);
        let _ = write!(
            page,
            "<h1>Parley call report</h1><p>Parley {} on {}, {} UTC, {} seconds. Addresses and names were taken out.</p>",
            escaped(&self.version),
            escaped(&self.system),
            when(self.made_ms),
            self.samples.len()
        );
        self.findings_into(&mut page);
        page.push_str("<h2>Figures</h2>");
        for graph in GRAPHS {
            graph_into(&mut page, graph, &self.samples);
        }
        self.events_into(&mut page);
        self.last_second_into(&mut page);
        page.push_str("</body></html>\n");
        page
    }

    fn findings_into(&self, page: &mut String) {
        page.push_str("<h2>What was wrong</h2>");
        if self.findings.is_empty() {
            page.push_str("<p>Nothing was found.</p>");
            return;
        }
        page.push_str("<table><tr><th>What</th><th>From</th><th>To</th><th>Worst</th></tr>");
        for finding in &self.findings {
            let until = finding.until_ms.map_or_else(|| "still".to_owned(), when);
            let _ = write!(
                page,
                "<tr{}><td>{}</td><td>{}</td><td>{until}</td><td>{:.0}</td></tr>",
                if finding.bad { " class=\"bad\"" } else { "" },
                escaped(&finding.message),
                when(finding.since_ms),
                finding.worst,
            );
        }
        page.push_str("</table>");
    }

    fn events_into(&self, page: &mut String) {
        page.push_str("<h2>What happened</h2><table>");
        for event in &self.events {
            let code = serde_json::to_value(event.code).ok();
            let code = code
                .as_ref()
                .and_then(|code| code.as_str())
                .unwrap_or_default()
                .replace('_', " ");
            let detail = escaped(event.detail.as_deref().unwrap_or_default());
            let _ = write!(
                page,
                "<tr><td>{}</td><td>{code}</td><td>{detail}</td></tr>",
                when(event.at_ms)
            );
        }
        page.push_str("</table>");
    }

    fn last_second_into(&self, page: &mut String) {
        let Some(last) = self.samples.last() else { return };
        page.push_str("<h2>The last second</h2><table>");
        let pair = last.pair.as_ref().map_or_else(String::new, |pair| {
            let over = pair
                .over()
                .map_or_else(String::new, |over| format!(" over {over}"));
            format!(
                "{} ({}{over}) to {} ({})",
                pair.own, pair.own_type, pair.other, pair.other_type
            )
        });
        let _ = write!(
            page,
            "<tr><td>way</td><td>{}</td></tr><tr><td>codecs</td><td>{}</td></tr>",
            escaped(&pair),
            escaped(&last.codecs.join(", "))
        );
        for (name, count) in &last.drops {
            let _ = write!(
                page,
                "<tr><td>{}</td><td>{count}</td></tr>",
                escaped(&name.replace('_', " "))
            );
        }
        page.push_str("</table>");
    }
}

const HEAD: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Parley call report</title><style>\
body{font:15px/1.45 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#12161c;background:#fff}\
table{border-collapse:collapse}td,th{text-align:left;padding:.2em 1em .2em 0;vertical-align:top}.bad td{color:#b02522}\
figure{margin:1em 0}figcaption{color:#566173}svg{width:100%;height:120px;background:#f6f7f9}\
.one{fill:none;stroke:#2f64e0;stroke-width:2}.two{fill:none;stroke:#127a4f;stroke-width:2}\
@media(prefers-color-scheme:dark){body{color:#edf1f7;background:#0d0f13}svg{background:#161a21}.bad td{color:#f0524f}}\
</style></head><body>";

/// Width and height of a graph in its own units.
const WIDE: f32 = 720.0;
const HIGH: f32 = 120.0;

fn graph_into(page: &mut String, (title, unit, one, two): &Graph, samples: &[StatsSample]) {
    let figures = |figure: &fn(&StatsSample) -> f32| samples.iter().map(figure).collect::<Vec<f32>>();
    let lines: Vec<Vec<f32>> = std::iter::once(one).chain(two.iter()).map(figures).collect();
    let top = lines.iter().flatten().copied().fold(1.0_f32, f32::max);
    let _ = write!(
        page,
        "<figure><figcaption>{title}; up to {top:.0} {unit}</figcaption><svg viewBox=\"0 0 {WIDE} {HIGH}\" preserveAspectRatio=\"none\">"
    );
    for (class, line) in ["one", "two"].iter().zip(&lines) {
        let step = WIDE / (line.len().max(2) - 1) as f32;
        let _ = write!(page, "<polyline class=\"{class}\" points=\"");
        for (at, value) in line.iter().enumerate() {
            let _ = write!(
                page,
                "{:.1},{:.1} ",
                at as f32 * step,
                HIGH - value / top * (HIGH - 4.0) - 2.0
            );
        }
        page.push_str("\"/>");
    }
    page.push_str("</svg></figure>");
}

/// The same person has the same number throughout.
fn nameless(names: &mut BTreeMap<String, usize>, name: String) -> String {
    let next = names.len() + 1;
    format!("person {}", names.entry(name).or_insert(next))
}

fn redacted(mut sample: StatsSample, ids: &mut BTreeMap<String, usize>) -> StatsSample {
    sample.path = None;
    for person in &mut sample.people {
        let next = ids.len() + 1;
        let number = *ids.entry(std::mem::take(&mut person.id)).or_insert(next);
        person.id = number.to_string();
    }
    if let Some(pair) = &mut sample.pair {
        pair.own = kind_of(&pair.own).to_owned();
        pair.other = kind_of(&pair.other).to_owned();
    }
    sample
}

/// What may be told of an address.
fn kind_of(address: &str) -> &'static str {
    let ip = address.parse::<SocketAddr>().map(|address| address.ip());
    match ip.map(|ip| ip.to_canonical()) {
        Err(_) => "an address",
        Ok(ip) if ip.is_loopback() => "this computer",
        Ok(IpAddr::V4(ip)) if ip.is_private() || ip.is_link_local() => "private IPv4",
        Ok(IpAddr::V4(_)) => "public IPv4",
        Ok(IpAddr::V6(ip)) if ip.is_unique_local() || ip.is_unicast_link_local() => "private IPv6",
        Ok(IpAddr::V6(_)) => "public IPv6",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

/// A moment in UTC as people write it.
fn when(ms: u64) -> String {
    let (date, time) = date_time(ms);
    format!("{date} {time}")
}

/// A moment in UTC, as a date and a time of day.
pub(crate) fn date_time(ms: u64) -> (String, String) {
    let seconds = ms / 1000;
    let (year, month, day) = civil(seconds / 86_400);
    let of_day = seconds % 86_400;
    (
        format!("{year:04}-{month:02}-{day:02}"),
        format!("{:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60),
    )
}

/// The Gregorian date of a day since 1970, by counting in eras of 400 years that begin in March, so that the leap day is
/// the last of its year.
const fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + (month <= 2) as u64;
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        for (ms, date, time) in [
            (0, "1970-01-01", "00:00:00"),
            (951_782_399_000, "2000-02-28", "23:59:59"),
            (951_782_400_000, "2000-02-29", "00:00:00"),
            (1_795_348_800_000, "2026-11-22", "12:00:00"),
            (4_107_542_400_000, "2100-03-01", "00:00:00"),
        ] {
            assert_eq!(date_time(ms), (date.to_owned(), time.to_owned()), "{ms}");
        }
    }

    #[test]
    fn of_an_address_only_its_kind_is_told() {
        for (address, kind) in [
            ("127.0.0.1:5000", "this computer"),
            ("192.168.1.20:7788", "private IPv4"),
            ("203.0.113.7:443", "public IPv4"),
            ("[2001:db8::1]:443", "public IPv6"),
            ("[fe80::1]:443", "private IPv6"),
            ("[::ffff:10.0.0.1]:1", "private IPv4"),
            ("ada.local:1", "an address"),
        ] {
            assert_eq!(kind_of(address), kind, "{address}");
        }
    }
}
