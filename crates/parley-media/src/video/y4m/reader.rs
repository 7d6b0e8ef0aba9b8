//! Reads pictures one after the other, from the beginning again after the last.

use crate::time::CaptureTime;
use crate::video::VideoFrame;
use crate::video::pool::FramePool;
use crate::video::source::SourceState;
use parley_proto::{FrameRate, Resolution};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// The longest header line that is read.
const LINE_MAX: u64 = 512;

/// Why a file gives no pictures.
#[derive(Debug, thiserror::Error)]
pub enum ReadY4mError {
    /// It cannot be read.
    #[error("cannot read the video file: {0}")]
    Io(#[from] io::Error),
    /// It is something else, or of a kind that is not read here.
    #[error("not a 4:2:0 YUV4MPEG2 file with even sides: {0}")]
    Format(&'static str),
    /// It holds not one whole picture.
    #[error("the video file holds no whole picture")]
    Empty,
}

impl ReadY4mError {
    /// What a source says of itself then.
    pub(crate) fn source_state(&self) -> SourceState {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::NotFound => SourceState::Missing,
            Self::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => SourceState::Denied,
            _ => SourceState::Failed,
        }
    }
}

/// An open file of raw pictures.
#[derive(Debug)]
pub struct Y4mReader {
    file: BufReader<File>,
    first_frame: u64,
    resolution: Resolution,
    frame_rate: FrameRate,
    pool: FramePool,
}

impl Y4mReader {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// When it cannot be read, or is no such file.
    pub fn open(path: &Path) -> Result<Self, ReadY4mError> {
        let mut file = BufReader::new(File::open(path)?);
        let header = read_line(&mut file)?.ok_or(ReadY4mError::Format("it is empty"))?;
        let (resolution, frame_rate) = parse_header(&header)?;
        Ok(Self {
            first_frame: file.stream_position()?,
            file,
            resolution,
            frame_rate,
            pool: FramePool::new(),
        })
    }

    /// The size of its pictures.
    #[must_use]
    pub const fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// Pictures per second, rounded to a whole number.
    #[must_use]
    pub const fn frame_rate(&self) -> FrameRate {
        self.frame_rate
    }

    /// The next picture, none after the last. `now` becomes its capture time.
    ///
    /// # Errors
    /// When the file cannot be read on or is damaged.
    pub fn next(&mut self, now: CaptureTime) -> Result<Option<VideoFrame>, ReadY4mError> {
        match read_line(&mut self.file)? {
            Some(line) if line.starts_with("FRAME") => {}
            Some(_) => return Err(ReadY4mError::Format("a frame has no header")),
            None => return Ok(None),
        }
        let Self {
            file,
            pool,
            resolution,
            ..
        } = self;
        let mut whole = Ok(());
        let frame = pool.make(*resolution, now, |planes| {
            whole = file
                .read_exact(planes.y)
                .and_then(|()| file.read_exact(planes.u))
                .and_then(|()| file.read_exact(planes.v));
        });
        match whole {
            // The last picture was cut off in writing.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error.into()),
            Ok(()) => frame
                .map(Some)
                .map_err(|_| ReadY4mError::Format("impossible size")),
        }
    }

    /// As [`Y4mReader::next`], beginning again after the last.
    ///
    /// # Errors
    /// When the file cannot be read on, is damaged or has no picture.
    pub fn next_looped(&mut self, now: CaptureTime) -> Result<VideoFrame, ReadY4mError> {
        if let Some(frame) = self.next(now)? {
            return Ok(frame);
        }
        self.file.seek(SeekFrom::Start(self.first_frame))?;
        self.next(now)?.ok_or(ReadY4mError::Empty)
    }
}

fn read_line(file: &mut BufReader<File>) -> Result<Option<String>, ReadY4mError> {
    let mut line = Vec::new();
    file.by_ref().take(LINE_MAX).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(ReadY4mError::Format("a header has no end"));
    }
    String::from_utf8(line)
        .map(Some)
        .map_err(|_| ReadY4mError::Format("a header is no text"))
}

