//! All relays behind streams of one connection, and what is known of better ways. A driver.

use super::bridge::{Bridge, BridgePlan, BridgeState};
use super::probe;
use super::proxy::Proxy;
use super::start::{self, Better};
use crate::ice::{HostPort, IceServer, RelayTransport, TurnServer};
use crate::trust;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// The bridges of one connection. Everything of it ends when dropped.
#[derive(Debug)]
pub(crate) struct Relays {
    bridges: Vec<Bridge>,
    better: watch::Sender<Better>,
    probe: Option<AbortHandle>,
}

/// A relay that the library is to be told of: where it finds it, and what opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bridged {
    /// On this machine.
    pub(crate) at: HostPort,
    /// Whom it leads to.
    pub(crate) server: TurnServer,
}

impl Relays {
    /// Makes a bridge for each relay that needs one. `local` is what the library binds; nothing is asked of a relay before
    /// the library asks.
    pub(crate) async fn open(
        servers: &[IceServer],
        local: &[SocketAddr],
        proxy: Option<&Proxy>,
    ) -> (Self, Vec<Bridged>) {
        let (better, known) = watch::channel(Better::Unknown);
        let mut relays = Self {
            bridges: Vec::new(),
            better,
            probe: None,
        };
        let streams: Vec<&TurnServer> = servers
            .iter()
            .filter_map(IceServer::turn)
            .filter(|turn| turn.transport != RelayTransport::Udp)
            .collect();
        let Some(ip) = address(local).filter(|_| !streams.is_empty()) else {
            return (relays, Vec::new());
        };
        let order = start::order(streams.iter().map(|turn| turn.transport));
        let mut bridged = Vec::new();
        for (server, before) in streams.into_iter().zip(order) {
            let tls = match server.transport {
                RelayTransport::Tls => trust::trusted().await,
                RelayTransport::Udp | RelayTransport::Tcp => None,
            };
            let plan = BridgePlan {
                server: server.clone(),
                tls,
                proxy: proxy.cloned(),
                before,
            };
            let opened = Bridge::open(ip, plan, known.clone()).await;
            match opened.map(|bridge| (here(&bridge), bridge)) {
                Ok((Some(at), bridge)) => {
                    relays.bridges.push(bridge);
                    let server = server.clone();
                    bridged.push(Bridged { at, server });
                }
                Ok((None, _)) => {}
                Err(error) => tracing::warn!(%error, ?server, "no bridge to a relay"),
            }
        }
        relays.look_for_udp(servers);
        (relays, bridged)
    }

    /// Asks the first relay that is said to be there over UDP. Without one, streams are the only way to a relay, and nothing is
    /// worth waiting for.
    #[expect(clippy::disallowed_methods, reason = "driver: ends by itself within seconds")]
    fn look_for_udp(&mut self, servers: &[IceServer]) {
        let on_udp = |server: &&IceServer| {
            server
                .turn()
                .is_some_and(|turn| turn.transport == RelayTransport::Udp)
        };
        let Some(server) = servers.iter().find(on_udp).map(|server| server.at().clone()) else {
            return;
        };
        let better = self.better.clone();
        let asking = async move {
            if probe::answers(&server).await.is_some() {
                better.send_if_modified(|known| {
                    let news = *known == Better::Unknown;
                    if news {
                        *known = Better::UdpAnswers;
                    }
                    news
                });
            }
        };
        self.probe = Some(tokio::spawn(asking).abort_handle());
    }

    /// The call stands: streams that were not opened yet are not needed.
    pub(crate) fn rest(&self) {
        self.better.send_replace(Better::Found);
    }

    /// The call does not stand any more: what was known of better ways is old.
    pub(crate) fn look_again(&self) {
        self.better.send_if_modified(|known| {
            let stood = *known == Better::Found;
            if stood {
                *known = Better::Unknown;
            }
            stood
        });
    }

    /// How the relay behind a bridge is reached, by what the library calls it.
    pub(crate) fn transport_of(&self, url: &str) -> Option<RelayTransport> {
        self.bridge(url).map(Bridge::transport)
    }

    /// Whether the relay that the library calls so was lost with its stream.
    pub(crate) fn has_lost(&self, url: &str) -> bool {
        self.bridge(url)
            .is_some_and(|bridge| *bridge.state().borrow() == BridgeState::Ended)
    }

