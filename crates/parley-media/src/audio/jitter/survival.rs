//! How much of a voice can be understood after loss, by what protects it: encoder, loss, jitter buffer and decoder in virtual
//! time, judged by STOI. The goals of `docs/quality.md` for speech are asked for here.
//!
//! ```text
//! cargo test -p parley-media --lib survival -- --nocapture
//! [PARLEY_SPEECH_WAV=speech.wav] cargo test -p parley-media --lib survival -- --ignored --nocapture
//! ```
//!
//! The first takes the built-in speech and asks for the goals, also over the networks of the quality lab ([`networks`]). The second
//! prints all of the table, of a recording (48 kHz, mono, 16 bits) where one is named.

#[cfg(target_os = "linux")]
mod costs;
mod networks;
mod way;

use super::tests::Dice;
use super::{JitterBuffer, JitterCounters};
use crate::audio::SILENT_BLOCK;
use crate::audio::codec::{OpusEncoder, is_silence, without_padding};
use crate::audio::config::AudioTargets;
use crate::audio::pace::test_start;
use crate::audio::probe::stoi;
use crate::audio::protection::{Protection, Reads, Shield};
use crate::audio::red::{Red, unpack};
use crate::audio::speech::{self, SECOND};
use crate::packet::ReceivedPacket;
use crate::time::{ArrivalTime, RtpTime};
use bytes::Bytes;
use parley_proto::Bitrate;
use std::time::Duration;

const START_S: u64 = 1_790_000_000;
const OPUS: u8 = 111;
const FRAME: usize = 960;
const VOICE: Bitrate = Bitrate::from_kbps(32);
const PLENTY: Bitrate = Bitrate::from_kbps(3_000);
/// The buffer learns in so many seconds; they are not judged.
const LEARNING_S: usize = 3;
/// The playout's tick falls between the sender's.
const FIRST_PULL_MS: u64 = 3;
/// Sound later than this is not looked for, in milliseconds.
const FAR_MS: usize = 2_000;
const RATE: usize = SECOND as usize;

/// How packets are lost.
#[derive(Debug, Clone, Copy)]
enum Loss {
    /// Each by itself, with this chance.
    Random(f64),
    /// Gilbert's two states: the chances to fall into a burst and to come out of it. In a burst everything is lost.
    Bursts { into: f64, out: f64 },
}

impl Loss {
    /// The share lost, and the mean number lost in a row.
    fn figures(self) -> (f32, f32) {
        match self {
            Self::Random(chance) => (chance as f32, 1.0 / (1.0 - chance as f32)),
            Self::Bursts { into, out } => ((into / (into + out)) as f32, 1.0 / out as f32),
        }
    }

    /// For each packet whether it is lost.
    fn of(self, packets: usize) -> Vec<bool> {
        let mut dice = Dice(0x5eed_0005);
        let mut in_burst = false;
        (0..packets)
            .map(|_| match self {
                Self::Random(chance) => dice.roll() < chance,
                Self::Bursts { into, out } => {
                    in_burst = if in_burst {
                        dice.roll() >= out
                    } else {
                        dice.roll() < into
                    };
                    in_burst
                }
            })
            .collect()
    }
}

/// 35 % lost, 6.7 packets in a row on average, as in the lab's `burst-35`.
const BURSTS: Loss = Loss::Bursts {
    into: 0.080_77,
    out: 0.15,
};
/// 35 %, three in a row.
const SHORT_BURSTS: Loss = Loss::Bursts {
    into: 0.179_5,
    out: 1.0 / 3.0,
};

/// A packet as it goes over the way.
struct Sent {
    number: u16,
    time: u32,
    payload: Bytes,
    is_red: bool,
}

fn send(said: &[f32], shield: Shield) -> Vec<Sent> {
    let mut encoder = OpusEncoder::for_voice(AudioTargets {
        bitrate: shield.bitrate,
        expected_loss_pct: shield.expected_loss_pct,
        deep_ms: shield.deep_ms,
    })
    .unwrap();
    let mut red = Red::default();
    let (mut sent, mut sending) = (Vec::new(), false);
    for (n, frame) in said.chunks_exact(FRAME).enumerate() {
        let payload = encoder.encode(frame).unwrap();
        let silent = is_silence(&payload);
        if sending || !silent {
            let time = (n * FRAME) as u32;
            let packed = red.pack(OPUS, time, &payload, shield.copies, shield.stride);
            red.sent(time, without_padding(payload.clone()));
            sent.push(Sent {
                number: sent.len() as u16,
                time,
                is_red: packed.is_some(),
                payload: packed.unwrap_or(payload),
            });
        }
        sending = !silent;
    }
    sent
}

