//! What was seen of a network, and what follows from it in words. Pure.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A way out of this network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// To the server, for the messages that begin a call.
    Server,
    /// Datagrams: what a direct call needs.
    Udp,
    /// The same over IPv6.
    Ipv6,
    /// To a relay, by datagrams.
    RelayUdp,
    /// To a relay, by a stream.
    RelayTcp,
    /// To a relay, by an encrypted stream.
    RelayTls,
}

impl Way {
    /// Every one, as they are told.
    pub const ALL: [Self; 6] = [
        Self::Server,
        Self::Udp,
        Self::Ipv6,
        Self::RelayUdp,
        Self::RelayTcp,
        Self::RelayTls,
    ];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Udp => "UDP",
            Self::Ipv6 => "IPv6",
            Self::RelayUdp => "relay over UDP",
            Self::RelayTcp => "relay over TCP",
            Self::RelayTls => "relay over TLS",
        }
    }
}

/// What became of trying a way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaySeen {
    /// It works, and took so long.
    Works(Duration),
    /// It does not; why, as far as that can be told.
    Fails(String),
    /// The server offers nothing to try it with.
    NotOffered,
}

/// A way, where it leads, and what was seen of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayReport {
    /// Which.
    pub way: Way,
    /// Where to; the best that was found.
    pub to: Option<String>,
    /// What became of it.
    pub seen: WaySeen,
}

/// What stands between this computer and the internet, as servers see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Nat {
    /// No answer tells.
    #[default]
    Unknown,
    /// Nothing: its own address is seen.
    None,
    /// One that shows the same address to everybody (RFC 4787, 4.1: endpoint-independent mapping).
    Keeps,
    /// One that shows another port to each (address- and port-dependent): two of them let no direct way through.
    Changes,
    /// One of those two; only one server could be asked.
    Some,
}

impl Nat {
    /// What follows from how this machine's socket was seen by servers, each asked from the same port. `own` are its addresses.
    #[must_use]
    pub fn seen(own: &[IpAddr], by: &[SocketAddr]) -> Self {
        let Some(first) = by.first() else {
            return Self::Unknown;
        };
        if own.contains(&first.ip()) {
            return Self::None;
        }
        match by {
            [_] => Self::Some,
            all if all.iter().all(|seen| seen == first) => Self::Keeps,
            _ => Self::Changes,
        }
    }
}

/// What a connection test found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkReport {
    /// Every way, in the order of [`Way::ALL`].
    pub ways: Vec<WayReport>,
    /// The NAT.
    pub nat: Nat,
}

impl NetworkReport {
    fn works(&self, way: Way) -> bool {
        self.seen(way)
            .is_some_and(|seen| matches!(seen, WaySeen::Works(_)))
    }

    fn fails(&self, way: Way) -> bool {
        self.seen(way)
            .is_some_and(|seen| matches!(seen, WaySeen::Fails(_)))
    }

    fn seen(&self, way: Way) -> Option<&WaySeen> {
        self.ways
            .iter()
            .find(|report| report.way == way)
            .map(|report| &report.seen)
    }

