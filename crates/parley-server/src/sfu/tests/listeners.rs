//! Who only listens: nothing of theirs goes to anybody, what they send all the same is counted, and they are heard once they may speak,
//! over the connection that they have.

use super::world::*;
use crate::load;
use crate::sfu::{Ask, Part};
use parley_proto::{Offence, SfuClosed, Source};
use std::time::Instant;

fn talker() -> load::Part {
    load::Part {
        speaks: true,
        layers: layers(),
        hears: 2,
        sees: 2,
    }
}

/// How many packets of anything came to somebody since then, whosever they are.
fn all(world: &World, at: usize, since: Instant) -> usize {
    let received = world.people[at].received.iter();
    received.filter(|(came, _)| *came >= since).count()
}

/// Two who talk; Bob's part is told as he comes.
fn two(part: Part) -> (World, usize, usize) {
    let mut world = World::new();
    let ada = world.enter(talker());
    let bob = world.people.len();
    world.enter(talker());
    world.ask(bob, Ask::Part(part));
    (world, ada, bob)
}

#[test]
fn a_listener_hears_and_is_not_heard_and_goes_when_they_send_all_the_same() {
    let (mut world, ada, bob) = two(Part::Listens);
    world.run(ms(1_000));
    let since = world.now;
    world.run(ms(1_000));
    assert!(world.got(bob, ada, Source::Microphone, since).len() > 40);
    assert_eq!(all(&world, ada, world.start), 0);
    assert!(
        world.people[ada].publications.is_empty(),
        "nobody is told of what they say they publish"
    );
    assert!(world.people[bob].closed.is_empty(), "a moment of it is forgiven");
    world.run(ms(60_000));
    assert!(world.people[bob].offences[&Offence::Upstream] >= 1_500);
    assert!(!world.people[bob].offences.contains_key(&Offence::Streams));
    assert!(world.people[bob].closed.contains(&(1, SfuClosed::Kicked)));
    assert_eq!(all(&world, ada, world.start), 0);
}

#[test]
fn an_older_clients_sound_is_left_out_and_held_against_nobody() {
    let (mut world, ada, bob) = two(Part::ListensUnaware);
    world.run(ms(60_000));
    assert_eq!(all(&world, ada, world.start), 0);
    assert!(world.people[bob].closed.is_empty() && world.people[bob].offences.is_empty());
    // What they said of their microphone before counts now: an older client says it once.
    let since = world.now;
    world.ask(bob, Ask::Part(Part::Speaks));
    world.run(ms(1_000));
    assert!(world.got(ada, bob, Source::Microphone, since).len() > 20);
}

#[test]
fn who_becomes_a_listener_is_silent_at_once_and_who_may_speak_again_is_heard_over_the_same_connection() {
    let (mut world, ada, bob) = two(Part::Speaks);
    world.run(ms(1_000));
    assert!(world.got(ada, bob, Source::Microphone, world.start).len() > 20);

    world.ask(bob, Ask::Part(Part::Listens));
    world.people[bob].voice = None;
    let silent = world.now + ms(50);
    world.run(ms(2_000));
    assert_eq!(all(&world, ada, silent), 0);
    assert!(
        world.got(bob, ada, Source::Microphone, silent).len() > 80,
        "they hear on"
    );

    world.ask(bob, Ask::Part(Part::Speaks));
    let publish = world.people[bob].publish.clone();
    world.ask(bob, Ask::Publish(publish));
    world.people[bob].voice = Some(30);
    let again = world.now;
    world.run(ms(1_000));
    assert!(world.got(ada, bob, Source::Microphone, again).len() > 20);
    assert!(world.people[bob].closed.is_empty() && world.people[bob].connection == 1);
}

#[test]
fn whoever_may_not_have_heard_yet_is_blamed_after_a_minute_and_not_before() {
    let (mut world, ada, bob) = two(Part::Speaks);
    world.run(ms(1_000));
    world.ask(bob, Ask::Part(Part::ListensUntold));
    let silent = world.now + ms(50);
    world.run(ms(59_000));
    assert_eq!(all(&world, ada, silent), 0);
    assert!(world.people[bob].offences.is_empty() && world.people[bob].closed.is_empty());
    world.run(ms(60_000));
    assert!(world.people[bob].offences.contains_key(&Offence::Upstream));
    assert_eq!(all(&world, ada, silent), 0);
}
