//! Connections that break: to the server, to the other side, and both.

use super::world::World;
use crate::call::CallCommand;
use crate::end::{EndReason, SignalingFault};
use crate::port::{ConnectionPhase, Inflow, PeerEventKind};
use crate::session::NetworkChange;
use crate::snapshot::{CallPhase, SignalingPhase};

#[test]
fn media_goes_on_while_the_server_is_away_and_signaling_resumes() {
    for new_keys in [false, true] {
        let mut world = World::connected_pair(20);
        let me = world.snapshot(0).me;
        world.stop_server();
        for _ in 0..20 {
            world.run_s(1);
            world.expect_media();
            assert_eq!(world.snapshot(0).signaling, SignalingPhase::Reconnecting);
            assert_eq!(world.phase(0), CallPhase::Connected);
        }
        world.start_server(new_keys);
        world.run_s(30);
        world.expect_media();
        assert_eq!(world.snapshot(0).signaling, SignalingPhase::Connected);
        let counters = world.parties[0].session.counters();
        if new_keys {
            assert_ne!(world.snapshot(0).me, me, "let in as somebody new");
            assert_eq!(counters.rejoins, 1);
        } else {
            assert_eq!(world.snapshot(0).me, me);
            assert!(
                world.parties.iter().all(|party| party.peer.opened == 1),
                "the connection stayed"
            );
            assert_eq!(counters.resumes, 1);
        }
    }
}

#[test]
fn signaling_may_break_at_any_moment_of_setting_up() {
    for victim in [0, 1] {
        for ms in (0..160).step_by(3) {
            let mut world = World::pair(21);
            world.run_ms(ms);
            world.break_signaling(victim);
            // In the worst case the server keeps the place of a former self for a minute.
            for _ in 0..90 {
                world.run_s(1);
            }
            assert!(
                world.media_flows(),
                "{victim} broken after {ms} ms: {:#?}",
                world.parties
            );
            assert_eq!(world.phase(0), CallPhase::Connected, "{ms}");
            assert_eq!(world.phase(1), CallPhase::Connected, "{ms}");
        }
    }
}

#[test]
fn a_path_that_is_gone_for_a_moment_is_waited_for() {
    let mut world = World::connected_pair(22);
    world.set_path(false);
    world.run_ms(1_900);
    world.set_path(true);
    world.run_s(5);
    world.expect_media();
    assert!(
        world
            .parties
            .iter()
            .all(|party| party.peer.opened == 1 && party.peer.ice_restarts == 0)
    );
}

#[test]
fn a_path_that_stays_away_longer_gets_one_ice_restart_by_one_side() {
    let mut world = World::connected_pair(23);
    world.set_path(false);
    world.run_ms(2_500);
    assert_eq!(world.phase(0), CallPhase::Reconnecting);
    world.run_ms(1_500);
    world.set_path(true);
    world.run_s(5);
    world.expect_media();
    assert_eq!(world.phase(0), CallPhase::Connected);
    let restarts: Vec<u32> = world
        .parties
        .iter()
        .map(|party| party.peer.ice_restarts)
        .collect();
    assert_eq!(restarts, [0, 1], "the newcomer mends it");
    assert!(world.parties.iter().all(|party| party.peer.opened == 1));
}

#[test]
fn a_fresh_connection_follows_when_an_ice_restart_does_not_help() {
    let mut world = World::connected_pair(24);
    world.set_path(false);
    world.run_s(14);
    world.set_path(true);
    world.run_s(12);
    world.expect_media();
    assert!(world.parties.iter().all(|party| party.peer.opened >= 2));
    assert!(
        world.parties.iter().all(|party| party.tracks == 2),
        "old tracks ended, new ones began"
    );
}

#[test]
fn whoever_moves_to_another_network_takes_a_fresh_connection_and_the_other_follows() {
    for mover in [0, 1] {
        let mut world = World::connected_pair(24);
        let before = [0, 1].map(|party| world.parties[party].peer.generation);
        world.parties[mover].peer.moved = true;
        world.set_path(false);
        world.run_s(4);
        world.set_path(true);
        world.run_s(6);
        world.expect_media();
        for party in [0, 1] {
            let peer = &world.parties[party].peer;
            assert_eq!(world.phase(party), CallPhase::Connected, "{mover}");
            assert_eq!(peer.opened, 2, "{mover}: one fresh connection each");
            assert!(peer.generation > before[party]);
            assert_eq!(world.parties[party].tracks, 2, "old tracks ended, new ones began");
        }
    }
}

