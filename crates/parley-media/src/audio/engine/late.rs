//! Two engines in virtual time whose threads, and the network between them, wake up late: what is heard must stay the sound
//! that was said.

use super::*;
use crate::audio::pace::test_start;
use crate::audio::probe::SoundMeter;
use crate::audio::status::ParticipantAudio;
use crate::audio::{PlayedBlock, probe::SoundReport};
use crate::packet::ReceivedPacket;
use crate::time::{ArrivalTime, RtpTime};
use parley_proto::ParticipantId;
use std::collections::VecDeque;
use std::time::UNIX_EPOCH;

const SOMEBODY: ParticipantId = ParticipantId::from_bytes([1; 16]);
const START_S: u64 = 1_790_000_000;

/// Seeded numbers: the same in every run.
struct Dice(u64);

impl Dice {
    /// Up to `most`, evenly.
    fn up_to(&mut self, most: Duration) -> Duration {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        most.mul_f64((self.0 >> 11) as f64 / (1u64 << 53) as f64)
    }
}

/// One engine whose thread is the test.
struct End {
    driver: Driver,
    commands: SyncSender<AudioCommand>,
    ports: AudioPorts,
    wake: Instant,
}

impl End {
    fn new(config: AudioConfig, now: Instant) -> Self {
        let (commands, commands_out) = sync_channel(COMMANDS_MAX);
        let (encoded_in, encoded) = tokio::sync::mpsc::channel(PACKETS_MAX);
        let (status_in, status) = watch::channel(AudioStatus::default());
        let anchor = WallAnchor::new(now, UNIX_EPOCH + Duration::from_secs(START_S));
        let input = config.input.clone();
        let mut driver = Driver::new(config, anchor, now, (commands_out, encoded_in, status_in)).unwrap();
        driver.set_input(&input, now);
        driver.set_output(&AudioOutput::Null, now);
        Self {
            driver,
            commands,
            ports: AudioPorts { encoded, status },
            wake: now,
        }
    }

    fn tick(&mut self, now: Instant, late: Duration) {
        assert!(self.driver.tick(now));
        self.wake = self.driver.deadline(now).max(now) + late;
    }
}

/// Somebody speaks for so many seconds; every thread wakes up to `late` of that second after its time.
fn call(seconds: u64, late: impl Fn(u64) -> Duration) -> (SoundReport, ParticipantAudio, AudioCounters) {
    let mut dice = Dice(7);
    let start = test_start();
    let (tap, played) = sync_channel::<PlayedBlock>(64);
    let speaker = AudioConfig {
        input: AudioInput::Speech,
        ..AudioConfig::default()
    };
    let listener = AudioConfig {
        tap: Some(tap),
        ..AudioConfig::default()
    };
    let (mut said, mut heard) = (End::new(speaker, start), End::new(listener, start));
    let (to, packets) = sync_channel(256);
    let join = AudioCommand::AddParticipant {
        id: SOMEBODY,
        packets,
    };
    heard.commands.send(join).unwrap();
    let (mut way, mut sequence, mut arrival) = (VecDeque::new(), 0u16, start);
    let mut meter = SoundMeter::new();
    while said.wake.min(heard.wake) < start + Duration::from_secs(seconds) {
        if said.wake <= heard.wake {
            let now = said.wake;
            let late = late((now - start).as_secs());
            said.tick(now, dice.up_to(late));
            while let Ok(packet) = said.ports.encoded.try_recv() {
                arrival = arrival.max(now + Duration::from_millis(1) + dice.up_to(late));
                way.push_back(ReceivedPacket {
                    sequence,
                    rtp_time: RtpTime(packet.position_samples as u32),
                    marker: packet.talk_spurt_start,
                    payload: packet.data,
                    arrived: ArrivalTime(arrival),
                    redundant: false,
                });
                sequence = sequence.wrapping_add(1);
            }
        } else {
            let now = heard.wake;
            while way.front().is_some_and(|packet| packet.arrived.0 <= now) {
                to.send(way.pop_front().unwrap()).unwrap();
            }
            heard.tick(now, dice.up_to(late((now - start).as_secs())));
            played.try_iter().for_each(|block| meter.hear(&block));
        }
    }
    let who = heard.ports.status.borrow().participants[0].clone();
    (meter.report().clone(), who, heard.driver.counters)
}

#[test]
fn threads_that_wake_late_do_not_spoil_the_sound() {
    for late_ms in [0, 5, 20, 30] {
        let (report, who, counters) = call(40, |_| Duration::from_millis(late_ms));
        let told = format!("{late_ms} ms late: {report:?} {:?}", who.counters);
        assert!(report.sound_match() > Some(0.9), "{told}");
        // Nearly every second of it, not only the middle one.
        let poor = report.matches.iter().filter(|alike| **alike < 0.85).count();
        assert!(poor <= 2, "{told}");
        // A late thread is no reason to stretch for ever.
        let stretched = who.counters.accelerated + who.counters.expanded;
        assert!(stretched < who.counters.played / 400, "{told}");
        assert_eq!((who.counters.late, counters.playout_skipped), (0, 0), "{told}");
    }
}

#[test]
fn the_wait_shrinks_again_when_the_threads_wake_in_time() {
    let (report, who, _) = call(60, |second| {
        Duration::from_millis(if second < 20 { 40 } else { 0 })
    });
    let latencies = &report.latencies_ms;
    assert!(latencies[10..18].iter().all(|ms| *ms > 60.0), "{latencies:?}");
    let after = &latencies[latencies.len() - 5..];
    assert!(after.iter().all(|ms| *ms < 40.0), "{latencies:?} {who:?}");
}
