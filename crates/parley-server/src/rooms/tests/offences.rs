//! Clients of a group that mean no good: what becomes of them, who hears of it, and that nobody else feels it.

use super::doors::{assert_put_out, source};
use super::groups::{asked, offer, three, world};
use super::world::*;
use crate::rooms::*;
use crate::sfu::{Ask, Event, What};
use parley_proto::limits::KICKS_MAX;
use parley_proto::{Abilities, Offence, OffenceCount, Publish, PublishedLayer, Source, Wish};

fn count(what: Offence, count: u64) -> OffenceCount {
    OffenceCount { what, count }
}

/// What the SFU says of somebody.
fn of_media(world: &mut World, who: &Joined, what: Offence, times: u64, kicked: bool) -> Vec<Output> {
    let event = Event {
        room: who.room,
        participant: who.me,
        what: What::Offences {
            list: vec![count(what, times)],
            kicked,
        },
    };
    world.rooms.sfu_told(world.now, event)
}

/// What a client is told of offences, and of whom.
fn told(client: ClientId, outputs: &[Output]) -> Vec<(ParticipantId, Vec<OffenceCount>, u32)> {
    let messages = sent_to(client, outputs).into_iter();
    messages
        .filter_map(|message| match message {
            ServerMessage::Offences { id, list, kicks } => Some((id, list, kicks)),
            _ => None,
        })
        .collect()
}

fn publish(kbps: u32, tracks: usize) -> ClientMessage {
    let one = |at: usize| Publish {
        mid: at.to_string(),
        source: Source::Unknown,
        on: true,
        layers: vec![PublishedLayer {
            rid: "q".to_owned(),
            width: 320,
            height: 180,
            kbps,
        }],
    };
    ClientMessage::Publish {
        publish: (0..tracks).map(one).collect(),
    }
}

#[test]
fn the_host_hears_of_it_now_and_then_and_nobody_else_does() {
    let mut world = world();
    let (_, bob, eve, _) = three(&mut world);
    let outputs = of_media(&mut world, &bob, Offence::Streams, 150, false);
    assert_eq!(
        told(ADA, &outputs),
        [(bob.me, vec![count(Offence::Streams, 150)], 0)]
    );
    assert!(told(BOB, &outputs).is_empty() && told(EVE, &outputs).is_empty());
    // What comes in the next five seconds is told in one.
    for _ in 0..4 {
        world.wait(1);
        let outputs = of_media(&mut world, &bob, Offence::Streams, 50, false);
        assert_eq!(told(ADA, &outputs), []);
        assert_eq!(world.tick(), []);
    }
    // Somebody else is somebody else.
    let outputs = of_media(&mut world, &eve, Offence::Flood, 3, false);
    assert_eq!(told(ADA, &outputs), [(eve.me, vec![count(Offence::Flood, 3)], 0)]);
    world.wait(1);
    assert!(world.rooms.poll_timeout().is_some_and(|at| at <= world.now));
    let outputs = world.tick();
    assert_eq!(
        told(ADA, &outputs),
        [(bob.me, vec![count(Offence::Streams, 350)], 0)]
    );
    world.wait(60);
    assert_eq!(world.tick(), [], "nothing new, nothing told");
}

#[test]
fn a_host_that_offends_is_told_to_nobody_but_loses_its_place_like_anybody() {
    let mut world = world();
    let (ada, bob, ..) = three(&mut world);
    for _ in 1..KICKS_MAX {
        let outputs = of_media(&mut world, &ada, Offence::Streams, 1_500, true);
        assert!(outputs.is_empty(), "{outputs:?}");
    }
    let outputs = of_media(&mut world, &ada, Offence::Streams, 1_500, true);
    assert_put_out(ADA, ErrorCode::Removed, &outputs);
    let host = ServerMessage::RoleChanged {
        id: bob.me,
        role: parley_proto::Role::Host,
    };
    assert!(sent_to(BOB, &outputs).contains(&host));
}

