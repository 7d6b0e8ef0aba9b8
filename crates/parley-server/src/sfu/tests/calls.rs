//! Rooms where everything goes well.

use super::world::*;
use crate::load::Part;
use crate::sfu::Ask;
use parley_proto::{DownState, SfuClosed, Source};
use std::time::Duration;

fn talker() -> Part {
    Part {
        speaks: true,
        layers: layers(),
        hears: 4,
        sees: 4,
    }
}

fn rid(name: &str) -> Option<String> {
    Some(name.to_owned())
}

#[test]
fn three_people_see_and_hear_each_other() {
    let mut world = World::new();
    for _ in 0..3 {
        world.enter(talker());
    }
    world.run(ms(600));
    assert!(world.people.iter().all(|one| one.client.is_connected()));
    assert!(
        world.people.iter().all(|one| one.publications.len() == 4),
        "sound and picture of both others"
    );
    for (at, others) in [(0, [1, 2]), (1, [0, 2]), (2, [0, 1])] {
        let wanted = others.map(|other| (other, 320, 180, 1));
        world.watch(at, &wanted);
    }
    let since = world.now + ms(700);
    world.run(ms(2_700));
    for (at, others) in [(0, [1, 2]), (1, [0, 2]), (2, [0, 1])] {
        assert_eq!(world.states(at), vec![(DownState::Flows, rid("q")); 2]);
        for other in others {
            let heard = world.got(at, other, Source::Microphone, since).len();
            assert!(
                (97..=101).contains(&heard),
                "{at} heard {heard} packets of {other}"
            );
            let seen = world.got(at, other, Source::Camera, since);
            assert!((48..=52).contains(&seen.iter().filter(|one| one.marker).count()));
        }
        assert_unbroken(&world.people[at].received);
        assert_eq!(
            world.people[at].layers_wanted,
            Some(vec!["q".to_owned()]),
            "nobody wants larger ones"
        );
        assert_eq!(world.people[at].speakers.len(), 3, "all three talk at once");
    }
    let counts = world.sfu.counts();
    assert_eq!((counts.rooms, counts.connections, counts.tracks), (1, 3, 6));
    assert_eq!(
        (counts.strange, counts.lost, counts.kicked, counts.refused),
        (0, 0, 0, 0)
    );
}

#[test]
fn whoever_comes_last_into_a_room_where_nothing_changes_hears_and_sees_all_the_same() {
    let mut world = World::new();
    let ada = world.enter(Part {
        speaks: true,
        layers: layers(),
        ..Part::default()
    });
    world.run(ms(2_000));
    let bob = world.enter(Part {
        hears: 1,
        sees: 1,
        ..Part::default()
    });
    // Said before the connection stands, and not again.
    world.watch(bob, &[(ada, 320, 180, 1)]);
    world.run(ms(1_500));
    let since = world.now;
    world.run(ms(1_000));
    let heard = world.got(bob, ada, Source::Microphone, since).len();
    assert!(heard >= 40, "{heard}");
    assert!(world.got(bob, ada, Source::Camera, since).len() >= 20);
    assert_eq!(world.states(bob), [(DownState::Flows, rid("q"))]);
}

#[test]
fn a_section_can_show_somebody_else_and_every_packet_says_whose_it_is() {
    let mut world = World::new();
    let (ada, bob, eve) = (
        world.enter(talker()),
        world.enter(talker()),
        world.enter(talker()),
    );
    world.run(ms(500));
    world.watch(eve, &[(ada, 320, 180, 1)]);
    world.run(ms(1_500));
    world.watch(eve, &[(bob, 320, 180, 1)]);
    let since = world.now + ms(200);
    world.run(ms(1_500));
    assert!(world.got(eve, ada, Source::Camera, since).is_empty());
    assert!(world.got(eve, bob, Source::Camera, since).len() > 25);
    assert_unbroken(&world.people[eve].received);
}

