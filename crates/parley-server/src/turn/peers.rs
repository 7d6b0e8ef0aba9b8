//! Which peers may be reached through this server. A relay stands inside somebody's network and is asked by strangers: by
//! default it reaches the public internet only, and of its own machine nothing but its own relays.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// What is allowed beyond the public internet.
#[derive(Debug, Clone, Default)]
pub struct PeerRules {
    /// Addresses of this machine, also those it has outside (behind a 1:1 NAT). Refused, but for live relay ports and
    /// [`PeerRules::allowed_peers`]. The addresses of relays belong to them without being named.
    pub own: Vec<IpAddr>,
    /// Socket addresses allowed whatever else is said, for example the SFU's.
    pub allowed_peers: Vec<SocketAddr>,
    /// Networks that are allowed though they are not public.
    pub allowed_subnets: Vec<Subnet>,
    /// Private networks (RFC 1918, RFC 4193, RFC 6598) are allowed: for a server that serves a LAN.
    pub lan: bool,
}

/// Whether a peer may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Every port of it.
    Allowed,
    /// Some ports of it: each datagram has to be asked about.
    Guarded,
    /// No port of it.
    Refused,
}

impl PeerRules {
    /// What is thought of an address.
    pub(super) fn verdict(&self, ip: IpAddr) -> Verdict {
        if self.own.contains(&ip) {
            return Verdict::Guarded;
        }
        // Before what an operator opened: who opens `::/0` does not mean this.
        if self.is_in_disguise(ip) {
            return Verdict::Refused;
        }
        if self.allowed_subnets.iter().any(|subnet| subnet.contains(ip)) || self.is_reachable(ip) {
            return Verdict::Allowed;
        }
        if self.allowed_peers.iter().any(|peer| peer.ip() == ip) {
            return Verdict::Guarded;
        }
        Verdict::Refused
    }

    /// Whether a guarded peer is one of the exceptions; `relay_is_live` tells about ports of this server's relays.
    pub(super) fn is_exception(
        &self,
        peer: SocketAddr,
        relay_is_live: impl FnOnce(SocketAddr) -> bool,
    ) -> bool {
        peer.port() != 0
            && (self.allowed_peers.contains(&peer) || (self.own.contains(&peer.ip()) && relay_is_live(peer)))
    }

    /// An address of IPv4 written as one of IPv6 that is never on the wire, or one of this machine's wrapped into IPv6.
    fn is_in_disguise(&self, ip: IpAddr) -> bool {
        let IpAddr::V6(ip) = ip else {
            return false;
        };
        match wrapped(ip) {
            Wrapped::Never => true,
            Wrapped::Ipv4(inner) => self.own.contains(&inner.into()),
            Wrapped::Nothing | Wrapped::Unclear => false,
        }
    }

    fn is_reachable(&self, ip: IpAddr) -> bool {
        match ip {
            IpAddr::V4(ip) => self.is_reachable_v4(ip),
            IpAddr::V6(ip) => match wrapped(ip) {
                Wrapped::Nothing => self.is_reachable_v6(ip),
                // What is inside decides.
                Wrapped::Ipv4(inner) => self.is_reachable_v4(inner),
                Wrapped::Never | Wrapped::Unclear => false,
            },
        }
    }

    fn is_reachable_v4(&self, ip: Ipv4Addr) -> bool {
        let [first, second, third, _] = ip.octets();
        let shared = first == 100 && (64..128).contains(&second); // RFC 6598
        if ip.is_private() || shared {
            return self.lan;
        }
        let protocol_assignments = (first, second, third) == (192, 0, 0); // RFC 6890
        let benchmarking = first == 198 && (second & 0xfe) == 18; // RFC 2544
        let relay_anycast = (first, second, third) == (192, 88, 99); // RFC 7526
        !(first == 0
            || ip.is_loopback()
            || ip.is_link_local()
            || ip.is_multicast()
            || first >= 240
            || protocol_assignments
            || benchmarking
            || relay_anycast)
    }

    fn is_reachable_v6(&self, ip: Ipv6Addr) -> bool {
        if ip.is_unique_local() {
            return self.lan;
        }
        // Only global unicast is given out (2000::/3); everything else is loopback, link-local, site-local, multicast, or
        // not meant to be sent to.
        ip.segments()[0] & 0xe000 == 0x2000
    }
}

