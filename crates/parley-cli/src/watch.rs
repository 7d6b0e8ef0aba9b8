//! Watches what comes: a thread that looks at pictures and one that hears sound, each measuring and recording. Drivers.

use anyhow::{Context as _, Result};
use parley_media::audio::PlayedBlock;
use parley_media::audio::probe::{SoundMeter, SoundReport};
use parley_media::slot::{Slot, Taken};
use parley_media::video::image::write_png;
use parley_media::video::pattern::Stamp;
use parley_media::video::probe::{PictureFigures, PictureMeter};
use parley_media::video::y4m::Y4mRecorder;
use parley_media::video::{VideoFrame, scale};
use parley_proto::{FrameRate, Resolution};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a watcher waits before it looks whether it should end.
const PATIENCE: Duration = Duration::from_millis(100);
/// Slots that wait to be looked at; each is looked at within [`PATIENCE`].
const SIGHTS_MAX: usize = 8;

/// The longer side of a film is no shorter than this.
const FILM_SIDE: u32 = 1280;

/// What became of the pictures.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) figures: PictureFigures,
    pub(crate) first: Option<Instant>,
    pub(crate) size: Option<(u32, u32)>,
    /// What could not be written.
    pub(crate) fault: Option<String>,
}

/// What became of the sound.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard {
    pub(crate) report: SoundReport,
    /// The loudest second, as root mean square.
    pub(crate) rms_max: f32,
    pub(crate) fault: Option<String>,
}

/// A thread that watches until it is told to end.
#[derive(Debug)]
pub(crate) struct Watcher<T> {
    ending: Arc<AtomicBool>,
    so_far: Arc<Mutex<T>>,
    thread: JoinHandle<T>,
}

impl<T: Clone> Watcher<T> {
    /// What was found so far.
    pub(crate) fn so_far(&self) -> T {
        self.so_far.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the thread and gives what it found.
    pub(crate) fn finish(self) -> T {
        self.ending.store(true, Ordering::Relaxed);
        let so_far = self.so_far.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.thread.join().unwrap_or(so_far)
    }
}

/// Where pictures are recorded, and every how many of them.
#[derive(Debug, Clone)]
pub(crate) struct Film {
    pub(crate) folder: PathBuf,
    pub(crate) every: u32,
}

/// A film under way.
struct Filming {
    recorder: Y4mRecorder,
    every: u64,
    /// `NUMBER MICROSECONDS` of every picture, recorded or not: the number in it (`-` where none can be read), and the wall
    /// clock when it was ready.
    list: BufWriter<File>,
    seen: u64,
}

impl Filming {
    fn begin(film: &Film) -> Result<Self> {
        let list = film.folder.join("pictures.times");
        Ok(Self {
            recorder: Y4mRecorder::create(&film.folder.join("video.y4m"), FrameRate::new(30))?,
            every: film.every.max(1).into(),
            list: File::create(&list)
                .map(BufWriter::new)
                .with_context(|| format!("cannot write {}", list.display()))?,
            seen: 0,
        })
    }

    fn take(&mut self, frame: &VideoFrame, stamp: Option<Stamp>, clock_us: u64) -> Result<()> {
        if self.seen.is_multiple_of(self.every) {
            if self.seen == 0 {
                // A film has the size of its first picture, which in a call is a small one.
                self.recorder.record(&scale(frame, film_size(frame.resolution())));
            } else {
                self.recorder.record(frame);
            }
        }
        self.seen += 1;
        write_picture_time(&mut self.list, stamp, clock_us)?;
        Ok(())
    }