#[test]
fn who_turns_the_camera_off_is_absent_and_comes_back() {
    let mut world = World::new();
    let (ada, bob) = (world.enter(talker()), world.enter(talker()));
    world.run(ms(500));
    world.watch(bob, &[(ada, 320, 180, 1)]);
    world.run(ms(1_000));
    world.turn(ada, Source::Camera, false);
    world.run(ms(1_000));
    assert_eq!(world.states(bob), [(DownState::Absent, None)]);
    assert!(
        world.people[bob]
            .publications
            .iter()
            .any(|one| one.source == Source::Camera && !one.on)
    );
    world.turn(ada, Source::Camera, true);
    world.run(ms(2_500));
    assert_eq!(world.states(bob), [(DownState::Flows, rid("q"))]);
    assert_unbroken(&world.people[bob].received);
}

#[test]
fn of_many_voices_the_loudest_few_are_heard() {
    let mut world = World::new();
    for _ in 0..6 {
        world.enter(Part {
            speaks: true,
            hears: 2,
            ..Part::default()
        });
    }
    for at in 0..6 {
        world.people[at].voice = Some(if at == 4 || at == 5 { 25 } else { 70 });
    }
    world.run(ms(2_500));
    let since = world.now;
    world.run(ms(1_000));
    assert!(world.got(0, 4, Source::Microphone, since).len() > 45);
    assert!(world.got(0, 5, Source::Microphone, since).len() > 45);
    assert_eq!(world.got(0, 1, Source::Microphone, since).len(), 0);
    // The two hear each other, and one of the quiet ones, for nobody hears themselves.
    assert!(world.got(4, 5, Source::Microphone, since).len() > 45);
    for one in &world.people {
        assert_unbroken(&one.received);
    }
}

#[test]
fn silence_is_not_passed_on_and_speech_after_it_is_at_once() {
    let mut world = World::new();
    let (ada, bob) = (world.enter(talker()), world.enter(talker()));
    world.run(ms(1_000));
    world.people[ada].voice = Some(100);
    world.run(ms(1_500));
    let since = world.now;
    world.run(ms(2_000));
    assert_eq!(world.got(bob, ada, Source::Microphone, since).len(), 0);
    world.people[ada].voice = Some(30);
    let since = world.now;
    world.run(ms(500));
    assert!(world.got(bob, ada, Source::Microphone, since).len() >= 23);
    assert_unbroken(&world.people[bob].received);
}

#[test]
fn a_fresh_connection_takes_over_when_it_stands() {
    let mut world = World::new();
    let (ada, bob) = (world.enter(talker()), world.enter(talker()));
    world.run(ms(500));
    world.watch(bob, &[(ada, 320, 180, 1)]);
    world.run(ms(1_000));
    world.offer(ada);
    let since = world.now + ms(700);
    world.run(ms(2_000));
    assert_eq!(world.people[ada].closed, [(1, SfuClosed::Replaced)]);
    assert!(world.got(bob, ada, Source::Camera, since).len() > 25);
    assert!(world.got(bob, ada, Source::Microphone, since).len() > 55);
    assert_unbroken(&world.people[bob].received);
    assert_eq!(world.sfu.counts().connections, 2);
}

#[test]
fn who_leaves_is_gone_and_the_last_one_takes_the_room_along() {
    let mut world = World::new();
    let (ada, bob) = (world.enter(talker()), world.enter(talker()));
    world.run(ms(700));
    world.ask(ada, Ask::Leave);
    world.run(ms(300));
    assert!(world.people[bob].publications.is_empty());
    let counts = world.sfu.counts();
    assert_eq!((counts.rooms, counts.connections), (1, 1));
    world.ask(bob, Ask::Leave);
    assert_eq!(world.sfu.counts().rooms, 0);
}

#[test]
fn who_vanishes_is_told_so_after_fifteen_seconds() {
    let mut world = World::new();
    let (ada, bob) = (world.enter(talker()), world.enter(talker()));
    world.run(ms(700));
    world.people[ada].way.loss_pct = 100;
    world.run(Duration::from_secs(16));
    assert_eq!(world.people[ada].closed, [(1, SfuClosed::Lost)]);
    assert!(world.people[bob].publications.is_empty());
    assert_eq!(world.people[bob].closed, []);
}
