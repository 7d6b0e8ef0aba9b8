//! Somebody who only listens: nothing of theirs is offered or sent, they are let speak and made listeners again without a break in what
//! they hear, and a call of two with one of them goes through the SFU.

use super::groups::enter;
use super::world::World;
use crate::call::CallCommand;
use crate::port::TrackKind;
use crate::snapshot::{CallPhase, RecordingConsent};
use parley_proto::MediaState;

const AUDIO: TrackKind = TrackKind::Audio;
const VIDEO: TrackKind = TrackKind::Video;

/// Two who talk and one who came to listen, all through the SFU.
fn room(seed: u64) -> World {
    let mut world = World::new(seed);
    world.server.groups.on = true;
    world.carries_words = true;
    for _ in 0..2 {
        enter(&mut world);
    }
    world.run_s(5);
    world.server.newcomers_listen = true;
    enter(&mut world);
    world.run_s(5);
    world
}

fn hears(world: &World, party: usize, other: usize) -> bool {
    let has = |kind| world.parties[party].has(world.id(other), kind) == Some(true);
    has(AUDIO) && has(VIDEO)
}

fn let_speak(world: &mut World, whom: usize, speak: bool) {
    let id = world.id(whom);
    world.command(0, CallCommand::SetListens { id, listens: !speak });
}

fn offers(world: &World, party: usize) -> u32 {
    world.server.groups.places[&world.id(party)].offers
}

#[test]
fn a_listener_hears_and_sees_all_and_sends_nothing_though_their_devices_are_on() {
    let world = room(300);
    assert!(hears(&world, 2, 0) && hears(&world, 2, 1));
    assert!(hears(&world, 0, 1) && hears(&world, 1, 0));
    assert!([0, 1].iter().all(|party| !hears(&world, *party, 2)));
    assert_eq!(
        world.parties[2].sfu.own, None,
        "a connection with nothing to send"
    );
    assert!(world.server.groups.places[&world.id(2)].publish.is_empty());

    let snapshot = world.snapshot(2);
    assert!(snapshot.listens && snapshot.phase == CallPhase::Connected);
    assert!(snapshot.people.iter().all(|person| !person.listens));
    let seen = world.snapshot(0).people[1].clone();
    assert!(seen.listens && seen.media_told && !seen.media.microphone_on && !seen.media.camera_on);
    assert_eq!(world.parties[2].peer.opened, 0, "nobody is met directly");
}

#[test]
fn who_is_let_speak_is_heard_and_hears_on_over_the_same_connection() {
    let mut world = room(301);
    let connection = world.parties[2].sfu.connection;
    let_speak(&mut world, 2, true);
    for _ in 0..3_000 {
        world.run_ms(1);
        assert!(hears(&world, 2, 0) && hears(&world, 2, 1), "without a break");
    }
    assert!(hears(&world, 0, 2) && hears(&world, 1, 2));
    assert_eq!(world.parties[2].sfu.own, Some(true));
    assert!(!world.snapshot(2).listens);
    assert!(world.snapshot(0).people.iter().all(|person| !person.listens));

    let before = offers(&world, 2);
    let_speak(&mut world, 2, false);
    world.run_ms(500);
    assert_eq!(world.parties[2].sfu.own, Some(false), "nothing goes any more");
    assert!(!hears(&world, 0, 2) && hears(&world, 2, 0));
    let_speak(&mut world, 2, true);
    world.run_s(2);
    assert!(hears(&world, 0, 2));
    assert_eq!(offers(&world, 2), before, "their sections are there already");
    assert_eq!(world.parties[2].sfu.connection, connection);
    assert!(world.parties[2].sfu.failures.is_empty());
}

#[test]
fn a_listener_whose_connection_breaks_makes_one_with_nothing_to_send() {
    let mut world = room(302);
    let_speak(&mut world, 2, true);
    world.run_s(2);
    let_speak(&mut world, 2, false);
    world.run_s(1);
    world.restart_sfu();
    world.run_s(5);
    assert!(hears(&world, 2, 0));
    assert_eq!(world.parties[2].sfu.own, None);
}

