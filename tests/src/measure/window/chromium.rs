//! Two Chromium windows in the same call, by the page of `tests/interop/page` and a server of ours.

use super::person::{Case, Person, SetUp, Tally};
use super::{CAMERA, KBPS, SIZE};
use crate::harness::chromium_window::ChromiumWindow;
use crate::harness::server::RealServer;
use crate::harness::sound_card::SoundCard;
use crate::harness::xvfb::Screen;
use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Asked so often, with a tenth of a second in between, a first picture is there.
const TRIES_MAX: u32 = 150;

/// The server they met at, and two people in a call.
pub(super) fn pair(case: Case) -> Result<(RealServer, [ChromiumWindow; 2])> {
    let server = RealServer::start()?;
    let open = |name| ChromiumWindow::open(name, CAMERA, SIZE, KBPS);
    let pair = [open("Ada")?, open("Ben")?];
    let started = pair[0].ask("start", json!({"server": server.url()}))?;
    go_in(&pair, &started["link"], case)?;
    if case == Case::TwoWay {
        wait_for_picture(&pair[0])?;
    }
    Ok((server, pair))
}

/// The first has a ticket; lets both in, and waits for the picture that the second sees.
fn go_in(pair: &[ChromiumWindow; 2], link: &Value, case: Case) -> Result<Value> {
    pair[0].ask("join", json!({}))?;
    let sends = case == Case::TwoWay;
    pair[1].ask("start", json!({"link": link, "video": sends, "audio": sends}))?;
    // As long as Parley's second window has between its ticket and the press on the button.
    std::thread::sleep(Duration::from_millis(500));
    pair[1].ask("join", json!({}))?;
    wait_for_picture(&pair[1])
}

fn wait_for_picture(window: &ChromiumWindow) -> Result<Value> {
    let mut report = Value::Null;
    for _ in 0..TRIES_MAX {
        report = window.ask("report", json!({}))?;
        if report["first_picture_ms"].is_number() {
            return Ok(report);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    bail!("no picture came to a Chromium window: {report:#}")
}

impl Person for ChromiumWindow {
    fn meet_again(pair: &[Self; 2], case: Case) -> Result<SetUp> {
        for window in [&pair[1], &pair[0]] {
            window.ask("leave", json!({}))?;
        }
        let started = pair[0].ask("start", json!({"again": true}))?;
        let report = go_in(pair, &started["link"], case)?;
        let time = |value: &Value| value.as_f64().with_context(|| format!("no time in {report:#}"));
        Ok(SetUp {
            connected: time(&report["marks"]["connected"])?,
            first_picture: time(&report["first_picture_ms"])?,
        })
    }

    fn processes(&self) -> (u32, &'static [&'static str]) {
        (self.pid(), &[])
    }

    fn screen(&self) -> &Screen {
        self.screen()
    }

    fn sound(&self) -> &SoundCard {
        &self.sound
    }

    fn tally(&self) -> Result<Tally> {
        let report = self.ask("report", json!({}))?;
        // What a side does not do, it has no figures of: those are not numbers, and so is all that follows from them.
        let number = |part: &str, name: &str| report[part][name].as_f64().unwrap_or(f64::NAN);
        let bytes = |part: &str| number(part, "bytesReceived") + number(part, "headerBytesReceived");
        let lost = number("in_video", "packetsLost");
        Ok(Tally {
            at: Instant::now(),
            shown: report["pictures_shown"]
                .as_f64()
                .context("no count of pictures")?,
            // `max` prefers a number; all statistics are of one moment.
            seconds: number("in_video", "timestamp").max(number("out_video", "timestamp")) / 1000.0,
            sent: number("out_video", "framesSent"),
            kbit: (bytes("in_video") + bytes("in_audio")) * 8.0 / 1000.0,
            packets: (lost, lost + number("in_video", "packetsReceived")),
            rtt_ms: number("pair", "rtt") * 1000.0,
            size: (
                number("in_video", "frameWidth"),
                number("in_video", "frameHeight"),
            ),
        })
    }

    fn lateness(&self) -> Result<Vec<f64>> {
        let answer = self.ask("watch", json!({}))?;
        let noted = answer["pictures"].as_array().context("no list of times")?;
        Ok(noted.iter().filter_map(Value::as_f64).collect())
    }

    fn shown_when(&self) -> &'static str {
        "requestVideoFrameCallback"
    }
}
