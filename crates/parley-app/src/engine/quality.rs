//! Three bars from figures: the worst of loss, round trip and jitter over the last seconds. No clock: one sample a second.

use crate::view::Quality;
use parley_proto::ParticipantId;
use std::collections::{BTreeMap, VecDeque};

/// Samples that count together, so that one bad second is no change of mood.
const SAMPLES: usize = 4;

/// What one second was like.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct PathSample {
    /// The worse of both directions, percent.
    pub(super) loss_pct: f32,
    pub(super) round_trip_ms: Option<f32>,
    pub(super) jitter_ms: f32,
    /// The picture stands still.
    pub(super) frozen: bool,
}

/// How good the call is, and the path to each of the others.
#[derive(Debug, Default)]
pub(super) struct Qualities {
    call: PathQuality,
    people: BTreeMap<ParticipantId, PathQuality>,
}

impl Qualities {
    /// Another second, with those who are there.
    pub(super) fn push(&mut self, call: PathSample, people: Vec<(ParticipantId, PathSample)>) {
        self.call.push(call);
        self.people
            .retain(|who, _| people.iter().any(|(there, _)| there == who));
        for (who, sample) in people {
            self.people.entry(who).or_default().push(sample);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// That of the call.
    pub(super) fn get(&self) -> Quality {
        self.call.get()
    }

    /// That of the path to somebody.
    pub(super) fn of(&self, who: ParticipantId) -> Quality {
        self.people.get(&who).map_or(Quality::Unknown, PathQuality::get)
    }
}

/// The last seconds of a path.
#[derive(Debug, Default)]
struct PathQuality(VecDeque<PathSample>);

impl PathQuality {
    fn push(&mut self, sample: PathSample) {
        if self.0.len() == SAMPLES {
            self.0.pop_front();
        }
        self.0.push_back(sample);
    }

    fn get(&self) -> Quality {
        if self.0.is_empty() {
            return Quality::Unknown;
        }
        let mean =
            |figure: fn(&PathSample) -> f32| self.0.iter().map(figure).sum::<f32>() / self.0.len() as f32;
        let loss = bars(mean(|sample| sample.loss_pct), 2.0, 8.0);
        let round_trip = bars(
            mean(|sample| sample.round_trip_ms.unwrap_or_default()),
            250.0,
            500.0,
        );
        let jitter = bars(mean(|sample| sample.jitter_ms), 40.0, 100.0);
        let frozen = bars(mean(|sample| f32::from(u8::from(sample.frozen))), 0.3, 0.7);
        match loss.max(round_trip).max(jitter).max(frozen) {
            0 => Quality::Good,
            1 => Quality::Fair,
            _ => Quality::Poor,
        }
    }
}

/// Bars lost.
const fn bars(figure: f32, fair_from: f32, poor_from: f32) -> u8 {
    (figure >= fair_from) as u8 + (figure >= poor_from) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_figure_decides_and_one_bad_second_does_not() {
        let check = |samples: &[PathSample], expect: Quality| {
            let mut quality = PathQuality::default();
            samples.iter().for_each(|sample| quality.push(*sample));
            assert_eq!(quality.get(), expect, "{samples:?}");
        };
        let calm = PathSample::default();
        let lossy = PathSample {
            loss_pct: 5.0,
            ..calm
        };
        let far = PathSample {
            round_trip_ms: Some(600.0),
            ..calm
        };
        let frozen = PathSample { frozen: true, ..calm };
        check(&[], Quality::Unknown);
        check(&[calm], Quality::Good);
        check(&[lossy; 4], Quality::Fair);
        check(&[calm, calm, calm, lossy], Quality::Good);
        check(&[far; 4], Quality::Poor);
        check(&[frozen; 3], Quality::Poor);
        check(&[frozen, calm, calm, calm, calm], Quality::Good);
    }
    #[test]
    fn whoever_left_takes_their_path_along() {
        let [ada, ben] = [1, 2].map(|number| ParticipantId::from_bytes([number; 16]));
        let frozen = PathSample {
            frozen: true,
            ..PathSample::default()
        };
        let mut qualities = Qualities::default();
        qualities.push(
            PathSample::default(),
            vec![(ada, PathSample::default()), (ben, frozen)],
        );
        let seen = [ada, ben].map(|who| qualities.of(who));
        assert_eq!(
            (qualities.get(), seen),
            (Quality::Good, [Quality::Good, Quality::Poor])
        );
        qualities.push(PathSample::default(), vec![(ada, PathSample::default())]);
        assert_eq!(qualities.of(ben), Quality::Unknown);
    }
}
