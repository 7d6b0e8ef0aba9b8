//! `parley-server doctor`: looks at what a server with these settings would find on this machine, and says in words what works
//! and what to do. Starts nothing and changes nothing; what firewalls outside let through it cannot see.

use super::words::is_parley;
use anyhow::{Result, bail};
use parley_server::{CertificateSource, ServerConfig};
use std::io::{ErrorKind, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

/// A name that takes longer to look up is of no use to a call.
const LOOKUP_MAX: Duration = Duration::from_secs(5);

/// What was found at one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Port {
    Free,
    /// A running server has it, most likely the one that is asked about.
    Parley,
    Taken,
    Denied,
    /// This machine has no such address.
    Missing,
}

/// What was found out, before anything is thought of it.
#[derive(Debug, Default)]
struct Facts {
    tcp: Vec<(SocketAddr, Port)>,
    udp: Vec<(SocketAddr, Port)>,
    /// The domain, and where it leads; nothing if nobody knows it.
    name: Option<(String, Vec<IpAddr>)>,
    /// The addresses of this machine, and those it is said to have outside.
    own: Vec<IpAddr>,
    /// Whether there are relays of this server.
    relays: bool,
    /// Whether the certificate comes from an authority that has to reach this machine.
    acme: bool,
}

/// One line of the answer.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Good(String),
    /// With what to do.
    Bad(String),
}

/// Looks, and tells.
///
/// # Errors
/// Something is to be mended.
pub(crate) async fn run(config: &ServerConfig) -> Result<()> {
    let lines = judge(&look(config).await);
    let mut text = String::new();
    for line in &lines {
        let (sign, words) = match line {
            Line::Good(words) => ("ok ", words),
            Line::Bad(words) => ("!! ", words),
        };
        text.push_str(&format!("{sign} {words}\n"));
    }
    // Whoever does not read on has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    let bad = lines.iter().filter(|line| matches!(line, Line::Bad(_))).count();
    if bad > 0 {
        bail!(
            "{bad} of {} are to be mended: the lines that begin with !!.",
            lines.len()
        );
    }
    Ok(())
}

async fn look(config: &ServerConfig) -> Facts {
    let tls = config.tls.iter().flat_map(|tls| &tls.listen);
    let mut tcp = Vec::new();
    for address in config.listen.iter().chain(tls).chain(&config.redirect) {
        let mut port = state(TcpListener::bind(address).map(drop));
        if port == Port::Taken && is_parley(*address).await {
            port = Port::Parley;
        }
        tcp.push((*address, port));
    }
    let sfu = config.sfu.as_ref().map(|sfu| &sfu.sockets.listen);
    let udp = config.stun.iter().chain(&config.stun_more).chain(sfu);
    let udp = udp
        .map(|address| (*address, state(UdpSocket::bind(address).map(drop))))
        .collect();
    let name = match &config.domain {
        None => None,
        Some(domain) => {
            let found =
                tokio::time::timeout(LOOKUP_MAX, tokio::net::lookup_host((domain.as_str(), 443))).await;
            let found = found.ok().and_then(Result::ok).into_iter().flatten();
            Some((domain.clone(), found.map(|address| address.ip()).collect()))
        }
    };
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let public = config.relay.iter().flat_map(|relay| relay.public.clone());
    Facts {
        tcp,
        udp,
        name,
        own: interfaces
            .into_iter()
            .map(|interface| interface.ip())
            .chain(public)
            .collect(),
        relays: config.relay.is_some(),
        acme: config
            .tls
            .as_ref()
            .is_some_and(|tls| matches!(tls.certificate, CertificateSource::Acme { .. })),
    }
}

fn state(bound: std::io::Result<()>) -> Port {
    match bound.map_err(|error| error.kind()) {
        Ok(()) => Port::Free,
        Err(ErrorKind::AddrInUse) => Port::Taken,
        Err(ErrorKind::PermissionDenied) => Port::Denied,
        Err(_) => Port::Missing,
    }
}

fn judge(facts: &Facts) -> Vec<Line> {
    let runs = facts.tcp.iter().any(|(_, port)| *port == Port::Parley);
    let mut lines: Vec<Line> = facts
        .tcp
        .iter()
        .map(|(address, port)| about("TCP", *address, *port, runs))
        .collect();
    lines.extend(facts.udp.iter().map(|(address, port)| {
        // Nobody can be asked who has a UDP port; a running server has those it is set to.
        let port = if runs && *port == Port::Taken {
            Port::Parley
        } else {
            *port
        };
        about("UDP", *address, port, runs)
    }));
    if facts.udp.is_empty() {
        lines.push(Line::Bad(
            "There is neither STUN nor TURN: calls work within one network only. Set stun.enabled."
                .to_owned(),
        ));
    }
    if let Some((name, leads_to)) = &facts.name {
        lines.push(about_name(facts, name, leads_to));
    }
    let reaches_out = facts.own.iter().any(is_public);
    if facts.relays && facts.name.is_some() && !reaches_out {
        lines.push(Line::Bad(
            "This machine has private addresses only, so nobody outside reaches its relays. Say its public address in turn.public.".to_owned(),
        ));
    }
    if facts.own.iter().any(|ip| ip.is_ipv6() && is_public(ip)) {
        lines.push(Line::Good("IPv6: there is a public address.".to_owned()));
    }
    lines
}

