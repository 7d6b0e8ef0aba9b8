//! Raw pictures written into a file one by one (YUV4MPEG2): films to send, and pairs of films to be judged. All of them are of one
//! size, and none is left out, however slow the disk is.

use super::clip::SIZE;
use anyhow::Result;
use parley_media::video::VideoFrame;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// A film that is being written.
#[derive(Debug)]
pub struct RawFilm<W: Write = File>(BufWriter<W>);

impl RawFilm {
    /// Begins one of pictures of the lab's size.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn begin(path: &Path, fps: u32) -> Result<Self> {
        Self::begin_for(File::create(path)?, fps)
    }
}

impl<W: Write> RawFilm<W> {
    /// The same, for a program that reads it as it is written.
    ///
    /// # Errors
    /// When nobody reads.
    pub fn begin_for(reader: W, fps: u32) -> Result<Self> {
        let mut file = BufWriter::new(reader);
        writeln!(
            file,
            "YUV4MPEG2 W{} H{} F{fps}:1 Ip A1:1 C420jpeg",
            SIZE.width, SIZE.height
        )?;
        Ok(Self(file))
    }

    /// Another picture.
    ///
    /// # Errors
    /// When the disk says no, or nobody reads any more.
    pub fn add(&mut self, picture: &VideoFrame) -> Result<()> {
        self.0.write_all(b"FRAME\n")?;
        Ok(self.0.write_all(picture.i420())?)
    }

    /// No more.
    ///
    /// # Errors
    /// As [`RawFilm::add`].
    pub fn end(mut self) -> Result<()> {
        Ok(self.0.flush()?)
    }
}
