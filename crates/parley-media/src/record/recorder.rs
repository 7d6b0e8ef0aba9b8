//! The recorder's thread: takes pictures as they come and sound as it was heard, encodes both, writes the file.
//!
//! A picture of the recording has the time at which it was put together, which is when the window shows it too; sound has
//! the time at which it was played or captured. The disk is waited for: meanwhile the newest pictures wait in their slots,
//! and sound in its channel, for ten seconds; what comes after is left out and counted by the audio thread. A disk that is
//! full, or fails, ends the recording with what is in the file already.

use super::fragments::Fragments;
use super::growing_file::GrowingFile;
use super::sound::{SoundEncoder, Timeline};
use super::stage::{INSETS_MAX, Scene, Stage};
use crate::audio::{OpusError, RecordedBlock};
use crate::slot::{Slot, Taken};
use crate::time::CaptureTime;
use crate::video::VideoFrame;
use crate::video::codec::{EncodeError, EncoderSettings, H264Encoder};
use crate::video::halt::Halt;
use parley_proto::{Bitrate, FrameRate, Resolution};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// Every picture of a recording: more would be more than one encoder's level allows beside the call.
const SIZE: Resolution = Resolution::new(1280, 720);
const BITRATE: Bitrate = Bitrate::from_kbps(2_500);
const FRAME_RATE: FrameRate = FrameRate::new(30);
/// Pictures are no closer than this; one that comes sooner waits for its turn.
const APART_MIN: Duration = Duration::from_millis(33);
/// Nor further, even when nothing changes.
const APART_MAX: Duration = Duration::from_millis(500);
/// How long to wait for the large picture before looking at the small ones.
const PATIENCE: Duration = Duration::from_millis(20);
/// The first piece of the file is short, so that a file is soon a file; ...
const FIRST_PIECE: Duration = Duration::from_millis(500);
/// ... this long are the others, and this much a killed program loses.
const PIECE: Duration = Duration::from_secs(2);
/// A speaker tells of a block some time after it was put together for it; then it is written down.
const SOUND_SETTLES: Duration = Duration::from_millis(300);
/// Ten seconds of both halves.
const BLOCKS_MAX: usize = 2_000;
const TELL_EVERY: Duration = Duration::from_millis(500);

/// A recording under way. Dropping it ends it and waits for its file.
#[derive(Debug)]
pub struct Recorder {
    halt: Halt,
    scene: watch::Sender<Scene>,
    status: watch::Receiver<RecorderStatus>,
    thread: Option<JoinHandle<()>>,
}

/// How far a recording is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecorderStatus {
    /// Why it is over, once it is: nothing more is written.
    pub end: Option<RecordEnd>,
    /// How long it is.
    pub recorded: Duration,
    /// In the file.
    pub bytes: u64,
    /// Pictures in it.
    pub pictures: u64,
    /// Faults of the encoders; each left something out.
    pub faults: u64,
    /// Samples of sound that came too late for their place.
    pub misplaced_samples: u64,
}

/// Why a recording is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordEnd {
    /// It was asked to end.
    Finished,
    /// There is no room left.
    DiskFull,
    /// The file could not be written.
    Unwritable(String),
    /// Anything else.
    Failed(String),
}

