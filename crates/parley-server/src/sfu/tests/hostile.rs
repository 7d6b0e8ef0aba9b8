//! Clients that mean no good, and those who know no better.

use super::world::*;
use crate::load::Part;
use crate::sfu::{Ask, Command};
use parley_proto::{Offence, Publish, PublishedLayer, SfuClosed, Source, Wish};
use proptest::prelude::*;
use std::net::SocketAddr;

fn talker() -> Part {
    Part {
        speaks: true,
        layers: layers(),
        hears: 2,
        sees: 2,
    }
}

#[test]
fn a_description_that_is_none_is_refused_and_harms_nobody() {
    let mut world = World::new();
    let (ada, bob) = (world.enter(talker()), world.enter(talker()));
    world.run(ms(600));
    let long = "m=audio\r\n".repeat(200);
    for (connection, sdp) in [(7, "v=0\r\n"), (8, ""), (9, long.as_str()), (10, "nonsense")] {
        world.ask(
            ada,
            Ask::Offer {
                connection,
                sdp: sdp.to_owned(),
                publish: Vec::new(),
            },
        );
    }
    let refused: Vec<u32> = world.people[ada]
        .closed
        .iter()
        .map(|(number, _)| *number)
        .collect();
    assert_eq!(refused, [7, 8, 9, 10]);
    assert!(
        world.people[ada]
            .closed
            .iter()
            .all(|(_, reason)| *reason == SfuClosed::Refused)
    );
    let since = world.now;
    world.run(ms(500));
    assert!(
        world.got(bob, ada, Source::Microphone, since).len() > 20,
        "the connection that stood goes on"
    );
    assert_eq!(world.sfu.counts().refused, 4);
}

#[test]
fn a_full_server_says_so() {
    let mut world = World::new();
    for _ in 0..17 {
        world.enter(Part {
            hears: 1,
            ..Part::default()
        });
    }
    world.run(ms(100));
    assert_eq!(world.people[16].closed, [(1, SfuClosed::Full)]);
    assert!(world.people[..16].iter().all(|one| one.closed.is_empty()));
}

#[test]
fn a_flood_ends_the_connection_it_comes_over_and_no_other() {
    let mut world = World::new();
    let (ada, bob) = (world.enter(talker()), world.enter(talker()));
    world.run(ms(600));
    for tick in 0..120 {
        for packet in 0..400 {
            let now = world.now;
            let client = &mut world.people[ada].client;
            client.speak(now, tick * 96_000 + packet, 30, vec![0; 20]);
        }
        world.run(ms(100));
    }
    assert_eq!(world.people[ada].closed, [(1, SfuClosed::Kicked)]);
    assert!(world.people[bob].closed.is_empty());
    assert!(world.sfu.counts().too_much > 10_000);
    let told = &world.people[ada].offences;
    assert!(told[&Offence::Flood] > 10_000, "{told:?}");
    assert_eq!((told.len(), world.people[ada].kicks), (1, 1));
    assert!(world.people[bob].offences.is_empty());
}

#[test]
fn a_flood_under_somebody_elses_address_puts_nobody_out() {
    let mut world = World::new();
    let (ada, bob) = (world.enter(talker()), world.enter(talker()));
    world.run(ms(600));
    let from = world.people[ada].address;
    let to: SocketAddr = SERVER.parse().unwrap();
    for _ in 0..120 {
        for _ in 0..400 {
            world
                .sfu
                .handle_packet(world.now, from, to, &[0x80, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]);
        }
        world.run(ms(100));
    }
    assert!(world.people.iter().all(|one| one.closed.is_empty()));
    assert!(world.people.iter().all(|one| one.offences.is_empty()));
    assert!(world.sfu.counts().too_much > 10_000);
    let since = world.now + ms(1_000);
    world.run(ms(2_000));
    assert!(
        world.got(bob, ada, Source::Microphone, since).len() > 45,
        "and she is heard once it is over"
    );
}

