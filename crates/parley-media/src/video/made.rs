//! Sources without hardware: the threads that draw the pattern or read a file, at the pace of their frame rate.

use super::pattern::Pattern;
use super::source::{SourceState, Stage};
use super::y4m::Y4mReader;
use crate::time::CaptureTime;
use parley_proto::{FrameRate, Resolution};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long to wait before a failed file is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// Draws the pattern until told to stop.
pub(super) fn run_pattern(stage: &Stage, resolution: Resolution, frame_rate: FrameRate) {
    stage.tell_name("Pattern");
    let mut pattern = match Pattern::new(resolution) {
        Ok(pattern) => pattern,
        Err(error) => return fail(stage, &error.to_string()),
    };
    stage.tell_running(resolution);
    let mut pace = Pace::new(frame_rate);
    let mut number = 0u32;
    while pace.wait(stage) {
        if !stage.outlets.are_wanted() {
            continue;
        }
        let (captured, clock_us) = now();
        match pattern.draw(number, clock_us, captured) {
            Ok(frame) => stage.outlets.publish(&frame),
            Err(error) => return fail(stage, &error.to_string()),
        }
        number = number.wrapping_add(1);
    }
}

/// Plays a file over and over until told to stop.
pub(super) fn run_y4m(stage: &Stage, path: &Path) {
    let name = path.file_name().unwrap_or(path.as_os_str());
    stage.tell_name(&name.to_string_lossy());
    loop {
        match Y4mReader::open(path) {
            Ok(mut reader) => {
                stage.tell_running(reader.resolution());
                if let Err(error) = play(stage, &mut reader) {
                    stage.tell(SourceState::Failed, Some(error.to_string()));
                }
            }
            Err(error) => stage.tell(error.source_state(), Some(error.to_string())),
        }
        if stage.halt.wait(RETRY) {
            return;
        }
    }
}

fn play(stage: &Stage, reader: &mut Y4mReader) -> Result<(), super::y4m::ReadY4mError> {
    let mut pace = Pace::new(reader.frame_rate());
    while pace.wait(stage) {
        if stage.outlets.are_wanted() {
            let frame = reader.next_looped(now().0)?;
            stage.outlets.publish(&frame);
        }
    }
    Ok(())
}

/// A source that can never work waits for its end, so that its state stays to be seen.
fn fail(stage: &Stage, detail: &str) {
    stage.tell(SourceState::Failed, Some(detail.to_owned()));
    stage.rest();
}

#[expect(clippy::disallowed_methods, reason = "driver: stamps a picture as it is made")]
fn now() -> (CaptureTime, u64) {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (CaptureTime(Instant::now()), clock.as_micros() as u64)
}

/// Beats at a frame rate, without drift.
pub(crate) struct Pace {
    interval: Duration,
    next: Instant,
}

impl Pace {
    pub(crate) fn new(frame_rate: FrameRate) -> Self {
        Self {
            interval: frame_rate.interval(),
            next: now().0.0,
        }
    }

    /// Waits for the next beat; false once the source is to stop. Beats that are missed altogether are left out.
    pub(crate) fn wait(&mut self, stage: &Stage) -> bool {
        let now = now().0.0;
        if now > self.next + self.interval {
            self.next = now;
        }
        let halted = stage.halt.wait(self.next.saturating_duration_since(now));
        self.next += self.interval;
        !halted
    }
}
