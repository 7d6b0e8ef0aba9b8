//! "Go to https": what HTTP without TLS gets where browsers should use TLS. Only what this is is said to everybody, so that
//! somebody who finds the port taken learns by whom.

use crate::counters::Tally;
use crate::web::{ABOUT_PATH, about};
use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, HOST, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use std::sync::Arc;

/// Sends everybody to the same path at `domain`, or at the host they asked for, on this port.
#[derive(Clone)]
struct Target {
    domain: Option<String>,
    port: u16,
    tally: Arc<Tally>,
}

pub(crate) fn router(domain: Option<String>, port: u16, tally: Arc<Tally>) -> Router {
    Router::new()
        .route(ABOUT_PATH, get(about))
        .fallback(go)
        .with_state(Target { domain, port, tally })
}

async fn go(State(target): State<Target>, headers: HeaderMap, uri: Uri) -> Response {
    let asked = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .and_then(host_of);
    let to = target
        .domain
        .as_deref()
        .or(asked)
        .map(|host| address(host, target.port, &uri))
        .and_then(|address| HeaderValue::from_str(&address).ok());
    let Some(to) = to else {
        return (StatusCode::BAD_REQUEST, "Ask by https.\n").into_response();
    };
    target.tally.redirected.add();
    (
        // Not for ever: a server may lose its certificate.
        StatusCode::TEMPORARY_REDIRECT,
        [
            (LOCATION, to),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ],
        "Ask by https.\n",
    )
        .into_response()
}

fn address(host: &str, port: u16, uri: &Uri) -> String {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    // `OPTIONS *` has no path.
    let path = if path.starts_with('/') { path } else { "/" };
    match port {
        443 => format!("https://{host}{path}"),
        port => format!("https://{host}:{port}{path}"),
    }
}

/// The host of a Host header, without its port, if it is one.
fn host_of(header: &str) -> Option<&str> {
    let host = match header.strip_prefix('[') {
        Some(_) => header.get(..=header.find(']')?)?,
        None => header.split(':').next()?,
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    (!host.is_empty() && host.len() <= 255 && host.bytes().all(plain)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_with_tls_has_the_same_host_and_path() {
        for (header, port, path, expect) in [
            (
                "192.0.2.1:7789",
                7789,
                "/r/ab?x=1",
                Some("https://192.0.2.1:7789/r/ab?x=1"),
            ),
            ("call.example.org", 443, "/", Some("https://call.example.org/")),
            ("[fd00::1]:80", 443, "/", Some("https://[fd00::1]/")),
            ("[fd00::1", 443, "/", None),
            ("", 443, "/", None),
            ("a/b", 443, "/", None),
            ("user@elsewhere.example", 443, "/", None),
        ] {
            let to = host_of(header).map(|host| address(host, port, &path.parse().unwrap()));
            assert_eq!(to.as_deref(), expect, "{header}");
        }
    }
}
