//! Hundreds of random lives of a call: whatever breaks in whatever order, once everything works again the two are
//! connected, or know why not.

use super::world::World;
use crate::snapshot::CallPhase;

/// A life: twelve things go wrong at random moments, some messages come twice or late, then all is well for two minutes.
fn live(seed: u64) -> World {
    let mut world = World::pair(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    world.disorder = [0, 4, 12][(seed % 3) as usize];
    for _ in 0..12 {
        let pause = [30, 300, 3_000, 9_000][world.random(4) as usize];
        let pause = world.random(pause);
        world.run_ms(pause);
        match world.random(8) {
            0 => world.break_signaling(0),
            1 => world.break_signaling(1),
            2 => {
                world.break_signaling(0);
                world.break_signaling(1);
            }
            3 => world.set_path(!world.path_up),
            4 if world.server_up => world.stop_server(),
            4 => {
                let new_keys = world.random(3) == 0;
                world.start_server(new_keys);
            }
            5 => world.parties[0].cut_off = !world.parties[0].cut_off,
            6 => world.parties[1].cut_off = !world.parties[1].cut_off,
            _ => {}
        }
    }
    world.disorder = 0;
    world.set_path(true);
    if !world.server_up {
        world.start_server(false);
    }
    for party in &mut world.parties {
        party.cut_off = false;
    }
    for _ in 0..160 {
        world.run_s(1);
    }
    world
}

#[test]
fn every_life_ends_connected_or_with_a_reason() {
    let mut connected = 0;
    for seed in 0..300 {
        let world = live(seed);
        let ended = |party| world.ended(party).is_some();
        let over = |party| ended(party) || world.phase(party) == CallPhase::Waiting;
        if (ended(0) || ended(1)) && over(0) && over(1) {
            continue;
        }
        connected += 1;
        assert!(
            world.media_flows(),
            "seed {seed}, {} s: {:#?}",
            world.seconds(),
            world.parties
        );
        for party in [0, 1] {
            assert_eq!(world.phase(party), CallPhase::Connected, "seed {seed}");
            assert_eq!(world.parties[party].tracks, 2, "seed {seed}");
        }
    }
    assert!(connected > 150, "most lives are good ones: {connected} of 300");
}

#[test]
fn a_life_is_the_same_each_time_it_is_lived() {
    let story = |seed| {
        let world = live(seed);
        (
            world.parties[0].session.counters(),
            world.parties[1].session.counters(),
        )
    };
    assert_eq!(story(7), story(7));
}
