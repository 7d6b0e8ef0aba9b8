//! Two become three and two again: nobody misses anybody, whatever of it breaks.

mod hostile;
mod spotlights;

use super::world::World;
use crate::call::CallCommand;
use crate::config::VideoLimits;
use crate::port::TrackKind;
use crate::session::Input;
use crate::sfu_port::{Look, SfuEvent, SfuEventKind};
use crate::snapshot::{CallPhase, RecordingConsent, RecordingRefusal, Spotlight};
use parley_proto::{
    DownState, MediaState, ParticipantId, Publication, Reaction, ServerMessage, SfuClosed, Source,
    TopologyMode,
};
use proptest::prelude::*;
use serde_json::json;

const AUDIO: TrackKind = TrackKind::Audio;
const VIDEO: TrackKind = TrackKind::Video;

fn talks() -> MediaState {
    MediaState {
        microphone_on: true,
        camera_on: true,
        ..MediaState::default()
    }
}

/// Two people with everything on, whose server has an SFU.
fn pair(seed: u64) -> World {
    pair_in(World::new(seed))
}

fn pair_in(mut world: World) -> World {
    world.server.groups.on = true;
    world.carries_words = true;
    for _ in 0..2 {
        enter(&mut world);
    }
    world.run_s(5);
    world.expect_media();
    world
}

/// One more comes in, with everything on.
pub(super) fn enter(world: &mut World) -> usize {
    let secret = (!world.parties.is_empty()).then_some([3; 16]);
    let party = world.arrive(secret);
    world.command(party, CallCommand::SetMediaState(talks()));
    world.run_ms(100);
    world.command(party, CallCommand::Enter);
    party
}

/// Three in a group, all of whose media goes through the SFU.
pub(super) fn group(seed: u64) -> World {
    let mut world = pair(seed);
    enter(&mut world);
    world.run_s(5);
    expect_group(&world, &[0, 1, 2]);
    world
}

/// Whether each of them has sound and picture of all the others, and by which way.
fn all_by(world: &World, parties: &[usize], by_sfu: bool) -> bool {
    let has =
        |party: usize, other: usize, kind| world.parties[party].has(world.id(other), kind) == Some(by_sfu);
    let pairs = parties
        .iter()
        .flat_map(|party| parties.iter().map(move |other| (*party, *other)));
    pairs
        .filter(|(party, other)| party != other)
        .all(|(party, other)| has(party, other, AUDIO) && has(party, other, VIDEO))
}

fn expect_group(world: &World, parties: &[usize]) {
    assert!(all_by(world, parties, true), "{:#?}", world.parties);
    for party in parties {
        let snapshot = world.snapshot(*party);
        assert_eq!(snapshot.phase, CallPhase::Connected);
        assert_eq!(snapshot.people.len(), parties.len() - 1);
        assert!(snapshot.group.is_some_and(|group| group.up));
        assert!(!world.parties[*party].peer.open, "the direct way is left");
        assert_eq!(world.parties[*party].sfu.failures, [""; 0]);
    }
}

/// Lets time pass in which two hear each other without a gap: by the SFU, or over the direct way that is still there.
fn run_without_gap(world: &mut World, ms: u64, two: [usize; 2]) {
    for _ in 0..ms {
        world.run_ms(1);
        for (party, other) in [(two[0], two[1]), (two[1], two[0])] {
            let heard = world.parties[party].has(world.id(other), AUDIO);
            let open = |party: usize| world.parties[party].peer.open;
            match heard {
                Some(true) => assert!(world.parties[party].sfu.stands.is_some()),
                Some(false) => assert!(open(party) && open(other), "heard over a way that is gone"),
                None => panic!("{party} misses {other}"),
            }
        }
    }
}

#[test]
fn the_third_makes_it_a_group_and_the_two_never_miss_each_other() {
    let mut world = pair(80);
    enter(&mut world);
    run_without_gap(&mut world, 4_000, [0, 1]);
    expect_group(&world, &[0, 1, 2]);
    assert_eq!(
        world.parties[2].peer.opened, 0,
        "a newcomer is met by nobody directly"
    );
    assert!(world.parties[..2].iter().all(|party| party.peer.opened == 1));
    let proven = |party: usize| -> Vec<bool> {
        let people = world.snapshot(party).people;
        people.iter().map(|person| person.proven).collect()
    };
    assert_eq!(
        [0, 1, 2].map(proven),
        [vec![true, false], vec![true, false], vec![false, false]]
    );
    let told = world.snapshot(2).people.iter().all(|person| person.media_told);
    assert!(told, "a newcomer is told what the others' devices do");
}

