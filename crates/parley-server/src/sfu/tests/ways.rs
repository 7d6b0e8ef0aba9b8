//! Rooms over ways that are not good.

use super::world::*;
use crate::load::Part;
use parley_proto::{DownState, PublishedLayer, Source};
use std::time::Duration;

fn shows() -> Part {
    Part {
        speaks: true,
        layers: layers(),
        hears: 3,
        sees: 3,
    }
}

#[test]
fn what_is_lost_on_the_way_up_is_repaired_and_fills_its_gap_for_everybody() {
    let mut world = World::new();
    let (ada, bob) = (world.enter(shows()), world.enter(shows()));
    world.run(ms(500));
    world.watch(bob, &[(ada, 640, 360, 1)]);
    world.run(ms(2_500));
    world.people[ada].way.loss_pct = 5;
    let since = world.now;
    world.run(ms(4_000));
    world.people[ada].way.loss_pct = 0;
    world.run(ms(500));
    let mut seen: Vec<u64> = world
        .got(bob, ada, Source::Camera, since)
        .iter()
        .map(|one| one.seq)
        .collect();
    seen.sort_unstable();
    let holes = seen.last().unwrap() - seen[0] + 1 - seen.len() as u64;
    assert!(seen.len() > 180, "{}", seen.len());
    assert!(
        holes * 200 <= seen.len() as u64,
        "{holes} of {} never came",
        seen.len()
    );
}

#[test]
fn what_is_lost_on_the_way_down_is_repaired_from_here() {
    let mut world = World::new();
    let (ada, bob, eve) = (world.enter(shows()), world.enter(shows()), world.enter(shows()));
    world.run(ms(500));
    world.watch(bob, &[(ada, 320, 180, 1)]);
    world.watch(eve, &[(ada, 320, 180, 1)]);
    world.run(ms(1_500));
    world.people[bob].way.loss_pct = 5;
    let since = world.now;
    world.run(ms(4_000));
    world.people[bob].way.loss_pct = 0;
    world.run(ms(500));
    let mut seen: Vec<u64> = world
        .got(bob, ada, Source::Camera, since)
        .iter()
        .map(|one| one.seq)
        .collect();
    seen.sort_unstable();
    let holes = seen.last().unwrap() - seen[0] + 1 - seen.len() as u64;
    assert!(
        holes * 100 <= seen.len() as u64,
        "{holes} of {} never came",
        seen.len()
    );
    // The other subscriber notices nothing of it.
    let of_hers: Vec<_> = {
        let all = world.people[eve].received.iter();
        all.filter(|(_, one)| one.stamp.is_some_and(|stamp| stamp.layer != 9))
            .cloned()
            .collect()
    };
    assert!(of_hers.len() > 100);
    assert_unbroken(&of_hers);
}

#[test]
fn a_narrow_way_gets_less_and_nobody_else_does() {
    let mut world = World::new();
    let (ada, bob, eve) = (world.enter(shows()), world.enter(shows()), world.enter(shows()));
    world.people[eve].way.down_bps = Some(400_000);
    world.run(ms(600));
    for at in [bob, eve] {
        world.watch(at, &[(ada, 1280, 720, 2)]);
    }
    world.run(Duration::from_secs(12));
    assert_eq!(world.states(bob), [(DownState::Flows, Some("f".to_owned()))]);
    let since = world.now;
    world.run(Duration::from_secs(3));
    let [(state, rid)] = world.states(eve).try_into().unwrap();
    assert_eq!(state, DownState::Flows);
    assert_ne!(rid, Some("f".to_owned()), "900 kbit/s do not go through 400");
    let pictures = world
        .got(eve, ada, Source::Camera, since)
        .iter()
        .filter(|one| one.marker)
        .count();
    assert!(pictures > 60, "{pictures} of 75 pictures");
    let heard = world.got(eve, ada, Source::Microphone, since).len();
    assert!(heard > 145, "{heard} of 150 packets of sound");
    let pictures = world
        .got(bob, ada, Source::Camera, since)
        .iter()
        .filter(|one| one.marker)
        .count();
    assert!(pictures >= 74, "{pictures} of 75 pictures");
}

