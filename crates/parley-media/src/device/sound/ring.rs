//! What lies between a device's callback and the audio thread: lock-free rings of mono samples at the device's rate.
//!
//! The callback's end only copies; everything else (resampling, re-blocking, counting) happens at the audio thread's end.
//! A full microphone ring loses its newest samples, an empty speaker ring plays silence; both are counted.

use super::resample::{EdgeResampler, block_at};
use crate::audio::{BLOCK_SAMPLES, Block, SAMPLE_RATE, SILENT_BLOCK};
use rtrb::{Consumer, Producer, RingBuffer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// Samples of a ring, in blocks: 200 ms.
const RING_BLOCKS: usize = 20;
/// Playback marks that may wait.
const MARKS: usize = 64;

/// The playback callback took samples from the ring.
#[derive(Debug, Clone, Copy)]
pub struct PlaybackMark {
    /// When.
    pub at: Instant,
    /// How many samples it had taken before, at the device's rate.
    pub before: u64,
    /// How many it took now.
    pub taken: u32,
}

/// The audio thread's end of a microphone.
#[derive(Debug)]
pub struct MicrophoneRing {
    samples: Consumer<f32>,
    rate: u32,
    resampler: Option<Box<EdgeResampler>>,
    lost: Arc<AtomicU64>,
    largest: Arc<AtomicUsize>,
}

/// The callback's end of a microphone.
#[derive(Debug)]
pub(crate) struct MicrophoneFeed {
    samples: Producer<f32>,
    lost: Arc<AtomicU64>,
    /// Most samples that one callback brought, at the device's rate.
    largest: Arc<AtomicUsize>,
    wake: Thread,
    block: usize,
}

/// The audio thread's end of a speaker.
#[derive(Debug)]
pub struct SpeakerRing {
    samples: Producer<f32>,
    marks: Consumer<PlaybackMark>,
    rate: u32,
    resampler: Option<Box<EdgeResampler>>,
    underruns: Arc<AtomicU64>,
    largest: Arc<AtomicUsize>,
    written: u64,
}

/// The callback's end of a speaker.
#[derive(Debug)]
pub(crate) struct SpeakerFeed {
    samples: Consumer<f32>,
    marks: Producer<PlaybackMark>,
    underruns: Arc<AtomicU64>,
    /// Most samples that one callback wanted, at the device's rate.
    largest: Arc<AtomicUsize>,
    wake: Thread,
    taken: u64,
    started: bool,
}

/// A ring for a microphone of this rate. None when the rate cannot be brought to 48 kHz.
pub(crate) fn microphone(rate: u32, wake: Thread) -> Option<(MicrophoneFeed, MicrophoneRing)> {
    let (producer, consumer) = RingBuffer::new(RING_BLOCKS * block_at(rate));
    let (lost, largest) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicUsize::new(0)));
    let feed = MicrophoneFeed {
        samples: producer,
        lost: Arc::clone(&lost),
        largest: Arc::clone(&largest),
        wake,
        block: block_at(rate),
    };
    let ring = MicrophoneRing {
        samples: consumer,
        rate,
        resampler: edge(rate, false)?,
        lost,
        largest,
    };
    Some((feed, ring))
}

/// A ring for a speaker of this rate. None when 48 kHz cannot be brought to it.
pub(crate) fn speaker(rate: u32, wake: Thread) -> Option<(SpeakerFeed, SpeakerRing)> {
    let (producer, consumer) = RingBuffer::new(RING_BLOCKS * block_at(rate));
    let (marks, marks_out) = RingBuffer::new(MARKS);
    let (underruns, largest) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicUsize::new(0)));
    let feed = SpeakerFeed {
        samples: consumer,
        marks,
        underruns: Arc::clone(&underruns),
        largest: Arc::clone(&largest),
        wake,
        taken: 0,
        started: false,
    };
    let ring = SpeakerRing {
        samples: producer,
        marks: marks_out,
        rate,
        resampler: edge(rate, true)?,
        underruns,
        largest,
        written: 0,
    };
    Some((feed, ring))
}

