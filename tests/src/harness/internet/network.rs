//! The inside of the internet: networks, each behind its NAT and firewall, and what passes between them. Sans-IO.

use super::Access;
use super::nat::{Nat, NatCounters};
use super::packet::Packet;
use std::net::Ipv4Addr;
use std::time::Instant;

/// A network and what stands between it and everybody else.
#[derive(Debug)]
struct Gateway {
    access: Access,
    outer: Ipv4Addr,
    nat: Option<Nat>,
}

/// What did not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Refused {
    /// Neither UDP nor TCP over IPv4.
    pub unknown: u64,
    /// Kept by a firewall.
    pub by_firewall: u64,
    /// For nobody there is, or from an address that is not the sender's.
    pub unroutable: u64,
    /// By all NATs together.
    pub by_nats: NatCounters,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Network {
    gateways: Vec<Gateway>,
    refused: Refused,
}

impl Network {
    /// Adds a network that the others see at `outer`; gives its number.
    pub fn add(&mut self, access: Access, outer: Ipv4Addr) -> usize {
        let nat = access.behaviour().map(|udp| Nat::new(outer, udp));
        self.gateways.push(Gateway { access, outer, nat });
        self.gateways.len() - 1
    }

    /// A packet comes out of the network with that number; gives which one gets it, and what.
    pub fn pass(&mut self, now: Instant, out_of: usize, bytes: Vec<u8>) -> Option<(usize, Vec<u8>)> {
        let Some(packet) = Packet::read(bytes) else {
            self.refused.unknown += 1;
            return None;
        };
        let gateway = self.gateways.get_mut(out_of)?;
        if !gateway.access.lets_out(packet.flow()) {
            self.refused.by_firewall += 1;
            return None;
        }
        let packet = match &mut gateway.nat {
            Some(nat) => nat.outward(now, packet)?,
            None => packet,
        };
        let flow = packet.flow();
        // An internet that routes everything would make an open network of every other.
        let is_its_own = *flow.from.ip() == gateway.outer;
        let into = self
            .gateways
            .iter()
            .position(|gateway| gateway.outer == *flow.to.ip());
        let Some(into) = into.filter(|_| is_its_own) else {
            self.refused.unroutable += 1;
            return None;
        };
        let packet = match &mut self.gateways[into].nat {
            Some(nat) => nat.inward(now, packet)?,
            None => packet,
        };
        Some((into, packet.into_bytes()))
    }

    /// What did not pass so far.
    #[must_use]
    pub fn refused(&self) -> Refused {
        let mut refused = self.refused;
        for nat in self.gateways.iter().filter_map(|gateway| gateway.nat.as_ref()) {
            refused.by_nats.unsolicited += nat.counters().unsolicited;
            refused.by_nats.full += nat.counters().full;
        }
        refused
    }
}

#[cfg(test)]
mod tests {
    use super::super::packet::Carried;
    use super::super::packet::tests::packet;
    use super::*;

    const SERVER: &str = "203.0.113.1:3478";

    /// Two networks and a server, and what the server would see and tell each side.
    struct Meeting {
        network: Network,
        sides: [usize; 2],
        server: usize,
        now: Instant,
    }

    impl Meeting {
        fn of(one: Access, other: Access) -> Self {
            let mut network = Network::default();
            let sides = [
                network.add(one, "198.51.100.10".parse().unwrap()),
                network.add(other, "198.51.100.20".parse().unwrap()),
            ];
            let server = network.add(Access::Open, "203.0.113.1".parse().unwrap());
            Self {
                network,
                sides,
                server,
                now: Instant::now(),
            }
        }

        /// The end of that side inside its network.
        fn end(&self, side: usize) -> String {
            let gateway = &self.network.gateways[self.sides[side]];
            match gateway.nat {
                Some(_) => format!("192.168.1.{}:5000", 7 + side),
                None => format!("{}:5000", gateway.outer),
            }
        }

        /// Sends from there; gives whom it gets to and what they see it come from.
        fn send(&mut self, out_of: usize, carried: Carried, from: &str, to: &str) -> Option<(usize, String)> {
            let bytes = packet(carried, from, to).into_bytes();
            let (into, bytes) = self.network.pass(self.now, out_of, bytes)?;
            Some((into, Packet::read(bytes)?.flow().from.to_string()))
        }

        fn send_from(&mut self, side: usize, carried: Carried, to: &str) -> Option<(usize, String)> {
            let from = self.end(side);
            self.send(self.sides[side], carried, &from, to)
        }

        /// Both ask the server how they are seen, tell each other, and try each other as ICE does: at what they were told, and at
        /// what something came from. Whether both hear each other in the end.
        fn ends_in_a_direct_way(&mut self) -> bool {
            let told = [0, 1].map(|side| Some(self.send_from(side, Carried::Udp, SERVER)?.1));
            let [Some(one), Some(other)] = told else {
                return false;
            };
            // What each side may try: what was told, and what was seen.
            let mut tries = [vec![other], vec![one]];
            let mut hears = [false, false];
            for _ in 0..4 {
                for side in [0, 1] {
                    for to in tries[side].clone() {
                        let Some((into, seen)) = self.send_from(side, Carried::Udp, &to) else {
                            continue;
                        };
                        assert_eq!(into, self.sides[1 - side]);
                        hears[1 - side] = true;
                        if !tries[1 - side].contains(&seen) {
                            tries[1 - side].push(seen);
                        }
                    }
                }
            }
            hears == [true, true]
        }
    }

    #[test]
    fn those_reach_each_other_directly_that_theory_says() {
        let mut direct = 0;
        for one in Access::ALL {
            for other in Access::ALL {
                let met = Meeting::of(one, other).ends_in_a_direct_way();
                assert_eq!(met, one.reaches(other), "{one} and {other}");
                direct += usize::from(met);
            }
        }
        assert_eq!(direct, 22, "of 49");
    }

    #[test]
    fn every_network_reaches_port_443_of_the_server_and_hears_its_answer() {
        for access in Access::ALL {
            let mut meeting = Meeting::of(access, Access::Open);
            let (into, seen) = meeting.send_from(0, Carried::Tcp, "203.0.113.1:443").unwrap();
            assert_eq!(into, meeting.server);
            let server = meeting.server;
            let back = meeting.send(server, Carried::Tcp, "203.0.113.1:443", &seen);
            assert_eq!(back, Some((meeting.sides[0], "203.0.113.1:443".to_owned())));
        }
    }

    #[test]
    fn what_did_not_pass_is_counted() {
        let mut meeting = Meeting::of(Access::Open, Access::UdpBlocked);
        let refused = |meeting: &Meeting| {
            let refused = meeting.network.refused();
            [
                refused.unknown,
                refused.by_firewall,
                refused.unroutable,
                refused.by_nats.unsolicited,
            ]
        };
        let open = meeting.sides[0];
        assert_eq!(meeting.network.pass(meeting.now, open, vec![0x60; 60]), None);
        assert_eq!(refused(&meeting), [1, 0, 0, 0]);
        assert_eq!(meeting.send_from(1, Carried::Udp, SERVER), None);
        assert_eq!(refused(&meeting), [1, 1, 0, 0]);
        assert_eq!(meeting.send_from(0, Carried::Udp, "192.168.1.8:5000"), None);
        assert_eq!(meeting.send(open, Carried::Udp, "198.51.100.20:1", SERVER), None);
        assert_eq!(refused(&meeting), [1, 1, 2, 0]);
        assert_eq!(meeting.send_from(0, Carried::Tcp, "198.51.100.20:443"), None);
        assert_eq!(refused(&meeting), [1, 1, 2, 1]);
    }
}