    fn end(mut self) -> Result<()> {
        self.list.flush()?;
        self.recorder.finish()?;
        Ok(())
    }
}

/// As large as pictures usually become, in the shape of the first one.
fn film_size(first: Resolution) -> Resolution {
    let times = FILM_SIDE.div_ceil(first.width.max(first.height).max(1));
    Resolution::new(first.width * times, first.height * times)
}

/// A line of a list of pictures.
pub(crate) fn write_picture_time(
    list: &mut impl Write,
    stamp: Option<Stamp>,
    clock_us: u64,
) -> std::io::Result<()> {
    match stamp {
        Some(stamp) => writeln!(list, "{} {clock_us}", stamp.number),
        None => writeln!(list, "- {clock_us}"),
    }
}

/// Watches the other side's picture, wherever it comes from.
#[derive(Debug)]
pub(crate) struct Onlooker {
    watcher: Watcher<Seen>,
    sights: SyncSender<Slot<VideoFrame>>,
}

impl Onlooker {
    /// Waits for the first slot to look at.
    ///
    /// Pictures are recorded on film, the last one into a file, where wanted.
    pub(crate) fn new(film: Option<Film>, last: Option<PathBuf>) -> Result<Self> {
        let (sights, to_look_at) = sync_channel(SIGHTS_MAX);
        let watcher = spawn("look", move |ending, so_far| {
            let (mut seen, frame) = look_all(&to_look_at, film.as_ref(), ending, so_far);
            let last = last.or_else(|| Some(film?.folder.join("last.png")));
            if let (Some(file), Some(frame)) = (last, frame)
                && let Err(error) = write_png(&frame, &file)
            {
                seen.fault = Some(error.to_string());
            }
            seen
        })?;
        Ok(Self { watcher, sights })
    }

    /// Looks at every picture of this slot from now on: after a fresh connection, pictures come from another one.
    pub(crate) fn turn_to(&self, frames: Slot<VideoFrame>) {
        if self.sights.try_send(frames).is_err() {
            tracing::warn!("pictures began too often to look at all of them");
        }
    }

    pub(crate) fn so_far(&self) -> Seen {
        self.watcher.so_far()
    }

    pub(crate) fn finish(self) -> Seen {
        self.watcher.finish()
    }
}

/// Hears every played block.
pub(crate) fn listen(played: Receiver<PlayedBlock>, record: Option<PathBuf>) -> Result<Watcher<Heard>> {
    spawn("listen", move |ending, so_far| {
        hear_all(&played, record.as_deref(), ending, so_far)
    })
}

/// Starts a thread that watches.
pub(crate) fn spawn<T: Default + Send + 'static>(
    name: &str,
    work: impl FnOnce(&AtomicBool, &Mutex<T>) -> T + Send + 'static,
) -> Result<Watcher<T>> {
    let (ending, so_far) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(Mutex::new(T::default())),
    );
    let (of_thread, to_tell) = (Arc::clone(&ending), Arc::clone(&so_far));
    let thread = std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || work(&of_thread, &to_tell))
        .context("no thread to measure with")?;
    Ok(Watcher {
        ending,
        so_far,
        thread,
    })
}

/// What is looked at now.
#[derive(Default)]
struct Sight(Option<Slot<VideoFrame>>);

