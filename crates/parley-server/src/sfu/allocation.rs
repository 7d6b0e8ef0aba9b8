//! What of the pictures one subscriber gets, out of what their way carries.
//!
//! Everybody gets the smallest layer first, by importance; then all of the same importance are raised step by step, and nobody less
//! important gets more before they have what they want. Down at once, up only with a margin and after a while, so that nothing flaps.
//!
//! Not `parley_proto::allocation`, which divides what one person sends: of equals, the first has all it wants there before the second
//! has more than its least. In a grid that would be one sharp face among blurred ones; and layers bear any names here.
//!
//! Owned by a subscriber. Deliberately absent: what the way carries, and which layer is large enough for a tile (`layers`).

use parley_proto::Bitrate;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A larger layer, or a picture that was paused, must fit this many times over ...
pub(super) const MARGIN: f64 = 1.15;
/// ... for so long.
const HOLD: Duration = Duration::from_secs(1);

/// One picture somebody wants.
#[derive(Debug, Clone)]
pub(super) struct Demand<K> {
    /// Which.
    pub(super) key: K,
    /// Higher goes first.
    pub(super) priority: u8,
    /// What each layer takes that would do, smallest first, up to the one that is large enough. Not empty.
    pub(super) layers: Vec<Bitrate>,
    /// The first of them is the second one at half its rate.
    pub(super) halved: bool,
    /// Of equals, this one is seen before others are.
    pub(super) first: bool,
}

/// What each demand is granted, in the same order: a layer, or nothing.
pub(super) type Grants = Vec<Option<usize>>;

/// What is remembered between two questions.
#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    granted: Option<usize>,
    halved: bool,
    ripe_since: Option<Instant>,
    known: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Allocator<K> {
    standings: BTreeMap<K, Standing>,
}

impl<K: Ord + Copy> Allocator<K> {
    pub(super) const fn new() -> Self {
        Self {
            standings: BTreeMap::new(),
        }
    }

    /// Splits `budget`. `hasty`: more is given as soon as it fits, without waiting whether that lasts.
    pub(super) fn allocate(
        &mut self,
        now: Instant,
        budget: Bitrate,
        demands: &[Demand<K>],
        hasty: bool,
    ) -> Grants {
        let hold = if hasty { Duration::ZERO } else { HOLD };
        let grants = share(budget, demands);
        let cautious = share(budget.scale(1.0 / MARGIN), demands);
        let mut standings = BTreeMap::new();
        let settled: Grants = demands
            .iter()
            .zip(grants.iter().zip(cautious))
            .map(|(demand, (bold, cautious))| {
                let mut standing = self.standings.get(&demand.key).copied().unwrap_or_default();
                let most = demand.layers.len().saturating_sub(1);
                let had = standing.had(demand.halved).map(|layer| layer.min(most));
                standing.granted = if standing.known {
                    standing.settle((now, hold), had, *bold, cautious)
                } else {
                    *bold
                };
                standing.known = true;
                standings.insert(demand.key, standing);
                standing.granted
            })
            .collect();
        self.standings = standings;
        settled
    }
}

impl Standing {
    /// What was granted, as a place among the layers of now.
    fn had(&mut self, halved: bool) -> Option<usize> {
        let before = std::mem::replace(&mut self.halved, halved);
        self.granted.map(|layer| match (before, halved) {
            (false, true) => layer + 1,
            (true, false) => layer.saturating_sub(1),
            _ => layer,
        })
    }

    fn settle(
        &mut self,
        (now, hold): (Instant, Duration),
        had: Option<usize>,
        bold: Option<usize>,
        cautious: Option<usize>,
    ) -> Option<usize> {
        if cautious <= had {
            self.ripe_since = None;
            // What still fits without the margin is kept.
            return bold.min(had);
        }
        let since = *self.ripe_since.get_or_insert(now);
        // With less to share, somebody may be given more because somebody else is not: never more than there is room for now.
        if now < since + hold {
            return had.min(bold);
        }
        self.ripe_since = None;
        cautious.min(bold)
    }
}

fn share<K>(budget: Bitrate, demands: &[Demand<K>]) -> Grants {
    let mut left = budget;
    let mut grants: Grants = vec![None; demands.len()];
    let mut priorities: Vec<u8> = demands.iter().map(|demand| demand.priority).collect();
    priorities.sort_unstable();
    priorities.dedup();
    let most = demands
        .iter()
        .map(|demand| demand.layers.len())
        .max()
        .unwrap_or(0);
    // The smallest of everybody, then the rest of each importance.
    for priority in priorities.iter().rev() {
        let equals = |demand: &Demand<K>| demand.priority == *priority;
        raise(&mut left, demands, &mut grants, |demand| {
            (equals(demand) && demand.first).then_some(0)
        });
        raise(&mut left, demands, &mut grants, |demand| {
            equals(demand).then_some(0)
        });
    }
    // All halves become whole before anybody has a larger layer.
    for priority in priorities.iter().rev() {
        for layer in 0..most {
            raise(&mut left, demands, &mut grants, |demand| {
                let at = layer + usize::from(demand.halved);
                (demand.priority == *priority && at > 0).then_some(at)
            });
        }
    }
    grants
}