    fn bridge(&self, url: &str) -> Option<&Bridge> {
        let place = url.strip_prefix("turn:")?;
        let place = place.split_once('?').map_or(place, |(place, _)| place);
        let at: SocketAddr = place.parse().ok()?;
        self.bridges.iter().find(|bridge| bridge.address() == at)
    }

    /// What was thrown away or failed, by name; all bridges together.
    pub(crate) fn counted(&self) -> Vec<(&'static str, u64)> {
        let sum = |of: fn(&Bridge) -> &AtomicU64| -> u64 {
            self.bridges
                .iter()
                .map(|bridge| of(bridge).load(Ordering::Relaxed))
                .sum()
        };
        let counted = [
            ("relay_queue_full", sum(|bridge| &bridge.counters().queue_full)),
            ("relay_refused", sum(|bridge| &bridge.counters().refused)),
            ("relay_failures", sum(|bridge| &bridge.counters().failures)),
        ];
        counted.into_iter().filter(|(_, count)| *count > 0).collect()
    }
}

impl Drop for Relays {
    fn drop(&mut self) {
        if let Some(probe) = &self.probe {
            probe.abort();
        }
    }
}

fn here(bridge: &Bridge) -> Option<HostPort> {
    let at = bridge.address();
    HostPort::new(&at.ip().to_string(), at.port())
}

/// Where bridges are: loopback, which every system lets a socket on loopback reach and which no network change takes away;
/// without a socket there, an address that the library binds, for a socket reaches its own address everywhere.
fn address(local: &[SocketAddr]) -> Option<IpAddr> {
    let addresses = || local.iter().map(SocketAddr::ip);
    addresses()
        .find(IpAddr::is_loopback)
        .or_else(|| addresses().find(IpAddr::is_ipv4))
        .or_else(|| addresses().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(urls: &[&str]) -> Vec<IceServer> {
        let read = |url: &&str| IceServer::read(url, Some("ada"), Some("x")).unwrap();
        urls.iter().map(read).collect()
    }

    #[test]
    fn bridges_are_where_the_librarys_sockets_reach_them() {
        let chosen = |local: &[&str]| {
            let local: Vec<SocketAddr> = local.iter().map(|at| at.parse().unwrap()).collect();
            address(&local).map(|ip| ip.to_string())
        };
        assert_eq!(
            chosen(&["192.168.1.7:0", "[fd00::7]:0", "127.0.0.1:0"]).as_deref(),
            Some("127.0.0.1")
        );
        assert_eq!(
            chosen(&["[fd00::7]:0", "10.0.0.7:0"]).as_deref(),
            Some("10.0.0.7")
        );
        assert_eq!(chosen(&["[fd00::7]:0"]).as_deref(), Some("fd00::7"));
        assert_eq!(chosen(&[]), None);
    }

    #[tokio::test]
    async fn each_relay_behind_a_stream_gets_a_bridge_and_others_none() {
        let servers = servers(&[
            "stun:127.0.0.1:9",
            "turn:127.0.0.1:9",
            "turns:relay.example.org:443",
            "turn:127.0.0.1:9?transport=tcp",
        ]);
        let local = ["127.0.0.1:0".parse().unwrap()];
        let (relays, bridged) = Relays::open(&servers, &local, None).await;
        let transports: Vec<_> = bridged
            .iter()
            .map(|one| {
                relays
                    .transport_of(&format!("turn:{}?transport=udp", one.at))
                    .unwrap()
            })
            .collect();
        assert_eq!(transports, [RelayTransport::Tls, RelayTransport::Tcp]);
        assert_eq!(bridged[0].server.at.to_string(), "relay.example.org:443");
        assert_eq!(relays.transport_of("turn:127.0.0.1:9?transport=udp"), None);
        assert!(relays.counted().is_empty());
        let (none, bridged) = Relays::open(&servers[..2], &local, None).await;
        assert!(bridged.is_empty() && none.bridges.is_empty());
    }

    #[tokio::test]
    async fn a_call_that_stands_no_more_looks_for_streams_again() {
        let (relays, _) = Relays::open(&[], &[], None).await;
        relays.better.send_replace(Better::UdpAnswers);
        relays.look_again();
        assert_eq!(*relays.better.borrow(), Better::UdpAnswers, "it stood not yet");
        relays.rest();
        relays.look_again();
        assert_eq!(*relays.better.borrow(), Better::Unknown);
    }
}
