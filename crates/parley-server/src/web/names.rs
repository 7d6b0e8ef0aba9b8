//! The names that lead to this server. Sans-IO.
//!
//! A page of somebody else's can have its own name lead to an address in one's network, once it is loaded ("DNS rebinding"): to the
//! browser what is there then belongs to that page, and `Host` and `Origin` agree. But the name is still theirs, and none of ours.

use std::net::IpAddr;
use std::sync::Arc;

/// Ends of names that nobody can have on the internet: RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`, and two that many
/// routers give and no registry does.
const INNER: &[&str] = &[".localhost", ".local", ".home.arpa", ".internal", ".lan", ".home"];

/// Names of a server, besides addresses and those that only its own network knows.
#[derive(Debug, Clone)]
pub(crate) struct Names(Arc<[String]>);

impl Names {
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(str::to_ascii_lowercase).collect())
    }

    /// Whether what stands in a header `Host` may be this server.
    pub(super) fn know(&self, host: &str) -> bool {
        let name = without_port(host);
        if name.parse::<IpAddr>().is_ok() {
            return true;
        }
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let inner = !name.contains('.') || INNER.iter().any(|end| name.ends_with(end));
        !name.is_empty() && (inner || self.0.contains(&name))
    }
}

/// The name or address alone, IPv6 without brackets.
pub(super) fn without_port(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(ip, _)| ip),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_ones_own_names_and_those_of_ones_network_are_known() {
        let names = Names::new(["Call.example.org", "nas.example.net"]);
        for (host, expect) in [
            ("192.0.2.1:7788", true),
            ("[fd00::1]:7788", true),
            ("[::1]", true),
            ("localhost:7788", true),
            ("notebook", true),
            ("notebook.local:7788", true),
            ("NAS.fritz.lan", true),
            ("call.example.org", true),
            ("CALL.example.org.:443", true),
            ("nas.example.net:7788", true),
            ("rebound.example:7788", false),
            ("call.example.org.rebound.example", false),
            ("192.0.2.1.rebound.example", false),
            ("rebound.notlocal", false),
            ("", false),
            (".", false),
            (":7788", false),
            ("[", false),
        ] {
            assert_eq!(names.know(host), expect, "{host}");
        }
    }
}
