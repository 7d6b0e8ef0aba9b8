//! What comes, and what that says about the path before ICE knows.

use super::world::World;
use crate::port::{Inflow, PeerEventKind};
use crate::session::NetworkChange;
use crate::snapshot::CallPhase;
use parley_proto::{ControlMessage, MediaState};

const ALL: Inflow = Inflow {
    audio: true,
    video: true,
    anything: true,
    lull: false,
    lossy: false,
};
const NOTHING: Inflow = Inflow {
    audio: false,
    video: false,
    anything: false,
    lull: true,
    lossy: false,
};

/// Party 0 of a pair whose other side says what its devices do.
fn told(microphone_on: bool, camera_on: bool) -> World {
    let mut world = World::connected_pair(60);
    let media = MediaState {
        microphone_on,
        camera_on,
        ..MediaState::default()
    };
    world.hears(0, ControlMessage::MediaState(media));
    world
}

fn comes(world: &mut World, inflow: Inflow) -> (CallPhase, bool) {
    world.peer_tells(0, PeerEventKind::Inflow(inflow));
    (world.phase(0), world.snapshot(0).people[0].stalled)
}

#[test]
fn when_nothing_comes_that_should_the_call_is_reconnecting_before_ice_says_so() {
    for (microphone, camera) in [(true, true), (true, false), (false, true)] {
        let mut world = told(microphone, camera);
        assert_eq!(comes(&mut world, NOTHING), (CallPhase::Reconnecting, true));
        assert_eq!(comes(&mut world, ALL), (CallPhase::Connected, false));
        world.run_s(60);
        world.expect_media();
        let counters = world.parties[0].session.counters();
        assert_eq!(
            (
                counters.stalls,
                counters.ice_restarts,
                counters.connections_opened
            ),
            (1, 0, 1),
            "seen, and nothing done about it"
        );
    }
}

#[test]
fn one_track_that_stops_is_told_and_the_call_goes_on() {
    let silent = Inflow { audio: false, ..ALL };
    let dark = Inflow { video: false, ..ALL };
    for (microphone, camera, inflow, stalled) in [
        (true, true, silent, true),
        (true, true, dark, true),
        (false, true, silent, false),
        (true, false, dark, false),
    ] {
        let mut world = told(microphone, camera);
        assert_eq!(
            comes(&mut world, inflow),
            (CallPhase::Connected, stalled),
            "{microphone} {camera} {inflow:?}"
        );
    }
}

#[test]
fn somebody_who_has_everything_off_may_be_silent() {
    let mut world = told(false, false);
    assert_eq!(comes(&mut world, NOTHING), (CallPhase::Connected, false));
}

#[test]
fn a_fresh_connection_begins_without_a_stall() {
    let mut world = told(true, true);
    comes(&mut world, NOTHING);
    world.set_path(false);
    world.run_s(14);
    world.set_path(true);
    world.run_s(12);
    world.expect_media();
    assert_eq!(world.phase(0), CallPhase::Connected);
}

/// The address in use is gone, and there is another.
const MOVED: NetworkChange = NetworkChange {
    in_use: false,
    reaches_others: true,
    has_more: true,
    better: true,
};
const LULL: Inflow = Inflow { lull: true, ..ALL };

#[test]
fn half_a_second_of_nothing_by_itself_means_nothing() {
    let mut world = told(true, false);
    world.peer_tells(0, PeerEventKind::Inflow(LULL));
    world.run_s(2);
    assert_eq!(world.phase(0), CallPhase::Connected);
    assert_eq!(world.parties[0].session.counters().connections_opened, 1);
}

#[test]
fn whoever_moved_is_met_beside_what_there_is_and_nobody_waits_until_nothing_comes() {
    for (microphone, camera) in [(true, false), (false, false)] {
        let mut world = told(microphone, camera);
        world.peer_tells(1, PeerEventKind::NetworkChanged(MOVED));
        world.run_ms(700);
        world.expect_media();
        assert_eq!([0, 1].map(|party| world.parties[party].peer.opened), [2, 2]);
        assert_eq!(world.parties[0].peer.opened_beside, 1);
        assert_eq!([0, 1].map(|party| world.phase(party)), [CallPhase::Connected; 2]);
    }
}