/// What an IPv6 address carries inside.
enum Wrapped {
    Nothing,
    Ipv4(Ipv4Addr),
    /// An IPv4 address in a form for programs, not for the wire.
    Never,
    /// An IPv4 address at a place that depends on the network.
    Unclear,
}

fn wrapped(ip: Ipv6Addr) -> Wrapped {
    let bytes = ip.octets();
    let v4 = |at: usize| Ipv4Addr::new(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
    match ip.segments() {
        // ::a.b.c.d, ::ffff:a.b.c.d, ::ffff:0:a.b.c.d; `::` and `::1` among them.
        [0, 0, 0, 0, 0 | 0xffff, 0 | 0xffff, _, _] => Wrapped::Never,
        // NAT64, RFC 6052.
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => Wrapped::Ipv4(v4(12)),
        // NAT64 of a network's own, RFC 8215.
        [0x64, 0xff9b, 1, ..] => Wrapped::Unclear,
        // 6to4, RFC 3056.
        [0x2002, ..] => Wrapped::Ipv4(v4(2)),
        // Teredo, RFC 4380: the client's address stands there inverted.
        [0x2001, 0, ..] => Wrapped::Ipv4(Ipv4Addr::from_bits(!v4(12).to_bits())),
        // ISATAP, RFC 5214: a network's own routers know these.
        [_, _, _, _, 0 | 0x200, 0x5efe, _, _] => Wrapped::Ipv4(v4(12)),
        _ => Wrapped::Nothing,
    }
}

/// A network, as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subnet {
    network: IpAddr,
    prefix_bits: u8,
}

/// What cannot be read as a network.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is no network. Write an address and the length of its prefix, like 192.168.0.0/16 or fd00::/8."
)]
pub struct ParseSubnetError(String);

impl Subnet {
    /// The network of `ip` whose first `prefix_bits` are the same; `None` if an address has not so many.
    #[must_use]
    pub fn new(ip: IpAddr, prefix_bits: u8) -> Option<Self> {
        let bits_max = if ip.is_ipv4() { 32 } else { 128 };
        (prefix_bits <= bits_max).then_some(Self {
            network: ip,
            prefix_bits,
        })
    }

