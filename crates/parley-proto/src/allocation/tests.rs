//! What holds whatever is asked for, and a few situations in words.

use super::*;
use crate::Bitrate;
use proptest::prelude::*;
use std::time::Duration;

const fn kbps(kbps: u64) -> Bitrate {
    Bitrate::from_kbps(kbps)
}

const fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn range(track: &'static str, kind: Kind, [min, good, wanted]: [u64; 3]) -> Demand<&'static str> {
    Demand {
        track,
        kind,
        priority: 0,
        paused: false,
        amounts: Amounts::Range {
            min: kbps(min),
            good: kbps(good),
            wanted: kbps(wanted),
        },
    }
}

fn layered(track: &'static str, priority: u8, layers: &[(Rid, u64)]) -> Demand<&'static str> {
    let layers = layers.iter().map(|(rid, bitrate)| Layer {
        rid: *rid,
        bitrate: kbps(*bitrate),
    });
    Demand {
        track,
        kind: Kind::Camera,
        priority,
        paused: false,
        amounts: Amounts::Layers(layers.collect()),
    }
}

/// What one call sends: in this order voice, screen, camera, file.
fn call() -> Vec<Demand<&'static str>> {
    vec![
        range("voice", Kind::Voice, [40, 60, 60]),
        range("screen", Kind::Screen, [60, 300, 4_000]),
        range("camera", Kind::Camera, [60, 150, 2_500]),
        range("file", Kind::Files, [20, 20, 100_000]),
    ]
}

/// What a fresh allocator grants of `budget_kbps`, in kbit/s.
fn split(budget_kbps: u64, demands: &[Demand<&'static str>]) -> Vec<u64> {
    let allocation = Allocator::default().allocate(Duration::ZERO, kbps(budget_kbps), demands);
    allocation
        .grants
        .iter()
        .map(|grant| grant.bitrate.kbps())
        .collect()
}

#[test]
fn sounds_come_first_then_the_screen_then_the_camera_and_files_get_what_is_left() {
    let check = |budget, expected: [u64; 4]| assert_eq!(split(budget, &call()), expected, "of {budget}");
    check(20_000, [60, 4_000, 2_500, 13_440]);
    check(5_000, [60, 4_000, 920, 20]);
    check(1_000, [60, 770, 150, 20]);
    check(400, [60, 260, 60, 20]);
    // The camera is paused first, then the screen; a voice and a trickle of the file are kept whatever there is.
    check(170, [60, 90, 0, 20]);
    check(110, [60, 0, 0, 50]);
    check(10, [40, 0, 0, 20]);
}

#[test]
fn of_two_cameras_the_less_important_one_is_paused_first() {
    let mut demands = vec![
        range("listens", Kind::Camera, [100, 100, 1_000]),
        range("speaks", Kind::Camera, [100, 100, 1_000]),
    ];
    demands[1].priority = 1;
    assert_eq!(split(190, &demands), [0, 190]);
    assert_eq!(split(1_500, &demands), [500, 1_000]);
}

#[test]
fn what_nobody_wants_leaves_its_room_to_others_and_is_back_at_once() {
    let mut demands = call();
    let mut allocator = Allocator::default();
    let mut camera = |paused: bool| {
        demands[2].paused = paused;
        let allocation = allocator.allocate(at(0), kbps(5_000), &demands);
        (
            allocation.grants[2].bitrate.kbps(),
            allocation.grants[3].bitrate.kbps(),
        )
    };
    assert_eq!([true, false].map(&mut camera), [(0, 940), (920, 20)]);
}

#[test]
fn a_paused_camera_waits_for_clear_room_for_two_seconds() {
    let demands = [
        range("voice", Kind::Voice, [60, 60, 60]),
        range("camera", Kind::Camera, [100, 100, 1_000]),
    ];
    let mut allocator = Allocator::default();
    let mut camera = |ms, budget| {
        let allocation = allocator.allocate(at(ms), kbps(budget), &demands);
        allocation.grants[1].bitrate.kbps()
    };
    assert_eq!(camera(0, 170), 110);
    assert_eq!(camera(100, 150), 0, "what does not fit goes at once");
    assert_eq!(
        camera(10_000, 179),
        0,
        "a little more than it needs is not enough"
    );
    assert_eq!(camera(20_000, 500), 0);
    assert_eq!(camera(21_000, 170), 0, "it must last");
    assert_eq!(camera(22_000, 500), 0);
    assert_eq!(camera(23_900, 500), 0);
    assert_eq!(camera(24_000, 500), 440);
}

#[test]
fn a_layer_is_left_at_once_and_the_next_is_taken_up_one_by_one() {
    let demands = [layered(
        "camera",
        0,
        &[(Rid::Full, 1_500), (Rid::Quarter, 150), (Rid::Half, 500)],
    )];
    let mut allocator = Allocator::default();
    let mut layer = |ms, budget| {
        let allocation = allocator.allocate(at(ms), kbps(budget), &demands);
        allocation.grants[0].layer
    };
    assert_eq!(layer(0, 1_600), Some(Rid::Full), "at first whatever fits");
    assert_eq!(layer(100, 1_400), Some(Rid::Half));
    assert_eq!(layer(200, 100), None);
    assert_eq!(layer(1_000, 9_000), None);
    assert_eq!(layer(3_000, 9_000), Some(Rid::Quarter));
    assert_eq!(layer(4_900, 9_000), Some(Rid::Quarter));
    assert_eq!(layer(5_000, 9_000), Some(Rid::Half));
    assert_eq!(layer(6_900, 1_700), Some(Rid::Half));
    assert_eq!(
        layer(60_000, 1_700),
        Some(Rid::Half),
        "not clearly enough for all of it"
    );
    assert_eq!(layer(61_000, 1_900), Some(Rid::Half));
    assert_eq!(layer(63_000, 1_900), Some(Rid::Full));
}

#[test]
fn a_layer_that_its_sender_stopped_making_is_not_chosen() {
    let mut allocator = Allocator::default();
    let mut chosen = |layers: &[(Rid, u64)]| {
        let allocation = allocator.allocate(at(0), kbps(2_000), &[layered("camera", 0, layers)]);
        (allocation.grants[0].layer, allocation.grants[0].bitrate.kbps())
    };
    assert_eq!(
        chosen(&[(Rid::Quarter, 150), (Rid::Full, 1_500)]),
        (Some(Rid::Full), 1_500)
    );
    assert_eq!(
        chosen(&[(Rid::Quarter, 150), (Rid::Full, 0)]),
        (Some(Rid::Quarter), 150)
    );
    assert_eq!(chosen(&[]), (None, 0));
}

#[test]
fn the_share_of_the_pictures_says_how_far_they_are_from_what_they_want() {
    let share = |budget| {
        Allocator::default()
            .allocate(Duration::ZERO, kbps(budget), &call())
            .picture_share
    };
    assert_eq!([share(80), share(80 + 3_250), share(20_000)], [0.0, 0.5, 1.0]);
    let voice = range("voice", Kind::Voice, [40, 60, 60]);
    let alone = Allocator::default().allocate(Duration::ZERO, kbps(1), &[voice]);
    assert_eq!(alone.picture_share, 1.0);
}

#[test]
fn layers_are_read_by_their_names() {
    for rid in Rid::ALL {
        assert_eq!(Rid::read(rid.as_str()), Some(rid));
    }
    assert_eq!(Rid::read("x"), None);
}

fn amounts(is_layered: bool) -> BoxedStrategy<Amounts> {
    let rate = 0u64..3_000;
    let range = [rate.clone(), rate.clone(), rate.clone()].prop_map(|[min, good, wanted]| Amounts::Range {
        min: kbps(min),
        good: kbps(good),
        wanted: kbps(wanted),
    });
    if !is_layered {
        return range.boxed();
    }
    let layers = prop::collection::vec((0usize..3, rate), 0..5).prop_map(|layers| {
        let layer = |(rid, bitrate): (usize, u64)| Layer {
            rid: Rid::ALL[rid],
            bitrate: kbps(bitrate),
        };
        // Of a name there is one.
        let mut layers: Vec<Layer> = layers.into_iter().map(layer).collect();
        layers.sort_by_key(|layer| layer.rid);
        layers.dedup_by_key(|layer| layer.rid);
        Amounts::Layers(layers)
    });
    prop_oneof![range, layers].boxed()
}

fn demands(is_layered: bool) -> impl Strategy<Value = Vec<Demand<usize>>> {
    let kind = prop_oneof![
        Just(Kind::Voice),
        Just(Kind::SharedSound),
        Just(Kind::Screen),
        Just(Kind::Camera),
        Just(Kind::Files)
    ];
    let one = (kind, 0u8..4, prop::bool::weighted(0.1), amounts(is_layered));
    prop::collection::vec(one, 0..10).prop_map(|tracks| {
        tracks
            .into_iter()
            .enumerate()
            .map(|(track, (kind, priority, paused, amounts))| Demand {
                track,
                kind,
                priority,
                paused,
                amounts,
            })
            .collect()
    })
}

/// Grants in the order of importance.
fn by_importance<'a>(demands: &'a [Demand<usize>], grants: &'a [Grant<usize>]) -> Vec<&'a Grant<usize>> {
    let mut order: Vec<_> = demands.iter().collect();
    order.sort_by_key(|demand| (demand.kind, u8::MAX - demand.priority));
    order.iter().map(|demand| &grants[demand.track]).collect()
}

/// What is never paused needs this much.
fn kept(demands: &[Demand<usize>]) -> Bitrate {
    let least = demands
        .iter()
        .filter(|demand| demand.kind.is_kept() && !demand.paused)
        .filter_map(|demand| demand.amounts.bounds())
        .map(|[least, ..]| least.bps());
    Bitrate::from_bps(least.sum())
}

fn moments() -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop::collection::vec((0u64..900, 0u64..8_000), 1..80)
}

proptest! {
    #[test]
    fn no_more_is_granted_than_there_is_and_nobody_is_silenced(
        demands in demands(true), moments in moments(),
    ) {
        let mut allocator = Allocator::default();
        let mut now = 0;
        for (ms, budget) in moments {
            now += ms;
            let budget = kbps(budget);
            let allocation = allocator.allocate(at(now), budget, &demands);
            let sum: u64 = allocation.grants.iter().map(|grant| grant.bitrate.bps()).sum();
            prop_assert!(sum <= budget.max(kept(&demands)).bps());
            if kept(&demands) <= budget {
                prop_assert_eq!(sum + allocation.left.bps(), budget.bps());
            }
            prop_assert!((0.0..=1.0).contains(&allocation.picture_share));
            for (demand, grant) in demands.iter().zip(&allocation.grants) {
                let Some([least, _, most]) = demand.amounts.bounds().filter(|_| !demand.paused) else {
                    prop_assert!(grant.paused && grant.bitrate == Bitrate::ZERO);
                    continue;
                };
                prop_assert!(!(demand.kind.is_kept() && grant.paused));
                prop_assert!(grant.paused || (least..=most).contains(&grant.bitrate));
                if let Amounts::Layers(layers) = &demand.amounts {
                    let chosen = layers.iter().find(|layer| Some(layer.rid) == grant.layer);
                    prop_assert_eq!(chosen.map(|layer| layer.bitrate), (!grant.paused).then_some(grant.bitrate));
                }
            }
        }
    }

    #[test]
    fn with_more_to_split_the_first_to_notice_has_more(
        demands in demands(true), less in 0u64..8_000, more in 0u64..8_000,
    ) {
        let grants = |budget| Allocator::default().allocate(Duration::ZERO, kbps(budget), &demands).grants;
        let (less, more) = (grants(less), grants(less + more));
        let runs = |grants| by_importance(&demands, grants).iter().map(|grant| !grant.paused).collect::<Vec<_>>();
        let rates = |grants| by_importance(&demands, grants).iter().map(|grant| grant.bitrate).collect::<Vec<_>>();
        prop_assert!(runs(&more) >= runs(&less));
        if runs(&more) == runs(&less) {
            prop_assert!(rates(&more) >= rates(&less));
        }
    }

    #[test]
    fn with_more_to_split_no_encoder_that_runs_anyway_gets_less(
        demands in demands(false), less in 0u64..8_000, more in 0u64..8_000,
    ) {
        let grants = |budget| Allocator::default().allocate(Duration::ZERO, kbps(budget), &demands).grants;
        let (less, more) = (grants(less), grants(less + more));
        let same = less.iter().zip(&more).all(|(less, more)| less.paused == more.paused);
        if same {
            for (less, more) in less.iter().zip(&more) {
                prop_assert!(more.bitrate >= less.bitrate);
            }
        }
    }

    #[test]
    fn nothing_flaps_however_the_budget_sways(demands in demands(true), moments in moments()) {
        let mut allocator = Allocator::default();
        let mut now = 0;
        let mut paused_at = vec![None; demands.len()];
        let mut grew_at = vec![None; demands.len()];
        let mut before: Option<Vec<Grant<usize>>> = None;
        for (ms, budget) in moments {
            now += ms;
            let grants = allocator.allocate(at(now), kbps(budget), &demands).grants;
            for (n, grant) in grants.iter().enumerate() {
                let Some(before) = before.as_ref().map(|before| &before[n]) else {
                    if grant.paused {
                        paused_at[n] = Some(now);
                    }
                    continue;
                };
                if grant.paused && !before.paused {
                    paused_at[n] = Some(now);
                }
                if !grant.paused && before.paused {
                    prop_assert!(now - paused_at[n].unwrap() >= 2_000);
                }
                let grew = !before.paused && grant.layer.is_some() && grant.bitrate > before.bitrate;
                if grew {
                    prop_assert!(grew_at[n].is_none_or(|then| now - then >= 2_000));
                    grew_at[n] = Some(now);
                }
            }
            before = Some(grants);
        }
    }

    #[test]
    fn a_budget_that_sways_by_less_than_the_margin_pauses_once(least in 50u64..1_000, seed in any::<u64>()) {
        let demands = [range("camera", Kind::Camera, [least, least, 5_000])];
        let mut allocator = Allocator::default();
        let mut changes = 0;
        let mut was_paused = false;
        let mut dice = seed | 1;
        for n in 0..120u64 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let sway = (dice >> 33) % 36;
            let budget = Bitrate::from_bps(least * (840 + sway * 10));
            let paused = allocator.allocate(at(n * 250), budget, &demands).grants[0].paused;
            changes += usize::from(paused != was_paused);
            was_paused = paused;
        }
        prop_assert!(changes <= 1, "{}", changes);
    }
}
