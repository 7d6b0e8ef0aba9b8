//! Whom a request comes from, as far as headers tell: from a page of this server or of another site, from this machine or through a
//! proxy. Sans-IO. No header ever gives a right here: each only takes one away.

use super::names::{Names, without_port};
use axum::http::HeaderMap;
use axum::http::header::{AsHeaderName, HOST, ORIGIN};
use std::net::IpAddr;

/// What proxies on the way say the host was.
const FORWARDED_HOST: &str = "x-forwarded-host";

/// Whether no page of another site asks. Browsers say of every WebSocket which page opened it, and let no page say otherwise (RFC 6455,
/// section 10.2), nor add headers: so what a proxy says of the host is believed here. Programs say nothing of pages.
pub(super) fn is_own(headers: &HeaderMap, domain: Option<&str>) -> bool {
    if !headers.contains_key(ORIGIN) {
        return true;
    }
    // Two of a kind are no browser's.
    let Some((page, usual_port)) = only(headers, ORIGIN).and_then(page_host) else {
        return false;
    };
    let same = |host: &str| {
        let host = host.strip_suffix(usual_port).unwrap_or(host);
        let page = page.strip_suffix(usual_port).unwrap_or(page);
        !page.is_empty() && host.eq_ignore_ascii_case(page)
    };
    let passed_on = only(headers, FORWARDED_HOST).and_then(|hosts| hosts.split(',').next());
    let hosts = [only(headers, HOST), passed_on.map(str::trim), domain];
    hosts.into_iter().flatten().any(same)
}

/// Whether a browser asks under a name that is one of ours, or through a proxy, which no page can pretend of its WebSockets. Who
/// says no host is no browser.
pub(super) fn is_meant(headers: &HeaderMap, names: &Names) -> bool {
    !headers.contains_key(HOST)
        || is_by_proxy(headers)
        || only(headers, HOST).is_some_and(|host| names.know(host))
}

fn is_by_proxy(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        matches!(name, "forwarded" | "via" | "x-real-ip") || name.starts_with("x-forwarded-")
    })
}

/// Whether somebody on this machine asks, and asks for this machine: no proxy passes it on, and no name of somebody else's leads here.
pub(super) fn is_this_machine(from: IpAddr, headers: &HeaderMap) -> bool {
    from.to_canonical().is_loopback() && !is_by_proxy(headers) && only(headers, HOST).is_some_and(is_local)
}

fn is_local(host: &str) -> bool {
    let name = without_port(host);
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Host and port of a page, and the port that it may leave out.
fn page_host(origin: &str) -> Option<(&str, &'static str)> {
    match origin.split_once("://")? {
        ("https", host) => Some((host, ":443")),
        ("http", host) => Some((host, ":80")),
        _ => None,
    }
}

fn only(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    let mut all = headers.get_all(name).iter();
    let one = all.next()?;
    if all.next().is_some() {
        return None;
    }
    one.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn saying(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers.iter().copied() {
            map.append(name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn pages_of_other_sites_are_told_from_ones_own() {
        let check = |host: &'static str, origin: &'static str, expect: bool| {
            let headers = saying(&[("host", host), ("origin", origin)]);
            assert_eq!(is_own(&headers, None), expect, "{origin} at {host}");
        };
        check("192.0.2.1:7788", "http://192.0.2.1:7788", true);
        check("Call.example.org", "https://call.example.org", true);
        check("call.example.org:443", "https://call.example.org", true);
        check("[fd00::1]:7789", "https://[fd00::1]:7789", true);
        check("192.0.2.1:7788", "http://192.0.2.1:8000", false);
        check("call.example.org", "https://call.example.org.evil.example", false);
        check("call.example.org", "https://evil.example", false);
        check("call.example.org:8443", "https://call.example.org", false);
        check("call.example.org", "null", false);
        check("call.example.org", "file://", false);
        check("call.example.org", "https://", false);
        check("", "https://", false);
        check("call.example.org", "", false);
    }

    #[test]
    fn programs_come_from_no_page_and_proxies_may_say_the_host() {
        assert!(is_own(&saying(&[("host", "a.example")]), None));
        let page = ("origin", "https://call.example.org");
        let inside = ("host", "127.0.0.1:7788");
        let passed_on = |host| saying(&[page, inside, ("x-forwarded-host", host)]);
        assert!(!is_own(&saying(&[page, inside]), None));
        assert!(is_own(&saying(&[page, inside]), Some("call.example.org")));
        assert!(is_own(&passed_on("call.example.org"), None));
        assert!(is_own(&passed_on("call.example.org, inner.example"), None));
        assert!(!is_own(&passed_on("evil.example"), None));
        let twice = saying(&[page, ("origin", "https://evil.example"), inside]);
        assert!(!is_own(&twice, Some("call.example.org")));
    }

    #[test]
    fn a_name_of_somebody_else_that_leads_here_is_told_from_ours() {
        let names = Names::new(["call.example.org"]);
        let rebound = ("host", "rebound.example:7788");
        assert!(is_meant(&saying(&[("host", "call.example.org")]), &names));
        assert!(is_meant(&saying(&[]), &names));
        assert!(!is_meant(&saying(&[rebound]), &names));
        assert!(!is_meant(&saying(&[("host", "localhost"), rebound]), &names));
        assert!(is_meant(
            &saying(&[rebound, ("x-forwarded-for", "192.0.2.1")]),
            &names
        ));
    }

    #[test]
    fn this_machine_is_who_asks_it_for_itself() {
        let check = |from: &str, headers: &[(&'static str, &'static str)], expect: bool| {
            let found = is_this_machine(from.parse().unwrap(), &saying(headers));
            assert_eq!(found, expect, "{from} {headers:?}");
        };
        let here = ("host", "localhost:7788");
        check("127.0.0.1", &[here], true);
        check("::ffff:127.0.0.1", &[("host", "127.0.0.1")], true);
        check("::1", &[("host", "[::1]:7788")], true);
        check("192.0.2.1", &[here], false);
        check("127.0.0.1", &[("host", "call.example.org")], false);
        check("127.0.0.1", &[], false);
        check("127.0.0.1", &[here, here], false);
        for header in [
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-real-ip",
            "forwarded",
            "via",
        ] {
            check("127.0.0.1", &[here, (header, "192.0.2.1")], false);
        }
    }
}