/// A recording could not begin.
#[derive(Debug, thiserror::Error)]
pub enum StartRecorderError {
    /// No encoder of pictures.
    #[error(transparent)]
    Picture(#[from] EncodeError),
    /// No encoder of sound.
    #[error("Opus cannot encode: {0}")]
    Sound(#[from] OpusError),
    /// No file can be put together.
    #[error("no file can be put together: {0}")]
    File(String),
    /// No thread.
    #[error("no thread for the recording: {0}")]
    Thread(#[from] io::Error),
}

impl Recorder {
    /// Starts to record into an empty file. The sender is for [`crate::audio::AudioCommand::Record`].
    ///
    /// # Errors
    /// When there is no encoder or no thread to be had.
    #[expect(clippy::disallowed_methods, reason = "driver: when the recording begins")]
    pub fn spawn(file: File) -> Result<(Self, SyncSender<RecordedBlock>), StartRecorderError> {
        let (sound, blocks) = sync_channel(BLOCKS_MAX);
        let (scene, scenes) = watch::channel(Scene::default());
        let (tell, status) = watch::channel(RecorderStatus::default());
        let halt = Halt::default();
        let settings = EncoderSettings {
            bitrate: BITRATE,
            frame_rate: FRAME_RATE,
        };
        let mut opus = SoundEncoder::new()?;
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let fragments = Fragments::new(SIZE, opus.pre_skip(), since_1970)
            .map_err(|error| StartRecorderError::File(error.to_string()))?;
        let begun = Instant::now();
        let mut desk = Desk {
            begun,
            file: GrowingFile::new(file),
            stage: Stage::new(SIZE),
            pictures: H264Encoder::new(settings)?,
            opus,
            timeline: Timeline::default(),
            fragments,
            status: RecorderStatus::default(),
            key_frame_at: Duration::ZERO,
            composed: None,
            changed: true,
            tell,
            told: begun,
        };
        let halted = halt.clone();
        let thread = std::thread::Builder::new().name("record".into()).spawn(move || {
            let end = match desk.run(&halted, scenes, &blocks) {
                Ok(()) => RecordEnd::Finished,
                Err(fault) => fault,
            };
            tracing::debug!(?end, "the recording ends");
            desk.status.end = Some(end);
            desk.tell.send_replace(desk.status);
        })?;
        let recorder = Self {
            halt,
            scene,
            status,
            thread: Some(thread),
        };
        Ok((recorder, sound))
    }

    /// Shows these pictures from now on. Those of a slot that was closed are not shown any more.
    pub fn show(&self, scene: Scene) {
        self.scene.send_replace(scene);
    }

    /// How far it is.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<RecorderStatus> {
        self.status.clone()
    }

    /// Ends it. The status tells when its file is whole.
    pub fn finish(&self) {
        self.halt.order();
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.finish();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked left what it had written.
            let _ = thread.join();
        }
    }
}

/// What the thread works with.
struct Desk {
    begun: Instant,
    file: GrowingFile,
    stage: Stage,
    pictures: H264Encoder,
    opus: SoundEncoder,
    timeline: Timeline,
    fragments: Fragments,
    status: RecorderStatus,
    /// When the next piece begins.
    key_frame_at: Duration,
    /// When the last picture was put together.
    composed: Option<Instant>,
    /// Something is another than in it.
    changed: bool,
    tell: watch::Sender<RecorderStatus>,
    told: Instant,
}

impl Desk {
    fn run(
        &mut self,
        halt: &Halt,
        mut scenes: watch::Receiver<Scene>,
        blocks: &Receiver<RecordedBlock>,
    ) -> Result<(), RecordEnd> {
        let mut scene = Scene::default();
        while !halt.is_ordered() {
            if scenes.has_changed().unwrap_or(false) {
                scene = scenes.borrow_and_update().clone();
                self.stage.clear();
                self.changed = true;
            }
            self.look(&scene, halt);
            let now = now();
            if self.is_due(now) {
                self.add_picture(now)?;
            }
            self.add_sound(blocks, now.checked_sub(SOUND_SETTLES).unwrap_or(now))?;
            self.tell_if_due(now);
        }
        let now = now();
        self.add_sound(blocks, now)?;
        let rest = self.fragments.finish(self.since_begun(now)).map_err(failed)?;
        if let Some(rest) = rest {
            self.write(rest)?;
        }
        self.status.recorded = self.since_begun(now);
        self.file.sync().map_err(|error| unwritable(&error))
    }

