//! What this side sends, written into a folder (`--record-own`), so that whoever has a recording of the other side too can
//! tell how late each picture and each word came, and what became of it. Two threads; drivers.
//!
//! | file | what is in it |
//! |---|---|
//! | `pictures.times` | `NUMBER MICROSECONDS` a picture of the camera, or of the screen where there is no camera: the number in it (`-` where none can be read), its capture time |
//! | `sound.s16` | the sound as it went to the encoder: 48 kHz, mono, 16 bits, little endian |
//! | `sound.times` | for each 10 ms of it the microseconds of its capture |
//!
//! Times are those of the wall clock since the UNIX epoch, carried on from the beginning by the monotonic clock.

use crate::watch::{Watcher, spawn, write_picture_time};
use anyhow::{Context as _, Result};
use parley_app::endpoint::{Endpoint, SCREEN_TILE, SELF_TILE};
use parley_media::audio::{AudioCommand, CallHalf, RecordedBlock};
use parley_media::slot::{Slot, Taken};
use parley_media::video::VideoFrame;
use parley_media::video::pattern;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Blocks of both halves of the call that may wait for the disk: two seconds.
const BLOCKS_MAX: usize = 400;
/// How long to wait for something before looking whether it is over.
const PATIENCE: Duration = Duration::from_millis(100);

/// A tape that runs.
#[derive(Debug)]
pub(crate) struct OwnTape {
    pictures: Option<Watcher<Fault>>,
    sound: Watcher<Fault>,
}

/// What could not be written, if anything.
type Fault = Option<String>;

impl OwnTape {
    /// Begins, with the sound and the picture that are open already.
    pub(crate) fn begin(folder: &Path, endpoint: &Endpoint) -> Result<Self> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot record into {}", folder.display()))?;
        let create = |name: &str| {
            let path = folder.join(name);
            File::create(&path)
                .map(BufWriter::new)
                .with_context(|| format!("cannot write {}", path.display()))
        };
        let clock = Clock::read();
        let (mut list, mut sound, mut times) = (
            create("pictures.times")?,
            create("sound.s16")?,
            create("sound.times")?,
        );
        let (blocks, to_write) = sync_channel(BLOCKS_MAX);
        endpoint.sound(AudioCommand::Record(Some(blocks)));
        let tiles = endpoint.tiles();
        let shown = [SELF_TILE, SCREEN_TILE].iter().find_map(|tile| tiles.get(tile));
        let pictures = match shown {
            Some(frames) => Some(spawn("own picture", move |ending, _| {
                fault(list_pictures(&frames, clock, ending, &mut list))
            })?),
            None => None,
        };
        let sound = spawn("own sound", move |ending, _| {
            fault(write_sound(&to_write, clock, ending, &mut sound, &mut times))
        })?;
        Ok(Self { pictures, sound })
    }

    /// Ends it; gives what went wrong.
    pub(crate) fn finish(self) -> Vec<String> {
        let watchers = self.pictures.into_iter().chain([self.sound]);
        watchers.filter_map(Watcher::finish).collect()
    }
}

fn fault(outcome: std::io::Result<()>) -> Fault {
    outcome.err().map(|error| error.to_string())
}

/// One moment on both clocks.
#[derive(Debug, Clone, Copy)]
struct Clock {
    monotonic: Instant,
    wall: Duration,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "driver: both clocks are read once")]
    fn read() -> Self {
        Self {
            monotonic: Instant::now(),
            wall: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        }
    }

    /// Microseconds since the UNIX epoch.
    fn wall_us(&self, at: Instant) -> u64 {
        let wall = match at.checked_duration_since(self.monotonic) {
            Some(later) => self.wall + later,
            None => self
                .wall
                .saturating_sub(self.monotonic.saturating_duration_since(at)),
        };
        u64::try_from(wall.as_micros()).unwrap_or(u64::MAX)
    }
}

fn list_pictures(
    frames: &Slot<VideoFrame>,
    clock: Clock,
    ending: &AtomicBool,
    list: &mut BufWriter<File>,
) -> std::io::Result<()> {
    while !ending.load(Ordering::Relaxed) {
        match frames.take(PATIENCE) {
            Taken::Value(frame) => {
                write_picture_time(list, pattern::read(&frame), clock.wall_us(frame.captured.0))?;
            }
            Taken::TimedOut => {}
            Taken::Closed => break,
        }
    }
    list.flush()
}

fn write_sound(
    blocks: &Receiver<RecordedBlock>,
    clock: Clock,
    ending: &AtomicBool,
    sound: &mut BufWriter<File>,
    times: &mut BufWriter<File>,
) -> std::io::Result<()> {
    while !ending.load(Ordering::Relaxed) {
        let block = match blocks.recv_timeout(PATIENCE) {
            Ok(block) => block,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        if block.half != CallHalf::Own {
            continue;
        }
        writeln!(times, "{}", clock.wall_us(block.at))?;
        for sample in block.samples {
            let sample = (sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round() as i16;
            sound.write_all(&sample.to_le_bytes())?;
        }
    }
    sound.flush()?;
    times.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_media::audio::{BLOCK_SAMPLES, SILENT_BLOCK};
    use parley_media::time::CaptureTime;
    use parley_proto::Resolution;

    #[test]
    fn moments_before_and_after_the_beginning_are_put_on_the_wall_clock() {
        let clock = Clock {
            wall: Duration::from_secs(1_790_000_000),
            ..Clock::read()
        };
        let step = Duration::from_millis(25);
        assert_eq!(clock.wall_us(clock.monotonic + step), 1_790_000_000_025_000);
        let earlier = clock.monotonic.checked_sub(step).unwrap();
        assert_eq!(clock.wall_us(earlier), 1_789_999_999_975_000);
    }

    #[test]
    fn own_sound_is_written_and_that_of_the_others_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let create = |name: &str| BufWriter::new(File::create(folder.path().join(name)).unwrap());
        let clock = Clock::read();
        let (blocks, to_write) = sync_channel(8);
        for half in [CallHalf::Own, CallHalf::Played, CallHalf::Own] {
            let mut samples = SILENT_BLOCK;
            samples[0] = 0.5;
            let at = clock.monotonic;
            blocks.send(RecordedBlock { half, samples, at }).unwrap();
        }
        drop(blocks);
        let (mut sound, mut times) = (create("sound.s16"), create("sound.times"));
        let ending = AtomicBool::new(false);
        write_sound(&to_write, clock, &ending, &mut sound, &mut times).unwrap();
        let written = std::fs::read(folder.path().join("sound.s16")).unwrap();
        assert_eq!(written.len(), 2 * 2 * BLOCK_SAMPLES);
        assert_eq!(i16::from_le_bytes([written[0], written[1]]), 16_384);
        let times = std::fs::read_to_string(folder.path().join("sound.times")).unwrap();
        assert_eq!(times.lines().count(), 2);
    }

    #[test]
    fn own_pictures_are_listed_with_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pictures.times");
        let clock = Clock::read();
        let frames = Slot::new();
        let captured = CaptureTime(clock.monotonic);
        frames.put(pattern::draw(7, 1, Resolution::new(320, 180), captured).unwrap());
        frames.close();
        let mut list = BufWriter::new(File::create(&path).unwrap());
        list_pictures(&frames, clock, &AtomicBool::new(false), &mut list).unwrap();
        let line = std::fs::read_to_string(path).unwrap();
        assert!(line.starts_with("7 ") && line.lines().count() == 1, "{line:?}");
    }
}
