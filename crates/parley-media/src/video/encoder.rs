//! The encode thread: newest raw picture in, encoded pictures out, at what the call wants right now.
//!
//! Owns one OpenH264 encoder. A place in the outgoing channel is reserved before a picture is encoded, so that an encoded
//! picture is never dropped (every later one refers to it); without a place the raw picture is skipped and counted. What to
//! aim at is decided elsewhere and read from the watch before each picture; a computer that does not keep up encodes less
//! (`cpu_guard`), and another size comes every two seconds at most (`size_pace`). A screen that stands still is encoded again only to
//! sharpen it, or when a key frame is asked for (`standing`).

use super::cadence::Cadence;
use super::codec::{Content, EncodeError, EncoderSettings, H264Encoder, TemporalLayers};
use super::cpu_guard::{BesideEncoding, CpuGuard, CpuGuardFigures};
use super::key_frame_pace::KeyFramePace;
use super::pool::FramePool;
use super::scale::scale_into;
use super::size_pace::SizePace;
use super::standing::Standing;
use super::text::Text;
use super::{EncoderTargets, KeyFrameFlag, VideoFrame};
use crate::packet::EncodedFrame;
use crate::slot::{Slot, Taken};
use crate::time::CaptureTime;
use parley_proto::{Bitrate, FrameRate, Resolution};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// Pictures per second that text is encoded for.
const TEXT_RATE: FrameRate = FrameRate::new(10);
/// How long a wait for a picture lasts before the thread looks whether anybody still wants it.
const PATIENCE: Duration = Duration::from_millis(500);
/// A picture that came so long before the end of a pause still shows what is to be seen.
const KEPT_AGE_MAX: Duration = Duration::from_millis(500);
/// The same where nothing new may come while the last picture is still wanted.
const PATIENCE_STANDING: Duration = Duration::from_millis(40);

/// The thread could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartEncoderError {
    /// No encoder.
    #[error(transparent)]
    Encoder(#[from] EncodeError),
    /// No thread.
    #[error("no thread for the encoder: {0}")]
    Thread(#[from] std::io::Error),
}

/// What the encode thread has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct EncoderStats {
    /// Pictures encoded and handed on.
    pub frames: u64,
    /// Of these, key frames.
    pub key_frames: u64,
    /// Bytes handed on.
    pub bytes: u64,
    /// Raw pictures left out because fewer a second are wanted.
    pub skipped_for_rate: u64,
    /// Raw pictures left out because the network had not taken the earlier ones.
    pub skipped_for_room: u64,
    /// Raw pictures that a newer one replaced before this thread came to them.
    pub replaced: u64,
    /// Faults of the encoder; each began it anew.
    pub faults: u64,
    /// Milliseconds to scale and encode one picture, smoothed over about thirty.
    pub encode_ms: f32,
    /// The size of the last picture.
    pub resolution: Option<Resolution>,
    /// What the encoder aims at.
    pub bitrate: Bitrate,
    /// Pictures per second that the encoder counts with.
    pub frame_rate: Option<FrameRate>,
    /// Whether this computer keeps up.
    pub cpu: CpuGuardFigures,
}

/// The encode thread. Dropping it closes its slot and ends it.
#[derive(Debug)]
pub struct VideoEncoder {
    frames: Slot<VideoFrame>,
    stats: Arc<Mutex<EncoderStats>>,
    beside: Arc<Mutex<BesideEncoding>>,
    thread: Option<JoinHandle<()>>,
}

impl VideoEncoder {
    /// Starts the thread. It ends when dropped, when `frames` is closed or when nobody receives from `out` any more.
    ///
    /// # Errors
    /// When there is no encoder or no thread to be had.
    pub fn spawn(
        frames: Slot<VideoFrame>,
        targets: watch::Receiver<EncoderTargets>,
        key_frames: KeyFrameFlag,
        out: mpsc::Sender<EncodedFrame>,
    ) -> Result<Self, StartEncoderError> {
        Self::spawn_for(Content::Camera, frames, targets, key_frames, out)
    }

