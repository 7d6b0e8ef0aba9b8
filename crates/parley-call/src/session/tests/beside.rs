//! A better network comes while the one in use still works: the call goes over by a second connection, and nothing is missed.

use super::fake_peer::FakePeer;
use super::world::World;
use crate::call::CallCommand;
use crate::end::EndReason;
use crate::port::{Inflow, PeerEventKind};
use crate::sdp::tests::description;
use crate::session::NetworkChange;
use crate::snapshot::{CallPhase, SignalingPhase};
use parley_proto::{MediaState, Reaction, ServerMessage};
use serde_json::{Value, json};

/// Another network came, and the system goes by it.
const BETTER: NetworkChange = NetworkChange {
    in_use: true,
    reaches_others: true,
    has_more: true,
    better: true,
};
/// What was in use is gone, and there is another.
const MOVED: NetworkChange = NetworkChange {
    in_use: false,
    ..BETTER
};
/// Another network is there, and nothing else changed.
const MORE: NetworkChange = NetworkChange {
    better: false,
    ..BETTER
};

/// Lets the other side of party 0 say something through the server.
fn says(world: &mut World, payload: Value) {
    let from = world.snapshot(0).people[0].id;
    let text = serde_json::to_string(&ServerMessage::Signal { from, payload }).unwrap();
    world.server_says(0, text);
}

/// Lets time pass, with media in each of its moments.
fn run_with_media(world: &mut World, ms: u64) {
    for _ in 0..ms {
        world.run_ms(1);
        world.expect_media();
        for party in [0, 1] {
            assert_eq!(world.phase(party), CallPhase::Connected);
        }
    }
}

fn opened(world: &World) -> [u32; 2] {
    [0, 1].map(|party| world.parties[party].peer.opened)
}

fn beside(world: &World) -> [bool; 2] {
    [0, 1].map(|party| FakePeer::place(&world.parties[party].peer, true).is_some())
}

#[test]
fn a_call_goes_over_to_a_better_network_without_a_moment_of_silence() {
    for mover in [0, 1] {
        let mut world = World::connected_pair(70);
        world.peer_tells(mover, PeerEventKind::NetworkChanged(BETTER));
        run_with_media(&mut world, 1_000);
        assert_eq!(opened(&world), [2, 2], "{mover}: both went over");
        run_with_media(&mut world, 1_500);
        assert_eq!(beside(&world), [false; 2], "the first is closed");
        run_with_media(&mut world, 5_000);
        for party in [0, 1] {
            let counters = world.parties[party].session.counters();
            assert_eq!(counters.handovers, u64::from(party == mover));
            assert_eq!(
                counters.resumes,
                u64::from(party == mover),
                "the way to the server moves too"
            );
            assert_eq!(
                (counters.connections_opened, counters.seconds_given_up),
                (2, 0),
                "{mover}"
            );
            assert_eq!(world.parties[party].tracks, 2);
            assert!(world.snapshot(party).people[0].proven);
            assert_eq!(world.snapshot(party).signaling, SignalingPhase::Connected);
        }
    }
}

#[test]
fn both_may_move_in_the_same_moment() {
    for ms in 0..40 {
        let mut world = World::connected_pair(71 + ms);
        world.peer_tells(0, PeerEventKind::NetworkChanged(BETTER));
        world.run_ms(ms);
        world.peer_tells(1, PeerEventKind::NetworkChanged(BETTER));
        run_with_media(&mut world, 4_000);
        assert_eq!(opened(&world), [2, 2], "{ms} ms apart");
        assert_eq!(beside(&world), [false; 2]);
    }
}

#[test]
fn words_lost_on_their_way_through_the_server_cost_time_and_nothing_else() {
    for victim in [0, 1] {
        for ms in (480..640).step_by(7) {
            let mut world = World::connected_pair(72);
            world.peer_tells(1, PeerEventKind::NetworkChanged(BETTER));
            run_with_media(&mut world, ms);
            world.break_signaling(victim);
            run_with_media(&mut world, 8_000);
            assert_eq!(beside(&world), [false; 2], "{victim} after {ms} ms");
            assert_eq!(world.snapshot(0).signaling, SignalingPhase::Connected);
        }
    }
}

