//! The receive thread: packets in any order to decoded pictures, newest wins.
//!
//! Owns the frame buffer and the decoder. A picture that cannot be decoded rightly is not shown: a key frame is asked for and
//! the last good picture stays. While nobody watches, nothing is decoded; coming back then takes a key frame, which is asked
//! for at once.

use super::VideoFrame;
use super::codec::H264Decoder;
use super::frame_buffer::{CompletePicture, FrameBuffer, FrameBufferCounters};
use crate::packet::ReceivedPacket;
use crate::slot::Slot;
use crate::time::CaptureTime;
use parley_proto::Resolution;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long the thread sleeps at most before it looks whether anybody still wants it.
const PATIENCE: Duration = Duration::from_millis(100);

/// What the receive thread has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ReceiverStats {
    /// Pictures decoded.
    pub decoded: u64,
    /// Whole pictures not decoded because nobody watched, or because one before them was missing for good.
    pub dropped: u64,
    /// Pictures that the decoder refused.
    pub decode_errors: u64,
    /// The size of the last picture.
    pub resolution: Option<Resolution>,
    /// Milliseconds to decode one picture, smoothed over about thirty.
    pub decode_ms: f32,
    /// When the last picture was decoded.
    pub last_decoded: Option<Instant>,
    /// Whether the picture stands still now because something is missing.
    pub frozen: bool,
    /// What happened to packets and pictures before the decoder.
    pub buffer: FrameBufferCounters,
}

/// The receive thread. Dropping it ends it; the slot stays open for another one.
#[derive(Debug)]
pub struct VideoReceiver {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stats: Mutex<ReceiverStats>,
    halted: AtomicBool,
    unwatched: AtomicBool,
    /// In microseconds; zero while unknown.
    round_trip_us: AtomicU64,
}

impl VideoReceiver {
    /// Starts the thread. `ask_key_frame` is called when the sender should be asked for a key frame: rarely, and again while
    /// none comes. The thread ends when dropped or when `packets` has no sender any more.
    #[must_use]
    pub fn spawn(
        packets: Receiver<ReceivedPacket>,
        frames: Slot<VideoFrame>,
        ask_key_frame: Box<dyn Fn() + Send>,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        let desk = Desk {
            buffer: FrameBuffer::new(),
            decoder: None,
            frames,
            ask_key_frame,
            shared: Arc::clone(&shared),
            watched: true,
            stale: false,
        };
        let spawned = std::thread::Builder::new()
            .name("video decode".into())
            .spawn(move || run(desk, &packets));
        if let Err(error) = spawned {
            // Seen as a track without pictures; the call goes on with sound.
            tracing::error!(%error, "no thread for the video receiver");
        }
        Self { shared }
    }

