//! The recording of what was played: a wav file, written by a thread of its own, because a disk may take its time.

use super::{Block, SAMPLE_RATE};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Ten seconds may wait for a slow disk; then blocks are dropped and counted.
const BLOCKS_MAX: usize = 1_000;
/// The header is brought up to date so often, in blocks, so that a killed program leaves a good file.
const FLUSH_EVERY: u64 = 100;

/// A recording under way. Dropping it finishes the file.
#[derive(Debug)]
pub(super) struct Recording {
    blocks: Option<SyncSender<Block>>,
    thread: Option<JoinHandle<()>>,
}

impl Recording {
    /// Creates the file and starts the thread.
    pub(super) fn start(path: &Path) -> Result<Self, hound::Error> {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let writer = hound::WavWriter::create(path, spec)?;
        let (blocks, to_write) = sync_channel(BLOCKS_MAX);
        let thread = std::thread::Builder::new()
            .name("audio record".into())
            .spawn(move || {
                if let Err(error) = write(writer, &to_write) {
                    tracing::warn!(%error, "the recording of the sound ends early");
                }
            })
            .map_err(hound::Error::IoError)?;
        Ok(Self {
            blocks: Some(blocks),
            thread: Some(thread),
        })
    }

    /// Writes a block, some time; false when it was dropped.
    pub(super) fn put(&self, block: &Block) -> bool {
        self.blocks
            .as_ref()
            .is_some_and(|blocks| blocks.try_send(*block).is_ok())
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.blocks = None;
        if let Some(thread) = self.thread.take() {
            // A panic over there is told by the missing end of the file; nothing is left to do here.
            let _ = thread.join();
        }
    }
}

fn write<W: std::io::Write + std::io::Seek>(
    mut writer: hound::WavWriter<W>,
    blocks: &Receiver<Block>,
) -> Result<(), hound::Error> {
    let mut written = 0u64;
    for block in blocks {
        for sample in block {
            writer.write_sample((sample * 32_767.0).round() as i16)?;
        }
        written += 1;
        if written.is_multiple_of(FLUSH_EVERY) {
            writer.flush()?;
        }
    }
    writer.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("played.wav");
        let recording = Recording::start(&path).unwrap();
        assert!(recording.put(&[0.5; 480]));
        assert!(recording.put(&[-0.25; 480]));
        drop(recording);
        let mut reader = hound::WavReader::open(&path).unwrap();
        assert_eq!(reader.spec().sample_rate, 48_000);
        let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
        assert_eq!((samples.len(), samples[0], samples[959]), (960, 16_384, -8_192));
    }

    #[test]
    fn a_place_that_cannot_be_written_is_told_at_once() {
        assert!(Recording::start(Path::new("/nowhere/at/all.wav")).is_err());
    }
}
