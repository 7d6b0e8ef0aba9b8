//! Who gets a relay, which one, and for how long.

use super::super::super::family::Family;
use super::super::super::quota::Quotas;
use super::super::TurnShared;
use super::world::{Client, PEER, World, config, udp};
use std::net::SocketAddr;
use std::sync::Arc;
use stun_types::AddressFamily;
use stun_types::attribute::*;
use stun_types::message::*;
use turn_types::attribute::*;
use turn_types::message::*;

#[test]
fn a_client_with_credentials_gets_a_relay_and_is_told_its_addresses() {
    for algorithm in [IntegrityAlgorithm::Sha1, IntegrityAlgorithm::Sha256] {
        let mut world = World::new();
        let mut client = Client::new(&mut world, "alice", udp("192.0.2.1:4000"));
        client.algorithm = algorithm;
        let answer = client.ask(&mut world, ALLOCATE, &[&RequestedTransport::new(17)]);
        assert_eq!(answer.code(), 0);
        let relayed = answer.relayed();
        assert_eq!(relayed.len(), 1);
        assert_eq!(
            relayed[0].ip().to_string(),
            "203.0.113.5",
            "what it is called outside"
        );
        assert!((49_152..=65_535).contains(&relayed[0].port()));
        let open: Vec<SocketAddr> = world.relays.values().copied().collect();
        assert_eq!(
            open,
            [SocketAddr::new("10.0.0.5".parse().unwrap(), relayed[0].port())]
        );
        let message = answer.message();
        let mapped = message.attribute::<XorMappedAddress>().unwrap();
        assert_eq!(mapped.addr(message.transaction_id()), client.at.client);
        assert_eq!(answer.lifetime_s(), 600);
        assert_eq!(world.counters().allocations, 1);
    }
}

#[test]
fn an_allocate_sent_twice_gets_the_same_answer_and_another_one_none() {
    let mut world = World::new();
    let client = Client::new(&mut world, "alice", udp("192.0.2.1:4000"));
    let request = client.signed(ALLOCATE, |_| vec![Box::new(RequestedTransport::new(17))]);
    let first = world.ask(&client.at, &request);
    let again = world.ask(&client.at, &request);
    assert_eq!(again.code(), 0);
    assert_eq!(again.relayed(), first.relayed());
    assert_eq!(world.relays.len(), 1);
    let other = client.ask(&mut world, ALLOCATE, &[&RequestedTransport::new(17)]);
    assert_eq!(other.code(), 437);
    assert_eq!(world.counters().mismatches, 1);
}

#[test]
fn an_allocation_lasts_as_long_as_granted_and_refreshed() {
    for (asked, granted) in [
        (None, 600),
        (Some(1), 600),
        (Some(1800), 1800),
        (Some(u32::MAX), 3600),
    ] {
        let mut world = World::new();
        let client = Client::new(&mut world, "alice", udp("192.0.2.1:4000"));
        let mut attributes: Vec<Box<dyn AttributeWrite>> = vec![Box::new(RequestedTransport::new(17))];
        attributes.extend(asked.map(|s| Box::new(Lifetime::new(s)) as Box<dyn AttributeWrite>));
        let request = client.signed(ALLOCATE, |_| attributes);
        assert_eq!(world.ask(&client.at, &request).lifetime_s(), granted);
        assert!(world.server.next_timeout().is_some());
        world.pass(u64::from(granted) - 1);
        assert_eq!(world.relays.len(), 1);
        world.pass(1);
        assert_eq!(world.relays.len(), 0, "the socket is closed");
        assert_eq!(world.counters().expired, 1);
        assert_eq!(world.server.next_timeout(), None);
    }
}

#[test]
fn a_refresh_prolongs_and_a_refresh_of_nothing_ends() {
    let mut world = World::new();
    let (client, _) = Client::allocated(&mut world, "alice", udp("192.0.2.1:4000"));
    world.pass(500);
    assert_eq!(client.ask(&mut world, REFRESH, &[]).lifetime_s(), 600);
    world.pass(599);
    assert_eq!(world.relays.len(), 1);
    let mut client = client;
    let stale = client.ask(&mut world, REFRESH, &[&Lifetime::new(0)]);
    assert_eq!(stale.code(), 438, "the nonce is older than a quarter of an hour");
    client.nonce = stale.nonce();
    let answer = client.ask(&mut world, REFRESH, &[&Lifetime::new(0)]);
    assert_eq!((answer.code(), answer.lifetime_s()), (0, 0));
    assert_eq!(world.relays.len(), 0);
    assert_eq!(client.ask(&mut world, REFRESH, &[]).code(), 437);
    assert_eq!(
        client
            .ask(&mut world, ALLOCATE, &[&RequestedTransport::new(17)])
            .code(),
        0
    );
}

