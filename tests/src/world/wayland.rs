//! Sharing a screen under Wayland: the pictures of a real desktop, through its real portal and PipeWire, in the source and on
//! the other side of a call. Its keys: `crates/parley-portal`.

use super::share::Probe;
use crate::harness::cli::{Cli, Wish};
use crate::harness::programs::{Program, our};
use crate::harness::wayland::{Desktop, OUTPUT, Person};
use anyhow::{Context as _, Result, ensure};
use parley_media::time::CaptureTime;
use parley_media::video::VideoFrame;
use parley_media::video::y4m::Y4mReader;
use serde_json::Value;
use std::process::Command;
use std::time::{Duration, Instant};

/// A bar across the top of the output, in one colour.
fn bar(desktop: &Desktop, colour: &str) -> Result<Program> {
    let mut command = Command::new("swaynag");
    command.args([
        "--message",
        " ",
        "--background",
        colour,
        "--border-bottom",
        colour,
        "--border-bottom-size",
        "0",
    ]);
    command.args([
        "--button-background",
        colour,
        "--font",
        "sans 30",
        "--layer",
        "overlay",
    ]);
    desktop.run(&mut command)
}

fn probe(desktop: &Desktop, id: &str) -> Result<Probe> {
    let mut command = our("screen-probe")?;
    command.args([id, "30", "--cursor"]);
    desktop.enter(&mut command);
    Probe::of(&mut command)
}

/// The chroma (blue, red) near the left end of a bar.
fn colour(frame: &VideoFrame) -> (u8, u8) {
    let at = frame.resolution().width as usize / 2 * 4 + 8;
    (frame.u()[at], frame.v()[at])
}

fn is_red(frame: &VideoFrame) -> bool {
    let (blue, red) = colour(frame);
    red > 200 && blue < 120
}

#[test]
#[ignore = "rare: a whole Wayland desktop, of packages that only the full tests install"]
fn a_wayland_output_is_captured_as_it_changes_and_the_system_gives_it_again() -> Result<()> {
    let mut desktop = Desktop::switch_on(1280, 720, Person::SharesWhileThere)?;
    let mut probe = probe(&desktop, "portal:")?;
    let count = |state: &Value| state["count"].as_u64().unwrap_or(0);
    probe.until("an answer", |state| state["chosen"].is_string())?;
    let red = bar(&desktop, "FF0000")?;
    let first = probe.until("a first picture", |state| {
        count(state) > 0 && state["state"] == "Running"
    })?;
    ensure!(first["width"] == 1280 && first["height"] == 720, "{first}");
    probe.until_picture("a red bar", is_red)?;
    drop(red);
    probe.until_picture("no bar", |frame| !is_red(frame))?;

    // Nothing changes, so nothing comes.
    std::thread::sleep(Duration::from_secs(1));
    let still = count(&probe.ask()?);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(count(&probe.ask()?), still, "thirty chances, no change");

    desktop.tell(&["output", OUTPUT, "resolution", "1002x601"])?;
    let red = bar(&desktop, "FF0000")?;
    probe.until("the new size", |state| {
        state["width"] == 1002 && state["height"] == 600
    })?;
    probe.until_picture("a red bar in the new size", is_red)?;
    drop(red);

    // What the system gave to be remembered works in a capture of its own, with nobody there to be asked.
    let chosen = probe.ask()?["chosen"].as_str().unwrap_or_default().to_owned();
    drop(probe);
    let token = chosen.strip_prefix("portal:").unwrap_or_default();
    ensure!(!token.is_empty(), "nothing to be remembered: {chosen}");
    desktop.person_leaves()?;
    let mut unknown = self::probe(&desktop, "portal:")?;
    unknown.until("a closed dialog", |state| state["state"] == "Denied")?;
    drop(unknown);
    let mut again = self::probe(&desktop, &chosen)?;
    again.until("an answer", |state| state["chosen"].is_string())?;
    let _red = bar(&desktop, "FF0000")?;
    again.until("a picture without a question", |state| count(state) > 0)?;

    desktop.end_portal()?;
    let end = again.until("the end", |state| state["state"] == "Gone")?;
    assert_eq!(end["detail"], "The desktop ended sharing.");
    Ok(())
}

#[test]
#[ignore = "rare: a whole Wayland desktop, of packages that only the full tests install"]
fn a_wayland_output_is_seen_on_the_other_side_of_a_call() -> Result<()> {
    let desktop = Desktop::switch_on(1280, 720, Person::Shares)?;
    let folder = tempfile::tempdir()?;
    let sharing = Wish {
        seconds: 16,
        more: vec!["--screen".into(), "portal:".into()],
        environment: desktop.environment().to_vec(),
        ..Wish::default()
    };
    let watching = Wish {
        seconds: 10,
        record: Some(folder.path().to_owned()),
        more: vec!["--watch-screen".into()],
        ..Wish::default()
    };
    let host = Cli::host(None, &sharing, None)?;
    let guest = Cli::join(&host.link()?, &watching, None)?;
    for _ in 0..6 {
        let _red = bar(&desktop, "FF0000")?;
        std::thread::sleep(Duration::from_millis(1500));
    }
    let figures = guest.figures(Duration::from_secs(60))?;
    drop(host);
    let mut reader =
        Y4mReader::open(&folder.path().join("video.y4m")).with_context(|| format!("{}", figures.whole))?;
    let mut red = 0;
    while let Some(frame) = reader.next(CaptureTime(Instant::now()))? {
        if frame.resolution().width == 1280 && is_red(&frame) {
            red += 1;
        }
    }
    ensure!(red > 0, "nothing red in full size arrived: {}", figures.whole);
    Ok(())
}

#[test]
#[ignore = "rare: a whole Wayland desktop, of packages that only the full tests install"]
fn a_dialog_that_is_closed_shares_nothing() -> Result<()> {
    let desktop = Desktop::switch_on(640, 480, Person::Declines)?;
    let mut probe = probe(&desktop, "portal:")?;
    let end = probe.until("the end", |state| state["state"] == "Denied")?;
    assert_eq!(end["detail"], "Nothing was chosen to be shared.");
    assert_eq!(end["count"], 0);
    Ok(())
}

#[test]
fn without_a_portal_the_share_says_what_to_install() -> Result<()> {
    let mut command = our("screen-probe")?;
    command
        .args(["portal:", "30"])
        .env("WAYLAND_DISPLAY", "wayland-none")
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .env("XDG_RUNTIME_DIR", "/nonexistent");
    let mut probe = Probe::of(&mut command)?;
    let state = probe.until("a word", |state| state["state"] == "Missing")?;
    let told = state["detail"].as_str().unwrap_or_default();
    ensure!(told.contains("Install xdg-desktop-portal"), "{told}");
    Ok(())
}
