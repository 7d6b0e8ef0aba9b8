//! A call that is recorded: two whole engines, the real server between them, and the file as players see it.

use crate::harness::recorded::{Recorded, Spot};
use anyhow::{Context as _, Result, ensure};
use parley_app::engine::{Engine, EngineConfig, EngineHandle};
use parley_app::sources::{PictureSource, SoundSink, SoundSource, Sources};
use parley_app::view::{
    AppCommand, AppState, CallState, CommandErrorCode, FolderSettings, Phase, RecordingEnded,
    RecordingSettings, RecordingStage, RecordingStop, SettingsPatch,
};
use parley_proto::Resolution;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// No step takes longer, on a busy machine either.
const PATIENCE: Duration = Duration::from_secs(30);
/// Picture and sound of one person may be so far apart.
const APART_MAX_S: f64 = 0.080;
/// Where one's own picture is in that of a recording.
const OWN: Spot = Spot {
    x: 1280 - 256 - 16,
    y: 720 - 144 - 16,
    width: 256,
    height: 144,
};

/// A window without a window.
struct Person {
    engine: EngineHandle,
    folder: tempfile::TempDir,
}

impl Person {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let engine = Engine::start(EngineConfig {
            folder: folder.path().to_owned(),
            sources: Sources {
                picture: PictureSource::Pattern(Resolution::new(640, 360)),
                sound: SoundSource::Speech,
                sink: SoundSink::Nowhere,
            },
            link: None,
            bitrate_max: None,
        });
        Ok(Self { engine, folder })
    }

    async fn does(&self, command: AppCommand) -> Result<()> {
        let told = self.engine.command(command.clone()).await;
        told.map_err(|error| anyhow::anyhow!("{command:?}: {}", error.message))
    }

    async fn sees(&self, what: &str, wanted: impl Fn(&AppState) -> bool) -> Result<AppState> {
        let mut state = self.engine.state();
        let found = tokio::time::timeout(PATIENCE, state.wait_for(|state| wanted(state))).await;
        match found {
            Ok(Ok(state)) => Ok(state.clone()),
            _ => anyhow::bail!("never saw {what}: {:#?}", self.engine.state().borrow().recording),
        }
    }

    /// Starts to record, as soon as the last recording has ended for everybody.
    async fn records(&self) -> Result<()> {
        let began = tokio::time::Instant::now();
        loop {
            match self.engine.command(AppCommand::StartRecording).await {
                Ok(()) => return Ok(()),
                Err(error) => ensure!(
                    error.code == CommandErrorCode::NotNow && began.elapsed() < PATIENCE,
                    "{}",
                    error.message
                ),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn allows(&self, allowed: bool) -> Result<()> {
        let recording = Some(RecordingSettings { allowed });
        let patch = SettingsPatch {
            recording,
            ..SettingsPatch::default()
        };
        self.does(AppCommand::ChangeSettings { patch }).await
    }

    async fn keeps_recordings_in(&self, recordings: Option<String>) -> Result<()> {
        let folders = Some(FolderSettings {
            recordings,
            ..FolderSettings::default()
        });
        let patch = SettingsPatch {
            folders,
            ..SettingsPatch::default()
        };
        self.does(AppCommand::ChangeSettings { patch }).await
    }

    async fn sees_the_end(&self, why: RecordingStop) -> Result<RecordingEnded> {
        let over = |state: &AppState| {
            state
                .recording
                .ended
                .as_ref()
                .is_some_and(|ended| ended.why == why)
        };
        let state = self.sees(&format!("{why:?}"), over).await?;
        state.recording.ended.context("no end")
    }
}

fn is_told(state: &AppState) -> bool {
    state
        .call
        .as_ref()
        .is_some_and(|call| call.people.iter().any(|person| person.recording))
}

/// Two who see and hear each other.
async fn two() -> Result<(Person, Person)> {
    let (ada, ben) = (Person::new()?, Person::new()?);
    ada.does(AppCommand::StartCall).await?;
    let link = |state: &AppState| state.call.as_ref().is_some_and(|call| !call.link.is_empty());
    let call = ada.sees("a link", link).await?.call.context("no call")?;
    ada.does(AppCommand::Join).await?;
    ben.does(AppCommand::OpenLink { text: call.link }).await?;
    ben.sees("the green room", |state| state.phase == Phase::GreenRoom)
        .await?;
    ben.does(AppCommand::Join).await?;
    for person in [&ada, &ben] {
        let connected = |state: &AppState| {
            let call = state.call.as_ref();
            call.is_some_and(|call| {
                call.state == CallState::Connected && call.people.iter().any(|person| person.camera_on)
            })
        };
        person.sees("the other one", connected).await?;
    }
    Ok((ada, ben))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_call_holds_both_people_in_sync_and_is_seen_by_both() -> Result<()> {
    let (ada, ben) = two().await?;
    ada.does(AppCommand::SetMuted { muted: true }).await?;
    // So that jitter buffers have found their wait.
    tokio::time::sleep(Duration::from_secs(2)).await;
    ada.does(AppCommand::StartRecording).await?;
    let on = |state: &AppState| state.recording.stage == RecordingStage::On;
    ada.sees("the recording", on).await?;
    ben.sees("that it is recorded", is_told).await?;
    tokio::time::sleep(Duration::from_secs(6)).await;

    // What a killed program would leave.
    let path = only_file(&ada.folder.path().join("recordings"))?;
    let left = ada.folder.path().join("left.mp4");
    std::fs::copy(&path, &left)?;

    ada.does(AppCommand::SetMuted { muted: false }).await?;
    ben.does(AppCommand::SetMuted { muted: true }).await?;
    let turn = recorded_s(&ada);
    tokio::time::sleep(Duration::from_secs(6)).await;
    ada.does(AppCommand::StopRecording).await?;
    let ended = ada.sees_the_end(RecordingStop::Stopped).await?;
    ben.sees("that it is over", |state| !is_told(state)).await?;
    ensure!(ended.path.as_deref() == path.to_str(), "{ended:?}");
    ensure!((11..=16).contains(&ended.seconds), "{ended:?}");

    let file = Recorded::read(&path)?;
    eprintln!("the recording: {file:?}");
    ensure!(file.codecs == ["h264", "opus"], "{:?}", file.codecs);
    for length in [file.picture_s, file.sound_s] {
        let differs = (length - f64::from(ended.seconds)).abs();
        ensure!(differs < 1.1, "{length} s, said to be {} s", ended.seconds);
    }
    ensure!(
        (file.picture_s - file.sound_s).abs() < APART_MAX_S,
        "tracks of two lengths"
    );
    // Thirty a second, and far fewer on a busy machine.
    ensure!(file.pictures as f64 / file.picture_s > 5.0, "too few pictures");

    let other = file.apart(None, 0.5, turn - 0.5)?;
    let own = file.apart(Some(OWN), turn + 1.5, file.sound_s - 0.5)?;
    eprintln!("sound after picture: the other one's {other:.3?} s, one's own {own:.3?} s");
    ensure!(other.abs() < APART_MAX_S, "the other one is apart: {other} s");
    ensure!(own.abs() < APART_MAX_S, "one's own is apart: {own} s");

    let left = Recorded::read(&left)?;
    ensure!(
        left.codecs == ["h264", "opus"] && left.picture_s > 3.0,
        "{left:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_recorded_against_their_will_nor_into_nothing() -> Result<()> {
    let (ada, ben) = two().await?;
    ben.allows(false).await?;
    ada.records().await?;
    let refused = ada.sees_the_end(RecordingStop::SaidNo).await?;
    ensure!(
        refused.path.is_none() && !is_told(&ben.engine.state().borrow()),
        "{refused:?}"
    );
    ensure!(
        !ada.folder.path().join("recordings").exists() || is_empty(&ada.folder.path().join("recordings"))?
    );

    // A yes that is taken back ends it, and what there is stays.
    ben.allows(true).await?;
    ada.records().await?;
    ben.sees("that it is recorded", is_told).await?;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    ben.allows(false).await?;
    let ended = ada.sees_the_end(RecordingStop::SaidNo).await?;
    let path = PathBuf::from(ended.path.context("no file")?);
    ensure!(Recorded::read(&path)?.codecs == ["h264", "opus"]);
    ben.sees("that it is over", |state| !is_told(state)).await?;

    ben.allows(true).await?;
    let in_the_way = ada.folder.path().join("in-the-way");
    std::fs::write(&in_the_way, "")?;
    ada.keeps_recordings_in(Some(in_the_way.display().to_string()))
        .await?;
    ada.records().await?;
    ada.sees_the_end(RecordingStop::CannotWrite).await?;
    let state = ada.engine.state().borrow().clone();
    ensure!(state.phase == Phase::InCall && state.recording.stage == RecordingStage::Off);
    ensure!(!is_told(&ben.engine.state().borrow()));

    // The end of the call is the end of it.
    ada.keeps_recordings_in(None).await?;
    ada.records().await?;
    ben.sees("that it is recorded", is_told).await?;
    ben.does(AppCommand::Leave).await?;
    let ended = ada.sees_the_end(RecordingStop::CallEnded).await?;
    ensure!(ended.path.is_some_and(|path| Path::new(&path).exists()));
    Ok(())
}

fn only_file(folder: &Path) -> Result<PathBuf> {
    let mut files = std::fs::read_dir(folder)?;
    let first = files.next().context("no file")??.path();
    ensure!(files.next().is_none(), "several files");
    Ok(first)
}

fn is_empty(folder: &Path) -> Result<bool> {
    Ok(std::fs::read_dir(folder)?.next().is_none())
}

/// How long the recording is now.
fn recorded_s(person: &Person) -> f64 {
    let since_ms = person
        .engine
        .state()
        .borrow()
        .recording
        .since_ms
        .unwrap_or_default();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    (now.unwrap_or_default().as_millis() as f64 - since_ms as f64) / 1e3
}
