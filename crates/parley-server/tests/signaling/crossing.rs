//! Pages of other sites, and headers that claim what is not so.

use super::admin::Operator;
use super::client::Client;
use super::wire::{a_call_begins, get, metric, say};
use parley_proto::signal::SIGNAL_PATH;
use parley_server::{Server, ServerConfig};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

/// Whether a WebSocket is opened with this header besides.
async fn opens(server: &Server, header: &'static str, value: &str) -> bool {
    let url = format!("ws://{}{SIGNAL_PATH}", server.address());
    let mut request = url.into_client_request().unwrap();
    request
        .headers_mut()
        .append(header, HeaderValue::from_str(value).unwrap());
    match connect_async(request).await {
        Ok(_) => true,
        Err(error) => {
            assert!(error.to_string().contains("403"), "{error}");
            false
        }
    }
}

#[tokio::test]
async fn a_page_of_another_site_opens_no_websocket() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    let own = format!("http://{}", server.address());
    assert!(opens(&server, "origin", &own).await, "a guest's page");
    let port = server.address().port();
    for (number, origin) in (1..).zip([
        "https://evil.example".to_owned(),
        format!("http://127.0.0.1.evil.example:{port}"),
        format!("http://127.0.0.1:{}", port ^ 1),
        "null".to_owned(),
        String::new(),
    ]) {
        assert!(!opens(&server, "origin", &origin).await, "{origin}");
        assert_eq!(
            metric(server.address(), "cross_site_total").await,
            number,
            "{origin}"
        );
    }
    a_call_begins(server.address()).await;
    server.stop().await;
}

#[tokio::test]
async fn a_server_with_a_name_knows_its_own_page_behind_a_proxy() {
    let config = ServerConfig {
        domain: Some("call.example.org".to_owned()),
        ..ServerConfig::loopback()
    };
    let server = Server::start(config).await.unwrap();
    assert!(opens(&server, "origin", "https://call.example.org").await);
    assert!(!opens(&server, "origin", "https://call.example.org.evil.example").await);
    server.stop().await;
}

/// Whether a page under this name gets a WebSocket, and the page behind a link; `proxy` is what one on the way adds.
async fn serves(server: &Server, host: &str, proxy: &str) -> (bool, bool) {
    let origin = format!("Host: {host}\r\nOrigin: http://{host}\r\n{proxy}");
    let handshake = format!(
        "{origin}Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nConnection: Upgrade\r\n"
    );
    let request = format!("GET {SIGNAL_PATH} HTTP/1.1\r\n{handshake}\r\n");
    // A frame that is none ends what was opened.
    let answer = say(server.address(), &[request.as_bytes(), &[0x81, 1, b'x']].concat()).await;
    let page = get(server.address(), "/r/nowhere", &origin).await;
    let fine = |answer: &str, yes: &str| {
        assert!(
            answer.starts_with(yes) || answer.starts_with("HTTP/1.1 403"),
            "{answer}"
        );
        answer.starts_with(yes)
    };
    (fine(&answer, "HTTP/1.1 101"), fine(&page, "HTTP/1.1 404"))
}

/// DNS rebinding: a page of somebody else's whose name leads here.
#[tokio::test]
async fn a_name_that_leads_here_and_is_none_of_ours_gets_nothing() {
    let config = ServerConfig {
        names: vec!["call.example.org".to_owned()],
        ..ServerConfig::loopback()
    };
    let server = Server::start(config).await.unwrap();
    let port = server.address().port();
    let yes = (true, true);
    for ours in [
        "127.0.0.1",
        "localhost",
        "notebook.local",
        "call.example.org",
        "[fd00::1]",
        "192.168.1.7",
    ] {
        assert_eq!(
            serves(&server, &format!("{ours}:{port}"), "").await,
            yes,
            "{ours}"
        );
    }
    assert_eq!(server.counters().unknown_host, 0);
    let rebound = format!("rebound.example:{port}");
    assert_eq!(serves(&server, &rebound, "").await, (false, false));
    assert_eq!(
        serves(&server, &rebound, "X-Forwarded-For: 192.0.2.1\r\n").await,
        yes
    );
    assert_eq!(metric(server.address(), "unknown_host_total").await, 2);
    a_call_begins(server.address()).await;
    server.stop().await;
}

#[tokio::test]
async fn the_numbers_are_told_to_no_header_trick() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    let address = server.address();
    for headers in [
        "Host: localhost\r\nX-Forwarded-For: 127.0.0.1\r\n",
        "Host: localhost\r\nX-Real-IP: 127.0.0.1\r\n",
        "Host: localhost\r\nForwarded: for=127.0.0.1\r\n",
        "Host: localhost\r\nVia: 1.1 proxy\r\n",
        "Host: rebound.example\r\n",
        "Host: localhost\r\nHost: localhost\r\n",
    ] {
        let answer = get(address, "/metrics", headers).await;
        assert!(
            answer.starts_with("HTTP/1.1 403") || answer.starts_with("HTTP/1.1 400"),
            "{headers}: {answer}"
        );
        assert!(!answer.contains("parley_rooms"), "{headers}");
    }
    assert!(server.counters().metrics_refused >= 5);
    assert_eq!(metric(address, "rooms").await, 0, "but to this machine itself");
    server.stop().await;
}

/// Where somebody comes from is the other end of the connection, whatever a header says: else the limit would be none.
#[tokio::test]
async fn no_header_gives_a_fresh_share_of_requests() {
    let operator = Operator::start().await;
    let address = operator.server.address();
    let mut limited = 0;
    for number in 0..400 {
        let headers = format!(
            "Host: localhost\r\nX-Forwarded-For: 203.0.113.{}\r\n",
            number % 250
        );
        let answer = get(address, "/api/v1/admin/rooms", &headers).await;
        limited += u64::from(answer.starts_with("HTTP/1.1 429"));
    }
    assert!(limited > 0);
    assert_eq!(metric(address, "admin_limited_total").await, limited);
    operator.server.stop().await;
}

#[tokio::test]
async fn heads_that_are_too_much_are_refused_and_the_connection_ends() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    let address = server.address();
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(100_000));
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(200));
    for head in [
        long.as_str(),
        &many,
        "GET / HTTP/9.9\r\n\r\n",
        "GET\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        // Two lengths: where one request ends must never be a matter of opinion.
        "POST /api/v1/admin/rooms HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    ] {
        let answer = say(address, head.as_bytes()).await;
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(refused, "{head:.60}: {answer}");
    }
    let (_ada, _) = Client::in_room(&server, None, "Ada").await;
    server.stop().await;
}
