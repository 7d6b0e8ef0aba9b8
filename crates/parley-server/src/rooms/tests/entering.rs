//! Coming in: tickets, versions, full rooms and full servers.

use super::world::*;
use crate::rooms::*;
use parley_proto::limits::{ROOM_PARTICIPANTS_MAX, TICKET_LIFETIME_S};
use parley_proto::{PROTOCOL_VERSION, Role};
use rand::SeedableRng as _;

#[test]
fn whoever_makes_the_room_is_host_and_came_first() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    assert_eq!(ada.participants.len(), 1);
    let [first, second] = &bob.participants[..] else {
        panic!("{:?}", bob.participants)
    };
    assert_eq!((first.id, first.role), (ada.me, Role::Host));
    assert_eq!((second.id, second.role), (bob.me, Role::Guest));
    assert!(first.order < second.order);
    assert_eq!(
        world.rooms.counts(),
        RoomCounts {
            rooms: 1,
            participants: 2,
            waiting: 0
        }
    );
}

#[test]
fn a_third_person_is_refused_until_someone_leaves() {
    let mut world = World::new();
    let (_, early) = world.ticket(EVE, None).unwrap();
    let ada = world.enter(ADA, None);
    let (_, eves) = world.ticket(EVE, Some(ada.room)).unwrap();
    world.enter(BOB, Some(ada.room));
    assert_eq!(world.join(EVE, &eves).unwrap_err(), ErrorCode::RoomFull);
    assert_eq!(
        world.ticket(EVE, Some(ada.room)).unwrap_err(),
        ErrorCode::RoomFull
    );
    let outputs = world.say(BOB, ClientMessage::Leave);
    assert!(outputs.contains(&Output::Close {
        client: BOB,
        code: CloseCode::Left
    }));
    let (eve, _) = world.join(EVE, &eves).expect("a refused ticket is not used up");
    assert_eq!(eve.participants.len(), ROOM_PARTICIPANTS_MAX);
    assert_eq!(
        world.join(EVE, &early).unwrap_err(),
        ErrorCode::OutOfOrder,
        "nobody sits in two rooms"
    );
}

#[test]
fn a_ticket_is_good_for_one_join_and_ten_minutes() {
    let mut world = World::new();
    let (_, ticket) = world.ticket(ADA, None).unwrap();
    world.join(ADA, &ticket).unwrap();
    assert_eq!(world.join(BOB, &ticket).unwrap_err(), ErrorCode::TicketInvalid);
    let (_, late) = world.ticket(BOB, None).unwrap();
    world.wait(TICKET_LIFETIME_S + 1);
    assert_eq!(world.join(BOB, &late).unwrap_err(), ErrorCode::TicketExpired);
    assert_eq!(world.join(BOB, "nonsense").unwrap_err(), ErrorCode::TicketInvalid);
}

#[test]
fn a_room_of_another_server_is_unknown() {
    let mut world = World::new();
    let elsewhere = RoomStamp::new(&ServerKey::from_bytes([8; 32])).room([1; 16]);
    assert_eq!(
        world.ticket(ADA, Some(elsewhere)).unwrap_err(),
        ErrorCode::RoomUnknown
    );
    assert!(!world.rooms.knows(&elsewhere));
}

#[test]
fn another_version_is_told_so_and_closed() {
    for version in [0, PROTOCOL_VERSION + 1, u16::MAX] {
        let mut world = World::new();
        let outputs = world.say(
            ADA,
            ClientMessage::RequestTicket {
                version,
                room: None,
                invitation: None,
            },
        );
        assert!(matches!(
            outputs[..],
            [
                Output::Send {
                    message: ServerMessage::Error {
                        code: ErrorCode::VersionMismatch,
                        fatal: true,
                        ..
                    },
                    ..
                },
                Output::Close {
                    code: CloseCode::Refused,
                    ..
                }
            ]
        ));
    }
}

#[test]
fn two_people_never_have_the_same_order() {
    let mut world = World::new();
    world.rooms = Rooms::new(START, &KEY, Vec::new(), 2, StdRng::seed_from_u64(1));
    world.enter(ClientId(9), None);
    let ada = world.enter(ADA, None);
    world.rooms.disconnected(world.now, ADA);
    let bob = world.enter(BOB, Some(ada.room));
    assert_eq!(
        bob.participants.len(),
        1,
        "on a full server Ada's place was given away, and her room with it"
    );
    assert_eq!(
        bob.participants[0].order, ada.participants[0].order,
        "a forgotten room begins anew"
    );
    world.say(ClientId(9), ClientMessage::Leave);
    let (back, _) = world.resume(EVE, &ada.token).unwrap();
    let ids: Vec<_> = back.participants.iter().map(|p| p.id).collect();
    assert_eq!(ids, [bob.me, ada.me]);
    assert!(back.participants[0].order < back.participants[1].order);
}

#[test]
fn a_full_server_says_so_and_gives_kept_places_to_newcomers() {
    let mut world = World::new();
    world.rooms = Rooms::new(START, &KEY, Vec::new(), 2, StdRng::seed_from_u64(1));
    let (ada, bob) = world.pair();
    let (_, ticket) = world.ticket(EVE, None).unwrap();
    assert_eq!(world.join(EVE, &ticket).unwrap_err(), ErrorCode::Unavailable);
    world.rooms.disconnected(world.now, BOB);
    let (eve, outputs) = world.join(EVE, &ticket).unwrap();
    assert_ne!(eve.room, ada.room);
    let lost = ServerMessage::ParticipantLeft {
        id: bob.me,
        reason: LeaveReason::Lost,
    };
    assert!(sent_to(ADA, &outputs).contains(&lost), "{outputs:?}");
    assert_eq!(world.rooms.poll_timeout(), None, "nobody is waited for");
    assert_eq!(world.resume(BOB, &bob.token).unwrap_err(), ErrorCode::Unavailable);
    assert_eq!(world.rooms.counts().participants, 2);
}

#[test]
fn who_comes_in_and_vanishes_over_and_over_fills_no_server() {
    let mut world = World::new();
    let (ada, _) = world.pair();
    for number in 100..3_100 {
        let ghost = ClientId(number);
        world.enter(ghost, None);
        world.rooms.disconnected(world.now, ghost);
    }
    assert!(world.rooms.counts().participants <= 1000);
    world.say(BOB, ClientMessage::Leave);
    world.enter(EVE, Some(ada.room));
}
