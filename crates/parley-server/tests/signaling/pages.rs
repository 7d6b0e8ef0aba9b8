//! What a browser gets.

use super::client::Client;
use parley_proto::RoomId;
use parley_server::{Server, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Status line and headers, and the body.
async fn get(server: &Server, path: &str) -> (String, String) {
    let mut socket = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    socket.read_to_string(&mut response).await.unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

/// With a guest's page built (`npm run build:guest`) it is that one, else the one that opens the app.
#[tokio::test]
async fn the_page_behind_a_link_runs_nothing_but_its_own_script() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    let (room, _) = Client::connect(&server).await.ticket(None).await;
    let (head, body) = get(&server, &format!("/r/{room}")).await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    for header in [
        "referrer-policy: no-referrer",
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
    ] {
        assert!(head.contains(header), "{header} is missing in\n{head}");
    }
    assert!(!head.contains("unsafe-inline"), "{head}");
    if body.contains("id=\"app\"") {
        guests_get_the_window(&server, &head, &body).await;
        return server.stop().await;
    }
    for header in [
        "cache-control: no-store",
        "content-security-policy: default-src 'none'; script-src 'sha256-",
    ] {
        assert!(head.contains(header), "{header} is missing in\n{head}");
    }
    assert!(body.contains("You are invited to a call"));
    assert!(body.contains("Open in Parley"));
    for loaded in ["src=", "<link", "url(", "@import"] {
        assert!(!body.contains(loaded), "the page loads something: {loaded}");
    }
    server.stop().await;
}

async fn guests_get_the_window(server: &Server, head: &str, body: &str) {
    for header in [
        "cache-control: no-cache",
        "content-security-policy: default-src 'self'; script-src 'self'; style-src 'self';",
        "permissions-policy: camera=(self), microphone=(self)",
        "etag: \"",
    ] {
        assert!(head.contains(header), "{header} is missing in\n{head}");
    }
    let loaded: Vec<_> = body
        .split('"')
        .filter(|part| part.starts_with("/guest/"))
        .collect();
    assert!(loaded.len() >= 2, "a script and a style: {loaded:?}");
    for path in loaded {
        let (head, _) = get(server, path).await;
        assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
        assert!(
            head.contains("cache-control: public, max-age=31536000, immutable"),
            "{head}"
        );
    }
    let (head, _) = get(server, "/guest/guest.html").await;
    assert!(
        head.starts_with("http/1.1 404"),
        "the page is behind links only: {head}"
    );
    let (head, _) = get(server, "/guest/../server.key").await;
    assert!(head.starts_with("http/1.1 404"), "{head}");
}

#[tokio::test]
async fn a_room_of_nobody_is_not_found_in_a_sentence() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    let foreign = RoomId::from_bytes([1; 24]).to_string();
    for room in [foreign.as_str(), "short", "%2e%2e%2f", "%3Cscript%3E", "%ff"] {
        let (head, body) = get(&server, &format!("/r/{room}")).await;
        assert!(head.starts_with("http/1.1 404"), "{room}: {head}");
        assert!(body.contains("no such call"), "{room}");
        assert!(!body.contains("<script>"), "{room}");
    }
    server.stop().await;
}

#[tokio::test]
async fn machines_learn_what_they_need() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    let (_, health) = get(&server, "/healthz").await;
    assert_eq!(health, "ok\n");
    let (_, about) = get(&server, "/api/v1/server").await;
    let about: serde_json::Value = serde_json::from_str(&about).unwrap();
    assert_eq!(about["server"], "parley");
    assert_eq!(about["protocol"]["max"], parley_proto::PROTOCOL_VERSION);
    let (head, _) = get(&server, "/").await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let (head, _) = get(&server, "/elsewhere").await;
    assert!(head.starts_with("http/1.1 404"), "{head}");
    let (head, _) = get(&server, "/api/v1/signal").await;
    assert!(
        head.starts_with("http/1.1 400"),
        "no upgrade, no signaling: {head}"
    );
    server.stop().await;
}
