//! The relays of this server: which addresses they have, what they may reach, and what clients are told of them. A driver
//! around [`crate::turn`], which decides about every packet.

use crate::key::ServerKey;
use crate::net::bind_udp;
use crate::turn::{
    BoundTurn, ByFamily, PeerRules, Quotas, RelayAddress, StartTurnError, Subnet, TurnConfig, TurnDriver,
    TurnSecret, TurnSockets,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::time::Duration;

/// How long a relay can be had with what a participant was given: half a day, as `turn` keeps one beyond that.
pub(crate) const CREDENTIALS_LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// Streams (TCP and TLS) for each relay that may be: an attempt or two beside it.
const STREAMS_PER_RELAY: usize = 2;
/// More threads than this were never of use to one machine's network.
const THREADS_MAX: usize = 4;

/// How to relay for those whom no direct way reaches.
#[derive(Debug, Clone)]
pub struct RelayConfig {
    /// What clients and server call the place that credentials are for; the domain, if there is one.
    pub realm: String,
    /// What credentials are made with; `None` derives it from the server's key.
    pub secret: Option<TurnSecret>,
    /// Addresses under which relays are reached, where the machine does not have them itself; one of each family at most.
    pub public: Vec<IpAddr>,
    /// The UDP ports of relays.
    pub ports: RangeInclusive<u16>,
    /// Whether private networks may be relayed to.
    pub lan: bool,
    /// Networks that may be relayed to besides.
    pub networks: Vec<Subnet>,
    /// How many relays anybody may have.
    pub quotas: Quotas,
    /// What one relay may carry per second, both directions together.
    pub bytes_per_s_max: u64,
    /// Threads; 0 for as many as there are processors, four at most.
    pub threads: usize,
}

impl Default for RelayConfig {
    /// To the public internet, with the usual limits.
    fn default() -> Self {
        Self {
            realm: "parley".to_owned(),
            secret: None,
            public: Vec::new(),
            ports: 49_152..=65_535,
            lan: false,
            networks: Vec::new(),
            quotas: Quotas::default(),
            bytes_per_s_max: 2_500_000,
            threads: 0,
        }
    }
}

impl RelayConfig {
    /// For the calls of one person: relays for two people with all their addresses, into the networks that this machine is part of, and no others that are
    /// private.
    #[must_use]
    pub fn for_one_person() -> Self {
        Self {
            networks: own_networks(),
            quotas: Quotas {
                per_user: 32,
                per_source: 64,
                total: 64,
            },
            threads: 1,
            ..Self::default()
        }
    }

    /// What credentials are made with.
    pub(crate) fn secret(&self, key: &ServerKey) -> TurnSecret {
        self.secret
            .clone()
            .unwrap_or_else(|| TurnSecret::new(&key.derive("turn")))
    }

    /// Binds these UDP addresses, to relay for clients there and on streams that are handed over; also to the SFU of this machine,
    /// which is at these.
    pub(crate) fn bind(
        &self,
        key: &ServerKey,
        udp: Vec<SocketAddr>,
        sfu: Vec<SocketAddr>,
    ) -> Result<BoundTurn, StartTurnError> {
        let threads = match self.threads {
            0 => std::thread::available_parallelism()
                .map_or(1, usize::from)
                .min(THREADS_MAX),
            chosen => chosen,
        };
        // Threads share a port, and so would another server that shares it with us unasked.
        for address in &udp {
            bind_udp(*address).map_err(|source| StartTurnError::Listen {
                address: *address,
                source,
            })?;
        }
        let total = usize::try_from(self.quotas.total).unwrap_or(usize::MAX);
        let per_source = usize::try_from(self.quotas.per_source).unwrap_or(usize::MAX);
        let mut seed = [0; 32];
        rand::Rng::fill_bytes(&mut rand::rng(), &mut seed);
        let sockets = TurnSockets {
            udp,
            threads,
            streams_max: total.saturating_mul(STREAMS_PER_RELAY),
            streams_per_source_max: per_source.saturating_mul(STREAMS_PER_RELAY),
            seed,
        };
        TurnDriver::bind(self.turn_config(key, sfu), &sockets)
    }

    fn turn_config(&self, key: &ServerKey, sfu: Vec<SocketAddr>) -> TurnConfig {
        let own: Vec<IpAddr> = interfaces().into_iter().map(|(ip, _)| ip).collect();
        let relays = relay_addresses(&own, routed, &self.public);
        TurnConfig {
            ports: self.ports.clone(),
            peers: PeerRules {
                own,
                allowed_peers: sfu,
                allowed_subnets: self.networks.clone(),
                lan: self.lan,
            },
            quotas: self.quotas,
            bytes_per_s_max: self.bytes_per_s_max,
            ..TurnConfig::new(&self.realm, self.secret(key), relays)
        }
    }
}

/// Where relays are bound and what clients are told: of each family the address that leads to the internet, else any that
/// leads out of this machine, else the loopback address (a machine by itself). IPv6 only where there is one.
fn relay_addresses(
    own: &[IpAddr],
    routed: impl Fn(bool) -> Option<IpAddr>,
    public: &[IpAddr],
) -> ByFamily<Option<RelayAddress>> {
    let of = |v4: bool| {
        let fits = |ip: &&IpAddr| ip.is_ipv4() == v4 && !ip.is_loopback() && !is_link_local(**ip);
        let alone = v4.then_some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let bind = routed(v4).or_else(|| own.iter().find(fits).copied()).or(alone)?;
        let public = public
            .iter()
            .find(|ip| ip.is_ipv4() == v4)
            .copied()
            .unwrap_or(bind);
        Some(RelayAddress { bind, public })
    };
    ByFamily {
        v4: of(true),
        v6: of(false),
    }
}

/// The own address that the system would use towards the internet. No packet is sent for this.
fn routed(v4: bool) -> Option<IpAddr> {
    // For documentation (RFC 5737, RFC 3849): routed like any other, belongs to nobody.
    let (any, far): (SocketAddr, SocketAddr) = if v4 {
        (
            (Ipv4Addr::UNSPECIFIED, 0).into(),
            (Ipv4Addr::new(192, 0, 2, 1), 9).into(),
        )
    } else {
        let far = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
        ((Ipv6Addr::UNSPECIFIED, 0).into(), (far, 9).into())
    };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(far).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback() && !ip.is_unspecified() && !is_link_local(ip)).then_some(ip)
}

const fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// The addresses of this machine, each with the length of its network's prefix.
fn interfaces() -> Vec<(IpAddr, u8)> {
    if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .map(|interface| match interface.addr {
            if_addrs::IfAddr::V4(v4) => (v4.ip.into(), v4.prefixlen),
            if_addrs::IfAddr::V6(v6) => (v6.ip.into(), v6.prefixlen),
        })
        .collect()
}

/// The networks that this machine is part of, without those that lead nowhere from outside.
fn own_networks() -> Vec<Subnet> {
    interfaces()
        .into_iter()
        // Some tunnels have a prefix of no bits, and everything is no network of one's own.
        .filter(|(ip, prefix)| *prefix > 0 && !ip.is_loopback() && !is_link_local(*ip))
        .filter_map(|(ip, prefix)| Subnet::new(ip, prefix))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relays_are_where_others_reach_them() {
        let check =
            |own: &[&str], routed: Option<&str>, public: &[&str], expect: [Option<(&str, &str)>; 2]| {
                let ip = |text: &&str| text.parse::<IpAddr>().unwrap();
                let own: Vec<IpAddr> = own.iter().map(ip).collect();
                let public: Vec<IpAddr> = public.iter().map(ip).collect();
                let routed = routed.as_ref().map(ip);
                let found = relay_addresses(&own, |v4| routed.filter(|ip| ip.is_ipv4() == v4), &public);
                let expect = expect.map(|at| {
                    at.map(|(bind, public)| RelayAddress {
                        bind: ip(&bind),
                        public: ip(&public),
                    })
                });
                assert_eq!([found.v4, found.v6], expect, "{own:?}");
            };
        let alone = Some(("127.0.0.1", "127.0.0.1"));
        check(&["127.0.0.1", "::1", "fe80::1"], None, &[], [alone, None]);
        check(
            &["127.0.0.1", "10.0.0.5", "192.0.2.9"],
            Some("192.0.2.9"),
            &[],
            [Some(("192.0.2.9", "192.0.2.9")), None],
        );
        check(
            &["127.0.0.1", "10.0.0.5", "2001:db8::5"],
            None,
            &["203.0.113.7"],
            [
                Some(("10.0.0.5", "203.0.113.7")),
                Some(("2001:db8::5", "2001:db8::5")),
            ],
        );
    }

    /// What `parley-call` binds at most (`peer/addresses.rs`), one of them loopback; and for a moment there are two connections.
    const CLIENT_ADDRESSES: u32 = 6;
    const CONNECTIONS: u32 = 2;

    #[test]
    fn a_client_with_many_addresses_has_a_relay_from_each_by_every_way() {
        // UDP on two ports, TCP and TLS; the app's own server has one port and no certificate that clients believe.
        for (quotas, ways) in [
            (RelayConfig::default().quotas, 4),
            (RelayConfig::for_one_person().quotas, 2),
        ] {
            let of_one = CLIENT_ADDRESSES * ways * CONNECTIONS;
            assert!(quotas.per_user >= of_one, "{quotas:?} for {of_one}");
            // Both people of a call may be behind one address.
            assert!(quotas.per_source >= 2 * of_one && quotas.total >= 2 * of_one);
            assert!(quotas.per_user < quotas.per_source && quotas.per_source <= quotas.total);
        }
    }

    #[test]
    fn a_secret_of_ones_own_goes_before_the_derived_one() {
        let key = ServerKey::from_bytes([1; 32]);
        let password = |config: &RelayConfig, key: &ServerKey| {
            let secret = config.secret(key);
            secret
                .mint(crate::turn::Moment::from_unix_ms(0), Duration::ZERO, "a")
                .password
        };
        let derived = RelayConfig::default();
        let chosen = RelayConfig {
            secret: Some(TurnSecret::new(b"as coturn has it")),
            ..RelayConfig::default()
        };
        assert_eq!(password(&derived, &key), password(&derived, &key));
        let other = ServerKey::from_bytes([2; 32]);
        assert_ne!(password(&derived, &key), password(&derived, &other));
        assert_eq!(password(&chosen, &key), password(&chosen, &other));
        assert_ne!(password(&chosen, &key), password(&derived, &key));
    }
}
