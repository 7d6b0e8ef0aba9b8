//! Streams between two peers: taken where datagrams do not pass, and by nobody else.

use super::pair::{PATIENCE, Pair};
use crate::port::{PeerCommand, PeerStats, TrackKind};
use parley_proto::Candidate;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

fn counted(stats: &PeerStats, name: &str) -> u64 {
    let found = stats.drops.iter().find(|(of, _)| *of == name);
    found.map_or(0, |(_, count)| *count)
}

/// Where A opened its port.
async fn port_of(pair: &mut Pair) -> SocketAddr {
    pair.a
        .until("a place to connect to", |side| {
            side.candidates.iter().any(|candidate| place(candidate).is_some())
        })
        .await;
    pair.a.candidates.iter().find_map(place).unwrap()
}

fn place(candidate: &Candidate) -> Option<SocketAddr> {
    let words: Vec<&str> = candidate.candidate.split(' ').collect();
    let is_place = words[2] == "tcp" && candidate.candidate.ends_with("tcptype passive");
    is_place.then(|| format!("{}:{}", words[4], words[5]).parse().unwrap())
}

fn names(at: SocketAddr) -> PeerCommand {
    let (ip, port) = (at.ip(), at.port());
    PeerCommand::AddCandidate(Candidate {
        candidate: format!("candidate:1 1 tcp 2124414975 {ip} {port} typ host tcptype passive"),
        sdp_mid: Some("0".into()),
        sdp_mline_index: Some(0),
        username_fragment: None,
    })
}

/// Waits until nothing more comes.
async fn is_put_out(stream: &mut TcpStream) -> Vec<u8> {
    let mut came = Vec::new();
    // A reset is an end as well.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut came))
        .await
        .expect("it is put out");
    came
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_between_whom_no_datagrams_pass_meet_over_a_stream() {
    let mut pair = Pair::spawn_without_udp();
    pair.connect().await;
    pair.allow_media().await;
    pair.talk(Duration::from_millis(2500)).await;
    for side in [&mut pair.a, &mut pair.b] {
        side.until("sound and pictures", |side| {
            side.count(TrackKind::Audio) >= 100 && side.pictures() >= 40
        })
        .await;
        side.until("figures of the way", |side| side.stats.borrow().pair.is_some())
            .await;
        assert!(side.failures.is_empty(), "{:?}", side.failures);
        let stats = side.stats.borrow().clone();
        assert!(stats.over_tcp, "{stats:?}");
        assert_eq!(stats.pair_types.unwrap().0, "host");
        assert_eq!(counted(&stats, "tcp_queue_full"), 0);
        assert_eq!(counted(&stats, "tcp_refused"), 0);
    }
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn datagrams_are_taken_where_they_pass() {
    let mut pair = Pair::spawn();
    pair.connect().await;
    pair.allow_media().await;
    pair.talk(Duration::from_millis(1500)).await;
    for side in [&mut pair.a, &mut pair.b] {
        side.until("figures of the way", |side| side.stats.borrow().pair.is_some())
            .await;
        assert!(!side.stats.borrow().over_tcp);
    }
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ice_restart_finds_another_stream() {
    let mut pair = Pair::spawn_without_udp();
    pair.connect().await;
    pair.allow_media().await;
    pair.talk(Duration::from_millis(300)).await;
    pair.a.command(PeerCommand::MakeOffer { ice_restart: true }).await;
    pair.negotiate().await;
    pair.a.received.clear();
    pair.b.received.clear();
    pair.until_connected().await;
    // Pictures of before are none of after, so there must be many.
    for _ in 0..20 {
        pair.carry_candidates().await;
        pair.talk(Duration::from_millis(200)).await;
        if pair.a.pictures() > 20 && pair.b.pictures() > 20 {
            break;
        }
    }
    assert!(pair.a.pictures() > 20 && pair.b.pictures() > 20);
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_put_out_and_keep_nobody_else_out() {
    let mut pair = Pair::spawn_without_udp();
    pair.a.open().await;
    pair.b.open().await;
    pair.a
        .command(PeerCommand::MakeOffer { ice_restart: false })
        .await;
    let at = port_of(&mut pair).await;
    let mut browser = TcpStream::connect(at).await.unwrap();
    browser.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(is_put_out(&mut browser).await, b"");
    // A check for somebody else: its form is right, and so is its frame.
    let mut other = TcpStream::connect(at).await.unwrap();
    let mut check = vec![0, 32, 0, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42];
    check.extend([7; 12]);
    check.extend(*b"\x00\x06\x00\x08none:you");
    other.write_all(&check).await.unwrap();
    assert_eq!(is_put_out(&mut other).await, b"");
    let mut silent = Vec::new();
    for _ in 0..30 {
        silent.push(TcpStream::connect(at).await.unwrap());
    }
    assert_eq!(is_put_out(&mut silent[0]).await, b"", "the oldest of many");
    pair.negotiate().await;
    pair.until_connected().await;
    pair.allow_media().await;
    pair.talk(Duration::from_millis(1500)).await;
    pair.a
        .until("figures of strangers", |side| {
            counted(&side.stats.borrow(), "tcp_strangers") >= 20
        })
        .await;
    assert!(pair.b.pictures() > 10);
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_is_no_peer_is_asked_once_and_left() {
    let victim = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = victim.local_addr().unwrap();
    let mut pair = Pair::spawn_without_udp();
    pair.a.open().await;
    pair.b.open().await;
    pair.a
        .command(PeerCommand::MakeOffer { ice_restart: false })
        .await;
    pair.negotiate().await;
    pair.a.command(names(at)).await;
    pair.a.command(names(at)).await;
    let (mut stream, _) = timeout(PATIENCE, victim.accept()).await.unwrap().unwrap();
    let mut said = [0; 10];
    stream.read_exact(&mut said).await.unwrap();
    assert_eq!(said[2..4], [0, 1], "a check and nothing else");
    assert_eq!(said[6..], [0x21, 0x12, 0xa4, 0x42]);
    stream
        .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        .await
        .unwrap();
    is_put_out(&mut stream).await;
    let again = timeout(Duration::from_millis(700), victim.accept()).await;
    assert!(again.is_err(), "never twice");
    pair.a.take_in();
    assert_eq!(pair.a.failures.len(), 1, "{:?}", pair.a.failures);
    pair.until_connected().await;
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_stands_connects_to_nobody() {
    let victim = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut pair = Pair::spawn();
    pair.connect().await;
    pair.a.command(names(victim.local_addr().unwrap())).await;
    let asked = timeout(Duration::from_secs(1), victim.accept()).await;
    assert!(asked.is_err());
    pair.a.take_in();
    assert!(pair.a.failures.is_empty(), "{:?}", pair.a.failures);
    pair.close().await;
}