#[test]
fn whose_way_up_carries_only_the_smallest_layer_any_more_is_seen_in_that_soon() {
    let mut world = World::new();
    let (ada, bob, eve) = (world.enter(shows()), world.enter(shows()), world.enter(shows()));
    world.run(ms(600));
    world.watch(bob, &[(ada, 1280, 720, 2)]);
    // Somebody else looks at the smallest, so that is sent too.
    world.watch(eve, &[(ada, 320, 180, 1)]);
    world.run(Duration::from_secs(4));
    assert_eq!(world.states(bob), [(DownState::Flows, Some("f".to_owned()))]);
    let since = world.now;
    world.people[ada].carries = 1;
    world.run(Duration::from_secs(3));
    let pictures: Vec<_> = world.people[bob]
        .received
        .iter()
        .filter(|(at, one)| *at >= since && one.marker && one.stamp.is_some_and(|stamp| stamp.layer != 9))
        .map(|(at, _)| *at)
        .collect();
    let longest = pictures.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(pictures.len() > 50, "{}", pictures.len());
    assert!(
        longest.is_some_and(|longest| longest < ms(700)),
        "{longest:?} without a picture"
    );
    assert_eq!(world.states(bob), [(DownState::Flows, Some("q".to_owned()))]);
    // Once the way carries all of it again, that is found.
    world.people[ada].carries = usize::MAX;
    world.run(Duration::from_secs(12));
    assert_eq!(world.states(bob), [(DownState::Flows, Some("f".to_owned()))]);
}

/// Five people of whom the last one has a thin line, and what that one sees and hears of the others in each of so many tens of seconds, after
/// the first twenty: pictures of whoever is seen best, and the fewest packets of anybody's sound.
fn by_a_thin_line(spares: bool, quarter_kbps: u32, tens: u32) -> Vec<(usize, usize)> {
    let mut world = World::new();
    let mut part = Part {
        hears: 5,
        sees: 4,
        ..shows()
    };
    part.layers[0].kbps = quarter_kbps;
    let people: Vec<usize> = (0..5).map(|_| world.enter(part.clone())).collect();
    for who in &people {
        world.people[*who].spares = spares;
    }
    let (eve, bob) = (people[4], people[1]);
    // 400 kbit/s of which headers below ours take 50.
    world.people[eve].way.down_bps = Some(350_000);
    world.run(ms(600));
    let wanted: Vec<_> = people[..4].iter().map(|who| (*who, 320, 180, 1)).collect();
    world.watch(eve, &wanted);
    world.watch(bob, &[(people[0], 320, 180, 1)]);
    world.run(Duration::from_secs(20));
    let mut came = Vec::new();
    for _ in 0..tens {
        let since = world.now;
        world.run(Duration::from_secs(10));
        let pictures = |at: usize, who: usize| {
            let got = world.got(at, who, Source::Camera, since);
            got.iter().filter(|one| one.marker).count()
        };
        let seen = people[..4].iter().map(|who| pictures(eve, *who));
        let heard = people[..4]
            .iter()
            .map(|who| world.got(eve, *who, Source::Microphone, since).len());
        came.push((seen.max().unwrap(), heard.min().unwrap()));
        // Whose line is wide has all of it.
        assert!(pictures(bob, people[0]) >= 249);
    }
    eprintln!("{came:?}");
    came
}

#[test]
fn on_a_thin_line_with_four_voices_somebody_is_seen_and_all_are_heard() {
    let came = by_a_thin_line(true, 150, 12);
    let well = came.iter().filter(|(seen, _)| *seen >= 100).count();
    assert!(well >= 11, "{came:?} of 125 pictures");
    assert!(
        came.iter().all(|(_, heard)| *heard > 475),
        "{came:?} of 500 packets of sound"
    );
}

