//! VMAF of the pictures that came: Netflix's measure of what people see, "Toward a Practical Perceptual Video Quality Metric", 2016, by
//! its own library inside of a static ffmpeg (PyPI's `imageio-ffmpeg`, set beside the tests and part of nothing that is given away),
//! with the model that is built into it (`vmaf_v0.6.1`), at the film's own size.
//!
//! One of its parts is how much moves from each picture of the original to the next one, so each picture that is judged stands between
//! its neighbours of the film, as it was sent:
//!
//! | position | 0 1 | 2 | 3 | 4 | 5 | 6 | 7 |
//! |---|---|---|---|---|---|---|---|
//! | sent | filling | before | picture | after | before | next picture | after |
//! | seen | filling | seen | seen | seen | next seen | next seen | next seen |
//!
//! and every third position is judged (`n_subsample=3`; motion is looked at everywhere). Pictures of a whole film that were seen one
//! after the other need no such order ([`Vmaf::judge_all`]).

use super::clip::SIZE;
use super::picture::Compared;
use super::raw_film::RawFilm;
use crate::harness::python::Packages;
use anyhow::{Context as _, Result, bail, ensure};
use parley_media::time::CaptureTime;
use parley_media::video::y4m::Y4mReader;
use parley_media::video::{VideoFrame, scale};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

/// Brings an ffmpeg that knows VMAF.
const IMAGEIO_FFMPEG: Packages = Packages {
    folder: "vmaf",
    wanted: &["imageio-ffmpeg==0.8.1"],
    alone: true,
};
/// Where the program writes what it found.
const LOG: &str = "vmaf.json";
/// Positions of each picture that is judged.
const AROUND: u64 = 3;

/// The program that judges.
#[derive(Debug)]
pub struct Vmaf {
    ffmpeg: PathBuf,
}

impl Vmaf {
    /// Finds it; the first time it is fetched.
    ///
    /// # Errors
    /// When it cannot be had, or does not know VMAF.
    pub fn find() -> Result<Self> {
        let folder = IMAGEIO_FFMPEG.folder_of("imageio_ffmpeg")?.join("binaries");
        let is_program = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("ffmpeg-")
        };
        let files = std::fs::read_dir(&folder)?.filter_map(|entry| Some(entry.ok()?.path()));
        let mut programs = files.filter(is_program);
        let ffmpeg = programs
            .next()
            .with_context(|| format!("no ffmpeg in {}", folder.display()))?;
        let filters = Command::new(&ffmpeg)
            .args(["-hide_banner", "-filters"])
            .output()?;
        ensure!(
            String::from_utf8_lossy(&filters.stdout).contains(" libvmaf "),
            "{} was built without VMAF",
            ffmpeg.display()
        );
        Ok(Self { ffmpeg })
    }

    /// What each of these pictures is worth, 0 to 100, against the picture of the film that has its number. A folder is for what
    /// is needed on the way.
    ///
    /// # Errors
    /// When a file cannot be read or written, or the program fails.
    pub fn judge(&self, film: &Path, compared: &[Compared], folder: &Path) -> Result<Vec<f64>> {
        let (sent, seen) = (folder.join("vmaf-sent.y4m"), folder.join("vmaf-seen.y4m"));
        if lay_beside(film, compared, &sent, &seen)? == 0 {
            return Ok(Vec::new());
        }
        let output = self
            .command(folder, seen.as_os_str(), &sent, AROUND)
            .stdin(Stdio::null())
            .output()?;
        std::fs::remove_file(sent)?;
        std::fs::remove_file(seen)?;
        verdict(folder, &output, AROUND)
    }

    /// What every so manieth of the pictures is worth that were seen one after the other, against a film of as many; the first is
    /// not judged, since nothing moved before it. A folder is for what is needed on the way.
    ///
    /// # Errors
    /// As [`Vmaf::judge`].
    pub fn judge_all(&self, film: &Path, seen: &[VideoFrame], every: u64, folder: &Path) -> Result<Vec<f64>> {
        let mut program = self
            .command(folder, OsStr::new("pipe:0"), film, every)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut given = RawFilm::begin_for(program.stdin.take().context("no way in")?, 30)?;
        // A program that ends early says itself why.
        let all_given = seen
            .iter()
            .try_for_each(|picture| given.add(picture))
            .and_then(|()| given.end());
        let scores = verdict(folder, &program.wait_with_output()?, every)?;
        all_given.map(|()| scores)
    }

    fn command(&self, folder: &Path, seen: &OsStr, sent: &Path, every: u64) -> Command {
        let mut command = Command::new(&self.ffmpeg);
        command
            .current_dir(folder)
            .args(["-v", "error", "-nostdin", "-f", "yuv4mpegpipe", "-i"])
            .arg(seen)
            .arg("-i")
            .arg(sent)
            .arg("-lavfi")
            .arg(format!(
                "libvmaf=log_fmt=json:log_path={LOG}:n_threads=2:n_subsample={every}"
            ))
            .args(["-f", "null", "-"]);
        command
    }
}

