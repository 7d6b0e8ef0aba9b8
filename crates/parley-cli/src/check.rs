//! `parley-cli check-network`: which ways out of this network work, as lines.

use parley_app::network::{self, Nat, NetworkReport, WaySeen};
use parley_proto::ServerAddress;
use std::fmt::Write as _;

/// Tries them, and gives what is to be printed and whether calls are to be expected to work.
pub(crate) async fn run(server: &ServerAddress) -> (String, bool) {
    let report = network::check_network(server, &network::from_environment()).await;
    (page(&report), report.is_good())
}

fn page(report: &NetworkReport) -> String {
    let mut page = String::new();
    for one in &report.ways {
        let seen = match &one.seen {
            WaySeen::Works(took) => format!("works ({} ms)", took.as_millis()),
            WaySeen::Fails(why) => format!("does not work: {why}"),
            WaySeen::NotOffered => "not offered".to_owned(),
        };
        let to = one.to.as_deref().unwrap_or_default();
        // Writing into a text cannot fail.
        let _ = writeln!(page, "{:<15} {seen:<40} {to}", one.way.name());
    }
    let nat = match report.nat {
        Nat::Unknown => "unknown",
        Nat::None => "none",
        Nat::Keeps => "one port for all destinations",
        Nat::Changes => "another port for each destination (symmetric)",
        Nat::Some => "there is one",
    };
    let _ = writeln!(page, "{:<15} {nat}\n", "NAT");
    for sentence in report.sentences() {
        let _ = writeln!(page, "{sentence}");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_app::network::{Way, WayReport};
    use std::time::Duration;

    #[test]
    fn each_way_is_a_line_and_what_to_do_comes_last() {
        let report = NetworkReport {
            ways: vec![
                WayReport {
                    way: Way::Server,
                    to: Some("https://call.example.org".into()),
                    seen: WaySeen::Works(Duration::from_millis(31)),
                },
                WayReport {
                    way: Way::Udp,
                    to: None,
                    seen: WaySeen::Fails("no answer".into()),
                },
            ],
            nat: Nat::Unknown,
        };
        let page = page(&report);
        let lines: Vec<_> = page.lines().collect();
        assert!(lines[0].starts_with("server          works (31 ms)"), "{page}");
        assert!(lines[0].ends_with("https://call.example.org"), "{page}");
        assert!(lines[1].contains("does not work: no answer"), "{page}");
        assert!(page.contains("A firewall stops UDP."), "{page}");
    }
}
