//! From a block of the source to a packet: voice chain, meter, voice flag, mute, Opus.
//!
//! Owned by the audio thread. It does not know where its blocks come from, nor who takes the packets.

use super::codec::{self, OpusEncoder, OpusError};
use super::config::{AudioTargets, CallHalf, PacketTime, RecordedBlock, VoiceSettings};
use super::level::{Meter, rms};
use super::status::AudioCounters;
use super::talker::{MutedTalker, VoiceDetector};
use super::voice::VoiceChain;
use super::{BLOCK_SAMPLES, Block, SILENT_BLOCK};
use crate::packet::{AudioLevel, EncodedAudio};
use crate::time::CaptureTime;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::Sender;

const BLOCK_TIME: Duration = Duration::from_millis(10);
/// Capture times jitter; a jump above this is a gap in the sound.
const GAP: Duration = Duration::from_millis(60);

/// The capture half of the engine.
pub(super) struct Capture {
    pub(super) chain: VoiceChain,
    encoder: OpusEncoder,
    out: Sender<EncodedAudio>,
    pub(super) meter: Meter,
    detector: VoiceDetector,
    muted_talker: MutedTalker,
    pub(super) speaking_while_muted: bool,
    pub(super) muted: bool,
    frame: Frame,
    position: u64,
    expected: Option<Instant>,
    sending: bool,
    recorder: Option<SyncSender<RecordedBlock>>,
}

/// The packet being collected.
struct Frame {
    samples: [f32; 2 * BLOCK_SAMPLES],
    blocks_wanted: usize,
    blocks: usize,
    voice: bool,
    position: u64,
    captured: Option<CaptureTime>,
}

impl Capture {
    pub(super) fn new(
        voice: VoiceSettings,
        packet_time: PacketTime,
        muted: bool,
        out: Sender<EncodedAudio>,
    ) -> Result<Self, OpusError> {
        Ok(Self {
            chain: VoiceChain::new(voice),
            encoder: OpusEncoder::for_voice(AudioTargets::default())?,
            out,
            meter: Meter::default(),
            detector: VoiceDetector::default(),
            muted_talker: MutedTalker::default(),
            speaking_while_muted: false,
            muted,
            frame: Frame {
                samples: [0.0; 2 * BLOCK_SAMPLES],
                blocks_wanted: packet_time.blocks(),
                blocks: 0,
                voice: false,
                position: 0,
                captured: None,
            },
            position: 0,
            expected: None,
            sending: false,
            recorder: None,
        })
    }

    /// Who records the call from now on.
    pub(super) fn record_call(&mut self, recorder: Option<SyncSender<RecordedBlock>>) {
        self.recorder = recorder;
    }

    pub(super) fn set_targets(&mut self, targets: AudioTargets) {
        if let Err(error) = self.encoder.set_targets(targets) {
            tracing::debug!(%error, "the encoder keeps its old targets");
        }
    }

    /// A block of the source, captured at `captured`. `chained`: it goes through the voice chain. Gives back what would be
    /// heard of it by others, were nobody muted.
    pub(super) fn block(
        &mut self,
        mut block: Block,
        captured: CaptureTime,
        chained: bool,
        counters: &mut AudioCounters,
    ) -> Block {
        self.run_on(captured);
        let probability = if chained {
            self.chain.process(&mut block)
        } else {
            None
        };
        self.meter.hear(&block);
        let voice = self.detector.hear(rms(&block), probability);
        self.speaking_while_muted = self.muted_talker.hear(self.muted, voice);
        if let Some(recorder) = self.recorder.as_ref().filter(|_| !self.muted) {
            let half = RecordedBlock {
                half: CallHalf::Own,
                samples: block,
                at: captured.0,
            };
            counters.call_record_dropped += u64::from(recorder.try_send(half).is_err());
        }
        let sent = if self.muted { &SILENT_BLOCK } else { &block };
        self.collect(sent, captured, voice && !self.muted);
        if self.frame.blocks == self.frame.blocks_wanted {
            self.send(counters);
        }
        block
    }

    /// No source now: nothing is collected, the notice goes.
    pub(super) fn idle(&mut self) {
        self.frame.blocks = 0;
        self.speaking_while_muted = false;
    }

    /// The position runs on through a gap, and a packet begun before it is dropped: its two halves do not belong together.
    fn run_on(&mut self, captured: CaptureTime) {
        if let Some(expected) = self.expected {
            let gap = captured.0.saturating_duration_since(expected);
            if gap > GAP {
                let blocks = gap.as_millis() as u64 / 10;
                self.position += blocks * BLOCK_SAMPLES as u64;
                self.frame.blocks = 0;
            }
        }
        self.expected = Some(captured.0 + BLOCK_TIME);
    }

