//! Connections for files between people of a group: who has one, for how long, and what becomes of them when something breaks.

use super::groups::{enter, group};
use super::world::World;
use crate::call::{CallCommand, FileWay};
use crate::session::Input;
use crate::snapshot::CallPhase;
use serde_json::json;

/// A party says with whom it has something about files: what is to move, and what may.
fn ways(world: &mut World, party: usize, wanted: &[usize], may: &[usize]) {
    let way = |wanted: bool| {
        move |(world, other): (&World, usize)| FileWay {
            participant: world.id(other),
            wanted,
        }
    };
    let here = &*world;
    let list = wanted.iter().map(|other| way(true)((here, *other)));
    let list = list.chain(may.iter().map(|other| way(false)((here, *other))));
    let list = list.collect();
    world.command(party, CallCommand::FileWays(list));
}

fn pairs(world: &World) -> Vec<usize> {
    world.parties.iter().map(|party| party.pairs.len()).collect()
}

/// Three in a group, the last of whom takes a file of the first.
fn taking(seed: u64) -> World {
    let mut world = group(seed);
    ways(&mut world, 0, &[], &[2]);
    ways(&mut world, 2, &[0], &[]);
    world.run_s(2);
    assert!(world.pair_flows(0, 2), "{:#?}", world.parties[2].pairs);
    world
}

#[test]
fn whoever_accepts_a_file_is_connected_with_its_sender_and_nobody_else_is() {
    for (sender, taker) in [(0, 2), (2, 0), (1, 2)] {
        let mut world = group(400 + sender as u64);
        world.run_s(5);
        assert_eq!(pairs(&world), [0; 3], "nothing is made before it is wanted");
        ways(&mut world, sender, &[], &[taker]);
        ways(&mut world, taker, &[sender], &[]);
        world.run_s(2);
        assert!(world.pair_flows(sender, taker), "{sender} to {taker}");
        assert_eq!(pairs(&world).iter().sum::<usize>(), 2);
        for party in 0..3 {
            assert_eq!(world.phase(party), CallPhase::Connected);
            assert!(!world.parties[party].peer.open, "the call itself is as it was");
            assert!(
                world.parties[party]
                    .pairs
                    .values()
                    .all(|pair| pair.failures.is_empty())
            );
        }
    }
}

#[test]
fn nobody_is_met_who_has_nothing_to_do_with_this_side() {
    let mut world = group(410);
    ways(&mut world, 2, &[0], &[]);
    world.run_s(60);
    assert_eq!(world.parties[0].pairs_opened, 0);
    assert!(world.parties[0].session.counters().stale > 0);
    // Nor does the other side try for ever without a rest.
    assert!(
        world.parties[2].pairs_opened <= 3,
        "{}",
        world.parties[2].pairs_opened
    );
    ways(&mut world, 0, &[2], &[]);
    world.run_s(70);
    assert!(world.pair_flows(0, 2), "once there is something they are met");
}

#[test]
fn a_connection_that_nobody_needs_is_closed_after_a_while() {
    let mut world = taking(420);
    ways(&mut world, 0, &[], &[2]);
    ways(&mut world, 2, &[], &[0]);
    world.run_s(15);
    assert!(world.pair_flows(0, 2), "another file may follow");
    world.run_s(10);
    assert_eq!(pairs(&world), [0; 3]);
    ways(&mut world, 0, &[2], &[]);
    world.run_s(2);
    assert!(world.pair_flows(0, 2), "and made anew for the next");
}

#[test]
fn what_breaks_is_made_anew_for_as_long_as_it_is_wanted() {
    let mut world = taking(430);
    ways(&mut world, 0, &[2], &[]);
    world.set_path(false);
    world.run_s(90);
    assert!(!world.pair_flows(0, 2));
    world.set_path(true);
    world.run_s(70);
    assert!(world.pair_flows(0, 2));
}

#[test]
fn a_driver_that_is_gone_is_replaced() {
    let mut world = taking(440);
    ways(&mut world, 0, &[2], &[]);
    let participant = world.id(2);
    world.tell(0, Input::PairEnded { participant });
    world.run_s(40);
    assert!(world.pair_flows(0, 2));
    assert_eq!(world.parties[0].pairs_opened, 2);
}

#[test]
fn two_who_are_left_go_on_directly_and_three_again_between_themselves() {
    let mut world = taking(450);
    ways(&mut world, 0, &[2], &[]);
    world.command(1, CallCommand::Leave);
    world.run_s(10);
    assert!(world.parties[0].peer.media_flows() && world.parties[2].peer.media_flows());
    assert_eq!(pairs(&world), [0; 3], "the direct way has lanes of its own");
    enter(&mut world);
    world.run_s(8);
    assert!(!world.parties[0].peer.open, "the direct way ended");
    assert!(world.pair_flows(0, 2), "what was wanted all along is there");
}

