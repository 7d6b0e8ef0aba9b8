//! Who else hears what is played: the recording, the tap and whoever records the call, with the time at which the playback callback took each block.

use super::config::{CallHalf, PlayedBlock, RecordedBlock};
use super::record::Recording;
use super::status::AudioCounters;
use super::wall::WallAnchor;
use super::{Block, SILENT_BLOCK};
use crate::device::sound::PlaybackMark;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

/// Blocks that wait for the callback: more than the speaker's ring holds.
const PENDING_MAX: usize = 32;

/// The listeners of one engine.
pub(super) struct Played {
    tap: Option<SyncSender<PlayedBlock>>,
    recording: Option<Recording>,
    recorder: Option<SyncSender<RecordedBlock>>,
    anchor: WallAnchor,
    pending: VecDeque<(Range<u64>, Block)>,
}

impl Played {
    pub(super) fn new(
        tap: Option<SyncSender<PlayedBlock>>,
        recording: Option<Recording>,
        anchor: WallAnchor,
    ) -> Self {
        Self {
            tap,
            recording,
            recorder: None,
            anchor,
            pending: VecDeque::with_capacity(PENDING_MAX),
        }
    }

    /// Who records the call from now on.
    pub(super) fn record_call(&mut self, recorder: Option<SyncSender<RecordedBlock>>) {
        self.recorder = recorder;
    }

    /// A block that nobody plays aloud, at the time it was due.
    pub(super) fn by_clock(&mut self, block: &Block, due: Instant, counters: &mut AudioCounters) {
        self.record(block, counters);
        self.tell(*block, due, counters);
    }

    /// A block that was put into the speaker's ring, as this range of the device's samples.
    pub(super) fn queued(&mut self, block: &Block, range: Range<u64>, counters: &mut AudioCounters) {
        self.record(block, counters);
        if self.tap.is_none() && self.recorder.is_none() {
            self.pending.clear();
            return;
        }
        if self.pending.len() == PENDING_MAX {
            self.pending.pop_front();
            counters.tap_dropped += 1;
        }
        self.pending.push_back((range, *block));
    }

    /// The callback took samples: those blocks whose first sample is among them were played.
    pub(super) fn taken(&mut self, mark: PlaybackMark, rate: u32, counters: &mut AudioCounters) {
        let end = mark.before + u64::from(mark.taken);
        while let Some((range, _)) = self.pending.front() {
            if range.start >= end {
                break;
            }
            let into = range.start.saturating_sub(mark.before);
            let played = mark.at + Duration::from_nanos(into * 1_000_000_000 / u64::from(rate.max(1)));
            let block = self.pending.pop_front().map_or(SILENT_BLOCK, |(_, block)| block);
            self.tell(block, played, counters);
        }
    }

    /// The speaker is gone, and what waited in its ring with it.
    pub(super) fn forget(&mut self) {
        self.pending.clear();
    }

    fn record(&self, block: &Block, counters: &mut AudioCounters) {
        if let Some(recording) = &self.recording {
            counters.record_dropped += u64::from(!recording.put(block));
        }
    }

    fn tell(&self, samples: Block, played: Instant, counters: &mut AudioCounters) {
        if let Some(recorder) = &self.recorder {
            let half = RecordedBlock {
                half: CallHalf::Played,
                samples,
                at: played,
            };
            counters.call_record_dropped += u64::from(recorder.try_send(half).is_err());
        }
        let Some(tap) = &self.tap else { return };
        let block = PlayedBlock {
            samples,
            played_at: self.anchor.wall(played),
            played,
        };
        counters.tap_dropped += u64::from(tap.try_send(block).is_err());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::pace::test_start;
    use std::sync::mpsc::sync_channel;
    use std::time::UNIX_EPOCH;

    #[test]
    fn a_block_is_told_with_the_time_its_first_sample_was_taken() {
        let start = test_start();
        let (tap, heard) = sync_channel(8);
        let mut played = Played::new(Some(tap), None, WallAnchor::new(start, UNIX_EPOCH));
        let mut counters = AudioCounters::default();
        for n in 0..3u64 {
            played.queued(&SILENT_BLOCK, n * 480..(n + 1) * 480, &mut counters);
        }
        let at = |ms| start + Duration::from_millis(ms);
        let mark = |at, before, taken| PlaybackMark { at, before, taken };
        played.taken(mark(at(20), 0, 720), 48_000, &mut counters);
        played.taken(mark(at(35), 720, 100), 48_000, &mut counters);
        played.taken(mark(at(40), 820, 480), 48_000, &mut counters);
        let times: Vec<_> = heard.try_iter().map(|block| block.played - start).collect();
        assert_eq!(times[..2], [Duration::from_millis(20), Duration::from_millis(30)]);
        assert_eq!(times[2].as_micros(), 40_000 + 140 * 1_000 / 48);
        assert_eq!(counters.tap_dropped, 0);
    }

    #[test]
    fn a_tap_nobody_empties_loses_blocks_and_counts_them() {
        let (tap, _heard) = sync_channel(1);
        let mut played = Played::new(Some(tap), None, WallAnchor::new(test_start(), UNIX_EPOCH));
        let mut counters = AudioCounters::default();
        for _ in 0..5 {
            played.by_clock(&SILENT_BLOCK, test_start(), &mut counters);
        }
        assert_eq!(counters.tap_dropped, 4);
    }
}