#[test]
fn what_cannot_be_had_is_refused_by_its_number() {
    let table: Vec<(u16, Vec<Box<dyn AttributeWrite>>)> = vec![
        (400, vec![]),
        (442, vec![Box::new(RequestedTransport::new(6))]),
        (442, vec![Box::new(RequestedTransport::new(255))]),
        (440, vec![udp_box(), raw(0x0017, &[3, 0, 0, 0])]),
        (
            400,
            vec![
                udp_box(),
                v6(),
                Box::new(AdditionalAddressFamily::new(AddressFamily::IPV6)),
            ],
        ),
        (400, vec![udp_box(), raw(0x8000, &[1, 0, 0, 0])]),
        (
            400,
            vec![
                udp_box(),
                Box::new(EvenPort::new(true)),
                Box::new(ReservationToken::new(1)),
            ],
        ),
        (400, vec![udp_box(), v6(), Box::new(ReservationToken::new(1))]),
        (508, vec![udp_box(), Box::new(ReservationToken::new(1))]),
        (400, vec![udp_box(), raw(0x000d, &[0, 0])]),
        (420, vec![udp_box(), raw(0x0003, &[0, 0, 0, 6])]),
        (420, vec![udp_box(), raw(0x7fff, &[])]),
        (
            0,
            vec![udp_box(), raw(0xffff, &[]), Box::new(DontFragment::new())],
        ),
    ];
    for (at, (code, attributes)) in table.into_iter().enumerate() {
        let mut config = config();
        config.unfragmented = true;
        let mut world = World::with(config);
        let client = Client::new(&mut world, "alice", udp("192.0.2.1:4000"));
        let request = client.signed(ALLOCATE, |_| attributes);
        assert_eq!(world.ask(&client.at, &request).code(), code, "row {at}");
        assert_eq!(world.relays.len(), usize::from(code == 0), "row {at}");
        assert_eq!(world.counters().allocations, u64::from(code == 0), "row {at}");
    }
}

#[test]
fn unfragmented_datagrams_are_promised_only_where_they_are_sent() {
    let mut config = config();
    config.unfragmented = false;
    let mut world = World::with(config);
    let client = Client::new(&mut world, "alice", udp("192.0.2.1:4000"));
    let answer = client.ask(
        &mut world,
        ALLOCATE,
        &[&RequestedTransport::new(17), &DontFragment::new()],
    );
    assert_eq!(answer.code(), 420);
    assert!(
        answer
            .message()
            .attribute::<UnknownAttributes>()
            .unwrap()
            .has_attribute(DontFragment::TYPE)
    );
}

#[test]
fn a_client_of_ipv4_can_have_a_relay_of_ipv6_or_both() {
    let mut world = World::new();
    let client = Client::new(&mut world, "alice", udp("192.0.2.1:4000"));
    let v6 = RequestedAddressFamily::new(AddressFamily::IPV6);
    let answer = client.ask(&mut world, ALLOCATE, &[&RequestedTransport::new(17), &v6]);
    assert_eq!(answer.relayed()[0].ip().to_string(), "2001:db8::5");

    let client = Client::new(&mut world, "alice", udp("192.0.2.1:4001"));
    let both = AdditionalAddressFamily::new(AddressFamily::IPV6);
    let answer = client.ask(&mut world, ALLOCATE, &[&RequestedTransport::new(17), &both]);
    let families: Vec<Family> = answer
        .relayed()
        .iter()
        .map(|address| Family::of(address.ip()))
        .collect();
    assert_eq!(families, Family::BOTH);
    assert_eq!(world.relays.len(), 3);

    // One of the two is given back, then the other.
    let answer = client.ask(&mut world, REFRESH, &[&Lifetime::new(0), &v6]);
    assert_eq!(answer.code(), 0);
    assert_eq!(world.relays.len(), 2);
    assert_eq!(client.ask(&mut world, REFRESH, &[&v6]).code(), 443);
    let v4 = RequestedAddressFamily::new(AddressFamily::IPV4);
    assert_eq!(
        client.ask(&mut world, REFRESH, &[&Lifetime::new(0), &v4]).code(),
        0
    );
    assert_eq!(client.ask(&mut world, REFRESH, &[]).code(), 437);
    assert_eq!(world.relays.len(), 1);
}

#[test]
fn a_family_that_is_not_here_is_refused_or_told_beside_the_other() {
    let mut config = config();
    config.relays.v6 = None;
    let mut world = World::with(config);
    let client = Client::new(&mut world, "alice", udp("192.0.2.1:4000"));
    let v6 = RequestedAddressFamily::new(AddressFamily::IPV6);
    assert_eq!(
        client
            .ask(&mut world, ALLOCATE, &[&RequestedTransport::new(17), &v6])
            .code(),
        440
    );
    let both = AdditionalAddressFamily::new(AddressFamily::IPV6);
    let answer = client.ask(&mut world, ALLOCATE, &[&RequestedTransport::new(17), &both]);
    assert_eq!(answer.relayed().len(), 1);
    let missing = answer.message().attribute::<AddressErrorCode>().unwrap();
    assert_eq!(
        (missing.family(), missing.error().code()),
        (AddressFamily::IPV6, 440)
    );
}

