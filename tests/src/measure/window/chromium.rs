//! Two Chromium windows in the same call, by the page of `tests/interop/page` and a server of ours.

use super::person::{Person, Tally};
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

/// The server they met at, and two people who see each other.
pub(super) fn pair() -> Result<(RealServer, [ChromiumWindow; 2])> {
    let server = RealServer::start()?;
    let open = |name| ChromiumWindow::open(name, CAMERA, SIZE, KBPS);
    let pair = [open("Ada")?, open("Ben")?];
    let started = pair[0].ask("start", json!({"server": server.url()}))?;
    pair[0].ask("join", json!({}))?;
    pair[1].ask("start", json!({"link": started["link"]}))?;
    pair[1].ask("join", json!({}))?;
    for one in &pair {
        wait_for_picture(one)?;
    }
    Ok((server, pair))
}

fn wait_for_picture(window: &ChromiumWindow) -> Result<()> {
    let mut report = Value::Null;
    for _ in 0..TRIES_MAX {
        report = window.ask("report", json!({}))?;
        if report["first_picture_ms"].is_number() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    bail!("no picture came to a Chromium window: {report:#}")
}

impl Person for ChromiumWindow {
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
        let number = |part: &str, name: &str| {
            report[part][name]
                .as_f64()
                .with_context(|| format!("no {name} in {part}"))
        };
        let bytes = |part: &str| -> Result<f64> {
            Ok(number(part, "bytesReceived")? + number(part, "headerBytesReceived")?)
        };
        let lost = number("in_video", "packetsLost")?;
        Ok(Tally {
            at: Instant::now(),
            shown: report["pictures_shown"]
                .as_f64()
                .context("no count of pictures")?,
            seconds: number("in_video", "timestamp")? / 1000.0,
            sent: number("out_video", "framesSent")?,
            kbit: (bytes("in_video")? + bytes("in_audio")?) * 8.0 / 1000.0,
            packets: (lost, lost + number("in_video", "packetsReceived")?),
            rtt_ms: number("pair", "rtt")? * 1000.0,
            size: (
                number("in_video", "frameWidth")?,
                number("in_video", "frameHeight")?,
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
