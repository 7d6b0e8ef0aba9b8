//! Servers that help to find a way through NATs, as a client is told of them.

use serde::{Deserialize, Serialize};

/// A server that helps to find a way through NATs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    /// What it speaks.
    pub kind: IceServerKind,
    /// Its host; absent means "the host you reached me at".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its port.
    pub port: u16,
    /// How it is reached; absent means UDP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<IceTransport>,
    /// What a relay asks for; STUN asks for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<IceCredentials>,
}

impl IceServer {
    /// One that answers over UDP and asks for nothing.
    #[must_use]
    pub const fn new(kind: IceServerKind, host: Option<String>, port: u16) -> Self {
        Self {
            kind,
            host,
            port,
            transport: None,
            credentials: None,
        }
    }

    /// As WebRTC writes it (RFC 7064, RFC 7065): `turns:call.example.org:443?transport=tcp`. `reached_at` is the host by which
    /// the server was reached, an IPv6 address in brackets. `None` for what this build does not know.
    #[must_use]
    pub fn url(&self, reached_at: &str) -> Option<String> {
        let host = self.host.as_deref().unwrap_or(reached_at);
        let (scheme, transport) = match (self.kind, self.transport.unwrap_or(IceTransport::Udp)) {
            (IceServerKind::Stun, IceTransport::Udp) => ("stun", ""),
            (IceServerKind::Turn, IceTransport::Udp) => ("turn", "?transport=udp"),
            (IceServerKind::Turn, IceTransport::Tcp) => ("turn", "?transport=tcp"),
            (IceServerKind::Turn, IceTransport::Tls) => ("turns", "?transport=tcp"),
            _ => return None,
        };
        Some(format!("{scheme}:{host}:{}{transport}", self.port))
    }
}

/// How an [`IceServer`] is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IceTransport {
    /// UDP.
    Udp,
    /// TCP (RFC 8656, section 3.1).
    Tcp,
    /// TLS over TCP.
    Tls,
    /// Something newer.
    #[serde(other)]
    Unknown,
}

/// What a relay asks for (RFC 8489, section 9.2).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceCredentials {
    /// The user name.
    pub username: String,
    /// The password. Secret: whoever has it can use the relay in this one's name.
    pub credential: String,
    /// For how long a relay can be had with them, in seconds. One that is there already is kept beyond that.
    pub expires_in_s: u64,
}

impl std::fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IceCredentials(…)")
    }
}

/// Protocols of [`IceServer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IceServerKind {
    /// STUN over UDP (RFC 8489).
    Stun,
    /// TURN (RFC 8656).
    Turn,
    /// Something newer.
    #[serde(other)]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_written_as_webrtc_wants_them() {
        let check = |json: &str, expect: Option<&str>| {
            let server: IceServer = serde_json::from_str(json).unwrap();
            assert_eq!(server.url("[fd00::1]").as_deref(), expect, "{json}");
        };
        check(r#"{"kind":"stun","port":3478}"#, Some("stun:[fd00::1]:3478"));
        check(
            r#"{"kind":"turn","host":"a.example","port":443,"transport":"udp"}"#,
            Some("turn:a.example:443?transport=udp"),
        );
        check(
            r#"{"kind":"turn","port":443,"transport":"tcp"}"#,
            Some("turn:[fd00::1]:443?transport=tcp"),
        );
        check(
            r#"{"kind":"turn","host":"a.example","port":443,"transport":"tls"}"#,
            Some("turns:a.example:443?transport=tcp"),
        );
        check(r#"{"kind":"turn","port":443,"transport":"pigeon"}"#, None);
        check(r#"{"kind":"oracle","port":443}"#, None);
        let server: IceServer = serde_json::from_str(
            r#"{"kind":"turn","port":1,"credentials":{"username":"u","credential":"secret","expires_in_s":1}}"#,
        )
        .unwrap();
        assert!(
            !format!("{server:?}").contains("secret"),
            "a log gives no relay away"
        );
    }
}