    /// What it has done so far.
    #[must_use]
    pub fn stats(&self) -> ReceiverStats {
        *self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anybody looks at the pictures. Nothing is decoded while nobody does.
    pub fn set_watched(&self, watched: bool) {
        self.shared.unwatched.store(!watched, Ordering::Release);
    }

    /// How long a packet takes there and back: how long to wait for retransmissions follows from it.
    pub fn set_round_trip(&self, round_trip: Duration) {
        let us = u64::try_from(round_trip.as_micros()).unwrap_or(u64::MAX).max(1);
        self.shared.round_trip_us.store(us, Ordering::Release);
    }
}

impl Drop for VideoReceiver {
    fn drop(&mut self) {
        self.shared.halted.store(true, Ordering::Release);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "driver: tells the frame buffer the time"
)]
fn run(mut desk: Desk, packets: &Receiver<ReceivedPacket>) {
    while !desk.shared.halted.load(Ordering::Acquire) {
        match packets.recv_timeout(desk.rest(Instant::now())) {
            Ok(packet) => {
                desk.buffer.insert(packet);
                // What came meanwhile belongs to the same moment; a picture is many packets.
                packets
                    .try_iter()
                    .take(256)
                    .for_each(|packet| desk.buffer.insert(packet));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        desk.serve(Instant::now());
    }
    tracing::debug!("the video receive thread ends");
}

/// What the receive thread works with.
struct Desk {
    buffer: FrameBuffer,
    decoder: Option<H264Decoder>,
    frames: Slot<VideoFrame>,
    ask_key_frame: Box<dyn Fn() + Send>,
    shared: Arc<Shared>,
    /// Whether anybody watched when it was last looked.
    watched: bool,
    /// Whether pictures were left out, so that only a key frame can be decoded.
    stale: bool,
}

impl Desk {
    /// How long to sleep when no packet comes. While nobody watches, no deadline matters: no key frame is asked for, and one
    /// that is due would stay due.
    fn rest(&self, now: Instant) -> Duration {
        let due = if self.watched {
            self.buffer.deadline()
        } else {
            None
        };
        due.map_or(PATIENCE, |due| due.saturating_duration_since(now).min(PATIENCE))
    }

    fn serve(&mut self, now: Instant) {
        match self.shared.round_trip_us.load(Ordering::Acquire) {
            0 => {}
            us => self.buffer.set_round_trip(Duration::from_micros(us)),
        }
        let watched = !self.shared.unwatched.load(Ordering::Acquire);
        let before = std::mem::replace(&mut self.watched, watched);
        if watched && !before && (std::mem::take(&mut self.stale) || self.buffer.is_frozen()) {
            self.buffer.require_key_frame_now();
        }
        while let Some(picture) = self.buffer.pop(now) {
            if watched {
                self.decode(&picture);
            } else {
                self.stale = true;
                self.note(|stats| stats.dropped += 1);
            }
        }
        if watched && self.buffer.take_key_frame_request(now) {
            (self.ask_key_frame)();
        }
        let (counters, frozen) = (self.buffer.counters(), self.buffer.is_frozen());
        self.note(|stats| {
            stats.buffer = counters;
            stats.frozen = frozen;
        });
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "driver: measures decoding and stamps the picture"
    )]
    fn decode(&mut self, picture: &CompletePicture) {
        let begin = Instant::now();
        let Some(decoder) = self.decoder_for(picture) else {
            self.note(|stats| stats.dropped += 1);
            return;
        };
        match decoder.decode(&picture.unit.data, CaptureTime(begin)) {
            Ok(Some(mut frame)) => {
                let end = Instant::now();
                frame.captured = CaptureTime(end);
                let resolution = frame.resolution();
                // Counted first: whoever gets the picture finds it in the statistics.
                self.note(|stats| stats.note_decoded(resolution, end, end - begin));
                self.frames.put(frame);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(%error, "a picture could not be decoded");
                self.decoder = None;
                self.buffer.require_key_frame();
                self.note(|stats| stats.decode_errors += 1);
            }
        }
    }

    /// The decoder; a new one is begun only with a key frame, for it would refuse anything else.
    fn decoder_for(&mut self, picture: &CompletePicture) -> Option<&mut H264Decoder> {
        if self.decoder.is_none() {
            if !picture.unit.key_frame {
                self.buffer.require_key_frame();
                return None;
            }
            self.decoder = H264Decoder::new()
                .inspect_err(|error| tracing::error!(%error, "no video decoder"))
                .ok();
        }
        self.decoder.as_mut()
    }

    fn note(&self, change: impl FnOnce(&mut ReceiverStats)) {
        change(&mut self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl ReceiverStats {
    fn note_decoded(&mut self, resolution: Resolution, at: Instant, took: Duration) {
        let took_ms = took.as_secs_f32() * 1e3;
        let weight = if self.decoded == 0 { 1.0 } else { 1.0 / 30.0 };
        self.decode_ms += (took_ms - self.decode_ms) * weight;
        self.decoded += 1;
        self.resolution = Some(resolution);
        self.last_decoded = Some(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any moment will do to begin with")]
    fn without_a_watcher_a_due_key_frame_neither_spins_nor_is_asked_for_and_with_one_it_is_at_once() {
        let asked = Arc::new(AtomicU32::new(0));
        let counts = Arc::clone(&asked);
        let mut desk = Desk {
            buffer: FrameBuffer::new(),
            decoder: None,
            frames: Slot::new(),
            ask_key_frame: Box::new(move || {
                counts.fetch_add(1, Ordering::Relaxed);
            }),
            shared: Arc::new(Shared::default()),
            watched: true,
            stale: false,
        };
        let mut now = Instant::now();
        desk.buffer.require_key_frame();
        desk.serve(now);
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        desk.shared.unwatched.store(true, Ordering::Relaxed);
        for _ in 0..50 {
            now += Duration::from_millis(100);
            desk.serve(now);
            assert_eq!(desk.rest(now), PATIENCE);
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        desk.shared.unwatched.store(false, Ordering::Relaxed);
        desk.serve(now);
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        assert!(desk.rest(now) > Duration::ZERO);
        // Away and back sooner than a key frame is asked for again.
        for unwatched in [true, false] {
            desk.shared.unwatched.store(unwatched, Ordering::Relaxed);
            desk.serve(now);
        }
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }
}
