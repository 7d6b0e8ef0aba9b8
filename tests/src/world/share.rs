//! Sharing a screen: what is captured, and what of it is seen on the other side. Real windows on a screen of their own, real
//! encoders, a real call between two processes.

use crate::harness::cli::{Cli, Wish};
use crate::harness::page::{page, psnr_db};
use crate::harness::programs::{Program, our};
use crate::harness::text_window::TextWindow;
use crate::harness::xvfb::Screen;
use anyhow::{Context as _, Result, ensure};
use parley_media::time::CaptureTime;
use parley_media::video::VideoFrame;
use parley_media::video::y4m::Y4mReader;
use parley_proto::Resolution;
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// No step takes longer, on a busy machine either.
const PATIENCE: Duration = Duration::from_secs(20);
/// What a page is at least like on the other side.
const SHARP_DB: f64 = 35.0;

/// The last page that is turned to, of those a recording is searched for.
const LAST_PAGE: usize = 4;

/// A running capture.
pub(super) struct Probe {
    program: Program,
    asked: u32,
}

impl Probe {
    fn start(screen: &Screen, id: &str, more: &[&str]) -> Result<Self> {
        let mut command = our("screen-probe")?;
        command
            .env("DISPLAY", screen.display())
            .args([id, "30"])
            .args(more);
        Self::of(&mut command)
    }

    /// Of a command that has everything.
    pub(super) fn of(command: &mut Command) -> Result<Self> {
        Ok(Self {
            program: Program::start("screen-probe", command)?,
            asked: 0,
        })
    }

    pub(super) fn ask(&mut self) -> Result<Value> {
        self.asked += 1;
        self.program.say(&self.asked.to_string())?;
        let mark = format!("\"asked\":\"{}\"", self.asked);
        let line = self
            .program
            .wait_for_line(PATIENCE, |line| line.contains(&mark))?;
        Ok(serde_json::from_str(&line)?)
    }

