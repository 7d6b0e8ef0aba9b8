//! Those who want what is not theirs.

use super::super::super::credentials::TurnSecret;
use super::super::{Action, TurnServer, TurnShared};
use super::world::{Client, PEER, World, config, udp};
use proptest::prelude::*;
use std::net::SocketAddr;
use std::time::Duration;
use stun_types::attribute::*;
use stun_types::message::*;
use turn_types::attribute::*;
use turn_types::message::*;

#[test]
fn without_credentials_there_is_only_a_small_invitation_to_bring_some() {
    let mut world = World::new();
    for method in [ALLOCATE, REFRESH, CREATE_PERMISSION, CHANNEL_BIND] {
        let request = Message::builder_request(method, MessageWriteVec::new()).finish();
        let answer = world.ask(&udp("192.0.2.1:4000"), &request);
        assert_eq!(answer.code(), 401);
        assert!(
            answer.0.len() <= 116,
            "{} bytes to somebody who may not have asked",
            answer.0.len()
        );
        assert!(!answer.message().has_attribute(Software::TYPE));
    }
    assert_eq!(world.counters().unauthenticated, 4);
}

#[test]
fn wrong_and_old_credentials_are_told_apart_only_in_the_counters() {
    let mut world = World::new();
    let mut client = Client::new(&mut world, "alice", udp("192.0.2.1:4000"));
    let ask = |world: &mut World, client: &Client| {
        client
            .ask(world, ALLOCATE, &[&RequestedTransport::new(17)])
            .code()
    };
    let good = client.credentials.clone();
    client.credentials.password.push('x');
    assert_eq!(ask(&mut world, &client), 401);
    client.credentials = TurnSecret::new(b"south").mint(world.now, Duration::from_secs(60), "alice");
    assert_eq!(ask(&mut world, &client), 401);
    client.credentials = good.clone();
    client.credentials.username = "9999999999:alice".into();
    assert_eq!(ask(&mut world, &client), 401, "a longer life than was minted");
    client.credentials = TurnSecret::new(b"north").mint(world.now, Duration::ZERO, "alice");
    assert_eq!(ask(&mut world, &client), 401);
    client.credentials = good;
    assert_eq!(ask(&mut world, &client), 0);
    let counters = world.counters();
    assert_eq!((counters.wrong_credentials, counters.expired_credentials), (3, 1));
}

#[test]
fn a_call_is_not_ended_by_credentials_that_expire_but_by_those_who_keep_it_for_days() {
    let mut world = World::new();
    let (mut client, _) = Client::allocated(&mut world, "alice", udp("192.0.2.1:4000"));
    let mut refreshed_s = 0;
    while refreshed_s < 48 * 3600 {
        world.pass(590);
        let mut answer = client.ask(&mut world, REFRESH, &[]);
        if answer.code() == 438 {
            client.nonce = answer.nonce();
            answer = client.ask(&mut world, REFRESH, &[]);
        }
        if answer.code() != 0 {
            assert_eq!(answer.code(), 401);
            break;
        }
        refreshed_s += 590;
    }
    assert!(
        (13 * 3600 - 600..=13 * 3600).contains(&refreshed_s),
        "{refreshed_s}"
    );
}

#[test]
fn what_is_somebody_elses_stays_theirs() {
    let mut world = World::new();
    let (alice, _) = Client::allocated(&mut world, "alice", udp("192.0.2.1:4000"));
    let mut mallory = Client::new(&mut world, "mallory", udp("192.0.2.66:4000"));
    // From her own address there is nothing of hers yet; her nonce is worth nothing on Alice's.
    assert_eq!(mallory.permit(&mut world, &[PEER]), 437);
    mallory.at = alice.at;
    let answer = mallory.ask(&mut world, REFRESH, &[&Lifetime::new(0)]);
    assert_eq!(answer.code(), 438);
    mallory.nonce = answer.nonce();
    assert_eq!(mallory.ask(&mut world, REFRESH, &[&Lifetime::new(0)]).code(), 441);
    assert_eq!(world.relays.len(), 1);
    assert_eq!(world.counters().wrong_users, 1);
    // The same user with newer credentials is the same user.
    let mut alice = alice;
    alice.credentials = TurnSecret::new(b"north").mint(world.now, Duration::from_secs(7200), "alice");
    assert_eq!(alice.ask(&mut world, REFRESH, &[]).code(), 0);
}