struct Outcome {
    /// Of what was said after the learning.
    stoi: f32,
    /// Opus and copies, without headers, while something is said or not.
    kbps: f32,
    delay_ms: f32,
    /// From what was said to its playing, in the median of the half seconds.
    late_ms: f32,
    counters: JitterCounters,
}

fn travel(said: &[f32], shield: Shield, loss: Loss) -> Outcome {
    let sent = send(said, shield);
    let lost = loss.of(sent.len());
    let mut dice = Dice(7);
    let arrivals: Vec<(u64, &Sent)> = sent
        .iter()
        .zip(lost)
        .filter(|(_, lost)| !lost)
        .map(|(packet, _)| {
            (
                u64::from(packet.time) / 48 + 25 + (dice.roll() * 5.0) as u64,
                packet,
            )
        })
        .collect();
    play(said, &sent, arrivals, LEARNING_S)
}

/// Plays what came at these milliseconds, and judges it from so many seconds on.
fn play(said: &[f32], sent: &[Sent], mut arrivals: Vec<(u64, &Sent)>, judged_from_s: usize) -> Outcome {
    let start = test_start();
    arrivals.sort_by_key(|(at, _)| *at);
    let mut arrivals = arrivals.into_iter().peekable();
    let mut buffer = JitterBuffer::new().unwrap();
    let mut heard = Vec::with_capacity(said.len());
    let (mut delays, mut pulls) = (0.0, 0.0f32);
    for now_ms in (FIRST_PULL_MS..said.len() as u64 / 48 + 600).step_by(10) {
        while let Some((at, packet)) = arrivals.next_if(|(at, _)| *at <= now_ms) {
            insert(
                &mut buffer,
                packet,
                ArrivalTime(start + Duration::from_millis(at)),
            );
        }
        let mut block = SILENT_BLOCK;
        buffer.pull(start + Duration::from_millis(now_ms), &mut block);
        heard.extend(block);
        delays += buffer.delay_ms();
        pulls += 1.0;
    }
    let bytes: usize = sent.iter().map(|packet| packet.payload.len()).sum();
    let (stoi, late_ms) = understood(said, &heard, judged_from_s);
    Outcome {
        stoi,
        late_ms,
        kbps: bytes as f32 * 8.0 / (said.len() as f32 / 48.0),
        delay_ms: delays / pulls,
        counters: buffer.counters(),
    }
}

/// As the network's end hands it on.
fn insert(buffer: &mut JitterBuffer, packet: &Sent, arrived: ArrivalTime) {
    let mut put = |back: u16, earlier: u32, payload: Bytes| {
        buffer.insert(&ReceivedPacket {
            sequence: packet.number.wrapping_sub(back),
            rtp_time: RtpTime(packet.time.wrapping_sub(earlier)),
            marker: false,
            payload,
            arrived,
            redundant: back > 0,
        });
    };
    if packet.is_red {
        let unpacked = unpack(&packet.payload, OPUS).unwrap();
        put(0, 0, unpacked.primary);
        for copy in unpacked.copies {
            put(copy.back, copy.earlier, copy.payload);
        }
    } else {
        put(0, 0, packet.payload.clone());
    }
}

