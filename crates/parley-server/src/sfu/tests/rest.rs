//! Whoever only watches, over a way that carries more than enough: nothing is looked for on it, and the library is asked less often. For
//! none of that anything comes later, however what waits in the library is counted.

use super::world::*;
use crate::load::Part;
use parley_proto::Source;
use std::time::Duration;

/// What came to somebody who watches.
#[derive(Debug)]
struct Watched {
    packets: usize,
    /// The longest that one took.
    late: Duration,
    /// Of a hundred looks at it, after which the SFU had nothing more to do at once.
    idle_pct: usize,
    /// How many connections were at rest in the end.
    at_rest: usize,
}

/// Somebody shows and speaks, and somebody else only watches.
fn two() -> (World, usize, usize) {
    let mut world = World::new();
    let ada = world.enter(Part {
        speaks: true,
        layers: layers(),
        hears: 0,
        sees: 0,
    });
    let bob = world.enter(Part {
        speaks: false,
        layers: Vec::new(),
        hears: 1,
        sees: 1,
    });
    world.run(ms(500));
    world.watch(bob, &[(ada, 1_280, 720, 1)]);
    (world, ada, bob)
}

/// Five seconds of it, after six. `waits`: so many packets are taken to wait in the library, whatever was counted, again and again.
fn watch(down_bps: Option<u64>, waits: Option<usize>) -> Watched {
    let (mut world, ada, bob) = two();
    world.people[bob].way.down_bps = down_bps;
    world.run(ms(5_500));
    let since = world.now;
    let mut idle = 0;
    let looks = 1_000;
    for look in 0..looks {
        if let Some(waits) = waits.filter(|_| look % 10 == 0) {
            world.sfu.miscount(waits);
        }
        if look == looks / 2 {
            // A key frame, of three times the size.
            world.turn(ada, Source::Camera, false);
            world.run(ms(100));
            world.turn(ada, Source::Camera, true);
        }
        world.run(ms(5));
        idle += usize::from(world.sfu.next_timeout() > world.now);
    }
    let came = world.people[bob]
        .received
        .iter()
        .filter(|(came, _)| *came >= since);
    let took = came.map(|(came, one)| {
        let sent = Duration::from_micros(one.stamp.unwrap().sent_us);
        (*came - world.start).saturating_sub(sent)
    });
    let took: Vec<Duration> = took.collect();
    Watched {
        packets: took.len(),
        late: took.iter().copied().max().unwrap(),
        idle_pct: 100 * idle / looks,
        at_rest: world.sfu.at_rest(),
    }
}

#[test]
fn a_way_at_rest_delays_nothing_and_neither_does_a_count_that_is_wrong() {
    for waits in [None, Some(0), Some(1), Some(7)] {
        let watched = watch(None, waits);
        eprintln!("{waits:?} waits: {watched:?}");
        assert!(watched.packets > 700, "{waits:?} waits: {watched:?}");
        // Ten milliseconds each way, and the clock steps by two.
        assert!(watched.late <= ms(26), "{waits:?} waits: {watched:?}");
        assert!(watched.idle_pct >= 95, "{waits:?} waits: {watched:?}");
        assert_eq!(watched.at_rest, usize::from(waits.is_none_or(|waits| waits == 0)));
    }
}

#[test]
fn where_packets_wait_for_their_turn_a_wrong_count_holds_none_of_them_back() {
    let right = watch(Some(500_000), None);
    eprintln!("{right:?}");
    assert_eq!(right.at_rest, 0);
    for waits in [0, 1, 7] {
        let wrong = watch(Some(500_000), Some(waits));
        eprintln!("{waits} wait: {wrong:?}");
        assert!(wrong.packets * 10 >= right.packets * 9, "{waits} wait: {wrong:?}");
        assert!(wrong.late <= right.late + ms(40), "{waits} wait: {wrong:?}");
        assert!(wrong.idle_pct >= 95, "{waits} wait: {wrong:?}");
    }
}

#[test]
fn a_way_at_rest_that_becomes_narrow_is_noticed_and_one_that_is_wide_again_looked_into() {
    let (mut world, _, bob) = two();
    world.run(Duration::from_secs(8));
    let is_large = |world: &World| world.states(bob)[0].1.as_deref() == Some("f");
    assert!(is_large(&world) && world.sfu.at_rest() == 1);
    world.people[bob].way.down_bps = Some(500_000);
    world.run(Duration::from_secs(5));
    assert!(!is_large(&world) && world.sfu.at_rest() == 0);
    world.people[bob].way.down_bps = None;
    let wide = world.now;
    while !is_large(&world) && world.now < wide + Duration::from_secs(60) {
        world.run(ms(250));
    }
    let took = world.now - wide;
    eprintln!("found after {took:?}");
    assert!(took < Duration::from_secs(35), "{took:?}");
    world.run(Duration::from_secs(6));
    assert!(is_large(&world) && world.sfu.at_rest() == 1);
}
