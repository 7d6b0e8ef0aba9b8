//! A guest's page, embedded: the app's own window, built for browsers (`npm run build:guest` in `ui`, `build.rs` here). Compressed
//! when it was built, never while it is asked for. Knows neither room nor secret: the page reads them from the address bar.
//!
//! A server that was built without it has no assets, and [`page`] gives nothing.

use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    HeaderName, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

/// Where the page's scripts and styles are; `ui/vite.config.ts` writes them into the page under this.
pub(super) const ASSETS_PATH: &str = "/guest/{*name}";

const PAGE: &str = "guest.html";

/// One file. Its copies hold the same, compressed, where that is smaller.
struct Asset {
    name: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/guest_assets.rs"));

/// Scripts and styles of this server alone, nothing inline; connections to it, and calls. `blob:` is what a person downloads.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob: mediastream:; \
     connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Devices for this page, and for nothing that anybody would put into it.
const PERMISSIONS: &str =
    "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self), geolocation=()";

/// Asked for each time, so that nobody stays with an old one; it is small, and unchanged costs nothing.
const FRESH: &str = "no-cache";
/// A changed one has another name.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The page, where there is one.
pub(super) fn page(asked: &HeaderMap) -> Option<Response> {
    static TAG: LazyLock<Option<HeaderValue>> =
        LazyLock::new(|| find(PAGE).and_then(|page| HeaderValue::from_str(&tag_of(page.plain)).ok()));
    let page = find(PAGE)?;
    let tag = TAG.clone()?;
    let mut response = if is_known(asked, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        body(page, asked)
    };
    let headers = response.headers_mut();
    headers.insert(ETAG, tag);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(FRESH));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(PERMISSIONS),
    );
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    Some(response)
}

/// What the page loads. The page itself is behind links only.
pub(super) async fn asset(Path(name): Path<String>, asked: HeaderMap) -> Response {
    let Some(asset) = find(&name).filter(|asset| asset.name != PAGE) else {
        return (StatusCode::NOT_FOUND, "There is no such file here.\n").into_response();
    };
    // Its name has a hash of what is in it: who has it, has it.
    let mut response = if asked.contains_key(IF_NONE_MATCH) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        body(asset, &asked)
    };
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", asset.name)) {
        headers.insert(ETAG, tag);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(FOR_EVER));
    response
}

fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

fn tag_of(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(&digest[..16]))
}

fn is_known(asked: &HeaderMap, tag: &HeaderValue) -> bool {
    let tag = tag.to_str().unwrap_or_default();
    asked.get_all(IF_NONE_MATCH).iter().any(|value| {
        value.to_str().is_ok_and(|known| {
            known
                .split(',')
                .any(|one| one.trim().trim_start_matches("W/") == tag)
        })
    })
}

/// The smallest copy that the browser takes. Browsers take Brotli over TLS and from this machine only.
fn body(asset: &'static Asset, asked: &HeaderMap) -> Response {
    let copy = [("br", asset.brotli), ("gzip", asset.gzip)]
        .into_iter()
        .find_map(|(coding, bytes)| {
            bytes
                .filter(|_| takes(asked, coding))
                .map(|bytes| (coding, bytes))
        });
    let bytes = copy.map_or(asset.plain, |(_, bytes)| bytes);
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind_of(asset.name)));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Some((coding, _)) = copy {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

/// RFC 9110, section 12.5.3, as far as browsers use it: named, and not with a weight of nothing.
fn takes(asked: &HeaderMap, coding: &str) -> bool {
    asked.get_all(ACCEPT_ENCODING).iter().any(|value| {
        value.to_str().is_ok_and(|list| {
            list.split(',').any(|one| {
                let (name, weight) = one.split_once(';').unwrap_or((one, ""));
                let refused = matches!(
                    weight.trim().strip_prefix("q=").map(str::trim),
                    Some("0" | "0.0" | "0.00" | "0.000")
                );
                name.trim().eq_ignore_ascii_case(coding) && !refused
            })
        })
    })
}

fn kind_of(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_browser_gets_the_smallest_copy_it_takes() {
        static ASSET: Asset = Asset {
            name: "assets/a.js",
            plain: b"plain",
            brotli: Some(b"b"),
            gzip: Some(b"gz"),
        };
        let check = |accepts: &'static str, expect: Option<&str>| {
            let response = body(&ASSET, &asking(ACCEPT_ENCODING, accepts));
            let coding = response
                .headers()
                .get(CONTENT_ENCODING)
                .map(|coding| coding.to_str().unwrap());
            assert_eq!(coding, expect, "{accepts}");
        };
        check("gzip, deflate, br, zstd", Some("br"));
        check("gzip, deflate", Some("gzip"));
        check("br;q=0, gzip;q=0.5", Some("gzip"));
        check("br;q=1.0", Some("br"));
        check("identity", None);
        check("", None);
    }

    #[test]
    fn a_page_that_is_known_is_not_sent_again() {
        let tag = HeaderValue::from_str(&tag_of(b"page")).unwrap();
        let known = |tag: &str| HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_str(tag).unwrap())]);
        assert!(is_known(&known(&tag_of(b"page")), &tag));
        assert!(is_known(&known(&format!("\"x\", W/{}", tag_of(b"page"))), &tag));
        assert!(!is_known(&known(&tag_of(b"another")), &tag));
        assert!(!is_known(&HeaderMap::new(), &tag));
    }

    #[test]
    fn what_is_embedded_is_whole() {
        // Without a page built there is nothing, and nothing may be said of it.
        assert_eq!(ASSETS.is_empty(), find(PAGE).is_none());
        for asset in ASSETS {
            assert!(!asset.plain.is_empty(), "{}", asset.name);
            assert_ne!(kind_of(asset.name), "application/octet-stream", "{}", asset.name);
        }
        if let Some(page) = find(PAGE) {
            let text = std::str::from_utf8(page.plain).unwrap();
            for loaded in text.split('"').filter_map(|part| part.strip_prefix("/guest/")) {
                assert!(find(loaded).is_some(), "{loaded} is missing");
            }
            assert!(
                !text.contains("<style") && !text.contains("<script>"),
                "nothing inline"
            );
        }
    }
}