    fn collect(&mut self, block: &Block, captured: CaptureTime, voice: bool) {
        let frame = &mut self.frame;
        if frame.blocks == 0 {
            (frame.position, frame.captured, frame.voice) = (self.position, Some(captured), false);
        }
        let at = frame.blocks * BLOCK_SAMPLES;
        frame.samples[at..at + BLOCK_SAMPLES].copy_from_slice(block);
        frame.blocks += 1;
        frame.voice |= voice;
        self.position += BLOCK_SAMPLES as u64;
    }

    fn send(&mut self, counters: &mut AudioCounters) {
        let length = self.frame.blocks * BLOCK_SAMPLES;
        self.frame.blocks = 0;
        let Some(captured) = self.frame.captured else {
            return;
        };
        let samples = &self.frame.samples[..length];
        let data = match self.encoder.encode(samples) {
            Ok(data) => data,
            Err(_) => {
                counters.encode_errors += 1;
                return;
            }
        };
        // The first packet without sound is sent: it tells the other side that silence begins. Those after it are not.
        let silent = codec::is_silence(&data);
        if silent && !self.sending {
            return;
        }
        let packet = EncodedAudio {
            data,
            position_samples: self.frame.position,
            captured,
            level: AudioLevel::from_rms(rms(samples)),
            voice: self.frame.voice,
            talk_spurt_start: !self.sending,
        };
        self.sending = !silent;
        counters.packets_encoded += 1;
        if self.out.try_send(packet).is_err() {
            counters.packets_dropped += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::speech;
    use tokio::sync::mpsc::{Receiver, channel};

    struct Bench {
        capture: Capture,
        packets: Receiver<EncodedAudio>,
        counters: AudioCounters,
        now: Instant,
        at: u64,
    }

    impl Bench {
        fn new(packet_time: PacketTime) -> Self {
            let (out, packets) = channel(1_000);
            Self {
                capture: Capture::new(VoiceSettings::default(), packet_time, false, out).unwrap(),
                packets,
                counters: AudioCounters::default(),
                now: crate::audio::pace::test_start(),
                at: 96_000_000,
            }
        }

        fn run(&mut self, blocks: usize, silent: bool) -> Vec<EncodedAudio> {
            for _ in 0..blocks {
                let mut block = SILENT_BLOCK;
                if !silent {
                    speech::fill(self.at, &mut block);
                }
                self.capture
                    .block(block, CaptureTime(self.now), false, &mut self.counters);
                self.at += 480;
                self.now += BLOCK_TIME;
            }
            std::iter::from_fn(|| self.packets.try_recv().ok()).collect()
        }
    }

    #[test]
    fn packets_follow_each_other_without_gaps_while_somebody_speaks() {
        for (packet_time, samples) in [(PacketTime::Ms20, 960), (PacketTime::Ms10, 480)] {
            let packets = Bench::new(packet_time).run(40, false);
            assert!(packets[0].talk_spurt_start);
            for pair in packets.windows(2) {
                assert_eq!(pair[1].position_samples - pair[0].position_samples, samples);
                assert!(!pair[1].talk_spurt_start);
            }
            assert!(
                packets
                    .iter()
                    .any(|packet| packet.voice && packet.level.minus_dbov() < 40)
            );
        }
    }

    #[test]
    fn the_position_runs_on_through_silence_that_is_not_sent() {
        let mut bench = Bench::new(PacketTime::Ms20);
        bench.run(100, false);
        let quiet = bench.run(300, true);
        assert!(quiet.len() < 50, "{} packets in 3 s of silence", quiet.len());
        let speech = bench.run(100, false);
        let first = speech.iter().find(|packet| packet.talk_spurt_start).unwrap();
        assert!(first.position_samples >= 400 * 480, "{}", first.position_samples);
        assert_eq!(first.position_samples % 960, 0);
    }

    #[test]
    fn muted_sends_silence_and_the_meter_stays_live() {
        let mut bench = Bench::new(PacketTime::Ms20);
        bench.capture.muted = true;
        let packets = bench.run(200, false);
        assert!(
            packets
                .iter()
                .all(|packet| packet.level == AudioLevel::SILENCE && !packet.voice)
        );
        assert!(bench.capture.meter.read().minus_dbov() < 40);
        assert!(bench.capture.speaking_while_muted);
    }

    #[test]
    fn a_gap_of_the_source_moves_the_position_on() {
        let mut bench = Bench::new(PacketTime::Ms20);
        bench.run(11, false);
        bench.now += Duration::from_millis(500);
        let packets = bench.run(2, false);
        assert_eq!(packets[0].position_samples, (11 + 50) * 480);
    }

    #[test]
    fn packets_nobody_takes_are_dropped_and_counted() {
        let (out, packets) = channel(2);
        let mut bench = Bench::new(PacketTime::Ms20);
        (bench.capture.out, bench.packets) = (out, packets);
        bench.run(20, false);
        assert_eq!(bench.counters.packets_encoded, 10);
        assert_eq!(bench.counters.packets_dropped, 8);
    }
}