    /// The same, for pictures of some kind.
    ///
    /// # Errors
    /// When there is no encoder or no thread to be had.
    pub fn spawn_for(
        content: Content,
        frames: Slot<VideoFrame>,
        targets: watch::Receiver<EncoderTargets>,
        key_frames: KeyFrameFlag,
        out: mpsc::Sender<EncodedFrame>,
    ) -> Result<Self, StartEncoderError> {
        let stats = Arc::new(Mutex::new(EncoderStats::default()));
        let settings = aim(content, *targets.borrow(), None);
        let bench = Bench {
            encoder: H264Encoder::with_content(settings, content)?,
            content,
            standing: content.stands_still().then(Standing::default),
            text: (content == Content::Text).then(|| Text::new(settings.bitrate)),
            cadence: Cadence::default(),
            pool: FramePool::new(),
            key_frames,
            key_frame_pace: KeyFramePace::default(),
            key_frame_wanted: false,
            size_pace: SizePace::default(),
            // Text is ten pictures a second at most, and its size is its sharpness.
            guard: (content != Content::Text).then(CpuGuard::default),
            beside: Arc::default(),
            replaced: 0,
            stats: Arc::clone(&stats),
        };
        let beside = Arc::clone(&bench.beside);
        let slot = frames.clone();
        let thread = std::thread::Builder::new()
            .name("video encode".into())
            .spawn(move || run(bench, &slot, &targets, &out))?;
        Ok(Self {
            frames,
            stats,
            beside,
            thread: Some(thread),
        })
    }

    /// Looks at the targets now. To be called when a pause ends: its last picture then goes out at once, and nobody waits for
    /// the camera's next one.
    pub fn wake(&self) {
        self.frames.wake();
    }

    /// What else this computer does for the call: from time to time, for what it has to leave out of its pictures.
    pub fn set_beside(&self, beside: BesideEncoding) {
        *self.beside.lock().unwrap_or_else(PoisonError::into_inner) = beside;
    }

    /// What it has done so far.
    #[must_use]
    pub fn stats(&self) -> EncoderStats {
        let mut stats = *self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        stats.replaced = self.frames.replaced();
        stats
    }
}

impl Drop for VideoEncoder {
    fn drop(&mut self) {
        self.frames.close();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing more to say.
            let _ = thread.join();
        }
    }
}

fn run(
    mut bench: Bench,
    frames: &Slot<VideoFrame>,
    targets: &watch::Receiver<EncoderTargets>,
    out: &mpsc::Sender<EncodedFrame>,
) {
    // The newest picture of a pause.
    let mut kept = None;
    while !out.is_closed() {
        let fresh = match frames.take(bench.patience()) {
            Taken::Value(frame) => Some(frame),
            Taken::TimedOut => None,
            Taken::Closed => break,
        };
        let wanted = *targets.borrow();
        let targets = bench.within_limits(wanted);
        if targets.paused {
            bench.stand(fresh.as_ref());
            if fresh.is_some() {
                bench.put_off();
            }
            kept = fresh.or(kept);
            continue;
        }
        let kept = kept.take().filter(is_fresh);
        let Some(frame) = bench.choose(fresh.or(kept), targets) else {
            continue;
        };
        let room = match out.try_reserve() {
            Ok(room) => room,
            Err(mpsc::error::TrySendError::Full(())) => {
                bench.count(|stats| stats.skipped_for_room += 1);
                bench.put_off();
                continue;
            }
            Err(mpsc::error::TrySendError::Closed(())) => break,
        };
        let begin = now();
        if let Some(encoded) = bench.encode(&frame, targets) {
            room.send(encoded);
            bench.guard(begin, wanted, frames.replaced());
        }
    }
    tracing::debug!("the encode thread ends");
}

fn is_fresh(frame: &VideoFrame) -> bool {
    frame.captured.0.elapsed() < KEPT_AGE_MAX
}

#[expect(clippy::disallowed_methods, reason = "driver: the clock of the encode thread")]
fn now() -> Instant {
    Instant::now()
}

