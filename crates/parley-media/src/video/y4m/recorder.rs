//! Writes pictures to a file as they come, with the time of each in a second file beside it.
//!
//! The disk is slower than the call at times: pictures wait in a short queue, and what does not fit is left out and counted.

use crate::video::VideoFrame;
use crate::video::pool::FramePool;
use crate::video::scale::scale_into;
use parley_proto::{FrameRate, Resolution};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

/// Pictures that may wait for the disk: half a second.
const QUEUE: usize = 15;

/// Recording could not begin, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No thread, or it died.
    #[error("the recording thread is gone")]
    Thread,
}

/// What was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecorderStats {
    /// Pictures in the file.
    pub written: u64,
    /// Pictures left out because the disk did not keep up.
    pub dropped: u64,
}

/// A recording under way. All pictures get the size of the first.
#[derive(Debug)]
pub struct Y4mRecorder {
    path: PathBuf,
    queue: Option<SyncSender<VideoFrame>>,
    dropped: u64,
    thread: Option<JoinHandle<io::Result<u64>>>,
}

impl Y4mRecorder {
    /// Creates `path`, and beside it a file of the same name with `.times` at its end: the microseconds since the first
    /// picture, one line each. `frame_rate` only goes into the header.
    ///
    /// # Errors
    /// When a file cannot be created.
    pub fn create(path: &Path, frame_rate: FrameRate) -> Result<Self, RecordError> {
        let open = |path: &Path| {
            File::create(path)
                .map(BufWriter::new)
                .map_err(|source| RecordError::Write {
                    path: path.to_owned(),
                    source,
                })
        };
        let mut times_path = path.as_os_str().to_owned();
        times_path.push(".times");
        let tape = Tape {
            pictures: open(path)?,
            times: open(Path::new(&times_path))?,
            frame_rate,
            begun: None,
            pool: FramePool::new(),
        };
        let (queue, waiting) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("video record".into())
            .spawn(move || tape.write_all(&waiting))
            .map_err(|_| RecordError::Thread)?;
        Ok(Self {
            path: path.to_owned(),
            queue: Some(queue),
            dropped: 0,
            thread: Some(thread),
        })
    }

    /// Adds a picture; never waits.
    pub fn record(&mut self, frame: &VideoFrame) {
        let queued = self
            .queue
            .as_ref()
            .is_some_and(|queue| queue.try_send(frame.clone()).is_ok());
        self.dropped += u64::from(!queued);
    }

    /// Writes what still waits and closes the files.
    ///
    /// # Errors
    /// When something could not be written.
    pub fn finish(mut self) -> Result<RecorderStats, RecordError> {
        self.queue = None;
        let thread = self.thread.take().ok_or(RecordError::Thread)?;
        let written = thread.join().map_err(|_| RecordError::Thread)?;
        let written = written.map_err(|source| RecordError::Write {
            path: self.path.clone(),
            source,
        })?;
        Ok(RecorderStats {
            written,
            dropped: self.dropped,
        })
    }
}

/// The files, in the recording thread.
struct Tape {
    pictures: BufWriter<File>,
    times: BufWriter<File>,
    frame_rate: FrameRate,
    begun: Option<(Resolution, Instant)>,
    pool: FramePool,
}

impl Tape {
    fn write_all(mut self, waiting: &Receiver<VideoFrame>) -> io::Result<u64> {
        let mut written = 0;
        for frame in waiting {
            self.write(&frame)?;
            written += 1;
        }
        self.pictures.flush()?;
        self.times.flush()?;
        Ok(written)
    }

    fn write(&mut self, frame: &VideoFrame) -> io::Result<()> {
        let (resolution, begin) = match self.begun {
            Some(begun) => begun,
            None => {
                let Resolution { width, height } = frame.resolution();
                let rate = self.frame_rate.get();
                writeln!(
                    self.pictures,
                    "YUV4MPEG2 W{width} H{height} F{rate}:1 Ip A1:1 C420jpeg"
                )?;
                *self.begun.insert((frame.resolution(), frame.captured.0))
            }
        };
        let frame = scale_into(&mut self.pool, frame, resolution);
        self.pictures.write_all(b"FRAME\n")?;
        self.pictures.write_all(frame.i420())?;
        let since = frame.captured.0.saturating_duration_since(begin);
        writeln!(self.times, "{}", since.as_micros())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Y4mReader;
    use super::*;
    use crate::time::CaptureTime;
    use crate::video::pattern::{Stamp, draw, read};
    use std::time::Duration;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "test: any moment will do")]
    fn what_was_recorded_can_be_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("seen.y4m");
        let begin = Instant::now();
        let mut recorder = Y4mRecorder::create(&path, FrameRate::new(30)).unwrap();
        for (number, width) in [(7, 320), (8, 320), (9, 640)] {
            let captured = CaptureTime(begin + Duration::from_millis(u64::from(number) * 10));
            let resolution = Resolution::new(width, width * 9 / 16);
            recorder.record(&draw(number, 42, resolution, captured).unwrap());
        }
        let stats = recorder.finish().unwrap();
        assert_eq!(
            stats,
            RecorderStats {
                written: 3,
                dropped: 0
            }
        );
        let mut reader = Y4mReader::open(&path).unwrap();
        assert_eq!(reader.resolution(), Resolution::new(320, 180));
        for number in [7, 8, 9] {
            let frame = reader.next(CaptureTime(begin)).unwrap().unwrap();
            assert_eq!(read(&frame), Some(Stamp { number, clock_us: 42 }));
        }
        assert!(reader.next(CaptureTime(begin)).unwrap().is_none());
        let times = std::fs::read_to_string(directory.path().join("seen.y4m.times")).unwrap();
        assert_eq!(times, "0\n10000\n20000\n");
    }

    #[test]
    fn a_directory_that_is_not_there_is_told() {
        let error = Y4mRecorder::create(Path::new("/nowhere/x.y4m"), FrameRate::new(30)).unwrap_err();
        assert!(error.to_string().contains("/nowhere/x.y4m"), "{error}");
    }
}