    /// Takes the newest pictures; waits a little for the large one.
    fn look(&mut self, scene: &Scene, halt: &Halt) {
        let wait = match self.composed {
            Some(composed) if self.changed => (composed + APART_MIN).saturating_duration_since(now()),
            _ => PATIENCE,
        };
        match &scene.main {
            Some(main) if main.is_closed() => {
                self.stage.show_main(None);
                halt.wait(wait);
            }
            Some(main) => {
                if let Taken::Value(frame) = main.take(wait) {
                    self.stage.show_main(Some(frame));
                    self.changed = true;
                }
            }
            None => {
                halt.wait(wait);
            }
        }
        for (number, inset) in scene.insets.iter().take(INSETS_MAX).enumerate() {
            self.look_at_inset(number, inset);
        }
    }

    fn look_at_inset(&mut self, number: usize, inset: &Slot<VideoFrame>) {
        if inset.is_closed() {
            self.stage.show_inset(number, None);
        } else if let Some(frame) = inset.try_take() {
            self.stage.show_inset(number, Some(frame));
            self.changed = true;
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.composed.is_none_or(|composed| {
            let apart = now.saturating_duration_since(composed);
            apart >= APART_MAX || (self.changed && apart >= APART_MIN)
        })
    }

    fn add_picture(&mut self, now: Instant) -> Result<(), RecordEnd> {
        self.composed = Some(now);
        self.changed = false;
        let at = self.since_begun(now);
        let whole = self.stage.compose(CaptureTime(now));
        let whole = whole.map_err(|error| RecordEnd::Failed(error.to_string()))?;
        let key_frame = at >= self.key_frame_at;
        let encoded = match self.pictures.encode(&whole, key_frame) {
            Ok(encoded) => encoded,
            Err(error) => {
                tracing::warn!(%error, "the recording's encoder failed, making a new one");
                self.status.faults += 1;
                let fresh = self.pictures.afresh();
                self.pictures = fresh.map_err(|error| RecordEnd::Failed(error.to_string()))?;
                return Ok(());
            }
        };
        if encoded.key_frame {
            self.key_frame_at = at
                + if at.is_zero() || self.status.pictures == 0 {
                    FIRST_PIECE
                } else {
                    PIECE
                };
        }
        self.status.pictures += 1;
        let piece = self.fragments.picture(at, &encoded.data, encoded.key_frame);
        match piece.map_err(failed)? {
            Some(piece) => self.write(piece),
            None => Ok(()),
        }
    }

    fn add_sound(&mut self, blocks: &Receiver<RecordedBlock>, until: Instant) -> Result<(), RecordEnd> {
        for block in blocks.try_iter() {
            // What was heard before the beginning is not recorded.
            if let Some(at) = block.at.checked_duration_since(self.begun) {
                self.timeline.add(block.half, &block.samples, at);
            }
        }
        self.status.misplaced_samples = self.timeline.misplaced();
        while let Some(blocks) = self.timeline.take(self.since_begun(until)) {
            let packet = self.opus.encode(&blocks);
            self.fragments
                .sound(packet.map_err(|error| RecordEnd::Failed(error.to_string()))?);
        }
        Ok(())
    }

    fn write(&mut self, piece: Vec<u8>) -> Result<(), RecordEnd> {
        let written = self.file.add(piece).map_err(|error| unwritable(&error));
        self.status.bytes = self.file.bytes();
        written
    }

    fn tell_if_due(&mut self, now: Instant) {
        if now.saturating_duration_since(self.told) >= TELL_EVERY {
            self.told = now;
            self.status.recorded = self.since_begun(now);
            self.tell.send_replace(self.status.clone());
        }
    }

    fn since_begun(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.begun)
    }
}

fn unwritable(error: &io::Error) -> RecordEnd {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => RecordEnd::DiskFull,
        _ => RecordEnd::Unwritable(error.to_string()),
    }
}

fn failed(error: impl std::fmt::Display) -> RecordEnd {
    RecordEnd::Failed(error.to_string())
}

#[expect(clippy::disallowed_methods, reason = "driver: the recorder's clock")]
fn now() -> Instant {
    Instant::now()
}
