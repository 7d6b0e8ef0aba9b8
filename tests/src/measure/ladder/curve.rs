//! Quality over rate, and the rate from which on one way to encode is the better one. Pure.

/// From one rate that is looked at to the next.
const STEP: f64 = 1.01;

/// What came out of one way to encode at some rates: quality over kbit/s, between two of them straight over the rate's logarithm.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Curve(Vec<(f64, f64)>);

/// From which rate on the second of two is better than the first, among those that both were measured at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Better {
    /// From this one on, in kbit/s.
    From(f64),
    /// At all of them, of which this is the lowest.
    Always(f64),
    /// At none, of which this is the highest.
    Never(f64),
}

impl Curve {
    /// Through these points.
    #[must_use]
    pub(super) fn new(mut points: Vec<(f64, f64)>) -> Self {
        points.retain(|(kbps, quality)| *kbps > 0.0 && quality.is_finite());
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self(points)
    }

    /// The lowest and the highest rate.
    #[must_use]
    pub(super) fn range(&self) -> Option<(f64, f64)> {
        Some((self.0.first()?.0, self.0.last()?.0))
    }

    /// The quality at a rate within its range.
    #[must_use]
    pub(super) fn at(&self, kbps: f64) -> Option<f64> {
        let pairs = self.0.windows(2);
        let mut around = pairs.filter(|pair| pair[0].0 <= kbps && kbps <= pair[1].0);
        let (low, high) = around.next().map(|pair| (pair[0], pair[1]))?;
        let part = (kbps / low.0).ln() / (high.0 / low.0).ln().max(f64::MIN_POSITIVE);
        Some(low.1 + (high.1 - low.1) * part.clamp(0.0, 1.0))
    }

    /// The rate at which it reaches a quality first.
    #[must_use]
    pub(super) fn rate_for(&self, quality: f64) -> Option<f64> {
        let (low, high) = self.range()?;
        rates(low, high).find(|kbps| self.at(*kbps).is_some_and(|is| is >= quality))
    }

    /// The better of some at each rate that any was measured at; a way that ends before is no longer asked.
    #[must_use]
    pub(super) fn best_of(curves: &[Self]) -> Self {
        let ranges: Vec<(f64, f64)> = curves.iter().filter_map(Self::range).collect();
        let low = ranges.iter().map(|range| range.0).fold(f64::INFINITY, f64::min);
        let high = ranges.iter().map(|range| range.1).fold(0.0, f64::max);
        let best = |kbps| {
            let qualities = curves.iter().filter_map(|curve| curve.at(kbps));
            Some((kbps, qualities.max_by(f64::total_cmp)?))
        };
        Self::new(rates(low, high).filter_map(best).collect())
    }

    /// The mean of two where both were measured.
    #[must_use]
    pub(super) fn mean(&self, other: &Self) -> Self {
        let Some((low, high)) = self.shared_range(other) else {
            return Self::default();
        };
        let mean = |kbps| Some((kbps, f64::midpoint(self.at(kbps)?, other.at(kbps)?)));
        Self::new(rates(low, high).filter_map(mean).collect())
    }

    /// From which rate on `other` is better than this.
    #[must_use]
    pub(super) fn overtaken_by(&self, other: &Self) -> Option<Better> {
        let (low, high) = self.shared_range(other)?;
        let is_better = |kbps: &f64| Some(other.at(*kbps)? > self.at(*kbps)?);
        let all: Vec<f64> = rates(low, high).collect();
        let worse = all.iter().rposition(|kbps| is_better(kbps) == Some(false));
        Some(match worse {
            None => Better::Always(low),
            Some(at) => all
                .get(at + 1)
                .map_or(Better::Never(high), |kbps| Better::From(*kbps)),
        })
    }

    fn shared_range(&self, other: &Self) -> Option<(f64, f64)> {
        let (one, two) = (self.range()?, other.range()?);
        let (low, high) = (one.0.max(two.0), one.1.min(two.1));
        (low < high).then_some((low, high))
    }
}

fn rates(low: f64, high: f64) -> impl Iterator<Item = f64> {
    std::iter::successors(Some(low), |kbps| Some(kbps * STEP)).take_while(move |kbps| *kbps <= high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small pictures begin well and soon end, large ones the other way round.
    fn curves() -> (Curve, Curve) {
        (
            Curve::new(vec![(800.0, 62.0), (100.0, 50.0), (400.0, 60.0)]),
            Curve::new(vec![(200.0, 40.0), (1_600.0, 85.0)]),
        )
    }

    #[test]
    fn between_two_rates_quality_is_straight_over_the_logarithm() {
        let (small, _) = curves();
        assert_eq!(small.at(100.0), Some(50.0));
        assert_eq!(small.at(200.0), Some(55.0));
        assert_eq!((small.at(99.0), small.at(801.0)), (None, None));
        let rate = small.rate_for(55.0).unwrap();
        assert!((199.0..204.0).contains(&rate), "{rate}");
        assert_eq!(small.rate_for(63.0), None);
        assert_eq!(Curve::default().at(1.0), None);
    }

    #[test]
    fn the_larger_is_better_from_where_it_stays_above() {
        let (small, large) = curves();
        // At 400 it is 55 against 60, at 800 it is 70 against 62.
        let Some(Better::From(kbps)) = small.overtaken_by(&large) else {
            panic!("they cross");
        };
        assert!((480.0..560.0).contains(&kbps), "{kbps}");
        let best = Curve::best_of(&[small.clone(), large.clone()]);
        assert_eq!(best.range().map(|range| range.0), Some(100.0));
        assert!(best.at(1_500.0).unwrap() > 80.0 && best.at(150.0).unwrap() > 50.0);
        assert_eq!(large.overtaken_by(&large), Some(Better::Never(1_600.0)));
        let better = Curve::new(vec![(100.0, 70.0), (800.0, 90.0)]);
        assert_eq!(small.overtaken_by(&better), Some(Better::Always(100.0)));
        let elsewhere = Curve::new(vec![(2_000.0, 1.0), (3_000.0, 2.0)]);
        assert_eq!(small.overtaken_by(&elsewhere), None);
    }

    #[test]
    fn a_mean_is_where_both_are() {
        let (small, large) = curves();
        let mean = small.mean(&large);
        let (low, high) = mean.range().unwrap();
        assert!(low == 200.0 && (790.0..=800.0).contains(&high), "{mean:?}");
        assert!((mean.at(200.0).unwrap() - 47.5).abs() < 1e-6);
        assert_eq!(Curve::default().mean(&small), Curve::default());
    }
}