    /// Whether calls to people in other networks are to be expected to work.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let relay = [Way::RelayUdp, Way::RelayTcp, Way::RelayTls];
        self.works(Way::Server) && (self.works(Way::Udp) || relay.into_iter().any(|way| self.works(way)))
    }

    /// What it means and what to do, as sentences; the most important first.
    #[must_use]
    pub fn sentences(&self) -> Vec<&'static str> {
        let mut said = Vec::new();
        if !self.works(Way::Server) {
            said.push(
                "The server is not reached, so no call can begin: check its address and your connection.",
            );
            return said;
        }
        let streams = self.works(Way::RelayTcp) || self.works(Way::RelayTls);
        let relays = streams || self.works(Way::RelayUdp);
        match (self.works(Way::Udp), relays) {
            (true, true) => said.push("Calls work, directly or through the relay."),
            (true, false) => said.push("Calls work where a direct way can be found."),
            (false, true) => said.push("Calls work through the relay only, which adds delay."),
            (false, false) => {
                said.push("Picture and sound find no way out of this network.");
            }
        }
        match self.nat {
            Nat::Unknown => {}
            Nat::None => said.push("Nothing stands between this computer and the internet: the best case."),
            Nat::Keeps => said.push("Your router lets direct calls through."),
            Nat::Some => said.push("Your router translates addresses."),
            Nat::Changes => {
                said.push(
                    "Your router uses another port for each destination, so direct calls to people behind such a router fail: those take the relay.",
                );
            }
        }
        if self.fails(Way::Udp) {
            said.push("A firewall stops UDP. To get better calls, have UDP port 3478 to the server opened.");
        }
        if !self.works(Way::Udp) && !relays {
            said.push("Have TCP port 443 to the server opened, or ask whoever runs the server for a relay over TLS.");
        }
        let unoffered = |way| self.seen(way) == Some(&WaySeen::NotOffered);
        if [Way::RelayUdp, Way::RelayTcp, Way::RelayTls]
            .into_iter()
            .all(unoffered)
        {
            said.push("This server offers no relay, so some networks will not reach each other.");
        }
        if !self.works(Way::Ipv6) {
            said.push("There is no IPv6 here, which is no problem.");
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(works: &[Way], not_offered: &[Way], nat: Nat) -> NetworkReport {
        let seen = |way: &Way| {
            if works.contains(way) {
                WaySeen::Works(Duration::from_millis(20))
            } else if not_offered.contains(way) {
                WaySeen::NotOffered
            } else {
                WaySeen::Fails("no answer".into())
            }
        };
        let ways = Way::ALL
            .iter()
            .map(|way| WayReport {
                way: *way,
                to: None,
                seen: seen(way),
            })
            .collect();
        NetworkReport { ways, nat }
    }

    #[test]
    fn nats_are_told_apart_by_two_answers() {
        let own = ["192.168.1.7".parse().unwrap(), "203.0.113.9".parse().unwrap()];
        let check = |by: &[&str], expect| {
            let by: Vec<SocketAddr> = by.iter().map(|seen| seen.parse().unwrap()).collect();
            assert_eq!(Nat::seen(&own, &by), expect, "{by:?}");
        };
        check(&[], Nat::Unknown);
        check(&["203.0.113.9:4000"], Nat::None);
        check(&["198.51.100.1:4000"], Nat::Some);
        check(&["198.51.100.1:4000", "198.51.100.1:4000"], Nat::Keeps);
        check(&["198.51.100.1:4000", "198.51.100.1:4001"], Nat::Changes);
        check(&["198.51.100.1:4000", "198.51.100.2:4000"], Nat::Changes);
    }

    #[test]
    fn a_good_network_is_called_good() {
        let report = report(&Way::ALL, &[], Nat::Keeps);
        assert!(report.is_good());
        assert_eq!(
            report.sentences(),
            [
                "Calls work, directly or through the relay.",
                "Your router lets direct calls through."
            ]
        );
    }

    #[test]
    fn where_only_pages_pass_the_relay_is_named_and_what_to_open() {
        let report = report(&[Way::Server, Way::RelayTls], &[], Nat::Unknown);
        assert!(report.is_good());
        let said = report.sentences();
        assert_eq!(said[0], "Calls work through the relay only, which adds delay.");
        assert!(said[1].contains("UDP port 3478"), "{said:?}");
    }

    #[test]
    fn where_nothing_passes_it_is_said_what_would_help() {
        let relays = [Way::RelayUdp, Way::RelayTcp, Way::RelayTls];
        let shut = report(&[Way::Server], &relays, Nat::Unknown);
        assert!(!shut.is_good());
        let said = shut.sentences();
        assert!(said.iter().any(|one| one.contains("TCP port 443")), "{said:?}");
        assert!(said.iter().any(|one| one.contains("offers no relay")), "{said:?}");
        let alone = report(&[], &relays, Nat::Unknown);
        assert_eq!(
            alone.sentences().len(),
            1,
            "without the server nothing else can be known"
        );
    }
}