#[test]
fn nothing_is_relayed_to_where_nobody_should_get() {
    let mut world = World::new();
    let (client, _) = Client::allocated(&mut world, "alice", udp("192.0.2.1:4000"));
    for peer in [
        "127.0.0.1:22",
        "0.0.0.0:22",
        "10.0.0.1:22",
        "172.16.0.1:22",
        "192.168.0.1:22",
        "169.254.169.254:80",
        "100.64.0.1:22",
        "224.0.0.251:5353",
        "255.255.255.255:67",
    ] {
        assert_eq!(client.permit(&mut world, &[peer]), 403, "{peer}");
        assert_eq!(client.bind(&mut world, 0x4000, peer), 403, "{peer}");
        assert_eq!(client.send(&mut world, peer, b"x"), None, "{peer}");
    }
    let client = Client::new(&mut world, "alice", udp("192.0.2.1:4001"));
    let v6 = RequestedAddressFamily::new(stun_types::AddressFamily::IPV6);
    assert_eq!(
        client
            .ask(&mut world, ALLOCATE, &[&RequestedTransport::new(17), &v6])
            .code(),
        0
    );
    for peer in [
        "[::1]:22",
        "[fe80::1]:22",
        "[fd00::1]:22",
        "[::ffff:127.0.0.1]:22",
        "[64:ff9b::7f00:1]:22",
    ] {
        assert_eq!(client.permit(&mut world, &[peer]), 403, "{peer}");
        assert_eq!(client.bind(&mut world, 0x4000, peer), 403, "{peer}");
    }
}

#[test]
fn credentials_that_do_not_fit_together_are_a_bad_request() {
    let mut world = World::new();
    let client = Client::new(&mut world, "alice", udp("192.0.2.1:4000"));
    let username = Username::new(&client.credentials.username).unwrap();
    let realm = Realm::new("call.example.org").unwrap();
    let nonce = Nonce::new(&client.nonce).unwrap();
    let md5_only = PasswordAlgorithms::new(&[PasswordAlgorithmValue::MD5]);
    let md5 = PasswordAlgorithm::new(PasswordAlgorithmValue::MD5);
    let rows: [&[&dyn AttributeWrite]; 5] = [
        &[&realm, &nonce],
        &[&username, &nonce],
        &[&username, &realm],
        &[&username, &realm, &nonce, &md5],
        // Bidding down: the server offered better.
        &[&username, &realm, &nonce, &md5_only, &md5],
    ];
    for (at, attributes) in rows.into_iter().enumerate() {
        let mut request = Message::builder_request(ALLOCATE, MessageWriteVec::new());
        for attribute in attributes {
            request.add_attribute(*attribute).unwrap();
        }
        request
            .add_message_integrity(&client.key(), IntegrityAlgorithm::Sha1)
            .unwrap();
        assert_eq!(world.ask(&client.at, &request.finish()).code(), 400, "row {at}");
    }
}

#[test]
fn a_nonce_flood_is_answered_so_often_and_remembered_not_at_all() {
    let mut world = World::new();
    let request = Message::builder_request(ALLOCATE, MessageWriteVec::new()).finish();
    for port in 1..=5000 {
        let mut from = udp("192.0.2.1:1");
        from.client.set_port(port);
        world.hand_in(&from, &request);
    }
    assert_eq!(world.take_answers().len(), 200);
    assert_eq!(world.counters().answers_limited, 4800);
    assert_eq!(world.counters().allocations, 0);
    world.pass(1);
    Client::new(&mut world, "alice", udp("192.0.2.1:4000"));
}

#[test]
fn a_stream_gets_more_answers_than_a_source_of_datagrams_but_not_all_it_asks_for() {
    let mut world = World::new();
    let request = Message::builder_request(ALLOCATE, MessageWriteVec::new()).finish();
    let mut stream = udp("192.0.2.1:4000");
    stream.stream = true;
    // Datagrams that say they come from the same address take nothing from it.
    for from in [udp("192.0.2.1:1"), stream] {
        for _ in 0..5000 {
            world.hand_in(&from, &request);
        }
    }
    let answers = world.take_answers();
    assert_eq!(answers.iter().filter(|(to, _)| to.stream).count(), 2000);
    assert_eq!(answers.len(), 2200);
}

#[test]
fn a_binding_request_is_answered_and_other_messages_are_not() {
    let mut world = World::new();
    let at = udp("[::ffff:192.0.2.1]:4000");
    let answer = world.ask(
        &at,
        &Message::builder_request(BINDING, MessageWriteVec::new()).finish(),
    );
    let message = answer.message();
    let mapped = message
        .attribute::<XorMappedAddress>()
        .unwrap()
        .addr(message.transaction_id());
    assert_eq!(mapped, "192.0.2.1:4000".parse::<SocketAddr>().unwrap());
    assert!(answer.0.len() <= 44);
    let request = Message::builder_request(CONNECT, MessageWriteVec::new()).finish();
    let indication = Message::builder_indication(BINDING, MessageWriteVec::new()).finish();
    let ours = answer.0.clone();
    for silent in [request, indication, ours, b"junk".to_vec(), vec![0; 20], vec![]] {
        assert!(world.hand_in(&at, &silent).is_none());
        assert!(world.take_answers().is_empty(), "{silent:02x?}");
    }
    assert_eq!(world.counters().not_for_a_server, 3);
    assert_eq!(world.counters().junk, 3);
}

