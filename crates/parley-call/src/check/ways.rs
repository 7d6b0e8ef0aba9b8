//! Tries each way out of this network. A driver: what it saw becomes words in `verdict`.

use super::verdict::{Nat, NetworkReport, Way, WayReport, WaySeen};
use crate::config::NetworkOptions;
use crate::ice::{HostPort, IceServer, RelayTransport, TurnServer};
use crate::relay::Proxy;
use crate::relay::dial::dial;
use crate::relay::probe;
use crate::session::offered;
use crate::signaling;
use crate::{stun, trust};
use futures_util::future::{join, join_all};
use parley_proto::ServerAddress;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::lookup_host;
use tokio::time::timeout;

/// No way is waited for longer.
pub const CHECK_MAX: Duration = Duration::from_secs(10);
/// Names are looked up for so long, ...
const NAMES_MAX: Duration = Duration::from_secs(3);
/// ... and no further server is asked by UDP after this: each may be waited for three seconds.
const ASK_MAX: Duration = Duration::from_secs(4);
/// The usual port of STUN, where the server names none.
const STUN_PORT: u16 = 3478;
/// Servers that are asked from one port, to see what a NAT does.
const ASKED_MAX: usize = 4;

/// Tries every way out of this network that a server can be reached by. Takes at most twice [`CHECK_MAX`].
pub async fn check_network(server: &ServerAddress, options: &NetworkOptions) -> NetworkReport {
    let began = clock();
    let asking = signaling::ask_ticket(server, options.proxy.as_ref());
    let told = timeout(CHECK_MAX, asking).await;
    let (reached, mut servers) = match told {
        Ok(Ok(offer)) => (WaySeen::Works(began.elapsed()), offered(&offer, server)),
        Ok(Err(fault)) => (WaySeen::Fails(fault.to_string()), Vec::new()),
        Err(_) => (WaySeen::Fails("no answer".to_owned()), Vec::new()),
    };
    servers.extend(options.relays.iter().cloned().map(IceServer::Turn));
    if !servers.iter().any(is_on_udp)
        && let Some(usual) = HostPort::new(server.host(), STUN_PORT)
    {
        servers.push(IceServer::Stun(usual));
    }
    let to = Some(server.to_string());
    let way = Way::Server;
    let first = WayReport {
        way,
        to,
        seen: reached,
    };
    let relays = [
        (Way::RelayUdp, RelayTransport::Udp),
        (Way::RelayTcp, RelayTransport::Tcp),
        (Way::RelayTls, RelayTransport::Tls),
    ]
    .map(|(way, transport)| relay(way, transport, &servers, options.proxy.as_ref()));
    let ((udp, ipv6, nat), relays) = join(datagrams(&servers), join_all(relays)).await;
    let ways = [first, udp, ipv6].into_iter().chain(relays).collect();
    NetworkReport { ways, nat }
}

#[expect(clippy::disallowed_methods, reason = "driver: the clock enters here")]
fn clock() -> Instant {
    Instant::now()
}

fn is_on_udp(server: &IceServer) -> bool {
    server
        .turn()
        .is_none_or(|turn| turn.transport == RelayTransport::Udp)
}

/// UDP over IPv4 and over IPv6, and what the NAT does with it.
async fn datagrams(servers: &[IceServer]) -> (WayReport, WayReport, Nat) {
    let looking = servers.iter().filter(|server| is_on_udp(server)).map(|server| {
        let place = (server.at().host(), server.at().port());
        timeout(NAMES_MAX, lookup_host(place))
    });
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for found in join_all(looking).await.into_iter().flatten().flatten() {
        let fresh: Vec<_> = found.filter(|address| !addresses.contains(address)).collect();
        addresses.extend(fresh);
    }
    let (v4, v6): (Vec<_>, Vec<_>) = addresses.into_iter().partition(SocketAddr::is_ipv4);
    let ((udp, seen), (ipv6, _)) = join(family(Way::Udp, &v4), family(Way::Ipv6, &v6)).await;
    let own: Vec<IpAddr> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .iter()
        .map(if_addrs::Interface::ip)
        .collect();
    (udp, ipv6, Nat::seen(&own, &seen))
}

