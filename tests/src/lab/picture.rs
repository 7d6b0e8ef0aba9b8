//! Pictures that were sent and pictures that were shown: how late each was, and how like the one that was sent.

use super::likeness::{psnr_db, ssim};
use super::tape::PictureTime;
use anyhow::Result;
use parley_media::time::CaptureTime;
use parley_media::video::y4m::Y4mReader;
use parley_media::video::{VideoFrame, pattern, scale};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Pictures that are compared with what was sent, at most: they are held in memory, and each takes time.
const COMPARED_MAX: usize = 80;

/// How late each picture was: when it was captured (microseconds since the UNIX epoch), and milliseconds. A film's numbers come
/// again, so of all pictures with a number the last one counts that was captured before it was shown.
#[must_use]
pub fn lateness(captured: &[PictureTime], shown: &[PictureTime]) -> Vec<(u64, f64)> {
    let mut by_number: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for picture in captured {
        if let Some(number) = picture.number {
            by_number.entry(number).or_default().push(picture.at_us);
        }
    }
    let late = |picture: &PictureTime| {
        let moments = by_number.get(&picture.number?)?;
        let before = moments.partition_point(|at_us| *at_us <= picture.at_us);
        let at_us = *moments.get(before.checked_sub(1)?)?;
        Some((at_us, (picture.at_us - at_us) as f64 / 1e3))
    };
    shown.iter().filter_map(late).collect()
}

/// How like what was sent the pictures were that were recorded.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fidelity {
    /// PSNR of each, in decibels.
    pub psnr_db: Vec<f64>,
    /// SSIM of each, up to 1.
    pub ssim: Vec<f64>,
}

/// A picture that came, to be laid beside the one of the film that has its number.
#[derive(Debug)]
pub struct Compared {
    /// The number in it.
    pub number: u32,
    /// As it came, of whatever size.
    pub frame: VideoFrame,
}

/// The pictures of a recording to be judged by: those with a number, and not more than are held easily.
///
/// # Errors
/// When a file cannot be read.
pub fn compared(recorded: &[PathBuf]) -> Result<Vec<Compared>> {
    let mut total = 0;
    each(recorded, |_| total += 1)?;
    let every = (total / COMPARED_MAX).max(1);
    let (mut at, mut seen) = (0, Vec::new());
    each(recorded, |frame| {
        if at % every == 0
            && seen.len() < COMPARED_MAX
            && let Some(stamp) = pattern::read(&frame)
        {
            seen.push(Compared {
                number: stamp.number,
                frame,
            });
        }
        at += 1;
    })?;
    Ok(seen)
}

/// Compares pictures with those of the film that was sent, each with the one whose number is in it, at the size of the film.
///
/// # Errors
/// When the film cannot be read.
pub fn fidelity(film: &Path, seen: &[Compared]) -> Result<Fidelity> {
    // The film is gone through once, and what it is compared with is not held any longer than that.
    let mut fidelity = Fidelity::default();
    let mut number = 0u32;
    each(&[film.to_owned()], |sent| {
        for one in seen.iter().filter(|one| one.number == number) {
            let frame = scale(&one.frame, sent.resolution());
            let width = sent.resolution().width as usize;
            fidelity.psnr_db.extend(psnr_db(sent.y(), frame.y()));
            fidelity.ssim.extend(ssim(width, sent.y(), frame.y()));
        }
        number += 1;
    })?;
    Ok(fidelity)
}

/// Every picture of some files.
fn each(files: &[PathBuf], mut look: impl FnMut(VideoFrame)) -> Result<()> {
    for file in files {
        let mut reader = Y4mReader::open(file)?;
        while let Some(frame) = reader.next(CaptureTime(Instant::now()))? {
            look(frame);
        }
    }
    Ok(())
}

/// The mean.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_media::video::pattern::draw;
    use parley_media::video::y4m::Y4mRecorder;
    use parley_proto::{FrameRate, Resolution};

    fn pictures(list: &[(u32, u64)]) -> Vec<PictureTime> {
        list.iter()
            .map(|(number, at_us)| PictureTime {
                number: Some(*number),
                at_us: *at_us,
            })
            .collect()
    }

    #[test]
    fn a_picture_is_as_late_as_its_last_capture_before() {
        // The film goes round: picture 0 is captured at 0 and again at 300.
        let captured = pictures(&[(0, 0), (1, 100_000), (2, 200_000), (0, 300_000), (1, 400_000)]);
        let mut shown = pictures(&[
            (0, 20_000),
            (1, 190_000),
            (0, 310_000),
            (2, 320_000),
            (5, 330_000),
        ]);
        shown.push(PictureTime {
            number: None,
            at_us: 400_000,
        });
        let found = lateness(&captured, &shown);
        assert_eq!(
            found,
            [(0, 20.0), (100_000, 90.0), (300_000, 10.0), (200_000, 120.0)]
        );
        assert!(lateness(&[], &shown).is_empty());
    }

    #[test]
    fn recorded_pictures_are_compared_with_those_of_their_number() {
        let folder = tempfile::tempdir().unwrap();
        let now = || CaptureTime(Instant::now());
        let write = |name: &str, frames: Vec<VideoFrame>| {
            let path = folder.path().join(name);
            let mut recorder = Y4mRecorder::create(&path, FrameRate::new(30)).unwrap();
            frames.iter().for_each(|frame| recorder.record(frame));
            recorder.finish().unwrap();
            path
        };
        let drawn = |number, width| draw(number, 0, Resolution::new(width, width * 9 / 16), now()).unwrap();
        let film = write("film.y4m", (0..6).map(|number| drawn(number, 640)).collect());
        let same = write("same.y4m", vec![drawn(4, 640), drawn(1, 640)]);
        let small = write(
            "small.y4m",
            vec![scale(&drawn(3, 640), Resolution::new(320, 180))],
        );
        let found = fidelity(&film, &compared(&[same, small]).unwrap()).unwrap();
        assert_eq!((found.psnr_db.len(), found.ssim.len()), (3, 3));
        // In the film's order: picture 1, the small one, picture 4.
        assert_eq!((found.psnr_db[0], found.psnr_db[2]), (60.0, 60.0));
        assert!((15.0..45.0).contains(&found.psnr_db[1]), "{found:?}");
        assert!(found.ssim[0] > 0.999 && found.ssim[1] < 0.99, "{found:?}");
        assert_eq!(fidelity(&film, &[]).unwrap(), Fidelity::default());
    }
}
