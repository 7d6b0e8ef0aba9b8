//! A network address translator as RFC 4787 describes them: packets with times in, translated packets or nothing out. Sans-IO.
//!
//! What it is like is two words: what a mapping depends on (section 4.1), and what the filter looks at (section 5). The old
//! names (RFC 3489) are combinations of them, see [`super::Access`]. TCP is mapped by the inner end alone and let in only from
//! where a stream leads, whatever UDP gets (RFC 5382).

use super::packet::{Carried, Flow, Packet};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

/// A mapping that nothing went out through for so long is gone (RFC 4787, REQ-5: two minutes at least).
const UDP_LIFETIME: Duration = Duration::from_secs(120);
/// The same for streams (RFC 5382, REQ-5).
const TCP_LIFETIME: Duration = Duration::from_secs(2 * 3600 + 4 * 60);
/// More mappings than this are refused.
const MAPPINGS_MAX: usize = 2_048;
/// Others that one mapping lets in; more are refused.
const LET_IN_MAX: usize = 1_024;
/// The outer ports that are given out, none of them that of the inner end.
const PORTS_FROM: u16 = 20_000;
const PORTS: u16 = 20_000;
/// From one port to the next one given out: no other port may be guessed from one (coprime to [`PORTS`]).
const PORTS_STEP: u16 = 7_919;

/// What of the other end matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dependence {
    /// Nothing.
    EndpointIndependent,
    /// Its address.
    AddressDependent,
    /// Its address and its port.
    AddressAndPortDependent,
}

impl Dependence {
    /// The other end without what does not matter.
    const fn scope(self, other: SocketAddrV4) -> SocketAddrV4 {
        match self {
            Self::EndpointIndependent => SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0),
            Self::AddressDependent => SocketAddrV4::new(*other.ip(), 0),
            Self::AddressAndPortDependent => other,
        }
    }
}

/// What becomes of UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behaviour {
    /// What a new outer port is taken for.
    pub mapping: Dependence,
    /// Who must have been written to before they are let in.
    pub filtering: Dependence,
}

impl Behaviour {
    const TCP: Self = Self {
        mapping: Dependence::EndpointIndependent,
        filtering: Dependence::AddressAndPortDependent,
    };
}

/// What was not translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NatCounters {
    /// Came from outside, unasked.
    pub unsolicited: u64,
    /// Wanted a mapping, or an entry of its filter, when there were too many.
    pub full: u64,
}

/// One NAT with one outer address.
#[derive(Debug)]
pub struct Nat {
    outer: Ipv4Addr,
    udp: Behaviour,
    mappings: HashMap<Inner, Mapping>,
    /// By kind and outer port.
    by_port: HashMap<(Carried, u16), Inner>,
    ports_given: u16,
    counters: NatCounters,
}

/// What has a mapping: an inner end, and what of the other one matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Inner {
    carried: Carried,
    end: SocketAddrV4,
    scope: SocketAddrV4,
}

#[derive(Debug)]
struct Mapping {
    port: u16,
    used: Instant,
    /// Whom the filter lets in, and when they were last written to.
    let_in: HashMap<SocketAddrV4, Instant>,
}

impl Nat {
    /// A NAT that the internet sees at `outer`.
    #[must_use]
    pub fn new(outer: Ipv4Addr, udp: Behaviour) -> Self {
        Self {
            outer,
            udp,
            mappings: HashMap::new(),
            by_port: HashMap::new(),
            ports_given: 0,
            counters: NatCounters::default(),
        }
    }

    /// A packet on its way out, as the internet gets it.
    pub fn outward(&mut self, now: Instant, mut packet: Packet) -> Option<Packet> {
        let flow = packet.flow();
        let behaviour = self.behaviour(flow.carried);
        let inner = Inner {
            carried: flow.carried,
            end: flow.from,
            scope: behaviour.mapping.scope(flow.to),
        };
        let Some(port) = self.port(now, inner, behaviour.filtering.scope(flow.to)) else {
            self.counters.full += 1;
            return None;
        };
        packet.set_from(SocketAddrV4::new(self.outer, port));
        Some(packet)
    }

    /// A packet from outside, as the inner end gets it.
    pub fn inward(&mut self, now: Instant, mut packet: Packet) -> Option<Packet> {
        let Some(end) = self.inner_end(now, packet.flow()) else {
            self.counters.unsolicited += 1;
            return None;
        };
        packet.set_to(end);
        Some(packet)
    }

    /// What was not translated so far.
    #[must_use]
    pub const fn counters(&self) -> NatCounters {
        self.counters
    }

    const fn behaviour(&self, carried: Carried) -> Behaviour {
        match carried {
            Carried::Udp => self.udp,
            Carried::Tcp => Behaviour::TCP,
        }
    }

