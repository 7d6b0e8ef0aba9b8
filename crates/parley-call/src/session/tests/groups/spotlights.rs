//! Whom hosts put large, over restarts of the server.

use super::*;

/// Three, whose host put the second one large.
fn group_with_one_large() -> (World, Spotlight) {
    let mut world = World::new(90);
    world.server.has_host = true;
    let mut world = pair_in(world);
    enter(&mut world);
    world.run_s(5);
    let target = Spotlight {
        participant: world.id(1),
        screen: false,
    };
    world.command(0, CallCommand::Spotlight(Some(target)));
    world.run_s(2);
    (world, target)
}

/// Whom each of the three shows large.
fn shown(world: &World) -> [Option<Spotlight>; 3] {
    [0, 1, 2].map(|party| world.snapshot(party).spotlight)
}

#[test]
fn whom_a_host_put_large_is_large_again_after_a_restart_of_the_whole_server() {
    let (mut world, target) = group_with_one_large();
    assert_eq!(shown(&world), [Some(target); 3]);
    restart_the_whole_server(&mut world);
    assert_eq!(shown(&world), [Some(target); 3]);
}

#[test]
fn it_is_large_again_where_they_come_back_one_long_after_the_other() {
    let (mut world, target) = group_with_one_large();
    world.stop_server();
    world.run_s(2);
    world.restart_sfu();
    for party in [1, 2] {
        world.parties[party].cut_off = true;
    }
    world.start_server(false);
    world.server.groups.on = true;
    // The host first. For a while it is a room of one, and then of two.
    for party in [0, 1, 2] {
        world.parties[party].cut_off = false;
        for _ in 0..20 {
            if world.parties[party].session.counters().resumes > 0 {
                break;
            }
            world.run_s(1);
        }
        assert!(world.parties[party].session.counters().resumes > 0, "{party}");
        world.run_s(5);
        if party == 1 {
            assert_eq!(shown(&world)[..2], [None; 2], "of two nobody is large");
        }
    }
    world.run_s(10);
    expect_group(&world, &[0, 1, 2]);
    assert_eq!(shown(&world), [Some(target); 3]);
    // Once it was one of two, for nobody was missing, that is over.
    world.command(2, CallCommand::Leave);
    world.run_s(20);
    let fourth = enter(&mut world);
    world.run_s(10);
    expect_group(&world, &[0, 1, fourth]);
    assert_eq!(
        [0, 1, fourth].map(|party| world.snapshot(party).spotlight),
        [None; 3]
    );
}
