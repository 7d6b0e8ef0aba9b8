//! At the door of a room: passwords, the lobby, and what hosts ask.

use super::world::World;
use crate::call::CallCommand;
use crate::end::EndReason;
use crate::sdp::tests::description;
use crate::snapshot::{CallPhase, Entrance};
use parley_proto::{Door, ErrorCode, LeaveReason, ParticipantId, Role, ServerMessage, WaitingPerson};
use serde_json::json;

fn says(world: &mut World, party: usize, message: &ServerMessage) {
    world.server_says(party, serde_json::to_string(message).unwrap());
    world.run_ms(20);
}

fn error(code: ErrorCode, fatal: bool) -> ServerMessage {
    ServerMessage::Error {
        code,
        message: String::new(),
        fatal,
    }
}

/// Somebody whose join was answered with this.
fn at_the_door(answer: ErrorCode) -> World {
    let mut world = World::new(70);
    world.arrive(None);
    world.run_s(1);
    world.server.refuse_with = Some(answer);
    world.command(0, CallCommand::Enter);
    world.run_ms(500);
    world
}

#[test]
fn a_password_is_asked_for_as_long_as_it_takes_and_tried_again() {
    let mut world = at_the_door(ErrorCode::PasswordNeeded);
    assert_eq!(world.snapshot(0).entrance, Entrance::PasswordNeeded);
    // Longer than anybody else waits on the way in, and than a ticket is good.
    world.server.refuse_with = None;
    world.run_s(700);
    assert_eq!(world.ended(0), None);
    assert_eq!(world.phase(0), CallPhase::Joining);
    world.server.refuse_with = Some(ErrorCode::PasswordWrong);
    world.command(0, CallCommand::Password("guess".to_owned()));
    world.run_ms(500);
    assert_eq!(world.snapshot(0).entrance, Entrance::PasswordWrong);
    world.server.refuse_with = None;
    world.command(0, CallCommand::Password("open sesame".to_owned()));
    world.run_s(1);
    assert_eq!(world.phase(0), CallPhase::Waiting);
    assert_eq!(world.snapshot(0).entrance, Entrance::Free);
}

#[test]
fn a_locked_call_says_so() {
    let world = at_the_door(ErrorCode::Locked);
    let reason = EndReason::Refused {
        code: ErrorCode::Locked,
        message: String::new(),
    };
    assert_eq!(world.ended(0).map(ToString::to_string), Some(reason.to_string()));
}

#[test]
fn a_person_who_was_put_out_leaves_though_media_flows() {
    for code in [ErrorCode::Removed, ErrorCode::Ended] {
        let mut world = World::connected_pair(71);
        says(&mut world, 1, &error(code, true));
        world.run_s(1);
        assert!(
            matches!(world.ended(1), Some(EndReason::Refused { code: told, .. }) if *told == code),
            "{:?}",
            world.ended(1)
        );
    }
}

#[test]
fn nothing_of_somebody_who_was_put_out_is_taken_any_more_and_the_call_goes_on_alone() {
    let mut world = World::connected_pair(72);
    let id = world.snapshot(0).people[0].id;
    let left = ServerMessage::ParticipantLeft {
        id,
        reason: LeaveReason::Removed,
    };
    says(&mut world, 0, &left);
    assert!(world.snapshot(0).people.is_empty());
    assert_eq!(world.parties[0].tracks, 0, "no track stays open");
    assert_eq!(world.phase(0), CallPhase::Waiting);
    assert_eq!(world.ended(0), None);
}

#[test]
fn whoever_comes_after_somebody_was_put_out_gets_a_number_that_no_connection_had() {
    let mut world = World::connected_pair(72);
    let from = world.snapshot(0).people[0].id;
    let sdp = description(200, "second");
    let payload = json!({"kind": "description", "sdp_type": "offer", "sdp": sdp, "connection": 1_000});
    says(&mut world, 0, &ServerMessage::Signal { from, payload });
    assert_eq!(world.parties[0].peer.opened_beside, 1);
    let before = world.parties[0].peer.generation;
    let left = ServerMessage::ParticipantLeft {
        id: from,
        reason: LeaveReason::Removed,
    };
    says(&mut world, 0, &left);
    let participant =
        json!({"id": ParticipantId::from_bytes([5; 16]), "name": "Eve", "role": "guest", "order": 50});
    let joined = json!({"type": "participant_joined", "participant": participant});
    world.server_says(0, joined.to_string());
    world.run_ms(20);
    assert_eq!(
        world.parties[0].peer.generation,
        before + 2,
        "what the second one still tells is nobody's"
    );
}

#[test]
fn a_host_is_told_of_the_door_and_who_waits() {
    let mut world = World::connected_pair(73);
    let door = Door {
        lobby: true,
        ..Door::default()
    };
    says(&mut world, 0, &ServerMessage::Door(door));
    let person = |number: u8| WaitingPerson {
        id: ParticipantId::from_bytes([number; 16]),
        name: format!("Eve\u{202e} {number}"),
    };
    let people = (0..200).map(person).collect();
    says(&mut world, 0, &ServerMessage::AtTheDoor { people });
    let snapshot = world.snapshot(0);
    assert_eq!(snapshot.door, door);
    assert_eq!(snapshot.waiting[0].name, "Eve 0", "a name turns no text around");
    assert!(snapshot.waiting.len() <= 16, "a server cannot fill the window");
    let me = snapshot.me.unwrap();
    let role = Role::Guest;
    says(&mut world, 0, &ServerMessage::RoleChanged { id: me, role });
    assert_eq!(world.snapshot(0).role, Some(Role::Guest));
    assert!(world.snapshot(0).waiting.is_empty(), "only hosts see who waits");
}

#[test]
fn only_somebody_who_is_there_can_ask_for_silence() {
    let mut world = World::connected_pair(74);
    let by = world.snapshot(1).people[0].id;
    says(&mut world, 1, &ServerMessage::MuteAsked { by });
    let stranger = ParticipantId::from_bytes([99; 16]);
    says(&mut world, 1, &ServerMessage::MuteAsked { by: stranger });
    assert_eq!(world.parties[1].mute_asked, 1);
}

#[test]
fn what_hosts_are_told_comes_to_nobody_who_is_not_in_the_room() {
    let mut world = at_the_door(ErrorCode::PasswordNeeded);
    says(
        &mut world,
        0,
        &ServerMessage::Door(Door {
            locked: true,
            ..Door::default()
        }),
    );
    assert_eq!(world.snapshot(0).door, Door::default());
}
