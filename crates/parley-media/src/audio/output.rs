//! The speaker side of the engine: where the next block goes, and when it is due.

use super::Block;
use super::config::AudioOutput;
use super::pace::{BLOCK_TIME, ClockPace};
use super::played::Played;
use super::status::{AudioCounters, StreamStatus};
use super::{BLOCK_SAMPLES, wall::WallAnchor};
use crate::device::sound::SpeakerRing;
use std::time::Instant;

/// So much more is kept in the ring after repeated underruns, at most; or one callback more, where a callback takes more.
const EXTRA_MAX: usize = 3 * BLOCK_SAMPLES;
/// This many underruns within [`UNDERRUN_WINDOW_BLOCKS`] and the ring is kept fuller.
const UNDERRUNS: u64 = 2;
const UNDERRUN_WINDOW_BLOCKS: u64 = 500;

/// Where the sound goes and its pace.
pub(super) struct OutputSide {
    speaker: Option<Speaker>,
    pace: ClockPace,
    anchor: WallAnchor,
    pub(super) played: Played,
    pub(super) status: StreamStatus,
    /// Which wish for a device counts.
    pub(super) generation: u32,
}

struct Speaker {
    ring: SpeakerRing,
    /// Samples to keep in the ring: what a callback takes at once, and more after underruns.
    fill: usize,
    extra: usize,
    underruns: u64,
    blocks: u64,
}

impl OutputSide {
    pub(super) fn new(played: Played, anchor: WallAnchor, now: Instant) -> Self {
        Self {
            speaker: None,
            pace: ClockPace::new(half_way(anchor, now)),
            anchor,
            played,
            status: StreamStatus::default(),
            generation: 0,
        }
    }

    /// Another speaker is wanted. It comes later, through [`OutputSide::opened`]; until then nobody hears.
    pub(super) fn set(&mut self, output: &AudioOutput, now: Instant) {
        self.silent(now);
        self.status = match output {
            AudioOutput::Null => StreamStatus::default(),
            AudioOutput::Device { .. } => StreamStatus::starting(None),
        };
    }

    /// The speaker is open; its callbacks take `period` samples (at 48 kHz) at once.
    pub(super) fn opened(&mut self, ring: SpeakerRing, period: usize, status: StreamStatus) {
        self.played.forget();
        self.speaker = Some(Speaker {
            ring,
            fill: period.next_multiple_of(BLOCK_SAMPLES),
            extra: 0,
            underruns: 0,
            blocks: 0,
        });
        self.status = status;
    }

    /// The speaker is gone, or could not be opened.
    pub(super) fn lost(&mut self, status: StreamStatus, now: Instant) {
        self.silent(now);
        self.status = status;
    }

    /// Whether somebody may hear it, so that the echo canceller must know it.
    pub(super) const fn is_audible(&self) -> bool {
        self.speaker.is_some()
    }

    /// Before the blocks of a tick: times of playback, underruns, what a stall made too old.
    pub(super) fn prepare(&mut self, now: Instant, counters: &mut AudioCounters) {
        let Some(speaker) = &mut self.speaker else {
            counters.playout_skipped += self.pace.skip(now);
            return;
        };
        while let Some(mark) = speaker.ring.next_mark() {
            self.played.taken(mark, speaker.ring.rate(), counters);
        }
        speaker.note_callbacks();
        speaker.note_underruns(counters);
    }

    /// Whether a block is due, and the time it counts for.
    pub(super) fn due(&mut self, now: Instant) -> Option<Instant> {
        match &self.speaker {
            Some(speaker) => (speaker.ring.queued() + BLOCK_SAMPLES <= speaker.wanted()).then_some(now),
            None => self.pace.take(now),
        }
    }

    /// The block that was due.
    pub(super) fn put(&mut self, block: &Block, due: Instant, counters: &mut AudioCounters) {
        let Some(speaker) = &mut self.speaker else {
            self.played.by_clock(block, due, counters);
            return;
        };
        speaker.blocks += 1;
        match speaker.ring.write_block(block) {
            Some(range) => self.played.queued(block, range, counters),
            None => counters.playout_skipped += 1,
        }
    }

