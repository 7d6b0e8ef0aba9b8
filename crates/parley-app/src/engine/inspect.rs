//! What the engine has [`Diagnosis`] know of each second, and the report on disk.

use super::actor::Actor;
use super::cost::Cost;
use super::tell::since_1970_ms;
use super::translate;
use crate::cost;
use crate::diagnosis::report::{Report, date_time};
use crate::diagnosis::{Circumstances, Diagnosis, Loudness};
use crate::view::{
    CallState, CommandError, CommandErrorCode, DeviceState, InspectionView, InspectorView, PersonView, Phase,
    StatsSample,
};
use parley_media::audio::AudioStatus;
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{fs, io};
use tokio::sync::watch;

/// Seconds that a window's graphs show.
const GRAPH_S: usize = 300;

/// The diagnosis of the call that is on, and those who watch it.
pub(super) struct Inspection {
    diagnosis: Diagnosis,
    cost: Cost,
    microphone: Loudness,
    heard: Loudness,
    out: watch::Sender<InspectorView>,
    cores: u32,
}

impl Inspection {
    pub(super) fn new() -> (Self, watch::Receiver<InspectorView>) {
        let (out, inspector) = watch::channel(InspectorView::default());
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        let inspection = Self {
            diagnosis: Diagnosis::default(),
            cost: Cost::default(),
            microphone: Loudness::default(),
            heard: Loudness::default(),
            out,
            cores: u32::try_from(cores).unwrap_or(u32::MAX),
        };
        (inspection, inspector)
    }

    /// A new call.
    pub(super) fn begin(&mut self) {
        self.diagnosis = Diagnosis::default();
        self.publish();
    }

    /// The call is over.
    pub(super) fn end(&mut self, now_ms: u64) {
        self.diagnosis.end(now_ms);
        self.publish();
    }

    /// Levels came.
    pub(super) fn hear(&mut self, sound: Option<&AudioStatus>) {
        let Some(sound) = sound else { return };
        self.microphone.hear(sound.microphone_level);
        for person in &sound.participants {
            self.heard.hear(person.level);
        }
    }

    /// All that somebody sees who looks only now.
    pub(super) fn seen(&self) -> InspectionView {
        let mut seconds: Vec<StatsSample> = self.diagnosis.latest().take(GRAPH_S).cloned().collect();
        seconds.reverse();
        InspectionView {
            view: self.diagnosis.view(),
            seconds,
        }
    }

    fn publish(&self) {
        let view = self.diagnosis.view();
        self.out.send_if_modified(|old| {
            let changed = *old != view;
            *old = view;
            changed
        });
    }
}

impl Actor {
    /// Once a second of a call: completes the sample, and looks at it.
    pub(super) fn inspect(&mut self, sample: &mut StatsSample, now: Instant) {
        let Some(snapshot) = self.endpoint.call() else {
            return;
        };
        let sound = self.endpoint.sound_status();
        let people: Vec<PersonView> = snapshot
            .people
            .iter()
            .filter(|person| !person.listens)
            .map(|person| translate::person(person, self.quality.get()))
            .collect();
        let microphone = sound
            .as_ref()
            .map(|sound| translate::stream_state(sound.input.state));
        let picture = self.endpoint.picture_status();
        let sends_picture = self.sends_picture();
        let inspection = &mut self.inspection;
        sample.cpu_pct = cost::cpu_s().and_then(|cpu_s| inspection.cost.percent(now, cpu_s));
        sample.microphone_dbov = sound.as_ref().map(|_| inspection.microphone.take());
        let heard = inspection.heard.take();
        sample.heard_dbov = sound
            .filter(|sound| !sound.participants.is_empty())
            .map(|_| heard);
        let circumstances = Circumstances {
            now_ms: since_1970_ms(now),
            state: if self.phase == Phase::InCall {
                translate::call_state(snapshot.phase)
            } else {
                CallState::Joining
            },
            muted: self.mute.muted,
            microphone_on: !self.mute.muted && microphone == Some(DeviceState::Running),
            camera_on: sends_picture
                && picture
                    .as_ref()
                    .is_some_and(|picture| picture.resolution.is_some()),
            captured: picture
                .and_then(|picture| picture.resolution)
                .map(translate::size),
            people: people
                .into_iter()
                .map(|person| (person.name, person.microphone_on))
                .collect(),
            cores: inspection.cores,
        };
        // What comes before going in belongs to no call yet.
        if self.phase == Phase::InCall {
            inspection.diagnosis.second(sample.clone(), circumstances);
            inspection.publish();
        }
    }

    /// Writes the report beside other things the person fetched.
    #[expect(clippy::disallowed_methods, reason = "driver: the engine's clock")]
    pub(super) async fn save_report(&mut self) -> Result<(), CommandError> {
        if self.inspection.diagnosis.samples().next().is_none() {
            return Err(refuse("There was no call to report on."));
        }
        let now_ms = since_1970_ms(Instant::now());
        let report = Report::of(&self.inspection.diagnosis, env!("CARGO_PKG_VERSION"), now_ms);
        let folder = self.folders.reports();
        let written = tokio::task::spawn_blocking(move || write(&report, &folder, now_ms)).await;
        match written {
            Ok(Ok(place)) => {
                self.inspection.diagnosis.saved(place.display().to_string());
                self.inspection.publish();
                Ok(())
            }
            Ok(Err(error)) => Err(refuse(&format!("The report could not be written: {error}."))),
            Err(_) => Err(refuse("The report could not be written.")),
        }
    }
}

fn refuse(message: &str) -> CommandError {
    CommandError {
        code: CommandErrorCode::Failed,
        message: message.to_owned(),
    }
}

/// Gives the place without its endings.
fn write(report: &Report, folder: &Path, now_ms: u64) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let (date, time) = date_time(now_ms);
    let place = folder.join(format!("parley-report-{date}-{}", time.replace(':', "")));
    fs::write(place.with_extension("json"), report.json())?;
    fs::write(place.with_extension("html"), report.html())?;
    Ok(place)
}
