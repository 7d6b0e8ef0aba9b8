//! What a server is told before it starts.

use crate::key::ServerKey;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// The TCP port of a server that was told none.
pub const DEFAULT_PORT: u16 = 7788;
/// The UDP port of STUN (RFC 8489).
pub const DEFAULT_STUN_PORT: u16 = 3478;

/// How to run a server.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// TCP addresses for signaling and the pages, at least one. `[::]` also takes IPv4; port 0 picks a free one.
    pub listen: Vec<SocketAddr>,
    /// UDP address for STUN; `None` runs none. `[::]` also takes IPv4; port 0 picks a free one.
    pub stun: Option<SocketAddr>,
    /// What makes rooms and tokens this server's own.
    pub key: ServerKey,
    /// Connections at once; more are turned away.
    pub connections_max: usize,
    /// People at once, those away included; more are told that the server is full.
    pub participants_max: usize,
    /// How long a connection may take to say what it wants before it is closed.
    pub header_timeout: Duration,
}

impl ServerConfig {
    /// A server at these addresses with a key of its own: its rooms are forgotten when it stops.
    #[must_use]
    pub fn new(listen: Vec<SocketAddr>, stun: Option<SocketAddr>) -> Self {
        Self {
            listen,
            stun,
            key: ServerKey::generate(),
            connections_max: 8192,
            participants_max: 8192,
            header_timeout: Duration::from_secs(10),
        }
    }

    /// On free ports of 127.0.0.1 only, with STUN: for tests and calls within one machine.
    #[must_use]
    pub fn loopback() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::new(vec![any], Some(any))
    }

    /// On all interfaces, IPv4 and IPv6; port 0 picks a free one.
    #[must_use]
    pub fn everywhere(port: u16, stun_port: u16) -> Self {
        Self::new(
            vec![(Ipv6Addr::UNSPECIFIED, port).into()],
            Some((Ipv6Addr::UNSPECIFIED, stun_port).into()),
        )
    }
}
