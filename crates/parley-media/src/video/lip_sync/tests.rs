//! A sender and a listener in virtual time: what is said and seen at one moment must be heard and shown within the bounds.

use super::*;

/// Bounds within which lips and words belong together, in milliseconds.
const TOGETHER_MS: f64 = 45.0;

#[expect(clippy::disallowed_methods, reason = "test: any moment will do as the start")]
fn start() -> Instant {
    Instant::now() + Duration::from_secs(1_000)
}

/// How a sender and the way to the listener are.
struct Stage {
    /// From a captured picture to the whole of it here, and from a captured sound to its packet here.
    picture_ms: fn(u64) -> u64,
    sound_ms: fn(u64) -> u64,
    /// How long sound then waits.
    sound_wait_ms: fn(u64) -> u64,
    /// What the reports of sound and picture claim at a time of this stage: milliseconds added to the clock of the day.
    lie_ms: fn(Lip, u64) -> i64,
    /// Whether reports are sent.
    reports: fn(u64) -> bool,
    /// Whether anything comes.
    comes: fn(u64) -> bool,
}

impl Default for Stage {
    fn default() -> Self {
        Self {
            picture_ms: |_| 40,
            sound_ms: |_| 35,
            sound_wait_ms: |_| 30,
            lie_ms: |_, _| 0,
            reports: |_| true,
            comes: |_| true,
        }
    }
}

/// What was seen of one picture.
#[derive(Debug, Clone, Copy)]
struct Seen {
    captured_ms: u64,
    held_ms: f64,
    /// How much later the words of its moment are heard.
    sound_behind_ms: f64,
}

const PICTURE_BASE: u32 = 4_000_000_000;
const SOUND_BASE: u32 = u32::MAX - 100_000;

fn ntp(ms: i64) -> NtpTime {
    let us = 4_000_000_000_000_000i128 + i128::from(ms) * 1_000;
    NtpTime(((us << 32) / 1_000_000) as u64)
}

impl Stage {
    fn play(&self, seconds: u64) -> Vec<Seen> {
        let times = SenderTimes::new();
        let mut sync = LipSync::new(times.clone());
        self.play_with(&times, &mut sync, 0, seconds)
    }

    /// One millisecond after another; what happens at a moment is looked up by when it was captured.
    fn play_with(&self, times: &SenderTimes, sync: &mut LipSync, from_s: u64, to_s: u64) -> Vec<Seen> {
        let begin = start();
        let at = |ms: u64| begin + Duration::from_millis(ms);
        let mut seen = Vec::new();
        let mut held_ms = sync.figures().sound_hold_ms;
        // Pictures by when they are whole; in order, as from the frame buffer.
        let mut whole: Vec<(u64, u64)> = Vec::new();
        let mut last = 0;
        for captured_ms in (from_s * 1_000..to_s * 1_000).step_by(33) {
            let came = (captured_ms + (self.picture_ms)(captured_ms)).max(last);
            last = came;
            whole.push((came, captured_ms));
        }
        let mut sounds: Vec<(u64, u64)> = (from_s * 1_000..to_s * 1_000)
            .step_by(20)
            .map(|captured_ms| (captured_ms + (self.sound_ms)(captured_ms), captured_ms))
            .collect();
        sounds.sort_unstable();
        let (mut whole, mut sounds) = (whole.into_iter().peekable(), sounds.into_iter().peekable());
        for ms in from_s * 1_000..to_s * 1_000 {
            let comes = (self.comes)(ms);
            while let Some((_, captured_ms)) = sounds.next_if(|(came, _)| *came <= ms) {
                if comes {
                    let rtp_time = RtpTime(SOUND_BASE.wrapping_add((captured_ms * 48) as u32));
                    times.sound_arrived(ArrivalTime(at(ms)), rtp_time);
                }
            }
            for (which, phase, base, khz) in [
                (Lip::Sound, 300, SOUND_BASE, 48),
                (Lip::Picture, 700, PICTURE_BASE, 90),
            ] {
                if comes && ms % 1_000 == phase && (self.reports)(ms) {
                    let said = ms as i64 + (self.lie_ms)(which, ms);
                    times.report(which, ntp(said), RtpTime(base.wrapping_add((ms * khz) as u32)));
                }
            }
            let hold_ms = sync.figures().sound_hold_ms;
            assert!((0.0..=120.0).contains(&hold_ms), "{hold_ms}");
            assert!((hold_ms - held_ms).abs() <= 6.3, "{hold_ms} after {held_ms}");
            held_ms = hold_ms;
            let wait_ms = (self.sound_wait_ms)(ms).max(hold_ms as u64);
            sync.set_sound_wait(Some(Duration::from_millis(wait_ms)));
            while let Some((came, captured_ms)) = whole.next_if(|(came, _)| *came <= ms) {
                if !comes {
                    continue;
                }
                let rtp_time = RtpTime(PICTURE_BASE.wrapping_add((captured_ms * 90) as u32));
                let due = sync.place(at(ms), ArrivalTime(at(came)), rtp_time);
                sync.shown(due, rtp_time);
                let shown_ms = due.saturating_duration_since(begin).as_secs_f64() * 1e3;
                // The quickest sound is what a jitter buffer counts its wait from.
                let quickest = (captured_ms.saturating_sub(1_000)..=captured_ms)
                    .map(self.sound_ms)
                    .min()
                    .unwrap_or(0);
                let heard_ms = (captured_ms + quickest + wait_ms) as f64;
                seen.push(Seen {
                    captured_ms,
                    held_ms: due.saturating_duration_since(at(came)).as_secs_f64() * 1e3,
                    sound_behind_ms: heard_ms - shown_ms,
                });
            }
        }
        seen
    }
}

