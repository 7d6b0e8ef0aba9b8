//! `cargo xtask call`: one complete call on this machine, for a person who wants to see it work or a script that wants to
//! know. A takes the real camera and microphone where there are any, B the built-in sources; neither plays aloud.

use super::parley::{self, Side};
use super::rows::Report;
use crate::harness::cli::Wish;
use crate::harness::programs::built_folder;
use anyhow::Result;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

/// How long, when nothing is said.
pub const SECONDS: u32 = 10;
/// The figures of a call, in the order of the table. What an endpoint did not measure is noted.
const METRICS: &[&str] = &[
    "connected_ms",
    "first_picture_ms",
    "width",
    "height",
    "fps_sent",
    "fps_shown",
    "kbit_s",
    "loss_pct",
    "rtt_ms",
    "picture_latency_ms_p50",
    "picture_latency_ms_p95",
    "sound_latency_ms_p50",
    "sound_latency_ms_p95",
    "sound_match",
    "sound_level_db",
];

/// What a call gave.
#[derive(Debug)]
pub struct Outcome {
    /// The figures: `parley` is what A received from B's built-in sources; costs are of both.
    pub report: Report,
    /// The picture B received.
    pub picture: Option<PathBuf>,
}

/// Makes the call.
///
/// # Errors
/// When it could not even be tried.
pub fn run(seconds: u32) -> Result<Outcome> {
    let camera = !parley_media::device::list_cameras().is_empty();
    let microphone = !parley_media::device::list_microphones().is_empty();
    let picture = picture_file()?;
    let a = Wish {
        video: if camera { "camera" } else { "pattern" }.into(),
        audio: if microphone { "mic" } else { "speech" }.into(),
        // A leaves last: the call ends when B says so.
        seconds: seconds + 1,
        ..Wish::default()
    };
    let b = Wish {
        video: "pattern".into(),
        seconds,
        more: vec!["--picture".into(), picture.display().to_string()],
        ..Wish::default()
    };
    eprintln!(
        "A: {}, {}; B: the built-in picture and speech. {seconds} s ...",
        if camera {
            "this computer's camera"
        } else {
            "the built-in picture (no camera here)"
        },
        if microphone {
            "its microphone"
        } else {
            "the built-in speech (no microphone here)"
        },
    );
    let [a, b] = parley::call(&a, &b, progress)?;
    end_progress();
    let mut report = Report {
        ok: a.figures.ok && b.figures.ok,
        ..Report::default()
    };
    fill(&mut report, "call", &a, &b);
    for (who, side) in [("A", &a), ("B", &b)] {
        report
            .notes
            .extend(side.figures.notes.iter().map(|note| format!("{who}: {note}")));
    }
    Ok(Outcome {
        report,
        picture: picture.is_file().then_some(picture),
    })
}

/// Adds the figures of a call: what `receiver` measured of what came, and what the call cost both.
pub fn fill(report: &mut Report, case: &str, receiver: &Side, sender: &Side) {
    for metric in METRICS {
        let value = receiver.figures.values.get(*metric).copied();
        report.add_or_note("parley", case, metric, value);
    }
    report.add("parley", case, "cpu_s_per_min_sender", sender.cpu_s_per_min);
    report.add("parley", case, "cpu_s_per_min_receiver", receiver.cpu_s_per_min);
    report.add("parley", case, "pss_mb_sender", sender.pss_mb);
    report.add("parley", case, "pss_mb_receiver", receiver.pss_mb);
}

fn picture_file() -> Result<PathBuf> {
    let built = built_folder()?;
    let folder = built.parent().unwrap_or(&built).join("call");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("received.png");
    // A picture of an earlier call must not pass for one of this.
    let _ = std::fs::remove_file(&file);
    Ok(file)
}

/// One line that is written over and over; nothing where nobody looks.
fn progress(what: &str) {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        let _ = write!(terminal, "\r\x1b[K{what}");
        let _ = terminal.flush();
    }
}

fn end_progress() {
    progress("");
}