#[test]
fn two_who_are_left_talk_directly_again_without_a_gap() {
    let mut world = group(81);
    world.command(2, CallCommand::Leave);
    run_without_gap(&mut world, 10_000, [0, 1]);
    assert!(all_by(&world, &[0, 1], false));
    for party in [0, 1] {
        let snapshot = world.snapshot(party);
        assert_eq!((snapshot.phase, snapshot.people.len()), (CallPhase::Connected, 1));
        assert!(snapshot.group.is_none() && snapshot.people[0].proven);
        assert_eq!(world.parties[party].sfu.closed, 1);
    }
    assert!(world.server.groups.places.is_empty());
    // It is a call of two in every respect.
    world.command(0, CallCommand::Leave);
    world.run_s(2);
    assert!(world.ended(1).is_some());
}

#[test]
fn it_grows_and_shrinks_as_often_as_people_like() {
    let mut world = pair(82);
    for _ in 0..4 {
        let third = enter(&mut world);
        run_without_gap(&mut world, 3_000, [0, 1]);
        expect_group(&world, &[0, 1, third]);
        world.command(third, CallCommand::Leave);
        run_without_gap(&mut world, 8_000, [0, 1]);
        assert!(all_by(&world, &[0, 1], false));
    }
}

#[test]
fn a_third_one_who_only_looks_in_leaves_the_direct_way_as_it_was() {
    let mut world = pair(83);
    for party in 0..3 {
        if party == 2 {
            enter(&mut world);
        }
        world.set_sfu_reach(party, false);
    }
    run_without_gap(&mut world, 2_000, [0, 1]);
    world.command(2, CallCommand::Leave);
    run_without_gap(&mut world, 8_000, [0, 1]);
    assert!(all_by(&world, &[0, 1], false));
    assert!(world.parties[..2].iter().all(|party| party.peer.opened == 1));
    assert!(world.snapshot(0).group.is_none());
}

#[test]
fn a_third_one_while_the_two_go_back_finds_the_sfu_still_there() {
    let mut world = group(84);
    world.command(2, CallCommand::Leave);
    world.set_path(false);
    run_without_gap(&mut world, 10_000, [0, 1]);
    assert!(
        world.parties[0].peer.open,
        "they try to reach each other, and cannot"
    );
    assert_eq!(world.phase(0), CallPhase::Connected);
    let connections = [0, 1].map(|party| world.parties[party].sfu.connection);
    let fourth = enter(&mut world);
    run_without_gap(&mut world, 5_000, [0, 1]);
    expect_group(&world, &[0, 1, fourth]);
    assert_eq!(
        [0, 1].map(|party| world.parties[party].sfu.connection),
        connections
    );
}

#[test]
fn whoever_cannot_reach_the_sfu_is_heard_directly_for_as_long_as_that_lasts() {
    let mut world = pair(85);
    world.set_sfu_reach(1, false);
    enter(&mut world);
    run_without_gap(&mut world, 60_000, [0, 1]);
    assert!(all_by(&world, &[0, 1], false));
    assert!(all_by(&world, &[0, 2], true));
    assert_eq!(world.phase(1), CallPhase::Connected);
    let tried = world.parties[1].session.counters().sfu_connections_opened;
    assert!(
        (4..=9).contains(&tried),
        "tried again, and not too often: {tried}"
    );
    world.set_sfu_reach(1, true);
    run_without_gap(&mut world, 15_000, [0, 1]);
    expect_group(&world, &[0, 1, 2]);
}

#[test]
fn after_a_restart_of_the_sfu_everybody_is_back_in_five_seconds() {
    let mut world = group(86);
    world.restart_sfu();
    assert_eq!(world.phase(0), CallPhase::Reconnecting);
    world.run_s(5);
    expect_group(&world, &[0, 1, 2]);
    assert_eq!(world.parties[0].session.counters().sfu_losses, 1);
}

