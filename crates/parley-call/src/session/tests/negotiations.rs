//! Negotiations in mid-call that fail: tried again, and where that is no use the call goes over to another connection.

use super::world::World;
use crate::call::CallCommand;
use crate::port::{Inflow, PeerEventKind};
use crate::sdp::tests::description;
use crate::snapshot::CallPhase;
use parley_proto::{ControlMessage, MediaState, ServerMessage};
use serde_json::{Value, json};

const SHARING: MediaState = MediaState {
    microphone_on: true,
    camera_on: false,
    screen_on: true,
    screen_moves: false,
    takes_screen: false,
    screen_sound_on: false,
    takes_screen_sound: false,
    picture_kbps_max: None,
    takes_deep_redundancy: false,
};

/// Tracks that come to each, and connections that each opened.
fn state(world: &World) -> ([usize; 2], [u32; 2]) {
    let [a, b] = [0, 1].map(|party| &world.parties[party]);
    ([a.tracks, b.tracks], [a.peer.opened, b.peer.opened])
}

/// Lets the other side of party 0 say something through the server.
fn says(world: &mut World, payload: Value) {
    let from = world.snapshot(0).people[0].id;
    let text = serde_json::to_string(&ServerMessage::Signal { from, payload }).unwrap();
    world.server_says(0, text);
    world.run_ms(5);
}

#[test]
fn an_answer_or_an_offer_that_fails_in_mid_call_is_made_again() {
    for failures in [1, 3] {
        for who in [0, 1] {
            let mut world = World::talking_pair(90);
            let peer = &mut world.parties[who].peer;
            (peer.offer_refusals, peer.answer_refusals) = (failures, failures);
            world.command(0, CallCommand::SetMediaState(SHARING));
            world.run_s(3);
            world.expect_media();
            assert_eq!(state(&world), ([2, 3], [1, 1]), "{who} failed {failures} times");
        }
    }
}

#[test]
fn a_connection_that_cannot_be_negotiated_carries_media_until_there_is_another() {
    for who in [0, 1] {
        let mut world = World::talking_pair(91);
        let peer = &mut world.parties[who].peer;
        (peer.offer_refusals, peer.answer_refusals) = (1_000, 1_000);
        world.command(0, CallCommand::SetMediaState(SHARING));
        for _ in 0..6_000 {
            world.run_ms(1);
            world.expect_media();
        }
        assert_eq!(state(&world), ([2, 3], [2, 2]), "{who} cannot");
        assert_eq!([0, 1].map(|party| world.phase(party)), [CallPhase::Connected; 2]);
        // And everything can be agreed on again.
        world.command(1, CallCommand::SetMediaState(SHARING));
        world.run_s(2);
        world.expect_media();
        assert_eq!(state(&world), ([3, 3], [2, 2]));
    }
}

#[test]
fn one_with_whom_nothing_can_be_agreed_on_is_asked_for_another_connection_now_and_then() {
    let mut world = World::talking_pair(92);
    world.second_path_up = false;
    world.parties[1].peer.answer_refusals = 1_000_000;
    world.command(0, CallCommand::SetMediaState(SHARING));
    for _ in 0..300 {
        world.run_s(1);
        world.expect_media();
    }
    assert_eq!(state(&world), ([2, 2], [1, 1]));
    let beside = [0, 1].map(|party| world.parties[party].peer.opened_beside);
    assert!(beside.iter().all(|opened| (2..25).contains(opened)), "{beside:?}");
    assert!(
        world.parties[1].peer.answers < 400,
        "{}",
        world.parties[1].peer.answers
    );
}

#[test]
fn an_offer_that_nobody_answers_is_made_on_another_connection() {
    let mut world = World::connected_pair(93);
    let able = MediaState {
        takes_screen: true,
        ..MediaState::default()
    };
    // What is said on the connection in use does not come, so the offer is anybody's.
    world.hears(0, ControlMessage::MediaState(able));
    world.command(0, CallCommand::SetMediaState(SHARING));
    world.run_s(5);
    assert_eq!(state(&world), ([2, 2], [1, 1]), "it is said again first");
    let is_offer = |message: &&ControlMessage| matches!(message, ControlMessage::Offer { .. });
    let announced = world.parties[0].peer.control_out.iter().filter(is_offer).count();
    assert!(announced >= 2, "and that it is ours is too: {announced}");
    world.run_s(12);
    world.expect_media();
    assert_eq!(state(&world), ([2, 3], [2, 2]));
}

#[test]
fn an_offer_that_waited_is_forgotten_once_something_newer_is_agreed_on() {
    let lull = |lull| {
        PeerEventKind::Inflow(Inflow {
            lull,
            ..Inflow::default()
        })
    };
    let mut world = World::talking_pair(95);
    let good = world.parties[1].peer.generation;
    let sdp = description(2u8.wrapping_mul(61).wrapping_add(good as u8), "old");
    says(
        &mut world,
        json!({"kind": "description", "sdp_type": "offer", "sdp": sdp, "connection": good}),
    );
    assert_eq!(world.parties[0].session.counters().offers_held, 1);
    world.command(1, CallCommand::SetMediaState(SHARING));
    world.run_s(1);
    world.expect_media();
    assert_eq!(state(&world), ([3, 2], [1, 1]));
    let answers = world.parties[0].peer.answers;
    world.peer_tells(0, lull(true));
    world.run_ms(500);
    world.peer_tells(0, lull(false));
    world.run_s(1);
    assert_eq!(
        world.parties[0].peer.answers, answers,
        "the old one is not taken up"
    );
    world.expect_media();
}

#[test]
fn an_offer_that_waited_does_not_take_a_second_connection_down_that_is_made_for_the_same() {
    let lull = PeerEventKind::Inflow(Inflow {
        lull: true,
        ..Inflow::default()
    });
    let mut world = World::talking_pair(96);
    world.command(1, CallCommand::SetMediaState(SHARING));
    world.run_s(1);
    // As many as are met at once, so that the next waits.
    for number in 1_000..1_004 {
        let sdp = description(number as u8, "fresh");
        says(
            &mut world,
            json!({"kind": "description", "sdp_type": "offer", "sdp": sdp, "connection": number}),
        );
    }
    assert_eq!(world.parties[0].session.counters().offers_held, 1);
    // Said again while it waits, and once more when another may be met.
    for ms in [3_000, 2_100] {
        world.run_ms(ms);
        let sdp = description(1_003u32 as u8, "fresh");
        says(
            &mut world,
            json!({"kind": "description", "sdp_type": "offer", "sdp": sdp, "connection": 1_003}),
        );
    }
    let opened = world.parties[0].session.counters().connections_opened;
    world.peer_tells(0, lull);
    world.run_ms(200);
    assert_eq!(world.parties[0].session.counters().connections_opened, opened);
    world.expect_media();
}
