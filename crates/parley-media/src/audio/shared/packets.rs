//! From blocks of what other programs play to packets: no voice chain, no mute, nothing sent of silence. Sans-IO.

use crate::audio::codec::{OpusEncoder, OpusError, SILENCE_BEGINS};
use crate::audio::config::AudioTargets;
use crate::audio::level::rms;
use crate::audio::{BLOCK_SAMPLES, Block};
use crate::packet::{AudioLevel, EncodedAudio};
use crate::time::CaptureTime;

/// Blocks in a packet: 20 ms.
const PACKET_BLOCKS: usize = 2;
/// Packets of silence that are sent before it is left out: half a second, so that a pause in a song is none in the stream.
const SILENT_PACKETS_MAX: u32 = 25;
/// Nothing above it is silence: half a step of 16 bits.
const SILENCE: f32 = 1.0 / 65_536.0;

/// See the module.
pub(super) struct Packets {
    encoder: OpusEncoder,
    frame: [f32; PACKET_BLOCKS * BLOCK_SAMPLES],
    blocks: usize,
    captured: Option<CaptureTime>,
    /// Samples since the stream began, to the beginning of the packet being collected.
    position: u64,
    /// Silent packets in a row.
    silent: u32,
    sending: bool,
    targets: AudioTargets,
}

impl Packets {
    pub(super) fn new(targets: AudioTargets) -> Result<Self, OpusError> {
        Ok(Self {
            encoder: OpusEncoder::for_anything(targets)?,
            frame: [0.0; PACKET_BLOCKS * BLOCK_SAMPLES],
            blocks: 0,
            captured: None,
            position: 0,
            silent: SILENT_PACKETS_MAX,
            sending: false,
            targets,
        })
    }

    /// Takes effect with the next packet.
    pub(super) fn set_targets(&mut self, targets: AudioTargets) {
        if targets == self.targets {
            return;
        }
        self.targets = targets;
        if let Err(error) = self.encoder.set_targets(targets) {
            tracing::debug!(%error, "the encoder keeps its old targets");
        }
    }

    /// Ten milliseconds that began at `captured`; gives a packet when one is full and worth sending.
    pub(super) fn put(
        &mut self,
        block: &Block,
        captured: CaptureTime,
    ) -> Result<Option<EncodedAudio>, OpusError> {
        let began = *self.captured.get_or_insert(captured);
        let at = self.blocks * BLOCK_SAMPLES;
        self.frame[at..at + BLOCK_SAMPLES].copy_from_slice(block);
        self.blocks += 1;
        if self.blocks < PACKET_BLOCKS {
            return Ok(None);
        }
        self.blocks = 0;
        self.captured = None;
        let position = self.position;
        self.position += self.frame.len() as u64;
        let silent = self.frame.iter().all(|sample| sample.abs() < SILENCE);
        self.silent = if silent { self.silent.saturating_add(1) } else { 0 };
        let before = std::mem::replace(&mut self.sending, self.silent <= SILENT_PACKETS_MAX);
        let data = match (before, self.sending) {
            (_, true) => self.encoder.encode(&self.frame)?,
            (true, false) => SILENCE_BEGINS,
            (false, false) => return Ok(None),
        };
        Ok(Some(EncodedAudio {
            data,
            position_samples: position,
            captured: began,
            level: AudioLevel::from_rms(rms(&self.frame)),
            voice: false,
            talk_spurt_start: !before,
        }))
    }

    /// Time passed in which nothing was put in: the position runs on.
    pub(super) fn skip(&mut self, blocks: u64) {
        self.blocks = 0;
        self.captured = None;
        self.position += blocks * BLOCK_SAMPLES as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{SILENT_BLOCK, codec};
    use std::time::Duration;

    struct Bench {
        packets: Packets,
        now: std::time::Instant,
        at: u32,
    }

    impl Bench {
        fn new() -> Self {
            Self {
                packets: Packets::new(AudioTargets::default()).unwrap(),
                now: crate::audio::pace::test_start(),
                at: 0,
            }
        }

        fn run(&mut self, blocks: usize, loud: bool) -> Vec<EncodedAudio> {
            let mut made = Vec::new();
            for _ in 0..blocks {
                let mut block = SILENT_BLOCK;
                for sample in block.iter_mut().filter(|_| loud) {
                    self.at += 1;
                    *sample = (self.at as f32 * 0.06).sin() * 0.2;
                }
                made.extend(self.packets.put(&block, CaptureTime(self.now)).unwrap());
                self.now += Duration::from_millis(10);
            }
            made
        }
    }

    #[test]
    fn nothing_is_sent_before_something_plays_and_after_half_a_second_of_silence() {
        let mut bench = Bench::new();
        assert!(bench.run(100, false).is_empty());
        let playing = bench.run(100, true);
        assert_eq!(playing.len(), 50);
        assert!(playing[0].talk_spurt_start && !playing[1].talk_spurt_start);
        assert_eq!(playing[0].position_samples, 100 * 480, "it ran on meanwhile");
        assert!(
            playing
                .iter()
                .all(|packet| packet.level.minus_dbov() < 30 && !packet.voice)
        );
        let ending = bench.run(300, false);
        assert_eq!(ending.len(), 26, "half a second and the word that silence begins");
        let (last, others) = ending.split_last().unwrap();
        assert!(codec::is_silence(&last.data));
        assert!(others.iter().all(|packet| !codec::is_silence(&packet.data)));
        let again = bench.run(2, true);
        assert!(again[0].talk_spurt_start);
        assert_eq!(again[0].position_samples, 500 * 480);
    }

    #[test]
    fn a_short_pause_is_sent_and_time_slept_through_moves_the_position() {
        let mut bench = Bench::new();
        bench.run(10, true);
        assert_eq!(bench.run(40, false).len(), 20);
        assert!(!bench.run(2, true)[0].talk_spurt_start);
        bench.run(1, true);
        bench.packets.skip(100);
        let next = bench.run(2, true);
        assert_eq!(next[0].position_samples, (52 + 100) * 480);
        assert_eq!(
            next[0].captured,
            CaptureTime(bench.now - Duration::from_millis(20))
        );
    }
}
