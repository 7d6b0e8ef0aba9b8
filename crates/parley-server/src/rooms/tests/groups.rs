//! Rooms of more than two: who gets in, when media goes another way, and what passes to the SFU and back.

use super::world::*;
use crate::rooms::*;
use crate::sfu::{Ask, Command, Event, What};
use parley_proto::{Abilities, Participant, SfuClosed, TopologyMode};
use rand::SeedableRng as _;

const DAN: ClientId = ClientId(4);

pub(super) fn world() -> World {
    let mut world = World::new();
    world.rooms = world.rooms.with_groups(Some(5));
    for client in [ADA, BOB, EVE, DAN] {
        assert_eq!(
            world.say(client, ClientMessage::Groups(Abilities::plain(true))),
            []
        );
    }
    world
}

/// Ada, Bob and Eve in one room; what was sent when Eve came, too.
pub(super) fn three(world: &mut World) -> (Joined, Joined, Joined, Vec<Output>) {
    let (ada, bob) = world.pair();
    let (_, ticket) = world.ticket(EVE, Some(ada.room)).unwrap();
    let (eve, outputs) = world.join(EVE, &ticket).unwrap();
    (ada, bob, eve, outputs)
}

fn topology(outputs: &[Output], client: ClientId) -> Option<(TopologyMode, u32)> {
    sent_to(client, outputs)
        .into_iter()
        .find_map(|message| match message {
            ServerMessage::Topology { mode, number, .. } => Some((mode, number)),
            _ => None,
        })
}

pub(super) fn asked(world: &mut World) -> Vec<Command> {
    let errands = world.rooms.take_errands().into_iter();
    errands
        .filter_map(|errand| match errand {
            Errand::Sfu(command) => Some(command),
            _ => None,
        })
        .collect()
}

pub(super) fn offer(connection: u32) -> ClientMessage {
    ClientMessage::SfuOffer {
        connection,
        sdp: "v=0".to_owned(),
        publish: Vec::new(),
    }
}

#[test]
fn two_people_are_told_nothing_that_they_were_not_told_before() {
    let mut with = world();
    let mut without = World::new();
    let seen = [&mut with, &mut without].map(|world| {
        let ada = world.enter(ADA, None);
        let (_, ticket) = world.ticket(BOB, Some(ada.room)).unwrap();
        let (_, outputs) = world.join(BOB, &ticket).unwrap();
        let kinds = |client| {
            sent_to(client, &outputs)
                .iter()
                .map(std::mem::discriminant)
                .collect::<Vec<_>>()
        };
        (kinds(ADA), kinds(BOB))
    });
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].1.len(), 1, "joined, and no more");
}

#[test]
fn the_third_person_makes_a_group_and_everybody_is_told() {
    let mut world = world();
    let (_, _, _, outputs) = three(&mut world);
    let (mode, number) = topology(&outputs, EVE).unwrap();
    assert_eq!(mode, TopologyMode::Sfu);
    assert!(number > 0);
    assert_eq!(topology(&outputs, ADA), Some((mode, number)));
    assert_eq!(topology(&outputs, BOB), Some((mode, number)));
    assert!(matches!(sent_to(EVE, &outputs)[0], ServerMessage::Joined { .. }));
    assert!(
        matches!(sent_to(ADA, &outputs)[0], ServerMessage::ParticipantJoined { .. }),
        "who came, then how media flows"
    );
}

#[test]
fn nobody_is_in_a_group_whose_client_cannot_be() {
    // The newcomer cannot.
    let mut world = world();
    let (ada, _) = world.pair();
    let refused = world.ticket(ClientId(77), Some(ada.room)).unwrap_err();
    assert_eq!(refused, ErrorCode::RoomFull);
    // One of the two cannot.
    let mut world = World::new();
    world.rooms = world.rooms.with_groups(Some(5));
    for client in [ADA, EVE] {
        world.say(client, ClientMessage::Groups(Abilities::plain(true)));
    }
    let (ada, _) = world.pair();
    assert_eq!(
        world.ticket(EVE, Some(ada.room)).unwrap_err(),
        ErrorCode::RoomFull
    );
    // There is no SFU.
    let mut world = World::new();
    for client in [ADA, BOB, EVE] {
        world.say(client, ClientMessage::Groups(Abilities::plain(true)));
    }
    let (ada, _) = world.pair();
    assert_eq!(
        world.ticket(EVE, Some(ada.room)).unwrap_err(),
        ErrorCode::RoomFull
    );
    let (_, refused) = only(world.say(ADA, offer(1)));
    assert!(matches!(
        refused,
        ServerMessage::Error {
            code: ErrorCode::SfuUnavailable,
            fatal: false,
            ..
        }
    ));
}

