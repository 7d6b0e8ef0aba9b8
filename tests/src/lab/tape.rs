//! What both ends of a call wrote down, read again: folders of `parley-cli --record-own` and `--record`, and those that the driver of
//! Chromium (`tests/interop/lab_chromium.mjs`) writes in the same form.

use super::sound::Sound;
use crate::harness::sound::read_wav;
use anyhow::{Context as _, Result, ensure};
use std::path::{Path, PathBuf};

/// A picture that was captured, or shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureTime {
    /// The number in it, if it could be read.
    pub number: Option<u32>,
    /// When: microseconds since the UNIX epoch.
    pub at_us: u64,
}

/// One end of a call.
#[derive(Debug, Default)]
pub struct Tape {
    /// All pictures, the oldest first.
    pub pictures: Vec<PictureTime>,
    /// The sound, where there was any.
    pub sound: Sound,
    /// Some of the pictures themselves, as y4m files.
    pub films: Vec<PathBuf>,
}

impl Tape {
    /// Reads a folder.
    ///
    /// # Errors
    /// When what is in it is not of the form. What is not in it never came.
    pub fn read(folder: &Path) -> Result<Self> {
        let mut tape = Self::default();
        if let Some(list) = text(&folder.join("pictures.times"))? {
            tape.pictures = picture_times(&list)?;
        }
        for (sound, times) in [("sound.s16", "sound.times"), ("audio.wav", "audio.times")] {
            let (sound, times) = (folder.join(sound), text(&folder.join(times))?);
            if let (true, Some(times)) = (sound.is_file(), times) {
                tape.sound = Sound::placed(&samples(&sound)?, &moments(&times)?);
            }
        }
        for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            // A film without a picture has no header either.
            if path.extension().is_some_and(|ending| ending == "y4m") && path.metadata()?.len() > 0 {
                tape.films.push(path);
            }
        }
        tape.films.sort();
        Ok(tape)
    }
}

fn text(path: &Path) -> Result<Option<String>> {
    if !path.is_file() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Some(text))
}

/// Lines `NUMBER MICROSECONDS`, or `- MICROSECONDS` where no number could be read.
fn picture_times(list: &str) -> Result<Vec<PictureTime>> {
    let read = |line: &str| -> Option<PictureTime> {
        let (number, at_us) = line.split_once(' ')?;
        let number = match number {
            "-" => None,
            number => Some(number.parse().ok()?),
        };
        Some(PictureTime {
            number,
            at_us: at_us.parse().ok()?,
        })
    };
    list.lines()
        .map(|line| read(line).with_context(|| format!("`{line}` is no picture's number and time")))
        .collect()
}

fn moments(list: &str) -> Result<Vec<u64>> {
    list.lines()
        .map(|line| line.parse().with_context(|| format!("`{line}` is no time")))
        .collect()
}

fn samples(path: &Path) -> Result<Vec<f32>> {
    if path.extension().is_some_and(|ending| ending == "wav") {
        return read_wav(path);
    }
    let bytes = std::fs::read(path)?;
    ensure!(
        bytes.len().is_multiple_of(2),
        "{} has half a sample",
        path.display()
    );
    let samples = bytes.chunks_exact(2);
    Ok(samples
        .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).unwrap();
        write("pictures.times", b"7 1000\n- 2000\n9 3000\n");
        write("sound.s16", &[[0u8, 0x40]; 960].concat());
        write("sound.times", b"5000\n15000\n");
        write("video-1.y4m", b"YUV4MPEG2 W4 H2\n");
        write("video-2.y4m", b"");
        let tape = Tape::read(folder.path()).unwrap();
        let numbers: Vec<Option<u32>> = tape.pictures.iter().map(|picture| picture.number).collect();
        assert_eq!(numbers, [Some(7), None, Some(9)]);
        assert_eq!(tape.pictures[2].at_us, 3_000);
        assert_eq!((tape.sound.begin_us, tape.sound.samples.len()), (5_000, 960));
        assert!((tape.sound.samples[0] - 0.5).abs() < 1e-6);
        assert_eq!(tape.films, [folder.path().join("video-1.y4m")]);
    }

    #[test]
    fn an_empty_folder_is_an_end_to_which_nothing_came() {
        let folder = tempfile::tempdir().unwrap();
        let tape = Tape::read(folder.path()).unwrap();
        assert!(tape.pictures.is_empty() && tape.films.is_empty() && tape.sound.samples.is_empty());
        std::fs::write(folder.path().join("pictures.times"), "seven 1\n").unwrap();
        assert!(Tape::read(folder.path()).is_err());
    }
}