fn after(seen: &[Seen], ms: u64) -> impl Iterator<Item = &Seen> {
    seen.iter().filter(move |one| one.captured_ms >= ms)
}

fn assert_together(seen: &[Seen], from_ms: u64) {
    assert!(after(seen, from_ms).count() > 20, "nothing was seen");
    for one in after(seen, from_ms) {
        assert!(one.sound_behind_ms.abs() <= TOGETHER_MS, "{one:?}");
    }
}

fn assert_bounded(seen: &[Seen]) {
    for one in seen {
        assert!((0.0..=300.1).contains(&one.held_ms), "{one:?}");
    }
}

#[test]
fn lips_and_words_are_together_on_a_good_way_and_next_to_nothing_is_added() {
    let seen = Stage::default().play(10);
    assert_together(&seen, 0);
    assert!(seen.iter().all(|one| one.held_ms < 10.0), "nothing had to wait");
}

#[test]
fn a_picture_waits_for_sound_that_waits_long_and_moves_there_unseen() {
    let stage = Stage {
        sound_wait_ms: |_| 180,
        ..Stage::default()
    };
    let seen = stage.play(12);
    assert_together(&seen, 4_500);
    assert_bounded(&seen);
    for pair in seen.windows(2) {
        let step = pair[1].held_ms - pair[0].held_ms;
        assert!(step.abs() <= 3.0, "a step of {step} ms: {pair:?}");
    }
    let waited = seen.last().map_or(0.0, |one| one.held_ms);
    assert!((130.0..=160.0).contains(&waited), "{waited}");
}

#[test]
fn at_the_very_beginning_a_picture_gets_to_its_words_fast_and_after_that_unseen() {
    let (begin, times) = (start(), SenderTimes::new());
    let mut sync = LipSync::new(times.clone());
    for which in [Lip::Sound, Lip::Picture] {
        times.report(which, ntp(0), RtpTime(0));
    }
    // What the first pictures put into the way: words are heard 300 ms later than the picture is whole.
    sync.set_sound_wait(Some(Duration::from_millis(300)));
    let held_ms: Vec<f32> = (0..60u32)
        .map(|number| {
            let now = begin + Duration::from_millis(33) * number;
            times.sound_arrived(ArrivalTime(now), RtpTime(number * 33 * 48));
            sync.place(now, ArrivalTime(now), RtpTime(number * 33 * 90));
            sync.figures().delay_ms
        })
        .collect();
    assert!(held_ms[19] > 190.0, "{held_ms:?}");
    let steps: Vec<f32> = held_ms.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let within = |steps: &[f32], most: f32| steps.iter().all(|step| (0.0..=most).contains(step));
    assert!(within(&steps[..19], 11.1), "{steps:?}");
    assert!(within(&steps[19..], 2.2), "{steps:?}");
}

#[test]
fn pictures_that_come_unevenly_are_shown_as_evenly_as_sound_that_waits_for_its_own_is_heard() {
    let stage = Stage {
        picture_ms: |captured| 40 + captured * 7 % 60,
        sound_ms: |captured| 35 + captured * 11 % 60,
        sound_wait_ms: |_| 65,
        ..Stage::default()
    };
    let seen = stage.play(12);
    let apart: Vec<f64> = after(&seen, 4_000).map(|one| one.sound_behind_ms).collect();
    let within = apart.iter().filter(|ms| ms.abs() <= TOGETHER_MS).count();
    assert!(within * 100 >= apart.len() * 95, "{within} of {}", apart.len());
    let spread = |ms: &[f64]| {
        let mean = ms.iter().sum::<f64>() / ms.len() as f64;
        (ms.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / ms.len() as f64).sqrt()
    };
    let raw: Vec<f64> = after(&seen, 4_000)
        .map(|one| one.sound_behind_ms + one.held_ms)
        .collect();
    assert!(
        spread(&apart) < spread(&raw),
        "{} {}",
        spread(&apart),
        spread(&raw)
    );
}

