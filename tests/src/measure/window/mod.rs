//! `cargo xtask bench call --window`: what a call between two real windows costs, with all processes of each, and how late
//! its pictures are drawn; next to two Chromium windows on the same machine, one pair after the other.
//!
//! Both pairs have the same around them: a screen each (Xvfb, so everything is drawn by the processor), a camera each that
//! draws the moving picture with the time of day in it, a sound card each into which the same words are spoken, and the
//! voice chain as it is without settings. The windows are as large as the picture, with one's own in the corner.
//!
//! | time | what | figures |
//! |---|---|---|
//! | ten times | both leave and meet again by the same link | connected, first picture |
//! | first seconds | nobody looks | the rate settles, the controls fade |
//! | `seconds` | nobody looks | CPU, memory, rates |
//! | then | the clock is read out of every drawn picture | latency to the draw call |
//! | then | both speakers are listened to | whether there was sound at all |

mod chromium;
mod ours;
mod person;

use super::cost::{CpuMeter, pss_mb};
use super::rows::Report;
use crate::harness::programs::built_folder;
use crate::harness::sound;
use anyhow::Result;
use person::{Case, Person, Tally};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

/// What the cameras give.
const CAMERA: &str = "1280x720@30:YUYV";
/// The windows' size: the picture fits without being scaled.
const SIZE: (u32, u32) = (1280, 720);
/// What each side's picture may take.
const KBPS: u32 = 1500;
/// Set-ups that are timed.
const SET_UPS: usize = 10;
const SETTLE: Duration = Duration::from_secs(10);
/// Reading clocks costs, so it has a time of its own, no longer than this.
const LATENCY_SECONDS_MAX: u32 = 20;
const LISTEN: Duration = Duration::from_secs(3);
/// Spoken words arrive far above this; silence far below.
const SOUND_RMS_MIN: f32 = 0.001;
const SENTENCE: &str =
    "This is a call between two windows. Somebody talks all the time, as people in calls do.";

/// Measures two windows of ours, and two of Chromium if asked.
///
/// # Errors
/// When a call could not even be tried.
pub fn run(seconds: u32, against_chromium: bool) -> Result<Report> {
    let speech = speech(seconds)?;
    let mut report = Report::default();
    for case in [Case::OneWay, Case::TwoWay] {
        let name = case.name();
        eprintln!("parley, {name}: two windows, {seconds} s");
        let pair = ours::pair(case)?;
        measure(&mut report, "parley", case, seconds, &speech, &pair)?;
        drop(pair);
        if against_chromium {
            eprintln!("chromium, {name}: two windows, {seconds} s");
            let (_server, pair) = chromium::pair(case)?;
            measure(&mut report, "chromium", case, seconds, &speech, &pair)?;
        }
    }
    report.notes.push(
        "the screens have no graphics hardware: drawing costs CPU on both sides, part of it in the X server, which is no \
         process of a window and has rows of its own"
            .into(),
    );
    Ok(report)
}

/// Takes the figures of a call that stands.
fn measure<P: Person>(
    report: &mut Report,
    who: &str,
    case: Case,
    seconds: u32,
    speech: &Path,
    pair: &[P; 2],
) -> Result<()> {
    set_ups(report, who, case, pair)?;
    let _talking = [pair[0].sound().speak(speech)?, pair[1].sound().speak(speech)?];
    sleep(SETTLE);
    let before = [pair[0].tally()?, pair[1].tally()?];
    let meters = pair.each_ref().map(|one| {
        let (root, skip) = one.processes();
        (
            CpuMeter::start(root, skip),
            CpuMeter::start(one.screen().pid(), &[]),
        )
    });
    sleep(Duration::from_secs(u64::from(seconds)));
    let cpu = meters
        .each_ref()
        .map(|(app, screen)| (app.s_per_min(), screen.s_per_min()));
    let after = [pair[0].tally()?, pair[1].tally()?];
    for (at, name) in ["sender", "receiver"].iter().enumerate() {
        let (root, skip) = pair[at].processes();
        report.add(who, case.name(), &format!("cpu_s_per_min_{name}"), cpu[at].0);
        report.add(
            who,
            case.name(),
            &format!("cpu_s_per_min_screen_{name}"),
            cpu[at].1,
        );
        report.add(who, case.name(), &format!("pss_mb_{name}"), pss_mb(root, skip)?);
    }
    rates(report, who, case, &before, &after);
    picture(who, &pair[1]);
    lateness(report, who, case, seconds, &pair[1])?;
    heard(report, who, case, pair)
}