#[test]
fn a_fresh_connection_of_the_other_side_is_followed_once_media_has_stopped() {
    let mut world = World::connected_pair(24);
    // One side alone gives its connection up, as after a sleep: the other hears of it before its own ICE knows.
    world.peer_tells(1, PeerEventKind::Connection(ConnectionPhase::Failed));
    world.parties[1].peer.moved = true;
    world.run_s(3);
    world.run_s(6);
    world.expect_media();
    assert_eq!([0, 1].map(|party| world.parties[party].peer.opened), [2, 2]);
    assert_eq!([0, 1].map(|party| world.phase(party)), [CallPhase::Connected; 2]);
}

#[test]
fn data_channels_that_stand_still_after_an_outage_get_one_fresh_connection() {
    for who in [vec![0], vec![1], vec![0, 1]] {
        let mut world = World::connected_pair(24);
        for party in &who {
            world.peer_tells(*party, PeerEventKind::LanesStuck);
        }
        world.run_s(9);
        world.expect_media();
        for party in [0, 1] {
            assert_eq!(world.phase(party), CallPhase::Connected, "{who:?}");
            assert_eq!(
                world.parties[party].peer.opened, 2,
                "{who:?}: one fresh connection each"
            );
        }
    }
}

/// The address in use is gone, and there is another.
const MOVED: NetworkChange = NetworkChange {
    in_use: false,
    reaches_others: true,
    has_more: true,
    better: true,
};
/// The address in use is gone, and there is no other.
const STRANDED: NetworkChange = NetworkChange {
    in_use: false,
    reaches_others: false,
    has_more: false,
    better: false,
};

/// Another network came beside the one in use.
const BESIDE: NetworkChange = NetworkChange {
    in_use: true,
    reaches_others: true,
    has_more: true,
    better: false,
};

#[test]
fn a_call_whose_network_is_gone_goes_over_to_another_within_less_than_a_second() {
    for mover in [0, 1] {
        let mut world = World::connected_pair(28);
        let other = 1 - mover;
        world.peer_tells(mover, PeerEventKind::NetworkChanged(MOVED));
        // The other side cannot tell this from a lie of the server, and need not: it makes another connection beside the one it has.
        world.run_ms(700);
        assert_eq!(world.parties[other].peer.opened_beside, 1, "{mover}");
        world.expect_media();
        for party in [0, 1] {
            let counters = world.parties[party].session.counters();
            assert_eq!(world.phase(party), CallPhase::Connected, "{mover}");
            assert_eq!(
                world.parties[party].peer.opened, 2,
                "{mover}: one fresh connection each"
            );
            assert_eq!(counters.handovers, u64::from(party == mover));
            assert_eq!(
                counters.resumes,
                u64::from(party == mover),
                "the way to the server moves too"
            );
            assert_eq!(world.parties[party].tracks, 2, "old tracks ended, new ones began");
        }
        world.run_s(60);
        world.expect_media();
        assert!(
            world.parties.iter().all(|party| party.peer.opened == 2),
            "and stays there"
        );
    }
}

#[test]
fn a_call_waits_for_a_network_and_takes_the_first_that_comes() {
    let mut world = World::connected_pair(29);
    world.parties[0].cut_off = true;
    world.break_signaling(0);
    world.set_path(false);
    world.peer_tells(0, PeerEventKind::NetworkChanged(STRANDED));
    world.run_s(12);
    assert_eq!(world.ended(0), None);
    world.parties[0].cut_off = false;
    world.set_path(true);
    world.peer_tells(0, PeerEventKind::NetworkChanged(MOVED));
    world.run_s(2);
    world.expect_media();
    assert_eq!([0, 1].map(|party| world.phase(party)), [CallPhase::Connected; 2]);
}

#[test]
fn a_network_that_falls_silent_is_left_for_the_one_beside_it() {
    let nothing = Inflow {
        audio: false,
        video: false,
        anything: false,
        lull: true,
        lossy: false,
    };
    let mut world = World::connected_pair(31);
    world.peer_tells(0, PeerEventKind::NetworkChanged(BESIDE));
    world.run_s(5);
    assert_eq!(world.parties[0].peer.opened, 1);
    for party in [0, 1] {
        world.peer_tells(party, PeerEventKind::Inflow(nothing));
    }
    world.run_ms(500);
    world.expect_media();
    assert_eq!([0, 1].map(|party| world.phase(party)), [CallPhase::Connected; 2]);
    assert!(world.parties.iter().all(|party| party.peer.opened == 2));
}