    /// When to wake for it; a speaker wakes the thread itself.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.speaker.is_none().then(|| self.pace.next())
    }

    fn silent(&mut self, now: Instant) {
        self.speaker = None;
        self.played.forget();
        self.pace = ClockPace::new(half_way(self.anchor, now));
    }
}

impl Speaker {
    /// Samples to keep in the ring, never more than fit.
    fn wanted(&self) -> usize {
        (self.fill + self.extra).min(self.ring.capacity() - BLOCK_SAMPLES)
    }

    /// Devices may take more at once than they announced.
    fn note_callbacks(&mut self) {
        let largest = self.ring.largest_callback().next_multiple_of(BLOCK_SAMPLES);
        self.fill = self.fill.max(largest);
    }

    fn note_underruns(&mut self, counters: &mut AudioCounters) {
        let underruns = self.ring.take_underruns();
        counters.speaker_underruns += underruns;
        self.underruns += underruns;
        if self.underruns >= UNDERRUNS {
            let more = BLOCK_SAMPLES.max(self.fill / 2);
            self.extra = (self.extra + more).min(EXTRA_MAX.max(self.fill));
            (self.underruns, self.blocks) = (0, 0);
        } else if self.blocks >= UNDERRUN_WINDOW_BLOCKS {
            (self.underruns, self.blocks) = (0, 0);
        }
    }
}

/// Without a device the playout is due half a block after the capture, so that what was captured here, or on this machine,
/// neither just misses its turn nor lies about for a whole block.
fn half_way(anchor: WallAnchor, now: Instant) -> Instant {
    anchor.next_block(now) + BLOCK_TIME / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::SILENT_BLOCK;
    use crate::audio::pace::test_start;
    use crate::device::sound::ring;
    use std::time::{Duration, UNIX_EPOCH};

    /// Underruns in four seconds of callbacks of `taken_ms` that were announced as `announced_ms`; each `doubled`th comes
    /// together with the next.
    fn underruns(announced_ms: usize, taken_ms: usize, doubled: usize) -> (u64, u64) {
        let mut now = test_start();
        let anchor = WallAnchor::new(now, UNIX_EPOCH);
        let mut side = OutputSide::new(Played::new(None, None, anchor), anchor, now);
        let (mut feed, end) = ring::speaker(48_000, std::thread::current()).unwrap();
        side.opened(end, announced_ms * 48, StreamStatus::default());
        let mut counters = AudioCounters::default();
        let mut after_a_second = 0;
        for n in 0..4_000 / taken_ms {
            side.prepare(now, &mut counters);
            while let Some(due) = side.due(now) {
                side.put(&SILENT_BLOCK, due, &mut counters);
            }
            for _ in 0..if n % doubled == 0 { 2 } else { 1 } {
                let mut buffer = vec![0.0f32; taken_ms * 48];
                feed.pull(buffer.chunks_exact_mut(1), now, |sample| sample);
            }
            now += Duration::from_millis(taken_ms as u64);
            if n * taken_ms < 2_000 {
                after_a_second = counters.speaker_underruns;
            }
        }
        assert_eq!(counters.playout_skipped, 0, "more was put in than fits");
        (after_a_second, counters.speaker_underruns)
    }

    #[test]
    fn a_speaker_that_takes_more_than_it_announced_soon_finds_enough() {
        let (_, all) = underruns(10, 85, 1_000);
        assert!(all <= 3, "{all}");
    }

    #[test]
    fn callbacks_that_come_in_pairs_are_kept_enough_for_however_long_they_are() {
        for taken_ms in [10, 60, 85] {
            let (early, all) = underruns(taken_ms, taken_ms, 2);
            assert!(early > 0 && all - early <= 1, "{taken_ms} ms: {early}, {all}");
        }
    }
}