/// Asks servers of one family from one port; gives also how they saw it.
async fn family(way: Way, servers: &[SocketAddr]) -> (WayReport, Vec<SocketAddr>) {
    let mut seen = Vec::new();
    let mut report = WayReport {
        way,
        to: servers.first().map(ToString::to_string),
        seen: match servers {
            [] => WaySeen::NotOffered,
            _ => WaySeen::Fails("no answer".to_owned()),
        },
    };
    let Some(first) = servers.first() else {
        return (report, seen);
    };
    let socket = match probe::socket_to(*first).await {
        Ok(socket) => socket,
        Err(error) => {
            report.seen = WaySeen::Fails(error.to_string());
            return (report, seen);
        }
    };
    let first_asked = clock();
    for server in servers.iter().take(ASKED_MAX) {
        let began = clock();
        if began.duration_since(first_asked) > ASK_MAX {
            break;
        }
        if let Some(mapped) = probe::ask(&socket, *server).await {
            if seen.is_empty() {
                report.to = Some(server.to_string());
                report.seen = WaySeen::Works(began.elapsed());
            }
            seen.push(mapped);
        }
    }
    (report, seen)
}

/// The relays that are reached one way: the first that answers.
async fn relay(
    way: Way,
    transport: RelayTransport,
    servers: &[IceServer],
    proxy: Option<&Proxy>,
) -> WayReport {
    let mut report = WayReport {
        way,
        to: None,
        seen: WaySeen::NotOffered,
    };
    let relays = servers.iter().filter_map(IceServer::turn);
    let until = clock() + CHECK_MAX;
    for relay in relays.filter(|relay| relay.transport == transport) {
        let began = clock();
        let left = until.saturating_duration_since(began);
        if left.is_zero() {
            break;
        }
        report.to = Some(relay.at.to_string());
        report.seen = match timeout(left, answers(relay, proxy)).await {
            Ok(Ok(())) => WaySeen::Works(began.elapsed()),
            Ok(Err(fault)) => WaySeen::Fails(fault),
            Err(_) => WaySeen::Fails("no answer".to_owned()),
        };
        if matches!(report.seen, WaySeen::Works(_)) {
            break;
        }
    }
    report
}

/// Whether a relay is there: it asks who wants an allocation (401), which is all that is to be known here.
async fn answers(relay: &TurnServer, proxy: Option<&Proxy>) -> Result<(), String> {
    let transaction = rand::random();
    let request = stun::allocate(transaction);
    if relay.transport == RelayTransport::Udp {
        return probe::exchange(&relay.at, &request, |answer| {
            stun::answers_allocate(answer, transaction)
        })
        .await
        .then_some(())
        .ok_or_else(|| "no answer".to_owned());
    }
    let tls = match relay.transport {
        RelayTransport::Tls => Some(trust::trusted().await.ok_or("no encryption on this system")?),
        RelayTransport::Udp | RelayTransport::Tcp => None,
    };
    let mut stream = dial(&relay.at, tls.as_ref(), proxy)
        .await
        .map_err(|error| error.to_string())?;
    stream
        .write_all(&request)
        .await
        .map_err(|error| error.to_string())?;
    stream.flush().await.map_err(|error| error.to_string())?;
    let mut read = Vec::with_capacity(512);
    while read.len() < stun::HEADER_BYTES {
        let came = stream
            .read_buf(&mut read)
            .await
            .map_err(|error| error.to_string())?;
        if came == 0 {
            return Err("it hangs up: no relay is there".to_owned());
        }
    }
    if stun::answers_allocate(&read, transaction) {
        Ok(())
    } else {
        Err("what answers there is no relay".to_owned())
    }
}