#[test]
fn another_network_beside_the_one_in_use_leaves_a_call_alone() {
    let mut world = World::connected_pair(30);
    world.peer_tells(0, PeerEventKind::NetworkChanged(BESIDE));
    for _ in 0..30 {
        world.run_s(1);
        world.expect_media();
        assert_eq!(world.phase(0), CallPhase::Connected);
    }
    assert!(world.parties.iter().all(|party| party.peer.opened == 1));
}

#[test]
fn a_path_that_never_comes_back_is_given_up() {
    let mut world = World::connected_pair(25);
    world.set_path(false);
    world.run_s(28);
    assert_eq!(world.ended(0), None);
    world.run_s(8);
    for party in [0, 1] {
        assert_eq!(world.ended(party), Some(&EndReason::ConnectionFailed));
    }
}

#[test]
fn two_people_who_can_never_reach_each_other_are_told() {
    let mut world = World::pair(26);
    world.path_up = false;
    world.run_s(40);
    for party in [0, 1] {
        assert_eq!(world.ended(party), Some(&EndReason::ConnectionFailed));
    }
}

#[test]
fn everything_may_break_at_once_and_come_back() {
    let mut world = World::connected_pair(27);
    world.stop_server();
    world.set_path(false);
    world.run_s(40);
    assert_eq!(world.phase(0), CallPhase::Reconnecting);
    world.set_path(true);
    world.start_server(false);
    world.run_s(40);
    world.expect_media();
    for party in [0, 1] {
        assert_eq!(world.phase(party), CallPhase::Connected);
    }
}

#[test]
fn a_call_without_server_and_path_is_over_after_a_while() {
    let mut world = World::connected_pair(28);
    world.stop_server();
    world.set_path(false);
    world.run_s(100);
    assert_eq!(
        world.ended(0),
        Some(&EndReason::ServerUnreachable(SignalingFault::Lost))
    );
}

#[test]
fn one_who_crashed_comes_back_as_somebody_new() {
    let mut world = World::connected_pair(29);
    world.crash(1);
    world.run_s(2);
    assert!(world.snapshot(0).people[0].away);
    // The server keeps the place of the one who crashed, for ten seconds.
    let ben = world.arrive(Some([3; 16]));
    world.command(ben, CallCommand::Enter);
    world.run_s(2);
    assert_eq!(world.phase(0), CallPhase::Reconnecting);
    let waiting = world.snapshot(ben);
    assert_eq!(waiting.ended, None);
    assert_eq!(waiting.signaling_fault, Some(SignalingFault::PlaceKept));
    world.run_s(12);
    world.expect_media();
    assert_eq!(world.phase(0), CallPhase::Connected);
    assert_eq!(world.snapshot(0).people[0].name, "party 2");
    assert_eq!(world.parties[0].tracks, 2);
}

#[test]
fn one_who_crashed_and_does_not_come_back_is_lost() {
    let mut world = World::connected_pair(30);
    world.crash(1);
    for _ in 0..70 {
        world.run_s(1);
    }
    assert_eq!(world.ended(0), Some(&EndReason::OtherLost));
}

#[test]
fn the_one_who_waits_may_lose_the_server_for_a_long_time() {
    let mut world = World::new(31);
    let ada = world.arrive(None);
    world.command(ada, CallCommand::Enter);
    world.run_s(1);
    world.stop_server();
    world.run_s(600);
    assert_eq!(world.phase(ada), CallPhase::Waiting);
    world.start_server(true);
    world.run_s(20);
    let ben = world.arrive(Some([3; 16]));
    world.command(ben, CallCommand::Enter);
    world.run_s(5);
    world.expect_media();
}

#[test]
fn a_dead_connection_to_the_server_is_noticed_by_its_silence() {
    let mut world = World::connected_pair(32);
    world.parties[0].cut_off = true;
    world.run_s(20);
    assert_eq!(world.snapshot(0).signaling, SignalingPhase::Reconnecting);
    world.parties[0].cut_off = false;
    world.run_s(20);
    assert_eq!(world.snapshot(0).signaling, SignalingPhase::Connected);
    world.expect_media();
    assert!(world.parties.iter().all(|party| party.peer.opened == 1));
}