/// Inner none: no resampling needed. Outer none: impossible.
#[expect(
    clippy::option_option,
    reason = "needed or not, and possible or not, are two questions"
)]
fn edge(rate: u32, to_device: bool) -> Option<Option<Box<EdgeResampler>>> {
    if rate == SAMPLE_RATE {
        return Some(None);
    }
    EdgeResampler::new(rate, to_device).map(Box::new).map(Some)
}

impl MicrophoneFeed {
    /// Copies what the device gave, its channels folded into one, and wakes the audio thread when a block is there.
    pub(crate) fn push(&mut self, interleaved: impl ExactSizeIterator<Item = f32>, channels: usize) {
        let frames = interleaved.len() / channels.max(1);
        self.largest.fetch_max(frames, Ordering::Relaxed);
        let room = frames.min(self.samples.slots());
        if room < frames {
            self.lost.fetch_add((frames - room) as u64, Ordering::Relaxed);
        }
        if let Ok(chunk) = self.samples.write_chunk_uninit(room) {
            chunk.fill_from_iter(Folded {
                interleaved,
                channels,
            });
        }
        if self.samples.buffer().capacity() - self.samples.slots() >= self.block {
            self.wake.unpark();
        }
    }
}

/// One sample a frame: the mean of its channels.
struct Folded<I> {
    interleaved: I,
    channels: usize,
}

impl<I: Iterator<Item = f32>> Iterator for Folded<I> {
    type Item = f32;
    fn next(&mut self) -> Option<f32> {
        let mut sum = self.interleaved.next()?;
        for _ in 1..self.channels {
            sum += self.interleaved.next()?;
        }
        Some(sum / self.channels as f32)
    }
}

impl MicrophoneRing {
    /// Takes 10 ms, if so much is there.
    pub fn read_block(&mut self) -> Option<Block> {
        match &mut self.resampler {
            None => {
                let mut block = SILENT_BLOCK;
                self.samples.pop_entire_slice(&mut block).ok()?;
                Some(block)
            }
            Some(resampler) => {
                self.samples.pop_entire_slice(resampler.device_block()).ok()?;
                Some(resampler.read())
            }
        }
    }

    /// How much sound waits.
    #[must_use]
    pub fn waiting(&self) -> Duration {
        self.lasting(self.samples.slots())
    }

    /// How much sound the largest callback so far brought at once.
    #[must_use]
    pub fn largest_callback(&self) -> Duration {
        self.lasting(self.largest.load(Ordering::Relaxed))
    }

    fn lasting(&self, samples: usize) -> Duration {
        Duration::from_nanos(samples as u64 * 1_000_000_000 / u64::from(self.rate.max(1)))
    }

    /// Throws away whole blocks beyond `keep`; gives how many samples went.
    pub fn drop_beyond(&mut self, keep: Duration) -> u64 {
        let block = block_at(self.rate);
        let keep = (keep.as_millis() as usize / 10) * block;
        let excess = self.samples.slots().saturating_sub(keep) / block * block;
        if let Ok(chunk) = self.samples.read_chunk(excess) {
            chunk.commit_all();
        }
        excess as u64
    }

    /// Samples lost because this end was late, since the last question.
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }
}

impl SpeakerFeed {
    /// Fills the device's buffer, each sample put into all channels; silence where the ring has nothing.
    pub(crate) fn pull<'a, S: Copy + 'a>(
        &mut self,
        frames: impl ExactSizeIterator<Item = &'a mut [S]>,
        at: Instant,
        convert: impl Fn(f32) -> S,
    ) {
        let wanted = frames.len();
        self.largest.fetch_max(wanted, Ordering::Relaxed);
        let available = self.samples.slots().min(wanted);
        let silence = convert(0.0);
        if let Ok(chunk) = self.samples.read_chunk(available) {
            let mut samples = chunk.into_iter();
            for frame in frames {
                let value = samples.next().map_or(silence, &convert);
                frame.fill(value);
            }
        }
        // A mark that finds no place only costs the tap a time stamp.
        let _ = self.marks.push(PlaybackMark {
            at,
            before: self.taken,
            taken: u32::try_from(available).unwrap_or(u32::MAX),
        });
        self.taken += available as u64;
        // Until the first samples come there is nothing to run short of.
        if available < wanted && self.started {
            self.underruns.fetch_add(1, Ordering::Relaxed);
        }
        self.started |= available > 0;
        self.wake.unpark();
    }
}

