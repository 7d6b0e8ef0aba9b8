//! Servers that help to find a way, as their URLs name them (RFC 7064, RFC 7065): STUN, and relays with what opens them.
//!
//! Only the words. What is reached how is the peer driver's.

use parley_proto::ServerAddress;
use std::fmt;

/// The longest user name or password of a relay, in bytes (RFC 8489, 14.3, allows 508).
const CREDENTIAL_BYTES_MAX: usize = 508;
/// The longest name of a host (RFC 1035).
const HOST_BYTES_MAX: usize = 253;
/// The port of STUN and TURN (RFC 8489, 18.6).
const PORT: u16 = 3478;
/// The same over TLS.
const TLS_PORT: u16 = 5349;

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    host: String,
    port: u16,
}

impl HostPort {
    /// `host` is a name, an IPv4 address, or an IPv6 address with or without brackets. Nothing else becomes a place.
    #[must_use]
    pub fn new(host: &str, port: u16) -> Option<Self> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if bare.is_empty() || bare.len() > HOST_BYTES_MAX || port == 0 {
            return None;
        }
        let address = ServerAddress::new(false, bare, port).ok()?;
        let host = address.host().trim_start_matches('[').trim_end_matches(']');
        Some(Self {
            host: host.to_owned(),
            port,
        })
    }

    /// Reads `host:port`, with IPv6 addresses in brackets; without a port it is `port_else`.
    #[must_use]
    pub fn read(text: &str, port_else: u16) -> Option<Self> {
        let end_of_host = text.rfind(']').unwrap_or(0);
        let (host, port) = match text.get(end_of_host..)?.rfind(':') {
            Some(at) => {
                let (host, port) = text.split_at(end_of_host + at);
                (host, port.strip_prefix(':')?.parse().ok()?)
            }
            None => (text, port_else),
        };
        Self::new(host, port)
    }

    /// A name or an address, IPv6 without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// How a relay is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RelayTransport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// An encrypted stream: to a firewall it looks like any page.
    Tls,
}

impl RelayTransport {
    /// As figures and reports write it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// A relay and what opens it.
#[derive(Clone, PartialEq, Eq)]
pub struct TurnServer {
    /// Where it is.
    pub at: HostPort,
    /// How it is reached.
    pub transport: RelayTransport,
    /// Who uses it.
    pub username: String,
    /// And by what.
    pub password: String,
}

// A password in a log is none.
impl fmt::Debug for TurnServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TurnServer({} over {})", self.at, self.transport.word())
    }
}

/// A server that helps to find a way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IceServer {
    /// Tells one's own address, over UDP.
    Stun(HostPort),
    /// Relays.
    Turn(TurnServer),
}

/// Why a text names no server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IceUrlError {
    /// It is no such URL.
    #[error("A relay's address looks like turn:host:3478, turn:host:3478?transport=tcp or turns:host:443.")]
    Malformed,
    /// It names a way to reach it that Parley does not know.
    #[error("Parley reaches relays by turn: over UDP or TCP, and by turns: over TCP.")]
    Unsupported,
    /// Relays want to know who is there.
    #[error("A relay needs a user name and a password.")]
    NoCredentials,
}

