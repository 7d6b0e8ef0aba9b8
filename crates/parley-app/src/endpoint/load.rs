//! How much of one core the codecs beside the encoder of one's own largest picture take: from what each counts to a share.
//! Sans-IO, once a second.

use parley_proto::ParticipantId;
use std::collections::BTreeMap;

/// Something that encodes or decodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Worker {
    /// Of somebody's picture; true: of their screen.
    Decoder(ParticipantId, bool),
    /// Of a smaller layer of one's own picture.
    Layer(&'static str),
}

/// What it has done so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Work {
    /// Pictures since its beginning.
    pub(super) pictures: u64,
    /// Milliseconds that one takes.
    pub(super) each_ms: f32,
}

/// What each had done a second ago.
#[derive(Debug, Default)]
pub(super) struct CodecLoad(BTreeMap<Worker, u64>);

impl CodecLoad {
    /// Another second: the share of one core that all of them took in it.
    pub(super) fn second(&mut self, workers: Vec<(Worker, Work)>) -> f32 {
        let before = std::mem::take(&mut self.0);
        let mut busy_ms = 0.0;
        for (worker, work) in workers {
            // One that was there before and counts from zero again began anew.
            let known = before.get(&worker).copied().unwrap_or(0);
            busy_ms += work.pictures.saturating_sub(known) as f32 * work.each_ms;
            self.0.insert(worker, work.pictures);
        }
        busy_ms / 1_000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_of_all_is_added_up_each_with_its_own_time() {
        let [ada, ben] = [1, 2].map(|number| ParticipantId::from_bytes([number; 16]));
        let work = |pictures, each_ms| Work { pictures, each_ms };
        let mut load = CodecLoad::default();
        let close = |is: f32, expect: f32| assert!((is - expect).abs() < 1e-5, "{is} {expect}");
        close(
            load.second(vec![(Worker::Decoder(ada, false), work(30, 5.0))]),
            0.15,
        );
        let second = vec![
            (Worker::Decoder(ada, false), work(60, 5.0)),
            (Worker::Decoder(ada, true), work(10, 10.0)),
            (Worker::Decoder(ben, false), work(15, 1.0)),
            (Worker::Layer("q"), work(30, 0.5)),
        ];
        close(load.second(second), 0.15 + 0.1 + 0.015 + 0.015);
        // Ben is gone, Ada's decoder began anew.
        close(
            load.second(vec![(Worker::Decoder(ada, false), work(20, 5.0))]),
            0.0,
        );
        close(
            load.second(vec![(Worker::Decoder(ada, false), work(40, 5.0))]),
            0.1,
        );
    }
}
