//! Whether this machine is still on the networks that a connection was opened on. Pure: the addresses as they stood at
//! moments come in, changes come out.
//!
//! The driver lists the addresses four times a second, which costs a tenth of a millisecond and needs no crate for each
//! system's own word of it.

use super::stats::Pair;
use crate::session::NetworkChange;
use std::net::{IpAddr, SocketAddr};

/// One connection's view of the network.
#[derive(Debug)]
pub(super) struct NetworkWatch {
    bound: Vec<IpAddr>,
    told: NetworkChange,
}

impl NetworkWatch {
    /// For a connection that was opened on these addresses.
    pub(super) fn new(bound: &[SocketAddr]) -> Self {
        Self {
            bound: bound.iter().map(SocketAddr::ip).collect(),
            told: NetworkChange {
                in_use: true,
                reaches_others: true,
                has_more: false,
                better: false,
            },
        }
    }

    /// Looks at the addresses that a connection would bind `now`, and at those `beside` them, which are there too, and by which of
    /// them the system goes `toward` the other side; gives what became of the way in use, if that changed.
    pub(super) fn look(
        &mut self,
        now: &[SocketAddr],
        beside: &[IpAddr],
        pair: Option<&Pair>,
        toward: Option<IpAddr>,
    ) -> Option<NetworkChange> {
        let there = |ip: &IpAddr| beside.contains(ip) || now.iter().any(|address| address.ip() == *ip);
        let usable = now.iter().map(SocketAddr::ip).filter(|ip| !ip.is_loopback());
        let mut others = self.bound.iter().filter(|ip| !ip.is_loopback());
        let in_use = match pair {
            // Nothing goes anywhere yet: something must be left to try.
            None => self.bound.iter().all(IpAddr::is_loopback) || others.any(there),
            Some(pair) if pair.relay_lost => false,
            Some(pair) => match pair.base {
                Some(base) if !pair.over_stream => there(&base),
                // The system chose an address for the stream to a relay, and nobody said which.
                _ => others.all(there),
            },
        };
        let reaches_others = in_use || usable.clone().next().is_some();
        let mut more = usable.filter(|ip| !self.bound.contains(ip));
        let change = NetworkChange {
            in_use,
            reaches_others,
            has_more: more.clone().next().is_some(),
            better: more.any(|ip| toward == Some(ip)),
        };
        (std::mem::replace(&mut self.told, change) != change).then_some(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ice::RelayTransport;

    fn at(texts: &[&str]) -> Vec<SocketAddr> {
        let read = |text: &&str| SocketAddr::new(text.parse().unwrap(), 0);
        texts.iter().map(read).collect()
    }

    fn pair(base: &str, relay: Option<RelayTransport>) -> Pair {
        Pair {
            local: "203.0.113.9:4000".parse().unwrap(),
            remote: "198.51.100.7:5000".parse().unwrap(),
            types: ["host", "host"],
            over_tcp: false,
            relay,
            base: base.parse().ok(),
            over_stream: relay.is_some_and(|relay| relay != RelayTransport::Udp),
            relay_lost: false,
            rtt_ms: None,
        }
    }

    const LOST: NetworkChange = NetworkChange {
        in_use: false,
        reaches_others: false,
        has_more: false,
        better: false,
    };
    const MOVED: NetworkChange = NetworkChange {
        in_use: false,
        reaches_others: true,
        has_more: true,
        better: false,
    };
    /// What is left was there before.
    const LESS: NetworkChange = NetworkChange {
        has_more: false,
        ..MOVED
    };
    /// All is as it was, and there is another network too.
    const MORE: NetworkChange = NetworkChange {
        in_use: true,
        ..MOVED
    };

    #[test]
    fn a_cable_that_is_pulled_is_told_once_and_so_is_what_comes_instead() {
        let mut watch = NetworkWatch::new(&at(&["192.168.1.7", "127.0.0.1"]));
        let pair = pair("192.168.1.7", None);
        assert_eq!(
            watch.look(&at(&["192.168.1.7", "127.0.0.1"]), &[], Some(&pair), None),
            None
        );
        assert_eq!(
            watch.look(&at(&["127.0.0.1"]), &[], Some(&pair), None),
            Some(LOST)
        );
        assert_eq!(watch.look(&at(&["127.0.0.1"]), &[], Some(&pair), None), None);
        let other = at(&["10.0.0.7", "127.0.0.1"]);
        assert_eq!(watch.look(&other, &[], Some(&pair), None), Some(MOVED));
        assert_eq!(watch.look(&other, &[], Some(&pair), None), None);
    }

    #[test]
    fn what_is_not_in_use_may_come_and_go() {
        let mut watch = NetworkWatch::new(&at(&["192.168.1.7", "10.0.0.7", "127.0.0.1"]));
        let used = pair("192.168.1.7", None);
        assert_eq!(
            watch.look(&at(&["192.168.1.7", "127.0.0.1"]), &[], Some(&used), None),
            None
        );
        let more = at(&["192.168.1.7", "fd00::7", "127.0.0.1"]);
        assert_eq!(watch.look(&more, &[], Some(&used), None), Some(MORE));
        assert_eq!(watch.look(&more, &[], Some(&used), None), None);
        let alone = pair("127.0.0.1", None);
        let mut watch = NetworkWatch::new(&at(&["192.168.1.7", "127.0.0.1"]));
        assert_eq!(
            watch.look(&at(&["127.0.0.1"]), &[], Some(&alone), None),
            None,
            "two windows of one machine need no network"
        );
    }

    #[test]
    fn an_address_that_others_push_out_of_the_choice_is_still_there() {
        let mut watch = NetworkWatch::new(&at(&["192.168.1.7", "fd00::7", "127.0.0.1"]));
        let used = pair("fd00::7", None);
        let now = at(&["192.168.1.7", "10.0.0.7", "127.0.0.1"]);
        let beside = ["fd00::7".parse().unwrap()];
        assert_eq!(watch.look(&now, &beside, Some(&used), None), Some(MORE));
        assert_eq!(watch.look(&now, &[], Some(&used), None), Some(MOVED));
    }

    #[test]
    fn a_stream_to_a_relay_may_be_on_any_address() {
        let home = at(&["192.168.1.7", "10.0.0.7", "127.0.0.1"]);
        let tls = pair("127.0.0.1", Some(RelayTransport::Tls));
        let udp = pair("10.0.0.7", Some(RelayTransport::Udp));
        let less = at(&["10.0.0.7", "127.0.0.1"]);
        assert_eq!(
            NetworkWatch::new(&home).look(&less, &[], Some(&tls), None),
            Some(LESS)
        );
        assert_eq!(NetworkWatch::new(&home).look(&less, &[], Some(&udp), None), None);
        let lost = Pair {
            relay_lost: true,
            ..tls
        };
        assert_eq!(
            NetworkWatch::new(&home).look(&home, &[], Some(&lost), None),
            Some(LESS)
        );
    }

    #[test]
    fn before_anything_is_connected_one_address_is_enough() {
        let home = at(&["192.168.1.7", "10.0.0.7", "127.0.0.1"]);
        let mut watch = NetworkWatch::new(&home);
        assert_eq!(watch.look(&at(&["10.0.0.7", "127.0.0.1"]), &[], None, None), None);
        assert_eq!(
            watch.look(&at(&["172.16.0.7", "127.0.0.1"]), &[], None, None),
            Some(MOVED)
        );
        let mut alone = NetworkWatch::new(&at(&["127.0.0.1"]));
        assert_eq!(alone.look(&at(&["127.0.0.1"]), &[], None, None), None);
    }

    #[test]
    fn a_network_that_came_is_better_once_the_system_goes_by_it() {
        let [home, new]: [IpAddr; 2] = ["192.168.1.7", "10.0.0.7"].map(|ip| ip.parse().unwrap());
        let mut watch = NetworkWatch::new(&at(&["192.168.1.7", "127.0.0.1"]));
        let used = pair("192.168.1.7", None);
        let both = at(&["192.168.1.7", "10.0.0.7", "127.0.0.1"]);
        assert_eq!(watch.look(&both, &[], Some(&used), Some(home)), Some(MORE));
        let better = NetworkChange { better: true, ..MORE };
        assert_eq!(watch.look(&both, &[], Some(&used), Some(new)), Some(better));
        assert_eq!(watch.look(&both, &[], Some(&used), Some(new)), None);
        let mut bound = NetworkWatch::new(&both);
        assert_eq!(
            bound.look(&both, &[], Some(&used), Some(new)),
            None,
            "a connection that has both chose between them"
        );
    }
}
