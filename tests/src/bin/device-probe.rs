//! `device-probe`: an engine with camera, microphone and speaker open as before a call, which tells on standard output what a
//! window would be told of its devices: a line of JSON for each change, with the time of this machine in microseconds.
//!
//! Told by lines: `mute`, `unmute`, `choose KIND ID` (`-` for none). Ends with its standard input.

#![expect(
    clippy::print_stdout,
    reason = "a command-line tool answers on standard output"
)]
#![allow(clippy::disallowed_methods, reason = "driver: a test's tool")]

use anyhow::{Context as _, Result};
use parley_app::engine::{Engine, EngineConfig, EngineHandle};
use parley_app::sources::Sources;
use parley_app::view::{AppCommand, AppState, DeviceKind, SettingsPatch, VoiceSwitches};
use parley_media::device::changes::{Changed, DeviceChanges};
use serde_json::json;
use std::io::BufRead as _;
use std::time::SystemTime;

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let engine = Engine::start(EngineConfig {
        folder: folder.path().to_owned(),
        sources: Sources::default(),
        link: None,
        bitrate_max: None,
    });
    // What is played to it is to be heard, not judged.
    let patch = SettingsPatch {
        voice: Some(VoiceSwitches {
            echo_cancellation: false,
            noise_suppression: false,
            gain_control: false,
        }),
        ..SettingsPatch::default()
    };
    for command in [
        AppCommand::ChangeSettings { patch },
        AppCommand::SetPreview { on: true },
    ] {
        ask(&engine, command).await?;
    }
    let _changes = DeviceChanges::listen(&[Changed::Sound, Changed::Cameras], |changed| {
        println!(
            "{}",
            json!({ "at_us": now_us(), "changed": format!("{changed:?}") })
        );
    });
    let (mut state, mut levels) = (engine.state(), engine.levels());
    let (said, mut lines) = tokio::sync::mpsc::channel(16);
    std::thread::spawn(move || {
        let lines = std::io::stdin().lock().lines();
        lines
            .map_while(Result::ok)
            .try_for_each(|line| said.blocking_send(line))
    });
    let (mut told, mut loud) = (String::new(), false);
    loop {
        tokio::select! {
            line = lines.recv() => match line {
                Some(line) => obey(&engine, &line).await?,
                None => break,
            },
            changed = state.changed() => {
                changed?;
                let news = describe(&state.borrow_and_update());
                if news != told {
                    println!("{}", json!({ "at_us": now_us(), "state": news }));
                    told = news;
                }
            }
            changed = levels.changed() => {
                changed?;
                let hears = levels.borrow_and_update().microphone > 0.1;
                if hears != loud {
                    println!("{}", json!({ "at_us": now_us(), "hears": hears }));
                    loud = hears;
                }
            }
        }
    }
    engine.hang_up(std::time::Duration::from_secs(5)).await;
    Ok(())
}

async fn obey(engine: &EngineHandle, line: &str) -> Result<()> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let command = match *words {
        ["mute"] => AppCommand::SetMuted { muted: true },
        ["unmute"] => AppCommand::SetMuted { muted: false },
        ["choose", kind, id] => AppCommand::ChooseDevice {
            kind: match kind {
                "microphone" => DeviceKind::Microphone,
                "speaker" => DeviceKind::Speaker,
                _ => DeviceKind::Camera,
            },
            id: (id != "-").then(|| id.to_owned()),
        },
        _ => anyhow::bail!("unknown: {line}"),
    };
    ask(engine, command).await
}

async fn ask(engine: &EngineHandle, command: AppCommand) -> Result<()> {
    let done = engine.command(command).await;
    done.map_err(|error| anyhow::anyhow!(error.message))
}

/// What the tests look at, always in the same words.
fn describe(state: &AppState) -> String {
    let local = &state.local;
    let names = |list: &[parley_app::view::DeviceView]| {
        let names: Vec<&str> = list.iter().map(|device| device.name.as_str()).collect();
        names.join(", ")
    };
    let news: Vec<String> = state
        .devices
        .news
        .iter()
        .map(|news| {
            format!(
                "{} {:?} {:?} {} for {:?}",
                news.number, news.kind, news.event, news.name, news.before
            )
        })
        .collect();
    let problems: Vec<String> = state
        .problems
        .iter()
        .map(|problem| format!("{:?}", problem.code))
        .collect();
    format!(
        "microphone {:?} {:?} | speaker {:?} {:?} | camera {:?} {:?} | muted {} | [{}] [{}] [{}] | {} | {}",
        local.microphone,
        local.microphone_name.as_deref().unwrap_or_default(),
        local.speaker,
        local.speaker_name.as_deref().unwrap_or_default(),
        local.camera,
        local.camera_name.as_deref().unwrap_or_default(),
        local.muted,
        names(&state.devices.microphones),
        names(&state.devices.speakers),
        names(&state.devices.cameras),
        news.join("; "),
        problems.join(" "),
    )
}

fn now_us() -> u64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().context("a clock before 1970");
    since.map_or(0, |since| since.as_micros() as u64)
}