#[test]
fn who_is_kicked_again_and_again_is_put_out_of_the_room() {
    let mut world = world();
    let (_, bob, eve, _) = three(&mut world);
    world.say(BOB, offer(1));
    for kick in 1..KICKS_MAX {
        let outputs = of_media(&mut world, &bob, Offence::KeyFrames, 1_500, true);
        let counted = vec![count(Offence::KeyFrames, 1_500 * u64::from(kick))];
        assert_eq!(told(ADA, &outputs), [(bob.me, counted, kick)], "at once");
    }
    asked(&mut world);
    let outputs = of_media(&mut world, &bob, Offence::KeyFrames, 1_500, true);
    assert_put_out(BOB, ErrorCode::Removed, &outputs);
    let left = ServerMessage::ParticipantLeft {
        id: bob.me,
        reason: LeaveReason::Removed,
    };
    for other in [ADA, EVE] {
        assert!(sent_to(other, &outputs).contains(&left));
    }
    let commands = asked(&mut world);
    assert_eq!((commands[0].participant, &commands[0].ask), (bob.me, &Ask::Leave));
    assert_eq!(
        world.resume(ClientId(9), &bob.token).unwrap_err(),
        ErrorCode::ResumeInvalid
    );
    // A word of the SFU that was on its way means nobody.
    assert_eq!(of_media(&mut world, &bob, Offence::Streams, 9, true), []);
    assert_eq!(
        told(ADA, &of_media(&mut world, &eve, Offence::Flood, 1, false)).len(),
        1
    );
}

#[test]
fn who_is_put_out_for_offences_stays_out_and_others_from_their_address_come_a_minute_later() {
    let mut world = world();
    world.rooms.opened(BOB, source("203.0.113.5"));
    let (ada, bob, ..) = three(&mut world);
    for _ in 0..KICKS_MAX {
        of_media(&mut world, &bob, Offence::Streams, 1_500, true);
    }
    let doors = world.rooms.door_counts();
    assert_eq!((doors.offenders, doors.removed), (1, 0), "no host did it");
    let again = ClientId(9);
    world.rooms.opened(again, source("203.0.113.5"));
    assert_eq!(
        world.say(again, ClientMessage::Groups(Abilities::plain(true))),
        []
    );
    let link = world.ticket(again, Some(ada.room));
    assert_eq!(link.unwrap_err(), ErrorCode::RoomUnknown);
    world.wait(61);
    world
        .ticket(again, Some(ada.room))
        .expect("the address is kept out for a minute");
    assert_eq!(
        world.resume(again, &bob.token).unwrap_err(),
        ErrorCode::ResumeInvalid
    );
}

#[test]
fn a_kick_is_forgotten_after_ten_minutes_without_any() {
    let mut world = world();
    let (_, bob, ..) = three(&mut world);
    let kick = |world: &mut World| {
        let outputs = of_media(world, &bob, Offence::Streams, 1_500, true);
        told(ADA, &outputs).first().map(|(_, _, kicks)| *kicks)
    };
    for _ in 0..2 * KICKS_MAX {
        assert_eq!(kick(&mut world), Some(1));
        world.wait(600);
    }
    assert_eq!((kick(&mut world), kick(&mut world)), (Some(1), Some(2)));
    world.wait(599);
    assert_eq!(kick(&mut world), Some(3), "too early");
    assert_eq!(world.rooms.door_counts().offenders, 1);
}