fn about(kind: &str, address: SocketAddr, port: Port, runs: bool) -> Line {
    let place = format!("{kind} {address}");
    match port {
        Port::Free if runs => Line::Bad(format!(
            "{place} is free, but a Parley server runs that should have it: it was started with other settings. Restart it."
        )),
        Port::Free => Line::Good(format!("{place} is free. Open it in the firewall.")),
        Port::Parley => Line::Good(format!("{place} belongs to a running Parley server.")),
        Port::Taken => Line::Bad(format!(
            "{place} is taken by another program. Stop that program, or choose another address."
        )),
        Port::Denied => Line::Bad(format!(
            "{place} is not for this user: ports below 1024 need root (and `user`), or CAP_NET_BIND_SERVICE as the systemd unit has it."
        )),
        Port::Missing => Line::Bad(format!(
            "{place} cannot be had: this machine has no such address."
        )),
    }
}

fn about_name(facts: &Facts, name: &str, leads_to: &[IpAddr]) -> Line {
    let listed = leads_to
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    let needs = if facts.acme {
        " No authority gives a certificate until it does."
    } else {
        ""
    };
    if leads_to.is_empty() {
        return Line::Bad(format!(
            "{name} leads nowhere: make an A record (and AAAA) with this machine's public address.{needs}"
        ));
    }
    if leads_to.iter().any(|ip| facts.own.contains(ip)) {
        return Line::Good(format!("{name} leads here ({listed})."));
    }
    Line::Bad(format!(
        "{name} leads to {listed}, which is none of this machine's addresses. Mend the record; behind a 1:1 NAT say that address in turn.public.{needs}"
    ))
}

/// Roughly: not one that is known to lead nowhere from outside.
fn is_public(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let shared = ip.octets()[0] == 100 && (64..128).contains(&ip.octets()[1]);
            !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || shared)
        }
        IpAddr::V6(ip) => ip.segments()[0] & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    /// The words of what is to be mended.
    fn bad(facts: &Facts) -> Vec<String> {
        let lines = judge(facts).into_iter();
        lines
            .filter_map(|line| match line {
                Line::Bad(words) => Some(words),
                Line::Good(_) => None,
            })
            .collect()
    }

    fn healthy() -> Facts {
        Facts {
            tcp: vec![(at("[::]:443"), Port::Free)],
            udp: vec![(at("[::]:3478"), Port::Free)],
            name: Some((
                "call.example.org".to_owned(),
                vec!["203.0.113.7".parse().unwrap()],
            )),
            own: vec!["10.0.0.5".parse().unwrap(), "203.0.113.7".parse().unwrap()],
            relays: true,
            acme: true,
        }
    }

    #[test]
    fn a_machine_that_is_as_it_should_be_has_nothing_to_mend() {
        assert_eq!(bad(&healthy()), [""; 0]);
        let running = Facts {
            tcp: vec![(at("[::]:443"), Port::Parley)],
            udp: vec![(at("[::]:3478"), Port::Taken)],
            ..healthy()
        };
        assert_eq!(bad(&running), [""; 0], "a running server has its ports");
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_do() {
        let check = |facts: Facts, words: &str| {
            let said = bad(&facts);
            assert!(said.len() == 1 && said[0].contains(words), "{words}: {said:?}");
        };
        let tcp = |port| Facts {
            tcp: vec![(at("[::]:443"), port)],
            ..healthy()
        };
        check(tcp(Port::Taken), "Stop that program");
        check(tcp(Port::Denied), "CAP_NET_BIND_SERVICE");
        check(tcp(Port::Missing), "no such address");
        let half = Facts {
            tcp: vec![(at("[::]:443"), Port::Parley), (at("[::]:80"), Port::Free)],
            udp: vec![(at("[::]:3478"), Port::Taken)],
            ..healthy()
        };
        check(half, "Restart it");
        let nowhere = Facts {
            name: Some(("call.example.org".to_owned(), Vec::new())),
            ..healthy()
        };
        check(nowhere, "make an A record");
        let elsewhere = Facts {
            name: Some((
                "call.example.org".to_owned(),
                vec!["198.51.100.1".parse().unwrap()],
            )),
            ..healthy()
        };
        check(elsewhere, "leads to 198.51.100.1");
        check(
            Facts {
                udp: Vec::new(),
                ..healthy()
            },
            "stun.enabled",
        );
        let behind_a_nat = Facts {
            own: vec!["10.0.0.5".parse().unwrap()],
            name: Some(("call.example.org".to_owned(), vec!["10.0.0.5".parse().unwrap()])),
            ..healthy()
        };
        check(behind_a_nat, "turn.public");
    }
}
