//! A clip of the lab's as this bench wants it: a few seconds in memory, with the moments at which its pictures were taken, and the part that
//! is judged in a file for the judge.

use crate::lab::clip::{Clip, page_that_scrolls};
use crate::lab::raw_film::RawFilm;
use anyhow::{Result, ensure};
use parley_media::time::CaptureTime;
use parley_media::video::codec::Content;
use parley_media::video::{VideoFrame, scale};
use parley_proto::Resolution;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a film is of somebody or something that moves; the clips of the lab are at least as long.
const LENGTH: Duration = Duration::from_secs(4);
/// What is not judged of it: the key frame, and the encoder's rate control while it recovers from it.
const SETTLE: Duration = Duration::from_secs(1);
/// The same of the page, which at low rates takes seconds until it is there at all.
const PAGE_LENGTH: Duration = Duration::from_secs(14);
const PAGE_SETTLE: Duration = Duration::from_secs(10);

/// See the module. What it wrote is gone when dropped.
#[derive(Debug)]
pub(super) struct Film {
    /// Its pictures.
    pub(super) pictures: Vec<VideoFrame>,
    /// So many of them a second.
    pub(super) fps: u32,
    /// How it is encoded.
    pub(super) content: Content,
    /// So long from its beginning nothing is judged.
    pub(super) settle: Duration,
    folder: TempDir,
    file: PathBuf,
}

impl Film {
    /// Of a clip.
    pub(super) fn of(clip: Clip) -> Result<Self> {
        let fps = clip.fps();
        let begin = Instant::now();
        let (content, length, settle) = match clip {
            Clip::Text => (Content::Text, PAGE_LENGTH, PAGE_SETTLE),
            Clip::Head | Clip::Motion => (Content::Camera, LENGTH, SETTLE),
        };
        let count = (length.as_secs_f64() * f64::from(fps)) as usize;
        let taken = |at: usize| CaptureTime(begin + Duration::from_secs_f64(at as f64 / f64::from(fps)));
        let pictures = match clip {
            Clip::Text => page_that_scrolls().take(count).collect::<Result<_>>()?,
            Clip::Head | Clip::Motion => clip.pictures()?,
        };
        let pictures = pictures.into_iter().take(count).enumerate();
        let pictures: Vec<VideoFrame> = pictures.map(|(at, picture)| picture.at(taken(at))).collect();
        ensure!(pictures.len() == count, "the clip is shorter than {length:?}");
        let folder = TempDir::with_prefix("parley-ladder-")?;
        let file = folder.path().join("sent.y4m");
        let film = Self {
            pictures,
            fps,
            content,
            settle,
            folder,
            file,
        };
        let mut written = RawFilm::begin(&film.file, 30)?;
        for picture in film.pictures.iter().skip(film.settled()) {
            written.add(picture)?;
        }
        written.end()?;
        Ok(film)
    }

    /// How many pictures are not judged.
    pub(super) fn settled(&self) -> usize {
        (self.settle.as_secs_f64() * f64::from(self.fps)).round() as usize
    }

    /// The pictures that are judged, as a file.
    pub(super) fn settled_file(&self) -> &Path {
        &self.file
    }

    /// For what a judge needs on the way.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its pictures in another size.
    pub(super) fn scaled(&self, size: Resolution) -> Result<Vec<VideoFrame>> {
        let scaled: Vec<VideoFrame> = self.pictures.iter().map(|picture| scale(picture, size)).collect();
        ensure!(
            scaled.iter().all(|picture| picture.resolution() == size),
            "{size} is no size of a picture"
        );
        Ok(scaled)
    }

    /// Whether this picture shows anything that the one before it did not, as a screen tells.
    pub(super) fn changes_at(&self, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|before| self.pictures.get(before));
        let (Some(before), Some(picture)) = (before, self.pictures.get(at)) else {
            return true;
        };
        before.y() != picture.y()
    }
}