#[test]
fn on_a_thin_line_somebody_is_seen_whose_pictures_all_refer_to_each_other() {
    let came = by_a_thin_line(false, 100, 12);
    let well = came.iter().filter(|(seen, _)| *seen >= 200).count();
    assert!(well >= 11, "{came:?} of 250 pictures");
    assert!(
        came.iter().all(|(_, heard)| *heard > 475),
        "{came:?} of 500 packets of sound"
    );
}

#[test]
fn a_larger_tile_gets_a_larger_layer_within_two_seconds() {
    let mut world = World::new();
    let (ada, bob) = (world.enter(shows()), world.enter(shows()));
    world.run(ms(600));
    world.watch(bob, &[(ada, 320, 180, 1)]);
    world.run(Duration::from_secs(10));
    assert_eq!(world.states(bob), [(DownState::Flows, Some("q".to_owned()))]);
    // Nothing larger was sent for long: that more would fit must be known all the same.
    world.watch(bob, &[(ada, 1280, 720, 2)]);
    world.run(ms(2_000));
    assert_eq!(world.states(bob), [(DownState::Flows, Some("f".to_owned()))]);
    let since = world.now;
    world.run(ms(1_000));
    let got = world.got(bob, ada, Source::Camera, since);
    assert!(
        got.iter()
            .all(|one| one.stamp.is_some_and(|stamp| stamp.layer == 2))
    );
    assert!(got.iter().filter(|one| one.marker).count() >= 24);
    assert_unbroken(&world.people[bob].received);
}

#[test]
fn a_picture_that_does_not_fit_what_is_taken_for_granted_is_seen_where_the_way_is_wide() {
    // With voices, and where all are silent.
    for speaks in [true, false] {
        let large = PublishedLayer {
            rid: "f".to_owned(),
            width: 1280,
            height: 720,
            kbps: 1_500,
        };
        let part = Part {
            speaks,
            layers: vec![large],
            hears: 3,
            sees: 3,
        };
        let mut world = World::new();
        let (ada, bob) = (world.enter(part.clone()), world.enter(part));
        world.run(ms(600));
        world.watch(bob, &[(ada, 1280, 720, 2)]);
        world.run(Duration::from_secs(6));
        let since = world.now;
        world.run(ms(2_000));
        let pictures = world.got(bob, ada, Source::Camera, since);
        let pictures = pictures.iter().filter(|one| one.marker).count();
        assert!(pictures > 45, "{pictures} of 50 pictures, voices: {speaks}");
    }
}

#[test]
fn beside_eight_voices_somebody_is_seen_too() {
    let part = Part { hears: 8, ..shows() };
    let mut world = World::new();
    let people: Vec<usize> = (0..9).map(|_| world.enter(part.clone())).collect();
    world.run(ms(1_500));
    world.watch(people[8], &[(people[0], 320, 180, 1)]);
    world.run(Duration::from_secs(4));
    assert_eq!(
        world.states(people[8]),
        [(DownState::Flows, Some("q".to_owned()))]
    );
}

#[test]
fn where_hardly_anything_goes_voices_are_heard_and_no_picture_is_sent() {
    let mut world = World::new();
    let (ada, bob) = (world.enter(shows()), world.enter(shows()));
    world.people[bob].way.down_bps = Some(90_000);
    world.run(ms(600));
    world.watch(bob, &[(ada, 1280, 720, 2)]);
    world.run(Duration::from_secs(6));
    let since = world.now;
    world.run(Duration::from_secs(4));
    assert_eq!(world.states(bob), [(DownState::Paused, None)]);
    let heard = world.got(bob, ada, Source::Microphone, since).len();
    assert!(heard >= 190, "{heard} of 200 packets of sound");
    let seen = world.got(bob, ada, Source::Camera, since).len();
    assert_eq!(seen, 0, "packets of a picture that does not fit");
}

