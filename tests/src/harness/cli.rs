//! `parley-cli`: the whole app without a window, as a person or a script runs it.

use super::namespaces::Namespace;
use super::programs::{Program, our};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// How an endpoint is started. The default needs no device and is heard by nobody.
#[derive(Debug, Clone)]
pub struct Wish {
    /// `camera`, `pattern`, `pattern:WxH`, a y4m file, `off`.
    pub video: String,
    /// `mic`, `speech`, `tone`, a wav file, `off`.
    pub audio: String,
    /// `speaker` or `none`.
    pub speaker: String,
    /// Seconds of call, counted from when the two are connected.
    pub seconds: u32,
    /// Where to record what comes.
    pub record: Option<PathBuf>,
    /// The X screen to capture from, as in `DISPLAY`.
    pub display: Option<String>,
    /// An authority that it trusts beside those of the system, as a PEM file.
    pub trusts: Option<PathBuf>,
    /// What else it finds in its environment, such as a sound card's.
    pub environment: Vec<(String, String)>,
    /// More arguments.
    pub more: Vec<String>,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            video: "pattern:640x360".into(),
            audio: "speech".into(),
            speaker: "none".into(),
            seconds: 6,
            record: None,
            display: None,
            trusts: None,
            environment: Vec::new(),
            more: Vec::new(),
        }
    }
}

/// A running `parley-cli`. Ended when dropped.
#[derive(Debug)]
pub struct Cli {
    program: Program,
}

/// What an endpoint measured of its call.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Whether picture and sound arrived.
    pub ok: bool,
    /// By name, as in `docs/benchmarks.md`; those of one of several people begin with who it is of, such as `person 1 fps_shown`.
    pub values: BTreeMap<String, f64>,
    /// What it had to say.
    pub notes: Vec<String>,
    /// The end reason's code, if the call ended otherwise than by its own will.
    pub whole: Value,
}

impl Figures {
    /// One figure.
    ///
    /// # Errors
    /// When it was not measured; the message has what was.
    pub fn get(&self, metric: &str) -> Result<f64> {
        self.values
            .get(metric)
            .copied()
            .with_context(|| format!("{metric} was not measured: {}", self.whole))
    }
}

impl Cli {
    /// Makes a room: on `server`, or on a server inside the endpoint itself.
    ///
    /// # Errors
    /// When it was not built or does not start.
    pub fn host(server: Option<&str>, wish: &Wish, namespace: Option<&Namespace>) -> Result<Self> {
        let mut command = our("parley-cli")?;
        command.arg("host");
        if let Some(server) = server {
            command.args(["--server", server]);
        }
        Self::start(command, wish, namespace)
    }

    /// Goes into a room.
    ///
    /// # Errors
    /// When it was not built or does not start.
    pub fn join(link: &str, wish: &Wish, namespace: Option<&Namespace>) -> Result<Self> {
        let mut command = our("parley-cli")?;
        command.args(["join", link]);
        Self::start(command, wish, namespace)
    }

    fn start(mut command: Command, wish: &Wish, namespace: Option<&Namespace>) -> Result<Self> {
        command
            .args(["--video", &wish.video])
            .args(["--audio", &wish.audio])
            .args(["--speaker", &wish.speaker])
            .args(["--seconds", &wish.seconds.to_string()])
            .arg("--json")
            .args(&wish.more);
        if let Some(folder) = &wish.record {
            command.arg("--record").arg(folder);
        }
        if let Some(display) = &wish.display {
            command.env("DISPLAY", display);
        }
        command.envs(wish.environment.iter().map(|(name, value)| (name, value)));
        if let Some(authority) = &wish.trusts {
            command.env("SSL_CERT_FILE", authority);
        }
        let mut command = match namespace {
            Some(namespace) => namespace.enter(&command),
            None => command,
        };
        Ok(Self {
            program: Program::start("parley-cli", &mut command)?,
        })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// The link to its room.
    ///
    /// # Errors
    /// When it does not come.
    pub fn link(&self) -> Result<String> {
        let is_link = |word: &str| word.contains("/r/") && word.contains('#') && word.starts_with("http");
        let trimmed = |word: &str| word.trim_matches(|c: char| "\"',.()".contains(c)).to_owned();
        let line = self.program.wait_for_line(Duration::from_secs(30), |line| {
            line.split_whitespace().any(|word| is_link(&trimmed(word)))
        })?;
        line.split_whitespace()
            .map(trimmed)
            .find(|word| is_link(word))
            .context("a link")
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn wait(&self, limit: Duration) -> Result<()> {
        self.program.wait(limit).map(drop)
    }

    /// Waits for its end and reads what it measured.
    ///
    /// # Errors
    /// When it does not end in time, or says nothing.
    pub fn figures(&self, limit: Duration) -> Result<Figures> {
        self.program.wait(limit)?;
        let read = |line: &str| {
            let whole: Value = serde_json::from_str(line).ok()?;
            whole.get("rows").is_some().then_some(whole)
        };
        // Its last words may still be in the pipe.
        let line = self
            .program
            .wait_for_line(Duration::from_secs(2), |line| read(line).is_some())?;
        let whole = read(&line).context("figures")?;
        let row = |row: &Value| {
            let metric = row["metric"].as_str()?;
            let name = match row["case"].as_str()? {
                person if person.starts_with("person ") => format!("{person} {metric}"),
                _ => metric.to_owned(),
            };
            Some((name, row["value"].as_f64()?))
        };
        let note = |note: &Value| note.as_str().map(str::to_owned);
        Ok(Figures {
            ok: whole["ok"] == true,
            values: whole["rows"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(row)
                .collect(),
            notes: whole["notes"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(note)
                .collect(),
            whole,
        })
    }

    /// The same, and an error when picture or sound did not arrive.
    ///
    /// # Errors
    /// As [`Cli::figures`].
    pub fn good_figures(&self, limit: Duration) -> Result<Figures> {
        let figures = self.figures(limit)?;
        if !figures.ok {
            bail!(
                "the endpoint found its call bad: {}\n{}",
                figures.whole,
                self.last_words()
            );
        }
        ensure!(!figures.values.is_empty(), "the endpoint measured nothing");
        Ok(figures)
    }

    /// Waits until it says `words`, also after its end: its last ones may still be in the pipe.
    ///
    /// # Errors
    /// When it does not; the message has what it said.
    pub fn says(&self, words: &str, limit: Duration) -> Result<()> {
        self.program
            .wait_for_line(limit, |line| line.contains(words))
            .map(drop)
    }

    /// What it told of `event` so far (with `--events`), the oldest first.
    #[must_use]
    pub fn told(&self, event: &str) -> Vec<Value> {
        let lines = self.program.lines();
        let told = lines.iter().filter_map(|line| serde_json::from_str(line).ok());
        told.filter(|told: &Value| told["event"] == event).collect()
    }

    /// The end of what it printed.
    #[must_use]
    pub fn last_words(&self) -> String {
        let lines = self.program.lines();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// How it ended, if it did: whether with exit code 0.
    #[must_use]
    pub fn succeeded(&self) -> Option<bool> {
        self.program.try_wait().map(|status| status.success())
    }
}
