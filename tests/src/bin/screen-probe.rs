//! `screen-probe ID FPS [--cursor]`: captures a screen or window as a call would and reports on standard output.
//!
//! Told by lines: `count` prints the number of pictures so far and the source's state as JSON; `keep FILE` writes the newest
//! picture as I420 bytes. Ends with its standard input.

#![expect(
    clippy::print_stdout,
    reason = "a command-line tool answers on standard output"
)]
#![allow(clippy::disallowed_methods, reason = "driver: a test's tool")]

use anyhow::{Context as _, Result};
use parley_media::slot::Taken;
use parley_media::video::{VideoFrame, VideoInput, VideoSource};
use parley_proto::FrameRate;
use std::io::BufRead as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What came so far.
#[derive(Default)]
struct Seen {
    count: u64,
    newest: Option<VideoFrame>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let id = arguments.first().context("which screen?")?.clone();
    let fps = arguments.get(1).context("how many pictures a second?")?.parse()?;
    let source = VideoSource::spawn(VideoInput::Screen {
        id,
        frame_rate: FrameRate::new(fps),
        cursor: arguments.iter().any(|argument| argument == "--cursor"),
    });
    let seen = Arc::new(Mutex::new(Seen::default()));
    let (slot, taker) = (source.subscribe(), Arc::clone(&seen));
    std::thread::spawn(move || {
        loop {
            match slot.take(Duration::from_secs(1)) {
                Taken::Value(frame) => {
                    let mut seen = taker.lock().unwrap_or_else(PoisonError::into_inner);
                    seen.count += 1;
                    seen.newest = Some(frame);
                }
                Taken::TimedOut => {}
                Taken::Closed => return,
            }
        }
    });
    let status = source.status();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = line.strip_prefix("keep ") {
            let newest = seen.newest.as_ref().context("no picture came yet")?;
            std::fs::write(file, newest.i420())?;
            println!("kept {file}");
            continue;
        }
        let status = status.borrow().clone();
        let size = seen.newest.as_ref().map(VideoFrame::resolution);
        println!(
            "{}",
            serde_json::json!({
                "asked": line,
                "count": seen.count,
                "state": format!("{:?}", status.state),
                "name": status.name,
                "detail": status.detail,
                "chosen": status.chosen.map(|chosen| chosen.id),
                "width": size.map(|size| size.width),
                "height": size.map(|size| size.height),
            })
        );
    }
    Ok(())
}
