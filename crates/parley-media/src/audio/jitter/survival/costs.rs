//! What protecting a voice costs the processor: encoder and decoder, with and without deep redundancy, on one thread, one after the
//! other, so that their ratios hold on a busy machine too.

use super::{FRAME, VOICE, built_in};
use crate::audio::codec::{DECODED_MAX, OpusEncoder, VoiceDecoder, has_deep_redundancy};
use crate::audio::config::AudioTargets;
use bytes::Bytes;
use parley_proto::Bitrate;

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