/// A packet as it would come from somebody who knows everything of a client but its keys.
fn forged(ssrc: u32, mid: &str, rid: &str) -> Vec<u8> {
    let mut packet = vec![0x90, 102, 0, 1, 0, 0, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    let mut body = Vec::new();
    for (id, text) in [(4, mid), (10, rid)] {
        body.push(id << 4 | u8::try_from(text.len() - 1).unwrap());
        body.extend(text.as_bytes());
    }
    body.resize(body.len().next_multiple_of(4), 0);
    packet.extend([0xbe, 0xde, 0, u8::try_from(body.len() / 4).unwrap()]);
    packet.extend(body);
    packet.extend([7; 200]);
    packet
}

#[test]
fn a_forged_stream_takes_no_layer_away() {
    let mut world = World::new();
    let (ada, bob) = (world.enter(talker()), world.enter(talker()));
    world.run(ms(600));
    world.watch(bob, &[(ada, 320, 180, 1)]);
    // Long enough for her packets to name their layer no more.
    world.run(ms(8_000));
    let (from, to) = (world.people[ada].address, SERVER.parse().unwrap());
    let mids: Vec<String> = world.people[ada]
        .publish
        .iter()
        .map(|one| one.mid.clone())
        .collect();
    for ssrc in 5_000..5_100 {
        for mid in &mids {
            let packet = forged(ssrc, mid, "q");
            world.sfu.handle_packet(world.now, from, to, &packet);
        }
    }
    let since = world.now + ms(50);
    world.run(ms(1_050));
    let seen = world.got(bob, ada, Source::Camera, since);
    assert!(
        seen.iter().filter(|one| one.marker).count() >= 24,
        "{}",
        seen.len()
    );
}

#[test]
fn a_forged_farewell_ends_nothing() {
    let mut world = World::new();
    let (ada, bob) = (world.enter(talker()), world.enter(talker()));
    world.run(ms(600));
    let (from, to) = (world.people[ada].address, SERVER.parse().unwrap());
    for alert in [[1, 0], [2, 0], [2, 40], [2, 10]] {
        for epoch in [0, 1] {
            let mut record = vec![21, 254, 253, 0, epoch, 0, 0, 0, 0, 0, 9, 0, 2];
            record.extend(alert);
            world.sfu.handle_packet(world.now, from, to, &record);
        }
    }
    let since = world.now;
    world.run(ms(1_000));
    assert!(world.people[ada].closed.is_empty());
    assert!(world.got(bob, ada, Source::Microphone, since).len() > 45);
}

#[test]
fn who_sends_what_it_does_not_publish_is_put_out_in_the_end() {
    let mut world = World::new();
    let (ada, bob) = (world.enter(talker()), world.enter(talker()));
    world.run(ms(600));
    // She takes her microphone back, and sends on.
    world.ask(ada, Ask::Publish(Vec::new()));
    world.run(ms(10_000));
    assert!(world.people[ada].closed.is_empty(), "as anybody may for a while");
    for tick in 0..30 {
        for packet in 0..100 {
            let now = world.now;
            let client = &mut world.people[ada].client;
            client.speak(now, tick * 96_000 + packet, 30, vec![0; 20]);
        }
        world.run(ms(100));
    }
    assert_eq!(world.people[ada].closed, [(1, SfuClosed::Kicked)]);
    assert!(world.people[bob].closed.is_empty());
    let counted = world.sfu.counts().offences;
    assert!(counted > 1_000);
    let told = &world.people[ada].offences;
    assert_eq!(told.iter().collect::<Vec<_>>(), [(&Offence::Streams, &counted)]);
    assert_eq!(world.people[ada].kicks, 1);
}

#[test]
fn packets_that_are_too_long_to_be_passed_on_are_counted_and_reach_nobody() {
    let mut world = World::new();
    let (ada, bob) = (world.enter(talker()), world.enter(talker()));
    world.run(ms(600));
    let since = world.now;
    for tick in 0..40 {
        for packet in 0..50 {
            let now = world.now;
            let client = &mut world.people[ada].client;
            client.speak(now, 50_000_000 + tick * 96_000 + packet, 30, vec![0; 1_410]);
        }
        world.run(ms(100));
    }
    assert!(world.people[ada].offences[&Offence::Malformed] > 1_000);
    assert_eq!(world.people[ada].closed, [(1, SfuClosed::Kicked)]);
    let longest = world.people[bob]
        .received
        .iter()
        .filter(|(came, _)| *came >= since);
    assert!(longest.map(|(_, one)| one.bytes).max().unwrap_or(0) < 1_400);
    assert!(world.people[bob].offences.is_empty() && world.people[bob].closed.is_empty());
}

#[test]
fn key_frames_asked_for_without_a_pause_cost_the_publisher_nothing_and_put_the_asker_out() {
    let mut world = World::new();
    let (ada, bob, eve) = (
        world.enter(talker()),
        world.enter(talker()),
        world.enter(talker()),
    );
    world.run(ms(600));
    for at in [bob, eve] {
        world.watch(at, &[(ada, 320, 180, 1)]);
    }
    world.run(ms(1_500));
    let asked = world.sfu.counts().key_frames;
    let since = world.now;
    for _ in 0..4_000 {
        world.people[bob].client.ask_key_frame();
        world.run(ms(2));
        if !world.people[bob].closed.is_empty() {
            break;
        }
    }
    let passed = world.now - since;
    assert_eq!(world.people[bob].closed, [(1, SfuClosed::Kicked)], "{passed:?}");
    assert!(world.people[bob].offences[&Offence::KeyFrames] > 1_000);
    let more = world.sfu.counts().key_frames - asked;
    assert!(
        more <= 2 + passed.as_millis() as u64 / 500,
        "{more} in {passed:?}"
    );
    assert!(world.people[ada].closed.is_empty() && world.people[eve].closed.is_empty());
    let since = world.now;
    world.run(ms(1_000));
    let seen = world.got(eve, ada, Source::Camera, since);
    assert!(
        seen.iter().filter(|one| one.marker).count() >= 23,
        "{}",
        seen.len()
    );
}

#[test]
fn who_is_to_be_kicked_is_and_may_offer_another() {
    let mut world = World::new();
    let (ada, bob) = (world.enter(talker()), world.enter(talker()));
    world.run(ms(600));
    world.ask(ada, Ask::Kick);
    assert_eq!(world.people[ada].closed, [(1, SfuClosed::Kicked)]);
    assert!(
        world.people[ada].offences.is_empty(),
        "that is known where it was said"
    );
    world.offer(ada);
    world.run(ms(600));
    let since = world.now;
    world.run(ms(500));
    assert!(world.got(bob, ada, Source::Microphone, since).len() > 20);
    // Also while the next connection is being made: both end, and it counts once.
    world.offer(ada);
    world.ask(ada, Ask::Kick);
    assert_eq!(world.people[ada].closed.len(), 3);
    assert_eq!(world.sfu.counts().kicked, 2);
}

#[test]
fn nobody_publishes_or_subscribes_more_than_there_can_be() {
    let mut world = World::new();
    let (ada, bob) = (world.enter(talker()), world.enter(talker()));
    world.run(ms(600));
    let layer = |rid: &str| PublishedLayer {
        rid: rid.to_owned(),
        width: u16::MAX,
        height: u16::MAX,
        kbps: u32::MAX,
    };
    let many: Vec<Publish> = (0..50)
        .map(|at| Publish {
            mid: format!("{at}"),
            source: if at % 2 == 0 {
                Source::Camera
            } else {
                Source::Unknown
            },
            on: true,
            layers: vec![
                layer("q"),
                layer("not a name"),
                layer("h"),
                layer("f"),
                layer("x"),
                layer("y"),
            ],
        })
        .collect();
    world.ask(ada, Ask::Publish(many));
    let (mids, ada_id): (Vec<String>, _) = (
        world.people[bob].client.picture_sections().collect(),
        world.people[ada].id,
    );
    let wishes = |count: usize, mid: &str| {
        let wish = Wish {
            mid: mid.to_owned(),
            participant: ada_id,
            source: Source::Camera,
            width: u16::MAX,
            height: 0,
            priority: 255,
        };
        vec![wish; count]
    };
    world.ask(
        bob,
        Ask::Subscribe {
            downs: wishes(10_000, &mids[0]),
            kbps_max: Some(0),
        },
    );
    world.ask(
        bob,
        Ask::Subscribe {
            downs: wishes(3, "no such section"),
            kbps_max: Some(u32::MAX),
        },
    );
    world.run(ms(500));
    assert_eq!(
        world.people[bob]
            .publications
            .iter()
            .filter(|one| one.source == Source::Camera)
            .count(),
        1
    );
    assert_eq!(world.sfu.counts().tracks, 3, "one of hers, two of his");
}

#[test]
fn what_nobody_asked_for_is_counted_and_answered_by_nobody() {
    let mut world = World::new();
    world.enter(talker());
    world.run(ms(600));
    let strange = world.sfu.counts().strange;
    let to: SocketAddr = SERVER.parse().unwrap();
    for datagram in [
        &[][..],
        &[0, 1, 0, 0],
        &[0x80, 96, 1],
        &[22, 254, 253],
        b"GET / HTTP/1.1",
    ] {
        world
            .sfu
            .handle_packet(world.now, "203.0.113.9:9".parse().unwrap(), to, datagram);
    }
    world.sfu.flush(world.now);
    assert_eq!(world.sfu.counts().strange, strange + 5);
    assert!(
        world
            .sfu
            .take_outgoing()
            .all(|one| one.to.ip().to_string() != "203.0.113.9")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Anything from a known address is no more than counted.
    #[test]
    fn no_datagram_is_a_panic(datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 1..40)) {
        let mut world = World::new();
        let ada = world.enter(talker());
        world.run(ms(300));
        let (from, to) = (world.people[ada].address, SERVER.parse().unwrap());
        for datagram in datagrams {
            world.sfu.handle_packet(world.now, from, to, &datagram);
        }
        world.run(ms(20));
    }

    /// Nor is any description.
    #[test]
    fn no_description_is_a_panic(cut in 0usize..3_000, put in "[ -~\r\n]{0,40}") {
        let mut world = World::new();
        let ada = world.enter(talker());
        let (mut sdp, publish) = crate::load::LoadClient::new(world.now, &crate::sfu::Certificate::generate().unwrap(), world.people[ada].address, talker()).offer();
        let at = cut.min(sdp.len());
        sdp.insert_str(at, &put);
        let (now, participant) = (world.now, world.people[ada].id);
        for (connection, sdp) in [(1, sdp.clone()), (4, sdp[..at].to_owned())] {
            let ask = Ask::Offer { connection, sdp, publish: publish.clone() };
            world.sfu.handle_command(now, Command { room: room(), participant, ask });
            world.sfu.flush(now);
        }
    }
}