impl Sight {
    /// The next picture; nothing when none came for a little while.
    fn next(&mut self, sights: &Receiver<Slot<VideoFrame>>) -> Option<VideoFrame> {
        if let Some(newest) = sights.try_iter().last() {
            self.0 = Some(newest);
        }
        let Some(frames) = &self.0 else {
            self.0 = sights.recv_timeout(PATIENCE).ok();
            return None;
        };
        match frames.take(PATIENCE) {
            Taken::Value(frame) => Some(frame),
            Taken::TimedOut => None,
            Taken::Closed => {
                self.0 = None;
                None
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "driver: the moment a picture is ready is what is measured"
)]
fn look_all(
    sights: &Receiver<Slot<VideoFrame>>,
    film: Option<&Film>,
    ending: &AtomicBool,
    so_far: &Mutex<Seen>,
) -> (Seen, Option<VideoFrame>) {
    let mut meter = PictureMeter::new();
    let mut seen = Seen::default();
    let mut last = None;
    let mut filming = film.and_then(|film| {
        Filming::begin(film)
            .map_err(|error| seen.fault = Some(format!("{error:#}")))
            .ok()
    });
    let mut sight = Sight::default();
    while !ending.load(Ordering::Relaxed) {
        let Some(frame) = sight.next(sights) else {
            continue;
        };
        let now = Instant::now();
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let clock_us = u64::try_from(clock.as_micros()).unwrap_or_default();
        let stamp = meter.show(&frame, now, clock_us);
        seen.first.get_or_insert(now);
        seen.size = Some((frame.resolution().width, frame.resolution().height));
        if let Some(Err(error)) = filming.as_mut().map(|film| film.take(&frame, stamp, clock_us)) {
            seen.fault = Some(error.to_string());
        }
        seen.figures.shown += 1;
        *so_far.lock().unwrap_or_else(PoisonError::into_inner) = seen.clone();
        last = Some(frame);
    }
    seen.figures = meter.figures();
    if let Some(Err(error)) = filming.map(Filming::end) {
        seen.fault = Some(error.to_string());
    }
    (seen, last)
}

fn hear_all(
    played: &Receiver<PlayedBlock>,
    folder: Option<&Path>,
    ending: &AtomicBool,
    so_far: &Mutex<Heard>,
) -> Heard {
    let mut meter = SoundMeter::new();
    let mut heard = Heard::default();
    let mut times = folder.and_then(|folder| {
        File::create(folder.join("audio.times"))
            .map(BufWriter::new)
            .map_err(|error| heard.fault = Some(error.to_string()))
            .ok()
    });
    let mut loudness = Loudness::default();
    while !ending.load(Ordering::Relaxed) {
        let block = match played.recv_timeout(PATIENCE) {
            Ok(block) => block,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        meter.hear(&block);
        heard.rms_max = heard.rms_max.max(loudness.hear(&block.samples));
        if let Some(times) = &mut times {
            let clock = block.played_at.duration_since(UNIX_EPOCH).unwrap_or_default();
            if let Err(error) = writeln!(times, "{}", clock.as_micros()) {
                heard.fault = Some(error.to_string());
            }
        }
        let mut so_far = so_far.lock().unwrap_or_else(PoisonError::into_inner);
        so_far.rms_max = heard.rms_max;
    }
    heard.report = meter.report().clone();
    if let Some(Err(error)) = times.map(|mut times| times.flush()) {
        heard.fault = Some(error.to_string());
    }
    heard
}

/// Root mean square over whole seconds.
#[derive(Debug, Default)]
struct Loudness {
    squares: f32,
    samples: usize,
}

impl Loudness {
    /// The loudness of the second that this block completes; zero while none is complete.
    fn hear(&mut self, samples: &[f32]) -> f32 {
        self.squares += samples.iter().map(|sample| sample * sample).sum::<f32>();
        self.samples += samples.len();
        if self.samples < parley_media::audio::SAMPLE_RATE as usize {
            return 0.0;
        }
        let rms = (self.squares / self.samples as f32).sqrt();
        *self = Self::default();
        rms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_media::time::CaptureTime;
    use parley_proto::Resolution;

    #[test]
    fn loudness_is_told_once_a_second() {
        let mut loudness = Loudness::default();
        let told: Vec<f32> = (0..200).map(|_| loudness.hear(&[0.5; 480])).collect();
        let loud: Vec<&f32> = told.iter().filter(|rms| **rms > 0.0).collect();
        assert_eq!(loud.len(), 2);
        assert!(loud.iter().all(|rms| (**rms - 0.5).abs() < 1e-3));
    }

    #[expect(clippy::disallowed_methods, reason = "test: a picture of now")]
    fn picture() -> VideoFrame {
        let resolution = Resolution::new(64, 36);
        let pixels = vec![90; VideoFrame::byte_len(resolution)].into();
        VideoFrame::from_i420(resolution, pixels, CaptureTime(Instant::now())).unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "test: waits for another thread")]
    fn is_seen(watcher: &Onlooker, pictures: u64) {
        for _ in 0..500 {
            if watcher.so_far().figures.shown == pictures {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("saw {} of {pictures}", watcher.so_far().figures.shown);
    }

    #[test]
    fn after_a_fresh_connection_the_picture_is_watched_and_recorded_on() {
        let folder = tempfile::tempdir().unwrap();
        let film = |every| Film {
            folder: folder.path().to_owned(),
            every,
        };
        let watcher = Onlooker::new(Some(film(2)), None).unwrap();
        for seen in 1..=3 {
            let frames = Slot::new();
            watcher.turn_to(frames.clone());
            frames.put(picture());
            is_seen(&watcher, seen);
            frames.close();
        }
        assert_eq!(watcher.finish().fault, None);
        let lines = |file: &str| {
            let list = std::fs::read_to_string(folder.path().join(file)).unwrap();
            list.lines().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(lines("video.y4m.times").len(), 2, "every second one is recorded");
        let all = lines("pictures.times");
        assert!(
            all.len() == 3 && all.iter().all(|line| line.starts_with("- ")),
            "{all:?}"
        );
    }

    #[test]
    fn a_watcher_ends_while_there_is_nothing_to_see() {
        let watcher = Onlooker::new(None, None).unwrap();
        assert_eq!(watcher.finish().figures.shown, 0);
    }
}
