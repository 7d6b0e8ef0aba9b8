//! Much at once, and slowly: each is cut and counted, and people meet meanwhile.

use super::client::Client;
use super::wire::{PATIENCE, a_call_begins, metric, metric_reaches, say, stands};
use futures_util::{SinkExt as _, StreamExt as _};
use parley_proto::limits::SIGNAL_MESSAGE_BYTES_MAX;
use parley_proto::signal::SIGNAL_PATH;
use parley_proto::{ClientMessage, CloseCode};
use parley_server::{Server, ServerConfig};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

/// A request that never ends, a byte at a time; how long it was borne.
async fn trickle(address: SocketAddr) -> Duration {
    let began = tokio::time::Instant::now();
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nX: ").await.unwrap();
    while began.elapsed() < PATIENCE {
        let mut end = [0; 64];
        let read = timeout(Duration::from_millis(50), socket.read(&mut end)).await;
        if matches!(read, Ok(Ok(0) | Err(_))) || socket.write_all(b"y").await.is_err() {
            break;
        }
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_trickle_in_are_cut_and_keep_nobody_out() {
    let config = ServerConfig {
        header_timeout: Duration::from_secs(1),
        ..ServerConfig::loopback()
    };
    let server = Server::start(config).await.unwrap();
    let address = server.address();
    let slow: Vec<_> = (0..200).map(|_| tokio::spawn(trickle(address))).collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let took = a_call_begins(address).await;
    eprintln!("a call began in {took:?} beside 200 slow requests");
    for one in slow {
        let borne = one.await.unwrap();
        assert!(borne < PATIENCE / 2, "borne for {borne:?}");
    }
    stands(&server, "http_slow_total", 200).await;
    server.stop().await;
}

/// The bytes of a handshake, and what comes after it without waiting.
fn upgraded(then: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "GET {SIGNAL_PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes();
    bytes.extend(then);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_none_end_the_connection_and_are_counted() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    let endless = [&[0x81u8, 0xff][..], &(u64::MAX >> 1).to_be_bytes(), &[0; 4]].concat();
    let long = SIGNAL_MESSAGE_BYTES_MAX as u64 * 5;
    let frames: [(&str, Vec<u8>); 5] = [
        ("a frame of 2^63 bytes", endless),
        (
            "a frame over the limit",
            [&[0x81u8, 0xff][..], &long.to_be_bytes(), &[0; 4]].concat(),
        ),
        ("a frame that is not masked", vec![0x81, 1, b'x']),
        ("reserved bits", vec![0xf1, 0x81, 0, 0, 0, 0, b'x']),
        (
            "a ping of 126 bytes",
            [&[0x89u8, 0xfe, 0, 126][..], &[0; 4 + 126]].concat(),
        ),
    ];
    for (number, (what, frame)) in (1..).zip(frames) {
        let answer = say(server.address(), &upgraded(&frame)).await;
        assert!(answer.starts_with("HTTP/1.1 101"), "{what}: {answer}");
        metric_reaches(server.address(), "malformed_total", number).await;
        assert_eq!(
            metric(server.address(), "malformed_total").await,
            number,
            "{what}"
        );
    }
    a_call_begins(server.address()).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_hangs_up_is_not_taken_for_one_who_says_what_is_wrong() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    for _ in 0..10 {
        drop(Client::connect(&server).await);
    }
    metric_reaches(server.address(), "connections_accepted_total", 10).await;
    let gone = async {
        while server.counters().connections > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, gone).await.unwrap();
    assert_eq!(server.counters().malformed, 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_pings_ends_like_any_other() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    let client = Client::connect(&server).await;
    let (mut sink, mut stream) = client.socket.split();
    let flood = tokio::spawn(async move {
        // Ends when the server hangs up.
        while sink.send(Message::Ping("x".into())).await.is_ok() {}
    });
    let ended = async {
        loop {
            match stream.next().await {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| u16::from(frame.code)),
                Some(Ok(_)) => {}
                // What was not read makes the system reset the connection, which may overtake the close frame.
                Some(Err(_)) | None => return None,
            }
        }
    };
    let code = timeout(PATIENCE, ended).await.expect("it is not borne for ever");
    assert!(
        code.is_none_or(|code| code == CloseCode::Offences.number()),
        "{code:?}"
    );
    drop(stream);
    flood.await.unwrap();
    stands(&server, "offenders_closed_total", 1).await;
    assert!(server.counters().rate_limited > 0);
    server.stop().await;
}

/// Everything at once for a few seconds, from many: calls begin all the while.
#[tokio::test(flavor = "multi_thread")]
async fn calls_begin_while_many_do_their_worst() {
    let config = ServerConfig {
        header_timeout: Duration::from_millis(500),
        undecided_max: 100,
        ..ServerConfig::loopback()
    };
    let server = Server::start(config).await.unwrap();
    let address = server.address();
    let mut vandals = tokio::task::JoinSet::new();
    for number in 0..40 {
        vandals.spawn(async move {
            for _ in 0..10_000 {
                match number % 4 {
                    // Nothing said, and a new one each time.
                    0 => drop(TcpStream::connect(address).await),
                    1 => drop(say(address, b"SSH-2.0-x\r\n\r\n").await),
                    2 => drop(say(address, &upgraded(&[0x81, 1, b'x'])).await),
                    _ => {
                        let mut client = Client::connect_to(address).await;
                        for _ in 0..300 {
                            // The server may have hung up already.
                            let _ = client.socket.feed(Message::text("{")).await;
                        }
                        let _ = timeout(Duration::from_secs(1), client.socket.flush()).await;
                        client.closed().await;
                    }
                }
                // Hostile, and still only one of two slow cores.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
    }
    let mut longest = Duration::ZERO;
    for _ in 0..20 {
        longest = longest.max(a_call_begins(address).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    eprintln!("a call began in {longest:?} at the longest");
    vandals.shutdown().await;
    stands(&server, "offenders_closed_total", 1).await;
    server.stop().await;
}

/// More connections than there are places at the door, and nothing is said on any: the program, as it is run, keeps serving people. How
/// many is what this process may open; the program raises its own limit.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_connections_that_say_nothing_keep_nobody_out() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    use std::process::Stdio;

    const WANTED: u64 = 10_000;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(1 << 16), hard).unwrap();
    // The rest is for the other tests of this process.
    let many = WANTED.min(hard.min(1 << 16).saturating_sub(1000));
    if many < WANTED {
        eprintln!("only {many} connections: this machine allows {hard} open files");
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let folder = tempfile::tempdir().unwrap();
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_parley-server"))
        .args(["--no-stun", "--listen", &address.to_string(), "--data-dir"])
        .arg(folder.path())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let up = async {
        while TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, up).await.unwrap();

    let began = std::time::Instant::now();
    let mut crowd = Vec::new();
    for number in 0..many {
        let mut socket = TcpStream::connect(address).await.unwrap();
        if number % 3 == 0 {
            // Evicted ones are closed under one's hands.
            let _ = socket.write_all(b"GET / HTTP/1.1\r\nHos").await;
        }
        crowd.push(socket);
        if number % 2500 == 2499 {
            let took = a_call_begins(address).await;
            eprintln!(
                "{} connections in {:?}, a call in {took:?}",
                number + 1,
                began.elapsed()
            );
        }
    }
    assert!(metric(address, "tcp_accepted_total").await >= many);
    assert!(metric(address, "tcp_open").await <= 2048);
    // The others are there, gave way, or ran out of time.
    let enough_cut = async {
        loop {
            let mut cut = 0;
            for name in ["tcp_evicted_total", "tcp_silent_total", "http_slow_total"] {
                cut += metric(address, name).await;
            }
            if cut >= many.saturating_sub(2048) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, enough_cut).await.expect("the oldest give way");
    a_call_begins(address).await;
    drop(crowd);
    program.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_passwords_without_end_keeps_nobody_from_a_room_without_one() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    let mut hosts = Vec::new();
    for _ in 0..20 {
        let (mut host, _) = Client::in_room(&server, None, "Mallory").await;
        for _ in 0..10 {
            let password = Some("secret".to_owned());
            host.send(&ClientMessage::SetPassword { password }).await;
        }
        hosts.push(host);
    }
    let took = a_call_begins(server.address()).await;
    eprintln!("a call began in {took:?} while passwords were hashed");
    stands(&server, "refused_passwords_total", 1).await;
    server.stop().await;
}
