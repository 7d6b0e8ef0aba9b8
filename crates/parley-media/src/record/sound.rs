//! The sound of a recording: both halves of a call on one line of time, and Opus out of it.
//!
//! Blocks come in order within their half but late, and the times they carry jitter and drift, for devices have clocks of
//! their own. So within a half one block follows the other without a seam, and is moved by single samples towards its time;
//! only where sound was really missing is there a gap. Silence is recorded as silence. Sans-IO.

use crate::audio::limiter::Limiter;
use crate::audio::{BLOCK_SAMPLES, Block, CallHalf, OpusError, SAMPLE_RATE, SILENT_BLOCK};
use bytes::Bytes;
use opusic_c::{Application, Channels, Encoder, SampleRate};
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// Samples in a packet: 20 ms.
pub(super) const PACKET_SAMPLES: u64 = 2 * BLOCK_SAMPLES as u64;
/// A block that is so far from where it was expected comes after a gap: 60 ms.
const GAP: i64 = 2_880;
/// When blocks are this far from their time in the long run, they are moved: 2 ms.
const DRIFT_MAX: f32 = 96.0;
/// How much of a block's distance goes into the mean: about half a second of blocks.
const WEIGHT: f32 = 0.02;
/// What is further ahead has a wrong time: 12 s, more than what may wait for a slow disk.
const AHEAD_MAX: u64 = 12 * SAMPLE_RATE as u64;
/// Of voices and of music, if somebody plays it.
const BITRATE: u32 = 64_000;
/// The largest packet (RFC 6716, 3.2.1).
const PACKET_BYTES_MAX: usize = 1_275;

/// Both halves of what was heard, by their place since the beginning, in samples.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    samples: VecDeque<f32>,
    /// The place of the first of them.
    begin: u64,
    own: Pen,
    played: Pen,
    limiter: Limiter,
    /// Samples that came when their place was written already, or with a wrong time.
    misplaced: u64,
}

/// Where one half's next block belongs.
#[derive(Debug, Default)]
struct Pen {
    next: Option<u64>,
    /// By how much blocks lately were later than they were placed, in samples.
    drift: f32,
}

impl Timeline {
    /// Adds a block whose first sample belongs to a moment since the beginning.
    pub(super) fn add(&mut self, half: CallHalf, block: &Block, at: Duration) {
        let pen = match half {
            CallHalf::Own => &mut self.own,
            CallHalf::Played => &mut self.played,
        };
        let (start, step) = pen.place(place(at));
        match step {
            -1 => self.put(start, &block[1..]),
            1 => {
                self.put(start, &block[..1]);
                self.put(start + 1, block);
            }
            _ => self.put(start, block),
        }
    }

    /// The next packet's worth, once all of it lies before `until`.
    pub(super) fn take(&mut self, until: Duration) -> Option<[Block; 2]> {
        if self.begin + PACKET_SAMPLES > place(until) {
            return None;
        }
        let mut blocks = [SILENT_BLOCK; 2];
        for block in &mut blocks {
            for sample in block.iter_mut() {
                *sample = self.samples.pop_front().unwrap_or(0.0);
            }
            self.limiter.apply(block);
        }
        self.begin += PACKET_SAMPLES;
        Some(blocks)
    }

    /// Samples that found no place.
    pub(super) const fn misplaced(&self) -> u64 {
        self.misplaced
    }

    fn put(&mut self, start: u64, samples: &[f32]) {
        let end = start + samples.len() as u64;
        if end <= self.begin || start > self.begin + AHEAD_MAX {
            self.misplaced += samples.len() as u64;
            return;
        }
        let late = self.begin.saturating_sub(start) as usize;
        self.misplaced += late as u64;
        let first = (start + late as u64 - self.begin) as usize;
        let needed = (end - self.begin) as usize;
        if self.samples.len() < needed {
            self.samples.resize(needed, 0.0);
        }
        for (place, sample) in self.samples.range_mut(first..).zip(&samples[late..]) {
            *place += sample;
        }
    }
}

impl Pen {
    /// Where a block of this time goes, and whether it is to take one sample more (1) or less (-1).
    fn place(&mut self, at: u64) -> (u64, i8) {
        let off = self.next.map(|next| at as i64 - next as i64);
        let (start, step) = match (self.next, off) {
            (Some(next), Some(off)) if off.abs() < GAP => {
                self.drift += (off as f32 - self.drift) * WEIGHT;
                let step = if self.drift > DRIFT_MAX {
                    1
                } else if self.drift < -DRIFT_MAX {
                    -1
                } else {
                    0
                };
                self.drift -= f32::from(step);
                (next, step)
            }
            _ => {
                self.drift = 0.0;
                (at, 0)
            }
        };
        self.next = Some((start + BLOCK_SAMPLES as u64).saturating_add_signed(i64::from(step)));
        (start, step)
    }
}

/// A moment since the beginning, in samples.
fn place(at: Duration) -> u64 {
    (at.as_nanos() * u128::from(SAMPLE_RATE) / 1_000_000_000) as u64
}

/// Turns 20 ms into a packet.
pub(super) struct SoundEncoder(Encoder);

impl fmt::Debug for SoundEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoundEncoder").finish_non_exhaustive()
    }
}

impl SoundEncoder {
    pub(super) fn new() -> Result<Self, OpusError> {
        let mut opus = Encoder::new(Channels::Mono, SampleRate::Hz48000, Application::Audio)?;
        opus.set_bitrate(opusic_c::Bitrate::Value(BITRATE))?;
        Ok(Self(opus))
    }