#[test]
fn a_group_takes_as_many_as_the_server_was_told() {
    let mut world = world();
    let (ada, ..) = three(&mut world);
    for client in [DAN, ClientId(5)] {
        world.say(client, ClientMessage::Groups(Abilities::plain(true)));
        world.enter(client, Some(ada.room));
    }
    world.say(ClientId(6), ClientMessage::Groups(Abilities::plain(true)));
    assert_eq!(
        world.ticket(ClientId(6), Some(ada.room)).unwrap_err(),
        ErrorCode::RoomFull
    );
}

#[test]
fn everybody_hears_who_is_ready_once() {
    let mut world = world();
    let (ada, _, _, outputs) = three(&mut world);
    let (_, number) = topology(&outputs, EVE).unwrap();
    let outputs = world.say(ADA, ClientMessage::TopologyReady { number });
    let ready = ServerMessage::ParticipantReady { id: ada.me, number };
    assert_eq!(sent_to(BOB, &outputs), std::slice::from_ref(&ready));
    assert_eq!(sent_to(EVE, &outputs), [ready]);
    assert_eq!(
        world.say(ADA, ClientMessage::TopologyReady { number }),
        [],
        "once more says nothing"
    );
    assert_eq!(
        world.say(BOB, ClientMessage::TopologyReady { number: number - 1 }),
        [],
        "about one that is over"
    );
    // Who comes back is told how things stand.
    world.rooms.disconnected(world.now, BOB);
    let token = world.say(ADA, ClientMessage::Ping { nonce: 1 });
    assert_eq!(token.len(), 1);
}

#[test]
fn when_two_are_left_they_talk_directly_again_after_a_moment() {
    let mut world = world();
    let (_, bob, eve, outputs) = three(&mut world);
    let (_, first) = topology(&outputs, EVE).unwrap();
    for client in [ADA, BOB, EVE] {
        world.say(client, offer(1));
    }
    assert_eq!(asked(&mut world).len(), 3);
    world.say(EVE, ClientMessage::Leave);
    let left = asked(&mut world);
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].participant, &left[0].ask), (eve.me, &Ask::Leave));
    assert_eq!(world.tick(), []);
    world.wait(3);
    assert_eq!(world.rooms.poll_timeout(), Some(world.now));
    let outputs = world.tick();
    let (mode, number) = topology(&outputs, ADA).unwrap();
    assert_eq!(mode, TopologyMode::Direct);
    assert!(number > first);
    assert_eq!(asked(&mut world), [], "the SFU goes on until both are ready");
    world.say(ADA, ClientMessage::TopologyReady { number });
    assert_eq!(asked(&mut world), []);
    world.say(BOB, ClientMessage::TopologyReady { number });
    let left: Vec<_> = asked(&mut world).into_iter().map(|command| command.ask).collect();
    assert_eq!(left, [Ask::Leave, Ask::Leave]);
    // A client that missed it learns so when it is back.
    world.rooms.disconnected(world.now, BOB);
    let (_, outputs) = world.resume(ClientId(20), &bob.token).unwrap();
    assert_eq!(
        topology(&outputs, ClientId(20)),
        Some((TopologyMode::Direct, number))
    );
}

#[test]
fn somebody_who_comes_in_anew_keeps_the_group_together() {
    let mut world = world();
    let (ada, _, _, outputs) = three(&mut world);
    let before = topology(&outputs, ADA).unwrap();
    world.say(EVE, ClientMessage::Leave);
    world.wait(2);
    let (_, ticket) = world.ticket(DAN, Some(ada.room)).unwrap();
    let (_, outputs) = world.join(DAN, &ticket).unwrap();
    assert_eq!(topology(&outputs, DAN), Some(before), "nothing changed");
    assert_eq!(topology(&outputs, ADA), None);
    world.wait(2);
    assert_eq!(topology(&world.tick(), ADA), None);
}

