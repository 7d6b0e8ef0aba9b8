//! The HTTP proxy of a network that lets programs out no other way: which it is, what is said to it, and what it says back.
//!
//! Sans-IO. Only `http://` proxies are spoken to, as `curl` and browsers do for `https_proxy`; what goes through is encrypted
//! end to end where the server is reached by TLS.

use crate::ice::HostPort;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::net::IpAddr;
use url::Url;

/// The usual port of a proxy.
const PORT: u16 = 8080;
/// The most a proxy may say before the stream is open.
pub(super) const ANSWER_BYTES_MAX: usize = 8 * 1024;

/// An HTTP proxy, and for whom it is not asked.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    at: HostPort,
    /// The value of `Proxy-Authorization`.
    authorization: Option<String>,
    /// Names that are reached without it, lower case.
    except: Vec<String>,
}

/// Why a text names no proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// It is no address.
    #[error("A proxy's address looks like http://proxy.example.org:8080.")]
    Malformed,
    /// It is one of another kind.
    #[error("Parley speaks to HTTP proxies only. Their address begins with http://.")]
    Unsupported,
}

// A password in a log is none.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", self.at)
    }
}

impl Proxy {
    /// Reads `http://[user:password@]host[:port]`; the scheme may be left out.
    ///
    /// # Errors
    /// [`ProxyError`] says what is wrong with it.
    pub fn read(text: &str) -> Result<Self, ProxyError> {
        let text = text.trim();
        let with_scheme = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let url = Url::parse(&with_scheme).map_err(|_| ProxyError::Malformed)?;
        if url.scheme() != "http" {
            return Err(ProxyError::Unsupported);
        }
        let host = url.host_str().ok_or(ProxyError::Malformed)?;
        let port = url
            .port()
            .unwrap_or(if says_port_80(&with_scheme) { 80 } else { PORT });
        let at = HostPort::new(host, port).ok_or(ProxyError::Malformed)?;
        let authorization = (!url.username().is_empty()).then(|| {
            let password = url.password().unwrap_or_default();
            let both = format!("{}:{}", unescaped(url.username()), unescaped(password));
            format!("Basic {}", STANDARD.encode(both))
        });
        Ok(Self {
            at,
            authorization,
            except: Vec::new(),
        })
    }

    /// The one that the environment names (`https_proxy`, then `all_proxy`, in small or capital letters), if any. `variable`
    /// looks one up.
    #[must_use]
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let either = |name: &str| variable(name).or_else(|| variable(&name.to_ascii_uppercase()));
        let text = ["https_proxy", "all_proxy"]
            .into_iter()
            .filter_map(either)
            .find(|text| !text.trim().is_empty())?;
        match Self::read(&text) {
            Ok(proxy) => Some(proxy.except(&either("no_proxy").unwrap_or_default())),
            Err(error) => {
                tracing::warn!(%error, "the environment's proxy is not used");
                None
            }
        }
    }

    /// The same, not asked for the hosts of a list as `no_proxy` has it.
    #[must_use]
    fn except(mut self, list: &str) -> Self {
        // As `*.corp` other programs understand it too.
        let bare = |name: &str| {
            name.strip_prefix("*.")
                .unwrap_or(name)
                .trim_start_matches('.')
                .to_owned()
        };
        let names = list.split([',', ' ']).map(|name| bare(name.trim()));
        self.except = names
            .filter(|name| !name.is_empty())
            .map(|name| name.to_ascii_lowercase())
            .collect();
        self
    }

    /// Where it is.
    #[must_use]
    pub const fn at(&self) -> &HostPort {
        &self.at
    }

    /// Whether it is asked for this host: never for this machine and the network around it.
    #[must_use]
    pub fn serves(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let near = match host.parse() {
            Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
            Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
            Err(_) => host == "localhost" || host.ends_with(".local") || host.ends_with(".localhost"),
        };
        let named = |name: &String| name == "*" || host == *name || host.ends_with(&format!(".{name}"));
        !near && !self.except.iter().any(named)
    }

    /// What opens a stream to `to` through it.
    pub(super) fn request(&self, to: &HostPort) -> String {
        let authorization = self
            .authorization
            .as_ref()
            .map_or_else(String::new, |value| format!("Proxy-Authorization: {value}\r\n"));
        format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{authorization}\r\n")
    }
}

/// Whether this URL without another port names 80: the parser leaves the scheme's own out, written or not. Passwords and IPv6
/// addresses have colons too.
fn says_port_80(url: &str) -> bool {
    let place = url.split_once("://").map_or(url, |(_, rest)| rest);
    let place = place.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let (_, place) = place.rsplit_once('@').unwrap_or(("", place));
    place
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse() == Ok(80_u16))
        && !place.ends_with(']')
}

/// What `%41` and the like stand for.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = |byte: u8| {
            char::from(byte)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        };
        if first == b'%'
            && let [high, low, behind @ ..] = after
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            bytes.push(high << 4 | low);
            rest = behind;
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a proxy said so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// More has to be read.
    Partial,
    /// The stream is open; it begins right behind.
    Open,
    /// It will not, with this status (RFC 9110, 15).
    Refused(u16),
    /// It is no HTTP proxy.
    Junk,
}

