//! Who gets how much, whatever is asked for and however the budget moves.

use crate::bytes::Plan;
use parley_proto::Bitrate;
use parley_proto::allocation::{Allocator, Amounts, Demand, HOLD, Kind, Layer, Rid};
use std::collections::BTreeMap;
use std::time::Duration;

const KINDS: [Kind; 5] = [
    Kind::Voice,
    Kind::SharedSound,
    Kind::Screen,
    Kind::Camera,
    Kind::Files,
];

/// No more is granted than there is or what is never paused needs, no sound is paused, and what was paused stays so for a while.
pub(crate) fn allocation(data: &[u8]) {
    let mut plan = Plan(data);
    let mut allocator = Allocator::default();
    let mut now = Duration::ZERO;
    let mut demands: Vec<Demand<u8>> = Vec::new();
    // When each was paused for want of bits.
    let mut paused: BTreeMap<u8, Duration> = BTreeMap::new();
    while !plan.is_over() {
        let control = plan.byte();
        now += Duration::from_millis(u64::from(control >> 3) * 40);
        if control & 0x4 == 0 {
            // Others ask, or ask for something else: their history begins anew, or goes on under the same name.
            demands = asked(&mut plan);
            paused.clear();
            allocator = Allocator::default();
        }
        let budget = rate(&mut plan);
        let allocation = allocator.allocate(now, budget, &demands);
        let sum = allocation
            .grants
            .iter()
            .fold(0u64, |sum, grant| sum.saturating_add(grant.bitrate.bps()));
        let kept = demands.iter().fold(0u64, |sum, demand| {
            let is_kept = demand.kind.is_kept() && !demand.paused;
            sum.saturating_add(if is_kept { least(&demand.amounts) } else { 0 })
        });
        assert!(sum <= budget.bps().max(kept), "{sum} of {budget:?}, kept {kept}");
        assert!((0.0..=1.0).contains(&allocation.picture_share));
        for (demand, grant) in demands.iter().zip(&allocation.grants) {
            assert_eq!(demand.track, grant.track);
            assert!(!grant.paused || grant.bitrate == Bitrate::ZERO);
            if demand.paused {
                assert!(grant.paused);
                continue;
            }
            let is_nothing = matches!(&demand.amounts, Amounts::Layers(layers) if layers.iter().all(|layer| layer.bitrate == Bitrate::ZERO))
                || matches!(&demand.amounts, Amounts::Range { min, good, wanted } if min.max(good).max(wanted) == &Bitrate::ZERO);
            assert!(is_nothing || !demand.kind.is_kept() || !grant.paused);
            if grant.paused {
                paused.entry(demand.track).or_insert(now);
            } else if let Some(since) = paused.remove(&demand.track) {
                assert!(now - since >= HOLD, "back after {:?}", now - since);
            }
        }
    }
}

fn least(amounts: &Amounts) -> u64 {
    match amounts {
        Amounts::Range { min, .. } => min.bps(),
        Amounts::Layers(layers) => layers
            .iter()
            .map(|layer| layer.bitrate.bps())
            .filter(|bps| *bps > 0)
            .min()
            .unwrap_or(0),
    }
}

fn asked(plan: &mut Plan<'_>) -> Vec<Demand<u8>> {
    let count = plan.byte() % 12;
    (0..count)
        .map(|track| {
            let what = plan.byte();
            let amounts = if what & 0x40 == 0 {
                Amounts::Range {
                    min: rate(plan),
                    good: rate(plan),
                    wanted: rate(plan),
                }
            } else {
                let layers = Rid::ALL.into_iter().take(usize::from(what >> 5 & 3));
                Amounts::Layers(
                    layers
                        .map(|rid| Layer {
                            rid,
                            bitrate: rate(plan),
                        })
                        .collect(),
                )
            };
            Demand {
                track,
                kind: KINDS.get(usize::from(what % 5)).copied().unwrap_or(Kind::Camera),
                priority: what >> 3 & 3,
                paused: what & 0x80 != 0,
                amounts,
            }
        })
        .collect()
}

/// From nothing to a number that is hardly a rate any more.
fn rate(plan: &mut Plan<'_>) -> Bitrate {
    let (size, steps) = (plan.byte(), u64::from(plan.byte()));
    Bitrate::from_bps(match size {
        255 => u64::MAX / (steps + 1),
        _ => (steps * 10_000) << (size & 3),
    })
}