#[test]
fn who_is_left_alone_has_no_group() {
    let mut world = world();
    three(&mut world);
    world.say(ADA, offer(1));
    asked(&mut world);
    world.say(EVE, ClientMessage::Leave);
    let outputs = world.say(BOB, ClientMessage::Leave);
    assert_eq!(
        topology(&outputs, ADA).map(|(mode, _)| mode),
        Some(TopologyMode::Direct)
    );
    assert!(asked(&mut world).iter().any(|command| command.ask == Ask::Leave));
}

#[test]
fn what_the_sfu_says_reaches_whom_it_is_for() {
    let mut world = world();
    let (ada, bob, ..) = three(&mut world);
    let event = |participant, what| Event {
        room: ada.room,
        participant,
        what,
    };
    let answer = What::Answer {
        connection: 1,
        sdp: "v=0".to_owned(),
    };
    let outputs = world.rooms.sfu_told(world.now, event(bob.me, answer.clone()));
    let expect = ServerMessage::SfuAnswer {
        connection: 1,
        sdp: "v=0".to_owned(),
    };
    assert_eq!(only(outputs), (BOB, expect));
    let reason = SfuClosed::Full;
    let outputs = world.rooms.sfu_told(
        world.now,
        event(
            ada.me,
            What::Closed {
                connection: 3,
                reason,
            },
        ),
    );
    assert!(matches!(
        sent_to(ADA, &outputs)[..],
        [
            ServerMessage::Error {
                code: ErrorCode::SfuUnavailable,
                fatal: false,
                ..
            },
            ServerMessage::SfuClosed { connection: 3, .. }
        ]
    ));
    world.rooms.disconnected(world.now, BOB);
    assert_eq!(
        world.rooms.sfu_told(world.now, event(bob.me, answer)),
        [],
        "who is away offers anew"
    );
}

#[test]
fn words_reach_everybody_or_one_and_floods_nobody() {
    let mut world = world();
    let (ada, bob, ..) = three(&mut world);
    let tell = |to| ClientMessage::Tell {
        payload: serde_json::json!("sealed"),
        to,
    };
    let told = ServerMessage::Told {
        from: ada.me,
        payload: serde_json::json!("sealed"),
    };
    let outputs = world.say(ADA, tell(None));
    assert_eq!(
        (sent_to(BOB, &outputs), sent_to(EVE, &outputs)),
        (vec![told.clone()], vec![told.clone()])
    );
    assert_eq!(only(world.say(ADA, tell(Some(bob.me)))), (BOB, told));
    let refused = |outputs: Vec<Output>| match only(outputs) {
        (
            client,
            ServerMessage::Error {
                code, fatal: false, ..
            },
        ) => (client, code),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused(world.say(ADA, tell(Some(ada.me)))),
        (ADA, ErrorCode::RecipientUnknown)
    );
    let long = ClientMessage::Tell {
        payload: serde_json::json!("x".repeat(60_000)),
        to: None,
    };
    assert_eq!(refused(world.say(ADA, long)), (ADA, ErrorCode::TooLarge));
    let sent: usize = (0..200)
        .map(|_| sent_to(BOB, &world.say(ADA, tell(None))).len())
        .sum();
    assert!(sent < 60, "{sent}");
    let offers = (0..20).filter(|at| world.say(BOB, offer(*at)).is_empty()).count();
    assert_eq!(offers, 5);
}

