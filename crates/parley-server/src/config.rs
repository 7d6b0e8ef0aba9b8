//! What a server is told before it starts.

use crate::front::TlsConfig;
use crate::key::ServerKey;
use crate::relays::RelayConfig;
use crate::rooms::Relays;
use crate::sfu::driver::SfuSockets;
use crate::webhook::WebhookConfig;
use parley_proto::limits::TICKET_LIFETIME_S;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The TCP port of a server that was told none.
pub const DEFAULT_PORT: u16 = 7788;
/// The TCP port of HTTPS with a certificate of the server's own.
pub const DEFAULT_OWN_HTTPS_PORT: u16 = 7789;
/// The UDP port of STUN (RFC 8489).
pub const DEFAULT_STUN_PORT: u16 = 3478;

/// Two lives of a ticket: whoever looks at their camera for longer is connected anew, and does not notice.
const JOIN_TIMEOUT: Duration = Duration::from_secs(2 * TICKET_LIFETIME_S);

/// The UDP port of the SFU.
pub const DEFAULT_SFU_PORT: u16 = 3479;

/// How to carry rooms of more than two.
#[derive(Debug, Clone)]
pub struct GroupConfig {
    /// Where media comes in, over UDP.
    pub sockets: SfuSockets,
    /// Whether it comes in over TCP too, at the port of everything else, from those whom no datagram reaches.
    pub tcp: bool,
    /// People who may speak in one room.
    pub participants_max: usize,
    /// People who only listen in one room, beside those.
    pub listeners_max: usize,
    /// From so many people on newcomers come as listeners, where hosts say nothing of it; 0: never.
    pub listen_from: u16,
}

impl GroupConfig {
    /// One thread at this address, for rooms of the usual size.
    #[must_use]
    pub const fn at(listen: SocketAddr) -> Self {
        Self {
            sockets: SfuSockets {
                listen,
                threads: 1,
                outside: Vec::new(),
                peers_max: 2_048,
            },
            tcp: true,
            participants_max: 50,
            listeners_max: 500,
            listen_from: 0,
        }
    }
}

/// How to run a server.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// TCP addresses for signaling, the pages and TURN, at least one here or in `tls`. `[::]` also takes IPv4; port 0 picks a
    /// free one.
    pub listen: Vec<SocketAddr>,
    /// The name by which clients reach it, if they all use the same.
    pub domain: Option<String>,
    /// Other names that browsers may ask for it by. Addresses, this machine's own name, and names that only a local network knows are known anyway.
    pub names: Vec<String>,
    /// HTTPS, and TURN over TLS.
    pub tls: Option<TlsConfig>,
    /// A TCP address that sends browsers to HTTPS. Left out with a warning if it cannot be had.
    pub redirect: Option<SocketAddr>,
    /// UDP address for STUN and TURN; `None` runs none. `[::]` also takes IPv4; port 0 picks a free one.
    pub stun: Option<SocketAddr>,
    /// Further UDP addresses. Each is left out with a warning if it cannot be had.
    pub stun_more: Vec<SocketAddr>,
    /// Relays of this server.
    pub relay: Option<RelayConfig>,
    /// Rooms of more than two, whose media goes through here; `None`: calls are for two.
    pub sfu: Option<GroupConfig>,
    /// Relays of somebody else, told to clients instead.
    pub relays_elsewhere: Option<Relays>,
    /// What `/metrics` asks for; without one it answers this machine only.
    pub metrics_token: Option<String>,
    /// What makes rooms and tokens this server's own.
    pub key: ServerKey,
    /// Where invitations, keys and bans are kept; `None` keeps them in memory only, and there is no key for the admin API.
    pub folder: Option<PathBuf>,
    /// Whom to tell what happens in rooms.
    pub webhook: Option<WebhookConfig>,
    /// Connections at once. When there are more, one of those that have not joined gives way; when there is none, the newcomer is
    /// turned away.
    pub connections_max: usize,
    /// TCP connections at once that speak HTTP or have not said yet what they want; when there are more, the oldest is closed.
    pub undecided_max: usize,
    /// People at once, those away included; more are told that the server is full.
    pub participants_max: usize,
    /// How long a connection may take to say what it wants before it is closed.
    pub header_timeout: Duration,
    /// How long a signaling connection may take to join a room, or to wait before one, until it is closed.
    pub join_timeout: Duration,
}

impl ServerConfig {
    /// A server at these addresses with a key of its own: its rooms are forgotten when it stops.
    #[must_use]
    pub fn new(listen: Vec<SocketAddr>, stun: Option<SocketAddr>) -> Self {
        Self {
            listen,
            domain: None,
            names: Vec::new(),
            tls: None,
            redirect: None,
            stun,
            stun_more: Vec::new(),
            relay: None,
            sfu: None,
            relays_elsewhere: None,
            metrics_token: None,
            key: ServerKey::generate(),
            folder: None,
            webhook: None,
            connections_max: 8192,
            undecided_max: 2048,
            participants_max: 8192,
            header_timeout: Duration::from_secs(10),
            join_timeout: JOIN_TIMEOUT,
        }
    }

    /// On free ports of 127.0.0.1 only, with STUN, without relays: for tests and calls within one machine.
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
