//! Two windows of ours in a call, as people bring it about: one starts it, the other pastes the link.

use super::person::{Case, Person, SetUp, Tally};
use super::{CAMERA, KBPS, SIZE};
use crate::harness::meeting::{A_WHILE, start_call};
use crate::harness::sound_card::SoundCard;
use crate::harness::window::{Opening, Window};
use crate::harness::xvfb::Screen;
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::time::Instant;

/// Adds up what the engine tells the window each second.
const COUNT_STATISTICS: &str = "
    const sum = (globalThis.sum = { seconds: 0, sent: 0, kbit: 0, lost: 0 });
    const tauri = window.__TAURI_INTERNALS__;
    const handler = tauri.transformCallback(({ payload: one }) => {
      sum.seconds += 1;
      sum.sent += one.fps_sent;
      sum.kbit += one.received_kbps;
      sum.lost += one.loss_in_pct;
      sum.rtt = one.rtt_ms;
      sum.size = one.received_size;
    });
    void tauri.invoke('plugin:event|listen', { event: 'stats', target: { kind: 'Any' }, handler });
    return true";
const READ_STATISTICS: &str = "return { ...globalThis.sum, frames: Number(document.querySelector('canvas[data-testid=tile-remote]')?.dataset.frames ?? 0) }";

/// Presses the button and notes when the engine says connected, and when the first picture was drawn.
const JOIN_AND_TIME: &str = "
    const times = (globalThis.times = {});
    const tauri = window.__TAURI_INTERNALS__;
    const handler = tauri.transformCallback(({ payload }) => {
      if (began && payload.call?.state === 'connected') times.connected ??= performance.now() - began;
    });
    let began = 0;
    void tauri.invoke('plugin:event|listen', { event: 'state', target: { kind: 'Any' }, handler });
    const note = () => {
      if (document.querySelector('canvas[data-testid=tile-remote]')?.dataset.frames >= 1) times.picture ??= performance.now() - began;
    };
    new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributeFilter: ['data-frames'] });
    setTimeout(() => {
      began = performance.now();
      document.querySelector('[data-testid=join]').click();
    }, 500);
    return true";
const READ_TIMES: &str = "const { connected, picture } = globalThis.times; return connected && picture ? [connected, picture] : null";

/// Two people in a call.
pub(super) fn pair(case: Case) -> Result<[Window; 2]> {
    let arguments = ["--max-kbps".to_owned(), KBPS.to_string()];
    let opening = Opening {
        size: Some(SIZE),
        arguments: &arguments,
        ..Opening::default()
    };
    let open = |name| Window::open_so(name, CAMERA, &opening);
    let (ada, ben) = (open("Ada")?, open("Ben")?);
    let link = start_call(&ada, "Ada")?;
    ben.type_into("name", "Ben")?;
    ben.type_into("link-input", &link)?;
    ben.click("open-link")?;
    ben.wait_for(A_WHILE, "[data-testid=green-room]")?;
    if case == Case::OneWay {
        ben.click("toggle-camera")?;
        ben.click("toggle-microphone")?;
    }
    ben.click("join")?;
    let pair = [ada, ben];
    for window in &pair {
        window.wait_for(A_WHILE, "[data-testid=control-bar]")?;
        window.page().run(COUNT_STATISTICS)?;
    }
    let seen_by = match case {
        Case::OneWay => &pair[1..],
        Case::TwoWay => &pair[..],
    };
    for window in seen_by {
        let first =
            "return Number(document.querySelector('canvas[data-testid=tile-remote]')?.dataset.frames ?? 0)";
        window
            .page()
            .wait_for(A_WHILE, first)
            .with_context(|| window.last_words())?;
    }
    let shown = pair[1]
        .page()
        .run("const t = document.querySelector('canvas[data-testid=tile-remote]'); return [innerWidth, innerHeight, t.dataset.way]")?;
    eprintln!("parley: the second window's page is {shown}");
    ensure!(
        shown[0] == SIZE.0 && shown[1] == SIZE.1,
        "the window did not take its size"
    );
    Ok(pair)
}

impl Person for Window {
    fn meet_again(pair: &[Self; 2], _: Case) -> Result<SetUp> {
        let [ada, ben] = pair;
        ben.click("leave")?;
        for window in pair {
            window.wait_for(A_WHILE, "[data-testid=ended]")?;
        }
        // Camera and microphone stay as they were.
        for window in pair {
            window.click("call-again")?;
            window.wait_for(A_WHILE, "[data-testid=green-room]")?;
        }
        ada.click("join")?;
        ada.wait_for(A_WHILE, "[data-testid=waiting]")?;
        ben.page().run(JOIN_AND_TIME)?;
        let times = ben.page().wait_for(A_WHILE, READ_TIMES)?;
        let time = |at: usize| times[at].as_f64().context("no time");
        Ok(SetUp {
            connected: time(0)?,
            first_picture: time(1)?,
        })
    }

    fn processes(&self) -> (u32, &'static [&'static str]) {
        // The driver is the parent of them all, and only there to measure.
        (self.pid(), &["WebKitWebDriver"])
    }

    fn screen(&self) -> &Screen {
        self.screen()
    }

    fn sound(&self) -> &SoundCard {
        &self.sound
    }

    fn tally(&self) -> Result<Tally> {
        let sum = self.page().run(READ_STATISTICS)?;
        let number = |name: &str| sum[name].as_f64().with_context(|| format!("no {name} in {sum}"));
        let side = |at: usize| sum["size"][at].as_f64().unwrap_or(f64::NAN);
        let seconds = number("seconds")?;
        Ok(Tally {
            at: Instant::now(),
            shown: number("frames")?,
            seconds,
            sent: number("sent")?,
            kbit: number("kbit")?,
            // A percentage a second: as if a hundred packets came in each.
            packets: (number("lost")?, seconds * 100.0),
            rtt_ms: sum.get("rtt").and_then(Value::as_f64).unwrap_or(f64::NAN),
            size: (side(0), side(1)),
        })
    }

    fn lateness(&self) -> Result<Vec<f64>> {
        self.lateness("tile-remote")
    }

    fn shown_when(&self) -> &'static str {
        "the end of the draw call"
    }
}
