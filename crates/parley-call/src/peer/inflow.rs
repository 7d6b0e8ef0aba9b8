//! Whether packets still come: sees within a second or so what ICE notices after five. Pure: counters as they stood at
//! moments come in, changes come out.

use super::meter::Meter;
use crate::port::Inflow;
use std::time::{Duration, Instant};

/// How often to look.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Packets that have not come for so long have stopped. Opus says something every 400 ms even of silence (RFC 6716, 2.1.9).
const QUIET_MAX: Duration = Duration::from_secs(1);
/// Two looks without any packet: with a word of Opus in between there is none.
const LULL: Duration = Duration::from_millis(500);
/// Between two looks no more than this counts: after a nap of our own, what came meanwhile is still to be read.
const STEP_MAX: Duration = Duration::from_millis(400);

/// Counters of packets that came, as they stand at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Arrived {
    audio: u64,
    video: u64,
    anything: u64,
}

impl Arrived {
    pub(super) fn of(meter: &Meter) -> Self {
        Self {
            audio: meter.audio_received.get(),
            video: meter.video_received.get(),
            anything: meter.packets_in.get(),
        }
    }
}

/// One connection's inflow.
#[derive(Debug, Default)]
pub(super) struct InflowWatch {
    looked_at: Option<Instant>,
    audio: Quiet,
    video: Quiet,
    anything: Quiet,
    lossy: bool,
    told: Inflow,
}

impl InflowWatch {
    /// Much is lost, or is no more; told with the next look.
    pub(super) const fn set_lossy(&mut self, lossy: bool) {
        self.lossy = lossy;
    }

    /// Looks; gives what comes now, if that changed.
    pub(super) fn look(&mut self, now: Instant, arrived: Arrived) -> Option<Inflow> {
        let before = self.looked_at.replace(now).unwrap_or(now);
        let passed = now.saturating_duration_since(before).min(STEP_MAX);
        let inflow = Inflow {
            audio: self.audio.comes(arrived.audio, passed),
            video: self.video.comes(arrived.video, passed),
            anything: self.anything.comes(arrived.anything, passed),
            lull: self.anything.lasts >= LULL,
            lossy: self.lossy,
        };
        (std::mem::replace(&mut self.told, inflow) != inflow).then_some(inflow)
    }
}

/// How long a counter has stood still.
#[derive(Debug, Default)]
struct Quiet {
    count: u64,
    lasts: Duration,
}

impl Quiet {
    fn comes(&mut self, count: u64, passed: Duration) -> bool {
        if std::mem::replace(&mut self.count, count) == count {
            self.lasts += passed;
        } else {
            self.lasts = Duration::ZERO;
        }
        self.lasts < QUIET_MAX
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;

    /// Looks regularly; gives what was told, and after how many milliseconds.
    fn watch(ms: u64, arrived: impl Fn(u64) -> Arrived) -> Vec<(u64, Inflow)> {
        let start = Instant::now();
        let mut watch = InflowWatch::default();
        let step = LOOK_EVERY.as_millis() as u64;
        (0..=ms)
            .step_by(step as usize)
            .filter_map(|at| Some((at, watch.look(start + Duration::from_millis(at), arrived(at))?)))
            .collect()
    }

    #[test]
    fn what_stops_for_a_second_is_told_once_and_so_is_its_return() {
        let told = watch(5_000, |ms| Arrived {
            audio: ms.min(2_000) + ms.saturating_sub(4_000),
            video: ms,
            anything: ms,
        });
        let all = Inflow::default();
        let silent = Inflow { audio: false, ..all };
        assert_eq!(told, [(3_000, silent), (4_250, all)]);
    }

    #[test]
    fn silence_with_a_word_now_and_then_is_no_stop() {
        let told = watch(10_000, |ms| Arrived {
            audio: ms / 800,
            video: ms,
            anything: ms,
        });
        assert_eq!(told, []);
    }

    #[test]
    fn a_nap_of_our_own_is_no_stop() {
        let start = Instant::now();
        let mut watch = InflowWatch::default();
        let same = Arrived::default();
        assert_eq!(watch.look(start, same), None);
        assert_eq!(watch.look(start + Duration::from_secs(30), same), None);
        let lull = Inflow {
            lull: true,
            ..Inflow::default()
        };
        assert_eq!(watch.look(start + Duration::from_secs(31), same), Some(lull));
        let later = watch.look(start + Duration::from_secs(32), same);
        assert_eq!(later.map(|inflow| inflow.anything), Some(false));
    }

    #[test]
    fn heavy_loss_is_told_when_it_begins_and_ends() {
        let start = Instant::now();
        let mut watch = InflowWatch::default();
        let mut look = |ms, lossy| {
            watch.set_lossy(lossy);
            let all = Arrived {
                audio: ms,
                video: ms,
                anything: ms,
            };
            watch
                .look(start + Duration::from_millis(ms), all)
                .map(|inflow| inflow.lossy)
        };
        let told =
            [(250, false), (500, true), (750, true), (1_000, false)].map(|(ms, lossy)| look(ms, lossy));
        assert_eq!(told, [None, Some(true), None, Some(false)]);
    }

    #[test]
    fn a_path_that_carries_nothing_is_told_twice_while_it_lasts() {
        let told = watch(5_000, |ms| Arrived {
            audio: ms.min(2_000),
            video: ms.min(2_000),
            anything: ms.min(2_000),
        });
        let lull = Inflow {
            lull: true,
            ..Inflow::default()
        };
        let silent = Inflow {
            audio: false,
            video: false,
            anything: false,
            ..lull
        };
        assert_eq!(told, [(2_500, lull), (3_000, silent)]);
    }
}