/// Reads the head of a proxy's answer. The server on the other side speaks only when spoken to, so nothing may follow it.
pub(super) fn answer(read: &[u8]) -> Answer {
    let begins = b"HTTP/1.";
    if !read.iter().zip(begins).all(|(byte, of)| byte == of) {
        return Answer::Junk;
    }
    let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") else {
        return match read.len() < ANSWER_BYTES_MAX {
            true => Answer::Partial,
            false => Answer::Junk,
        };
    };
    let status = read.split(|byte| *byte == b' ').nth(1).and_then(|word| {
        let word = std::str::from_utf8(word.get(..3)?).ok()?;
        word.parse().ok()
    });
    match status {
        Some(200..=299) if end + 4 == read.len() => Answer::Open,
        Some(200..=299) | None => Answer::Junk,
        Some(status) => Answer::Refused(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_proxy_is_named_as_everywhere() {
        let check =
            |text: &str, at: &str| assert_eq!(Proxy::read(text).unwrap().at.to_string(), at, "{text}");
        check("http://proxy.example.org:3128", "proxy.example.org:3128");
        check("proxy.example.org:3128/", "proxy.example.org:3128");
        check("http://10.0.0.1", "10.0.0.1:8080");
        check("http://10.0.0.1:80", "10.0.0.1:80");
        check("http://[fd00::1]:8080", "[fd00::1]:8080");
        check("http://[fd00::80]", "[fd00::80]:8080");
        check("http://[fd00::80]:80/", "[fd00::80]:80");
        check("http://ada:80@proxy", "proxy:8080");
        check("http://ada:x@proxy:080", "proxy:80");
        assert_eq!(Proxy::read("socks5://host:1080"), Err(ProxyError::Unsupported));
        for text in ["", "http://", "http://host:99999", "a b"] {
            assert_eq!(Proxy::read(text), Err(ProxyError::Malformed), "{text}");
        }
    }

    #[test]
    fn who_asks_may_have_to_say_who_it_is() {
        let proxy = Proxy::read("http://ada:p%40ss@proxy:3128").unwrap();
        let to = HostPort::new("call.example.org", 443).unwrap();
        assert_eq!(
            proxy.request(&to),
            "CONNECT call.example.org:443 HTTP/1.1\r\nHost: call.example.org:443\r\n\
             Proxy-Authorization: Basic YWRhOnBAc3M=\r\n\r\n"
        );
        assert!(!format!("{proxy:?}").contains("ss"));
        let silent = Proxy::read("proxy:3128").unwrap();
        assert!(!silent.request(&to).contains("Authorization"));
    }

    #[test]
    fn the_environment_names_it_and_for_whom_it_is_not() {
        let environment = |pairs: &'static [(&str, &str)]| {
            Proxy::from_environment(|name| {
                let found = pairs.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(environment(&[]), None);
        assert_eq!(environment(&[("https_proxy", " ")]), None);
        let upper = environment(&[("ALL_PROXY", "http://proxy:1")]).unwrap();
        assert_eq!(upper.at.to_string(), "proxy:1");
        let proxy = environment(&[
            ("https_proxy", "http://proxy:1"),
            ("all_proxy", "http://other:2"),
            ("no_proxy", "example.org, .corp, *.lab, 8.8.8.8"),
        ])
        .unwrap();
        for (host, served) in [
            ("call.example.net", true),
            ("9.9.9.9", true),
            ("2001:db8::1", true),
            ("example.org", false),
            ("Call.Example.org", false),
            ("badexample.org", true),
            ("host.corp", false),
            ("host.lab", false),
            ("collab", true),
            ("8.8.8.8", false),
            ("localhost", false),
            ("127.0.0.1", false),
            ("192.168.1.1", false),
            ("fd00::1", false),
            ("printer.local", false),
        ] {
            assert_eq!(proxy.serves(host), served, "{host}");
        }
    }

    #[test]
    fn a_proxys_answer_opens_the_stream_or_not() {
        let check = |read: &[u8], expect| assert_eq!(answer(read), expect, "{read:?}");
        check(b"", Answer::Partial);
        check(b"HTTP/1.1 200 Connection est", Answer::Partial);
        check(b"HTTP/1.1 200 OK\r\n\r\n", Answer::Open);
        check(b"HTTP/1.0 200\r\nX: y\r\n\r\n", Answer::Open);
        check(b"HTTP/1.1 407 Who?\r\n\r\n<html>", Answer::Refused(407));
        check(b"HTTP/1.1 200 OK\r\n\r\nhello", Answer::Junk);
        check(b"SSH-2.0", Answer::Junk);
        check(b"HTTP/1.1 abc\r\n\r\n", Answer::Junk);
        check(
            &[b"HTTP/1.1 200 ", &[b'x'; ANSWER_BYTES_MAX][..]].concat(),
            Answer::Junk,
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}", read in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = Proxy::read(&text);
            let _ = Proxy::read(&format!("http://{text}"));
            let _ = unescaped(&text);
            let _ = answer(&read);
        }
    }
}
