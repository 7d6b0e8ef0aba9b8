//! What gets through, and to whom.

use super::super::super::allocation::RelayId;
use super::super::super::family::Family;
use super::super::super::wire::{Packet, classify};
use super::super::TurnShared;
use super::world::{Client, PEER, World, config, udp};
use std::net::SocketAddr;
use std::sync::Arc;
use stun_types::attribute::*;
use stun_types::message::*;
use turn_types::attribute::*;
use turn_types::message::*;

/// What reaches the client of a peer's datagram.
fn from_peer(world: &mut World, relay: RelayId, peer: &str, payload: &[u8]) -> Option<Vec<u8>> {
    let to_client = world
        .server
        .handle_peer(world.now, relay, peer.parse().unwrap(), payload.len())?;
    let mut packet = to_client.prefix.as_bytes().to_vec();
    packet.extend_from_slice(payload);
    packet.resize(packet.len() + to_client.prefix.padding(), 0);
    Some(packet)
}

fn only_relay(world: &World) -> RelayId {
    *world.relays.keys().next().unwrap()
}

#[test]
fn data_goes_both_ways_with_a_permission_and_only_then() {
    let mut world = World::new();
    let (client, _) = Client::allocated(&mut world, "alice", udp("192.0.2.1:4000"));
    let relay = only_relay(&world);
    assert_eq!(client.send(&mut world, PEER, b"hello"), None);
    assert_eq!(from_peer(&mut world, relay, PEER, b"hello"), None);
    assert_eq!(client.permit(&mut world, &[PEER]), 0);
    let peer: SocketAddr = PEER.parse().unwrap();
    assert_eq!(
        client.send(&mut world, PEER, b"hello"),
        Some((relay, peer, b"hello".to_vec()))
    );
    // A permission is for an address, whatever the port.
    assert!(client.send(&mut world, "198.51.100.9:6000", b"hello").is_some());
    assert!(client.send(&mut world, "198.51.100.8:5000", b"hello").is_none());
    let indication = from_peer(&mut world, relay, PEER, b"hi").unwrap();
    let message = Message::from_bytes(&indication).unwrap();
    assert_eq!(
        message.get_type(),
        MessageType::from_class_method(MessageClass::Indication, DATA)
    );
    assert_eq!(
        message
            .attribute::<XorPeerAddress>()
            .unwrap()
            .addr(message.transaction_id()),
        peer
    );
    assert_eq!(&*message.raw_attribute(Data::TYPE).unwrap().value, b"hi");
    assert_eq!(from_peer(&mut world, relay, "198.51.100.8:5000", b"hi"), None);
    world.pass(300);
    assert_eq!(client.send(&mut world, PEER, b"late"), None, "it has expired");
    assert_eq!(from_peer(&mut world, relay, PEER, b"late"), None);
    let counters = world.counters();
    assert_eq!(counters.data_to_unpermitted_peer, 3);
    assert_eq!(counters.data_from_unpermitted_peer, 3);
    assert_eq!((counters.packets_to_peers, counters.bytes_to_peers), (2, 10));
    assert_eq!((counters.packets_to_clients, counters.bytes_to_clients), (1, 2));
}

#[test]
fn no_two_data_indications_have_the_same_transaction() {
    let mut world = World::new();
    let (client, _) = Client::allocated(&mut world, "alice", udp("192.0.2.1:4000"));
    client.permit(&mut world, &[PEER]);
    let relay = only_relay(&world);
    let mut seen: Vec<Vec<u8>> = (0..300)
        .map(|_| from_peer(&mut world, relay, PEER, b"x").unwrap()[8..20].to_vec())
        .collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 300);
}

#[test]
fn a_channel_carries_data_both_ways_in_four_bytes() {
    let mut world = World::new();
    let (client, _) = Client::allocated(&mut world, "alice", udp("192.0.2.1:4000"));
    let relay = only_relay(&world);
    assert_eq!(client.send_on(&mut world, 0x4000, b"hello"), None);
    assert_eq!(client.bind(&mut world, 0x4000, PEER), 0);
    let peer: SocketAddr = PEER.parse().unwrap();
    assert_eq!(
        client.send_on(&mut world, 0x4000, b"hello"),
        Some((peer, b"hello".to_vec()))
    );
    assert_eq!(client.send_on(&mut world, 0x4000, b""), Some((peer, vec![])));
    assert_eq!(
        from_peer(&mut world, relay, PEER, b"hi").unwrap(),
        b"\x40\x00\x00\x02hi"
    );
    // The channel came with a permission for the address; other ports of it are told by name.
    let other = from_peer(&mut world, relay, "198.51.100.9:6000", b"hi").unwrap();
    assert_eq!(classify(&other), Packet::Message);
    // The permission ends before the channel does (RFC 8656, section 12).
    world.pass(300);
    assert_eq!(from_peer(&mut world, relay, PEER, b"hi"), None);
    assert_eq!(client.bind(&mut world, 0x4000, PEER), 0);
    assert!(from_peer(&mut world, relay, PEER, b"hi").is_some());
    assert_eq!(world.counters().data_on_unbound_channel, 1);
}