    /// Samples that a player must leave out at the beginning.
    pub(super) fn pre_skip(&mut self) -> u16 {
        let lookahead = self.0.get_look_ahead().unwrap_or_default();
        u16::try_from(lookahead).unwrap_or_default()
    }

    pub(super) fn encode(&mut self, blocks: &[Block; 2]) -> Result<Bytes, OpusError> {
        let mut packet = [0; PACKET_BYTES_MAX];
        let length = self.0.encode_float_to_slice(blocks.as_flattened(), &mut packet)?;
        Ok(Bytes::copy_from_slice(&packet[..length]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn all(timeline: &mut Timeline, until: Duration) -> Vec<f32> {
        std::iter::from_fn(|| timeline.take(until))
            .flat_map(|blocks| blocks.as_flattened().to_vec())
            .collect()
    }

    #[test]
    fn both_halves_lie_where_they_were_heard_and_on_top_of_each_other() {
        let mut timeline = Timeline::default();
        timeline.add(CallHalf::Played, &[0.25; BLOCK_SAMPLES], ms(20));
        timeline.add(CallHalf::Own, &[0.5; BLOCK_SAMPLES], ms(25));
        assert!(timeline.take(ms(19)).is_none());
        let sound = all(&mut timeline, ms(60));
        assert_eq!(sound.len(), 60 * 48);
        let at = |ms: usize| sound[ms * 48];
        assert_eq!(
            [at(19), at(20), at(24), at(25), at(29), at(30), at(34), at(35)],
            [0.0, 0.25, 0.25, 0.75, 0.75, 0.5, 0.5, 0.0]
        );
    }

    #[test]
    fn jitter_makes_no_seam_and_a_real_gap_is_kept() {
        let mut timeline = Timeline::default();
        for n in 0..100u64 {
            let jitter = Duration::from_micros(n * 7_919 % 9_000);
            timeline.add(CallHalf::Own, &[0.5; BLOCK_SAMPLES], ms(100 + n * 10) + jitter);
        }
        timeline.add(CallHalf::Own, &[0.5; BLOCK_SAMPLES], ms(2_000));
        let sound = all(&mut timeline, ms(2_100));
        let spoken = &sound[100 * 48..1_090 * 48];
        assert!(spoken.iter().all(|&sample| sample == 0.5), "a seam");
        assert!(sound[1_120 * 48..1_999 * 48].iter().all(|&sample| sample == 0.0));
        assert_eq!(sound[2_000 * 48], 0.5);
    }

    #[test]
    fn a_device_whose_clock_is_off_stays_at_its_time() {
        for (step_us, name) in [(9_995, "fast"), (10_005, "slow")] {
            let mut timeline = Timeline::default();
            let mut last = Duration::ZERO;
            // Ten minutes: the clocks are 300 ms apart at the end.
            for n in 0..60_000u64 {
                last = Duration::from_micros(n * step_us);
                let loud = if n == 59_999 { 0.75 } else { 0.25 };
                timeline.add(CallHalf::Own, &[loud; BLOCK_SAMPLES], last);
                while n < 59_990 && timeline.take(last.saturating_sub(ms(300))).is_some() {}
            }
            let begin = timeline.begin;
            let sound = all(&mut timeline, last + ms(100));
            let found = sound.iter().position(|&sample| sample > 0.5).unwrap() as u64 + begin;
            let off_ms = (found as f64 - place(last) as f64) / 48.0;
            assert!(off_ms.abs() < 5.0, "{name}: {off_ms} ms");
            assert!(
                sound[..4_800].iter().all(|&sample| (0.2..0.3).contains(&sample)),
                "{name}: a seam"
            );
            assert_eq!(timeline.misplaced(), 0, "{name}");
        }
    }

    #[test]
    fn what_waited_for_ten_seconds_is_all_there() {
        let mut timeline = Timeline::default();
        for n in 0..1_000u64 {
            for half in [CallHalf::Own, CallHalf::Played] {
                timeline.add(half, &[0.25; BLOCK_SAMPLES], ms(n * 10));
            }
        }
        let sound = all(&mut timeline, ms(10_000));
        assert!(sound.len() == 480_000 && sound.iter().all(|&sample| sample == 0.5));
        assert_eq!(timeline.misplaced(), 0);
    }

    #[test]
    fn what_comes_too_late_or_with_a_wrong_time_is_counted_and_left_out() {
        let mut timeline = Timeline::default();
        let _ = all(&mut timeline, ms(1_000));
        timeline.add(CallHalf::Played, &[0.5; BLOCK_SAMPLES], ms(500));
        timeline.add(CallHalf::Own, &[0.5; BLOCK_SAMPLES], ms(3_600_000));
        assert_eq!(timeline.misplaced(), 2 * BLOCK_SAMPLES as u64);
        assert!(all(&mut timeline, ms(1_100)).iter().all(|&sample| sample == 0.0));
    }

    #[test]
    fn two_loud_halves_do_not_overdrive() {
        let mut timeline = Timeline::default();
        for n in 0..10 {
            for half in [CallHalf::Own, CallHalf::Played] {
                timeline.add(half, &[0.9; BLOCK_SAMPLES], ms(10 * n));
            }
        }
        assert!(
            all(&mut timeline, ms(100))
                .iter()
                .all(|&sample| sample.abs() <= 1.0)
        );
    }
}
