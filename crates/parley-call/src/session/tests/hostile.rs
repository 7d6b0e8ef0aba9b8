//! Garbage, floods and lies: counted, never a panic, never the end of a call that could go on.

use super::world::World;
use crate::end::EndReason;
use crate::port::{Inflow, PeerEventKind};
use crate::sdp::tests::description;
use crate::snapshot::{CallPhase, SignalingPhase};
use parley_proto::limits::{SDP_BYTES_MAX, SIGNAL_MESSAGE_BYTES_MAX};
use parley_proto::{
    Candidate, CloseCode, ErrorCode, ParticipantId, PeerEnvelope, PeerMessage, SdpType, ServerMessage,
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Lets the other side of party 0 say something.
fn says(world: &mut World, payload: Value) {
    let from = world.snapshot(0).people[0].id;
    world.server_says(
        0,
        serde_json::to_string(&ServerMessage::Signal { from, payload }).unwrap(),
    );
}

fn still_connected(world: &mut World) {
    world.run_s(10);
    world.expect_media();
    assert_eq!(world.phase(0), CallPhase::Connected);
    assert_eq!(world.phase(1), CallPhase::Connected);
}

#[test]
fn nonsense_of_the_other_side_is_counted_and_nothing_else() {
    let mut world = World::connected_pair(40);
    let digest = "AA".to_owned();
    for payload in [
        json!(null),
        json!([]),
        json!({"kind": "description"}),
        json!({"kind": "description", "sdp_type": "offer", "sdp": "v=0"}),
        json!({"kind": "description", "sdp_type": "offer", "sdp": "x".repeat(SDP_BYTES_MAX + 1)}),
        json!({"kind": "description", "sdp_type": "pranswer", "sdp": ""}),
        json!({"kind": "description", "sdp_type": "answer", "sdp": description(9, "late")}),
        json!({"kind": "candidate", "candidate": 7}),
        json!({"kind": "candidate", "candidate": "x".repeat(5_000)}),
        json!({"kind": "candidate", "candidate": "candidate:x", "username_fragment": "never"}),
        json!({"kind": "proof", "mac": ""}),
        json!({"kind": "proof", "mac": digest.repeat(1000)}),
        json!({"kind": "proof", "mac": "A".repeat(43)}),
        json!({"kind": "restart", "connection": 0}),
        json!({"kind": "restart", "connection": -1}),
        json!({"kind": "sing"}),
    ] {
        says(&mut world, payload);
    }
    still_connected(&mut world);
    let counters = world.parties[0].session.counters();
    assert!(counters.malformed_from_peer >= 8, "{counters:?}");
    assert_eq!(counters.proofs_ignored, 1);
    assert_eq!(counters.connections_opened, 1);
}

#[test]
fn an_offer_nobody_can_read_does_not_end_a_good_connection() {
    let mut world = World::connected_pair(41);
    let good = world.parties[1].peer.generation;
    let number = 2u8.wrapping_mul(61).wrapping_add(good as u8);
    let sdp = format!("{}a=garbage\r\n", description(number, "garbage"));
    for _ in 0..5 {
        says(
            &mut world,
            json!({"kind": "description", "sdp_type": "offer", "sdp": sdp}),
        );
    }
    // It waits while media flows; without media it is tried.
    world.set_path(false);
    world.run_ms(1_500);
    world.set_path(true);
    still_connected(&mut world);
    assert!(world.parties.iter().all(|party| party.peer.opened == 1));
    assert!(world.parties[0].session.counters().peer_failures > 0);
}

#[test]
fn floods_are_cut_off() {
    let mut world = World::connected_pair(42);
    for port in 0..20_000 {
        says(
            &mut world,
            json!({"kind": "candidate", "candidate": format!("candidate:{port}")}),
        );
    }
    world.run_ms(100);
    let counters = world.parties[0].session.counters();
    assert!(counters.flooded > 19_000, "{counters:?}");
    still_connected(&mut world);
}

#[test]
fn somebody_who_restarts_all_the_time_cannot_keep_us_busy() {
    let mut world = World::connected_pair(43);
    world.set_path(false);
    world.run_ms(1_500);
    for connection in 1_000..1_200 {
        says(&mut world, json!({"kind": "restart", "connection": connection}));
        says(
            &mut world,
            json!({"kind": "description", "sdp_type": "offer", "sdp": description(connection as u8, "u"), "connection": connection}),
        );
    }
    world.run_ms(100);
    let opened = world.parties[0].session.counters().connections_opened;
    assert!(opened < 10, "{opened}");
    assert_ne!(world.phase(0), CallPhase::Ended);
}

#[test]
fn no_word_through_the_server_takes_a_proven_connection_down() {
    let mut world = World::connected_pair(43);
    let (other, me) = (world.snapshot(0).people[0].id, world.snapshot(0).me.unwrap());
    let stranger = ParticipantId::from_bytes([0xee; 16]);
    says(&mut world, json!({"kind": "restart", "connection": 1_000}));
    says(&mut world, json!({"kind": "restart"}));
    for connection in [None, Some(1_001)] {
        let sdp = description(77, "fresh");
        says(
            &mut world,
            json!({"kind": "description", "sdp_type": "offer", "sdp": sdp, "connection": connection}),
        );
    }
    let someone = |id| json!({"id": id, "name": "new", "role": "guest", "order": 90});
    for text in [
        json!({"type": "participant_away", "id": other}),
        json!({"type": "participant_joined", "participant": someone(stranger)}),
        json!({"type": "participant_left", "id": stranger, "reason": "lost"}),
        json!({"type": "participant_joined", "participant": someone(stranger)}),
        json!({"type": "participant_joined", "participant": someone(me)}),
        json!({"type": "participant_left", "id": other, "reason": "left"}),
    ] {
        world.server_says(0, text.to_string());
    }
    for _ in 0..60 {
        world.run_s(1);
        world.expect_media();
        assert_eq!(world.phase(0), CallPhase::Connected);
    }
    assert!(world.parties.iter().all(|party| party.peer.opened == 1));
}

/// A description of the certificate that the other side really has, with a user fragment that it does not.
fn foreign_restart(world: &World) -> String {
    let good = world.parties[1].peer.generation;
    description(2u8.wrapping_mul(61).wrapping_add(good as u8), "foreign")
}

#[test]
fn an_ice_restart_that_only_the_server_wants_waits_for_as_long_as_media_flows() {
    let mut world = World::connected_pair(43);
    let numbers = [world.parties[1].peer.generation, world.parties[0].peer.generation];
    for (connection, to_connection) in [(None, None), (Some(numbers[0]), Some(numbers[1]))] {
        let sdp = foreign_restart(&world);
        says(
            &mut world,
            json!({"kind": "description", "sdp_type": "offer", "sdp": sdp, "connection": connection, "to_connection": to_connection}),
        );
        for _ in 0..60 {
            world.run_s(1);
            world.expect_media();
            assert_eq!(world.phase(0), CallPhase::Connected);
        }
    }
    assert!(world.parties.iter().all(|party| party.peer.opened == 1));
    assert_eq!(world.parties[0].session.counters().offers_held, 2);
    world.set_path(false);
    world.run_s(4);
    world.set_path(true);
    world.run_s(5);
    world.expect_media();
    assert!(
        world.parties.iter().all(|party| party.peer.opened == 1),
        "what the server wanted long ago is forgotten"
    );
}

#[test]
fn a_forged_restart_in_the_moment_of_an_outage_costs_a_fresh_connection_and_no_more() {
    let mut world = World::connected_pair(43);
    let sdp = foreign_restart(&world);
    says(
        &mut world,
        json!({"kind": "description", "sdp_type": "offer", "sdp": sdp}),
    );
    world.set_path(false);
    world.run_s(3);
    world.set_path(true);
    world.run_s(20);
    still_connected(&mut world);
}

#[test]
fn one_whom_nothing_reaches_is_answered_once_nothing_comes_from_there_either() {
    let mut world = World::connected_pair(43);
    world.set_deaf(Some(1));
    world.run_ms(3_500);
    assert_eq!(world.parties[0].session.counters().offers_held, 1);
    assert_eq!(
        world.phase(0),
        CallPhase::Connected,
        "it cannot be told from a lie yet"
    );
    let nothing = Inflow {
        audio: false,
        video: false,
        anything: false,
        lull: true,
        lossy: false,
    };
    world.peer_tells(0, PeerEventKind::Inflow(nothing));
    world.run_s(1);
    world.set_deaf(None);
    world.peer_tells(0, PeerEventKind::Inflow(Inflow::default()));
    still_connected(&mut world);
    let restarts = [0, 1].map(|party| world.parties[party].peer.ice_restarts);
    assert_eq!(restarts, [0, 1], "mended by one ICE restart");
    assert!(world.parties.iter().all(|party| party.peer.opened == 1));
}

#[test]
fn a_place_that_somebody_else_has_is_no_reason_to_end_a_call_that_goes_on() {
    let error = ServerMessage::Error {
        code: ErrorCode::Replaced,
        message: String::new(),
        fatal: true,
    };
    for closes in [false, true] {
        let mut world = World::connected_pair(49);
        if closes {
            world.server_closes(0, CloseCode::Replaced);
        } else {
            world.server_says(0, serde_json::to_string(&error).unwrap());
        }
        for _ in 0..120 {
            world.run_s(1);
            world.expect_media();
            assert_eq!(world.phase(0), CallPhase::Connected);
            assert_eq!(world.snapshot(0).signaling, SignalingPhase::TakenOver);
        }
        let counters = world.parties[0].session.counters();
        assert_eq!(
            (counters.resumes, counters.rejoins),
            (0, 0),
            "nobody is thrown out in turn"
        );
        world.set_path(false);
        world.run_s(3);
        world.set_path(true);
        world.run_s(60);
        world.expect_media();
        world.set_path(false);
        world.run_s(8);
        let reason = world.ended(0);
        let told = matches!(
            reason,
            Some(EndReason::Refused {
                code: ErrorCode::Replaced,
                ..
            })
        );
        assert!(told, "{reason:?}");
    }
}

#[test]
fn a_place_that_somebody_else_has_before_media_flows_is_the_end() {
    let mut world = World::new(49);
    let ada = world.arrive(None);
    world.command(ada, crate::call::CallCommand::Enter);
    world.run_s(1);
    world.server_closes(ada, CloseCode::Replaced);
    world.run_s(1);
    assert!(matches!(world.ended(ada), Some(EndReason::Refused { .. })));
}

#[test]
fn somebody_of_whom_the_server_says_that_they_left_is_gone_once_media_stops() {
    let mut world = World::connected_pair(43);
    let other = world.snapshot(0).people[0].id;
    world.server_says(
        0,
        json!({"type": "participant_left", "id": other, "reason": "left"}).to_string(),
    );
    world.run_s(5);
    assert_eq!(world.phase(0), CallPhase::Connected);
    world.set_path(false);
    world.run_s(2);
    assert_eq!(world.ended(0), Some(&EndReason::OtherLeft));
}

#[test]
fn the_server_may_say_anything_about_anybody() {
    let mut world = World::connected_pair(44);
    let me = world.snapshot(0).me.unwrap();
    let stranger = ParticipantId::from_bytes([0xee; 16]);
    for text in [
        String::new(),
        "{".into(),
        "[]".into(),
        json!({"type": "joined"}).to_string(),
        json!({"type": "participant_left", "id": stranger, "reason": "left"}).to_string(),
        json!({"type": "participant_left", "id": me, "reason": "left"}).to_string(),
        json!({"type": "participant_joined", "participant": {"id": me, "name": "me again", "role": "guest", "order": 9}}).to_string(),
        json!({"type": "participant_joined", "participant": {"id": stranger, "name": "x", "role": "king", "order": 9}}).to_string(),
        json!({"type": "signal", "from": stranger, "payload": {"kind": "restart"}}).to_string(),
        json!({"type": "ticket", "room": "AAAA", "ticket": "", "expires_in_s": 0}).to_string(),
        json!({"type": "error", "code": "too_fast", "message": ""}).to_string(),
        json!({"type": "error", "code": "out_of_cheese", "message": "", "fatal": true}).to_string(),
        json!({"type": "resume_token", "resume_token": "x".repeat(100_000)}).to_string(),
        json!({"type": "resume_token", "resume_token": "x".repeat(3_000)}).to_string(),
        "x".repeat(SIGNAL_MESSAGE_BYTES_MAX + 1),
    ] {
        world.server_says(0, text);
    }
    still_connected(&mut world);
    assert_eq!(world.snapshot(0).people.len(), 1);
}

#[test]
fn a_name_is_shown_without_tricks() {
    let mut world = World::new(45);
    let ada = world.arrive(None);
    world.command(ada, crate::call::CallCommand::Enter);
    world.run_s(1);
    let participant = json!({"id": ParticipantId::from_bytes([5; 16]), "name": format!("B\u{7}en\n{}", "n".repeat(500)), "role": "guest", "order": 50});
    world.server_says(
        ada,
        json!({"type": "participant_joined", "participant": participant}).to_string(),
    );
    world.run_s(1);
    let name = world.snapshot(ada).people[0].name.clone();
    assert!(name.starts_with("Bennn") && name.chars().count() == 64, "{name}");
}

#[test]
fn a_recipient_who_is_away_is_waited_for() {
    let mut world = World::connected_pair(46);
    let error = ServerMessage::Error {
        code: ErrorCode::RecipientAway,
        message: String::new(),
        fatal: false,
    };
    world.server_says(0, serde_json::to_string(&error).unwrap());
    world.run_s(1);
    assert!(world.snapshot(0).people[0].away);
    world.expect_media();
}

fn any_message() -> impl Strategy<Value = PeerEnvelope> {
    let sdp = (any::<u8>(), "[a-z]{1,4}", any::<bool>()).prop_map(|(digest, ufrag, broken)| {
        let tail = if broken { "garbage" } else { "" };
        format!("{}{tail}", description(digest, &ufrag))
    });
    let message = prop_oneof![
        (any::<bool>(), sdp).prop_map(|(offer, sdp)| PeerMessage::Description {
            sdp_type: if offer { SdpType::Offer } else { SdpType::Answer },
            sdp,
        }),
        ("\\PC{0,30}", proptest::option::of("[a-z]{1,4}")).prop_map(|(candidate, username_fragment)| {
            PeerMessage::Candidate(Candidate {
                candidate,
                sdp_mid: None,
                sdp_mline_index: None,
                username_fragment,
            })
        }),
        "[A-Za-z0-9_-]{40,44}".prop_map(|mac| PeerMessage::Proof { mac }),
        Just(PeerMessage::Restart),
        Just(PeerMessage::Unknown),
    ];
    let number = proptest::option::of(0u32..4);
    (message, number.clone(), number).prop_map(|(message, connection, to_connection)| PeerEnvelope {
        message,
        connection,
        to_connection,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_messages_at_any_time_lead_to_a_call_or_to_a_reason(
        messages in proptest::collection::vec((any_message(), 0u64..400), 1..25),
        before_ms in 0u64..300,
    ) {
        let mut world = World::pair(47);
        world.run_ms(before_ms);
        for (message, pause_ms) in messages {
            if world.ended(0).is_some() {
                break;
            }
            if let Some(person) = world.snapshot(0).people.first() {
                let payload = serde_json::to_value(&message).unwrap();
                let text = serde_json::to_string(&ServerMessage::Signal { from: person.id, payload }).unwrap();
                world.server_says(0, text);
            }
            world.run_ms(pause_ms);
        }
        world.run_s(120);
        let over = world.ended(0).is_some() && world.ended(1).is_some();
        prop_assert!(over || world.media_flows(), "{:#?}", world.parties);
    }

    #[test]
    fn any_text_of_the_server_is_survived(texts in proptest::collection::vec("\\PC{0,80}", 1..20)) {
        let mut world = World::connected_pair(48);
        for text in texts {
            world.server_says(0, text);
        }
        world.run_s(5);
        prop_assert!(world.media_flows());
    }
}