/// Writes both films; gives how many pictures will be judged.
fn lay_beside(film: &Path, compared: &[Compared], sent: &Path, seen: &Path) -> Result<u32> {
    let (mut sent, mut seen) = (RawFilm::begin(sent, 30)?, RawFilm::begin(seen, 30)?);
    let mut film = Y4mReader::open(film)?;
    let mut next = || film.next(CaptureTime(Instant::now()));
    let (mut before, mut at) = (None, next()?);
    let (mut number, mut judged) = (0, 0);
    while let Some(picture) = at {
        ensure!(picture.resolution() == SIZE, "the film is of another size");
        let after = next()?;
        for one in compared.iter().filter(|one| one.number == number) {
            let like = scale(&one.frame, SIZE);
            // At the film's ends the only neighbour stands for both: it goes back the way it came.
            let neighbours = [
                before.as_ref().or(after.as_ref()).unwrap_or(&picture),
                after.as_ref().or(before.as_ref()).unwrap_or(&picture),
            ];
            if judged == 0 {
                for _ in 0..AROUND - 1 {
                    sent.add(neighbours[0])?;
                    seen.add(&like)?;
                }
            }
            for picture in [neighbours[0], &picture, neighbours[1]] {
                sent.add(picture)?;
                seen.add(&like)?;
            }
            judged += 1;
        }
        before = Some(picture);
        at = after;
        number += 1;
    }
    sent.end()?;
    seen.end()?;
    Ok(judged)
}

fn verdict(folder: &Path, output: &Output, every: u64) -> Result<Vec<f64>> {
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    read(&std::fs::read_to_string(folder.join(LOG))?, every)
}

/// The scores in a log.
fn read(log: &str, every: u64) -> Result<Vec<f64>> {
    let log: Value = serde_json::from_str(log)?;
    let frames = log["frames"].as_array().context("a log without pictures")?;
    let score = |frame: &Value| {
        let position = frame["frameNum"].as_u64()?;
        let is_judged = position > 0 && position.is_multiple_of(every);
        frame["metrics"]["vmaf"].as_f64().filter(|_| is_judged)
    };
    Ok(frames.iter().filter_map(score).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_media::video::pattern;

    fn numbers(path: &Path) -> Vec<u32> {
        let mut film = Y4mReader::open(path).unwrap();
        let mut numbers = Vec::new();
        while let Some(frame) = film.next(CaptureTime(Instant::now())).unwrap() {
            numbers.push(pattern::read(&frame).unwrap().number);
        }
        numbers
    }

    #[test]
    fn each_picture_stands_between_its_neighbours_and_is_the_third_of_three() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let drawn =
            |number| -> VideoFrame { pattern::draw(number, 0, SIZE, CaptureTime(Instant::now())).unwrap() };
        let mut film = RawFilm::begin(&path("film.y4m"), 30).unwrap();
        for number in 0..6 {
            film.add(&drawn(number)).unwrap();
        }
        film.end().unwrap();
        let compared: Vec<Compared> = [5, 2, 0]
            .map(|number| Compared {
                number,
                frame: drawn(number),
            })
            .into();
        let (sent, seen) = (path("sent.y4m"), path("seen.y4m"));
        assert_eq!(lay_beside(&path("film.y4m"), &compared, &sent, &seen).unwrap(), 3);
        assert_eq!(numbers(&sent), [1, 1, 1, 0, 1, 1, 2, 3, 4, 5, 4]);
        assert_eq!(numbers(&seen), [0, 0, 0, 0, 0, 2, 2, 2, 5, 5, 5]);
        let log = r#"{"frames":[{"frameNum":0,"metrics":{"vmaf":1.0}},{"frameNum":3,"metrics":{"vmaf":90.5}},
            {"frameNum":4,"metrics":{}},{"frameNum":6,"metrics":{"vmaf":70.25}}]}"#;
        assert_eq!(read(log, 3).unwrap(), [90.5, 70.25]);
        assert_eq!(read(log, 2).unwrap(), [70.25]);
        assert!(read("{}", 3).is_err());
    }
}
