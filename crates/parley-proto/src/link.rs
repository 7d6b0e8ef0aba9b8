//! The link a person sends: `http(s)://HOST[:PORT]/r/ROOM#SECRET`, also as `parley://join/HOST[:PORT]/ROOM#SECRET`. An
//! invitation adds its token: `#SECRET.TOKEN`.
//!
//! The fragment is never sent to a server by browsers, nor by Parley.

use crate::id::RoomId;
use crate::limits::{LINK_BYTES_MAX, TOKEN_BYTES_MAX};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;
use std::str::FromStr;
use url::{Host, Url};

/// 128 random bits that only the people of a call know. From it both ends derive the key that authenticates their DTLS
/// fingerprints, so that no server can stand in the middle.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkSecret([u8; 16]);

impl LinkSecret {
    /// Wraps random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, to derive keys from.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

// A secret in a log is no secret.
impl fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSecret(…)")
    }
}

/// The right to come in that a link carries beside its secret. Unlike the secret the server gets it, inside the first message and
/// never in an address: an invitation (22 characters), or a ticket of an operator's own backend.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken(String);

impl JoinToken {
    /// `None` for what cannot be one: letters, digits, `-`, `_` and `.`, at most [`TOKEN_BYTES_MAX`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let length = 1..=TOKEN_BYTES_MAX;
        (length.contains(&text.len()) && text.bytes().all(fits)).then(|| Self(text.to_owned()))
    }

    /// The token, for the server.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

// As good as a key.
impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoinToken(…)")
    }
}

/// Where a server is: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    secure: bool,
    host: String,
    port: u16,
}

impl ServerAddress {
    /// A server at `host` (a name, an IPv4 address or an IPv6 address without brackets).
    ///
    /// # Errors
    /// [`ParseLinkError::NoServer`] when `host` cannot be a host.
    pub fn new(secure: bool, host: &str, port: u16) -> Result<Self, ParseLinkError> {
        let text = if host.contains(':') && !host.starts_with('[') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        let host = Host::parse(&text).map_err(|_| ParseLinkError::NoServer)?;
        Ok(Self {
            secure,
            host: host.to_string(),
            port,
        })
    }

    /// Whether it is reached by TLS.
    #[must_use]
    pub const fn secure(&self) -> bool {
        self.secure
    }

    /// The host as in a URL (IPv6 in brackets).
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The WebSocket URL of signaling.
    #[must_use]
    pub fn signal_url(&self) -> String {
        format!(
            "{}://{}:{}{}",
            if self.secure { "wss" } else { "ws" },
            self.host,
            self.port,
            crate::signal::SIGNAL_PATH
        )
    }

    const fn default_port(secure: bool) -> u16 {
        if secure { 443 } else { 80 }
    }

    fn authority(&self) -> String {
        if self.port == Self::default_port(self.secure) {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}://{}",
            if self.secure { "https" } else { "http" },
            self.authority()
        )
    }
}

/// An invitation to a room on a server, with the secret of its people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The server that holds the room.
    pub server: ServerAddress,
    /// The room.
    pub room: RoomId,
    /// What only the people know.
    pub secret: LinkSecret,
    /// What the server asks for, where the room is by invitation only.
    pub invitation: Option<JoinToken>,
}

/// Why a text is no link, as a person would want to hear it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseLinkError {
    /// Nothing in the text looks like a Parley link.
    #[error("This is not a Parley link. A link looks like https://host/r/room#secret.")]
    NotALink,
    /// It names no server that could exist.
    #[error("The link names no server. Check that the whole link was copied.")]
    NoServer,
    /// The room's name is cut short or mistyped.
    #[error("The room in this link is incomplete. Check that the whole link was copied.")]
    BadRoom,
    /// The part after `#` is missing or cut short.
    #[error(
        "The last part of the link, after the #, is missing, incomplete or damaged. Ask for the whole link again."
    )]
    BadSecret,
}

impl Link {
    /// The same link as a deep link for the installed app.
    #[must_use]
    pub fn deep_link(&self) -> String {
        let scheme = match (self.server.secure, is_local(&self.server.host)) {
            (true, true) => "?tls",
            (false, false) => "?plain",
            _ => "",
        };
        format!(
            "parley://join/{}/{}{scheme}#{}",
            self.server.authority(),
            self.room,
            self.fragment()
        )
    }

