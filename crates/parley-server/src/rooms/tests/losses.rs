//! Connections that break, and whose place is kept for how long.

use super::world::*;
use crate::rooms::*;

#[test]
fn someone_lost_is_away_first_and_back_as_the_same_person() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    let outputs = world.rooms.disconnected(world.now, BOB);
    assert_eq!(
        only(outputs),
        (ADA, ServerMessage::ParticipantAway { id: bob.me })
    );
    let (_, refused) = only(world.say(ADA, signal(bob.me)));
    assert!(matches!(
        refused,
        ServerMessage::Error {
            code: ErrorCode::RecipientAway,
            ..
        }
    ));
    assert_eq!(
        world.ticket(EVE, Some(ada.room)).unwrap_err(),
        ErrorCode::PlaceKept,
        "the place is kept"
    );

    world.wait(RESUME_GRACE_S - 1);
    assert_eq!(world.tick(), []);
    let (back, outputs) = world.resume(ClientId(20), &bob.token).unwrap();
    assert_eq!(back.me, bob.me);
    let ids = |joined: &Joined| -> Vec<_> {
        joined
            .participants
            .iter()
            .map(|p| (p.id, p.order, p.away))
            .collect()
    };
    assert_eq!(ids(&back), ids(&bob), "same people, same order, nobody away");
    assert_eq!(
        sent_to(ADA, &outputs),
        [ServerMessage::ParticipantBack { id: bob.me }]
    );
    world.wait(RESUME_GRACE_S * 2);
    assert_eq!(world.tick(), [], "the timer of the absence is off");
    assert_eq!(world.rooms.poll_timeout(), None);
}

#[test]
fn someone_lost_for_too_long_is_gone_but_may_come_back_while_there_is_a_place() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    world.rooms.disconnected(world.now, BOB);
    world.wait(RESUME_GRACE_S);
    assert_eq!(world.rooms.poll_timeout(), Some(world.now));
    let outputs = world.tick();
    let lost = ServerMessage::ParticipantLeft {
        id: bob.me,
        reason: LeaveReason::Lost,
    };
    assert_eq!(sent_to(ADA, &outputs).first(), Some(&lost));

    let (back, outputs) = world.resume(BOB, &bob.token).unwrap();
    assert_eq!(back.me, bob.me);
    assert!(
        matches!(&sent_to(ADA, &outputs)[0], ServerMessage::ParticipantJoined { participant } if participant.id == bob.me)
    );

    world.rooms.disconnected(world.now, BOB);
    world.wait(RESUME_GRACE_S);
    world.tick();
    world.enter(EVE, Some(ada.room));
    assert_eq!(world.resume(BOB, &bob.token).unwrap_err(), ErrorCode::RoomFull);
}

#[test]
fn who_left_does_not_come_back_by_the_old_token() {
    let mut world = World::new();
    let (_, bob) = world.pair();
    world.say(BOB, ClientMessage::Leave);
    assert_eq!(
        world.resume(BOB, &bob.token).unwrap_err(),
        ErrorCode::ResumeInvalid
    );
}

#[test]
fn a_second_connection_of_the_same_person_replaces_the_first() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    let second = ClientId(20);
    let (_, outputs) = world.resume(second, &bob.token).unwrap();
    assert!(matches!(
        sent_to(BOB, &outputs)[..],
        [ServerMessage::Error {
            code: ErrorCode::Replaced,
            fatal: true,
            ..
        }]
    ));
    assert!(outputs.contains(&Output::Close {
        client: BOB,
        code: CloseCode::Replaced
    }));
    assert_eq!(
        world.rooms.disconnected(world.now, BOB),
        [],
        "the old connection is nobody"
    );
    assert_eq!(only(world.say(ADA, signal(bob.me))).0, second);
    assert_eq!(only(world.say(second, signal(ada.me))).0, ADA);
}

#[test]
fn who_was_lost_for_ten_seconds_gives_way_to_a_newcomer() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    world.rooms.disconnected(world.now, BOB);
    world.wait(9);
    assert_eq!(
        world.ticket(EVE, Some(ada.room)).unwrap_err(),
        ErrorCode::PlaceKept,
        "a connection that broke may be back any moment"
    );
    world.wait(1);
    let (_, ticket) = world.ticket(EVE, Some(ada.room)).unwrap();
    let (eve, outputs) = world.join(EVE, &ticket).unwrap();
    let told = sent_to(ADA, &outputs);
    let lost = ServerMessage::ParticipantLeft {
        id: bob.me,
        reason: LeaveReason::Lost,
    };
    assert!(told.contains(&lost), "{told:?}");
    let ids: Vec<_> = eve.participants.iter().map(|p| p.id).collect();
    assert_eq!(ids, [ada.me, eve.me]);
    assert_eq!(world.resume(BOB, &bob.token).unwrap_err(), ErrorCode::RoomFull);
    assert_eq!(world.rooms.poll_timeout(), None, "nobody is waited for");
}

#[test]
fn somebody_back_in_time_keeps_the_place() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    world.rooms.disconnected(world.now, BOB);
    world.wait(11);
    let (_, ticket) = world.ticket(EVE, Some(ada.room)).unwrap();
    world.resume(BOB, &bob.token).unwrap();
    assert_eq!(world.join(EVE, &ticket).unwrap_err(), ErrorCode::RoomFull);
}

#[test]
fn tokens_end_at_their_server_and_their_time() {
    let mut world = World::new();
    let (ada, _) = world.pair();
    world.rooms.disconnected(world.now, ADA);
    for token in ["", "a.b.c", &ada.token[..ada.token.len() - 2]] {
        assert_eq!(world.resume(ADA, token).unwrap_err(), ErrorCode::ResumeInvalid);
    }
    world.wait(parley_proto::limits::RESUME_LIFETIME_S + 1);
    assert_eq!(
        world.resume(ADA, &ada.token).unwrap_err(),
        ErrorCode::ResumeInvalid
    );
}
