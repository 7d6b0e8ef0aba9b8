//! The connection test of the settings: runs beside everything else, one at a time, and its findings are part of the state.

use crate::network;
use crate::view::{NetworkCheckView, NetworkWay, NetworkWayView};
use parley_call::NetworkOptions;
use parley_call::check::{NetworkReport, Way, WayReport, WaySeen};
use parley_proto::ServerAddress;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// See the module.
#[derive(Debug)]
pub(super) struct NetworkCheck {
    found: watch::Sender<NetworkCheckView>,
    news: watch::Receiver<NetworkCheckView>,
    task: Option<AbortHandle>,
}

impl Default for NetworkCheck {
    fn default() -> Self {
        let (found, news) = watch::channel(NetworkCheckView::default());
        Self {
            found,
            news,
            task: None,
        }
    }
}

impl Drop for NetworkCheck {
    fn drop(&mut self) {
        self.stop();
    }
}

impl NetworkCheck {
    /// Begins a test against a server, in the place of one that runs.
    #[expect(
        clippy::disallowed_methods,
        reason = "driver: one task, ends by itself within seconds"
    )]
    pub(super) fn start(&mut self, server: ServerAddress, options: NetworkOptions) {
        self.stop();
        self.found.send_replace(NetworkCheckView {
            running: true,
            ..NetworkCheckView::default()
        });
        let found = self.found.clone();
        let testing = async move {
            let report = network::check_network(&server, &options).await;
            found.send_replace(view(&report));
        };
        self.task = Some(tokio::spawn(testing).abort_handle());
    }

    /// Returns when there is something new. Cancel safe.
    pub(super) async fn changed(&mut self) {
        // This side holds the sender too, so it never ends.
        let _ = self.news.changed().await;
    }

    pub(super) fn view(&self) -> NetworkCheckView {
        self.found.borrow().clone()
    }

    fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

fn view(report: &NetworkReport) -> NetworkCheckView {
    NetworkCheckView {
        running: false,
        ways: report.ways.iter().map(way).collect(),
        sentences: report.sentences().into_iter().map(str::to_owned).collect(),
    }
}

fn way(report: &WayReport) -> NetworkWayView {
    let (works, ms) = match &report.seen {
        WaySeen::Works(took) => (Some(true), u32::try_from(took.as_millis()).ok()),
        WaySeen::Fails(_) => (Some(false), None),
        WaySeen::NotOffered => (None, None),
    };
    let way = match report.way {
        Way::Server => NetworkWay::Server,
        Way::Udp => NetworkWay::Udp,
        Way::Ipv6 => NetworkWay::Ipv6,
        Way::RelayUdp => NetworkWay::RelayUdp,
        Way::RelayTcp => NetworkWay::RelayTcp,
        Way::RelayTls => NetworkWay::RelayTls,
    };
    NetworkWayView { way, works, ms }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sentences::is_known;
    use parley_call::check::Nat;
    use std::time::Duration;

    #[test]
    fn everything_a_test_may_say_can_be_said_in_every_language() {
        let seen = [
            WaySeen::Works(Duration::from_millis(30)),
            WaySeen::Fails("no answer".into()),
            WaySeen::NotOffered,
        ];
        let nats = [Nat::Unknown, Nat::None, Nat::Keeps, Nat::Changes, Nat::Some];
        // All combinations of six ways and three outcomes.
        for number in 0..3usize.pow(6) {
            let ways = Way::ALL.iter().enumerate().map(|(at, way)| WayReport {
                way: *way,
                to: None,
                seen: seen[number / 3usize.pow(at as u32) % 3].clone(),
            });
            let ways: Vec<_> = ways.collect();
            for nat in nats {
                let report = NetworkReport {
                    ways: ways.clone(),
                    nat,
                };
                for sentence in view(&report).sentences {
                    assert!(is_known(&sentence), "{sentence}");
                }
            }
        }
    }

    #[tokio::test]
    async fn a_test_tells_that_it_runs_and_then_what_it_found() {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = gone.local_addr().unwrap().port();
        drop(gone);
        let mut check = NetworkCheck::default();
        let server = ServerAddress::new(false, "127.0.0.1", port).unwrap();
        check.start(server, NetworkOptions::default());
        assert!(check.view().running);
        while check.view().running {
            check.changed().await;
        }
        let view = check.view();
        assert_eq!(view.ways.len(), Way::ALL.len());
        assert_eq!(view.ways[0].works, Some(false));
        assert_eq!(view.sentences.len(), 1);
    }
}