fn parse_header(header: &str) -> Result<(Resolution, FrameRate), ReadY4mError> {
    let mut words = header.split(' ');
    if words.next() != Some("YUV4MPEG2") {
        return Err(ReadY4mError::Format("its first word is another"));
    }
    let mut resolution = Resolution::new(0, 0);
    let mut frame_rate = FrameRate::new(30);
    for word in words.filter(|word| word.is_ascii()) {
        let (tag, value) = word.split_at(word.len().min(1));
        match tag {
            "W" => resolution.width = value.parse().unwrap_or(0),
            "H" => resolution.height = value.parse().unwrap_or(0),
            "F" => frame_rate = parse_rate(value)?,
            "C" if !value.starts_with("420") || value.starts_with("420p1") => {
                return Err(ReadY4mError::Format("its colours are not 8-bit 4:2:0"));
            }
            _ => {}
        }
    }
    VideoFrame::check_size(resolution).map_err(|_| ReadY4mError::Format("impossible size"))?;
    Ok((resolution, frame_rate))
}

fn parse_rate(value: &str) -> Result<FrameRate, ReadY4mError> {
    let fault = ReadY4mError::Format("impossible frame rate");
    let Some((Ok(count), Ok(seconds))) = value
        .split_once(':')
        .map(|(count, seconds)| (count.parse::<f64>(), seconds.parse::<f64>()))
    else {
        return Err(fault);
    };
    let fps = count / seconds;
    if !fps.is_finite() || fps <= 0.0 {
        return Err(fault);
    }
    Ok(FrameRate::new(fps.round() as u32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[expect(clippy::disallowed_methods, reason = "test: any moment will do")]
    fn now() -> CaptureTime {
        CaptureTime(Instant::now())
    }

    fn file(content: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    #[test]
    fn pictures_come_over_and_over() {
        let mut content = b"YUV4MPEG2 W4 H2 F30000:1001 Ip A1:1 C420jpeg\n".to_vec();
        for level in [10u8, 20] {
            content.extend_from_slice(b"FRAME\n");
            content.extend_from_slice(&[level; 12]);
        }
        content.extend_from_slice(b"FRAME\n\x01\x02");
        let file = file(&content);
        let mut reader = Y4mReader::open(file.path()).unwrap();
        assert_eq!(reader.resolution(), Resolution::new(4, 2));
        assert_eq!(reader.frame_rate().get(), 30);
        let levels: Vec<_> = (0..5)
            .map(|_| reader.next_looped(now()).unwrap().i420()[11])
            .collect();
        assert_eq!(levels, [10, 20, 10, 20, 10]);
    }

    #[test]
    fn other_files_are_refused_with_the_reason() {
        let check = |content: &[u8], expect: &str| {
            let error = Y4mReader::open(file(content).path())
                .and_then(|mut reader| reader.next_looped(now()))
                .unwrap_err()
                .to_string();
            assert!(error.contains(expect), "{error:?} should say {expect:?}");
        };
        check(b"", "it is empty");
        check(b"RIFF....\n", "first word");
        check(b"YUV4MPEG2 W4 H2", "no end");
        check(b"YUV4MPEG2 W4 H2 C444\n", "4:2:0");
        check(b"YUV4MPEG2 W4 H2 C420p10\n", "4:2:0");
        check(b"YUV4MPEG2 W5 H2\n", "impossible size");
        check(b"YUV4MPEG2 W4 H2 F30:0\n", "frame rate");
        check(b"YUV4MPEG2 W4 H2\n", "no whole picture");
        check(b"YUV4MPEG2 W4 H2\nFRAME\n123", "no whole picture");
        check(b"YUV4MPEG2 W4 H2\nNOISE\n123", "no header");
        check(&[b'Y'; 5000], "no end");
    }

    #[test]
    fn a_file_that_is_not_there_is_missing() {
        let error = Y4mReader::open(Path::new("/nowhere/at/all.y4m")).unwrap_err();
        assert_eq!(error.source_state(), SourceState::Missing);
    }
}
