//! What a host may do to people, nobody else may, and who is host next.

use super::doors::{assert_put_out, set_door, source};
use super::world::*;
use crate::rooms::*;
use parley_proto::Role;

#[test]
fn a_removed_person_is_out_and_neither_resumes_nor_comes_back_by_the_link() {
    let mut world = World::new();
    let (ada, _) = world.pair_from("198.51.100.1", "203.0.113.5");
    let bob = world.bobs.clone().unwrap();
    let outputs = world.say(ADA, ClientMessage::Remove { id: bob.me });
    assert_put_out(BOB, ErrorCode::Removed, &outputs);
    let left = ServerMessage::ParticipantLeft {
        id: bob.me,
        reason: LeaveReason::Removed,
    };
    assert!(sent_to(ADA, &outputs).contains(&left), "{outputs:?}");
    world.rooms.disconnected(world.now, BOB);
    world.rooms.opened(EVE, source("203.0.113.5"));
    assert_eq!(
        world.resume(EVE, &bob.token).unwrap_err(),
        ErrorCode::ResumeInvalid
    );
    let link = world.ticket(EVE, Some(ada.room));
    assert_eq!(link.unwrap_err(), ErrorCode::RoomUnknown);
    world.wait(601);
    world.ticket(EVE, Some(ada.room)).expect("the ban is short");
    assert_eq!(
        world.resume(EVE, &bob.token).unwrap_err(),
        ErrorCode::ResumeInvalid
    );
}

#[test]
fn a_household_is_not_kept_out_of_a_call_that_one_of_it_is_in() {
    let mut world = World::new();
    let (ada, _) = world.pair_from("203.0.113.5", "203.0.113.5");
    let bob = world.bobs.clone().unwrap();
    world.say(ADA, ClientMessage::Remove { id: bob.me });
    world.rooms.opened(EVE, source("203.0.113.5"));
    world.ticket(EVE, Some(ada.room)).unwrap();
}

#[test]
fn a_guest_may_do_nothing_of_a_host() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    let deeds = [
        ClientMessage::Admit { id: ada.me },
        ClientMessage::Refuse { id: ada.me },
        set_door(Some(true), Some(true)),
        ClientMessage::SetPassword { password: None },
        ClientMessage::SetPassword {
            password: Some("mine".to_owned()),
        },
        ClientMessage::Remove { id: ada.me },
        ClientMessage::Remove { id: bob.me },
        ClientMessage::AskMute { id: None },
        ClientMessage::EndForAll,
    ];
    for (number, deed) in deeds.into_iter().enumerate() {
        assert_eq!(
            only(world.say(BOB, deed.clone())).1,
            error(ErrorCode::NotAllowed, false),
            "{deed:?}"
        );
        assert_eq!(world.rooms.door_counts().not_allowed, number as u64 + 1);
        let outside = only(world.say(EVE, deed)).1;
        assert_eq!(outside, error(ErrorCode::NotJoined, false));
    }
    assert_eq!(world.rooms.counts().participants, 2);
}

#[test]
fn a_host_cannot_reach_into_another_room() {
    let mut world = World::new();
    let (_, bob) = world.pair();
    world.enter(EVE, None);
    for deed in [
        ClientMessage::Remove { id: bob.me },
        ClientMessage::Admit { id: bob.me },
        ClientMessage::AskMute { id: Some(bob.me) },
    ] {
        assert_eq!(
            only(world.say(EVE, deed)),
            (EVE, error(ErrorCode::RecipientUnknown, false))
        );
    }
}

#[test]
fn who_is_asked_to_mute_hears_by_whom() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    for id in [None, Some(bob.me)] {
        let asked = world.say(ADA, ClientMessage::AskMute { id });
        assert_eq!(only(asked), (BOB, ServerMessage::MuteAsked { by: ada.me }));
    }
}

#[test]
fn ending_for_all_ends_it_for_all_and_old_tokens_do_not_bring_it_back() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    let outputs = world.say(ADA, ClientMessage::EndForAll);
    assert_put_out(BOB, ErrorCode::Ended, &outputs);
    assert!(outputs.contains(&Output::Close {
        client: ADA,
        code: CloseCode::Left
    }));
    assert_eq!(world.rooms.counts(), RoomCounts::default());
    for token in [&ada.token, &bob.token] {
        assert_eq!(world.resume(EVE, token).unwrap_err(), ErrorCode::ResumeInvalid);
    }
    assert_eq!(world.ticket(EVE, Some(ada.room)).unwrap_err(), ErrorCode::Ended);
    world.restart_with_book();
    assert_eq!(
        world.resume(EVE, &bob.token).unwrap_err(),
        ErrorCode::ResumeInvalid
    );
    world.wait(60);
    world.enter(EVE, Some(ada.room));
}

#[test]
fn when_the_host_leaves_the_next_one_is_host() {
    let mut world = World::new();
    let (_, bob) = world.pair();
    let outputs = world.say(ADA, ClientMessage::Leave);
    let role = ServerMessage::RoleChanged {
        id: bob.me,
        role: Role::Host,
    };
    assert!(sent_to(BOB, &outputs).contains(&role), "{outputs:?}");
    world.say(BOB, set_door(None, Some(true)));
    assert_eq!(world.rooms.door_counts().not_allowed, 0);
    let token = fresh_token(BOB, &outputs).unwrap();
    world.restart();
    let (back, _) = world.resume(BOB, &token).unwrap();
    assert_eq!(
        back.participants[0].role,
        Role::Host,
        "a restart takes nothing away"
    );
}

#[test]
fn a_host_who_only_lost_the_connection_stays_host() {
    let mut world = World::new();
    let (ada, _) = world.pair();
    let outputs = world.rooms.disconnected(world.now, ADA);
    assert!(!outputs.iter().any(|output| matches!(
        output,
        Output::Send {
            message: ServerMessage::RoleChanged { .. },
            ..
        } | Output::SendAll {
            message: ServerMessage::RoleChanged { .. },
            ..
        }
    )));
    let (back, _) = world.resume(ADA, &ada.token).unwrap();
    assert!(
        back.participants
            .iter()
            .any(|p| p.id == ada.me && p.role == Role::Host)
    );
}