#[test]
fn whatever_the_sfu_says_at_the_end_of_a_connection_another_is_made() {
    for reason in [
        SfuClosed::Lost,
        SfuClosed::Full,
        SfuClosed::Refused,
        SfuClosed::Kicked,
    ] {
        let mut world = group(87);
        let connection = world.parties[0].sfu.connection;
        let closed = ServerMessage::SfuClosed { connection, reason };
        world.server_says(0, serde_json::to_string(&closed).unwrap());
        world.run_ms(900);
        let again = world.parties[0].sfu.connection > connection;
        assert_eq!(
            again,
            reason == SfuClosed::Lost,
            "{reason:?}: at once, or a moment later"
        );
        world.run_s(4);
        expect_group(&world, &[0, 1, 2]);
    }
}

#[test]
fn an_offer_that_nobody_answers_is_made_again_ever_more_rarely() {
    let mut world = pair(88);
    world.server.groups.mute = true;
    enter(&mut world);
    world.run_s(4);
    assert_eq!(world.parties[0].sfu.connection, 1);
    world.run_s(60);
    assert!((6..=12).contains(&world.parties[0].sfu.connection));
    assert!(
        all_by(&world, &[0, 1], false),
        "the two have each other all the while"
    );
    world.server.groups.mute = false;
    world.run_s(12);
    expect_group(&world, &[0, 1, 2]);
}

#[test]
fn whoever_loses_the_server_for_a_while_hears_on_and_misses_no_word_afterwards() {
    let mut world = group(89);
    world.break_signaling(1);
    for _ in 0..4_000 {
        world.run_ms(1);
        assert!(world.parties[1].has(world.id(0), AUDIO).is_some());
        if world.parties[1].session.counters().resumes == 0 {
            world.command(0, CallCommand::RaiseHand(true));
        }
    }
    expect_group(&world, &[0, 1, 2]);
    assert_eq!(
        world.parties[1].sfu.connection, 2,
        "what was not told is told to a fresh one"
    );
    let hand = |party: usize| world.snapshot(party).people[0].hand_raised;
    assert!(hand(1) && hand(2));
}

#[test]
fn whoever_is_on_another_network_comes_back_to_the_server_long_before_that_is_known_to_be_lost() {
    let mut world = group(105);
    world.parties[1].cut_off = true;
    world.set_sfu_reach(1, false);
    world.run_ms(5_500);
    world.parties[1].cut_off = false;
    world.set_sfu_reach(1, true);
    world.run_s(4);
    assert_eq!(world.parties[1].session.counters().resumes, 1);
    expect_group(&world, &[0, 1, 2]);
}

/// It is away for two seconds and knows nothing afterwards; in the end the three are a group again.
fn restart_the_whole_server(world: &mut World) {
    world.stop_server();
    world.run_s(2);
    world.restart_sfu();
    world.start_server(false);
    world.server.groups.on = true;
    world.run_s(30);
    expect_group(world, &[0, 1, 2]);
}

#[test]
fn after_a_restart_of_the_whole_server_the_group_is_one_again() {
    restart_the_whole_server(&mut group(90));
}

#[test]
fn the_last_one_of_a_group_waits_for_others() {
    let mut world = group(91);
    world.command(1, CallCommand::Leave);
    world.run_ms(500);
    world.command(2, CallCommand::Leave);
    world.run_s(5);
    let snapshot = world.snapshot(0);
    assert_eq!((snapshot.phase, snapshot.ended), (CallPhase::Waiting, None));
    assert_eq!((world.parties[0].tracks, world.parties[0].sfu.closed), (0, 1));
    let next = enter(&mut world);
    world.run_s(5);
    assert_eq!(world.phase(0), CallPhase::Connected);
    assert!(all_by(&world, &[0, next], false));
}

#[test]
fn everybody_is_shown_hands_reactions_and_devices_and_so_are_newcomers() {
    let mut world = group(92);
    world.command(0, CallCommand::RaiseHand(true));
    world.command(0, CallCommand::React(Reaction::Heart));
    let muted = MediaState {
        microphone_on: false,
        ..talks()
    };
    world.command(0, CallCommand::SetMediaState(muted));
    let fourth = enter(&mut world);
    world.run_s(3);
    for party in [1, 2, fourth] {
        let person = world.snapshot(party).people[0].clone();
        assert!(person.hand_raised && person.media_told);
        assert!(!person.media.microphone_on && person.media.camera_on);
    }
    let reactions = [1, 2, fourth].map(|party| world.parties[party].reactions.len());
    assert_eq!(reactions, [1, 1, 0], "what was for then is not said later");
    assert_eq!(
        world.parties[1].has(world.id(0), AUDIO),
        None,
        "what is off is not forwarded"
    );
}