/// Brings each of them to a layer, if it is to come to one, as far as it goes.
fn raise<K>(
    left: &mut Bitrate,
    demands: &[Demand<K>],
    grants: &mut Grants,
    to: impl Fn(&Demand<K>) -> Option<usize>,
) {
    for (demand, grant) in demands.iter().zip(grants) {
        let Some(layer) = to(demand) else {
            continue;
        };
        let Some(takes) = demand.layers.get(layer).copied() else {
            continue;
        };
        let has = grant
            .and_then(|at| demand.layers.get(at).copied())
            .unwrap_or_default();
        let follows = *grant == layer.checked_sub(1);
        let more = takes.saturating_sub(has);
        if follows && more <= *left {
            *left = left.saturating_sub(more);
            *grant = Some(layer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[expect(clippy::disallowed_methods, reason = "a start to count from")]
    fn start() -> Instant {
        Instant::now()
    }

    fn demand(key: u8, priority: u8, kbps: &[u64]) -> Demand<u8> {
        Demand {
            key,
            priority,
            layers: kbps.iter().map(|kbps| Bitrate::from_kbps(*kbps)).collect(),
            halved: false,
            first: false,
        }
    }

    #[test]
    fn everybody_is_seen_before_anybody_is_seen_well() {
        let check = |kbps, demands: &[Demand<u8>], grants: &[Option<usize>]| {
            let given = Allocator::new().allocate(start(), Bitrate::from_kbps(kbps), demands, false);
            assert_eq!(given, grants, "{kbps} kbit/s");
        };
        let grid = [
            demand(1, 1, &[150, 500, 1500]),
            demand(2, 1, &[150, 500, 1500]),
            demand(3, 1, &[150, 500]),
        ];
        check(100, &grid, &[None, None, None]);
        check(350, &grid, &[Some(0), Some(0), None]);
        check(850, &grid, &[Some(1), Some(0), Some(0)]);
        check(1_500, &grid, &[Some(1), Some(1), Some(1)]);
        check(2_500, &grid, &[Some(2), Some(1), Some(1)]);
        check(9_000, &grid, &[Some(2), Some(2), Some(1)]);
        let speaker = [
            demand(1, 0, &[150, 500]),
            demand(2, 3, &[150, 500, 1500]),
            demand(3, 0, &[150]),
        ];
        check(170, &speaker, &[None, Some(0), None]);
        check(1_000, &speaker, &[Some(0), Some(1), Some(0)]);
        check(1_800, &speaker, &[Some(0), Some(2), Some(0)]);
        check(2_200, &speaker, &[Some(1), Some(2), Some(0)]);
    }

    #[test]
    fn of_equals_one_is_seen_first_and_then_no_better_than_the_others() {
        let mut grid = [
            demand(1, 1, &[150, 500]),
            demand(2, 1, &[150, 500]),
            demand(3, 2, &[150]),
        ];
        grid[1].first = true;
        let given = |kbps| Allocator::new().allocate(start(), Bitrate::from_kbps(kbps), &grid, false);
        assert_eq!(given(200), [None, None, Some(0)]);
        assert_eq!(given(300), [None, Some(0), Some(0)]);
        assert_eq!(given(450), [Some(0), Some(0), Some(0)]);
        assert_eq!(given(800), [Some(1), Some(0), Some(0)]);
    }

    #[test]
    fn that_a_layer_can_be_halved_from_now_on_changes_nothing_that_was_granted() {
        let now = start();
        let mut allocator = Allocator::new();
        let whole = [demand(1, 1, &[150, 500])];
        let mut halves = [demand(1, 1, &[90, 150, 500])];
        halves[0].halved = true;
        let mut ask = |kbps, demands: &[Demand<u8>]| {
            allocator.allocate(now, Bitrate::from_kbps(kbps), demands, false)[0]
        };
        assert_eq!(ask(510, &whole), Some(1));
        assert_eq!(ask(510, &halves), Some(2));
        assert_eq!(ask(160, &halves), Some(1));
        assert_eq!(ask(160, &whole), Some(0));
    }

    #[test]
    fn whose_picture_can_be_halved_is_no_layer_behind_whose_cannot() {
        let mut grid = [
            demand(1, 1, &[150, 500, 1500]),
            demand(2, 1, &[90, 150, 500, 1500]),
        ];
        grid[1].halved = true;
        let given = |kbps, grid: &[Demand<u8>]| share(Bitrate::from_kbps(kbps), grid);
        assert_eq!(given(240, &grid), [Some(0), Some(0)]);
        assert_eq!(given(300, &grid), [Some(0), Some(1)]);
        assert_eq!(given(650, &grid), [Some(1), Some(1)]);
        for kbps in [1_000, 1_650, 1_990] {
            assert_eq!(given(kbps, &grid), [Some(1), Some(2)], "{kbps} kbit/s");
        }
        assert_eq!(given(2_000, &grid), [Some(2), Some(2)]);
        grid.reverse();
        assert_eq!(given(1_700, &grid), [Some(2), Some(1)]);
    }

    /// How large a layer is that was granted, where the smallest is 0 and its half less.
    fn level(demand: &Demand<u8>, grant: Option<usize>) -> i64 {
        let at = grant.map_or(-1, |at| i64::try_from(at).unwrap());
        at - i64::from(demand.halved)
    }

    proptest! {
        #[test]
        fn of_equals_nobody_is_a_layer_behind_who_could_have_had_the_next(
            budget in 0u64..8_000,
            wanted in proptest::collection::vec(
                (0u8..3, any::<bool>(), any::<bool>(), proptest::collection::vec(1u64..2_000, 2..5)),
                0..8,
            ),
        ) {
            let demands: Vec<Demand<u8>> = wanted.iter().zip(0..).map(|((priority, halved, first, kbps), key)| {
                let mut kbps = kbps.clone();
                kbps.sort_unstable();
                Demand { halved: *halved, first: *first, ..demand(key, *priority, &kbps) }
            }).collect();
            let grants = share(Bitrate::from_kbps(budget), &demands);
            let takes = |demand: &Demand<u8>, at: usize| demand.layers[at].kbps();
            let has = |demand: &Demand<u8>, grant: Option<usize>| grant.map_or(0, |at| takes(demand, at));
            let given: Vec<_> = demands.iter().zip(grants).collect();
            let left = budget - given.iter().map(|(demand, grant)| has(demand, *grant)).sum::<u64>();
            for &(behind, has_less) in &given {
                let next = has_less.map_or(0, |at| at + 1);
                if next == behind.layers.len() {
                    continue;
                }
                let needs = takes(behind, next) - has(behind, has_less);
                prop_assert!(needs > left, "there was room for {behind:?}");
                for &(ahead, has_more) in &given {
                    let is_ahead = ahead.priority == behind.priority
                        && level(ahead, has_more) > level(behind, has_less) + 1;
                    let Some(at) = has_more.filter(|at| is_ahead && *at > 0) else {
                        continue;
                    };
                    let last_step = takes(ahead, at) - takes(ahead, at - 1);
                    prop_assert!(needs > left + last_step, "{ahead:?} is ahead of {behind:?}");
                }
            }
        }
    }

    #[test]
    fn down_at_once_and_up_only_when_it_lasts() {
        let mut now = start();
        let mut allocator = Allocator::new();
        let one = [demand(1, 1, &[150, 500])];
        let mut ask = |now, kbps| allocator.allocate(now, Bitrate::from_kbps(kbps), &one, false)[0];
        assert_eq!(ask(now, 600), Some(1));
        assert_eq!(ask(now, 520), Some(1), "no room to spare, and yet enough");
        assert_eq!(ask(now, 490), Some(0));
        now += HOLD / 2;
        assert_eq!(ask(now, 700), Some(0));
        now += HOLD / 2;
        assert_eq!(ask(now, 490), Some(0), "that did not last");
        assert_eq!(ask(now, 700), Some(0));
        now += HOLD;
        assert_eq!(ask(now, 700), Some(1));
        assert_eq!(ask(now, 100), None);
    }

    proptest! {
        #[test]
        fn no_more_is_granted_than_there_is(
            budgets in proptest::collection::vec(0u64..6_000, 1..8),
            wanted in proptest::collection::vec((0u8..4, proptest::collection::vec(1u64..2_000, 1..4)), 0..8),
        ) {
            let mut now = start();
            let mut allocator = Allocator::new();
            let demands: Vec<Demand<u8>> = wanted.iter().zip(0..).map(|((priority, kbps), key)| {
                let mut kbps = kbps.clone();
                kbps.sort_unstable();
                demand(key, *priority, &kbps)
            }).collect();
            for budget in budgets {
                now += Duration::from_millis(700);
                let grants = allocator.allocate(now, Bitrate::from_kbps(budget), &demands, false);
                let sum: u64 = grants.iter().zip(&demands).filter_map(|(grant, demand)| Some(demand.layers[(*grant)?].kbps())).sum();
                prop_assert!(sum <= budget, "{sum} of {budget}");
            }
        }
    }
}
