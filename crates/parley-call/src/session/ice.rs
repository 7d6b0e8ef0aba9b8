//! The servers that help to find a way. What the room's server says is checked: it ends in a library's parser.

use crate::ice::IceServer;
use parley_proto::ServerAddress;

/// More servers than this only slow gathering down.
const STUN_MAX: usize = 4;
/// Ways to relays: more are not worth an allocation each.
const RELAYS_MAX: usize = 6;
/// Servers that are looked at.
const SERVERS_MAX: usize = 32;

/// Every server that the room's names and that can be used; `server` stands in for a host that is left open.
pub(crate) fn usable(servers: &[parley_proto::IceServer], server: &ServerAddress) -> Vec<IceServer> {
    let read = |told: &parley_proto::IceServer| {
        let url = told.url(server.host())?;
        let credentials = told.credentials.as_ref();
        let username = credentials.map(|known| known.username.as_str());
        let password = credentials.map(|known| known.credential.as_str());
        IceServer::read(&url, username, password)
            .inspect_err(|error| tracing::debug!(%error, "a server that helps to find a way is not used"))
            .ok()
    };
    let mut taken: Vec<IceServer> = Vec::new();
    for ice in servers.iter().take(SERVERS_MAX).filter_map(read) {
        let alike = taken
            .iter()
            .filter(|known| known.turn().is_some() == ice.turn().is_some())
            .count();
        let most = if ice.turn().is_some() {
            RELAYS_MAX
        } else {
            STUN_MAX
        };
        if alike < most && !taken.contains(&ice) {
            taken.push(ice);
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_proto::{IceCredentials, IceServerKind, IceTransport};

    fn places(servers: &[IceServer]) -> Vec<String> {
        servers.iter().map(|server| server.at().to_string()).collect()
    }

    #[test]
    fn only_usable_servers_of_a_room_are_asked() {
        let server = ServerAddress::new(false, "fd00::1", 7788).unwrap();
        let check = |host: Option<&str>, kind, port, expect: &[&str]| {
            let ice = parley_proto::IceServer::new(kind, host.map(Into::into), port);
            assert_eq!(places(&usable(&[ice], &server)), expect, "{host:?}");
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

    fn relay(host: Option<&str>, port: u16, transport: IceTransport) -> parley_proto::IceServer {
        parley_proto::IceServer {
            transport: Some(transport),
            credentials: Some(IceCredentials {
                username: "1796000000:ada".into(),
                credential: "k".into(),
                expires_in_s: 600,
            }),
            ..parley_proto::IceServer::new(IceServerKind::Turn, host.map(Into::into), port)
        }
    }

    #[test]
    fn a_tickets_servers_are_used_as_far_as_they_can_be() {
        let server = ServerAddress::new(true, "call.example.org", 443).unwrap();
        let told = [
            relay(None, 3478, IceTransport::Udp),
            relay(Some("relay.example.org"), 443, IceTransport::Tls),
            relay(None, 443, IceTransport::Unknown),
            relay(None, 3478, IceTransport::Udp),
            relay(Some("not a host\r\n"), 443, IceTransport::Tcp),
            parley_proto::IceServer::new(IceServerKind::Turn, Some("nobody.example.org".into()), 3478),
            parley_proto::IceServer::new(IceServerKind::Stun, None, 3478),
        ];
        assert_eq!(
            places(&usable(&told, &server)),
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
        let told: Vec<_> = (1..2_000)
            .map(|port| relay(None, port, IceTransport::Udp))
            .collect();
        assert_eq!(usable(&told, &server).len(), RELAYS_MAX);
    }
}
