//! The address of a server as people write it, into the settings or on a command line.

use parley_proto::ServerAddress;

/// Reads a host, with or without scheme and port. Without a scheme it is https, or http on this computer.
#[must_use]
pub fn server_address(text: &str) -> Option<ServerAddress> {
    let text = text.trim().trim_end_matches('/');
    let (secure, authority) = match text.split_once("://") {
        Some(("https", authority)) => (true, authority),
        Some(("http", authority)) => (false, authority),
        Some(_) => return None,
        None => (!is_this_computer(text), text),
    };
    if authority.is_empty() || authority.contains(['/', '?', '#', '@', ' ']) {
        return None;
    }
    let (host, port) = match authority.rsplit_once(':') {
        // `[::1]` has colons of its own.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (authority, if secure { 443 } else { 80 }),
    };
    ServerAddress::new(secure, host, port).ok()
}

/// A link of a message as it may be handed to the browser: `http` or `https`, with a host, and nothing that a system's opener
/// could take for something else.
#[must_use]
pub fn web_address(text: &str) -> Option<&str> {
    let text = text.trim();
    let (scheme, rest) = text.split_once("://")?;
    let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let plain = |c: char| {
        !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '\'' | '\\' | '<' | '>' | '`' | '|' | '^')
    };
    let sound = text.len() <= ADDRESS_BYTES_MAX
        && text.chars().all(plain)
        && host.starts_with(|c: char| c.is_alphanumeric() || c == '[');
    (web && sound).then_some(text)
}

/// The longest link that is opened, in bytes.
const ADDRESS_BYTES_MAX: usize = 2048;

fn is_this_computer(authority: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| {
        authority
            .strip_prefix(host)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_links_are_opened() {
        for good in [
            "https://example.org",
            "HTTP://example.org/a?b=c&d#e",
            "https://[::1]:8080/",
            "https://münchen.de/ü",
        ] {
            assert_eq!(web_address(&format!(" {good} ")), Some(good));
        }
        let long = format!("https://example.org/{}", "a".repeat(ADDRESS_BYTES_MAX));
        for bad in [
            "",
            "example.org",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "javascript://example.org/%0aalert(1)",
            "https://",
            "https:///x",
            "https://-x",
            "https://example.org/\"&calc",
            "https://example.org/a b",
            "https://example.org/\u{202e}\u{0}",
            "--help",
            &long,
        ] {
            assert_eq!(web_address(bad), None, "{bad:.40}");
        }
    }

    #[test]
    fn a_server_is_understood_as_people_write_it() {
        for (text, expect) in [
            ("https://call.example.org", Some("https://call.example.org")),
            (" call.example.org/ ", Some("https://call.example.org")),
            ("call.example.org:8443", Some("https://call.example.org:8443")),
            ("http://192.168.1.5:7788/", Some("http://192.168.1.5:7788")),
            ("localhost:7788", Some("http://localhost:7788")),
            ("[::1]:7788", Some("http://[::1]:7788")),
            ("http://[fd00::1]", Some("http://[fd00::1]")),
            ("", None),
            ("ftp://example.org", None),
            ("https://example.org/path", None),
            ("https://example.org:99999", None),
            ("not a host", None),
        ] {
            let address = server_address(text).map(|address| address.to_string());
            assert_eq!(address.as_deref(), expect, "{text}");
        }
    }
}
