//! Real sockets and a real clock. The peer is at 127.0.0.2: the relay's own address is refused.

use super::super::config::{RelayAddress, TurnConfig};
use super::super::credentials::TurnSecret;
use super::super::family::ByFamily;
use super::super::framing::{Frame, next_frame};
use super::super::moment::Moment;
use super::{Clock, TurnDriver, TurnSockets};
use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use stun_types::attribute::*;
use stun_types::message::*;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use turn_types::attribute::*;
use turn_types::message::*;

const PATIENCE: Duration = Duration::from_secs(10);
const SECRET: &[u8] = b"north";

fn driver(threads: usize) -> TurnDriver {
    listening("127.0.0.1:0", threads)
}

fn listening(at: &str, threads: usize) -> TurnDriver {
    let relays = ByFamily {
        v4: Some(RelayAddress::at("127.0.0.1".parse().unwrap())),
        v6: None,
    };
    let mut config = TurnConfig::new("example.org", TurnSecret::new(SECRET), relays);
    config.peers.allowed_subnets = vec!["127.0.0.0/8".parse().unwrap()];
    config.bytes_per_s_max = 100_000_000;
    let sockets = TurnSockets {
        udp: vec![at.parse().unwrap()],
        threads,
        streams_max: 9,
        streams_per_source_max: 8,
        seed: [3; 32],
    };
    TurnDriver::start(config, &sockets).unwrap()
}

fn socket(at: &str) -> UdpSocket {
    let socket = UdpSocket::bind((at, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Requests of somebody with credentials, over anything that asks and hears.
struct Author {
    key: LongTermKeyCredentials,
    nonce: String,
}

impl Author {
    fn new() -> Self {
        let now: Moment = Clock::start().now();
        let credentials = TurnSecret::new(SECRET).mint(now, Duration::from_secs(600), "alice");
        Self {
            key: LongTermKeyCredentials::new(
                credentials.username,
                credentials.password,
                "example.org".into(),
            ),
            nonce: String::new(),
        }
    }

    fn request(&self, method: Method, peer: Option<SocketAddr>, channel: Option<u16>) -> Vec<u8> {
        let mut request = Message::builder_request(method, MessageWriteVec::new());
        if method == ALLOCATE {
            request.add_attribute(&RequestedTransport::new(17)).unwrap();
        }
        if let Some(peer) = peer {
            let peer = XorPeerAddress::new(peer, request.transaction_id());
            request.add_attribute(&peer).unwrap();
        }
        if let Some(channel) = channel {
            request.add_attribute(&ChannelNumber::new(channel)).unwrap();
        }
        self.sign(request)
    }

    /// The allocation is not needed any more.
    fn goodbye(&self) -> Vec<u8> {
        let mut request = Message::builder_request(REFRESH, MessageWriteVec::new());
        request.add_attribute(&Lifetime::new(0)).unwrap();
        self.sign(request)
    }

    fn sign(&self, mut request: MessageWriteVec) -> Vec<u8> {
        if !self.nonce.is_empty() {
            request
                .add_attribute(&Username::new(self.key.username()).unwrap())
                .unwrap();
            request
                .add_attribute(&Realm::new(self.key.realm()).unwrap())
                .unwrap();
            request.add_attribute(&Nonce::new(&self.nonce).unwrap()).unwrap();
            let key = MessageIntegrityCredentials::LongTerm(self.key.clone());
            request
                .add_message_integrity(&key, IntegrityAlgorithm::Sha1)
                .unwrap();
        }
        request.finish()
    }

    fn heed(&mut self, challenge: &[u8]) {
        let message = Message::from_bytes(challenge).unwrap();
        self.nonce = message.attribute::<Nonce>().unwrap().nonce().to_owned();
    }
}

fn relayed(answer: &[u8]) -> SocketAddr {
    let message = Message::from_bytes(answer).unwrap();
    assert!(message.has_class(MessageClass::Success), "{message}");
    message
        .attribute::<XorRelayedAddress>()
        .unwrap()
        .addr(message.transaction_id())
}

fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 2000];
    let (length, from) = socket.recv_from(&mut buffer).unwrap();
    (buffer[..length].to_vec(), from)
}

/// A client of UDP with a channel 0x4000 to `peer`, and its relay.
fn udp_client(driver: &TurnDriver, peer: SocketAddr) -> (UdpSocket, SocketAddr) {
    let (client, author, relay) = allocated(driver.udp()[0]);
    client
        .send(&author.request(CHANNEL_BIND, Some(peer), Some(0x4000)))
        .unwrap();
    let bound = receive(&client).0;
    assert!(
        Message::from_bytes(&bound)
            .unwrap()
            .has_class(MessageClass::Success)
    );
    (client, relay)
}

/// A client of UDP and its relay.
fn allocated(server: SocketAddr) -> (UdpSocket, Author, SocketAddr) {
    let client = socket("127.0.0.1");
    client.connect(server).unwrap();
    let ask = |request: &[u8]| {
        client.send(request).unwrap();
        receive(&client).0
    };
    let mut author = Author::new();
    author.heed(&ask(&author.request(ALLOCATE, None, None)));
    let relay = relayed(&ask(&author.request(ALLOCATE, None, None)));
    (client, author, relay)
}

fn on_channel(payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x40, 0, 0, u8::try_from(payload.len()).unwrap()];
    packet.extend_from_slice(payload);
    packet
}

