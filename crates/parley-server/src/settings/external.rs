//! Somebody else's TURN server, as WebRTC writes it (RFC 7065): `turn:HOST[:PORT][?transport=udp|tcp]`, `turns:HOST[:PORT]`.

use parley_proto::{IceServer, IceServerKind, IceTransport};
use std::str::FromStr;

/// One address of it, without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalTurn(pub IceServer);

/// What cannot be read as one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is no TURN server. Write it like turn:turn.example.org:3478?transport=udp or turns:turn.example.org:5349."
)]
pub struct ParseExternalTurnError(String);

impl FromStr for ExternalTurn {
    type Err = ParseExternalTurnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read(text)
            .map(Self)
            .ok_or_else(|| ParseExternalTurnError(text.to_owned()))
    }
}

fn read(text: &str) -> Option<IceServer> {
    let (scheme, rest) = text.split_once(':')?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (transport, usual_port) = match (scheme, query) {
        ("turn", "" | "transport=udp") => (IceTransport::Udp, 3478),
        ("turn", "transport=tcp") => (IceTransport::Tcp, 3478),
        ("turns", "" | "transport=tcp") => (IceTransport::Tls, 5349),
        _ => return None,
    };
    let host_end = match place.strip_prefix('[') {
        Some(_) => place.find(']')? + 1,
        None => place.find(':').unwrap_or(place.len()),
    };
    let (host, port) = place.split_at_checked(host_end)?;
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().ok().filter(|port| *port != 0)?,
        None if port.is_empty() => usual_port,
        None => return None,
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-[]:".contains(&byte);
    if host.is_empty() || host.len() > 253 || !host.bytes().all(plain) {
        return None;
    }
    Some(IceServer {
        transport: Some(transport),
        ..IceServer::new(IceServerKind::Turn, Some(host.to_owned()), port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_webrtc_writes_it() {
        for (text, expect) in [
            ("turn:a.example", Some("turn:a.example:3478?transport=udp")),
            (
                "turn:a.example:80?transport=tcp",
                Some("turn:a.example:80?transport=tcp"),
            ),
            ("turns:a.example", Some("turns:a.example:5349?transport=tcp")),
            ("turn:[fd00::1]:3479", Some("turn:[fd00::1]:3479?transport=udp")),
            ("turn:fd00::1", None),
            ("turn:", None),
            ("turn:a b", None),
            ("turn:a.example:0", None),
            ("turns:a.example?transport=udp", None),
            ("stun:a.example", None),
            ("a.example:3478", None),
        ] {
            let read = text.parse::<ExternalTurn>().ok();
            let url = read.and_then(|ExternalTurn(server)| server.url(""));
            assert_eq!(url.as_deref(), expect, "{text}");
        }
    }
}