#[test]
fn lips_and_words_of_one_person_stay_together_by_the_reports() {
    // Sound and picture go by one clock of the server's, whatever their publisher's says: the wall clock of packets is covered by
    // `capture_clock`; here, that both sections move on at the same pace over a change of layers.
    let mut world = World::new();
    let (ada, bob) = (world.enter(shows()), world.enter(shows()));
    world.run(ms(500));
    world.watch(bob, &[(ada, 160, 90, 1)]);
    world.run(ms(1_500));
    let since = world.now;
    world.watch(bob, &[(ada, 640, 360, 1)]);
    world.run(ms(4_000));
    let span = |source, rate: f64| {
        let got = world.got(bob, ada, source, since);
        let (first, last) = (got.first().unwrap(), got.last().unwrap());
        let media = f64::from(last.time.wrapping_sub(first.time)) / rate;
        let sent = |one: &crate::load::Received| one.stamp.unwrap().sent_us as f64 / 1e6;
        media - (sent(last) - sent(first))
    };
    let drift = span(Source::Camera, 90_000.0) - span(Source::Microphone, 48_000.0);
    assert!(drift.abs() < 0.02, "{drift} s after a change of layers");
}

/// What a thread that fails comes to: its value is gone, another one takes its place, and the driver says so to all of its clients.
#[test]
fn everybody_is_back_at_an_sfu_that_began_anew_with_what_they_saw_before() {
    let mut world = World::new();
    let everybody: Vec<usize> = (0..4).map(|_| world.enter(shows())).collect();
    world.run(ms(800));
    let next = |at: usize| (at + 1) % everybody.len();
    for at in &everybody {
        world.watch(*at, &[(next(*at), 320, 180, 1)]);
    }
    world.run(ms(1_500));
    world.begin_anew();
    let failed = world.now;
    let sections = |world: &World, at: usize| world.people[at].client.picture_sections().collect::<Vec<_>>();
    for at in &everybody {
        let before = sections(&world, *at);
        world.offer(*at);
        assert_eq!(before.len(), sections(&world, *at).len());
        world.watch(*at, &[(next(*at), 320, 180, 1)]);
    }
    world.run(ms(5_000));
    for at in &everybody {
        let seen = world.got(*at, next(*at), Source::Camera, failed);
        assert!(
            seen.iter().filter(|one| one.marker).count() > 80,
            "{at}: {}",
            seen.len()
        );
        let of_next = world.people[*at]
            .publications
            .iter()
            .find(|one| one.participant == world.people[next(*at)].id && one.source == Source::Microphone);
        let number = of_next.map(|one| one.number);
        let heard = world.people[*at]
            .received
            .iter()
            .find(|(came, one)| *came > failed && Some(one.number) == number);
        let took = heard.map(|(came, _)| *came - failed);
        assert!(took.is_some_and(|took| took < ms(1_000)), "{at}: {took:?}");
    }
}

#[test]
fn a_way_that_was_narrow_and_lost_packets_is_found_to_be_wide_again() {
    for (others, width, height, rid) in [(1, 1280, 720, "f"), (4, 640, 360, "h")] {
        for (kbps, loss_pct) in [(300, 3), (400, 10), (1_000, 5)] {
            let part = Part {
                hears: 5,
                sees: 4,
                ..shows()
            };
            let mut world = World::new();
            let eve = world.enter(part.clone());
            let wishes: Vec<_> = (0..others)
                .map(|_| (world.enter(part.clone()), width, height, 1))
                .collect();
            world.run(ms(600));
            world.watch(eve, &wishes);
            world.people[eve].way.down_bps = Some(kbps * 1_000);
            world.people[eve].way.loss_pct = loss_pct;
            world.run(Duration::from_secs(30));
            world.people[eve].way.down_bps = None;
            world.people[eve].way.loss_pct = 0;
            let since = world.now;
            let all_large = |world: &World| {
                let states = world.states(eve);
                states.iter().all(|(_, seen)| seen.as_deref() == Some(rid))
            };
            while !all_large(&world) && world.now < since + Duration::from_secs(60) {
                world.run(ms(250));
            }
            // 2 to 20 s when it was written. Before estimates were made anew, one of them was not found in these sixty.
            let took = world.now - since;
            assert!(
                took < Duration::from_secs(35),
                "{others} others, {kbps} kbit/s, {loss_pct} % lost: {took:?}"
            );
        }
    }
}
