//! What the program says to people: where it is reached, what went wrong, and what to do.

use parley_server::{DEFAULT_PORT, Server, StartServerError};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Who has a port we want is asked what it is; whoever does not say so by then is somebody else.
const ANSWER_MAX: Duration = Duration::from_secs(2);
const ANSWER_BYTES_MAX: u64 = 4096;

/// What went wrong and what to do. A cause that the sentence about it names already is not said twice.
pub(crate) async fn about(error: &anyhow::Error) -> String {
    let by_parley = match error.downcast_ref() {
        Some(StartServerError::Taken { address }) => is_parley(*address).await,
        _ => false,
    };
    sentence(error, by_parley)
}

fn sentence(error: &anyhow::Error, by_parley: bool) -> String {
    let said = error.chain().map(ToString::to_string);
    let said = said.reduce(|said, cause| {
        if said.contains(&cause) {
            said
        } else {
            format!("{said}: {cause}")
        }
    });
    let said = said.unwrap_or_default();
    match error.downcast_ref() {
        Some(StartServerError::Taken { address }) if by_parley => format!(
            "TCP port {} is taken by Parley itself: another parley-server, or the app, which serves its own calls until it is closed. {}",
            address.port(),
            another_port(*address)
        ),
        Some(StartServerError::Taken { address }) => format!("{said} {}", another_port(*address)),
        _ => said,
    }
}

/// How to choose another one, ready to be copied.
fn another_port(taken: SocketAddr) -> String {
    let ip = match taken.ip() {
        // Shells take square brackets for something else.
        ip if ip.is_unspecified() => Ipv4Addr::UNSPECIFIED.into(),
        ip => ip,
    };
    let other = SocketAddr::new(ip, taken.port().checked_add(1).unwrap_or(DEFAULT_PORT));
    format!("Another port is chosen with --listen, for example: parley-server --listen {other}")
}

/// Whether it is Parley that answers where a port is taken.
pub(super) async fn is_parley(taken: SocketAddr) -> bool {
    let ip = match taken.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let asked = ask_what_it_is(SocketAddr::new(ip, taken.port()));
    let answer = tokio::time::timeout(ANSWER_MAX, asked).await;
    matches!(answer, Ok(Ok(answer)) if answer.contains("\"server\":\"parley\""))
}

async fn ask_what_it_is(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /api/v1/server HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Where it is reached, and what to do next. `domain` is its name, if it has one.
pub(crate) fn announce(server: &Server, domain: Option<&str>) {
    let port = server.tls_addresses().first().map_or(443, SocketAddr::port);
    match domain {
        Some(domain) if port == 443 => tracing::info!("Parley server at https://{domain}"),
        Some(domain) => tracing::info!("Parley server at https://{domain}:{port}"),
        None => {
            for url in server
                .addresses()
                .iter()
                .flat_map(|address| urls("http", *address))
            {
                tracing::info!("Parley server at {url}");
            }
            let secure: Vec<String> = server
                .tls_addresses()
                .iter()
                .flat_map(|address| urls("https", *address))
                .collect();
            // With a certificate that clients believe there is no other address.
            let whom = if server.addresses().is_empty() {
                "Parley server"
            } else {
                "For browsers"
            };
            for url in &secure {
                tracing::info!("{whom} at {url}");
            }
            if !secure.is_empty() && !server.addresses().is_empty() {
                tracing::info!(
                    "That certificate is this server's own: browsers warn of it once (\"Advanced\", then \"Proceed\"). With --domain NAME there is no warning."
                );
            }
        }
    }
    let ports: Vec<String> = server
        .udp_addresses()
        .iter()
        .map(|address| address.port().to_string())
        .collect();
    match (ports.is_empty(), server.turn_counters()) {
        (true, _) => tracing::info!(
            "No STUN: calls work within one network only, unless clients find another STUN server."
        ),
        (false, Some(_)) => tracing::info!(
            "STUN and TURN on UDP port {}; relays have UDP ports of their own (turn.ports): open them in the firewall too",
            ports.join(" and ")
        ),
        (false, None) => tracing::info!("STUN on UDP port {}", ports.join(" and ")),
    }
    tracing::info!(
        "Next: in Parley, choose one of these addresses as server and start a call. Ctrl-C stops this server."
    );
}

/// An address of every interface in place of "all of them".
pub(super) fn urls(scheme: &str, address: SocketAddr) -> Vec<String> {
    let url = |ip: IpAddr| format!("{scheme}://{}", SocketAddr::new(ip, address.port()));
    if !address.ip().is_unspecified() {
        return vec![url(address.ip())];
    }
    let only_v4 = address.is_ipv4();
    let mut ips: Vec<IpAddr> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .map(|interface| interface.ip())
        .filter(|ip| match ip {
            IpAddr::V4(_) => true,
            IpAddr::V6(ip) => !only_v4 && !ip.is_unicast_link_local() && *ip != Ipv6Addr::LOCALHOST,
        })
        .collect();
    // What others can use first.
    ips.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6()));
    ips.into_iter().map(url).collect()
}