    /// Whether `ip` belongs to it.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        let bits = u32::from(self.prefix_bits);
        match (self.network, ip) {
            (IpAddr::V4(network), IpAddr::V4(ip)) => {
                (network.to_bits() ^ ip.to_bits())
                    .checked_shr(32 - bits)
                    .unwrap_or(0)
                    == 0
            }
            (IpAddr::V6(network), IpAddr::V6(ip)) => {
                (network.to_bits() ^ ip.to_bits())
                    .checked_shr(128 - bits)
                    .unwrap_or(0)
                    == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Subnet {
    type Err = ParseSubnetError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (ip, prefix) = text.split_once('/')?;
            Self::new(ip.parse().ok()?, prefix.parse().ok()?)
        };
        read().ok_or_else(|| ParseSubnetError(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(rules: &PeerRules, ip: &str) -> Verdict {
        rules.verdict(ip.parse().unwrap())
    }

    const PRIVATE: [&str; 9] = [
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "100.127.255.255",
        "fd00::1",
        "fc00::1",
        "64:ff9b::10.0.0.1",
    ];

    #[test]
    fn the_public_internet_is_reached() {
        for ip in [
            "8.8.8.8",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "2001:db8::1",
            "2a00:1450::1",
            "64:ff9b::8.8.8.8",
            "2002:0808:0808::1",
        ] {
            assert_eq!(verdict(&PeerRules::default(), ip), Verdict::Allowed, "{ip}");
        }
    }

    #[test]
    fn private_networks_are_reached_only_when_a_lan_is_served() {
        let lan = PeerRules {
            lan: true,
            ..PeerRules::default()
        };
        for ip in PRIVATE {
            assert_eq!(verdict(&PeerRules::default(), ip), Verdict::Refused, "{ip}");
            assert_eq!(verdict(&lan, ip), Verdict::Allowed, "{ip}");
        }
    }

    #[test]
    fn what_is_no_peer_is_refused_even_on_a_lan() {
        let lan = PeerRules {
            lan: true,
            ..PeerRules::default()
        };
        for ip in [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "192.0.0.8",
            "198.18.0.1",
            "192.88.99.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "::ffff:8.8.8.8",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::1",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::1",
            // Teredo of a client at 127.0.0.1.
            "2001:0:1:2:3:4:80ff:fffe",
            "2001:db8::5efe:127.0.0.1",
            "2001:db8::200:5efe:127.0.0.1",
        ] {
            assert_eq!(verdict(&lan, ip), Verdict::Refused, "{ip}");
        }
    }

    #[test]
    fn own_addresses_are_reached_only_where_a_relay_or_an_allowed_socket_is() {
        let rules = PeerRules {
            own: vec!["203.0.113.5".parse().unwrap(), "192.168.1.5".parse().unwrap()],
            allowed_peers: vec![
                "203.0.113.5:7000".parse().unwrap(),
                "10.9.9.9:7000".parse().unwrap(),
            ],
            allowed_subnets: vec!["192.168.1.0/24".parse().unwrap()],
            lan: true,
        };
        let live: SocketAddr = "192.168.1.5:50000".parse().unwrap();
        let reached = |peer: &str| {
            let peer: SocketAddr = peer.parse().unwrap();
            match rules.verdict(peer.ip()) {
                Verdict::Allowed => true,
                Verdict::Guarded => rules.is_exception(peer, |peer| peer == live),
                Verdict::Refused => false,
            }
        };
        assert!(reached("192.168.1.6:22"));
        assert!(
            !reached("192.168.1.5:22"),
            "the subnet is open, this machine is not"
        );
        assert!(reached("192.168.1.5:50000"), "a live relay");
        assert!(reached("203.0.113.5:7000"), "the SFU");
        assert!(!reached("203.0.113.5:7001"));
        assert!(!reached("203.0.113.5:0"));
        assert!(!reached("[2002:cb00:7105::1]:22"), "wrapped into 6to4");
    }

    #[test]
    fn a_socket_may_be_allowed_in_a_network_that_is_not() {
        let rules = PeerRules {
            allowed_peers: vec!["10.9.9.9:7000".parse().unwrap()],
            ..PeerRules::default()
        };
        assert_eq!(verdict(&rules, "10.9.9.9"), Verdict::Guarded);
        assert!(rules.is_exception("10.9.9.9:7000".parse().unwrap(), |_| false));
        assert!(!rules.is_exception("10.9.9.9:7001".parse().unwrap(), |_| true));
        assert_eq!(verdict(&rules, "10.9.9.8"), Verdict::Refused);
    }

    #[test]
    fn an_open_network_opens_no_disguise() {
        let rules = PeerRules {
            own: vec!["203.0.113.5".parse().unwrap()],
            allowed_subnets: vec!["::/0".parse().unwrap()],
            ..PeerRules::default()
        };
        for ip in [
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:203.0.113.5",
            "::ffff:8.8.8.8",
            "64:ff9b::203.0.113.5",
            "2002:cb00:7105::1",
        ] {
            assert_eq!(verdict(&rules, ip), Verdict::Refused, "{ip}");
        }
        for ip in ["fd00::1", "64:ff9b:1::1", "64:ff9b::203.0.113.6"] {
            assert_eq!(verdict(&rules, ip), Verdict::Allowed, "{ip}");
        }
    }

    #[test]
    fn networks_are_read_and_compared() {
        let contains =
            |subnet: &str, ip: &str| subnet.parse::<Subnet>().unwrap().contains(ip.parse().unwrap());
        assert!(contains("10.0.0.0/8", "10.255.0.1"));
        assert!(!contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("0.0.0.0/0", "203.0.113.1"));
        assert!(contains("127.0.0.1/32", "127.0.0.1"));
        assert!(!contains("127.0.0.1/32", "127.0.0.2"));
        assert!(contains("::/0", "2001:db8::1"));
        assert!(contains("fd00::/8", "fd12::1"));
        assert!(!contains("::/0", "10.0.0.1"));
        for wrong in ["", "10.0.0.0", "10.0.0.0/33", "fd00::/129", "x/8", "10.0.0.0/-1"] {
            let error = wrong.parse::<Subnet>().unwrap_err().to_string();
            assert!(error.contains("192.168.0.0/16"), "{error}");
        }
    }
}