/// STOI of both, half a second after the other brought to the same time, for the buffer stretches; and how late that was.
fn understood(said: &[f32], heard: &[f32], judged_from_s: usize) -> (f32, f32) {
    const THIN: usize = 12;
    const WINDOW: usize = RATE / 2;
    let thin = |sound: &[f32]| -> Vec<f32> {
        sound
            .chunks_exact(THIN)
            .map(|chunk| chunk.iter().sum::<f32>())
            .collect()
    };
    let (thin_said, thin_heard) = (thin(said), thin(heard));
    let likest = |from: usize, search: std::ops::Range<usize>| {
        let part = &thin_said[from / THIN..(from + WINDOW) / THIN];
        let own: f32 = part.iter().map(|a| a * a).sum();
        search
            .filter_map(|lag| {
                let there = thin_heard.get(from / THIN + lag..(from + WINDOW) / THIN + lag)?;
                let product: f32 = part.iter().zip(there).map(|(a, b)| a * b).sum();
                let power: f32 = there.iter().map(|b| b * b).sum();
                Some((product / (power * own).sqrt().max(1e-9), lag))
            })
            .max_by(|a, b| a.0.total_cmp(&b.0))
    };
    let (mut late, mut search) = (0usize, 0..RATE / 2 / THIN);
    let (mut all_said, mut all_heard, mut all_late) = (Vec::new(), Vec::new(), Vec::new());
    for from in (0..said.len() - WINDOW).step_by(WINDOW) {
        // Near what suited half a second ago; where nothing is like it there, it may have come far later.
        let found = likest(from, search.clone())
            .filter(|(likeness, _)| *likeness > 0.3)
            .or_else(|| likest(from, 0..FAR_MS * 48 / THIN).filter(|(likeness, _)| *likeness > 0.6));
        if let Some((_, lag)) = found {
            late = lag * THIN;
            search = lag.saturating_sub(400)..lag + 400;
        }
        if from >= judged_from_s * RATE
            && let Some(there) = heard.get(from + late..from + late + WINDOW)
        {
            all_said.extend_from_slice(&said[from..from + WINDOW]);
            all_heard.extend_from_slice(there);
            all_late.push(late as f32 / 48.0 + FIRST_PULL_MS as f32);
        }
    }
    all_late.sort_by(f32::total_cmp);
    let median = all_late.get(all_late.len() / 2).copied().unwrap_or(f32::NAN);
    (stoi(&all_said, &all_heard), median)
}

fn built_in(seconds: u64) -> Vec<f32> {
    let mut said = vec![0.0; (seconds * SECOND) as usize];
    speech::fill(START_S * SECOND, &mut said);
    said
}

/// At most 40 seconds of a recording.
fn recorded(path: &str) -> Vec<f32> {
    let mut reader = hound::WavReader::open(path).unwrap();
    assert_eq!((reader.spec().sample_rate, reader.spec().channels), (48_000, 1));
    let samples = reader.samples::<i16>().take(40 * RATE);
    samples
        .map(|sample| f32::from(sample.unwrap()) / 32_768.0)
        .collect()
}

fn shield(expected_loss_pct: u8, copies: u8, stride: u8) -> Shield {
    Shield {
        bitrate: VOICE,
        expected_loss_pct,
        copies,
        stride,
        deep_ms: 0,
    }
}

/// A voice with deep redundancy in it.
fn deep(kbps: u64, copies: u8, stride: u8) -> Shield {
    Shield {
        bitrate: Bitrate::from_kbps(kbps),
        deep_ms: 240,
        ..shield(40, copies, stride)
    }
}

/// What [`Protection`] makes of a loss it knows of.
fn chosen(loss: Loss, available: Bitrate) -> Shield {
    let all = Reads {
        copies: true,
        deep: true,
    };
    chosen_for(loss, available, all)
}

/// The same for somebody who reads this.
fn chosen_for(loss: Loss, available: Bitrate, reads: Reads) -> Shield {
    let (share, burst) = loss.figures();
    let mut protection = Protection::default();
    protection.report(share, Some(burst * (1.0 - share)));
    protection.shield(VOICE, available, reads)
}

#[test]
fn a_voice_is_understood_through_heavy_loss() {
    let said = built_in(24);
    let whole = travel(&said, shield(0, 0, 1), Loss::Random(0.0));
    assert!(whole.stoi > 0.97, "{}", whole.stoi);
    for (loss, goal) in [
        (Loss::Random(0.3), 0.93),
        (Loss::Random(0.5), 0.88),
        (SHORT_BURSTS, 0.88),
        (BURSTS, 0.88),
    ] {
        let outcome = travel(&said, chosen(loss, PLENTY), loss);
        let alone = travel(&said, shield(40, 0, 1), loss);
        println!(
            "{loss:?}: {:.3} at {:.0} kbit/s, {:.0} ms; Opus alone {:.3}; {:?}",
            outcome.stoi, outcome.kbps, outcome.delay_ms, alone.stoi, outcome.counters
        );
        assert!(outcome.stoi >= goal, "{loss:?}: {}", outcome.stoi);
        assert!(
            outcome.stoi > alone.stoi,
            "{loss:?}: without copies {}",
            alone.stoi
        );
    }
}

