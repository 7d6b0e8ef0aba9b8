//! The servers that help to find a way, as URLs. What the room's server says is checked: it ends in a library's parser.

use parley_proto::{IceServer, IceServerKind, ServerAddress};

/// More servers than this only slow gathering down.
const SERVERS_MAX: usize = 4;
/// The longest name of a host (RFC 1035).
const HOST_BYTES_MAX: usize = 253;

/// `stun:host:port` of every server of a kind we know; `server` stands in for a host that is not named.
pub(super) fn urls(servers: &[IceServer], server: &ServerAddress) -> Vec<String> {
    servers
        .iter()
        .filter(|ice| ice.kind == IceServerKind::Stun && ice.port != 0)
        .filter_map(|ice| {
            let host = match &ice.host {
                None => server.host().to_owned(),
                Some(host) if host.len() <= HOST_BYTES_MAX => {
                    ServerAddress::new(false, host, ice.port).ok()?.host().to_owned()
                }
                Some(_) => return None,
            };
            Some(format!("stun:{host}:{}", ice.port))
        })
        .take(SERVERS_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_usable_servers_become_urls() {
        let server = ServerAddress::new(false, "fd00::1", 7788).unwrap();
        let check = |host: Option<&str>, kind, port, expect: &[&str]| {
            let ice = IceServer::new(kind, host.map(Into::into), port);
            assert_eq!(urls(&[ice], &server), expect, "{host:?}");
        };
        check(None, IceServerKind::Stun, 3478, &["stun:[fd00::1]:3478"]);
        check(
            Some("stun.example.org"),
            IceServerKind::Stun,
            3478,
            &["stun:stun.example.org:3478"],
        );
        check(Some("10.0.0.1"), IceServerKind::Unknown, 3478, &[]);
        check(Some("10.0.0.1"), IceServerKind::Stun, 0, &[]);
        check(Some("not a host\r\n"), IceServerKind::Stun, 3478, &[]);
        check(Some(&"a".repeat(300)), IceServerKind::Stun, 3478, &[]);
    }
}