    /// The outer port for something that goes out now to whom the filter calls `other`.
    fn port(&mut self, now: Instant, inner: Inner, other: SocketAddrV4) -> Option<u16> {
        let lifetime = lifetime(inner.carried);
        if self
            .mappings
            .get(&inner)
            .is_none_or(|mapping| now >= mapping.used + lifetime)
        {
            self.map(now, inner)?;
        }
        let mapping = self.mappings.get_mut(&inner)?;
        mapping.used = now;
        if mapping.let_in.len() >= LET_IN_MAX && !mapping.let_in.contains_key(&other) {
            mapping.let_in.retain(|_, written| now < *written + lifetime);
            if mapping.let_in.len() >= LET_IN_MAX {
                return None;
            }
        }
        mapping.let_in.insert(other, now);
        Some(mapping.port)
    }

    /// A fresh mapping.
    fn map(&mut self, now: Instant, inner: Inner) -> Option<()> {
        if let Some(old) = self.mappings.remove(&inner) {
            self.by_port.remove(&(inner.carried, old.port));
        }
        if self.mappings.len() >= MAPPINGS_MAX {
            self.mappings
                .retain(|inner, mapping| now < mapping.used + lifetime(inner.carried));
            let kept = &self.mappings;
            self.by_port.retain(|_, inner| kept.contains_key(inner));
            if self.mappings.len() >= MAPPINGS_MAX {
                return None;
            }
        }
        let port = (0..PORTS).find_map(|_| {
            self.ports_given = (self.ports_given + PORTS_STEP) % PORTS;
            let port = PORTS_FROM + self.ports_given;
            let is_free = !self.by_port.contains_key(&(inner.carried, port));
            (is_free && port != inner.end.port()).then_some(port)
        })?;
        self.by_port.insert((inner.carried, port), inner);
        let mapping = Mapping {
            port,
            used: now,
            let_in: HashMap::new(),
        };
        self.mappings.insert(inner, mapping);
        Some(())
    }

    fn inner_end(&self, now: Instant, flow: Flow) -> Option<SocketAddrV4> {
        if *flow.to.ip() != self.outer {
            return None;
        }
        let inner = self.by_port.get(&(flow.carried, flow.to.port()))?;
        let mapping = self.mappings.get(inner)?;
        let scope = self.behaviour(flow.carried).filtering.scope(flow.from);
        let written = mapping.let_in.get(&scope)?;
        // Only what goes out keeps a mapping (RFC 4787, REQ-6).
        (now < *written + lifetime(flow.carried)).then_some(inner.end)
    }
}

const fn lifetime(carried: Carried) -> Duration {
    match carried {
        Carried::Udp => UDP_LIFETIME,
        Carried::Tcp => TCP_LIFETIME,
    }
}

#[cfg(test)]
mod tests {
    use super::super::packet::tests::packet;
    use super::Dependence::{AddressAndPortDependent, AddressDependent, EndpointIndependent};
    use super::*;

    const IN: &str = "192.168.1.7:5000";
    const ALL: [Dependence; 3] = [EndpointIndependent, AddressDependent, AddressAndPortDependent];
    /// One server, another port of it, another server.
    const OTHERS: [&str; 3] = ["203.0.113.1:3478", "203.0.113.1:443", "203.0.113.2:3478"];

    struct Home {
        nat: Nat,
        now: Instant,
    }

    impl Home {
        fn new(mapping: Dependence, filtering: Dependence) -> Self {
            let outer = "198.51.100.10".parse().unwrap();
            Self {
                nat: Nat::new(outer, Behaviour { mapping, filtering }),
                now: Instant::now(),
            }
        }

        /// Sends; gives what the internet sees it come from.
        fn send(&mut self, carried: Carried, from: &str, to: &str) -> String {
            let out = self.nat.outward(self.now, packet(carried, from, to)).unwrap();
            assert_eq!(out.flow().to.to_string(), to);
            assert_eq!(out.flow().from.ip().to_string(), "198.51.100.10");
            out.flow().from.to_string()
        }

        /// Whom something from outside gets to.
        fn receive(&mut self, carried: Carried, from: &str, to: &str) -> Option<String> {
            let came = self.nat.inward(self.now, packet(carried, from, to))?;
            assert_eq!(came.flow().from.to_string(), from);
            Some(came.flow().to.to_string())
        }
    }

    #[test]
    fn a_mapping_is_shared_by_what_it_does_not_depend_on() {
        for (mapping, same) in [
            (EndpointIndependent, [true, true]),
            (AddressDependent, [true, false]),
            (AddressAndPortDependent, [false, false]),
        ] {
            for filtering in ALL {
                let mut home = Home::new(mapping, filtering);
                let seen = OTHERS.map(|other| home.send(Carried::Udp, IN, other));
                assert_eq!([seen[0] == seen[1], seen[0] == seen[2]], same, "{mapping:?}");
                assert_eq!(home.send(Carried::Udp, IN, OTHERS[0]), seen[0], "it stays");
                let neighbour = home.send(Carried::Udp, "192.168.1.8:5000", OTHERS[0]);
                assert!(!seen.contains(&neighbour), "one port, one inner end");
            }
        }
    }