/// What the encode thread works with.
struct Bench {
    encoder: H264Encoder,
    content: Content,
    /// The picture that stands, of a source that gives only what changed.
    standing: Option<Standing>,
    /// How sharp it is, of text.
    text: Option<Text>,
    cadence: Cadence,
    pool: FramePool,
    key_frames: KeyFrameFlag,
    key_frame_pace: KeyFramePace,
    key_frame_wanted: bool,
    size_pace: SizePace,
    guard: Option<CpuGuard>,
    beside: Arc<Mutex<BesideEncoding>>,
    /// Raw pictures replaced by newer ones, as counted when the last picture was encoded.
    replaced: u64,
    stats: Arc<Mutex<EncoderStats>>,
}

impl Bench {
    const fn patience(&self) -> Duration {
        if self.standing.is_some() {
            PATIENCE_STANDING
        } else {
            PATIENCE
        }
    }

    /// What to encode at of what the call wants.
    fn within_limits(&mut self, wanted: EncoderTargets) -> EncoderTargets {
        let limited = self.guard.as_ref().map_or(wanted, |guard| guard.limit(wanted));
        if wanted.paused {
            // The first picture after a pause may have any size.
            self.size_pace = SizePace::default();
            return limited;
        }
        EncoderTargets {
            resolution: self.size_pace.follow(now(), limited.resolution),
            ..limited
        }
    }

    /// Looks whether the computer keeps up, after a picture that was begun at `begin`.
    fn guard(&mut self, begin: Instant, wanted: EncoderTargets, replaced: u64) {
        let left_out = replaced.saturating_sub(std::mem::replace(&mut self.replaced, replaced));
        let Some(guard) = &mut self.guard else {
            return;
        };
        guard.beside(*self.beside.lock().unwrap_or_else(PoisonError::into_inner));
        let now = now();
        guard.encoded(now, now.saturating_duration_since(begin), wanted, left_out);
        let figures = guard.figures();
        self.count(|stats| stats.cpu = figures);
    }

    /// What to encode now: the picture that just came, or once more the one that stands.
    fn choose(&mut self, fresh: Option<VideoFrame>, targets: EncoderTargets) -> Option<VideoFrame> {
        if let Some(frame) = fresh {
            self.stand(Some(&frame));
            if self.admit(&frame, targets.frame_rate) {
                return Some(frame);
            }
            self.put_off();
            return None;
        }
        let (standing, now) = (self.standing.as_mut()?, now());
        self.key_frame_wanted |= self.key_frames.take();
        let key_frame = self.key_frame_wanted && self.key_frame_pace.allows(now);
        let due = self.text.as_mut().map(|text| key_frame || text.is_due(now));
        let frame = match due {
            Some(true) => standing.frame()?,
            Some(false) => return None,
            None => standing.again(now, key_frame)?,
        };
        Some(frame.at(CaptureTime(now)))
    }

    /// The picture that stands is to be encoded later.
    const fn put_off(&mut self) {
        if let Some(text) = &mut self.text {
            text.put_off();
        }
    }

    /// Keeps a picture as the one that stands.
    fn stand(&mut self, frame: Option<&VideoFrame>) {
        if let (Some(standing), Some(frame)) = (&mut self.standing, frame) {
            standing.renew(frame.clone(), now());
        }
    }