#[test]
fn long_words_for_everybody_are_refused_to_their_sender_before_they_fill_anybodys_queue() {
    use parley_proto::limits::{SIGNAL_QUEUE_BYTES_MAX, TELL_BYTES_MAX};
    let mut world = world();
    let (ada, bob, ..) = three(&mut world);
    let word = |bytes: usize, to| ClientMessage::Tell {
        payload: serde_json::json!("x".repeat(bytes - 2)),
        to,
    };
    let heard = |world: &mut World, bytes, to| {
        let outputs = world.say(ADA, word(bytes, to));
        let words = sent_to(BOB, &outputs);
        let told = words
            .iter()
            .filter(|one| matches!(one, ServerMessage::Told { .. }));
        let refused = sent_to(ADA, &outputs).into_iter().any(|one| {
            matches!(
                one,
                ServerMessage::Error {
                    code: ErrorCode::TooFast,
                    fatal: false,
                    ..
                }
            )
        });
        (told.count(), refused)
    };
    // As many of the largest as the number of words allows.
    let all: Vec<_> = (0..60).map(|_| heard(&mut world, TELL_BYTES_MAX, None)).collect();
    assert_eq!(all[0], (1, false));
    assert!(all[1..].iter().all(|one| *one == (0, true)));
    let words = all.iter().filter(|one| one.0 == 1).count();
    assert!(words * TELL_BYTES_MAX < SIGNAL_QUEUE_BYTES_MAX / 8);
    // In the long run so many bytes a second, and what is said to one person counts by itself.
    world.wait(3);
    let said = (0..60).filter(|_| heard(&mut world, 1_024, None).0 == 1).count();
    assert_eq!(said, 16 + 3 * 8);
    world.wait(2);
    assert_eq!(heard(&mut world, TELL_BYTES_MAX, Some(bob.me)), (1, false));
    assert_eq!(
        world.rooms.rooms[&ada.room].members().len(),
        3,
        "nobody is closed for it"
    );

    // A listener has less in the long run.
    let seat = Seat {
        room: ada.room,
        id: ada.me,
    };
    world.rooms.member_mut(seat).unwrap().listens = true;
    world.wait(60);
    assert_eq!(heard(&mut world, TELL_BYTES_MAX, None), (1, false));
    world.wait(2);
    let said = (0..60).filter(|_| heard(&mut world, 1_024, None).0 == 1).count();
    assert_eq!(said, 16 + 2 * 4);
}

#[test]
fn long_words_for_one_person_are_refused_to_their_sender_before_they_fill_their_queue() {
    use parley_proto::limits::{SIGNAL_QUEUE_BYTES_MAX, TELL_BYTES_MAX};
    let mut world = world();
    let (_, bob, eve, _) = three(&mut world);
    let heard = |world: &mut World, to: &Joined, client| {
        let payload = serde_json::json!("x".repeat(TELL_BYTES_MAX - 2));
        let to = Some(to.me);
        let outputs = world.say(ADA, ClientMessage::Tell { payload, to });
        let told = sent_to(client, &outputs).into_iter();
        told.filter(|one| matches!(one, ServerMessage::Told { .. }))
            .count()
    };
    let at_once: usize = (0..60).map(|_| heard(&mut world, &bob, BOB)).sum();
    assert!(at_once >= 5, "{at_once}");
    assert!(
        at_once * TELL_BYTES_MAX <= SIGNAL_QUEUE_BYTES_MAX / 4,
        "{at_once}"
    );
    // Nor is there another share for each of them.
    assert_eq!(heard(&mut world, &eve, EVE), 0);
    world.wait(3);
    let later: usize = (0..60).map(|_| heard(&mut world, &eve, EVE)).sum();
    assert_eq!(later, 3 * 64 / 48);
}

#[test]
fn who_comes_back_into_what_is_a_group_by_now_says_to_whom_they_talked_before_that_they_are_ready() {
    let mut world = world();
    let (ada, bob) = world.pair();
    // Bob's connection is away for too long; what he and Ada say to each other directly needs no server.
    world.rooms.disconnected(world.now, BOB);
    world.wait(RESUME_GRACE_S);
    world.tick();
    for client in [EVE, DAN] {
        let (_, ticket) = world.ticket(client, Some(ada.room)).unwrap();
        world.join(client, &ticket).unwrap();
    }
    let back = ClientId(20);
    world.say(back, ClientMessage::Groups(Abilities::plain(true)));
    let (_, outputs) = world.resume(back, &bob.token).unwrap();
    let (mode, number) = topology(&outputs, back).unwrap();
    assert_eq!(mode, TopologyMode::Sfu);
    let outputs = world.say(back, ClientMessage::TopologyReady { number });
    let ready = ServerMessage::ParticipantReady { id: bob.me, number };
    assert_eq!(sent_to(ADA, &outputs), [ready]);
    let outputs = world.say(ADA, ClientMessage::TopologyReady { number });
    let ready = ServerMessage::ParticipantReady { id: ada.me, number };
    assert_eq!(sent_to(back, &outputs), [ready]);
}