    /// Finds the first link in a longer text, such as a pasted message.
    ///
    /// # Errors
    /// What is wrong with the best candidate, or [`ParseLinkError::NotALink`].
    pub fn find_in(text: &str) -> Result<Self, ParseLinkError> {
        let mut best = ParseLinkError::NotALink;
        let mut end = text.len().min(LINK_BYTES_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        for word in
            text[..end].split(|c: char| c.is_whitespace() || "<>\"'`|，。、；：！？（）「」《》".contains(c))
        {
            let word = word.trim_matches(|c: char| "()[]{},;.!?:".contains(c));
            match word.parse() {
                Ok(link) => return Ok(link),
                Err(ParseLinkError::NotALink) => {}
                Err(error) => best = error,
            }
        }
        Err(best)
    }

    fn fragment(&self) -> String {
        let secret = URL_SAFE_NO_PAD.encode(self.secret.0);
        match &self.invitation {
            Some(token) => format!("{secret}.{}", token.0),
            None => secret,
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/r/{}#{}", self.server, self.room, self.fragment())
    }
}

impl FromStr for Link {
    type Err = ParseLinkError;

    fn from_str(text: &str) -> Result<Self, ParseLinkError> {
        let text = text.trim();
        if text.len() > LINK_BYTES_MAX {
            return Err(ParseLinkError::NotALink);
        }
        let url = Url::parse(text).map_err(|_| ParseLinkError::NotALink)?;
        let (server, room) = match url.scheme() {
            "http" | "https" => web_parts(&url)?,
            "parley" => deep_parts(&url)?,
            _ => return Err(ParseLinkError::NotALink),
        };
        let fragment = url.fragment().unwrap_or_default();
        let (secret, token) = match fragment.split_once('.') {
            Some((secret, token)) => (secret, Some(token)),
            None => (fragment, None),
        };
        let invitation = match token {
            Some(token) => Some(JoinToken::parse(token).ok_or(ParseLinkError::BadSecret)?),
            None => None,
        };
        let secret = URL_SAFE_NO_PAD
            .decode(secret)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(ParseLinkError::BadSecret)?;
        Ok(Self {
            server,
            room: room.parse().map_err(|_| ParseLinkError::BadRoom)?,
            secret: LinkSecret(secret),
            invitation,
        })
    }
}

/// `http(s)://HOST[:PORT]/r/ROOM`
fn web_parts(url: &Url) -> Result<(ServerAddress, &str), ParseLinkError> {
    let room = url.path().strip_prefix("/r/").ok_or(ParseLinkError::NotALink)?;
    let secure = url.scheme() == "https";
    let host = url.host_str().ok_or(ParseLinkError::NoServer)?;
    let port = url.port().unwrap_or(ServerAddress::default_port(secure));
    Ok((
        ServerAddress::new(secure, host, port)?,
        room.trim_end_matches('/'),
    ))
}

/// Hosts on one's own machine or network, where nobody can have a certificate: plain http unless the link says otherwise.
fn is_local(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Ipv4(ip)) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        Ok(Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        Ok(Host::Domain(name)) => name == "localhost" || name.ends_with(".local"),
        Err(_) => false,
    }
}

/// `parley://join/HOST[:PORT]/ROOM`: by TLS, or without it on a local host; `?tls` and `?plain` say otherwise.
fn deep_parts(url: &Url) -> Result<(ServerAddress, &str), ParseLinkError> {
    if url.host_str() != Some("join") {
        return Err(ParseLinkError::NotALink);
    }
    let (authority, room) = url
        .path()
        .trim_matches('/')
        .split_once('/')
        .ok_or(ParseLinkError::NoServer)?;
    // A scheme the URL parser knows no default port of, so that a port that is there is never dropped.
    let target = Url::parse(&format!("parley://{authority}/")).map_err(|_| ParseLinkError::NoServer)?;
    let host = Host::parse(target.host_str().ok_or(ParseLinkError::NoServer)?)
        .map_err(|_| ParseLinkError::NoServer)?
        .to_string();
    let secure = match url.query() {
        Some("tls") => true,
        Some("plain") => false,
        _ => !is_local(&host),
    };
    let port = target.port().unwrap_or(ServerAddress::default_port(secure));
    Ok((ServerAddress::new(secure, &host, port)?, room))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ROOM_ID_BYTES;
    use proptest::prelude::*;

    fn link(server: ServerAddress) -> Link {
        Link {
            server,
            room: RoomId::from_bytes([9; ROOM_ID_BYTES]),
            secret: LinkSecret::from_bytes([3; 16]),
            invitation: None,
        }
    }

    #[test]
    fn an_invitation_rides_behind_the_secret_and_in_no_address() {
        for token in ["EBESExQVFhcYGRobHB0eHw", "eyJ0eXAi.eyJhdWQi.c2ln-_"] {
            let mut link = link(ServerAddress::new(true, "call.example.org", 443).unwrap());
            link.invitation = JoinToken::parse(token);
            assert_eq!(link.to_string().parse(), Ok(link.clone()), "{link}");
            assert_eq!(link.deep_link().parse(), Ok(link.clone()));
            assert_eq!(Link::find_in(&format!("Come: {link}.")), Ok(link.clone()));
            let text = link.to_string();
            let (address, _) = text.split_once('#').unwrap();
            assert!(!address.contains(token));
            assert!(!format!("{link:?}").contains(token));
        }
    }

    #[test]
    fn what_cannot_be_an_invitation_makes_a_link_incomplete() {
        let link = link(ServerAddress::new(true, "call.example.org", 443).unwrap());
        for token in ["%20", "a/b", "a#b", &"a".repeat(TOKEN_BYTES_MAX + 1)] {
            let text = format!("{link}.{token}");
            assert_eq!(
                text.parse::<Link>(),
                Err(ParseLinkError::BadSecret),
                "{token:.20}"
            );
        }
        assert_eq!(format!("{link}.").parse::<Link>(), Err(ParseLinkError::BadSecret));
    }

    #[test]
    fn both_spellings_survive_the_trip_through_text() {
        for (secure, host, port) in [
            (true, "call.example.org", 443),
            (false, "call.example.org", 80),
            (true, "10.0.0.7", 443),
            (false, "192.168.1.5", 7788),
            (true, "fd00::1", 8443),
            (false, "localhost", 80),
        ] {
            let link = link(ServerAddress::new(secure, host, port).unwrap());
            assert_eq!(link.to_string().parse(), Ok(link.clone()), "{link}");
            assert_eq!(link.deep_link().parse(), Ok(link.clone()), "{}", link.deep_link());
        }
    }

    #[test]
    fn a_deep_link_to_a_local_host_needs_no_hint() {
        let link = link(ServerAddress::new(false, "192.168.1.5", 7788).unwrap());
        assert!(
            link.deep_link().starts_with("parley://join/192.168.1.5:7788/CQ"),
            "{}",
            link.deep_link()
        );
    }

    #[test]
    fn a_link_is_found_inside_a_message() {
        let link = link(ServerAddress::new(true, "call.example.org", 443).unwrap());
        for text in [
            format!("Join me: <{link}>, now!"),
            format!("  {link}\n"),
            format!("({link})."),
        ] {
            assert_eq!(Link::find_in(&text), Ok(link.clone()), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_link_is_said() {
        let room = "A".repeat(32);
        let secret = "A".repeat(22);
        let check =
            |text: &str, expect: ParseLinkError| assert_eq!(Link::find_in(text), Err(expect), "{text}");
        check("hello there", ParseLinkError::NotALink);
        check("https://example.org/", ParseLinkError::NotALink);
        check(
            &format!("https://example.org/r/{room}"),
            ParseLinkError::BadSecret,
        );
        check(
            &format!("https://example.org/r/{room}#abc"),
            ParseLinkError::BadSecret,
        );
        check(
            &format!("https://example.org/r/short#{secret}"),
            ParseLinkError::BadRoom,
        );
        check(
            &format!("parley://join/{room}#{secret}"),
            ParseLinkError::NoServer,
        );
        check(
            &format!("ftp://example.org/r/{room}#{secret}"),
            ParseLinkError::NotALink,
        );
    }

    #[test]
    fn the_secret_never_reaches_a_debug_log() {
        let link = link(ServerAddress::new(true, "call.example.org", 443).unwrap());
        assert!(!format!("{link:?}").contains(&link.fragment()));
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_but_never_a_panic(text in ".{0,300}") {
            let _ = Link::find_in(&text);
        }

        #[test]
        fn link_shaped_garbage_is_refused_quietly(a in "[ -~]{0,40}", b in "[ -~]{0,40}", c in "[ -~]{0,40}") {
            let _ = Link::find_in(&format!("https://{a}/r/{b}#{c}"));
            let _ = Link::find_in(&format!("parley://join/{a}/{b}#{c}"));
        }
    }
}
