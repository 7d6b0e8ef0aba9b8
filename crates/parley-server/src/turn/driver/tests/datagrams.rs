//! Clients on UDP.

use super::super::super::config::TurnConfig;
use super::super::super::credentials::TurnSecret;
use super::super::super::family::ByFamily;
use super::super::{TurnDriver, TurnSockets};
use super::world::{PATIENCE, allocated, bound, driver, listening, on_channel, receive, socket, udp_client};
use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;
use stun_types::message::*;
use turn_types::attribute::*;
use turn_types::message::*;

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
fn nobody_is_heard_before_the_threads_run() {
    let bound = bound("127.0.0.1:0", 2);
    let client = socket("127.0.0.1");
    let request = Message::builder_request(BINDING, MessageWriteVec::new()).finish();
    client.send_to(&request, bound.udp()[0]).unwrap();
    client.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    assert!(client.recv(&mut [0; 100]).is_err());
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let driver = bound.run().unwrap();
    let answer = receive(&client).0;
    assert!(
        Message::from_bytes(&answer)
            .unwrap()
            .has_class(MessageClass::Success)
    );
    assert_eq!(driver.counters().bindings_answered, 1);
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