    #[test]
    fn the_filter_lets_in_whom_it_looks_at_and_nobody_else() {
        for (filtering, let_in) in [
            (EndpointIndependent, [true, true, true]),
            (AddressDependent, [true, true, false]),
            (AddressAndPortDependent, [true, false, false]),
        ] {
            let mut home = Home::new(EndpointIndependent, filtering);
            let seen = home.send(Carried::Udp, IN, OTHERS[0]);
            let came = OTHERS.map(|other| home.receive(Carried::Udp, other, &seen));
            assert_eq!(came.clone().map(|came| came.is_some()), let_in, "{filtering:?}");
            assert!(came.iter().flatten().all(|to| to == IN));
            let refused = let_in.iter().filter(|came| !**came).count() as u64;
            assert_eq!(home.nat.counters().unsolicited, refused);
        }
    }

    #[test]
    fn a_symmetric_one_lets_nobody_in_through_what_was_made_for_another() {
        let mut home = Home::new(AddressAndPortDependent, AddressAndPortDependent);
        let seen = OTHERS.map(|other| home.send(Carried::Udp, IN, other));
        for (at, to) in seen.iter().enumerate() {
            let came = OTHERS.map(|other| home.receive(Carried::Udp, other, to).is_some());
            let expect: Vec<bool> = (0..OTHERS.len()).map(|other| other == at).collect();
            assert_eq!(came.to_vec(), expect);
        }
    }

    #[test]
    fn streams_and_datagrams_are_kept_apart_and_streams_are_strict() {
        let mut home = Home::new(AddressAndPortDependent, EndpointIndependent);
        let seen = OTHERS.map(|other| home.send(Carried::Tcp, IN, other));
        assert_eq!(seen[0], seen[2]);
        assert_eq!(
            home.receive(Carried::Tcp, OTHERS[2], &seen[0]).as_deref(),
            Some(IN)
        );
        assert_eq!(home.receive(Carried::Tcp, "203.0.113.2:9", &seen[0]), None);
        assert_eq!(home.receive(Carried::Udp, OTHERS[0], &seen[0]), None);
    }

    #[test]
    fn only_what_goes_out_keeps_a_mapping() {
        let mut home = Home::new(EndpointIndependent, AddressAndPortDependent);
        let seen = home.send(Carried::Udp, IN, OTHERS[0]);
        home.now += UDP_LIFETIME / 2;
        assert!(home.receive(Carried::Udp, OTHERS[0], &seen).is_some());
        assert_eq!(home.send(Carried::Udp, IN, OTHERS[1]), seen);
        home.now += UDP_LIFETIME / 2;
        assert_eq!(home.receive(Carried::Udp, OTHERS[0], &seen), None);
        assert!(home.receive(Carried::Udp, OTHERS[1], &seen).is_some());
        home.now += UDP_LIFETIME;
        assert_eq!(home.receive(Carried::Udp, OTHERS[1], &seen), None);
        assert_ne!(home.send(Carried::Udp, IN, OTHERS[0]), seen, "a fresh one");
        assert_eq!(home.receive(Carried::Udp, OTHERS[1], &seen), None);
    }

    #[test]
    fn what_is_not_for_its_address_or_a_port_of_nobody_goes_nowhere() {
        let mut home = Home::new(EndpointIndependent, EndpointIndependent);
        let seen = home.send(Carried::Udp, IN, OTHERS[0]);
        let port = seen.split(':').next_back().unwrap();
        assert_eq!(
            home.receive(Carried::Udp, OTHERS[0], &format!("198.51.100.11:{port}")),
            None
        );
        assert_eq!(home.receive(Carried::Udp, OTHERS[0], "198.51.100.10:9"), None);
    }

    #[test]
    fn it_holds_so_much_and_no_more_until_something_is_old() {
        let mut home = Home::new(EndpointIndependent, AddressAndPortDependent);
        let inner = |number: usize| format!("192.168.{}.7:{}", number / 256, 1000 + number);
        for number in 0..MAPPINGS_MAX {
            home.send(Carried::Udp, &inner(number), OTHERS[0]);
        }
        let one_more = packet(Carried::Udp, IN, OTHERS[0]);
        assert_eq!(home.nat.outward(home.now, one_more.clone()), None);
        assert_eq!(home.nat.counters().full, 1);
        home.now += UDP_LIFETIME;
        assert!(home.nat.outward(home.now, one_more).is_some());
        assert_eq!(home.nat.mappings.len(), 1);
        assert_eq!(home.nat.by_port.len(), 1);
        for port in 1..=LET_IN_MAX {
            let out = packet(Carried::Udp, IN, &format!("203.0.113.9:{port}"));
            assert_eq!(
                home.nat.outward(home.now, out).is_some(),
                port < LET_IN_MAX,
                "{port}"
            );
        }
    }
}