#[test]
fn nobody_is_recorded_who_does_not_agree_and_a_newcomer_is_asked_too() {
    let mut world = group(93);
    let recording = |world: &World| world.snapshot(0).recording;
    world.command(1, CallCommand::AllowRecording(true));
    world.command(0, CallCommand::Record(true));
    assert_eq!(recording(&world), RecordingConsent::Asking);
    world.run_s(1);
    let no = RecordingConsent::Refused(RecordingRefusal::SaidNo);
    assert_eq!(recording(&world), no, "one who says no is enough");
    world.command(2, CallCommand::AllowRecording(true));
    world.command(0, CallCommand::Record(false));
    world.command(0, CallCommand::Record(true));
    world.run_s(1);
    assert_eq!(recording(&world), RecordingConsent::Agreed);
    assert!(
        [1, 2]
            .iter()
            .all(|party| world.snapshot(*party).people[0].recording)
    );
    enter(&mut world);
    world.run_s(2);
    assert_eq!(
        recording(&world),
        no,
        "the newcomer was asked, and said nothing of it yet"
    );
}

#[test]
fn what_is_written_arrives_once_and_in_order_through_all_of_it() {
    let mut world = pair(94);
    assert!(
        world.parties[0].lanes.is_empty(),
        "two write to each other directly"
    );
    enter(&mut world);
    world.run_s(1);
    for n in 0..30 {
        world.frame(0, 1, &format!("{n}"));
        world.frame(0, 2, &format!("{n}"));
        world.run_ms(120);
    }
    world.run_s(1);
    let ada = world.id(0);
    let expect: Vec<String> = (0..30).map(|n| n.to_string()).collect();
    for party in [1, 2] {
        let frames = &world.parties[party].frames;
        assert!(frames.iter().all(|(from, _)| *from == ada));
        let frames: Vec<_> = frames
            .iter()
            .map(|(_, frame)| String::from_utf8_lossy(frame).into_owned())
            .collect();
        assert_eq!(frames, expect);
    }
    world.command(2, CallCommand::Leave);
    world.run_s(1);
    assert_eq!(
        world.parties[0].lanes,
        [world.id(1)],
        "who left is written to no more"
    );
}

#[test]
fn a_lane_takes_no_more_than_a_server_passes_on() {
    let mut world = group(95);
    world.run_s(10);
    let said = world.server.groups.told;
    let mut gone = 0;
    for _ in 0..10_000 {
        let takes_at = world.parties[0].session.takes_frame_at(world.now());
        if takes_at.is_some_and(|at| at <= world.now()) {
            world.frame(0, 1, "{}");
            gone += 1;
        }
        world.run_ms(1);
    }
    world.run_ms(50);
    assert!((200..=260).contains(&gone), "{gone} in ten seconds");
    assert_eq!(world.server.groups.told - said, gone);
}

#[test]
fn a_screen_is_shown_to_all_and_its_sound_is_heard() {
    let mut world = group(96);
    let shares = MediaState {
        screen_on: true,
        ..talks()
    };
    world.command(0, CallCommand::SetMediaState(shares));
    world.run_s(2);
    assert_eq!(world.parties[0].sfu.screens, [false]);
    for party in [1, 2] {
        assert_eq!(
            world.parties[party].has(world.id(0), TrackKind::Screen),
            Some(true)
        );
    }
    // A fresh connection has it from the start.
    world.restart_sfu();
    world.run_s(5);
    expect_group(&world, &[0, 1, 2]);
    assert_eq!(world.parties[0].sfu.screens, [false, false]);
    assert_eq!(world.parties[2].has(world.id(0), TrackKind::Screen), Some(true));
}

fn look(participant: ParticipantId, priority: u8) -> Look {
    Look {
        participant,
        kind: VIDEO,
        width: 320,
        height: 180,
        priority,
    }
}

