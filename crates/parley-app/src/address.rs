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
