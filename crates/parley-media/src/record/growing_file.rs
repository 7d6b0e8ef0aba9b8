//! A file that grows by whole pieces: whenever the program is killed, what is there plays.
//!
//! Some players refuse a whole file because the head of its last piece (`moof`) is torn. So a piece is written under another
//! name first, as free space (`free`, ISO/IEC 14496-12, 8.1.2), which everybody skips, torn or not; its own name, four bytes,
//! comes last.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};

/// The head of a piece of the file.
const HEAD: [u8; 4] = *b"moof";
/// What it is called while the piece is not whole.
const NOTHING: [u8; 4] = *b"free";

/// The file, open for writing, and how long it is.
pub(super) struct GrowingFile {
    file: File,
    bytes: u64,
}

impl GrowingFile {
    /// On an empty file.
    pub(super) const fn new(file: File) -> Self {
        Self { file, bytes: 0 }
    }

    /// How much there is, in whole pieces.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds a piece. After an error there is none of it, where the disk still allows to cut it off.
    pub(super) fn add(&mut self, mut piece: Vec<u8>) -> io::Result<()> {
        let head = veil(&mut piece);
        let added = self.write(&piece, head);
        match &added {
            Ok(()) => self.bytes += piece.len() as u64,
            Err(_) => {
                let _ = self.file.set_len(self.bytes);
            }
        }
        added
    }

    fn write(&mut self, piece: &[u8], head: Option<usize>) -> io::Result<()> {
        self.file.write_all(piece)?;
        if let Some(head) = head {
            self.file.seek(SeekFrom::Start(self.bytes + head as u64))?;
            self.file.write_all(&HEAD)?;
            self.file.seek(SeekFrom::End(0))?;
        }
        Ok(())
    }

    /// Puts all of it on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

/// Calls the head of a piece free space, and says where its name stands; nothing where there is no head.
pub(super) fn veil(piece: &mut [u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(start) = piece.get_mut(at..at + 8) {
        let (length, kind) = start.split_at_mut(4);
        if kind == HEAD.as_slice() {
            kind.copy_from_slice(&NOTHING);
            return Some(at + 4);
        }
        let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        // Shorter than its own beginning: no box, or one of a kind that is not written here.
        if length < 8 {
            return None;
        }
        at += length;
    }
    None
}
