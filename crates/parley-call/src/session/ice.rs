//! The servers that help to find a way. What the room's server says is checked: it ends in a library's parser.

use crate::ice::{HostPort, IceServer};
use parley_proto::{IceServerKind, RelayServer, ServerAddress};
use std::net::IpAddr;

/// More servers than this only slow gathering down.
const STUN_MAX: usize = 4;
/// Ways to relays: more are not worth an allocation each.
const RELAYS_MAX: usize = 6;
/// URLs that are looked at.
const URLS_MAX: usize = 32;

/// Every STUN server that the room names; `server` stands in for a host that is not named.
pub(super) fn stun(servers: &[parley_proto::IceServer], server: &ServerAddress) -> Vec<IceServer> {
    servers
        .iter()
        .filter(|ice| ice.kind == IceServerKind::Stun)
        .filter_map(|ice| HostPort::new(ice.host.as_deref().unwrap_or(server.host()), ice.port))
        .map(IceServer::Stun)
        .take(STUN_MAX)
        .collect()
}

/// Every server that came with the ticket and can be used; `server` stands in for a host that is left open.
pub(crate) fn relays(servers: &[RelayServer], server: &ServerAddress) -> Vec<IceServer> {
    let read = |(url, from): (&String, &RelayServer)| match IceServer::read(
        url,
        from.username.as_deref(),
        from.credential.as_deref(),
    ) {
        Ok(ice) => reached_by(ice, server),
        Err(error) => {
            tracing::debug!(%error, "a server that helps to find a way is not used");
            None
        }
    };
    let urls = servers
        .iter()
        .flat_map(|from| from.urls.iter().map(move |url| (url, from)));
    let mut usable: Vec<IceServer> = Vec::new();
    for ice in urls.take(URLS_MAX).filter_map(read) {
        let alike = usable
            .iter()
            .filter(|known| known.turn().is_some() == ice.turn().is_some())
            .count();
        let most = if ice.turn().is_some() {
            RELAYS_MAX
        } else {
            STUN_MAX
        };
        if alike < most && !usable.contains(&ice) {
            usable.push(ice);
        }
    }
    usable
}

/// An unspecified address stands for the host that the server was reached by.
fn reached_by(ice: IceServer, server: &ServerAddress) -> Option<IceServer> {
    let open = |at: &HostPort| at.host().parse().is_ok_and(|ip: IpAddr| ip.is_unspecified());
    let here = |at: &HostPort| HostPort::new(server.host(), at.port());
    Some(match ice {
        IceServer::Stun(at) if open(&at) => IceServer::Stun(here(&at)?),
        IceServer::Turn(mut turn) if open(&turn.at) => {
            turn.at = here(&turn.at)?;
            IceServer::Turn(turn)
        }
        ice => ice,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(servers: &[IceServer]) -> Vec<String> {
        servers.iter().map(|server| server.at().to_string()).collect()
    }

    #[test]
    fn only_usable_servers_of_a_room_are_asked() {
        let server = ServerAddress::new(false, "fd00::1", 7788).unwrap();
        let check = |host: Option<&str>, kind, port, expect: &[&str]| {
            let ice = parley_proto::IceServer {
                kind,
                host: host.map(Into::into),
                port,
            };
            assert_eq!(places(&stun(&[ice], &server)), expect, "{host:?}");
        };
        check(None, IceServerKind::Stun, 3478, &["[fd00::1]:3478"]);
        check(
            Some("stun.example.org"),
            IceServerKind::Stun,
            3478,
            &["stun.example.org:3478"],
        );
        check(Some("10.0.0.1"), IceServerKind::Unknown, 3478, &[]);
        check(Some("10.0.0.1"), IceServerKind::Stun, 0, &[]);
        check(Some("not a host\r\n"), IceServerKind::Stun, 3478, &[]);
        check(Some(&"a".repeat(300)), IceServerKind::Stun, 3478, &[]);
    }

    #[test]
    fn a_tickets_servers_are_used_as_far_as_they_can_be() {
        let server = ServerAddress::new(true, "call.example.org", 443).unwrap();
        let with = |urls: &[&str], credential: Option<&str>| RelayServer {
            urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            username: Some("1796000000:ada".into()),
            credential: credential.map(Into::into),
        };
        let told = [
            with(
                &[
                    "turn:0.0.0.0:3478",
                    "turns:relay.example.org:443",
                    "gopher:x",
                    "turn:0.0.0.0:3478",
                ],
                Some("k"),
            ),
            with(&["turn:nobody.example.org"], None),
            with(&["stun:[::]:3478"], None),
        ];
        assert_eq!(
            places(&relays(&told, &server)),
            [
                "call.example.org:3478",
                "relay.example.org:443",
                "call.example.org:3478"
            ]
        );
    }

    #[test]
    fn a_server_that_names_thousands_slows_nobody_down() {
        let server = ServerAddress::new(true, "host", 443).unwrap();
        let urls = (1..2_000).map(|port| format!("turn:host:{port}")).collect();
        let told = RelayServer {
            urls,
            username: Some("a".into()),
            credential: Some("b".into()),
        };
        assert_eq!(relays(&[told], &server).len(), RELAYS_MAX);
    }
}
