//! The receive thread: packets in any order to decoded pictures, newest wins.
//!
//! Owns the frame buffer and the decoder. A picture that cannot be decoded rightly is not shown: a key frame is asked for and
//! the last good picture stays. A whole picture waits, encoded, until lips and words go together (`lip_sync`). While nobody
//! watches, nothing is decoded; coming back then takes a key frame, which is asked for at once.

use super::VideoFrame;
use super::codec::H264Decoder;
use super::frame_buffer::{CompletePicture, FrameBuffer, FrameBufferCounters};
use super::lip_sync::{LipSync, LipSyncFigures, SenderTimes};
use crate::packet::ReceivedPacket;
use crate::slot::Slot;
use crate::time::CaptureTime;
use parley_proto::Resolution;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long the thread sleeps at most before it looks whether anybody still wants it.
const PATIENCE: Duration = Duration::from_millis(100);
/// Pictures that may wait to be shown: 300 ms of a hundred a second. One more, and the first is shown.
const WAITING_MAX: usize = 32;
/// No decoding is begun earlier than this before its picture is due.
const DECODE_AHEAD_MAX: Duration = Duration::from_millis(30);

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
    /// How lips and words go together.
    pub lip_sync: LipSyncFigures,
    /// Pictures shown before their time because too many waited.
    pub hurried: u64,
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
    /// In microseconds; zero while unknown.
    sound_wait_us: AtomicU64,
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
        Self::spawn_in_sync(packets, frames, ask_key_frame, SenderTimes::new())
    }

    /// The same, for pictures that belong to sound of the same sender: they are shown when that is heard, once both are known,
    /// by `times` and by [`VideoReceiver::set_sound_wait`].
    #[must_use]
    pub fn spawn_in_sync(
        packets: Receiver<ReceivedPacket>,
        frames: Slot<VideoFrame>,
        ask_key_frame: Box<dyn Fn() + Send>,
        times: SenderTimes,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        let desk = Desk::new(frames, ask_key_frame, Arc::clone(&shared), times);
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

    /// How long the sound that belongs to the pictures waits between its arrival and its playout; none while it is not heard.
    pub fn set_sound_wait(&self, wait: Option<Duration>) {
        let us = wait.map_or(0, |wait| u64::try_from(wait.as_micros()).unwrap_or(u64::MAX));
        self.shared.sound_wait_us.store(us, Ordering::Release);
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
    lip_sync: LipSync,
    /// Whole pictures, oldest first, and when each is to be shown.
    waiting: VecDeque<(Instant, CompletePicture)>,
    /// How long one takes to decode, smoothed.
    decoding: Duration,
}

impl Desk {
    fn new(
        frames: Slot<VideoFrame>,
        ask_key_frame: Box<dyn Fn() + Send>,
        shared: Arc<Shared>,
        times: SenderTimes,
    ) -> Self {
        Self {
            buffer: FrameBuffer::new(),
            decoder: None,
            frames,
            ask_key_frame,
            shared,
            watched: true,
            stale: false,
            lip_sync: LipSync::new(times),
            waiting: VecDeque::new(),
            decoding: Duration::ZERO,
        }
    }

    /// How long to sleep when no packet comes. While nobody watches, no deadline matters: no key frame is asked for, and one
    /// that is due would stay due.
    fn rest(&self, now: Instant) -> Duration {
        let due = if self.watched {
            let showing = self.waiting.front().map(|(due, _)| self.begin_by(*due));
            self.buffer.deadline().into_iter().chain(showing).min()
        } else {
            None
        };
        due.map_or(PATIENCE, |due| due.saturating_duration_since(now).min(PATIENCE))
    }

    /// When to begin with a picture that is to be shown at `due`.
    fn begin_by(&self, due: Instant) -> Instant {
        let ahead = self.decoding.min(DECODE_AHEAD_MAX);
        due.checked_sub(ahead).unwrap_or(due)
    }

    fn serve(&mut self, now: Instant) {
        match self.shared.round_trip_us.load(Ordering::Acquire) {
            0 => {}
            us => self.buffer.set_round_trip(Duration::from_micros(us)),
        }
        let wait_us = self.shared.sound_wait_us.load(Ordering::Acquire);
        self.lip_sync
            .set_sound_wait((wait_us > 0).then_some(Duration::from_micros(wait_us)));
        let watched = !self.shared.unwatched.load(Ordering::Acquire);
        let before = std::mem::replace(&mut self.watched, watched);
        if watched && !before && (std::mem::take(&mut self.stale) || self.buffer.is_frozen()) {
            self.buffer.require_key_frame_now();
        }
        while let Some(picture) = self.buffer.pop(now) {
            let (completed, rtp_time) = (picture.completed, picture.rtp_time);
            let due = if picture.repaired {
                self.lip_sync.place_repaired(now, completed, rtp_time)
            } else {
                self.lip_sync.place(now, completed, rtp_time)
            };
            self.waiting.push_back((due, picture));
        }
        if watched {
            self.show_due(now);
        } else if !self.waiting.is_empty() {
            let dropped = self.waiting.drain(..).count() as u64;
            self.stale = true;
            self.note(|stats| stats.dropped += dropped);
        }
        if watched && self.buffer.take_key_frame_request(now) {
            (self.ask_key_frame)();
        }
        let (counters, frozen) = (self.buffer.counters(), self.buffer.is_frozen());
        let figures = self.lip_sync.figures();
        self.note(|stats| {
            stats.buffer = counters;
            stats.frozen = frozen;
            stats.lip_sync = figures;
        });
    }

    /// Decodes and shows what is due, and what more pictures wait than may.
    fn show_due(&mut self, now: Instant) {
        while let Some((due, _)) = self.waiting.front() {
            let is_due = self.begin_by(*due) <= now;
            if !is_due && self.waiting.len() <= WAITING_MAX {
                break;
            }
            if !is_due {
                self.note(|stats| stats.hurried += 1);
            }
            if let Some((_, picture)) = self.waiting.pop_front() {
                self.decode(&picture);
            }
        }
    }

    /// What waits cannot be decoded any more before the next key frame. That may be among it; else it has to be asked for.
    fn skip_to_key_frame(&mut self) {
        let before = self.waiting.len();
        let next = self
            .waiting
            .iter()
            .position(|(_, picture)| picture.unit.key_frame);
        self.waiting.drain(..next.unwrap_or(before));
        let dropped = (before - self.waiting.len()) as u64;
        self.note(|stats| stats.dropped += dropped);
        if next.is_none() {
            self.buffer.require_key_frame();
        }
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
                self.decoding = (self.decoding * 7 + (end - begin)) / 8;
                self.lip_sync.shown(end, picture.rtp_time);
                // Counted first: whoever gets the picture finds it in the statistics.
                self.note(|stats| stats.note_decoded(resolution, end, end - begin));
                self.frames.put(frame);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(%error, "a picture could not be decoded");
                self.decoder = None;
                self.skip_to_key_frame();
                self.note(|stats| stats.decode_errors += 1);
            }
        }
    }

    /// The decoder; a new one is begun only with a key frame, for it would refuse anything else.
    fn decoder_for(&mut self, picture: &CompletePicture) -> Option<&mut H264Decoder> {
        if self.decoder.is_none() {
            if !picture.unit.key_frame {
                self.skip_to_key_frame();
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
    use crate::time::{ArrivalTime, RtpTime};
    use crate::video::codec::{EncoderSettings, H264Encoder};
    use crate::video::{Lip, NtpTime, h264, pattern};
    use parley_proto::{Bitrate, FrameRate};
    use std::sync::atomic::AtomicU32;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any moment will do to begin with")]
    fn without_a_watcher_a_due_key_frame_neither_spins_nor_is_asked_for_and_with_one_it_is_at_once() {
        let asked = Arc::new(AtomicU32::new(0));
        let counts = Arc::clone(&asked);
        let ask = Box::new(move || {
            counts.fetch_add(1, Ordering::Relaxed);
        });
        let mut desk = Desk::new(Slot::new(), ask, Arc::new(Shared::default()), SenderTimes::new());
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

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any moment will do to begin with")]
    fn pictures_wait_encoded_until_their_words_are_heard_and_go_when_nobody_watches() {
        let times = SenderTimes::new();
        let mut desk = Desk::new(
            Slot::new(),
            Box::new(|| {}),
            Arc::new(Shared::default()),
            times.clone(),
        );
        let settings = EncoderSettings {
            bitrate: Bitrate::from_kbps(300),
            frame_rate: FrameRate::new(30),
        };
        let mut encoder = H264Encoder::new(settings).unwrap();
        let begin = Instant::now();
        // Heard 130 ms after the picture is whole: it is to wait until a little before that.
        times.report(Lip::Sound, NtpTime(1 << 40), RtpTime(0));
        times.report(Lip::Picture, NtpTime(1 << 40), RtpTime(0));
        times.sound_arrived(ArrivalTime(begin), RtpTime(0));
        desk.shared.sound_wait_us.store(130_000, Ordering::Relaxed);
        let (mut sequence, mut now) = (0u16, begin);
        for number in 0..100u32 {
            now = begin + Duration::from_millis(33) * number;
            let picture = pattern::draw(number, 0, Resolution::new(160, 90), CaptureTime(now)).unwrap();
            let encoded = encoder.encode(&picture, number == 0).unwrap();
            let payloads = h264::packetize(&encoded.data, 1_000);
            let count = payloads.len();
            for (n, payload) in payloads.into_iter().enumerate() {
                desk.buffer.insert(ReceivedPacket {
                    sequence,
                    rtp_time: RtpTime(number * 33 * 90),
                    marker: n + 1 == count,
                    payload,
                    arrived: ArrivalTime(now),
                    redundant: false,
                });
                sequence += 1;
            }
            desk.serve(now);
            assert!(desk.waiting.len() <= 4, "picture {number}");
        }
        let stats = *desk.shared.stats.lock().unwrap();
        assert_eq!(stats.decoded + desk.waiting.len() as u64, 100);
        assert!((95.0..=115.0).contains(&stats.lip_sync.delay_ms), "{stats:?}");
        assert!((3..=4).contains(&desk.waiting.len()), "{}", desk.waiting.len());
        let (due, _) = desk.waiting[0];
        assert!(desk.rest(now) <= due.saturating_duration_since(now));
        desk.serve(now + Duration::from_millis(150));
        assert!(desk.waiting.is_empty(), "their time has come");

        let later = CompletePicture {
            unit: h264::AccessUnit::default(),
            rtp_time: RtpTime(0),
            completed: ArrivalTime(now),
            repaired: false,
        };
        desk.waiting.push_back((now + DECODE_AHEAD_MAX * 9, later));
        desk.shared.unwatched.store(true, Ordering::Relaxed);
        desk.serve(now);
        assert!(desk.waiting.is_empty() && desk.stale);
    }
}