#[test]
fn on_a_stream_everything_is_padded() {
    let mut world = World::new();
    let mut at = udp("192.0.2.1:4000");
    at.stream = true;
    let (client, _) = Client::allocated(&mut world, "alice", at);
    let relay = only_relay(&world);
    client.permit(&mut world, &[PEER]);
    assert_eq!(from_peer(&mut world, relay, PEER, b"hello").unwrap().len() % 4, 0);
    client.bind(&mut world, 0x4000, PEER);
    assert_eq!(
        from_peer(&mut world, relay, PEER, b"hello").unwrap(),
        b"\x40\x00\x00\x05hello\0\0\0"
    );
}

#[test]
fn channels_that_make_no_sense_are_refused() {
    let mut world = World::new();
    let (client, _) = Client::allocated(&mut world, "alice", udp("192.0.2.1:4000"));
    assert_eq!(client.bind(&mut world, 0x4000, PEER), 0);
    for (number, peer, code) in [
        (0x4000, PEER, 0),
        (0x4001, PEER, 400),
        (0x4000, "198.51.100.10:5000", 400),
        (0x3fff, "198.51.100.10:5000", 400),
        (0x7fff, "198.51.100.10:5000", 400),
        (0x7ffe, "198.51.100.10:5000", 0),
        (0x4002, "[2001:db8:9::9]:5000", 443),
        (0x4002, "127.0.0.1:5000", 403),
        (0x4002, "198.51.100.11:0", 403),
    ] {
        assert_eq!(client.bind(&mut world, number, peer), code, "{number:#x} {peer}");
    }
    let no_peer = client.ask(&mut world, CHANNEL_BIND, &[&ChannelNumber::new(0x4005)]);
    assert_eq!(no_peer.code(), 400);
    assert_eq!(client.ask(&mut world, CREATE_PERMISSION, &[]).code(), 400);
}