#[test]
fn a_call_that_is_ended_for_everybody_is_over_in_the_sfu_too() {
    let mut world = world();
    three(&mut world);
    for client in [ADA, BOB] {
        world.say(client, offer(1));
    }
    asked(&mut world);
    world.say(ADA, ClientMessage::EndForAll);
    let left: Vec<_> = asked(&mut world).into_iter().map(|command| command.ask).collect();
    assert_eq!(left, [Ask::Leave, Ask::Leave]);
}

#[test]
fn a_restarted_server_knows_a_group_again_from_its_tokens() {
    let mut world = world();
    let (_, _, _, outputs) = three(&mut world);
    let (_, before) = topology(&outputs, ADA).unwrap();
    let token = fresh_token(ADA, &outputs).unwrap();
    world.restart();
    world.rooms =
        Rooms::new(world.now, &KEY, Vec::new(), 1000, StdRng::seed_from_u64(9)).with_groups(Some(5));
    world.say(ADA, ClientMessage::Groups(Abilities::plain(true)));
    let (back, outputs) = world.resume(ADA, &token).unwrap();
    let _ = back;
    let (mode, number) = topology(&outputs, ADA).unwrap();
    assert_eq!(mode, TopologyMode::Sfu);
    assert!(number > before, "{number} after {before}");
}

#[test]
fn the_token_of_a_large_group_stays_short() {
    let mut world = World::new();
    world.rooms = world.rooms.with_groups(Some(60));
    world.say(ADA, ClientMessage::Groups(Abilities::plain(true)));
    let ada = world.enter(ADA, None);
    let mut last = ada.token.clone();
    let mut refreshed = 0;
    for number in 10..60 {
        let client = ClientId(number);
        world.say(client, ClientMessage::Groups(Abilities::plain(true)));
        let (_, ticket) = world.ticket(client, Some(ada.room)).unwrap();
        let join = ClientMessage::Join {
            version: parley_proto::PROTOCOL_VERSION,
            ticket,
            name: "\u{1f600}".repeat(64),
            password: None,
            waits: true,
        };
        let outputs = world.say(client, join);
        let (joined, outputs) = joined(client, outputs).unwrap();
        assert!(
            joined.token.len() < parley_proto::limits::TOKEN_BYTES_MAX,
            "{}",
            joined.token.len()
        );
        let names = |participants: &[Participant]| participants.len();
        assert_eq!(names(&joined.participants), usize::try_from(number - 8).unwrap());
        if let Some(token) = fresh_token(ADA, &outputs) {
            refreshed += 1;
            last = token;
        }
    }
    assert!(
        last.len() < parley_proto::limits::TOKEN_BYTES_MAX,
        "{}",
        last.len()
    );
    assert_eq!(refreshed, 6, "who comes later is in nobody's token");
}

#[test]
fn an_older_client_that_comes_to_the_last_one_of_a_group_hears_nothing_of_it() {
    let mut world = world();
    let (ada, ..) = three(&mut world);
    for client in [BOB, EVE] {
        world.say(client, ClientMessage::Leave);
    }
    let older = ClientId(5);
    let (_, ticket) = world.ticket(older, Some(ada.room)).unwrap();
    let (joined, outputs) = world.join(older, &ticket).unwrap();
    assert_eq!(joined.participants.len(), 2);
    assert_eq!(topology(&outputs, older), None);
    // Nor does it help to say so when one is in.
    world.say(older, ClientMessage::Groups(Abilities::plain(true)));
    asked(&mut world);
    world.say(older, offer(1));
    assert!(asked(&mut world).is_empty());
}
