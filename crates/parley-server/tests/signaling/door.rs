//! One port for everything: what comes in by it, what it turned out to be, and what is turned away.

use super::client::Client;
use parley_server::turn::{Moment, TurnSecret};
use parley_server::{CertificateSource, GroupConfig, RelayConfig, Server, ServerConfig, TlsConfig};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use stun_types::message::{BINDING, Message, MessageClass, MessageWriteVec};
use stun_types::prelude::*;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server with relays, a port without TLS and one with.
async fn serve(folder: &Path) -> Server {
    serve_with(folder, |config| config).await
}

async fn serve_with(folder: &Path, change: impl FnOnce(ServerConfig) -> ServerConfig) -> Server {
    let config = ServerConfig {
        tls: Some(TlsConfig {
            listen: vec![([127, 0, 0, 1], 0).into()],
            certificate: CertificateSource::Own {
                folder: folder.to_owned(),
            },
        }),
        relay: Some(RelayConfig {
            threads: 1,
            secret: Some(TurnSecret::new(b"secret")),
            ..RelayConfig::default()
        }),
        ..ServerConfig::loopback()
    };
    Server::start(change(config)).await.unwrap()
}

/// Over TLS, as somebody who trusts the server's own certificate.
async fn secure(
    folder: &Path,
    address: SocketAddr,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    let pem = std::fs::read(folder.join("own-certificate.pem")).unwrap();
    roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    let provider = tokio_rustls::rustls::crypto::ring::default_provider();
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    let socket = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(name, socket).await
}

/// What a page answers, and then the end.
async fn get(mut stream: impl AsyncRead + AsyncWrite + Unpin, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost:1\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // The end of TLS may come without a farewell.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8(answer).unwrap()
}

/// Whether STUN is answered on a stream.
async fn answers_stun(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> bool {
    let request = Message::builder_request(BINDING, MessageWriteVec::new()).finish();
    // In two parts: what is looked at to tell the protocol is a part of the message.
    for part in [&request[..3], &request[3..]] {
        // Who is turned away may learn of it in between.
        if stream.write_all(part).await.is_err() || stream.flush().await.is_err() {
            return false;
        }
    }
    let mut answer = vec![0; 20];
    if !matches!(timeout(PATIENCE, stream.read_exact(&mut answer)).await, Ok(Ok(_))) {
        return false;
    }
    let mut rest = vec![0; usize::from(u16::from_be_bytes([answer[2], answer[3]]))];
    stream.read_exact(&mut rest).await.unwrap();
    answer.extend(rest);
    Message::from_bytes(&answer)
        .unwrap()
        .has_class(MessageClass::Success)
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_signaling_and_relays_share_one_port() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path()).await;
    let (plain, tls) = (server.address(), server.tls_addresses()[0]);

    let (_ada, _) = Client::in_room(&server, None, "Ada").await;
    for address in [plain, tls] {
        assert!(
            answers_stun(TcpStream::connect(address).await.unwrap()).await,
            "TURN over TCP"
        );
        for protocols in [&[][..], &["http/1.1"], &["h2", "http/1.1"]] {
            let stream = secure(folder.path(), address, protocols).await.unwrap();
            assert!(
                get(stream, "/healthz").await.ends_with("ok\n"),
                "HTTPS, {protocols:?}"
            );
        }
        for protocols in [&[][..], &["stun.turn"]] {
            let stream = secure(folder.path(), address, protocols).await.unwrap();
            assert!(answers_stun(stream).await, "TURN over TLS, {protocols:?}");
        }
    }
    assert!(
        get(TcpStream::connect(plain).await.unwrap(), "/healthz")
            .await
            .ends_with("ok\n")
    );
    assert_eq!(server.counters().turn_streams, 6);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_without_tls_at_the_port_for_tls_is_sent_to_https() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path()).await;
    let address = server.tls_addresses()[0];
    let answer = get(TcpStream::connect(address).await.unwrap(), "/r/x?y=1")
        .await
        .to_lowercase();
    assert!(answer.starts_with("http/1.1 307"), "{answer}");
    let location = format!("location: https://localhost:{}/r/x?y=1\r\n", address.port());
    assert!(answer.contains(&location), "{answer}");
    assert_eq!(server.counters().redirected, 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_the_silent_are_closed_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve_with(folder.path(), |config| ServerConfig {
        header_timeout: Duration::from_millis(1500),
        ..config
    })
    .await;
    let ends = async |bytes: &[u8]| {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut left = Vec::new();
        let read = stream.read_to_end(&mut left);
        let _ = timeout(PATIENCE, read).await.expect("the server hangs up");
    };
    ends(b"").await;
    assert_eq!(server.counters().tcp_silent, 1, "nothing said");
    // A ClientHello that never ends.
    ends(&[0x16, 3, 1, 2, 0, 1]).await;
    assert_eq!(server.counters().tcp_silent, 2, "half a handshake");
    ends(&[0xff; 10]).await;
    assert_eq!(server.counters().tcp_junk, 1, "no protocol");
    let refused = secure(folder.path(), server.address(), &["gopher"]).await;
    assert!(refused.is_err(), "no protocol in common");
    let counted = async {
        while server.counters().tls_failed == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, counted).await.unwrap();
    let (_ada, _) = Client::in_room(&server, None, "Ada").await;
    server.stop().await;
}

