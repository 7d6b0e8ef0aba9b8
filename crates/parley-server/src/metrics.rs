//! The numbers as Prometheus reads them (text exposition format 0.0.4). Sans-IO.

use crate::counters::Counters;
use crate::sfu::Counts as SfuCounts;
use crate::turn::TurnCounters;
use std::fmt::Write as _;

/// The type of the answer.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// What goes up and down; everything else only up.
const GAUGES: &[&str] = &[
    "rooms",
    "participants",
    "waiting",
    "connections",
    "tcp_open",
    "turn_allocations",
    "sfu_rooms",
    "sfu_connections",
    "sfu_tracks",
    "sfu_streams",
];

/// All of them.
pub(crate) fn text(counters: &Counters, turn: Option<&TurnCounters>, sfu: Option<&SfuCounts>) -> String {
    let mut text = String::new();
    for (name, help, value) in counters.each() {
        line(&mut text, name, help.trim(), value);
    }
    // Their names say what they mean; `turn/counters.rs` and `sfu/counts.rs` say it at length.
    let turn = turn.and_then(|turn| serde_json::to_value(turn).ok());
    part(&mut text, "TURN", "turn", turn.as_ref());
    let sfu = sfu.and_then(|sfu| serde_json::to_value(sfu).ok());
    part(&mut text, "SFU", "sfu", sfu.as_ref());
    text
}

fn part(text: &mut String, title: &str, prefix: &str, numbers: Option<&serde_json::Value>) {
    let numbers = numbers.and_then(|numbers| numbers.as_object());
    for (name, value) in numbers.into_iter().flatten() {
        let help = format!("{title}: {}.", name.replace('_', " "));
        line(
            text,
            &format!("{prefix}_{name}"),
            &help,
            value.as_u64().unwrap_or(0),
        );
    }
}

fn line(text: &mut String, name: &str, help: &str, value: u64) {
    let (kind, end) = if GAUGES.contains(&name) {
        ("gauge", "")
    } else {
        ("counter", "_total")
    };
    let name = format!("parley_{name}{end}");
    // Writing to a text cannot fail.
    let _ = write!(
        text,
        "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_its_name_its_kind_and_its_meaning() {
        let counters = Counters {
            rooms: 3,
            messages: 7,
            removed_for_offences: 1,
            ..Counters::default()
        };
        let turn = TurnCounters {
            allocations: 2,
            junk: 9,
            ..TurnCounters::default()
        };
        let sfu = SfuCounts {
            connections: 4,
            media_out: 5,
            restarts: 6,
            ..SfuCounts::default()
        };
        let text = text(&counters, Some(&turn), Some(&sfu));
        for lines in [
            "# HELP parley_rooms Rooms with somebody in them, now.\n# TYPE parley_rooms gauge\nparley_rooms 3\n",
            "# TYPE parley_messages_total counter\nparley_messages_total 7\n",
            "# TYPE parley_turn_allocations gauge\nparley_turn_allocations 2\n",
            "parley_turn_junk_total 9\n",
            "# TYPE parley_sfu_connections gauge\nparley_sfu_connections 4\n",
            "parley_sfu_media_out_total 5\n",
            "# TYPE parley_sfu_restarts_total counter\nparley_sfu_restarts_total 6\n",
            "parley_removed_for_offences_total 1\n",
        ] {
            assert!(text.contains(lines), "{lines} in\n{text}");
        }
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.split_once(' ').unwrap();
            assert!(
                name.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'),
                "{line}"
            );
            assert!(value.parse::<u64>().is_ok(), "{line}");
        }
        assert!(!super::text(&counters, None, None).contains("parley_turn_allocations"));
    }
}