#[test]
fn all_peers_are_permitted_or_none() {
    let mut world = World::new();
    let (client, _) = Client::allocated(&mut world, "alice", udp("192.0.2.1:4000"));
    assert_eq!(client.permit(&mut world, &[PEER, "10.1.2.3:5000"]), 403);
    assert_eq!(client.permit(&mut world, &[PEER, "[2001:db8:9::9]:1"]), 443);
    assert_eq!(client.send(&mut world, PEER, b"x"), None);
    assert_eq!(client.permit(&mut world, &[PEER, "198.51.100.10:1", PEER]), 0);
    assert!(client.send(&mut world, PEER, b"x").is_some());
    let many: Vec<String> = (0..200).map(|n| format!("198.51.101.{n}:1")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(client.permit(&mut world, &many), 508);
    let counters = world.counters();
    assert_eq!(
        (
            counters.peers_refused,
            counters.peer_family_refused,
            counters.no_room
        ),
        (1, 1, 1)
    );
}

#[test]
fn relays_of_this_thread_reach_each_other_at_once() {
    let mut world = World::new();
    let (alice, of_alice) = Client::allocated(&mut world, "alice", udp("192.0.2.1:4000"));
    let mut at = udp("192.0.2.2:4000");
    at.stream = true;
    let (bob, of_bob) = Client::allocated(&mut world, "bob", at);
    let (of_alice, of_bob) = (of_alice.to_string(), of_bob.to_string());
    assert_eq!(alice.bind(&mut world, 0x4000, &of_bob), 0);
    assert!(
        alice.send_across(&mut world, 0x4000, b"hello").is_none(),
        "Bob permits nobody yet"
    );
    assert_eq!(world.counters().data_from_unpermitted_peer, 1);
    assert_eq!(bob.bind(&mut world, 0x4001, &of_alice), 0);
    let arrived = alice.send_across(&mut world, 0x4000, b"hello");
    assert_eq!(arrived, Some((bob.at, b"\x40\x01\x00\x05hello\0\0\0".to_vec())));
    let arrived = bob.send_across(&mut world, 0x4001, b"hi");
    assert_eq!(arrived, Some((alice.at, b"\x40\x00\x00\x02hi".to_vec())));
    let counters = world.counters();
    assert_eq!((counters.packets_to_peers, counters.packets_to_clients), (3, 2));
    // The same port elsewhere is somebody else's.
    let elsewhere = of_bob.replace("203.0.113.5", "198.51.100.9");
    assert_eq!(alice.permit(&mut world, &[&elsewhere]), 0);
    assert!(alice.send(&mut world, &elsewhere, b"x").is_some());
}

#[test]
fn relays_of_other_threads_are_reached_and_nothing_else_of_this_machine() {
    let shared = TurnShared::new(config(), [7; 32]);
    let (mut world, mut other) = (World::on(Arc::clone(&shared), 1), World::on(shared, 2));
    let (alice, _) = Client::allocated(&mut world, "alice", udp("192.0.2.1:4000"));
    let (bob, of_bob) = Client::allocated(&mut other, "bob", udp("192.0.2.2:4000"));
    let of_bob = of_bob.to_string();
    assert_eq!(alice.permit(&mut world, &[&of_bob]), 0);
    assert!(alice.send(&mut world, &of_bob, b"x").is_some());
    assert!(alice.send(&mut world, "203.0.113.5:22", b"x").is_none());
    assert_eq!(alice.bind(&mut world, 0x4000, "203.0.113.5:22"), 403);
    assert_eq!(alice.bind(&mut world, 0x4000, &of_bob), 0);
    assert!(alice.send_on(&mut world, 0x4000, b"x").is_some());
    assert_eq!(bob.ask(&mut other, REFRESH, &[&Lifetime::new(0)]).code(), 0);
    assert!(
        alice.send_on(&mut world, 0x4000, b"x").is_none(),
        "whoever has that port now"
    );
    assert_eq!(world.counters().data_to_guarded_port, 2);
}

#[test]
fn a_port_that_went_to_another_thread_is_looked_for_there() {
    let mut config = config();
    config.ports = 60_000..=60_001;
    let shared = TurnShared::new(config, [7; 32]);
    let (mut world, mut other) = (World::on(Arc::clone(&shared), 1), World::on(shared, 2));
    let (alice, of_alice) = Client::allocated(&mut world, "alice", udp("192.0.2.1:4000"));
    let (bob, of_bob) = Client::allocated(&mut world, "bob", udp("192.0.2.2:4000"));
    assert_eq!(bob.ask(&mut world, REFRESH, &[&Lifetime::new(0)]).code(), 0);
    let (_carol, of_carol) = Client::allocated(&mut other, "carol", udp("192.0.2.3:4000"));
    assert_eq!(of_carol, of_bob, "there is no other port");
    assert_ne!(of_carol, of_alice);
    assert_eq!(alice.bind(&mut world, 0x4000, &of_carol.to_string()), 0);
    let sent = alice.send_on(&mut world, 0x4000, b"hello");
    assert_eq!(sent, Some((of_carol, b"hello".to_vec())));
}

#[test]
fn each_family_is_relayed_from_its_own_socket() {
    let mut world = World::new();
    let client = Client::new(&mut world, "alice", udp("192.0.2.1:4000"));
    let both = AdditionalAddressFamily::new(stun_types::AddressFamily::IPV6);
    client.ask(&mut world, ALLOCATE, &[&RequestedTransport::new(17), &both]);
    let v6 = "[2001:db8:9::9]:5000";
    assert_eq!(client.permit(&mut world, &[PEER, v6]), 0);
    for (peer, family) in [(PEER, Family::V4), (v6, Family::V6)] {
        let (relay, ..) = client.send(&mut world, peer, b"x").unwrap();
        assert_eq!(relay.family(), family);
        let local = world.relays[&relay];
        assert_eq!(Family::of(local.ip()), family);
        let back = from_peer(&mut world, relay, peer, b"y").unwrap();
        let message = Message::from_bytes(&back).unwrap();
        let read = message
            .attribute::<XorPeerAddress>()
            .unwrap()
            .addr(message.transaction_id());
        assert_eq!(read, peer.parse().unwrap());
    }
}

#[test]
fn an_allocation_relays_no_more_than_it_may() {
    let mut config = config();
    config.bytes_per_s_max = 10_000;
    let mut world = World::with(config);
    let (client, _) = Client::allocated(&mut world, "alice", udp("192.0.2.1:4000"));
    client.bind(&mut world, 0x4000, PEER);
    let relay = only_relay(&world);
    // With headers, a thousand.
    let data = [0; 952];
    let through = (0..20)
        .filter(|n| match n % 2 {
            0 => client.send_on(&mut world, 0x4000, &data).is_some(),
            _ => from_peer(&mut world, relay, PEER, &data).is_some(),
        })
        .count();
    assert_eq!(through, 10);
    assert_eq!(world.counters().over_bandwidth, 10);
    world.pass(1);
    assert!(client.send_on(&mut world, 0x4000, &data).is_some());
}

#[test]
fn a_channel_of_a_relay_that_was_given_back_carries_nothing() {
    let mut world = World::new();
    let client = Client::new(&mut world, "alice", udp("192.0.2.1:4000"));
    let both = AdditionalAddressFamily::new(stun_types::AddressFamily::IPV6);
    client.ask(&mut world, ALLOCATE, &[&RequestedTransport::new(17), &both]);
    assert_eq!(client.bind(&mut world, 0x4000, PEER), 0);
    assert_eq!(client.bind(&mut world, 0x4001, "[2001:db8:9::9]:5000"), 0);
    assert!(client.send_on(&mut world, 0x4000, b"x").is_some());
    let v4 = RequestedAddressFamily::new(stun_types::AddressFamily::IPV4);
    let answer = client.ask(&mut world, REFRESH, &[&Lifetime::new(0), &v4]);
    assert_eq!(answer.code(), 0);
    assert!(client.send_on(&mut world, 0x4000, b"x").is_none());
    assert!(client.send_on(&mut world, 0x4001, b"x").is_some());
    let counters = world.counters();
    assert_eq!(
        (counters.packets_to_peers, counters.data_to_unpermitted_peer),
        (2, 1)
    );
}
