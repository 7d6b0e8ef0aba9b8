//! Servers that flood, lie, or make no sense, while people are in a group.

use super::*;

#[test]
fn floods_of_a_server_stay_small_here() {
    let mut world = group(102);
    let commands = world.parties[0].sfu.commands;
    let (ben, me) = (world.id(1), world.id(0));
    let publication = |number: u32, participant| Publication {
        number,
        participant,
        source: Source::Camera,
        on: true,
        layers: Vec::new(),
    };
    for n in 1..2_000u32 {
        let list = (0..200)
            .map(|m| publication(n + m, if m % 2 == 0 { ben } else { me }))
            .collect();
        let list = serde_json::to_string(&ServerMessage::Publications { list }).unwrap();
        world.server_says(0, list);
        let everybody = (0..200).map(|n| ParticipantId::from_bytes([n; 16])).collect();
        let speakers = ServerMessage::Speakers { list: everybody };
        world.server_says(0, serde_json::to_string(&speakers).unwrap());
        let told = json!({"type": "told", "from": ben, "payload": {"stream": "AAAAAAAAAAA", "number": n, "sealed": "AAAA"}});
        world.server_says(0, told.to_string());
    }
    world.run_ms(200);
    assert!(world.parties[0].sfu.commands - commands < 30);
    let snapshot = world.snapshot(0);
    assert_eq!(snapshot.group.unwrap().speakers.len(), 5);
    assert_eq!(snapshot.people.len(), 2);
    let counters = world.parties[0].session.counters();
    assert!(counters.flooded > 1_500, "{counters:?}");
    assert!(counters.malformed_from_peer > 50, "{counters:?}");
    world.restart_sfu();
    world.run_s(5);
    expect_group(&world, &[0, 1, 2]);
}

fn any_id() -> impl Strategy<Value = ParticipantId> {
    (0u8..6).prop_map(|n| ParticipantId::from_bytes([n; 16]))
}

fn any_message() -> impl Strategy<Value = serde_json::Value> {
    let source = || prop_oneof![Just("microphone"), Just("camera"), Just("screen"), Just("smell")];
    let number = || prop_oneof![0u32..8, any::<u32>()];
    prop_oneof![
        (any::<bool>(), number(), proptest::collection::vec(any_id(), 0..4)).prop_map(|(sfu, number, ready)| {
            json!({"type": "topology", "mode": if sfu { "sfu" } else { "direct" }, "number": number, "ready": ready})
        }),
        (any_id(), number()).prop_map(|(id, number)| json!({"type": "participant_ready", "id": id, "number": number})),
        (number(), "[a-z]{0,9}").prop_map(|(connection, sdp)| {
            json!({"type": "sfu_answer", "connection": connection, "sdp": sdp})
        }),
        (number(), prop_oneof![Just("lost"), Just("full"), Just("replaced"), Just("?")])
            .prop_map(|(connection, reason)| json!({"type": "sfu_closed", "connection": connection, "reason": reason})),
        proptest::collection::vec((number(), any_id(), source(), any::<bool>()), 0..6).prop_map(|list| {
            let list: Vec<_> = list.into_iter().map(|(number, participant, source, on)| {
                json!({"number": number, "participant": participant, "source": source, "on": on})
            }).collect();
            json!({"type": "publications", "list": list})
        }),
        (source(), proptest::collection::vec("[a-z]{0,12}", 0..5)).prop_map(|(source, rids)| {
            json!({"type": "layers_wanted", "source": source, "rids": rids})
        }),
        proptest::collection::vec(any_id(), 0..9).prop_map(|list| json!({"type": "speakers", "list": list})),
        (any_id(), "\\PC{0,20}").prop_map(|(from, payload)| json!({"type": "told", "from": from, "payload": payload})),
        (any_id(), number()).prop_map(|(id, order)| {
            json!({"type": "participant_joined", "participant": {"id": id, "name": "x", "role": "guest", "order": order}})
        }),
        (any_id(), any::<bool>()).prop_map(|(id, left)| {
            json!({"type": "participant_left", "id": id, "reason": if left { "left" } else { "removed" }})
        }),
        any_id().prop_map(|id| json!({"type": "participant_away", "id": id})),
        any_id().prop_map(|id| json!({"type": "participant_back", "id": id})),
        Just(json!({"type": "error", "code": "sfu_unavailable", "message": ""})),
        Just(json!({"type": "error", "code": "sfu_refused", "message": ""})),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_words_of_a_server_at_any_time_leave_a_session_that_rests_and_shows_what_it_was_told(
        grouped in any::<bool>(),
        messages in proptest::collection::vec((any_message(), 0u64..700), 1..40),
    ) {
        let mut world = if grouped { group(103) } else { pair(103) };
        for (message, pause_ms) in messages {
            world.server_says(0, message.to_string());
            world.run_ms(pause_ms);
        }
        world.run_s(60);
        let snapshot = world.snapshot(0);
        prop_assert!(snapshot.people.len() <= 6, "{}", snapshot.people.len());
        prop_assert!(world.parties[0].sfu.commands < 2_000);
        prop_assert!(world.snapshot(0).group.is_none_or(|group| group.speakers.len() <= 5));
    }
}

#[test]
fn a_server_that_says_group_to_two_who_talk_directly_takes_nothing_from_them() {
    let mut world = pair(104);
    let topology = |mode| ServerMessage::Topology {
        mode,
        number: 7,
        ready: Vec::new(),
    };
    world.server_says(0, serde_json::to_string(&topology(TopologyMode::Sfu)).unwrap());
    run_without_gap(&mut world, 20_000, [0, 1]);
    assert!(
        world.parties[0].peer.open,
        "the other one never said that they are ready"
    );
}
