//! The jitter buffer against generated arrivals, in virtual time: an engine's packets go over a way that a test describes,
//! and what comes out is judged by the counters and by the same meter that judges a real call.

use super::{JitterBuffer, JitterCounters};
use crate::audio::codec::{self, OpusEncoder, is_silence};
use crate::audio::config::AudioTargets;
use crate::audio::pace::test_start;
use crate::audio::probe::{SoundMeter, SoundReport};
use crate::audio::speech::{self, SECOND};
use crate::audio::{PlayedBlock, SILENT_BLOCK};
use crate::packet::ReceivedPacket;
use crate::time::{ArrivalTime, RtpTime};
use bytes::Bytes;
use parley_proto::Bitrate;
use std::time::{Duration, Instant, UNIX_EPOCH};

const START_S: u64 = 1_790_000_000;

/// Seeded numbers: the same way in every run.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// 0.0 to 1.0.
    pub(super) fn roll(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A packet as it was sent.
struct Sent {
    number: u64,
    time: u64,
    payload: Bytes,
}

/// What a sender makes of so many seconds of the built-in speech; silence is left out as the engine does.
fn speak(seconds: u64, loss_pct: u8) -> Vec<Sent> {
    speak_with(
        seconds,
        AudioTargets {
            bitrate: Bitrate::from_kbps(32),
            expected_loss_pct: loss_pct,
            deep_ms: 0,
        },
    )
}

/// The same with deep redundancy.
fn speak_deep(seconds: u64) -> Vec<Sent> {
    speak_with(
        seconds,
        AudioTargets {
            bitrate: Bitrate::from_kbps(48),
            expected_loss_pct: 20,
            deep_ms: 240,
        },
    )
}

fn speak_with(seconds: u64, targets: AudioTargets) -> Vec<Sent> {
    let mut encoder = OpusEncoder::for_voice(targets).unwrap();
    let mut frame = [0.0; 960];
    let (mut sent, mut sending) = (Vec::new(), false);
    for n in 0..seconds * 50 {
        speech::fill(START_S * SECOND + n * 960, &mut frame);
        let payload = encoder.encode(&frame).unwrap();
        let silent = is_silence(&payload);
        if sending || !silent {
            sent.push(Sent {
                number: sent.len() as u64,
                time: n * 960,
                payload,
            });
        }
        sending = !silent;
    }
    sent
}

/// How the numbers on the wire are made of the sender's.
#[derive(Clone, Copy)]
struct Wire {
    sequence: u16,
    time: u32,
    /// The sender's clock runs so many millionths too fast.
    drift_ppm: f64,
}

const WIRE: Wire = Wire {
    sequence: 100,
    time: 5_000,
    drift_ppm: 0.0,
};

struct Outcome {
    counters: JitterCounters,
    report: SoundReport,
    delay_ms: f32,
    jitter_ms: f32,
}

impl Outcome {
    fn concealed_pct(&self) -> f64 {
        100.0 * self.counters.concealed as f64 / self.counters.played as f64
    }

    fn likeness(&self) -> f32 {
        self.report.sound_match().unwrap_or(0.0)
    }

    /// The median latency of the later half: after everything has settled.
    fn latency_ms(&self) -> f32 {
        let all = &self.report.latencies_ms;
        let mut late = all[all.len() / 2..].to_vec();
        late.sort_by(f32::total_cmp);
        late[late.len() / 2]
    }
}

/// Sends packets over a way that gives, for each, the milliseconds of each of its copies (none: lost).
fn travel(sent: &[Sent], wire: Wire, mut way: impl FnMut(&Sent, &mut Dice) -> Vec<f64>) -> Outcome {
    let mut dice = Dice(0x5eed);
    let mut arrivals = Vec::new();
    for packet in sent {
        // Made when its 20 ms are over.
        let made_ms = (packet.time + 960) as f64 / 48.0 * (1.0 - wire.drift_ppm / 1e6);
        for delay in way(packet, &mut dice) {
            arrivals.push((made_ms + delay, packet));
        }
    }
    arrivals.sort_by(|a, b| a.0.total_cmp(&b.0));
    play(&arrivals, wire)
}

fn play(arrivals: &[(f64, &Sent)], wire: Wire) -> Outcome {
    play_held(arrivals, wire, |_| 0)
}

/// The same with a least wait, in milliseconds, at each moment.
fn play_held(arrivals: &[(f64, &Sent)], wire: Wire, least_wait_ms: impl Fn(u64) -> u64) -> Outcome {
    let start = test_start();
    let mut buffer = JitterBuffer::new().unwrap();
    let mut meter = SoundMeter::new();
    let end_ms = arrivals.last().map_or(0.0, |last| last.0) as u64;
    let mut next = 0;
    // The playout's tick falls between the sender's.
    for now_ms in (3..end_ms).step_by(10) {
        while arrivals.get(next).is_some_and(|(at, _)| *at <= now_ms as f64) {
            let (at, packet) = &arrivals[next];
            buffer.insert(&received(
                packet,
                wire,
                start + Duration::from_micros((at * 1_000.0) as u64),
            ));
            next += 1;
        }
        let mut samples = SILENT_BLOCK;
        let now = start + Duration::from_millis(now_ms);
        buffer.set_least_wait(Duration::from_millis(least_wait_ms(now_ms)));
        buffer.pull(now, &mut samples);
        assert!(
            samples
                .iter()
                .all(|sample| sample.is_finite() && sample.abs() < 2.0)
        );
        meter.hear(&PlayedBlock {
            samples,
            played_at: UNIX_EPOCH + Duration::from_secs(START_S) + Duration::from_millis(now_ms),
            played: now,
        });
    }
    Outcome {
        counters: buffer.counters(),
        report: meter.report().clone(),
        delay_ms: buffer.delay_ms(),
        jitter_ms: buffer.jitter_ms(),
    }
}

fn received(packet: &Sent, wire: Wire, arrived: Instant) -> ReceivedPacket {
    ReceivedPacket {
        sequence: wire.sequence.wrapping_add(packet.number as u16),
        rtp_time: RtpTime(wire.time.wrapping_add(packet.time as u32)),
        marker: false,
        payload: packet.payload.clone(),
        arrived: ArrivalTime(arrived),
        redundant: false,
    }
}

#[test]
fn over_a_clean_way_everything_is_heard_and_soon() {
    let outcome = travel(&speak(20, 5), WIRE, |_, dice| vec![1.0 + dice.roll()]);
    assert_eq!(outcome.counters.concealed, 0);
    assert_eq!((outcome.counters.late, outcome.counters.skipped), (0, 0));
    assert!(outcome.likeness() > 0.9, "{}", outcome.likeness());
    // 20 ms of collecting, 1 of the way, 6.5 of the codec, and what the grid of 10 ms and the safety cost.
    assert!(outcome.latency_ms() < 40.0, "{} ms", outcome.latency_ms());
}

#[test]
fn sound_that_has_to_wait_for_pictures_does_so_without_a_gap_and_comes_back() {
    let sent = speak(40, 5);
    let arrivals: Vec<(f64, &Sent)> = sent
        .iter()
        .map(|packet| ((packet.time + 960) as f64 / 48.0 + 1.0, packet))
        .collect();
    let short = play(&arrivals, WIRE);
    let held = play_held(&arrivals, WIRE, |_| 90);
    let once = play_held(&arrivals, WIRE, |ms| if ms < 12_000 { 90 } else { 0 });
    for outcome in [&held, &once] {
        assert_eq!((outcome.counters.late, outcome.counters.skipped), (0, 0));
        assert!(outcome.likeness() > 0.8, "{}", outcome.likeness());
    }
    assert!((85.0..115.0).contains(&held.delay_ms), "{}", held.delay_ms);
    let after_it = once.delay_ms - short.delay_ms;
    assert!(
        after_it.abs() < 12.0,
        "{after_it} ms more than {}",
        short.delay_ms
    );
}

#[test]
fn jitter_is_waited_out_and_no_longer_than_needed() {
    for (jitter, latency) in [(30.0, 75.0), (100.0, 150.0)] {
        let outcome = travel(&speak(30, 5), WIRE, |_, dice| vec![5.0 + jitter * dice.roll()]);
        assert!(
            outcome.concealed_pct() < 4.0,
            "{jitter} ms: {} %",
            outcome.concealed_pct()
        );
        assert!(outcome.likeness() > 0.8, "{jitter} ms: {}", outcome.likeness());
        assert!(
            outcome.latency_ms() < latency,
            "{jitter} ms: {} ms",
            outcome.latency_ms()
        );
        assert!(
            (outcome.jitter_ms - jitter as f32).abs() < 15.0,
            "{}",
            outcome.jitter_ms
        );
    }
}

#[test]
fn single_losses_are_repaired_from_the_next_packet() {
    let outcome = travel(&speak(30, 20), WIRE, |packet, dice| {
        let lost = packet.number % 10 == 9;
        if lost {
            Vec::new()
        } else {
            vec![5.0 + 20.0 * dice.roll()]
        }
    });
    assert!(
        outcome.counters.recovered > outcome.counters.concealed,
        "{:?}",
        outcome.counters
    );
    assert!(
        outcome.likeness() > 0.85,
        "{} {:?}",
        outcome.likeness(),
        outcome.counters
    );
}

#[test]
fn random_loss_is_concealed_and_the_sound_stays_the_same_sound() {
    for (loss, likeness) in [(0.05, 0.85), (0.2, 0.7)] {
        let outcome = travel(&speak(30, 20), WIRE, |_, dice| {
            if dice.roll() < loss {
                Vec::new()
            } else {
                vec![5.0 + dice.roll()]
            }
        });
        assert!(
            outcome.likeness() > likeness,
            "{loss}: {} {:?}",
            outcome.likeness(),
            outcome.counters
        );
        assert!(
            outcome.concealed_pct() < 100.0 * loss,
            "{loss}: {} %",
            outcome.concealed_pct()
        );
        assert!(outcome.latency_ms() < 80.0, "{loss}: {} ms", outcome.latency_ms());
    }
}

#[test]
fn a_burst_of_loss_fades_out_and_the_sound_comes_back() {
    let outcome = travel(&speak(20, 5), WIRE, |packet, _| {
        let lost = (480_000..504_000).contains(&packet.time);
        if lost { Vec::new() } else { vec![5.0] }
    });
    assert!(outcome.counters.concealed < 30_000, "{:?}", outcome.counters);
    assert!(outcome.likeness() > 0.9);
    assert!(outcome.latency_ms() < 45.0, "{} ms", outcome.latency_ms());
}

#[test]
fn order_and_copies_do_not_matter() {
    let outcome = travel(&speak(20, 5), WIRE, |packet, dice| {
        let reordered = if packet.number % 7 == 0 { 30.0 } else { 0.0 };
        let delay = 5.0 + reordered + dice.roll();
        if packet.number % 5 == 0 {
            vec![delay, delay + 15.0, delay + 300.0]
        } else {
            vec![delay]
        }
    });
    assert!(
        outcome.counters.duplicate + outcome.counters.late > 100,
        "{:?}",
        outcome.counters
    );
    assert!(outcome.concealed_pct() < 2.0, "{} %", outcome.concealed_pct());
    assert!(outcome.likeness() > 0.85, "{}", outcome.likeness());
    assert!(outcome.latency_ms() < 85.0, "{} ms", outcome.latency_ms());
}

#[test]
fn packets_that_come_all_at_once_after_an_outage_do_not_leave_a_delay() {
    let outcome = travel(&speak(20, 5), WIRE, |packet, _| {
        let at_ms = packet.time as f64 / 48.0;
        vec![if (8_000.0..9_500.0).contains(&at_ms) {
            9_500.0 - at_ms
        } else {
            5.0
        }]
    });
    assert!(outcome.counters.skipped > 20, "{:?}", outcome.counters);
    assert!(outcome.likeness() > 0.9, "{}", outcome.likeness());
    assert!(outcome.latency_ms() < 60.0, "{} ms", outcome.latency_ms());
}

#[test]
fn a_way_that_grows_longer_is_followed_without_throwing_sound_away() {
    // A queue fills up over ten seconds, to 800 ms, and empties again.
    let outcome = travel(&speak(30, 5), WIRE, |packet, _| {
        let at_s = packet.time as f64 / 48_000.0;
        let queue = if at_s < 5.0 {
            0.0
        } else {
            ((at_s - 5.0) * 80.0).min(800.0)
        };
        vec![5.0 + if at_s > 20.0 { 0.0 } else { queue }]
    });
    assert!(outcome.concealed_pct() < 8.0, "{} %", outcome.concealed_pct());
    assert!(outcome.latency_ms() < 90.0, "{} ms", outcome.latency_ms());
}

#[test]
fn numbers_that_wrap_make_no_difference() {
    let plain = travel(&speak(10, 5), WIRE, |_, _| vec![5.0]);
    let wire = Wire {
        sequence: 65_500,
        time: u32::MAX - 48_000,
        drift_ppm: 0.0,
    };
    let wrapped = travel(&speak(10, 5), wire, |_, _| vec![5.0]);
    assert_eq!(wrapped.counters, plain.counters);
    assert_eq!(wrapped.report, plain.report);
}

#[test]
fn clocks_that_drift_apart_neither_starve_nor_flood_it() {
    for drift_ppm in [-200.0, 200.0] {
        let wire = Wire { drift_ppm, ..WIRE };
        let outcome = travel(&speak(120, 5), wire, |_, dice| vec![5.0 + 2.0 * dice.roll()]);
        assert!(
            outcome.concealed_pct() < 1.0,
            "{drift_ppm}: {} %",
            outcome.concealed_pct()
        );
        assert_eq!(
            (outcome.counters.overflow, outcome.counters.skipped),
            (0, 0),
            "{drift_ppm}"
        );
        assert!(
            (0.0..30.0).contains(&outcome.delay_ms),
            "{drift_ppm}: {} ms",
            outcome.delay_ms
        );
    }
}

#[test]
fn silence_that_is_not_sent_is_not_taken_for_loss() {
    let sent = speak(30, 5);
    assert!(sent.len() < 30 * 50 - 100, "the speech must pause for this test");
    let outcome = travel(&sent, WIRE, |_, dice| vec![5.0 + 5.0 * dice.roll()]);
    assert!(outcome.concealed_pct() < 0.5, "{} %", outcome.concealed_pct());
    assert!(outcome.report.clicks_missed <= 1, "{:?}", outcome.report);
}

#[test]
fn a_sender_that_begins_anew_is_heard_again_within_moments() {
    let first = speak(10, 5);
    let second = speak(10, 5);
    let start = test_start();
    let mut buffer = JitterBuffer::new().unwrap();
    let mut loud_after = None;
    let (mut a, mut b) = (first.iter().peekable(), second.iter().peekable());
    let other = Wire {
        sequence: 40_000,
        time: 3_000_000_000,
        drift_ppm: 0.0,
    };
    for now_ms in (0..20_000u64).step_by(10) {
        let now = start + Duration::from_millis(now_ms);
        while let Some(packet) = a.next_if(|packet| packet.time / 48 + 20 <= now_ms) {
            buffer.insert(&received(packet, WIRE, now));
        }
        while let Some(packet) = b.next_if(|packet| packet.time / 48 + 10_020 <= now_ms) {
            buffer.insert(&received(packet, other, now));
        }
        let mut block = SILENT_BLOCK;
        buffer.pull(now, &mut block);
        if now_ms > 10_100 && loud_after.is_none() && block.iter().any(|sample| sample.abs() > 0.05) {
            loud_after = Some(now_ms - 10_000);
        }
    }
    assert_eq!(buffer.counters().restarts, 1);
    assert!(loud_after.is_some_and(|ms| ms < 500), "{loud_after:?}");
}

#[test]
fn a_burst_is_spoken_from_the_deep_redundancy_of_what_comes_after_it() {
    let lose = |packet: &Sent, dice: &mut Dice| {
        if packet.number % 25 >= 20 {
            Vec::new()
        } else {
            vec![5.0 + dice.roll()]
        }
    };
    let told = travel(&speak_deep(30), WIRE, lose);
    let invented = travel(&speak(30, 20), WIRE, lose);
    assert!(
        told.counters.recovered > 4 * told.counters.concealed,
        "{:?}",
        told.counters
    );
    assert!(
        told.counters.concealed * 3 < invented.counters.concealed,
        "{:?} {:?}",
        told.counters,
        invented.counters
    );
    // As long as the burst and no longer.
    assert!((80.0..150.0).contains(&told.delay_ms), "{} ms", told.delay_ms);
}

#[test]
fn deep_redundancy_is_not_waited_for_while_nothing_is_lost() {
    let told = travel(&speak_deep(20), WIRE, |_, dice| vec![1.0 + dice.roll()]);
    assert_eq!((told.counters.concealed, told.counters.recovered), (0, 0));
    assert!(told.latency_ms() < 40.0, "{} ms", told.latency_ms());
}

/// Packets of the wrong ones.
const WRONG: u64 = 6_000;

/// Two minutes of packets of which many were made wrong in their padding, or in the frame before it as well; gives the buffer that
/// played them, the moment at which they end, and the loudest sample.
fn with_wrong_bytes(seed: u64, frames_too: bool) -> (JitterBuffer, Instant, f32) {
    let mut dice = Dice(seed);
    let good = speak_deep(4);
    let start = test_start();
    let mut buffer = JitterBuffer::new().unwrap();
    let room = buffer.room();
    let mut loudest = 0.0f32;
    for round in 0..WRONG {
        let now = start + Duration::from_millis(round * 20);
        let from = &good[round as usize % good.len()];
        let sent = Sent {
            number: round,
            time: round * 960,
            payload: from.payload.clone(),
        };
        let mut packet = received(&sent, WIRE, now);
        // The bytes before the padding that are no part of the frame: how many frames, and how long the padding is.
        let bare = codec::without_padding(from.payload.clone()).len();
        let padding = (from.payload.len() - bare).saturating_sub(2);
        let mut bytes = packet.payload.to_vec();
        match (dice.roll() * 6.0) as u32 {
            // What tells of the sound before, its lengths and numbers.
            0 | 1 => {
                let tail = if frames_too { bytes.len().min(60) } else { padding };
                for _ in 0..(dice.roll() * 20.0) as usize * tail.min(1) {
                    let at = bytes.len() - 1 - (dice.roll() * tail as f64) as usize;
                    bytes[at] = (dice.roll() * 256.0) as u8;
                }
            }
            2 if frames_too => {
                let at = (dice.roll() * bytes.len().min(4) as f64) as usize;
                bytes[at] = (dice.roll() * 256.0) as u8;
            }
            3 if frames_too => bytes.truncate((dice.roll() * bytes.len() as f64) as usize),
            // Nothing but what looks like it.
            4 => {
                bytes = vec![0x7b, 0x41, 200, 0x55];
                bytes.extend([252 | u8::from(dice.roll() < 0.5), b'D', 12]);
                bytes.extend((0..197).map(|_| (dice.roll() * 256.0) as u8));
            }
            _ => {}
        }
        packet.payload = bytes.into();
        if dice.roll() < 0.6 {
            buffer.insert(&packet);
        }
        for half in 0..2 {
            let mut block = SILENT_BLOCK;
            buffer.pull(now + Duration::from_millis(half * 10), &mut block);
            assert!(block.iter().all(|sample| sample.is_finite()), "round {round}");
            loudest = block.iter().fold(loudest, |most, sample| most.max(sample.abs()));
        }
    }
    assert!(buffer.counters().recovered > 48_000, "{:?}", buffer.counters());
    assert_eq!(buffer.room(), room, "no more is taken than at the beginning");
    assert!(buffer.delay_ms() < 1_000.0, "{} ms", buffer.delay_ms());
    (buffer, start + Duration::from_millis(WRONG * 20), loudest)
}

/// Goes on after [`with_wrong_bytes`] with so many seconds of speech of which nothing is wrong or lost.
fn then_whole(buffer: &mut JitterBuffer, start: Instant, seconds: u64) -> SoundReport {
    let mut sent = speak_deep(seconds).into_iter().peekable();
    let mut meter = SoundMeter::new();
    for now_ms in (3..seconds * 1_000).step_by(10) {
        let now = start + Duration::from_millis(now_ms);
        while let Some(packet) = sent.next_if(|packet| packet.time / 48 + 20 <= now_ms) {
            let packet = Sent {
                number: WRONG + packet.number,
                time: WRONG * 960 + packet.time,
                payload: packet.payload,
            };
            buffer.insert(&received(&packet, WIRE, now));
        }
        let mut samples = SILENT_BLOCK;
        buffer.pull(now, &mut samples);
        assert!(samples.iter().all(|sample| sample.abs() < 2.0), "at {now_ms} ms");
        meter.hear(&PlayedBlock {
            samples,
            played_at: UNIX_EPOCH + Duration::from_secs(START_S) + Duration::from_millis(now_ms),
            played: now,
        });
    }
    meter.report().clone()
}

#[test]
fn nothing_in_a_packets_padding_breaks_it_or_makes_it_loud() {
    let (_, _, loudest) = with_wrong_bytes(1_017, false);
    assert!(loudest < 2.0, "{loudest}");
}

#[test]
fn nothing_in_a_packet_with_padding_breaks_it() {
    // What a wrong frame decodes to may be loud: the limiter's business, as without padding. What comes after it may not, and is heard
    // as if nothing had been wrong.
    let (mut buffer, end, _) = with_wrong_bytes(1_017, true);
    let before = buffer.counters();
    let report = then_whole(&mut buffer, end, 12);
    let after = buffer.counters();
    let likeness = report.sound_match().unwrap_or(0.0);
    assert!(likeness > 0.9, "{:?}", report.matches);
    assert_eq!(after.undecodable, before.undecodable);
    assert_eq!(after.restarts, before.restarts);
    let invented = after.concealed - before.concealed;
    assert!(invented < SECOND / 10, "{invented} samples");
}

#[test]
fn nothing_that_can_be_received_breaks_it() {
    let mut dice = Dice(99);
    let good = speak(4, 20);
    let start = test_start();
    let mut buffer = JitterBuffer::new().unwrap();
    for round in 0..4_000u64 {
        let now = start + Duration::from_millis(round * 5);
        let mut packet = received(&good[round as usize % good.len()], WIRE, now);
        match (dice.roll() * 6.0) as u32 {
            0 => packet.sequence = (dice.roll() * 65_536.0) as u16,
            1 => packet.rtp_time = RtpTime((dice.roll() * f64::from(u32::MAX)) as u32),
            2 => {
                packet.payload = (0..(dice.roll() * 1_500.0) as usize)
                    .map(|_| (dice.roll() * 256.0) as u8)
                    .collect();
            }
            3 => packet.payload = packet.payload.slice(..packet.payload.len() / 2),
            4 => packet.arrived = ArrivalTime(start + Duration::from_secs((dice.roll() * 1e7) as u64)),
            _ => {}
        }
        buffer.insert(&packet);
        let mut block = SILENT_BLOCK;
        buffer.pull(now, &mut block);
        assert!(block.iter().all(|sample| sample.is_finite()), "round {round}");
    }
    assert!(buffer.counters().implausible > 0);
    assert_eq!(buffer.counters().received, 4_000);
}