#[test]
fn words_that_gathered_are_refused_without_a_reproach_and_a_flood_of_words_ends_in_kicks() {
    let mut world = world();
    let (_, bob, ..) = three(&mut world);
    let word = ClientMessage::Tell {
        payload: serde_json::json!("sealed"),
        to: None,
    };
    let (mut heard, mut refused) = (Vec::new(), 0);
    // Nine seconds of the most that is taken, at once.
    for _ in 0..180 {
        let outputs = world.say(BOB, word.clone());
        refused += sent_to(BOB, &outputs).len();
        heard.extend(told(ADA, &outputs));
    }
    assert_eq!(refused, 120);
    world.wait(60);
    heard.extend(told(ADA, &world.tick()));
    assert_eq!(heard, []);
    asked(&mut world);
    // As many as the gate lets one client say, on and on.
    let mut kicks = 0;
    for _ in 0..80 {
        for _ in 0..40 {
            heard.extend(told(ADA, &world.say(BOB, word.clone())));
            let commands = asked(&mut world).into_iter();
            kicks += commands.filter(|command| command.ask == Ask::Kick).count();
        }
        world.wait(1);
        heard.extend(told(ADA, &world.tick()));
    }
    assert_eq!(kicks, 3);
    let (id, list, told_kicks) = heard.last().unwrap();
    assert_eq!(
        (*id, list[0].what, *told_kicks),
        (bob.me, Offence::Lists, KICKS_MAX)
    );
}

#[test]
fn a_flood_of_lists_is_refused_counted_and_ends_in_kicks() {
    let mut world = world();
    let (_, bob, ..) = three(&mut world);
    let wishes = ClientMessage::Subscribe {
        downs: Vec::new(),
        kbps_max: None,
    };
    let (mut passed, mut heard, mut kicks) = (0, Vec::new(), 0);
    // As many as the gate lets one client say: 40 a second.
    for _ in 0..60 {
        for _ in 0..40 {
            let outputs = world.say(BOB, wishes.clone());
            heard.extend(told(ADA, &outputs));
            for command in asked(&mut world) {
                match command.ask {
                    Ask::Subscribe { .. } => passed += 1,
                    Ask::Kick => kicks += 1,
                    _ => {}
                }
            }
        }
        world.wait(1);
        heard.extend(told(ADA, &world.tick()));
    }
    assert_eq!(kicks, KICKS_MAX);
    assert!(passed < 20 + 10 * 30, "{passed}");
    let (id, list, told_kicks) = heard.last().unwrap();
    assert_eq!((*id, list.len(), *told_kicks), (bob.me, 1, KICKS_MAX));
    assert!(list[0].what == Offence::Lists && list[0].count > 600, "{list:?}");
    assert!(heard.len() < 15, "{}", heard.len());
    let (_, refused) = only(world.say(BOB, wishes));
    assert!(matches!(
        refused,
        ServerMessage::Error {
            code: ErrorCode::NotJoined,
            ..
        }
    ));
}

#[test]
fn lists_that_nobody_can_mean_are_counted_and_what_makes_sense_in_them_is_done() {
    let mut world = world();
    let (_, bob, ..) = three(&mut world);
    let wish = |mid: &str| Wish {
        mid: mid.to_owned(),
        participant: bob.me,
        source: Source::Camera,
        width: 320,
        height: 180,
        priority: 1,
    };
    let subscribe = |downs| ClientMessage::Subscribe {
        downs,
        kbps_max: None,
    };
    let fair = [
        publish(12_000, 4),
        subscribe((0..44).map(|at| wish(&at.to_string())).collect()),
    ];
    let absurd = [
        publish(u32::MAX, 1),
        publish(100, 5),
        subscribe((0..45).map(|at| wish(&at.to_string())).collect()),
        subscribe(vec![wish("1"), wish("1")]),
        subscribe(vec![wish("a section with a name without end")]),
    ];
    asked(&mut world);
    for message in fair {
        world.say(BOB, message);
        world.wait(1);
    }
    assert_eq!(asked(&mut world).len(), 2);
    let mut heard = Vec::new();
    for turn in 0..8 {
        for message in &absurd {
            let outputs = world.say(BOB, message.clone());
            heard.extend(told(ADA, &outputs));
            assert_eq!(sent_to(BOB, &outputs), [], "{turn}: {message:?}");
        }
        assert_eq!(asked(&mut world).len(), 5);
        if turn % 2 == 1 {
            world.wait(1);
        }
    }
    let (id, list, kicks) = heard.first().expect("the host hears of it");
    assert_eq!((*id, *kicks, list[0].what), (bob.me, 0, Offence::Absurd));
    assert!(list[0].count >= 20 && list.len() == 1, "{list:?}");
}