/// More at once who say nothing than there are places: those who came first go, and somebody with a question is answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_says_nothing_keeps_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve_with(folder.path(), |config| ServerConfig {
        undecided_max: 20,
        header_timeout: Duration::from_secs(600),
        ..config
    })
    .await;
    let mut crowd = Vec::new();
    for _ in 0..300 {
        crowd.push(TcpStream::connect(server.address()).await.unwrap());
    }
    let asked = get(TcpStream::connect(server.address()).await.unwrap(), "/healthz");
    let answer = timeout(PATIENCE, asked).await.expect("answered while they wait");
    assert!(answer.ends_with("ok\n"), "{answer}");
    let counters = server.counters();
    assert!(counters.tcp_evicted >= 280, "{counters:?}");
    assert!(counters.tcp_open <= 20, "{counters:?}");
    drop(crowd);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_are_no_relays_turn_is_turned_away() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    assert!(!answers_stun(TcpStream::connect(server.address()).await.unwrap()).await);
    assert_eq!(server.counters().turn_unserved, 1);
    server.stop().await;
}

/// Somebody wrote `https` where it is `http`: their app can only say so when it is told.
#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_tls_whoever_speaks_it_is_told_so_in_plain_http() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(&[0x16, 3, 1, 0, 2, 1, 0]).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(
        head.ends_with(&format!("content-length: {}", body.len())),
        "{answer}"
    );
    assert!(body.contains("no https"), "{answer}");
    assert_eq!(server.counters().tls_unserved, 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_of_relays_that_know_their_credentials() {
    use parley_proto::{IceServerKind, IceTransport, ServerMessage};
    let folder = tempfile::tempdir().unwrap();
    let server = serve_with(folder.path(), |config| ServerConfig {
        domain: Some("localhost".to_owned()),
        ..config
    })
    .await;
    let mut ada = Client::connect(&server).await;
    let (_, ticket) = ada.ticket(None).await;
    ada.send(&parley_proto::ClientMessage::Join {
        version: parley_proto::PROTOCOL_VERSION,
        ticket,
        name: "Ada".to_owned(),
        password: None,
        waits: false,
    })
    .await;
    let ServerMessage::Joined { ice_servers, you, .. } = ada.receive().await else {
        panic!("Ada is not in the room");
    };
    let ways: Vec<_> = ice_servers
        .iter()
        .map(|server| (server.kind, server.transport, server.port))
        .collect();
    let udp = server.stun_address().unwrap().port();
    assert_eq!(
        ways,
        [
            (IceServerKind::Stun, None, udp),
            (IceServerKind::Turn, Some(IceTransport::Udp), udp),
            (
                IceServerKind::Turn,
                Some(IceTransport::Tcp),
                server.address().port()
            ),
            (
                IceServerKind::Turn,
                Some(IceTransport::Tls),
                server.tls_addresses()[0].port()
            ),
        ]
    );
    let given = ice_servers[1].credentials.as_ref().unwrap();
    let (expiry, id) = given.username.split_once(':').unwrap();
    assert_eq!(id, you.to_string());
    let expiry = Moment::from_unix_ms(expiry.parse::<u64>().unwrap() * 1000);
    let minted = TurnSecret::new(b"secret").mint(expiry, Duration::ZERO, id);
    assert_eq!(
        given.credential, minted.password,
        "whoever has the secret makes the same"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_about_to_stop_says_so_and_lets_calls_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path()).await;
    let (mut ada, seat) = Client::in_room(&server, None, "Ada").await;
    server.drain();
    let draining = async {
        while !get(TcpStream::connect(server.address()).await.unwrap(), "/healthz")
            .await
            .contains("503")
        {}
    };
    timeout(PATIENCE, draining).await.unwrap();
    assert!(!server.is_empty());
    let mut eve = Client::connect(&server).await;
    eve.send(&parley_proto::ClientMessage::RequestTicket {
        version: parley_proto::PROTOCOL_VERSION,
        room: None,
        invitation: None,
    })
    .await;
    assert_eq!(eve.receive_error().await, parley_proto::ErrorCode::Unavailable);
    let (bob, _) = Client::in_room(&server, Some(seat.room), "Bob").await;
    ada.send(&parley_proto::ClientMessage::Leave).await;
    drop(bob);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_are_for_the_operator() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path()).await;
    let (_ada, _) = Client::in_room(&server, None, "Ada").await;
    let plain = async || TcpStream::connect(server.address()).await.unwrap();
    let numbers = get(plain().await, "/metrics").await;
    for line in [
        "\nparley_participants 1\n",
        "\nparley_tcp_accepted_total ",
        "\nparley_turn_allocations 0\n",
    ] {
        assert!(numbers.contains(line), "{line} in {numbers}");
    }
    for header in [
        "X-Forwarded-For: 192.0.2.1",
        "X-Real-IP: 192.0.2.1",
        "Via: 1.1 proxy",
    ] {
        let request = format!("/metrics HTTP/1.1\r\n{header}\r\nX-Rest: ");
        let through_a_proxy = get(plain().await, &request).await;
        assert!(through_a_proxy.contains(" 403 "), "{header}: {through_a_proxy}");
    }
    assert_eq!(server.counters().metrics_refused, 3);
    server.stop().await;

    let server = serve_with(folder.path(), |config| ServerConfig {
        metrics_token: Some("open sesame".to_owned()),
        ..config
    })
    .await;
    for (header, allowed) in [
        ("", false),
        ("Authorization: Bearer open", false),
        ("Authorization: Basic open sesame", false),
        ("Authorization: Bearer open sesame", true),
    ] {
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let answer = get(
            stream,
            &format!("/metrics HTTP/1.1\r\n{header}\r\nX-Rest: ").replace("\r\n\r\n", "\r\n"),
        )
        .await;
        assert_eq!(answer.contains("parley_rooms"), allowed, "{header}: {answer}");
    }
    server.stop().await;
}