/// Times how a call comes to stand, with the windows and their devices open already.
fn set_ups<P: Person>(report: &mut Report, who: &str, case: Case, pair: &[P; 2]) -> Result<()> {
    let (mut connected, mut first_picture) = (Vec::new(), Vec::new());
    for attempt in 1..=SET_UPS {
        eprintln!("{who}, {}: set-up {attempt} of {SET_UPS}", case.name());
        let times = P::meet_again(pair, case)?;
        connected.push(times.connected);
        first_picture.push(times.first_picture);
    }
    report.add_quantiles(who, case.name(), "connected_ms", &connected);
    report.add_quantiles(who, case.name(), "first_picture_ms", &first_picture);
    Ok(())
}

/// What went from the first to the second, as the second saw it.
fn rates(report: &mut Report, who: &str, case: Case, before: &[Tally; 2], after: &[Tally; 2]) {
    let sent = after[0].since(&before[0]);
    let came = after[1].since(&before[1]);
    report.ok &= came.fps_shown > 0.0;
    let (width, height) = after[1].size;
    for (metric, value) in [
        ("width", width),
        ("height", height),
        ("fps_sent", sent.fps_sent),
        ("fps_shown", came.fps_shown),
        ("kbit_s", came.kbit_s),
        ("loss_pct", came.loss_pct),
        ("rtt_ms", after[1].rtt_ms),
    ] {
        let value = value.is_finite().then_some(value);
        report.add_or_note(who, case.name(), metric, value);
    }
}

/// For whoever wants to see what was measured.
fn picture<P: Person>(who: &str, person: &P) {
    if let Ok(folder) = built_folder() {
        let file = folder
            .parent()
            .unwrap_or(&folder)
            .join("bench")
            .join(format!("window-{who}.png"));
        match person.screen().photograph(&file) {
            Ok(()) => eprintln!("{who}: the second window is in {}", file.display()),
            Err(error) => eprintln!("{who}: {error:#}"),
        }
    }
}

fn lateness<P: Person>(report: &mut Report, who: &str, case: Case, seconds: u32, person: &P) -> Result<()> {
    let already = person.lateness()?.len();
    sleep(Duration::from_secs(u64::from(seconds.min(LATENCY_SECONDS_MAX))));
    let late = person.lateness()?;
    report.add_quantiles(
        who,
        case.name(),
        "shown_latency_ms",
        &late[already.min(late.len())..],
    );
    report.notes.push(format!(
        "{who}, {}: shown_latency is of {} pictures, to {}",
        case.name(),
        late.len(),
        person.shown_when()
    ));
    Ok(())
}

fn heard<P: Person>(report: &mut Report, who: &str, case: Case, pair: &[P; 2]) -> Result<()> {
    let ears: &[_] = match case {
        Case::OneWay => &[(1, "second")],
        Case::TwoWay => &[(0, "first"), (1, "second")],
    };
    for &(at, name) in ears {
        let recording = pair[at].sound().listen()?;
        sleep(LISTEN);
        let loudness = sound::rms(&recording.finish()?);
        eprintln!("{who}: at the {name} speaker, {loudness:.4} of loudness");
        if loudness < SOUND_RMS_MIN {
            report.ok = false;
            report
                .notes
                .push(format!("{who}: nothing was heard at the {name} speaker"));
        }
    }
    Ok(())
}

/// Words without an end: as long as everything here takes, and somewhat longer.
fn speech(seconds: u32) -> Result<PathBuf> {
    let built = built_folder()?;
    let folder = built.parent().unwrap_or(&built).join("bench");
    std::fs::create_dir_all(&folder)?;
    let once = folder.join("sentence.wav");
    sound::say(SENTENCE, &once)?;
    sound::over_and_over(&once, Duration::from_secs(u64::from(seconds) + 90))
}
