//! A wav file as a source: read whole by a thread of its own, brought to 48 kHz mono, played round and round.

use super::super::{Block, SAMPLE_RATE};
use crate::device::sound::resample_all;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

/// What is longer is cut: 20 minutes, 115 MB as 16-bit numbers.
const SAMPLES_MAX: usize = 20 * 60 * SAMPLE_RATE as usize;

/// Why a file cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum LoadWavError {
    /// It is not there, or no wav file.
    #[error("{0}")]
    Read(#[from] hound::Error),
    /// It has no sound in it.
    #[error("there is no sound in it")]
    Empty,
    /// No thread to read it, or it ended early.
    #[error("it could not be read")]
    Thread,
}

/// A file being read.
#[derive(Debug)]
pub(in super::super) struct WavLoad {
    result: Receiver<Result<WavLoop, LoadWavError>>,
}

impl WavLoad {
    /// Begins to read.
    pub(in super::super) fn start(path: PathBuf) -> Result<Self, LoadWavError> {
        let (done, result) = sync_channel(1);
        std::thread::Builder::new()
            .name("audio wav".into())
            .spawn(move || {
                // Nobody waits any more when another source was chosen meanwhile.
                let _ = done.send(load(&path));
            })
            .map_err(|_| LoadWavError::Thread)?;
        Ok(Self { result })
    }

    /// The outcome, once there is one.
    pub(in super::super) fn poll(&self) -> Option<Result<WavLoop, LoadWavError>> {
        match self.result.try_recv() {
            Ok(result) => Some(result),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(LoadWavError::Thread)),
        }
    }
}

/// A file in memory and the place in it.
#[derive(Debug)]
pub(in super::super) struct WavLoop {
    samples: Vec<i16>,
    at: usize,
}

impl WavLoop {
    /// The next 10 ms.
    pub(in super::super) fn fill(&mut self, block: &mut Block) {
        for sample in block {
            *sample = f32::from(self.samples[self.at]) / 32_768.0;
            self.at = (self.at + 1) % self.samples.len();
        }
    }
}

/// Whether a file can be played, by its beginning.
///
/// # Errors
/// When it is not there, no wav file, or without sound.
pub fn check_wav(path: &Path) -> Result<(), LoadWavError> {
    if hound::WavReader::open(path)?.duration() == 0 {
        return Err(LoadWavError::Empty);
    }
    Ok(())
}

fn load(path: &Path) -> Result<WavLoop, LoadWavError> {
    let mut reader = hound::WavReader::open(path)?;
    let spec = reader.spec();
    let channels = usize::from(spec.channels.max(1));
    let frames_max = SAMPLES_MAX * spec.sample_rate as usize / SAMPLE_RATE as usize;
    let mono = match spec.sample_format {
        hound::SampleFormat::Float => fold(reader.samples::<f32>(), channels, frames_max, 1.0)?,
        hound::SampleFormat::Int => {
            let full_scale = (1i64 << (spec.bits_per_sample.clamp(1, 32) - 1)) as f32;
            fold(reader.samples::<i32>(), channels, frames_max, full_scale)?
        }
    };
    let sound = resample_all(&mono, spec.sample_rate, SAMPLE_RATE).ok_or(LoadWavError::Empty)?;
    let samples: Vec<i16> = sound
        .iter()
        .map(|sample| (sample * 32_767.0).round().clamp(-32_768.0, 32_767.0) as i16)
        .collect();
    if samples.is_empty() {
        return Err(LoadWavError::Empty);
    }
    Ok(WavLoop { samples, at: 0 })
}

/// All channels become one.
fn fold<S: Sample>(
    samples: impl Iterator<Item = Result<S, hound::Error>>,
    channels: usize,
    frames_max: usize,
    full_scale: f32,
) -> Result<Vec<f32>, hound::Error> {
    let mut mono = Vec::new();
    let (mut sum, mut channel) = (0.0, 0);
    for sample in samples {
        sum += sample?.into_f32() / full_scale;
        channel += 1;
        if channel == channels {
            mono.push(sum / channels as f32);
            (sum, channel) = (0.0, 0);
            if mono.len() == frames_max {
                break;
            }
        }
    }
    Ok(mono)
}

trait Sample {
    fn into_f32(self) -> f32;
}

impl Sample for f32 {
    fn into_f32(self) -> f32 {
        if self.is_finite() { self } else { 0.0 }
    }
}

impl Sample for i32 {
    fn into_f32(self) -> f32 {
        self as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(spec: hound::WavSpec, samples: &[i32]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sound.wav");
        let mut writer = hound::WavWriter::create(&path, spec).unwrap();
        for sample in samples {
            writer.write_sample(*sample).unwrap();
        }
        writer.finalize().unwrap();
        (folder, path)
    }

    fn spec(channels: u16, sample_rate: u32, bits_per_sample: u16) -> hound::WavSpec {
        hound::WavSpec {
            channels,
            sample_rate,
            bits_per_sample,
            sample_format: hound::SampleFormat::Int,
        }
    }

    #[test]
    fn stereo_becomes_mono_and_the_end_joins_the_beginning() {
        let frames: Vec<i32> = (0..300).flat_map(|n| [n * 2, n * 4]).collect();
        let (_folder, path) = file(spec(2, 48_000, 16), &frames);
        let mut wav = load(&path).unwrap();
        let mut block = [0.0; 480];
        wav.fill(&mut block);
        for (n, sample) in block.iter().enumerate() {
            let wanted = (n % 300) as f32 * 3.0 / 32_768.0;
            assert!((sample - wanted).abs() < 1e-4, "sample {n}");
        }
    }

    #[test]
    fn another_rate_keeps_the_length_in_time() {
        let (_folder, path) = file(spec(1, 16_000, 24), &vec![1_000_000; 16_000]);
        let wav = load(&path).unwrap();
        assert!(wav.samples.len().abs_diff(48_000) < 100, "{}", wav.samples.len());
    }

    #[test]
    fn what_cannot_be_played_says_why() {
        let (_folder, path) = file(spec(1, 48_000, 16), &[]);
        assert!(matches!(load(&path), Err(LoadWavError::Empty)));
        assert!(matches!(
            load(Path::new("/nowhere.wav")),
            Err(LoadWavError::Read(_))
        ));
    }
}