#[test]
fn a_better_network_that_leads_nowhere_leaves_a_call_where_it_was() {
    let mut world = World::connected_pair(73);
    world.second_path_up = false;
    world.peer_tells(1, PeerEventKind::NetworkChanged(BETTER));
    run_with_media(&mut world, 30_000);
    assert_eq!(opened(&world), [1, 1]);
    assert_eq!(beside(&world), [false; 2]);
    let counters = world.parties[1].session.counters();
    assert_eq!((counters.seconds_given_up, counters.handovers), (1, 0), "once");
    // And the next change is taken as any other.
    world.second_path_up = true;
    world.peer_tells(1, PeerEventKind::NetworkChanged(MORE));
    world.peer_tells(1, PeerEventKind::NetworkChanged(BETTER));
    run_with_media(&mut world, 3_000);
    assert_eq!(opened(&world), [2, 2]);
}

#[test]
fn a_network_that_goes_while_the_second_connection_is_made_is_not_waited_for() {
    for ms in (480..700).step_by(11) {
        let mut world = World::connected_pair(74);
        world.peer_tells(1, PeerEventKind::NetworkChanged(BETTER));
        world.run_ms(ms);
        world.peer_tells(1, PeerEventKind::NetworkChanged(MOVED));
        world.run_s(2);
        world.expect_media();
        world.run_s(30);
        world.expect_media();
        assert_eq!([0, 1].map(|party| world.phase(party)), [CallPhase::Connected; 2]);
        assert!(opened(&world)[1] <= 3, "after {ms} ms: {:?}", opened(&world));
    }
}

#[test]
fn a_network_that_grows_weak_is_left_beside_before_it_is_silent() {
    let lull = Inflow {
        lull: true,
        ..Inflow::default()
    };
    let mut world = World::connected_pair(75);
    world.peer_tells(1, PeerEventKind::NetworkChanged(MORE));
    run_with_media(&mut world, 5_000);
    world.peer_tells(1, PeerEventKind::Inflow(lull));
    run_with_media(&mut world, 500);
    assert_eq!(opened(&world), [2, 2]);
}

#[test]
fn a_second_connection_that_only_the_server_wants_takes_nothing_from_the_first() {
    let mut world = World::connected_pair(76);
    for number in 1_000..1_100 {
        let sdp = description(number as u8, "forged");
        says(
            &mut world,
            json!({"kind": "description", "sdp_type": "offer", "sdp": sdp, "connection": number}),
        );
        says(
            &mut world,
            json!({"kind": "proof", "mac": "A".repeat(43), "connection": number}),
        );
        run_with_media(&mut world, 20);
    }
    run_with_media(&mut world, 10_000);
    let counters = world.parties[0].session.counters();
    assert_eq!(opened(&world), [1, 1]);
    assert_eq!(beside(&world), [false; 2]);
    assert!(counters.connections_opened < 8, "{counters:?}");
    assert!(counters.flooded > 80, "{counters:?}");
    // Who really moves is met all the same, as soon as there may be another one.
    world.peer_tells(1, PeerEventKind::NetworkChanged(BETTER));
    run_with_media(&mut world, 3_000);
    assert_eq!(opened(&world), [2, 2]);
}

fn share(world: &mut World, sharer: usize) {
    let media = MediaState {
        microphone_on: true,
        screen_on: true,
        ..MediaState::default()
    };
    world.command(sharer, CallCommand::SetMediaState(media));
}

#[test]
fn a_share_goes_over_with_the_call_and_its_picture_never_ends() {
    for sharers in [&[0][..], &[1], &[0, 1]] {
        for mover in [0, 1] {
            let mut world = World::talking_pair(77);
            for sharer in sharers {
                share(&mut world, *sharer);
                world.run_s(1);
            }
            world.peer_tells(mover, PeerEventKind::NetworkChanged(BETTER));
            for ms in 0..4_000 {
                run_with_media(&mut world, 1);
                for sharer in sharers {
                    assert!(world.screen_is_seen(*sharer), "{sharers:?} {mover} after {ms} ms");
                    assert_eq!(world.parties[1 - sharer].tracks, 3, "{sharers:?} {mover} {ms} ms");
                }
            }
            assert_eq!(opened(&world), [2, 2], "{sharers:?} {mover}");
            assert_eq!(beside(&world), [false; 2]);
        }
    }
}

