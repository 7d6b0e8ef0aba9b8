//! What a TURN server is told before it starts.

use super::credentials::TurnSecret;
use super::family::ByFamily;
use super::peers::PeerRules;
use super::quota::Quotas;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

/// How to relay.
#[derive(Debug, Clone)]
pub struct TurnConfig {
    /// What credentials belong to (RFC 8489, section 9.2), usually the domain. At most 127 characters.
    pub realm: String,
    /// What credentials are made with.
    pub secret: TurnSecret,
    /// The addresses of relays. A family without one is not relayed (440).
    pub relays: ByFamily<Option<RelayAddress>>,
    /// The ports of relays.
    pub ports: RangeInclusive<u16>,
    /// Which peers may be reached.
    pub peers: PeerRules,
    /// How many allocations anybody may have.
    pub quotas: Quotas,
    /// What one allocation may relay per second, both directions and the headers of IPv6 and UDP together; bursts of one
    /// second's worth are let through.
    pub bytes_per_s_max: u64,
    /// Answers per second and thread to one source (IPv6: one /56) that has proved nothing: each of its clients needs one before
    /// it has. Somebody may be sending in its name. Its streams get ten times as many, counted apart.
    pub answers_per_s_max: u16,
    /// How long an allocation may be kept after its credentials expired.
    pub grace: Duration,
    /// Whether datagrams leave unfragmented, so that DONT-FRAGMENT can be granted (RFC 8656, section 14). The driver's word.
    pub unfragmented: bool,
}

/// Where relays of one family are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayAddress {
    /// The address of this machine that their sockets are bound to.
    pub bind: IpAddr,
    /// What clients are told: another one than `bind` behind a 1:1 NAT.
    pub public: IpAddr,
}

impl RelayAddress {
    /// The same inside and outside.
    #[must_use]
    pub const fn at(ip: IpAddr) -> Self {
        Self { bind: ip, public: ip }
    }
}

impl TurnConfig {
    /// A server that relays to the public internet, with the usual ports (RFC 8656, section 7.2) and limits: 20 Mbit/s for
    /// each allocation, and calls of half a day.
    #[must_use]
    pub fn new(realm: &str, secret: TurnSecret, relays: ByFamily<Option<RelayAddress>>) -> Self {
        Self {
            realm: realm.chars().take(127).collect(),
            secret,
            relays,
            ports: 49_152..=65_535,
            peers: PeerRules::default(),
            quotas: Quotas::default(),
            bytes_per_s_max: 2_500_000,
            answers_per_s_max: 200,
            grace: Duration::from_secs(12 * 3600),
            unfragmented: cfg!(any(target_os = "linux", target_os = "android", windows)),
        }
    }

    /// The same with the addresses of the relays among this machine's own, as [`PeerRules::own`] promises.
    pub(super) fn completed(mut self) -> Self {
        for relay in [self.relays.v4, self.relays.v6].into_iter().flatten() {
            for ip in [relay.bind, relay.public] {
                if !self.peers.own.contains(&ip) {
                    self.peers.own.push(ip);
                }
            }
        }
        self
    }
}