#[test]
fn only_what_is_looked_at_comes() {
    let mut world = group(97);
    let (ben, eve) = (world.id(1), world.id(2));
    world.command(0, CallCommand::Look(vec![look(eve, 3)]));
    world.run_s(1);
    assert_eq!(world.parties[0].has(ben, VIDEO), None);
    assert_eq!(
        world.parties[0].has(ben, AUDIO),
        Some(true),
        "voices need no wish"
    );
    assert_eq!(world.parties[0].has(eve, VIDEO), Some(true));
    let downs = world.snapshot(0).group.unwrap().downs;
    assert_eq!(downs.len(), 1);
    assert_eq!((downs[0].participant, downs[0].state), (eve, DownState::Flows));
    let lists = |world: &World| world.server.groups.places[&world.id(0)].lists;
    let before = lists(&world);
    for n in 0..300u32 {
        world.command(0, CallCommand::Look(vec![look(eve, (n % 4) as u8)]));
        world.run_ms(10);
    }
    assert!(
        (20..=32).contains(&(lists(&world) - before)),
        "ten a second at most"
    );
}

#[test]
fn a_picture_that_stops_is_asked_for_anew_once_and_shown_as_stalled() {
    let mut world = group(98);
    let ben = world.id(1);
    let flow = |world: &mut World, comes| {
        let event = SfuEvent {
            connection: world.parties[0].sfu.connection,
            kind: SfuEventKind::Flow {
                participant: ben,
                kind: VIDEO,
                comes,
            },
        };
        world.tell(0, Input::Sfu(event));
    };
    let lists = |world: &World| world.server.groups.places[&world.id(0)].lists;
    let before = lists(&world);
    flow(&mut world, false);
    assert!(world.snapshot(0).people[0].stalled);
    // The section is let go for a moment, and the server carries nothing in it: it is told as ended in this world.
    world.run_ms(2_500);
    assert_eq!(lists(&world) - before, 2, "without it, and with it again");
    world.run_s(1);
    assert!(!world.snapshot(0).people[0].stalled);
    expect_group(&world, &[0, 1, 2]);
}

#[test]
fn pictures_that_the_server_says_flow_and_that_never_came_are_asked_for_anew() {
    let mut world = group(101);
    let (me, ben) = (world.id(0), world.id(1));
    let lists = world.server.groups.places[&me].lists;
    // Without them, and with them again.
    world.server.groups.dark_until = Some((me, lists + 2));
    world.run_ms(1_500);
    assert_eq!(world.parties[0].has(ben, VIDEO), None);
    assert!(!world.snapshot(0).people[0].stalled, "what begins takes a moment");
    world.run_ms(2_500);
    expect_group(&world, &[0, 1, 2]);
    assert!(world.snapshot(0).people.iter().all(|person| !person.stalled));
}

#[test]
fn limits_and_watched_layers_reach_the_driver() {
    let mut world = group(99);
    let limits = VideoLimits::default();
    world.command(0, CallCommand::Limit(limits));
    let wanted = json!({"type": "layers_wanted", "source": "camera", "rids": ["q", "f", "x".repeat(100), "a", "b", "c"]});
    world.server_says(0, wanted.to_string());
    world.run_ms(100);
    let sfu = &world.parties[0].sfu;
    assert_eq!(sfu.limits, Some(limits));
    let rids = ["q", "f", "a"].map(String::from).to_vec();
    assert_eq!(sfu.layers_wanted.last(), Some(&(Source::Camera, rids)));
}

#[test]
fn a_room_of_two_is_full_without_an_sfu() {
    let mut world = World::talking_pair(100);
    let third = world.arrive(Some([3; 16]));
    world.command(third, CallCommand::Enter);
    world.run_s(3);
    assert!(world.ended(third).is_some());
    assert_eq!(world.snapshot(0).people.len(), 1);
    assert_eq!(world.phase(0), CallPhase::Connected);
}

#[test]
fn a_third_of_whom_the_server_only_says_that_they_are_there_changes_nothing() {
    let mut world = pair(101);
    let stranger = ParticipantId::from_bytes([0xee; 16]);
    let participant = json!({"id": stranger, "name": "Eve", "role": "guest", "order": 90});
    world.server_says(
        0,
        json!({"type": "participant_joined", "participant": participant}).to_string(),
    );
    run_without_gap(&mut world, 3_000, [0, 1]);
    assert_eq!(world.snapshot(0).people.len(), 1);
    assert_eq!(world.parties[0].peer.opened, 1);
}
