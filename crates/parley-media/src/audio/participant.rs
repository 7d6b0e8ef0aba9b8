//! One person who is heard: their packets, jitter buffer, volume and meter.

use super::codec::OpusError;
use super::jitter::JitterBuffer;
use super::level::Meter;
use super::status::ParticipantAudio;
use super::{Block, SILENT_BLOCK};
use crate::packet::ReceivedPacket;
use parley_proto::ParticipantId;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// At most so many packets are taken in one tick, so that a flood cannot hold the thread.
const PACKETS_PER_TICK: usize = 256;
/// Nobody can be made louder than this.
const GAIN_MAX: f32 = 4.0;

pub(super) struct Participant {
    pub(super) id: ParticipantId,
    packets: Receiver<ReceivedPacket>,
    jitter: JitterBuffer,
    gain: f32,
    meter: Meter,
    block: Block,
}

impl Participant {
    pub(super) fn new(id: ParticipantId, packets: Receiver<ReceivedPacket>) -> Result<Self, OpusError> {
        Ok(Self {
            id,
            packets,
            jitter: JitterBuffer::new()?,
            gain: 1.0,
            meter: Meter::default(),
            block: SILENT_BLOCK,
        })
    }

    /// Linear; what is no sensible number is ignored.
    pub(super) fn set_gain(&mut self, gain: f32) {
        if gain.is_finite() {
            self.gain = gain.clamp(0.0, GAIN_MAX);
        }
    }

    /// Waits at least so long before it plays.
    pub(super) fn set_least_wait(&mut self, wait: Duration) {
        self.jitter.set_least_wait(wait);
    }

    /// Takes the packets that came and adds the next 10 ms to the mix.
    pub(super) fn add_to(&mut self, now: Instant, mix: &mut Block) {
        // The sender may be gone already: what came before still plays, then silence.
        for packet in self.packets.try_iter().take(PACKETS_PER_TICK) {
            self.jitter.insert(&packet);
        }
        self.jitter.pull(now, &mut self.block);
        self.meter.hear(&self.block);
        for (sum, sample) in mix.iter_mut().zip(&self.block) {
            *sum += sample * self.gain;
        }
    }

    /// Writes down how they are.
    pub(super) fn describe(&mut self) -> ParticipantAudio {
        ParticipantAudio {
            id: self.id,
            level: self.meter.read(),
            jitter_ms: self.jitter.jitter_ms(),
            delay_ms: self.jitter.delay_ms(),
            concealed_pct: self.jitter.concealed_pct(),
            counters: self.jitter.counters(),
        }
    }
}
