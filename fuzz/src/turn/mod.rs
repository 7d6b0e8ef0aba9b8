//! A TURN server among clients with and without credentials, and peers, in virtual time.

mod packets;
mod world;

use crate::bytes::Plan;
use packets::{
    ADDITIONAL_FAMILY, ALLOCATE, Attributes, CHANNEL_BIND, CREATE_PERMISSION, DONT_FRAGMENT, EVEN_PORT,
    LIFETIME, REFRESH, REQUESTED_FAMILY, REQUESTED_TRANSPORT, RESERVATION_TOKEN, XOR_PEER_ADDRESS,
};
use std::net::SocketAddr;
use world::{CLIENTS, World};

/// Steps of one plan; more find nothing new and take time.
const STEPS_MAX: usize = 300;
/// Where somebody may want data to go: to the public internet, and to where nobody should get.
const PEERS: [&str; 12] = [
    "198.51.100.9:5000",
    "198.51.100.9:5001",
    "198.51.100.10:5000",
    "198.51.100.11:0",
    "[2001:db8:9::9]:5000",
    "127.0.0.1:22",
    "10.0.0.1:22",
    "203.0.113.5:22",
    "[::1]:22",
    "[2001:db8::5]:22",
    "[::ffff:127.0.0.1]:22",
    "[64:ff9b::7f00:1]:22",
];

/// Nobody gets a relay, or anything relayed, without credentials; nothing goes to where nobody should get; a source that proved
/// nothing gets only so many bytes; nobody has more than their share, and all of it is free again in the end.
pub(crate) fn turn(data: &[u8]) {
    let mut world = World::new();
    let mut plan = Plan(data);
    for _ in 0..STEPS_MAX {
        if plan.is_over() {
            break;
        }
        step(&mut world, &mut plan);
        world.check();
    }
    world.end();
}

fn step(world: &mut World, plan: &mut Plan<'_>) {
    let what = plan.byte();
    let client = usize::from(what) % CLIENTS;
    match usize::from(what) / CLIENTS % 12 {
        0 => {
            let (length, times) = (usize::from(plan.byte()), plan.byte() % 64);
            let packet = plan.take(length);
            for _ in 0..=times {
                world.say_bytes(client, packet);
            }
        }
        1 | 2 => {
            let wish = wish(world, plan.byte());
            world.ask(client, ALLOCATE, &wish);
        }
        3 => {
            let (lifetime_s, family) = (plan.byte(), plan.byte());
            let mut attributes = vec![(LIFETIME, vec![0, 0, 0, lifetime_s & 0xfc])];
            if family % 4 < 2 {
                attributes.push((REQUESTED_FAMILY, vec![family % 4 + 1, 0, 0, 0]));
            }
            world.ask(client, REFRESH, &attributes);
        }
        4 => {
            let transaction = world.next_transaction();
            let attributes = (0..=plan.byte() % 4)
                .map(|_| peer(world, plan.byte()))
                .map(|peer| (XOR_PEER_ADDRESS, packets::xored(peer, transaction)))
                .collect();
            world.ask(client, CREATE_PERMISSION, &attributes);
        }
        5 => {
            let (peer, number) = (peer(world, plan.byte()), channel_number(plan.byte()));
            let attributes = packets::channel(number, peer, world.next_transaction());
            world.ask(client, CHANNEL_BIND, &attributes);
        }
        6 => {
            let (peer, length) = (peer(world, plan.byte()), usize::from(plan.byte()));
            let packet = packets::send(world.next_transaction(), peer, &vec![7; length]);
            world.say(client, &packet);
        }
        7 => {
            let (number, length) = (channel_number(plan.byte()), usize::from(plan.byte()));
            world.say(client, &packets::channel_data(number, &vec![7; length * 4]));
        }
        8 => {
            let (relay, peer, length) = (plan.byte(), peer(world, plan.byte()), plan.byte());
            world.peer_says(relay, peer, usize::from(length) * 4);
        }
        9 => world.wait(u64::from(plan.u16()) * 20),
        10 if client == 0 => world.open_fails = plan.byte() % 16,
        10 if client == 1 => world.say_again(),
        10 => world.close(client),
        _ => {
            // Attributes of any kind, from somebody with credentials.
            let method = [ALLOCATE, REFRESH, CREATE_PERMISSION, CHANNEL_BIND][usize::from(plan.byte()) % 4];
            let attributes = (0..plan.byte() % 6)
                .map(|_| {
                    let kind = plan.u16();
                    let length = usize::from(plan.byte() % 40);
                    ((kind % 0x40) | (kind & 0x8000), plan.take(length).to_vec())
                })
                .collect();
            world.ask(client, method, &attributes);
        }
    }
}

/// What an Allocate asks for, bit by bit.
fn wish(world: &World, bits: u8) -> Attributes {
    let has = |bit: u8| bits & 1 << bit != 0;
    let mut attributes = vec![(REQUESTED_TRANSPORT, vec![17, 0, 0, 0])];
    let more = [
        (has(0), EVEN_PORT, vec![if has(1) { 0x80 } else { 0 }]),
        (
            has(2),
            REQUESTED_FAMILY,
            vec![if has(1) { 1 } else { 2 }, 0, 0, 0],
        ),
        (has(3), ADDITIONAL_FAMILY, vec![2, 0, 0, 0]),
        (has(4), RESERVATION_TOKEN, world.token.clone()),
        (has(5), LIFETIME, vec![0, 0, bits, 0]),
        (has(6), DONT_FRAGMENT, Vec::new()),
    ];
    attributes.extend(more.into_iter().filter(|row| row.0).map(|row| (row.1, row.2)));
    attributes
}

/// One of the list, or where a relay is.
fn peer(world: &World, pick: u8) -> SocketAddr {
    let pick = usize::from(pick);
    match PEERS.get(pick % 16) {
        Some(peer) => address(peer),
        None => world
            .relay_addresses()
            .nth(pick / 16)
            .unwrap_or_else(|| address(PEERS[0])),
    }
}

/// Few, so that they meet; the last ones are none.
fn channel_number(pick: u8) -> u16 {
    match pick {
        0..250 => 0x4000 + u16::from(pick % 8),
        _ => 0x7ff8 + u16::from(pick),
    }
}

/// An address that stands in this module.
fn address(text: &str) -> SocketAddr {
    text.parse().unwrap_or_else(|_| ([0, 0, 0, 0], 0).into())
}
