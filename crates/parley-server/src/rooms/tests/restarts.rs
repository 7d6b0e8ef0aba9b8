//! Another server with the same key takes over.

use super::world::*;
use crate::rooms::*;

#[test]
fn after_a_restart_both_find_each_other_whoever_comes_first() {
    for ada_first in [true, false] {
        let mut world = World::new();
        let (ada, bob) = world.pair();
        world.restart();
        let (first, second, early, late) = if ada_first {
            (ADA, BOB, &ada, &bob)
        } else {
            (BOB, ADA, &bob, &ada)
        };
        let (back, _) = world.resume(first, &early.token).unwrap();
        let away: Vec<_> = back
            .participants
            .iter()
            .filter(|p| p.away)
            .map(|p| p.id)
            .collect();
        assert_eq!(away, [late.me], "the other is away, not gone");
        assert_eq!(back.participants.len(), 2);

        world.wait(30);
        assert_eq!(world.tick(), []);
        let (other, outputs) = world.resume(second, &late.token).unwrap();
        assert_eq!(
            sent_to(first, &outputs),
            [ServerMessage::ParticipantBack { id: late.me }]
        );
        let orders =
            |joined: &Joined| -> Vec<_> { joined.participants.iter().map(|p| (p.id, p.order)).collect() };
        assert_eq!(orders(&other), orders(&bob), "ids and order are as before");
        world.wait(600);
        assert_eq!(world.tick(), []);
        assert_eq!(only(world.say(first, signal(late.me))).0, second);
    }
}

#[test]
fn after_a_restart_someone_who_does_not_come_back_is_given_up() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    world.restart();
    world.resume(ADA, &ada.token).unwrap();
    world.wait(RESUME_GRACE_S);
    let outputs = world.tick();
    let lost = ServerMessage::ParticipantLeft {
        id: bob.me,
        reason: LeaveReason::Lost,
    };
    assert_eq!(sent_to(ADA, &outputs).first(), Some(&lost));
}

#[test]
fn someone_only_expected_gives_way_to_someone_who_is_here() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    // Ada missed that Bob left and Eve came: her token still names Bob.
    world.say(BOB, ClientMessage::Leave);
    let eve = world.enter(EVE, Some(ada.room));
    world.restart();
    let (back, _) = world.resume(ADA, &ada.token).unwrap();
    assert_eq!(back.participants[1].id, bob.me);
    let stranger = world.ticket(ClientId(50), Some(ada.room));
    assert_eq!(
        stranger.unwrap_err(),
        ErrorCode::PlaceKept,
        "a newcomer does not push anyone out"
    );
    let (eves, outputs) = world.resume(EVE, &eve.token).unwrap();
    assert_eq!(
        eves.participants.iter().map(|p| p.id).collect::<Vec<_>>(),
        [ada.me, eve.me]
    );
    let lost = ServerMessage::ParticipantLeft {
        id: bob.me,
        reason: LeaveReason::Lost,
    };
    assert_eq!(sent_to(ADA, &outputs)[0], lost);
}

#[test]
fn a_stale_token_does_not_bring_ghosts_back_without_a_restart() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    world.say(BOB, ClientMessage::Leave);
    world.rooms.disconnected(world.now, ADA);
    world.wait(RESUME_GRACE_S);
    world.tick();
    assert_eq!(
        world.rooms.counts(),
        RoomCounts::default(),
        "an empty room is forgotten"
    );
    let (back, _) = world.resume(ADA, &ada.token).unwrap();
    assert!(back.participants.iter().all(|p| p.id != bob.me));
}

/// A notebook that slept for an hour with the server on it, or a clock that NTP set.
#[test]
fn a_step_of_the_wall_clock_ends_what_ends_by_the_clock_and_keeps_places() {
    let mut world = World::new();
    let (_, bob) = world.pair();
    let (_, ticket) = world.ticket(EVE, None).unwrap();
    world.rooms.disconnected(world.now, BOB);
    world.wait(1);
    world.now = world.now.on_wall(START.unix_ms() + 3_600_000);
    assert_eq!(world.tick(), [], "Bob's place is kept for a minute all the same");
    assert_eq!(world.join(EVE, &ticket).unwrap_err(), ErrorCode::TicketExpired);
    world.resume(BOB, &bob.token).unwrap();
    let (_, fresh) = world.ticket(EVE, None).unwrap();
    assert!(world.join(EVE, &fresh).is_ok());
}

#[test]
fn a_newcomer_after_a_restart_comes_after_those_who_were_there() {
    let mut world = World::new();
    let (ada, _) = world.pair();
    world.restart();
    let new = world.enter(EVE, Some(ada.room));
    let (back, _) = world.resume(ADA, &ada.token).unwrap();
    assert_eq!(
        back.participants.iter().map(|p| p.id).collect::<Vec<_>>(),
        [ada.me, new.me]
    );
}
