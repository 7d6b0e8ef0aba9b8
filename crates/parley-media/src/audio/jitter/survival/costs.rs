//! What protecting a voice costs the processor: encoder and decoder, with and without deep redundancy, on one thread, one after the
//! other, so that their ratios hold on a busy machine too; and how long the jitter buffer takes for ten milliseconds at most, for what
//! was lost is spoken in one go, and the sound card waits for it.

use super::{FIRST_PULL_MS, FRAME, JitterBuffer, SILENT_BLOCK, Sent, VOICE, built_in, insert, test_start};
use crate::audio::codec::{DECODED_MAX, OpusEncoder, VoiceDecoder, has_deep_redundancy};
use crate::audio::config::AudioTargets;
use crate::time::ArrivalTime;
use bytes::Bytes;
use parley_proto::Bitrate;
use std::time::{Duration, Instant};

/// Seconds of speech.
const SECONDS: u64 = 30;

/// What this thread has spent of a processor so far, in milliseconds.
fn spent_ms() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    told.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e6
}

/// What it gave, and the milliseconds of a processor for each second of speech.
fn cost<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let before = spent_ms();
    let made = work();
    (made, (spent_ms() - before) / SECONDS as f64)
}

fn encode(said: &[f32], bitrate: Bitrate, deep_ms: u16) -> Vec<Bytes> {
    let mut encoder = OpusEncoder::for_voice(AudioTargets {
        bitrate,
        expected_loss_pct: 30,
        deep_ms,
    })
    .unwrap();
    let frames = said.chunks_exact(FRAME);
    frames.map(|frame| encoder.encode(frame).unwrap()).collect()
}

/// Decodes; of each ten packets the `lost` before the last are invented, or spoken from what the last tells.
fn decode(packets: &[Bytes], lost: usize, deep: bool) {
    let mut decoder = VoiceDecoder::new().unwrap();
    let mut sound = vec![0.0; lost * FRAME];
    let mut decoded = Box::new([0.0; DECODED_MAX]);
    for ten in packets.chunks_exact(10) {
        for (at, packet) in ten.iter().enumerate() {
            if at == 9 && lost > 0 {
                if deep && has_deep_redundancy(packet) {
                    decoder.recover_deep(packet, &mut sound).unwrap();
                } else {
                    for frame in sound.chunks_exact_mut(FRAME) {
                        decoder.conceal(frame).unwrap();
                    }
                }
            }
            if at == 9 || at + lost < 9 {
                decoder.decode(packet, &mut decoded).unwrap();
            }
        }
    }
}

#[test]
#[ignore = "rare: prints what encoder and decoder take of a processor"]
fn what_deep_redundancy_costs_the_processor() {
    let said = built_in(SECONDS);
    encode(&said[..FRAME * 50], VOICE, 240);
    let (plain, plain_ms) = cost(|| encode(&said, VOICE, 0));
    println!("encoder, 32 kbit/s: {plain_ms:.2} ms for each second");
    for (kbps, deep_ms) in [(32, 240), (48, 240), (48, 1_000)] {
        let (_, ms) = cost(|| encode(&said, Bitrate::from_kbps(kbps), deep_ms));
        println!(
            "  {kbps} kbit/s, {deep_ms} ms back: {ms:.2}, {:.2} times",
            ms / plain_ms
        );
    }
    let told = encode(&said, Bitrate::from_kbps(48), 240);
    let ((), all_ms) = cost(|| decode(&plain, 0, false));
    println!("decoder, nothing lost: {all_ms:.2} ms for each second");
    for (what, packets, deep) in [("invented", &plain, false), ("spoken", &told, true)] {
        let ((), ms) = cost(|| decode(packets, 3, deep));
        println!("  three of ten packets {what}: {ms:.2}, {:.1} times", ms / all_ms);
    }
}

/// What each pull took, in milliseconds, of a voice of which so many packets in a row are lost, once a second.
#[expect(clippy::disallowed_methods, reason = "test: measures how long a pull takes")]
fn pulls(packets: &[Bytes], lost: usize) -> Vec<f64> {
    let start = test_start();
    let mut buffer = JitterBuffer::new().unwrap();
    let mut at = 0;
    let pulls = (FIRST_PULL_MS..SECONDS * 1_000).step_by(10).map(|now_ms| {
        let now = start + Duration::from_millis(now_ms);
        while at < packets.len() && at as u64 * 20 + 25 <= now_ms {
            if at % 50 >= lost {
                let sent = Sent {
                    number: at as u16,
                    time: (at * FRAME) as u32,
                    payload: packets[at].clone(),
                    is_red: false,
                };
                insert(&mut buffer, &sent, ArrivalTime(now));
            }
            at += 1;
        }
        let mut block = SILENT_BLOCK;
        let begin = Instant::now();
        buffer.pull(now, &mut block);
        begin.elapsed().as_secs_f64() * 1e3
    });
    let took = pulls.collect();
    println!("    {:?}", buffer.counters());
    took
}

#[test]
#[ignore = "rare: prints how long ten milliseconds of sound take at most; on a quiet machine"]
fn what_the_longest_pull_takes() {
    let said = built_in(SECONDS);
    let plain = encode(&said, VOICE, 0);
    let told = encode(&said, Bitrate::from_kbps(48), 240);
    for (what, packets, lost) in [
        ("nothing lost", &plain, 0),
        ("12 in a row invented", &plain, 12),
        ("6 in a row spoken", &told, 6),
        ("12 in a row spoken", &told, 12),
    ] {
        let all = pulls(packets, lost);
        // One longest for each loss: their median is no accident of this machine.
        let mut longest: Vec<f64> = all
            .chunks(100)
            .map(|second| second.iter().copied().fold(0.0, f64::max))
            .collect();
        longest.sort_by(f64::total_cmp);
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        println!(
            "{what}: {mean:.3} ms in the mean, the longest of a second {:.2} in the median and {:.2} at most",
            longest[longest.len() / 2],
            longest[longest.len() - 1]
        );
    }
}