#[test]
fn a_pair_of_ports_is_had_by_token_even_on_another_thread() {
    let shared = TurnShared::new(config(), [7; 32]);
    let (mut one, mut two) = (World::on(Arc::clone(&shared), 1), World::on(shared, 2));
    let client = Client::new(&mut one, "alice", udp("192.0.2.1:4000"));
    let answer = client.ask(
        &mut one,
        ALLOCATE,
        &[&RequestedTransport::new(17), &EvenPort::new(true)],
    );
    let even = answer.relayed()[0].port();
    assert_eq!(even % 2, 0);
    let token = answer.message().attribute::<ReservationToken>().unwrap().token();

    let client = Client::new(&mut two, "alice", udp("192.0.2.1:4001"));
    let answer = client.ask(
        &mut two,
        ALLOCATE,
        &[&RequestedTransport::new(17), &ReservationToken::new(token)],
    );
    assert_eq!(answer.relayed()[0].port(), even + 1);
}

#[test]
fn a_port_that_another_program_has_is_stepped_over_and_none_is_an_error() {
    let mut config = config();
    config.ports = 60_000..=60_003;
    let mut world = World::with(config);
    world.occupied = [60_000, 60_001, 60_003].into();
    let (client, relayed) = Client::allocated(&mut world, "alice", udp("192.0.2.1:4000"));
    assert_eq!(relayed.port(), 60_002);
    let other = Client::new(&mut world, "bob", udp("192.0.2.2:4000"));
    assert_eq!(
        other
            .ask(&mut world, ALLOCATE, &[&RequestedTransport::new(17)])
            .code(),
        508
    );
    assert_eq!(world.counters().no_port, 1);
    world.occupied.clear();
    let carol = Client::new(&mut world, "carol", udp("192.0.2.3:4000"));
    let answer = carol.ask(&mut world, ALLOCATE, &[&RequestedTransport::new(17)]);
    assert_eq!(answer.code(), 0, "what could not be had then can be tried again");
    assert_eq!(client.ask(&mut world, REFRESH, &[&Lifetime::new(0)]).code(), 0);
    assert_eq!(
        other
            .ask(&mut world, ALLOCATE, &[&RequestedTransport::new(17)])
            .code(),
        0
    );
}

#[test]
fn nobody_has_more_than_their_share() {
    let mut config = config();
    config.quotas = Quotas {
        per_user: 2,
        per_source: 3,
        total: 4,
    };
    let mut world = World::with(config);
    let mut ask = |user: &str, at: &str| {
        let client = Client::new(&mut world, user, udp(at));
        client
            .ask(&mut world, ALLOCATE, &[&RequestedTransport::new(17)])
            .code()
    };
    assert_eq!(ask("alice", "192.0.2.1:1"), 0);
    assert_eq!(ask("alice", "192.0.2.1:2"), 0);
    assert_eq!(ask("alice", "192.0.2.1:3"), 486);
    assert_eq!(ask("bob", "192.0.2.1:4"), 0);
    assert_eq!(ask("carol", "192.0.2.1:5"), 486);
    assert_eq!(ask("carol", "192.0.2.2:6"), 0);
    assert_eq!(ask("dave", "192.0.2.3:7"), 508);
    let counters = world.counters();
    assert_eq!(
        (
            counters.over_user_quota,
            counters.over_source_quota,
            counters.over_total_quota
        ),
        (1, 1, 1)
    );
    world.pass(600);
    let client = Client::new(&mut world, "alice", udp("192.0.2.1:1"));
    assert_eq!(
        client
            .ask(&mut world, ALLOCATE, &[&RequestedTransport::new(17)])
            .code(),
        0
    );
}

#[test]
fn a_server_about_to_stop_gives_no_new_relays_and_keeps_the_old() {
    let shared = TurnShared::new(config(), [7; 32]);
    let mut world = World::on(Arc::clone(&shared), 1);
    let (alice, _) = Client::allocated(&mut world, "alice", udp("192.0.2.1:4000"));
    let bob = Client::new(&mut world, "bob", udp("192.0.2.2:4000"));
    shared.drain();
    let refused = bob.ask(&mut world, ALLOCATE, &[&RequestedTransport::new(17)]);
    assert_eq!((refused.code(), world.counters().draining), (508, 1));
    assert_eq!(alice.ask(&mut world, REFRESH, &[]).code(), 0);
    assert_eq!(alice.bind(&mut world, 0x4000, PEER), 0);
}

#[test]
fn a_closed_stream_takes_its_allocation_with_it() {
    let mut world = World::new();
    let mut at = udp("192.0.2.1:4000");
    at.stream = true;
    let (client, _) = Client::allocated(&mut world, "alice", at);
    world.server.stream_closed(&client.at);
    world.act();
    assert!(world.relays.is_empty());
    assert_eq!(world.counters().released, 1);
    assert_eq!(world.counters().allocations, 0);
}

fn udp_box() -> Box<dyn AttributeWrite> {
    Box::new(RequestedTransport::new(17))
}

fn v6() -> Box<dyn AttributeWrite> {
    Box::new(RequestedAddressFamily::new(AddressFamily::IPV6))
}

fn raw(kind: u16, value: &[u8]) -> Box<dyn AttributeWrite> {
    Box::new(RawAttribute::new(AttributeType::new(kind), value).into_owned())
}