#[test]
fn the_wait_follows_the_sound_up_and_down() {
    let stage = Stage {
        sound_wait_ms: |ms| if (6_000..14_000).contains(&ms) { 150 } else { 40 },
        ..Stage::default()
    };
    let seen = stage.play(24);
    let between = |from, to| {
        let part: Vec<Seen> = after(&seen, from)
            .copied()
            .filter(|one| one.captured_ms < to)
            .collect();
        assert_together(&part, from);
    };
    between(2_000, 5_900);
    between(9_000, 13_900);
    between(17_500, 24_000);
}

#[test]
fn an_outage_and_another_connection_move_nothing() {
    let stage = Stage {
        sound_wait_ms: |_| 150,
        comes: |ms| !(8_000..10_000).contains(&ms),
        ..Stage::default()
    };
    let (times, before) = (SenderTimes::new(), 8_000);
    let mut sync = LipSync::new(times.clone());
    let seen = stage.play_with(&times, &mut sync, 0, 14);
    assert_together(
        &seen
            .iter()
            .copied()
            .filter(|one| one.captured_ms < before)
            .collect::<Vec<_>>(),
        5_000,
    );
    assert_together(&seen, 10_050);

    let held = sync.figures().delay_ms;
    times.begin(Lip::Sound);
    times.begin(Lip::Picture);
    let fresh = LipSync::new(times);
    assert_eq!(fresh.figures().delay_ms, held);
    assert!(held > 90.0, "{held}");
}

#[test]
fn while_reports_are_missing_pictures_are_shown_at_once_and_once_known_the_delay_stays() {
    let never = Stage {
        sound_wait_ms: |_| 200,
        reports: |_| false,
        ..Stage::default()
    };
    assert!(never.play(6).iter().all(|one| one.held_ms == 0.0));
    let cease = Stage {
        sound_wait_ms: |_| 150,
        reports: |ms| ms < 6_000,
        ..Stage::default()
    };
    assert_together(&cease.play(30), 5_000);
}

#[test]
fn a_sender_whose_clock_is_set_keeps_lips_and_words_together() {
    let set_back: fn(Lip, u64) -> i64 = |_, ms| if ms > 8_000 { -3_600_000 } else { 0 };
    let set_a_little: fn(Lip, u64) -> i64 = |_, ms| if ms > 8_500 { 400 } else { 0 };
    for lie_ms in [set_back, set_a_little] {
        let stage = Stage {
            sound_wait_ms: |_| 120,
            lie_ms,
            ..Stage::default()
        };
        assert_together(&stage.play(20), 5_000);
    }
}

#[test]
fn whatever_a_hostile_sender_reports_the_delay_stays_within_its_bounds_and_moves_slowly() {
    // Truly apart by hours; by a second; creeping; jumping about all the time.
    let lies: [fn(Lip, u64) -> i64; 4] = [
        |which, _| if which == Lip::Sound { -9_999_999 } else { 0 },
        |which, _| if which == Lip::Sound { -1_000 } else { 0 },
        |which, ms| {
            if which == Lip::Picture {
                (ms / 1_000) as i64 * 45
            } else {
                0
            }
        },
        |which, ms| {
            if which == Lip::Sound {
                (ms * 7_919 % 4_001) as i64 - 2_000
            } else {
                0
            }
        },
    ];
    for lie_ms in lies {
        let stage = Stage {
            lie_ms,
            ..Stage::default()
        };
        let seen = stage.play(30);
        assert_bounded(&seen);
        for pair in seen.windows(2) {
            assert!((pair[1].held_ms - pair[0].held_ms).abs() <= 3.0, "{pair:?}");
        }
    }
}

#[test]
fn what_is_told_is_what_is_seen() {
    let (times, stage) = (SenderTimes::new(), Stage::default());
    let mut sync = LipSync::new(times.clone());
    let seen = stage.play_with(&times, &mut sync, 0, 8);
    let told = sync.figures().sound_behind_ms.unwrap();
    let last = seen.last().unwrap().sound_behind_ms;
    assert!((f64::from(told) - last).abs() <= 2.0, "{told} and {last}");
}

#[test]
fn sound_waits_for_pictures_that_are_slower_but_no_longer_than_it_must() {
    // A narrow line: each picture takes 120 to 150 ms, and sound would be heard after 55.
    let stage = Stage {
        picture_ms: |captured| 120 + captured * 7 % 30,
        sound_wait_ms: |_| 20,
        ..Stage::default()
    };
    let times = SenderTimes::new();
    let mut sync = LipSync::new(times.clone());
    let seen = stage.play_with(&times, &mut sync, 0, 20);
    assert_together(&seen, 6_000);
    let hold_ms = sync.figures().sound_hold_ms;
    assert!((50.0..90.0).contains(&hold_ms), "{hold_ms}");
    assert!(
        after(&seen, 6_000).all(|one| one.held_ms < 5.0),
        "and the picture for nothing"
    );

    let good = Stage::default();
    let times = SenderTimes::new();
    let mut sync = LipSync::new(times.clone());
    let _ = good.play_with(&times, &mut sync, 0, 20);
    assert_eq!(sync.figures().sound_hold_ms, 0.0);
}
