//! A better network comes while the one in use still works: the call goes over by a second connection, and nothing is missed.

use super::fake_peer::FakePeer;
use super::world::World;
use crate::port::{Inflow, PeerEventKind};
use crate::sdp::tests::description;
use crate::session::NetworkChange;
use crate::snapshot::{CallPhase, SignalingPhase};
use parley_proto::ServerMessage;
use serde_json::json;

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
    let from = world.snapshot(0).people[0].id;
    let says = |world: &mut World, payload: serde_json::Value| {
        let text = serde_json::to_string(&ServerMessage::Signal { from, payload }).unwrap();
        world.server_says(0, text);
    };
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
