//! Two ends of a call over a [`Place`]: one sends a film and a voice, the other one sees and hears, and both write down what they
//! did ([`super::tape`]). Ours are two `parley-cli`; Chromium's are two browsers, each with the page of `tests/interop`.

use super::clip::{Clip, SIZE, voice};
use super::place::Place;
use crate::harness::cli::{Cli, Wish};
use crate::harness::peers::project_folder;
use crate::harness::programs::Program;
use crate::harness::system;
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Until media comes, over the worst of lines, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// Ends end when they are told to, and at this age by themselves.
const LIFE_S: u32 = 600;
/// Every so many pictures are recorded whole: three a second are enough to judge by, and a disk keeps up.
const RECORD_EVERY: u32 = 10;

/// Both ends of a call.
pub trait Ends {
    /// Waits until the picture comes.
    ///
    /// # Errors
    /// When it does not.
    fn wait_for_media(&self) -> Result<()>;
    /// Ends the call, and waits until all is written.
    ///
    /// # Errors
    /// When an end does not end, or says nothing.
    fn end(self: Box<Self>) -> Result<Ended>;
}

/// What the side that sees and hears said in the end.
#[derive(Debug, Clone, Default)]
pub struct Ended {
    /// From going in to the first picture.
    pub first_picture_ms: Option<f64>,
    /// What was not as it should be.
    pub notes: Vec<String>,
}

/// What ends send and where they write.
#[derive(Debug)]
pub struct Task {
    film: PathBuf,
    fps: u32,
    /// Shown as a screen, not as a camera.
    is_screen: bool,
    voice: PathBuf,
    /// What the sending end wrote down.
    pub sent: PathBuf,
    /// What the other one did.
    pub came: PathBuf,
}

impl Task {
    /// Of a film, over a place.
    ///
    /// # Errors
    /// When the film or the voice cannot be made.
    pub fn new(clip: Clip, place: &Place) -> Result<Self> {
        Ok(Self {
            film: clip.film()?,
            fps: clip.fps(),
            is_screen: clip == Clip::Text,
            voice: voice()?,
            sent: place.folder("sent")?,
            came: place.folder("came")?,
        })
    }

    /// The film that is sent.
    #[must_use]
    pub fn film(&self) -> &Path {
        &self.film
    }
}

/// Two `parley-cli`.
#[derive(Debug)]
struct Ours {
    // Who watches goes first.
    watches: Cli,
    sends: Cli,
    /// What it says when the picture comes.
    begins: &'static str,
}

/// Starts ours.
///
/// # Errors
/// When they were not built or do not start.
pub fn ours(task: &Task, place: &Place) -> Result<Box<dyn Ends>> {
    let path = |path: &Path| path.display().to_string();
    let (video, shows, looks, begins) = if task.is_screen {
        let shows = vec!["--screen".to_owned(), path(&task.film)];
        (
            "off".to_owned(),
            shows,
            Some("--watch-screen".to_owned()),
            "screen_began",
        )
    } else {
        (path(&task.film), Vec::new(), None, "picture_began")
    };
    let recorded = ["--events".to_owned(), "--record-own".to_owned(), path(&task.sent)];
    let sends = Wish {
        video,
        audio: path(&task.voice),
        seconds: LIFE_S,
        more: recorded.into_iter().chain(shows).collect(),
        ..Wish::default()
    };
    let watches = Wish {
        video: "off".into(),
        audio: path(&task.voice),
        seconds: LIFE_S,
        record: Some(task.came.clone()),
        more: [
            "--events".to_owned(),
            "--record-every".to_owned(),
            RECORD_EVERY.to_string(),
        ]
        .into_iter()
        .chain(looks)
        .collect(),
        ..Wish::default()
    };
    let sends = Cli::host(Some(place.server()), &sends, Some(&place.sends))?;
    let watches = Cli::join(&sends.link()?, &watches, Some(&place.watches))?;
    Ok(Box::new(Ours {
        watches,
        sends,
        begins,
    }))
}

impl Ends for Ours {
    fn wait_for_media(&self) -> Result<()> {
        self.watches.says(self.begins, PATIENCE)
    }

    fn end(self: Box<Self>) -> Result<Ended> {
        // It goes as a person does who has had enough, and the other one is told.
        system::terminate(self.watches.pid());
        let figures = self.watches.figures(PATIENCE).context("who watches")?;
        let sender = self.sends.figures(PATIENCE).context("who sends")?;
        let notes = [("who watches", &figures), ("who sends", &sender)]
            .iter()
            .filter(|(_, figures)| !figures.ok)
            .flat_map(|(who, figures)| figures.notes.iter().map(move |note| format!("{who}: {note}")))
            .collect();
        Ok(Ended {
            first_picture_ms: figures.values.get("first_picture_ms").copied(),
            notes,
        })
    }
}

/// Two browsers, each with its driver.
#[derive(Debug)]
struct Theirs {
    watches: Program,
    sends: Program,
}

/// Starts Chromium's.
///
/// # Errors
/// When Node or Chromium is missing.
pub fn theirs(task: &Task, place: &Place) -> Result<Box<dyn Ends>> {
    let driver = |out: &Path| {
        let mut command = Command::new("node");
        command
            .arg(project_folder().join("tests/interop/lab_chromium.mjs"))
            .args(["--size", &format!("{}x{}@{}", SIZE.width, SIZE.height, task.fps)])
            .args(["--every", &RECORD_EVERY.to_string()])
            .arg("--audio")
            .arg(&task.voice)
            .arg("--out")
            .arg(out);
        command
    };
    let mut sends = driver(&task.sent);
    sends
        .args(["--server", place.server()])
        .arg("--video")
        .arg(&task.film);
    if task.is_screen {
        sends.args(["--hint", "text"]);
    }
    let sends = Program::start("lab_chromium.mjs, sends", &mut place.sends.enter(&sends))
        .context("is Node installed?")?;
    let link = event(&sends, "link", PATIENCE)?;
    let mut watches = driver(&task.came);
    watches.args(["--link", link["link"].as_str().context("no link")?]);
    let watches = Program::start("lab_chromium.mjs, watches", &mut place.watches.enter(&watches))?;
    Ok(Box::new(Theirs { watches, sends }))
}

impl Ends for Theirs {
    fn wait_for_media(&self) -> Result<()> {
        event(&self.watches, "media", PATIENCE).map(drop)
    }

    fn end(self: Box<Self>) -> Result<Ended> {
        self.watches.close_input();
        let watched = event(&self.watches, "done", PATIENCE)?;
        self.sends.close_input();
        let sent = event(&self.sends, "done", PATIENCE)?;
        let notes = [("who watches", &watched), ("who sends", &sent)]
            .iter()
            .flat_map(|(who, done)| {
                let faults = done["faults"].as_array().into_iter().flatten();
                faults.map(move |fault| format!("{who}: {fault}"))
            })
            .collect();
        Ok(Ended {
            first_picture_ms: watched["first_picture_ms"].as_f64(),
            notes,
        })
    }
}

/// What a driver tells, once it does.
fn event(driver: &Program, name: &str, limit: Duration) -> Result<Value> {
    let read = |line: &str| serde_json::from_str::<Value>(line).ok();
    let line = driver.wait_for_line(limit, |line| {
        read(line).is_some_and(|event| event["event"] == name || event["event"] == "failed")
    })?;
    let event = read(&line).context("an event")?;
    if event["event"] == "failed" {
        bail!("{}: {}", driver.name(), event["message"]);
    }
    Ok(event)
}