#[test]
fn with_somebody_who_leaves_it_ends() {
    let mut world = taking(460);
    enter(&mut world);
    world.run_s(3);
    world.command(2, CallCommand::Leave);
    world.run_s(1);
    assert!(world.parties[0].pairs.is_empty() && world.parties[2].pairs.is_empty());
    world.run_s(60);
    assert_eq!(world.parties[0].pairs_opened, 1);
}

/// The server begins anew, and the last of the three comes back to it only once the others are there.
fn restart_without_the_last(world: &mut World) {
    ways(world, 0, &[2], &[]);
    world.stop_server();
    world.run_s(2);
    world.parties[2].cut_off = true;
    world.restart_sfu();
    world.start_server(false);
    world.server.groups.on = true;
    world.run_s(4);
}

#[test]
fn a_server_that_begins_anew_and_knows_not_everybody_yet_costs_no_connection() {
    let mut world = taking(490);
    restart_without_the_last(&mut world);
    let missing = world.id(2);
    assert_eq!(world.snapshot(0).missing, [missing]);
    assert!(world.snapshot(0).people.iter().all(|person| person.id != missing));
    assert!(world.pair_flows(0, 2), "what works goes on");
    world.parties[2].cut_off = false;
    world.run_s(30);
    assert!(world.snapshot(0).missing.is_empty());
    assert!(world.pair_flows(0, 2));
    let opened = [0, 2].map(|party: usize| world.parties[party].pairs_opened);
    assert_eq!(opened, [1, 1]);
}

#[test]
fn who_does_not_come_back_to_a_server_that_began_anew_is_given_up_after_its_grace() {
    let mut world = taking(500);
    world.crash(2);
    restart_without_the_last(&mut world);
    world.run_s(45);
    assert_eq!(world.snapshot(0).missing.len(), 1);
    world.run_s(20);
    assert!(world.snapshot(0).missing.is_empty());
    assert!(world.parties[0].pairs.is_empty());
}

#[test]
fn somebody_is_met_four_times_at_once_and_then_once_in_ten_seconds() {
    let mut world = group(510);
    ways(&mut world, 0, &[], &[2]);
    let participant = world.id(2);
    let call = |world: &mut World, connection: u32| {
        let about = json!({"kind": "restart", "connection": connection});
        let payload = json!({"kind": "files", "about": about});
        let said = json!({"type": "signal", "from": participant, "payload": payload});
        world.server_says(0, said.to_string());
        world.run_ms(100);
        world.tell(0, Input::PairEnded { participant });
        world.run_ms(100);
    };
    let before = world.parties[0].session.counters().flooded;
    for connection in 1..=30 {
        call(&mut world, connection);
    }
    assert_eq!(world.parties[0].pairs_opened, 4);
    assert_eq!(world.parties[0].session.counters().flooded - before, 26);
    world.run_s(5);
    call(&mut world, 31);
    assert_eq!(world.parties[0].pairs_opened, 5);
}

#[test]
fn four_are_made_at_once_and_the_next_when_one_is_over() {
    let mut world = group(470);
    for _ in 0..3 {
        enter(&mut world);
    }
    world.run_s(5);
    for taker in 1..6 {
        ways(&mut world, taker, &[], &[0]);
    }
    ways(&mut world, 0, &[1, 2, 3, 4, 5], &[]);
    world.run_s(5);
    let flows =
        |world: &World| -> Vec<usize> { (1..6).filter(|other| world.pair_flows(0, *other)).collect() };
    assert_eq!(flows(&world), [1, 2, 3, 4]);
    assert_eq!(world.parties[0].pairs.len(), 4);
    world.command(1, CallCommand::Leave);
    world.run_s(4);
    let now: Vec<usize> = (2..6).filter(|other| world.pair_flows(0, *other)).collect();
    assert_eq!(now, [2, 3, 4, 5], "whoever waited has its place");
}

#[test]
fn what_makes_no_sense_is_counted_and_harms_nothing() {
    let mut world = taking(480);
    let from = world.id(1);
    let before = world.parties[0].session.counters();
    for payload in [
        json!({"kind": "files"}),
        json!({"kind": "files", "about": 7}),
        json!({"kind": "files", "about": {"kind": "restart"}}),
    ] {
        let said = json!({"type": "signal", "from": from, "payload": payload});
        world.server_says(0, said.to_string());
    }
    world.run_s(1);
    let after = world.parties[0].session.counters();
    assert_eq!(after.malformed_from_peer - before.malformed_from_peer, 2);
    assert!(world.pair_flows(0, 2));
    assert_eq!(pairs(&world), [1, 0, 1]);
}
