//! How a network lets its computers reach the internet: the seven kinds that calls are tried from, and which pairs of them can
//! talk without a relay.

use super::nat::{Behaviour, Dependence};
use super::packet::{Carried, Flow};
use std::fmt;

/// The port that no network closes.
const HTTPS_PORT: u16 = 443;

/// One kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A public address, and nothing in between.
    Open,
    /// A NAT that lets everybody in through what it mapped.
    FullCone,
    /// One that lets in from addresses that were written to.
    AddressRestricted,
    /// One that lets in from ends that were written to.
    PortRestricted,
    /// One that does so and takes another outer port for each of them.
    Symmetric,
    /// A NAT for streams; datagrams are thrown away.
    UdpBlocked,
    /// Out to port 443 over TCP, and nothing else.
    Tcp443Only,
}

impl Access {
    /// All of them, from the easiest.
    pub const ALL: [Self; 7] = [
        Self::Open,
        Self::FullCone,
        Self::AddressRestricted,
        Self::PortRestricted,
        Self::Symmetric,
        Self::UdpBlocked,
        Self::Tcp443Only,
    ];

    /// What its NAT makes of UDP, in the words of RFC 4787; `None` without a NAT.
    #[must_use]
    pub const fn behaviour(self) -> Option<Behaviour> {
        use Dependence::{AddressAndPortDependent, AddressDependent, EndpointIndependent};
        let (mapping, filtering) = match self {
            Self::Open => return None,
            Self::FullCone => (EndpointIndependent, EndpointIndependent),
            Self::AddressRestricted => (EndpointIndependent, AddressDependent),
            Self::PortRestricted | Self::UdpBlocked | Self::Tcp443Only => {
                (EndpointIndependent, AddressAndPortDependent)
            }
            Self::Symmetric => (AddressAndPortDependent, AddressAndPortDependent),
        };
        Some(Behaviour { mapping, filtering })
    }

    /// Whether its firewall lets this out.
    #[must_use]
    pub const fn lets_out(self, flow: Flow) -> bool {
        match self {
            Self::UdpBlocked => matches!(flow.carried, Carried::Tcp),
            Self::Tcp443Only => matches!(flow.carried, Carried::Tcp) && flow.to.port() == HTTPS_PORT,
            _ => true,
        }
    }

    /// Whether datagrams go out at all.
    #[must_use]
    pub const fn has_udp(self) -> bool {
        !matches!(self, Self::UdpBlocked | Self::Tcp443Only)
    }

    /// Whether two such networks can reach each other without a relay, each having learned from a server how the internet sees
    /// it (RFC 5128, section 3.3): a NAT whose outer port nobody can know beforehand needs another side that does not ask for
    /// it.
    #[must_use]
    pub fn reaches(self, other: Self) -> bool {
        let is_exact = |filter: Self| matches!(filter, Self::PortRestricted | Self::Symmetric);
        let foils = |one: Self, other: Self| one == Self::Symmetric && is_exact(other);
        self.has_udp() && other.has_udp() && !foils(self, other) && !foils(other, self)
    }

    /// Whether two such networks can reach each other by a stream where datagrams do not pass: one side has an address that
    /// the other's firewall lets streams out to, whatever their port.
    #[must_use]
    pub fn streams_to(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Open, Self::UdpBlocked) | (Self::UdpBlocked, Self::Open)
        )
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Open => "none",
            Self::FullCone => "full cone",
            Self::AddressRestricted => "address restricted",
            Self::PortRestricted => "port restricted",
            Self::Symmetric => "symmetric",
            Self::UdpBlocked => "UDP blocked",
            Self::Tcp443Only => "TCP 443 only",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firewalls_let_out_what_their_names_say() {
        let flow = |carried, port| Flow {
            carried,
            from: "192.168.1.7:5000".parse().unwrap(),
            to: std::net::SocketAddrV4::new("203.0.113.1".parse().unwrap(), port),
        };
        for access in Access::ALL {
            let out = [
                flow(Carried::Udp, 3478),
                flow(Carried::Udp, 443),
                flow(Carried::Tcp, 3478),
                flow(Carried::Tcp, 443),
            ]
            .map(|flow| access.lets_out(flow));
            let expect = match access {
                Access::UdpBlocked => [false, false, true, true],
                Access::Tcp443Only => [false, false, false, true],
                _ => [true; 4],
            };
            assert_eq!(out, expect, "{access}");
            assert_eq!(access.has_udp(), expect[0], "{access}");
        }
    }
}