    fn admit(&mut self, frame: &VideoFrame, limit: FrameRate) -> bool {
        let admitted = self.cadence.admit(frame.captured, limit);
        if !admitted {
            self.count(|stats| stats.skipped_for_rate += 1);
        }
        admitted
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "driver: measures how long encoding takes"
    )]
    fn encode(&mut self, frame: &VideoFrame, targets: EncoderTargets) -> Option<EncodedFrame> {
        let begin = Instant::now();
        match self.try_encode(frame, targets, begin) {
            Ok(encoded) => {
                let encoded = encoded?;
                self.note(&encoded, begin.elapsed());
                Some(encoded)
            }
            Err(error) => {
                tracing::warn!(%error, "video encoder failed, making a new one");
                self.count(|stats| stats.faults += 1);
                if let Ok(fresh) = self.encoder.afresh() {
                    self.encoder = fresh;
                    self.text = self.text.take().map(Text::afresh);
                }
                None
            }
        }
    }

    fn try_encode(
        &mut self,
        frame: &VideoFrame,
        targets: EncoderTargets,
        now: Instant,
    ) -> Result<Option<EncodedFrame>, EncodeError> {
        let settings = aim(self.content, targets, self.cadence.measured());
        if settings != self.encoder.settings() {
            self.encoder.set(settings)?;
        }
        self.encoder.set_layers(layers(self.content, targets))?;
        let resolution = frame.resolution().fit_within(targets.resolution);
        let scaled = scale_into(&mut self.pool, frame, resolution);
        let key_frame = self.key_frame_due(now);
        let encoded = if let Some(text) = &mut self.text {
            text.aim(settings.bitrate);
            let Some(plan) = text.plan(now, &scaled, key_frame) else {
                return Ok(None);
            };
            let encoded = self.encoder.encode_at(&plan.shown, key_frame, plan.qp)?;
            text.encoded(now, scaled, &plan, encoded.data.len());
            encoded
        } else {
            self.encoder.encode(&scaled, key_frame)?
        };
        if encoded.key_frame {
            let bits = encoded.data.len() as f64 * 8.0;
            let takes = bits / settings.bitrate.bps().max(1) as f64;
            self.key_frame_pace
                .made(now, Duration::from_secs_f64(takes.min(60.0)));
        }
        if let Some(standing) = &mut self.standing {
            standing.encoded(encoded.data.len());
        }
        Ok(Some(EncodedFrame {
            data: encoded.data,
            key_frame: encoded.key_frame,
            discardable: encoded.discardable,
            resolution,
            captured: frame.captured,
        }))
    }

    /// Whether to make a key frame now. A wish that comes too early is kept.
    fn key_frame_due(&mut self, now: Instant) -> bool {
        self.key_frame_wanted |= self.key_frames.take();
        self.key_frame_pace.allows(now) && std::mem::take(&mut self.key_frame_wanted)
    }

    fn note(&self, encoded: &EncodedFrame, took: Duration) {
        let settings = self.encoder.settings();
        self.count(|stats| {
            let took_ms = took.as_secs_f32() * 1e3;
            let weight = if stats.frames == 0 { 1.0 } else { 1.0 / 30.0 };
            stats.encode_ms += (took_ms - stats.encode_ms) * weight;
            stats.frames += 1;
            stats.key_frames += u64::from(encoded.key_frame);
            stats.bytes += encoded.data.len() as u64;
            stats.resolution = Some(encoded.resolution);
            stats.bitrate = settings.bitrate;
            stats.frame_rate = Some(settings.frame_rate);
        });
    }

    fn count(&self, change: impl FnOnce(&mut EncoderStats)) {
        change(&mut self.stats.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// What to set the encoder to: with the rate at which pictures really come, or their bits would be spent on ones that never
/// do. Small changes of it are not followed.
fn aim(content: Content, targets: EncoderTargets, measured: Option<FrameRate>) -> EncoderSettings {
    let wanted = match content {
        // Most of its bits go into sharpening, ten times a second.
        Content::Text => targets.frame_rate.min(TEXT_RATE),
        Content::Camera | Content::Motion => targets.frame_rate,
    };
    let frame_rate = match measured {
        Some(real) if real.get() * 10 < wanted.get() * 8 => FrameRate::new(real.get().div_ceil(5) * 5),
        _ => wanted,
    };
    EncoderSettings {
        bitrate: targets.bitrate,
        frame_rate,
    }
}

/// A picture of a screen may be the last one for long, and whoever forwards only the lower layer would never show it.
const fn layers(content: Content, targets: EncoderTargets) -> TemporalLayers {
    match content {
        Content::Camera => targets.layers,
        Content::Text | Content::Motion => TemporalLayers::One,
    }
}