impl IceServer {
    /// Reads a `stun:`, `turn:` or `turns:` URL.
    ///
    /// # Errors
    /// [`IceUrlError`] says what is wrong with it.
    pub fn read(url: &str, username: Option<&str>, password: Option<&str>) -> Result<Self, IceUrlError> {
        let (scheme, rest) = url.trim().split_once(':').ok_or(IceUrlError::Malformed)?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let transport = match query {
            "" => None,
            query => Some(query.strip_prefix("transport=").ok_or(IceUrlError::Malformed)?),
        };
        let is = |name: &str| transport.is_none_or(|transport| transport.eq_ignore_ascii_case(name));
        let relay = match scheme.to_ascii_lowercase().as_str() {
            "stun" => {
                let at = HostPort::read(place, PORT).ok_or(IceUrlError::Malformed)?;
                return Ok(Self::Stun(at));
            }
            "turn" if is("udp") => RelayTransport::Udp,
            "turn" if is("tcp") => RelayTransport::Tcp,
            "turns" if is("tcp") => RelayTransport::Tls,
            "turn" | "turns" | "stuns" => return Err(IceUrlError::Unsupported),
            _ => return Err(IceUrlError::Malformed),
        };
        let port_else = match relay {
            RelayTransport::Tls => TLS_PORT,
            RelayTransport::Udp | RelayTransport::Tcp => PORT,
        };
        let at = HostPort::read(place, port_else).ok_or(IceUrlError::Malformed)?;
        let usable = |text: &&str| !text.is_empty() && text.len() <= CREDENTIAL_BYTES_MAX;
        let (Some(username), Some(password)) = (username.filter(usable), password.filter(usable)) else {
            return Err(IceUrlError::NoCredentials);
        };
        Ok(Self::Turn(TurnServer {
            at,
            transport: relay,
            username: username.to_owned(),
            password: password.to_owned(),
        }))
    }

    /// Where it is.
    #[must_use]
    pub const fn at(&self) -> &HostPort {
        match self {
            Self::Stun(at) => at,
            Self::Turn(turn) => &turn.at,
        }
    }

    /// The relay that it is, if it is one.
    #[must_use]
    pub const fn turn(&self) -> Option<&TurnServer> {
        match self {
            Self::Stun(_) => None,
            Self::Turn(turn) => Some(turn),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn urls_say_where_a_server_is_and_how_it_is_reached() {
        let check = |url: &str, at: &str, relay: Option<RelayTransport>| {
            let server = IceServer::read(url, Some("ada"), Some("secret")).unwrap();
            assert_eq!(server.at().to_string(), at, "{url}");
            assert_eq!(server.turn().map(|turn| turn.transport), relay, "{url}");
        };
        check("stun:call.example.org", "call.example.org:3478", None);
        check("stun:[fd00::1]:19302", "[fd00::1]:19302", None);
        check("turn:10.0.0.1", "10.0.0.1:3478", Some(RelayTransport::Udp));
        check("turn:[fd00::1]", "[fd00::1]:3478", Some(RelayTransport::Udp));
        check(
            "turn:host:443?transport=udp",
            "host:443",
            Some(RelayTransport::Udp),
        );
        check("TURN:host:80?transport=TCP", "host:80", Some(RelayTransport::Tcp));
        check("turns:host", "host:5349", Some(RelayTransport::Tls));
        check(
            "turns:host:443?transport=tcp",
            "host:443",
            Some(RelayTransport::Tls),
        );
    }

    #[test]
    fn what_is_no_usable_server_is_told_apart() {
        let read = |url| IceServer::read(url, Some("ada"), Some("secret")).unwrap_err();
        for url in [
            "",
            "turn",
            "turn:",
            "http://host",
            "turn:ho st",
            "turn:host:0",
            "turn:host:99999",
            "turn:h?x=udp",
        ] {
            assert_eq!(read(url), IceUrlError::Malformed, "{url}");
        }
        for url in [
            "stuns:host",
            "turns:host?transport=udp",
            "turn:host?transport=sctp",
        ] {
            assert_eq!(read(url), IceUrlError::Unsupported, "{url}");
        }
        for (username, password) in [(None, None), (Some("ada"), None), (Some("ada"), Some(""))] {
            let read = IceServer::read("turn:host", username, password);
            assert_eq!(read, Err(IceUrlError::NoCredentials));
        }
    }

    #[test]
    fn a_password_is_in_no_log() {
        let server = IceServer::read("turn:host", Some("ada"), Some("hunter2")).unwrap();
        assert!(!format!("{server:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(url in ".{0,80}", host in "[\\[\\]:a-z0-9.]{0,20}") {
            let _ = IceServer::read(&url, Some("a"), Some("b"));
            let _ = IceServer::read(&format!("turn:{host}"), Some("a"), Some("b"));
        }
    }
}