    pub(super) fn until(&mut self, what: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
        let end = Instant::now() + PATIENCE;
        loop {
            let state = self.ask()?;
            if holds(&state) {
                return Ok(state);
            }
            ensure!(Instant::now() < end, "never: {what}; {state}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The newest picture.
    pub(super) fn picture(&mut self) -> Result<VideoFrame> {
        let state = self.ask()?;
        let side = |name: &str| state[name].as_u64().unwrap_or(0) as u32;
        let file = tempfile::NamedTempFile::new()?;
        let path = file.path().display().to_string();
        self.program.say(&format!("keep {path}"))?;
        self.program
            .wait_for_line(PATIENCE, |line| line == format!("kept {path}"))?;
        let bytes = std::fs::read(&path)?;
        let size = Resolution::new(side("width"), side("height"));
        Ok(VideoFrame::from_i420(
            size,
            bytes.into(),
            CaptureTime(Instant::now()),
        )?)
    }

    /// Waits until the newest picture is like that.
    pub(super) fn until_picture(&mut self, what: &str, is_so: impl Fn(&VideoFrame) -> bool) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while !is_so(&self.picture()?) {
            ensure!(Instant::now() < end, "never seen: {what}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Waits until the newest picture is that page.
    fn until_page(&mut self, size: (usize, usize), step: usize) -> Result<()> {
        let expected = page(size.0, size.1, step);
        let end = Instant::now() + PATIENCE;
        loop {
            let likeness = psnr_db(&expected, &self.picture()?);
            if likeness > 45.0 {
                return Ok(());
            }
            ensure!(Instant::now() < end, "page {step} is not seen: {likeness} dB");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn a_window_is_captured_as_it_is_moved_resized_covered_and_closed() -> Result<()> {
    let screen = Screen::switch_on(1000, 700)?;
    let window = TextWindow::open(&screen, (640, 360), (40, 50))?;
    let mut probe = Probe::start(&screen, &format!("window:{}", window.id), &[])?;
    probe.until("a first picture", |state| state["count"].as_u64() > Some(0))?;
    probe.until_page((640, 360), 0)?;

    // Partly outside the screen, then covered by another window: its own pixels all the same.
    window.tell("move 700 500")?;
    window.tell("step 3")?;
    probe.until_page((640, 360), 3)?;
    window.tell("move 0 0")?;
    let other = TextWindow::open(&screen, (1000, 700), (0, 0))?;
    other.tell("step 9")?;
    window.tell("step 4")?;
    probe.until_page((640, 360), 4)?;

    window.tell("resize 500 301")?;
    probe.until("the new size", |state| {
        state["width"] == 500 && state["height"] == 300
    })?;

    // Minimised, the last picture stands; shown again, it goes on.
    window.tell("hide")?;
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(probe.ask()?["state"], "Running");
    window.tell("resize 640 360")?;
    window.tell("show")?;
    window.tell("step 5")?;
    probe.until_page((640, 360), 5)?;

    window.tell("close")?;
    let end = probe.until("the end", |state| state["state"] == "Gone")?;
    assert_eq!(end["detail"], "The shared window was closed.");
    Ok(())
}

#[test]
fn what_does_not_change_is_not_captured_again_and_the_pointer_counts_as_change() -> Result<()> {
    let screen = Screen::switch_on(800, 600)?;
    let window = TextWindow::open(&screen, (400, 300), (0, 0))?;
    let mut probe = Probe::start(&screen, "monitor:", &["--cursor"])?;
    let count = |state: &Value| state["count"].as_u64().unwrap_or(0);
    probe.until("a first picture", |state| count(state) > 0)?;
    std::thread::sleep(Duration::from_millis(300));
    let still = count(&probe.ask()?);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(count(&probe.ask()?), still, "thirty chances, no change");
    // Painted again with what was there before: damage, but no change.
    window.tell("step 0")?;
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(count(&probe.ask()?), still);
    window.tell("step 1")?;
    let turned = count(&probe.until("the page", |state| count(state) > still)?);
    window.tell("pointer 600 450")?;
    probe.until("the pointer", |state| count(state) > turned)?;
    Ok(())
}

/// The colour of the border around what is shared.
const BORDER: u32 = 0x002f_64e0;

/// Waits until every place has the border's colour, or none has.
fn until_border(screen: &Screen, places: &[(i16, i16)], there: bool) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        let seen = screen.look_at(places)?;
        if seen.iter().all(|(colour, _)| (*colour == BORDER) == there) {
            return Ok(());
        }
        ensure!(
            Instant::now() < end,
            "border at {places:?}, wanted {there}: {seen:x?}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A place in the middle of each side, `out` pixels outside a window.
fn around((x, y): (i16, i16), (width, height): (i16, i16), out: i16) -> [(i16, i16); 4] {
    [
        (x - out, y + height / 2),
        (x + width - 1 + out, y + height / 2),
        (x + width / 2, y - out),
        (x + width / 2, y + height - 1 + out),
    ]
}

#[test]
fn a_border_follows_the_shared_window_is_in_no_picture_of_it_and_goes_with_the_share() -> Result<()> {
    let screen = Screen::switch_on(1000, 700)?;
    let window = TextWindow::open(&screen, (640, 360), (40, 50))?;
    let id = format!("window:{}", window.id);
    let mut probe = Probe::start(&screen, &id, &[])?;
    let first = around((40, 50), (640, 360), 2);
    until_border(&screen, &first, true)?;
    let clicks = screen.look_at(&first)?;
    assert!(
        clicks.iter().all(|(_, hit)| !hit),
        "a click would hit it: {clicks:?}"
    );
    until_border(&screen, &around((40, 50), (640, 360), 0), false)?;
    until_border(&screen, &around((40, 50), (640, 360), 5), false)?;

    window.tell("move 200 150")?;
    until_border(&screen, &around((200, 150), (640, 360), 2), true)?;
    until_border(&screen, &first, false)?;
    window.tell("resize 500 300")?;
    until_border(&screen, &around((200, 150), (500, 300), 2), true)?;

    // As large as the screen it lies over the window, and is still not in its picture.
    window.tell("move 0 0")?;
    window.tell("resize 1000 700")?;
    window.tell("step 2")?;
    until_border(&screen, &around((0, 0), (1000, 700), -2), true)?;
    probe.until_page((1000, 700), 2)?;

    // What covers the window covers its border.
    let other = TextWindow::open(&screen, (1000, 700), (0, 0))?;
    until_border(&screen, &around((0, 0), (1000, 700), -2), false)?;
    drop(other);
    window.tell("resize 500 300")?;
    window.tell("move 100 100")?;
    let last = around((100, 100), (500, 300), 2);
    until_border(&screen, &last, true)?;
    window.tell("hide")?;
    until_border(&screen, &last, false)?;
    window.tell("show")?;
    until_border(&screen, &last, true)?;
    drop(probe);
    until_border(&screen, &last, false)?;

    // Killed in the middle of it, nothing stays behind.
    let killed = Probe::start(&screen, &id, &[])?;
    until_border(&screen, &last, true)?;
    let pid = killed.program.pid().to_string();
    ensure!(
        std::process::Command::new("kill")
            .args(["-KILL", &pid])
            .status()?
            .success()
    );
    until_border(&screen, &last, false)
}

#[test]
fn a_shared_monitor_has_a_border_of_two_pixels_at_its_edge() -> Result<()> {
    let screen = Screen::switch_on(800, 600)?;
    let probe = Probe::start(&screen, "monitor:", &[])?;
    for out in [0, -1] {
        until_border(&screen, &around((0, 0), (800, 600), out), true)?;
    }
    until_border(&screen, &around((0, 0), (800, 600), -2), false)?;
    drop(probe);
    until_border(&screen, &around((0, 0), (800, 600), 0), false)
}

#[test]
fn what_is_not_there_is_told_in_a_sentence() -> Result<()> {
    let screen = Screen::switch_on(320, 200)?;
    for id in ["monitor:HDMI-9", "window:77", "nonsense"] {
        let mut probe = Probe::start(&screen, id, &[])?;
        let state = probe.until("a word", |state| state["state"] == "Missing")?;
        assert_eq!(state["detail"], "What was to be shared is not there.", "{id}");
    }
    Ok(())
}

#[test]
fn moving_text_is_sharp_on_the_other_side_at_its_own_size() -> Result<()> {
    let (width, height) = (1280, 720);
    let screen = Screen::switch_on(width, height)?;
    let window = TextWindow::open(&screen, (width, height), (0, 0))?;
    let folder = tempfile::tempdir()?;
    let sharing = Wish {
        seconds: 24,
        more: vec!["--screen".into(), format!("window:{}", window.id)],
        display: Some(screen.display().to_owned()),
        ..Wish::default()
    };
    let watching = Wish {
        seconds: 18,
        record: Some(folder.path().to_owned()),
        more: vec!["--watch-screen".into()],
        ..Wish::default()
    };
    let host = Cli::host(None, &sharing, None)?;
    let guest = Cli::join(&host.link()?, &watching, None)?;
    // A page is read for a while, then the next one comes.
    std::thread::sleep(Duration::from_secs(5));
    for step in 1..=LAST_PAGE {
        window.tell(&format!("step {step}"))?;
        std::thread::sleep(Duration::from_millis(2500));
    }
    let figures = guest.figures(Duration::from_secs(60))?;
    drop(host);
    let seen = sharpest(
        &folder.path().join("video.y4m"),
        (width as usize, height as usize),
    )
    .with_context(|| format!("{}", figures.whole))?;
    eprintln!("pages on the other side, dB: {seen:.1?}");
    ensure!(seen.iter().all(|db| *db >= SHARP_DB), "not sharp: {seen:?}");
    Ok(())
}

/// How sharp each page was at its best in a recording; minus infinity for one that was not seen at this size.
fn sharpest(recording: &Path, (width, height): (usize, usize)) -> Result<Vec<f64>> {
    let pages: Vec<_> = (0..=LAST_PAGE).map(|step| page(width, height, step)).collect();
    let mut best = vec![f64::NEG_INFINITY; pages.len()];
    let mut reader = Y4mReader::open(recording)?;
    while let Some(frame) = reader.next(CaptureTime(Instant::now()))? {
        for (page, best) in pages.iter().zip(&mut best) {
            let likeness = psnr_db(page, &frame);
            // Other pages are like this one by some ten decibels.
            if likeness > 18.0 {
                *best = best.max(likeness);
            }
        }
    }
    Ok(best)
}
