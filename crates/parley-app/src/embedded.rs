//! "Call from this computer": a server inside the app, started when first needed, and the address under which other
//! computers reach it.
//!
//! A window's key is kept, so that a link survives a restart of the app when the port is free again. Which address goes
//! into a link is decided when the link is made: a notebook changes networks while the app runs.

use if_addrs::Interface;
use parley_proto::{ParseLinkError, ServerAddress};
use parley_server::{
    DEFAULT_PORT, GroupConfig, LoadKeyError, RelayConfig, Server, ServerConfig, ServerKey, StartServerError,
};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::Path;

/// The key's file in the app's folder.
const KEY_FILE: &str = "server.key";
/// A person's own calls need few connections.
const CONNECTIONS_MAX: usize = 64;
/// Networks inside this computer, which no other computer reaches.
const INNER_NETWORKS: &[&str] = &[
    "docker", "br-", "veth", "virbr", "vmnet", "vboxnet", "lxc", "cni", "podman",
];

/// The server inside the app. Dropping it ends it.
#[derive(Debug)]
pub struct EmbeddedServer {
    server: Server,
    /// The hosts that links were given out with.
    told: BTreeSet<IpAddr>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum StartEmbeddedError {
    /// The key could not be used.
    #[error("{0}")]
    Key(#[from] LoadKeyError),
    /// No port, not even a free one.
    #[error("{0}")]
    Start(#[from] StartServerError),
    /// An address that cannot stand in a link; interfaces have no such addresses.
    #[error("{0}")]
    Address(#[from] ParseLinkError),
}

impl EmbeddedServer {
    /// Starts on the usual port, or on a free one when somebody has that, with the key that is kept in this folder. Inside a
    /// tokio runtime.
    ///
    /// # Errors
    /// [`StartEmbeddedError`], as a sentence.
    pub async fn start(folder: &Path) -> Result<Self, StartEmbeddedError> {
        Self::start_with(ServerKey::load_or_create(&folder.join(KEY_FILE))?).await
    }

    /// The same with a key of this run: its links end with it.
    ///
    /// # Errors
    /// [`StartEmbeddedError`], as a sentence.
    pub async fn start_unkept() -> Result<Self, StartEmbeddedError> {
        Self::start_with(ServerKey::generate()).await
    }

    async fn start_with(key: ServerKey) -> Result<Self, StartEmbeddedError> {
        let config = |port| ServerConfig {
            key: key.clone(),
            connections_max: CONNECTIONS_MAX,
            participants_max: CONNECTIONS_MAX,
            relay: Some(RelayConfig::for_one_person()),
            sfu: Some(GroupConfig::at((Ipv6Addr::UNSPECIFIED, 0).into())),
            ..ServerConfig::everywhere(port, 0)
        };
        let server = match Server::start(config(DEFAULT_PORT)).await {
            Err(StartServerError::Taken { .. }) => Server::start(config(0)).await?,
            started => started?,
        };
        tracing::info!(port = server.address().port(), "serving calls from this computer");
        Ok(Self {
            server,
            told: BTreeSet::new(),
        })
    }

    /// Where others reach it now; the loopback address when no network is there.
    ///
    /// # Errors
    /// [`StartEmbeddedError::Address`], which no interface gives cause for.
    pub fn address_now(&mut self) -> Result<ServerAddress, StartEmbeddedError> {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let host = reachable(&interfaces, routed());
        let address = ServerAddress::new(false, &host.to_string(), self.server.address().port())?;
        self.told.insert(host);
        Ok(address)
    }

    /// Whether an address that it gave out is this one.
    #[must_use]
    pub fn serves(&self, address: &ServerAddress) -> bool {
        !address.secure()
            && address.port() == self.server.address().port()
            && host_ip(address).is_some_and(|ip| ip.is_loopback() || self.told.contains(&ip))
    }

    /// Says goodbye to everyone and frees the port.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

/// Whether an address leads to this computer from this computer only.
#[must_use]
pub fn is_loopback(address: &ServerAddress) -> bool {
    host_ip(address).is_some_and(|ip| ip.is_loopback())
}

fn host_ip(address: &ServerAddress) -> Option<IpAddr> {
    let host = address.host();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok()
}

/// The own address that the system would use towards the internet. No packet is sent for this.
fn routed() -> Option<IpAddr> {
    // TEST-NET-1 (RFC 5737): routed like any other, belongs to nobody.
    let far = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 9));
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(far).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// The address that most likely leads here from another computer on the same network.
fn reachable(interfaces: &[Interface], routed: Option<IpAddr>) -> IpAddr {
    interfaces
        .iter()
        .filter_map(|interface| Some((rank(interface, routed)?, interface.ip())))
        .min_by_key(|(rank, _)| *rank)
        .map_or(Ipv4Addr::LOCALHOST.into(), |(_, ip)| ip)
}

/// The lower the better; nothing for addresses that lead nowhere from outside.
fn rank(interface: &Interface, routed: Option<IpAddr>) -> Option<u8> {
    if interface.is_loopback() || interface.is_link_local() {
        return None;
    }
    let ip = interface.ip();
    let inner = INNER_NETWORKS
        .iter()
        .any(|prefix| interface.name.starts_with(prefix));
    Some(match ip {
        _ if inner => 4,
        // A tunnel is often the way to the internet, and seldom the way to the person next door.
        IpAddr::V4(_) if interface.is_p2p() => 3,
        ip if Some(ip) == routed => 0,
        IpAddr::V4(_) => 1,
        IpAddr::V6(_) => 2,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use if_addrs::{IfAddr, IfOperStatus, Ifv4Addr, Ifv6Addr};

    fn interface(name: &str, ip: &str) -> Interface {
        let addr = match ip.parse().unwrap() {
            IpAddr::V4(ip) => IfAddr::V4(Ifv4Addr {
                ip,
                netmask: Ipv4Addr::new(255, 255, 255, 0),
                prefixlen: 24,
                broadcast: None,
            }),
            IpAddr::V6(ip) => IfAddr::V6(Ifv6Addr {
                ip,
                netmask: ip,
                prefixlen: 64,
                broadcast: None,
            }),
        };
        Interface {
            name: name.into(),
            addr,
            index: None,
            oper_status: IfOperStatus::Up,
            is_p2p: name.starts_with("tun"),
            #[cfg(windows)]
            adapter_name: String::new(),
        }
    }

    #[test]
    fn the_link_leads_to_the_network_that_others_are_on() {
        let check = |addresses: &[(&str, &str)], routed: Option<&str>, expect: &str| {
            let interfaces: Vec<_> = addresses.iter().map(|(name, ip)| interface(name, ip)).collect();
            let routed = routed.map(|ip| ip.parse().unwrap());
            assert_eq!(
                reachable(&interfaces, routed).to_string(),
                expect,
                "{addresses:?}"
            );
        };
        let lan = ("eth0", "192.168.1.5");
        let wlan = ("wlan0", "10.0.0.9");
        let docker = ("docker0", "172.17.0.1");
        let tunnel = ("tun0", "10.8.0.2");
        let loopback = ("lo", "127.0.0.1");
        check(&[loopback, docker, lan], None, "192.168.1.5");
        check(&[loopback, lan, wlan], Some("10.0.0.9"), "10.0.0.9");
        check(&[tunnel, lan], Some("10.8.0.2"), "192.168.1.5");
        check(&[loopback, docker], None, "172.17.0.1");
        check(
            &[loopback, ("eth0", "fe80::1"), ("eth0", "fd00::7")],
            None,
            "fd00::7",
        );
        check(&[loopback], None, "127.0.0.1");
        check(&[], None, "127.0.0.1");
    }

    #[tokio::test]
    async fn two_on_one_computer_live_side_by_side() {
        let folder = tempfile::tempdir().unwrap();
        let mut one = EmbeddedServer::start(folder.path()).await.unwrap();
        let mut other = EmbeddedServer::start_unkept().await.unwrap();
        let (of_one, of_other) = (one.address_now().unwrap(), other.address_now().unwrap());
        assert_ne!(of_one.port(), of_other.port());
        assert!(!of_one.secure());
        assert!(one.serves(&of_one) && other.serves(&of_other));
        assert!(!one.serves(&of_other) && !other.serves(&of_one));
        let elsewhere = ServerAddress::new(false, "192.0.2.7", of_one.port()).unwrap();
        assert!(!one.serves(&elsewhere), "the port alone says nothing");
        one.stop().await;
        other.stop().await;
    }

    #[test]
    fn an_address_that_only_this_computer_reaches_is_known() {
        for (host, expect) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("192.168.1.5", false),
            ("example.org", false),
        ] {
            let address = ServerAddress::new(false, host, 7788).unwrap();
            assert_eq!(is_loopback(&address), expect, "{host}");
        }
    }
}
