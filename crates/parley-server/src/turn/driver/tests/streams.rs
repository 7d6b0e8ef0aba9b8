//! Clients on streams, however they get to a thread.

use super::super::super::framing::{Frame, next_frame};
use super::super::TurnDriver;
use super::world::{Author, PATIENCE, driver, on_channel, receive, relayed, socket};
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use stun_types::message::*;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use turn_types::message::*;

/// How a client's stream gets to a thread.
#[derive(Debug, Clone, Copy)]
enum Carrier {
    /// By a task, as TLS would.
    Task,
    /// It is the thread's own, as plain TCP is.
    Thread,
}

const CARRIERS: [Carrier; 2] = [Carrier::Task, Carrier::Thread];

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Carrier {
    /// A client's end of a stream.
    async fn connect(self, driver: &Arc<TurnDriver>) -> Box<dyn Stream> {
        match self {
            Self::Task => {
                let (client, server) = tokio::io::duplex(200);
                serve(driver, server);
                Box::new(client)
            }
            Self::Thread => {
                let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
                let client = tokio::net::TcpStream::connect(listener.local_addr().unwrap())
                    .await
                    .unwrap();
                driver.adopt_tcp(listener.accept().unwrap().0).await.unwrap();
                Box::new(client)
            }
        }
    }
}

/// A client on a stream, with a channel 0x4000 to `peer`, and its relay.
async fn stream_client(
    driver: &Arc<TurnDriver>,
    carrier: Carrier,
    peer: SocketAddr,
) -> (Box<dyn Stream>, SocketAddr) {
    let (client, _author, relay) = stream_author(driver, carrier, peer).await;
    (client, relay)
}

/// The same, who has more to say.
async fn stream_author(
    driver: &Arc<TurnDriver>,
    carrier: Carrier,
    peer: SocketAddr,
) -> (Box<dyn Stream>, Author, SocketAddr) {
    let mut client = carrier.connect(driver).await;
    let mut author = Author::new();
    client
        .write_all(&author.request(ALLOCATE, None, None))
        .await
        .unwrap();
    author.heed(&frame(&mut client).await);
    client
        .write_all(&author.request(ALLOCATE, None, None))
        .await
        .unwrap();
    let relay = relayed(&frame(&mut client).await);
    let bind = author.request(CHANNEL_BIND, Some(peer), Some(0x4000));
    client.write_all(&bind).await.unwrap();
    let bound = frame(&mut client).await;
    assert!(
        Message::from_bytes(&bound)
            .unwrap()
            .has_class(MessageClass::Success)
    );
    (client, author, relay)
}

#[expect(clippy::disallowed_methods, reason = "driver: a client's task")]
fn serve(driver: &Arc<TurnDriver>, stream: DuplexStream) {
    let driver = Arc::clone(driver);
    let (client, local) = ("192.0.2.1:5".parse().unwrap(), "127.0.0.1:443".parse().unwrap());
    tokio::spawn(async move { driver.serve_stream(stream, client, local).await });
}

async fn frame(client: &mut Box<dyn Stream>) -> Vec<u8> {
    let mut read = Vec::new();
    loop {
        if let Frame::Whole { bytes, padded } = next_frame(&read) {
            assert_eq!(read.len(), padded, "read byte by byte, there is no more");
            read.truncate(bytes);
            return read;
        }
        let byte = tokio::time::timeout(PATIENCE, client.read_u8())
            .await
            .unwrap()
            .unwrap();
        read.push(byte);
    }
}

// Reading from the peer blocks a thread, so the client's task has another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_relayed_in_frames_however_it_is_cut() {
    for carrier in CARRIERS {
        let driver = Arc::new(driver(1));
        let peer = socket("127.0.0.2");
        let (mut client, relay) = stream_client(&driver, carrier, peer.local_addr().unwrap()).await;
        let mut bytes = on_channel(b"hello");
        bytes.extend_from_slice(&[0; 3]);
        bytes.extend_from_slice(&on_channel(b"four"));
        for byte in bytes {
            client.write_all(&[byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        assert_eq!(receive(&peer), (b"hello".to_vec(), relay));
        assert_eq!(receive(&peer), (b"four".to_vec(), relay));
        peer.send_to(b"hi", relay).unwrap();
        assert_eq!(frame(&mut client).await, on_channel(b"hi"));
        drop(client);
        until(|| driver.counters().released == 1).await;
        assert_eq!(driver.counters().allocations, 0, "{carrier:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_before_goodbye_still_arrives() {
    for carrier in CARRIERS {
        let driver = Arc::new(driver(1));
        let peer = socket("127.0.0.2");
        let (mut client, author, relay) = stream_author(&driver, carrier, peer.local_addr().unwrap()).await;
        // In one piece, so that it is read at once.
        let last_words = [on_channel(b"last"), author.goodbye()].concat();
        client.write_all(&last_words).await.unwrap();
        assert_eq!(receive(&peer), (b"last".to_vec(), relay), "{carrier:?}");
        until(|| driver.counters().allocations == 0).await;
    }
}

#[tokio::test]
async fn who_said_something_and_left_before_anybody_looked_is_gone_too() {
    let driver = Arc::new(driver(1));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    // Nothing that is answered: an answer to somebody who left comes back as an error, which is noticed anyway.
    client.write_all(&on_channel(b"four")).unwrap();
    drop(client);
    let (socket, _) = listener.accept().unwrap();
    // Both are there by now: what was said, and the end behind it.
    driver.adopt_tcp(socket).await.unwrap();
    until(|| driver.counters().data_without_allocation == 1 && driver.places.are_free()).await;
    assert_eq!(driver.counters().streams_broken, 0, "it left by itself");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_stopped_reading_delays_nobody() {
    for carrier in CARRIERS {
        let driver = Arc::new(driver(1));
        let peer = socket("127.0.0.2");
        let peer_at = peer.local_addr().unwrap();
        let (mut stopped, to_stopped) = stream_client(&driver, carrier, peer_at).await;
        let (mut other, to_other) = stream_client(&driver, carrier, peer_at).await;
        // More than the stream, the system's buffers and what may wait can hold.
        let mut sent = 0;
        while driver.counters().slow_client_drops == 0 {
            peer.send_to(&[1; 100], to_stopped).unwrap();
            sent += 1;
            assert!(sent < 1_000_000, "{carrier:?}: it must have been full long ago");
        }
        peer.send_to(b"hi", to_other).unwrap();
        assert_eq!(frame(&mut other).await, on_channel(b"hi"), "{carrier:?}");
        // Once it reads again, it finds whole frames, and what came first comes first.
        for _ in 0..1000 {
            assert_eq!(frame(&mut stopped).await, on_channel(&[1; 100]), "{carrier:?}");
        }
    }
}

#[tokio::test]
async fn what_is_no_turn_is_closed_and_so_is_one_too_many() {
    for carrier in CARRIERS {
        let driver = Arc::new(driver(1));
        let mut client = carrier.connect(&driver).await;
        client.write_all(b"\x16\x03\x01\x00\x05hello").await.unwrap();
        let end = tokio::time::timeout(PATIENCE, client.read_u8()).await.unwrap();
        assert!(end.is_err(), "closed without a word");
        until(|| driver.counters().streams_broken == 1 && driver.places.are_free()).await;
        let mut kept = Vec::new();
        for _ in 0..9 {
            kept.push(carrier.connect(&driver).await);
        }
        until(|| driver.counters().streams_refused == 1).await;
        assert_eq!(driver.counters().streams_accepted, 9, "{carrier:?}");
        // Those who leave make room.
        kept.clear();
        until(|| driver.places.are_free()).await;
    }
}

async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap();
}