#[test]
fn a_share_that_begins_while_the_second_connection_is_made_goes_over_with_it() {
    for sharer in [0, 1] {
        for ms in (470..700).step_by(10) {
            let mut world = World::talking_pair(78);
            world.peer_tells(1, PeerEventKind::NetworkChanged(BETTER));
            world.run_ms(ms);
            share(&mut world, sharer);
            world.run_s(4);
            world.expect_media();
            assert!(world.screen_is_seen(sharer), "{sharer} after {ms} ms");
            assert_eq!(world.parties[1 - sharer].tracks, 3, "{sharer} after {ms} ms");
            assert_eq!(opened(&world), [2, 2]);
        }
    }
}

#[test]
fn a_second_connection_that_stands_in_the_last_moment_is_taken_by_both_or_by_neither() {
    let mut taken = 0;
    for ms in (5_380..5_580).step_by(2) {
        let mut world = World::connected_pair(79);
        world.second_path_up = false;
        world.peer_tells(1, PeerEventKind::NetworkChanged(BETTER));
        world.run_ms(ms);
        world.second_path_up = true;
        world.set_path(true);
        run_with_media(&mut world, 3_000);
        let [a, b] = opened(&world);
        assert_eq!(a, b, "{ms} ms");
        assert_eq!(beside(&world), [false; 2], "{ms} ms");
        taken += u32::from(a == 2);
    }
    assert!(
        (30..80).contains(&taken),
        "some are in time and some are not: {taken}"
    );
}

#[test]
fn what_is_said_once_in_the_moment_of_going_over_is_heard_once() {
    for speaker in [0, 1] {
        for ms in (490..640).step_by(2) {
            let mut world = World::talking_pair(80);
            world.peer_tells(1, PeerEventKind::NetworkChanged(BETTER));
            world.run_ms(ms);
            world.command(speaker, CallCommand::React(Reaction::Party));
            world.run_s(2);
            assert_eq!(
                world.parties[1 - speaker].reactions,
                [Reaction::Party],
                "{speaker} after {ms} ms"
            );
            assert_eq!(opened(&world), [2, 2]);
        }
    }
}

#[test]
fn a_goodbye_in_the_moment_of_going_over_ends_the_call_at_once() {
    for speaker in [0, 1] {
        for ms in (490..640).step_by(2) {
            let mut world = World::talking_pair(81);
            world.peer_tells(1, PeerEventKind::NetworkChanged(BETTER));
            world.run_ms(ms);
            world.command(speaker, CallCommand::Leave);
            world.run_ms(15);
            let reason = world.ended(1 - speaker);
            assert_eq!(reason, Some(&EndReason::OtherLeft), "{speaker} after {ms} ms");
        }
    }
}

#[test]
fn a_network_that_goes_is_left_at_once_though_the_other_side_wants_a_second_connection() {
    let mut world = World::connected_pair(82);
    let sdp = description(200, "never");
    says(
        &mut world,
        json!({"kind": "description", "sdp_type": "offer", "sdp": sdp, "connection": 1_000}),
    );
    world.run_ms(50);
    assert_eq!(beside(&world), [true, false], "one that will never stand");
    world.peer_tells(0, PeerEventKind::NetworkChanged(MOVED));
    world.run_s(1);
    world.expect_media();
    assert_eq!(opened(&world), [2, 2]);
}

#[test]
fn a_network_that_loses_much_is_left_for_the_other_and_not_for_the_one_it_was_left_for() {
    let lossy = PeerEventKind::Inflow(Inflow {
        lossy: true,
        ..Inflow::default()
    });
    let mut world = World::connected_pair(83);
    world.peer_tells(1, PeerEventKind::NetworkChanged(MORE));
    run_with_media(&mut world, 2_000);
    world.peer_tells(1, lossy);
    run_with_media(&mut world, 3_000);
    assert_eq!(opened(&world), [2, 2]);
    let lossy = PeerEventKind::Inflow(Inflow {
        lossy: true,
        ..Inflow::default()
    });
    world.peer_tells(1, PeerEventKind::NetworkChanged(MORE));
    world.peer_tells(1, lossy);
    run_with_media(&mut world, 20_000);
    assert_eq!(
        opened(&world),
        [2, 2],
        "the way of the other side may be what loses"
    );
}