/// A check of ICE in a frame, of somebody whom nobody knows.
fn framed_check() -> Vec<u8> {
    let mut check = vec![0, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42];
    check.extend([7; 12]);
    check.extend([0, 6, 0, 7]);
    check.extend(b"no:body\0");
    [&[0, 32][..], &check].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn media_over_tcp_shares_the_port_too_and_is_told_apart_from_relays() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve_with(folder.path(), |config| ServerConfig {
        sfu: Some(GroupConfig::at(([127, 0, 0, 1], 0).into())),
        header_timeout: Duration::from_secs(2),
        ..config
    })
    .await;
    let sfu = server.sfu().unwrap();
    let is_closed = |mut stream: TcpStream| async move {
        // A reset is an end as well.
        let mut rest = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.unwrap();
        rest.is_empty()
    };
    for (number, address) in [server.address(), server.tls_addresses()[0]]
        .into_iter()
        .enumerate()
    {
        assert!(
            answers_stun(TcpStream::connect(address).await.unwrap()).await,
            "TURN over TCP"
        );
        let check = framed_check();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        for piece in [&check[..1], &check[1..3], &check[3..9], &check[9..]] {
            stream.write_all(piece).await.unwrap();
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        assert!(is_closed(stream).await, "nobody is called so");
        let handed = number as u64 + 1;
        assert_eq!(server.counters().sfu_streams_handed, handed);
        assert_eq!(server.counters().turn_streams, handed);
    }
    // Whoever says half of it is put out by the front, and the SFU never hears of it.
    for said in [&framed_check()[..2], &framed_check()[..20]] {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(said).await.unwrap();
        assert!(is_closed(stream).await);
    }
    let counters = server.counters();
    assert_eq!((counters.tcp_silent, counters.sfu_streams_handed), (2, 2));
    let counted = async {
        while sfu.counts().streams_strange < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, counted)
        .await
        .expect("the SFU counts strangers");
    assert_eq!(sfu.counts().streams_taken, 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_media_comes_by_datagrams_only_no_stream_is_taken_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve_with(folder.path(), |config| {
        let sfu = GroupConfig::at(([127, 0, 0, 1], 0).into());
        ServerConfig {
            sfu: Some(GroupConfig { tcp: false, ..sfu }),
            ..config
        }
    })
    .await;
    assert!(!server.sfu().unwrap().takes_streams());
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(&framed_check()).await.unwrap();
    let mut rest = Vec::new();
    // The relays find that it is none of theirs.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.is_empty());
    assert_eq!(server.counters().sfu_streams_handed, 0);
    server.stop().await;
}