#[test]
fn with_little_room_more_is_understood_with_deep_redundancy_than_with_the_copies_that_fit() {
    let said = built_in(16);
    for (loss, kbps) in [(Loss::Random(0.5), 70), (BURSTS, 70), (BURSTS, 85)] {
        let available = Bitrate::from_kbps(kbps);
        let copies = Reads {
            copies: true,
            deep: false,
        };
        let with = travel(&said, chosen(loss, available), loss);
        let without = travel(&said, chosen_for(loss, available, copies), loss);
        println!(
            "{loss:?} at {kbps}: {:.3} at {:.0} kbit/s, {:.0} ms; without {:.3} at {:.0}, {:.0} ms",
            with.stoi, with.kbps, with.delay_ms, without.stoi, without.kbps, without.delay_ms
        );
        assert!(with.stoi > without.stoi, "{loss:?} at {kbps} kbit/s");
        assert!(
            with.counters.recovered > with.counters.concealed,
            "{:?}",
            with.counters
        );
    }
}

#[test]
fn copies_are_waited_for_only_while_packets_are_lost() {
    let said = built_in(20);
    let clean = travel(&said, shield(1, 3, 1), Loss::Random(0.0));
    let bare = travel(&said, shield(1, 0, 1), Loss::Random(0.0));
    assert!(
        (clean.delay_ms - bare.delay_ms).abs() < 5.0,
        "{} ms",
        clean.delay_ms
    );
    assert_eq!(clean.counters.concealed, bare.counters.concealed);
    let lossy = travel(&said, shield(1, 1, 1), Loss::Random(0.1));
    assert!(lossy.counters.copied > 50, "{:?}", lossy.counters);
    assert!(
        (bare.delay_ms + 15.0..bare.delay_ms + 40.0).contains(&lossy.delay_ms),
        "{} ms",
        lossy.delay_ms
    );
}

#[test]
#[ignore = "rare: prints the whole table, of the recording in PARLEY_SPEECH_WAV if there is one"]
fn the_table_of_what_protects_speech() {
    let said = std::env::var("PARLEY_SPEECH_WAV").map_or_else(|_| built_in(40), |path| recorded(&path));
    println!(
        "{:20} {:>12} {:>8} {:>6} {:>6} {:>10}",
        "loss", "scheme", "kbit/s", "ms", "STOI", "concealed"
    );
    for loss in [
        Loss::Random(0.1),
        Loss::Random(0.3),
        Loss::Random(0.5),
        SHORT_BURSTS,
        BURSTS,
    ] {
        let (share, burst) = loss.figures();
        let expected = (share * 100.0).min(40.0) as u8;
        let print = |scheme: &str, shield: Shield| {
            let outcome = travel(&said, shield, loss);
            let concealed = 100.0 * outcome.counters.concealed as f32 / outcome.counters.played as f32;
            println!(
                "{:20} {scheme:>12} {:>8.0} {:>6.0} {:>6.3} {concealed:>8.1} %",
                format!("{:.0} %, {burst:.1} in a row", share * 100.0),
                outcome.kbps,
                outcome.delay_ms,
                outcome.stoi
            );
            assert_eq!(outcome.counters.undecodable, 0);
            outcome.stoi
        };
        print("none", shield(0, 0, 1));
        print("FEC", shield(expected, 0, 1));
        for copies in 1..=3 {
            print(&format!("RED{copies}"), shield(expected, copies, 1));
            print(&format!("RED{copies}/2"), shield(expected, copies, 2));
            print(&format!("RED{copies}/3"), shield(expected, copies, 3));
        }
        for kbps in [20, 24, 32, 48] {
            print(&format!("deep{kbps}"), deep(kbps, 0, 1));
        }
        print("deep32RED1", deep(32, 1, 1));
        print("deep32RED2/3", deep(32, 2, 3));
        print("deep32RED3/3", deep(32, 3, 3));
        print("deep40RED3/3", deep(40, 3, 3));
        // What fits where there is little room.
        for (kbps, copies, stride) in [
            (16, 0, 1),
            (24, 0, 1),
            (16, 1, 1),
            (16, 1, 3),
            (16, 2, 1),
            (16, 2, 3),
        ] {
            let plain = Shield {
                bitrate: Bitrate::from_kbps(kbps),
                ..shield(expected, copies, stride)
            };
            print(&format!("{kbps}RED{copies}/{stride}"), plain);
        }
        print("RED3 -FEC", shield(0, 3, 1));
        print("RED3/4", shield(expected, 3, 4));
        for (available, name) in [
            (PLENTY, "chosen"),
            (Bitrate::from_kbps(100), "at 100"),
            (Bitrate::from_kbps(80), "at 80"),
        ] {
            print(name, chosen(loss, available));
        }
    }
}
