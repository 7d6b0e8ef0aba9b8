//! The source side of the engine: which source there is now, and when its next block is due.

use super::Block;
use super::config::AudioInput;
use super::pace::ClockPace;
use super::source::{Source, WavLoad};
use super::status::{AudioCounters, StreamState, StreamStatus};
use super::wall::WallAnchor;
use crate::device::sound::MicrophoneRing;
use crate::time::CaptureTime;
use std::time::{Duration, Instant};

/// Sound of a microphone that waits longer than this, and than two of its callbacks, is thrown away: it would be delay for
/// ever.
const WAITING_MAX: Duration = Duration::from_millis(60);
/// What is kept of it then.
const WAITING_KEPT: Duration = Duration::from_millis(20);

/// One source and its pace.
pub(super) struct InputSide {
    source: Source,
    loading: Option<(WavLoad, String)>,
    pace: ClockPace,
    anchor: WallAnchor,
    pub(super) status: StreamStatus,
    /// Which wish for a device counts.
    pub(super) generation: u32,
}

impl InputSide {
    pub(super) fn new(anchor: WallAnchor, now: Instant) -> Self {
        Self {
            source: Source::Off,
            loading: None,
            pace: ClockPace::new(now),
            anchor,
            status: StreamStatus::default(),
            generation: 0,
        }
    }

    /// Another source is wanted. A microphone comes later, through [`InputSide::opened`].
    pub(super) fn set(&mut self, input: &AudioInput, now: Instant) {
        self.loading = None;
        self.pace = ClockPace::new(self.anchor.next_block(now));
        let running = |name: &str| StreamStatus {
            state: StreamState::Running,
            name: Some(name.to_owned()),
            ..StreamStatus::default()
        };
        (self.source, self.status) = match input {
            AudioInput::Off => (Source::Off, StreamStatus::default()),
            AudioInput::Speech => (Source::Speech, running("Built-in speech")),
            AudioInput::Tone => (Source::Tone, running("Built-in tone")),
            AudioInput::Device { .. } => (Source::Absent, StreamStatus::starting(None)),
            AudioInput::Wav { path } => {
                let name = path.display().to_string();
                match WavLoad::start(path.clone()) {
                    Ok(load) => {
                        self.loading = Some((load, name.clone()));
                        (Source::Absent, StreamStatus::starting(Some(name)))
                    }
                    Err(error) => (
                        Source::Absent,
                        StreamStatus::failed(Some(name), error.to_string()),
                    ),
                }
            }
        };
    }

    /// The microphone is open.
    pub(super) fn opened(&mut self, ring: MicrophoneRing, status: StreamStatus) {
        self.source = Source::Microphone(ring);
        self.status = status;
    }

    /// The microphone is gone, or could not be opened.
    pub(super) fn lost(&mut self, status: StreamStatus) {
        self.source = Source::Absent;
        self.status = status;
    }

    /// Whether there is a microphone, whose sound needs the voice chain.
    pub(super) const fn is_microphone(&self) -> bool {
        matches!(self.source, Source::Microphone(_))
    }

    /// Whether nothing comes.
    pub(super) const fn is_silent(&self) -> bool {
        matches!(self.source, Source::Off | Source::Absent)
    }

    /// The next block that is due, and when its first sample was captured.
    pub(super) fn next(&mut self, now: Instant) -> Option<(Block, CaptureTime)> {
        if let Source::Microphone(ring) = &mut self.source {
            let waited = ring.waiting();
            let block = ring.read_block()?;
            return Some((block, CaptureTime(now.checked_sub(waited).unwrap_or(now))));
        }
        if !self.source.paced_by_clock() {
            return None;
        }
        let due = self.pace.take(now)?;
        Some((self.source.block(self.anchor.position(due)), CaptureTime(due)))
    }

    /// Before the blocks of a tick: finishes loading, and gives up what a stall made too old.
    pub(super) fn prepare(&mut self, now: Instant, counters: &mut AudioCounters) {
        self.finish_loading(now);
        match &mut self.source {
            Source::Microphone(ring) => {
                counters.microphone_overruns += ring.take_lost();
                // What one callback brings at once has not waited, however much it is.
                if ring.waiting() > WAITING_MAX.max(2 * ring.largest_callback()) {
                    counters.microphone_overruns += ring.drop_beyond(WAITING_KEPT);
                }
            }
            source if source.paced_by_clock() => counters.capture_skipped += self.pace.skip(now),
            _ => {}
        }
    }

    /// When to wake for it; a microphone wakes the thread itself.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.source.paced_by_clock().then(|| self.pace.next())
    }

    fn finish_loading(&mut self, now: Instant) {
        let Some(result) = self.loading.as_ref().and_then(|(load, _)| load.poll()) else {
            return;
        };
        let name = self.loading.take().map(|(_, name)| name);
        match result {
            Ok(wav) => {
                self.pace = ClockPace::new(self.anchor.next_block(now));
                self.source = Source::Wav(wav);
                self.status.state = StreamState::Running;
            }
            Err(error) => self.status = StreamStatus::failed(name, error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::BLOCK_SAMPLES;
    use crate::audio::pace::test_start;
    use crate::device::sound::ring;
    use std::time::UNIX_EPOCH;

    #[test]
    fn a_microphone_with_long_callbacks_loses_nothing_and_a_stall_is_still_cut() {
        for callback_ms in [20, 85] {
            let mut now = test_start();
            let (mut feed, end) = ring::microphone(48_000, std::thread::current()).unwrap();
            let mut side = InputSide::new(WallAnchor::new(now, UNIX_EPOCH), now);
            side.opened(end, StreamStatus::default());
            let mut counters = AudioCounters::default();
            let (callbacks, mut samples) = (40, 0);
            for _ in 0..callbacks {
                feed.push((0..callback_ms * 48).map(|_| 0.1), 1);
                now += Duration::from_millis(callback_ms as u64);
                side.prepare(now, &mut counters);
                while side.next(now).is_some() {
                    samples += BLOCK_SAMPLES;
                }
            }
            assert_eq!(counters.microphone_overruns, 0, "{callback_ms} ms");
            assert!(
                samples + BLOCK_SAMPLES > callbacks * callback_ms * 48,
                "{callback_ms} ms"
            );
            for _ in 0..9 {
                feed.push((0..callback_ms * 48).map(|_| 0.1), 1);
            }
            side.prepare(now, &mut counters);
            assert!(counters.microphone_overruns > 0, "{callback_ms} ms");
        }
    }
}
