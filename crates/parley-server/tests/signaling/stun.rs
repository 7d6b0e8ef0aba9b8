//! STUN over a real socket.

use parley_server::{Server, ServerConfig};
use std::net::SocketAddr;
use std::time::Duration;
use stun_types::attribute::XorMappedAddress;
use stun_types::message::{BINDING, Message, MessageWriteVec};
use stun_types::prelude::*;
use tokio::net::UdpSocket;
use tokio::time::timeout;

async fn ask(socket: &UdpSocket, server: SocketAddr) -> Option<SocketAddr> {
    let mut request = Message::builder_request(BINDING, MessageWriteVec::new());
    request.add_fingerprint().unwrap();
    socket.send_to(&request.finish(), server).await.unwrap();
    let mut buffer = [0; 1500];
    let (length, _) = timeout(Duration::from_secs(5), socket.recv_from(&mut buffer))
        .await
        .ok()?
        .unwrap();
    let response = Message::from_bytes(&buffer[..length]).unwrap();
    let mapped = response.attribute::<XorMappedAddress>().unwrap();
    Some(mapped.addr(response.transaction_id()))
}

#[tokio::test]
async fn who_asks_learns_the_own_address_and_noise_is_counted() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    let stun = server.stun_address().unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for junk in [&b""[..], b"hello", &[0; 20], &[0xff; 600]] {
        socket.send_to(junk, stun).await.unwrap();
    }
    assert_eq!(ask(&socket, stun).await, Some(socket.local_addr().unwrap()));
    let counters = server.counters();
    assert_eq!(counters.stun_junk, 4);
    assert_eq!(counters.stun_answered, 1);
    server.stop().await;
}

#[tokio::test]
async fn on_a_socket_for_both_families_ipv4_stays_ipv4() {
    let server = Server::start(ServerConfig::everywhere(0, 0)).await.unwrap();
    let port = server.stun_address().unwrap().port();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mapped = ask(&socket, ([127, 0, 0, 1], port).into()).await;
    assert_eq!(mapped, Some(socket.local_addr().unwrap()));
    if let Ok(socket) = UdpSocket::bind("[::1]:0").await {
        let mapped = ask(&socket, format!("[::1]:{port}").parse().unwrap()).await;
        assert_eq!(mapped, Some(socket.local_addr().unwrap()));
    }
    server.stop().await;
}

#[tokio::test]
async fn who_asks_too_often_is_not_answered() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    let stun = server.stun_address().unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let request = Message::builder_request(BINDING, MessageWriteVec::new()).finish();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while server.counters().stun_rate_limited == 0 {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", server.counters());
        for _ in 0..50 {
            socket.send_to(&request, stun).await.unwrap();
        }
        tokio::task::yield_now().await;
    }
    server.stop().await;
}