impl SpeakerRing {
    /// How many samples at 48 kHz wait to be played.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.at_48_khz(self.samples.buffer().capacity() - self.samples.slots())
    }

    /// How many samples at 48 kHz the largest callback so far wanted at once.
    #[must_use]
    pub fn largest_callback(&self) -> usize {
        self.at_48_khz(self.largest.load(Ordering::Relaxed))
    }

    /// How many samples at 48 kHz it holds at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.at_48_khz(self.samples.buffer().capacity())
    }

    fn at_48_khz(&self, samples: usize) -> usize {
        samples * SAMPLE_RATE as usize / self.rate.max(1) as usize
    }

    /// Puts 10 ms at the end, and tells the range of the device's samples it became. None: no room.
    pub fn write_block(&mut self, block: &Block) -> Option<std::ops::Range<u64>> {
        let samples = match &mut self.resampler {
            None => &block[..],
            Some(resampler) => {
                resampler.write(block);
                resampler.device_block()
            }
        };
        self.samples.push_entire_slice(samples).ok()?;
        let start = self.written;
        self.written += samples.len() as u64;
        Some(start..self.written)
    }

    /// What the playback callback took, oldest first.
    pub fn next_mark(&mut self) -> Option<PlaybackMark> {
        self.marks.pop().ok()
    }

    /// Samples per second of the device.
    #[must_use]
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// How often the device found too little, since the last question.
    pub fn take_underruns(&self) -> u64 {
        self.underruns.swap(0, Ordering::Relaxed)
    }

    /// Samples of a block at the device's rate.
    #[must_use]
    pub fn block(&self) -> usize {
        self.resampler
            .as_ref()
            .map_or(BLOCK_SAMPLES, |_| block_at(self.rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stereo_is_folded_and_blocks_do_not_depend_on_the_callbacks_sizes() {
        let (mut feed, mut ring) = microphone(48_000, std::thread::current()).unwrap();
        for size in [24, 960, 100, 356] {
            feed.push((0..size * 2).map(|i| if i % 2 == 0 { 0.2 } else { 0.4 }), 2);
        }
        for _ in 0..3 {
            let block = ring.read_block().unwrap();
            assert!(block.iter().all(|s| (s - 0.3).abs() < 1e-6));
        }
        assert!(ring.read_block().is_none());
    }

    #[test]
    fn a_late_reader_loses_samples_and_they_are_counted() {
        let (mut feed, mut ring) = microphone(16_000, std::thread::current()).unwrap();
        feed.push((0..5_000).map(|_| 0.0), 1);
        assert_eq!(ring.take_lost(), 5_000 - 3_200);
        assert_eq!(ring.take_lost(), 0);
        assert_eq!(ring.waiting(), Duration::from_millis(200));
        assert_eq!(ring.drop_beyond(Duration::from_millis(20)), 3_200 - 320);
        assert!(ring.read_block().is_some());
    }

    #[test]
    fn an_empty_speaker_plays_silence_and_counts_it() {
        let (mut feed, mut ring) = speaker(48_000, std::thread::current()).unwrap();
        let at = crate::device::sound::test_now();
        let mut buffer = [1.0f32; 2 * 480];
        feed.pull(buffer.chunks_exact_mut(2), at, |s| s);
        assert!(buffer.iter().all(|s| *s == 0.0));
        assert_eq!(ring.take_underruns(), 0, "nothing was promised yet");
        assert_eq!(ring.write_block(&[0.5; 480]), Some(0..480));
        assert_eq!(ring.queued(), 480);
        let mut buffer = [1i16; 2 * 600];
        feed.pull(buffer.chunks_exact_mut(2), at, |s| (s * 100.0) as i16);
        assert_eq!((buffer[0], buffer[959], buffer[960]), (50, 50, 0));
        assert_eq!(ring.take_underruns(), 0, "the first sound may begin anywhere");
        feed.pull(buffer.chunks_exact_mut(2), at, |s| (s * 100.0) as i16);
        assert_eq!(ring.take_underruns(), 1);
        let marks: Vec<_> = std::iter::from_fn(|| ring.next_mark())
            .map(|m| (m.before, m.taken))
            .collect();
        assert_eq!(marks, [(0, 0), (0, 480), (480, 0)]);
    }
}