#[test]
fn packets_of_many_clients_go_both_ways_by_any_thread() {
    let driver = driver(2);
    let peer = socket("127.0.0.2");
    let clients: Vec<(UdpSocket, SocketAddr)> = (0..6)
        .map(|_| udp_client(&driver, peer.local_addr().unwrap()))
        .collect();
    for (number, (client, relay)) in clients.iter().enumerate() {
        // Of different lengths, so that some leave together and some alone.
        let sent: BTreeSet<Vec<u8>> = (0..20_u8)
            .map(|n| vec![n; if n % 5 == 4 { 30 } else { 60 }])
            .collect();
        for payload in &sent {
            client.send(&on_channel(payload)).unwrap();
        }
        let mut arrived = BTreeSet::new();
        while arrived.len() < sent.len() {
            let (payload, from) = receive(&peer);
            assert_eq!(from, *relay, "client {number}");
            arrived.insert(payload);
        }
        assert_eq!(arrived, sent);
        for payload in &sent {
            peer.send_to(payload, relay).unwrap();
        }
        let answered: BTreeSet<Vec<u8>> = (0..sent.len()).map(|_| receive(client).0[4..].to_vec()).collect();
        assert_eq!(answered, sent);
    }
    let counters = driver.counters();
    assert_eq!(counters.allocations, 6);
    assert_eq!(
        (counters.packets_to_peers, counters.packets_to_clients),
        (120, 120)
    );
    assert_eq!(counters.send_failed, 0);
}

#[test]
fn answers_come_from_the_address_that_was_asked() {
    let driver = listening("[::]:0", 1);
    // The socket is connected: it hears only whom it asked.
    let (_client, _author, relay) = allocated(SocketAddr::new(
        "127.0.0.3".parse().unwrap(),
        driver.udp()[0].port(),
    ));
    assert_eq!(relay.ip().to_string(), "127.0.0.1");
}

#[test]
fn two_relays_of_one_server_reach_each_other_and_a_closed_one_is_gone() {
    for threads in [1, 2] {
        let driver = driver(threads);
        let (one, of_one, to_one) = allocated(driver.udp()[0]);
        let (two, of_two, to_two) = allocated(driver.udp()[0]);
        for (client, author, peer) in [(&one, &of_one, to_two), (&two, &of_two, to_one)] {
            let request = author.request(CHANNEL_BIND, Some(peer), Some(0x4000));
            client.send(&request).unwrap();
            let bound = receive(client).0;
            assert!(
                Message::from_bytes(&bound)
                    .unwrap()
                    .has_class(MessageClass::Success)
            );
        }
        one.send(&on_channel(b"hello")).unwrap();
        assert_eq!(receive(&two).0, on_channel(b"hello"));
        two.send(&on_channel(b"hi")).unwrap();
        assert_eq!(receive(&one).0, on_channel(b"hi"));
        let port_is_free = || UdpSocket::bind(to_two).is_ok();
        assert!(!port_is_free());
        two.send(&of_two.goodbye()).unwrap();
        relayed_nothing(&receive(&two).0);
        assert!(port_is_free());
    }
}

/// A Refresh that ended the allocation.
fn relayed_nothing(answer: &[u8]) {
    let message = Message::from_bytes(answer).unwrap();
    assert_eq!(message.attribute::<Lifetime>().unwrap().seconds(), 0);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = socket("127.0.0.1");
    let relays = ByFamily::default();
    let sockets = TurnSockets {
        udp: vec![taken.local_addr().unwrap()],
        threads: 1,
        streams_max: 1,
        streams_per_source_max: 1,
        seed: [3; 32],
    };
    let error = TurnDriver::start(TurnConfig::new("x", TurnSecret::new(b"x"), relays), &sockets).unwrap_err();
    let port = taken.local_addr().unwrap().port().to_string();
    assert!(error.to_string().contains(&port), "{error}");
}

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