#[test]
fn who_wanted_only_to_listen_and_was_let_speak_comes_back_as_one_who_may_speak() {
    let mut world = World::new(308);
    world.server.groups.on = true;
    world.carries_words = true;
    enter(&mut world);
    enter(&mut world);
    world.run_s(5);
    world.server.newcomers_listen = true;
    world.newcomers_only_listen = true;
    enter(&mut world);
    world.run_s(5);
    let says = |world: &World| world.server.only_listens[&2];
    assert!(says(&world));
    world.break_signaling(2);
    world.run_s(10);
    assert!(says(&world), "nobody let them speak yet");
    let_speak(&mut world, 1, true);
    let_speak(&mut world, 2, true);
    world.run_s(1);
    world.break_signaling(2);
    world.run_s(10);
    assert!(!says(&world));
    // They asked for it once: what a host decides since is the server's to remember.
    let_speak(&mut world, 2, false);
    world.run_s(1);
    world.break_signaling(2);
    world.run_s(10);
    assert!(!says(&world) && world.snapshot(2).listens);
}

#[test]
fn two_of_whom_one_listens_go_through_the_sfu_until_both_may_speak() {
    let mut world = World::new(303);
    world.server.groups.on = true;
    world.server.newcomers_listen = true;
    world.carries_words = true;
    enter(&mut world);
    enter(&mut world);
    world.run_s(5);
    assert!(hears(&world, 1, 0) && !hears(&world, 0, 1));
    assert_eq!(world.snapshot(0).phase, CallPhase::Connected);
    world.run_s(10);
    assert!(
        world.snapshot(1).group.is_some(),
        "as long as one of them listens"
    );

    let_speak(&mut world, 1, true);
    world.run_s(8);
    world.expect_media();
    assert!(world.snapshot(1).group.is_none());
    // And a listener again.
    let_speak(&mut world, 1, false);
    world.run_s(5);
    assert!(hears(&world, 1, 0));
    assert_eq!(world.parties[0].has(world.id(1), AUDIO), None);
    assert!(!world.parties[0].peer.open && !world.parties[1].peer.open);
}

#[test]
fn hands_of_listeners_are_seen_and_they_are_not_asked_whether_they_may_be_recorded() {
    let mut world = room(304);
    world.command(2, CallCommand::RaiseHand(true));
    world.command(1, CallCommand::AllowRecording(true));
    world.command(0, CallCommand::Record(true));
    world.run_s(2);
    assert!(world.snapshot(0).people[1].hand_raised && world.snapshot(1).people[1].hand_raised);
    assert_eq!(world.snapshot(0).recording, RecordingConsent::Agreed);
    // Who may speak is asked like a newcomer, and did not agree.
    let_speak(&mut world, 2, true);
    world.run_s(2);
    assert!(matches!(
        world.snapshot(0).recording,
        RecordingConsent::Refused(_)
    ));
}

#[test]
fn listeners_do_not_tell_each_other_what_of_theirs_is_on() {
    let mut world = room(305);
    enter(&mut world);
    world.run_s(5);
    let first = world.snapshot(3).people[2].clone();
    assert!(first.listens && !first.media_told && first.media == MediaState::default());
    let newcomer = |world: &World| world.snapshot(2).people[2].clone();
    assert!(newcomer(&world).listens && !newcomer(&world).media_told);
    for speaker in [0, 1] {
        let people = world.snapshot(speaker).people;
        assert!(people.iter().all(|person| person.media_told), "{speaker}");
    }
    assert!(
        world.snapshot(3).people[..2]
            .iter()
            .all(|person| person.media_told)
    );
    let_speak(&mut world, 2, true);
    world.run_s(3);
    let first = world.snapshot(3).people[2].clone();
    assert!(
        first.media_told && first.media.microphone_on,
        "told once they may speak"
    );
    assert!(hears(&world, 3, 2));
}