/// Requests and indications of any kind, some of them well formed.
fn packets() -> impl Strategy<Value = Vec<u8>> {
    let attribute = (
        prop_oneof![
            prop::sample::select(vec![
                0x0006_u16, 0x0008, 0x000c, 0x000d, 0x0012, 0x0013, 0x0014, 0x0015, 0x0017, 0x0018, 0x0019,
                0x001a, 0x001c, 0x001d, 0x0022, 0x8000, 0x8002, 0x8028,
            ]),
            any::<u16>(),
        ],
        proptest::collection::vec(any::<u8>(), 0..40),
    );
    let stun = (
        prop::sample::select(vec![
            0x0001_u16, 0x0003, 0x0004, 0x0008, 0x0009, 0x0016, 0x0017, 0x0011, 0x0103, 0x0113,
        ]),
        proptest::collection::vec(attribute, 0..8),
    )
        .prop_map(|(kind, attributes)| {
            let mut packet = kind.to_be_bytes().to_vec();
            packet.extend_from_slice(&[
                0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
            ]);
            for (kind, value) in attributes {
                packet.extend_from_slice(&kind.to_be_bytes());
                packet.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
                packet.extend_from_slice(&value);
                packet.resize(packet.len().next_multiple_of(4), 0);
            }
            let length = u16::try_from(packet.len() - 20).unwrap();
            packet[2..4].copy_from_slice(&length.to_be_bytes());
            packet
        });
    prop_oneof![
        stun,
        proptest::collection::vec(any::<u8>(), 0..100),
        (0x40_u8..0x80, proptest::collection::vec(any::<u8>(), 3..100)).prop_map(|(first, mut rest)| {
            rest.insert(0, first);
            rest
        }),
    ]
}

proptest! {
    #[test]
    fn nobody_without_credentials_ever_opens_a_relay(
        packets in proptest::collection::vec((packets(), any::<bool>(), 0u64..100), 1..40)
    ) {
        let shared = TurnShared::new(config(), [7; 32]);
        let mut server = TurnServer::new(shared, [1; 32]);
        let mut now = World::new().now;
        for (packet, stream, s) in packets {
            now = now + Duration::from_secs(s);
            let mut from = udp("192.0.2.1:4000");
            from.stream = stream;
            prop_assert!(server.handle_client(now, &from, &packet).is_none());
            while let Some(action) = server.poll() {
                let answered = matches!(action, Action::Answer { .. });
                prop_assert!(answered, "{:?}", action);
                if let Action::Answer { message, .. } = action {
                    prop_assert!(message.len() <= 120 && message.len() % 4 == 0);
                    prop_assert!(Message::from_bytes(&message).is_ok());
                }
            }
            server.handle_timeout(now);
            prop_assert!(server.next_timeout().is_none());
        }
    }

    #[test]
    fn nothing_a_client_with_credentials_sends_makes_it_panic(
        rows in proptest::collection::vec((0usize..5, proptest::collection::vec((any::<u8>(), proptest::collection::vec(any::<u8>(), 0..24)), 0..6)), 1..20),
        loose in proptest::collection::vec(packets(), 1..20),
    ) {
        let mut world = World::new();
        let (client, _) = Client::allocated(&mut world, "alice", udp("192.0.2.1:4000"));
        for (method, attributes) in rows {
            let method = [ALLOCATE, REFRESH, CREATE_PERMISSION, CHANNEL_BIND, BINDING][method];
            let mut request = Message::builder_request(method, MessageWriteVec::new());
            for (kind, value) in &attributes {
                let kind = AttributeType::new(u16::from(kind % 0x30));
                if ![MessageIntegrity::TYPE, MessageIntegritySha256::TYPE, Fingerprint::TYPE].contains(&kind) {
                    request.add_attribute(&RawAttribute::new(kind, value)).unwrap();
                }
            }
            world.hand_in(&client.at, &client.sign(request));
        }
        for packet in loose {
            world.hand_in(&client.at, &packet);
        }
        world.pass(4000);
        prop_assert!(world.relays.is_empty());
        prop_assert_eq!(world.counters().allocations, 0);
    }
}
