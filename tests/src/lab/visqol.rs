//! ViSQOL of what was heard: Chinen and others, "ViSQOL v3: An Open Source Production Ready Objective Speech and Audio Metric", QoMEX
//! 2020, 1 (bad) to 5, by a program of Python's that runs as long as the lab does (`tests/interop/visqol_judge.py`), for getting
//! ready takes it seconds.
//!
//! PESQ, which more people know, is not to be had: its reference code, and so the package of that name, may be used for little but
//! standards work without a licence of its own.

use crate::harness::peers::project_folder;
use crate::harness::programs::Program;
use crate::harness::python::Packages;
use crate::harness::sound::write_wav;
use anyhow::{Context as _, Result};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The judge, and what it stands on.
const VISQOL: Packages = Packages {
    folder: "visqol",
    wanted: &[
        "visqol-python==3.8.0",
        "numpy==2.4.6",
        "scipy==1.17.1",
        "numba==0.68.1",
        "llvmlite==0.50.0",
    ],
    alone: true,
};
/// Until it is ready, on a busy machine that has never run it.
const READY: Duration = Duration::from_secs(180);
/// For one pair.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program that judges. Ended when dropped.
#[derive(Debug)]
pub struct Visqol {
    program: Program,
    asked: AtomicU32,
}

impl Visqol {
    /// Starts it; the first time it is fetched.
    ///
    /// # Errors
    /// When it cannot be had, or does not get ready.
    pub fn start() -> Result<Self> {
        let mut command = Command::new(VISQOL.python()?);
        command.arg(project_folder().join("tests/interop/visqol_judge.py"));
        let program = Program::start("visqol_judge.py", &mut command)?;
        program.wait_for_line(READY, |line| line == "ready")?;
        Ok(Self {
            program,
            asked: AtomicU32::new(0),
        })
    }

    /// What was heard of what was said, which lies beside it. A folder is for what is needed on the way.
    ///
    /// # Errors
    /// When it cannot be judged.
    pub fn judge(&self, said: &[f32], heard: &[f32], folder: &Path) -> Result<f64> {
        let (said_wav, heard_wav) = (folder.join("said.wav"), folder.join("heard.wav"));
        write_wav(&said_wav, said.iter().copied())?;
        write_wav(&heard_wav, heard.iter().copied())?;
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let (said, heard) = (said_wav.display(), heard_wav.display());
        self.program.say(&format!("{number} {said} {heard}"))?;
        let begin = format!("{number} ");
        let answer = self
            .program
            .wait_for_line(PATIENCE, |line| line.starts_with(&begin))?;
        let score = answer.trim_start_matches(&begin);
        score.parse().with_context(|| format!("ViSQOL: {score}"))
    }
}
