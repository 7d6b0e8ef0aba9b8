//! Computers of any speed in virtual time, a picture after another.

use super::*;
use crate::video::TemporalLayers;
use parley_proto::Bitrate;

const WANTED: EncoderTargets = EncoderTargets {
    bitrate: Bitrate::from_kbps(2_000),
    frame_rate: FrameRate::new(30),
    resolution: Resolution::new(1280, 720),
    layers: TemporalLayers::One,
    paused: false,
};

#[expect(clippy::disallowed_methods, reason = "test: any moment will do as the start")]
fn start() -> Instant {
    Instant::now()
}

/// A computer that encodes so many megapixels a second at a time.
struct Computer {
    guard: CpuGuard,
    begin: Instant,
    at: Duration,
    /// When the limit changed, and to which height and frame rate.
    changes: Vec<(u64, u32, u32)>,
}

impl Computer {
    fn new() -> Self {
        Self {
            guard: CpuGuard::default(),
            begin: start(),
            at: Duration::ZERO,
            changes: Vec::new(),
        }
    }

    fn now(&self) -> (u32, u32) {
        let targets = self.guard.limit(WANTED);
        (targets.resolution.height, targets.frame_rate.get())
    }

    /// Works until a second of the call. `speed` tells megapixels a second at a second and for the how manieth picture.
    fn work_until(&mut self, second: u64, speed: impl Fn(u64, u64) -> f64) {
        let mut number = 0;
        while self.at < Duration::from_secs(second) {
            let before = self.now();
            let targets = self.guard.limit(WANTED);
            let megapixels = targets.resolution.pixels() as f64 / 1e6;
            let took = Duration::from_secs_f64(megapixels / speed(self.at.as_secs(), number));
            let interval = targets.frame_rate.interval();
            // Whole pictures that came while it was at work were replaced by the next.
            let late = took.saturating_sub(interval).as_secs_f64() / interval.as_secs_f64();
            self.at += took.max(interval);
            self.guard
                .encoded(self.begin + self.at, took, WANTED, late.ceil() as u64);
            number += 1;
            let after = self.now();
            if after != before {
                self.changes.push((self.at.as_secs(), after.0, after.1));
            }
        }
    }
}

#[test]
fn a_computer_that_keeps_up_is_never_limited() {
    let mut computer = Computer::new();
    computer.work_until(600, |_, _| 92.0);
    assert!(computer.changes.is_empty(), "{:?}", computer.changes);
    assert!((25.0..40.0).contains(&computer.guard.figures().load_pct));
}

#[test]
fn single_slow_pictures_of_a_quick_computer_limit_nothing() {
    let mut computer = Computer::new();
    computer.work_until(300, |_, number| if number % 12 == 0 { 20.0 } else { 120.0 });
    assert!(computer.changes.is_empty(), "{:?}", computer.changes);
    // And one bad second now and then is not enough.
    let mut computer = Computer::new();
    computer.work_until(60, |second, _| if second % 10 < 1 { 20.0 } else { 120.0 });
    assert!(computer.changes.is_empty(), "{:?}", computer.changes);
}

#[test]
fn a_slow_computer_gets_as_little_as_it_can_do_within_seconds_and_keeps_it() {
    let mut computer = Computer::new();
    // 720p takes 37 ms.
    computer.work_until(300, |_, _| 25.0);
    let (second, height, fps) = computer.changes[0];
    assert!(
        second <= 5 && (height, fps) == (540, 20),
        "{:?}",
        computer.changes
    );
    assert_eq!(computer.changes.len(), 1, "{:?}", computer.changes);
    assert!(computer.guard.figures().load_pct < 70.0);
    assert_eq!(computer.guard.figures().lowered, 1);
}

#[test]
fn the_picture_comes_back_step_by_step_once_there_is_time_again() {
    let mut computer = Computer::new();
    computer.work_until(20, |_, _| 12.0);
    let low = computer.now();
    assert!(low.0 <= 360, "{low:?}");
    computer.work_until(120, |_, _| 120.0);
    assert_eq!(computer.now(), (720, 30), "{:?}", computer.changes);
    let up: Vec<u64> = computer
        .changes
        .iter()
        .map(|change| change.0)
        .filter(|second| *second >= 20)
        .collect();
    assert!(up.windows(2).all(|pair| pair[1] - pair[0] >= 9), "{up:?}");
    assert!(computer.guard.figures().limit.is_none());
}

#[test]
fn a_step_up_that_does_not_last_is_tried_ever_more_rarely() {
    let mut computer = Computer::new();
    // Something else takes the computer as soon as more than 540 lines are encoded, which no forecast knows.
    let mut changes = 0;
    for second in 1..1_200 {
        let slow = computer.now().0 > 540;
        let before = computer.changes.len();
        computer.work_until(second, |_, _| if slow { 20.0 } else { 120.0 });
        changes += computer.changes.len() - before;
    }
    assert!((4..60).contains(&changes), "{:?}", computer.changes);
    let ups: Vec<u64> = computer
        .changes
        .iter()
        .filter(|(_, height, _)| *height > 540)
        .map(|change| change.0)
        .collect();
    let (first, last) = (ups[1] - ups[0], ups[ups.len() - 1] - ups[ups.len() - 2]);
    assert!(last >= first * 4, "{ups:?}");
}

#[test]
fn late_sound_and_decoding_that_takes_a_core_lower_the_picture_too() {
    let late = |computer: &mut Computer, second: u64| BesideEncoding {
        sound_late: second * 5,
        ..computer.guard.beside
    };
    let mut computer = Computer::new();
    for second in 1..10 {
        let beside = late(&mut computer, second);
        computer.guard.beside(beside);
        computer.work_until(second, |_, _| 120.0);
    }
    assert!(computer.guard.figures().lowered > 0);

    let mut computer = Computer::new();
    let decoding = |share| BesideEncoding {
        decoding: share,
        sound_late: 0,
    };
    computer.guard.beside(decoding(0.5));
    computer.work_until(30, |_, _| 120.0);
    assert!(computer.changes.is_empty(), "{:?}", computer.changes);
    computer.guard.beside(decoding(0.95));
    computer.work_until(40, |_, _| 120.0);
    assert!(computer.guard.figures().lowered > 0);
}

#[test]
fn nothing_makes_it_fall_below_the_last_limit_or_exceed_what_is_wanted() {
    let mut computer = Computer::new();
    computer.work_until(400, |_, _| 0.05);
    assert_eq!(computer.now(), (180, 8));
    let little = EncoderTargets {
        frame_rate: FrameRate::new(5),
        resolution: Resolution::new(160, 90),
        ..WANTED
    };
    assert_eq!(computer.guard.limit(little), little);
}
