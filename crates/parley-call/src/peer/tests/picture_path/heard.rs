//! The side that hears, beside the one that sees: the jitter buffer that a call really has, fed with packets of its form, and what
//! picture and sound say to each other about waiting.

use super::wire::Way;
use parley_media::audio::SILENT_BLOCK;
use parley_media::audio::jitter::JitterBuffer;
use parley_media::packet::ReceivedPacket;
use parley_media::time::{ArrivalTime, RtpTime};
use parley_media::video::lip_sync::LipSync;
use parley_media::video::{Lip, NtpTime, SenderTimes};
use std::time::{Duration, Instant};

/// A voice's packet is one of Opus, 20 ms: so its first byte says.
pub(super) const OPUS_20_MS: u8 = 0x78;
/// Pictures and sound hear of each other this often.
const LOOK_MS: u64 = 100;
/// Any moment of the sender's clock will do.
const NTP_SECONDS: u64 = 3_900_000_000;

/// See the module.
pub(super) struct Heard {
    buffer: JitterBuffer,
    times: SenderTimes,
    base_ms: f64,
    /// The newest packet, when a report was made and now, and how many came since.
    reported: u16,
    newest: u16,
    came: u32,
    /// Each tenth of a second, in milliseconds: how late sound is then.
    pub(super) late: Vec<f64>,
}

impl Heard {
    pub(super) fn new(way: Way, times: SenderTimes) -> Self {
        Self {
            buffer: JitterBuffer::new().unwrap(),
            times,
            base_ms: way.delay.as_secs_f64() * 1e3,
            reported: 0,
            newest: 0,
            came: 0,
            late: Vec::new(),
        }
    }

    pub(super) fn insert(&mut self, packet: &ReceivedPacket) {
        self.came += 1;
        self.newest = self.newest.max(packet.sequence);
        self.times.sound_arrived(packet.arrived, packet.rtp_time);
        self.buffer.insert(packet);
    }

    /// The share that was lost since the last report.
    pub(super) fn report(&mut self) -> f32 {
        let expected = self.newest - std::mem::replace(&mut self.reported, self.newest);
        let came = std::mem::take(&mut self.came);
        1.0 - (came as f32 / f32::from(expected.max(1))).min(1.0)
    }

    /// A millisecond passes.
    pub(super) fn step(&mut self, start: Instant, now: Instant, ms: u64, lips: &mut LipSync) {
        if ms.is_multiple_of(1000) {
            let ntp = NtpTime((NTP_SECONDS + ms / 1000) << 32);
            self.times.report(Lip::Sound, ntp, RtpTime(ms as u32 * 48));
            self.times.report(Lip::Picture, ntp, RtpTime(ms as u32 * 90));
        }
        if ms.is_multiple_of(10) {
            self.buffer.pull(now, &mut SILENT_BLOCK.clone());
        }
        if ms.is_multiple_of(LOOK_MS) {
            let wait_ms = f64::from(self.buffer.delay_ms());
            lips.set_sound_wait(Some(Duration::from_secs_f64(wait_ms / 1e3)));
            let hold = Duration::from_secs_f32(lips.figures().sound_hold_ms / 1e3);
            self.buffer.set_least_wait(hold);
            if now > start + Duration::from_secs(1) {
                self.late.push(self.base_ms + wait_ms);
            }
        }
    }
}

/// What came of a voice's packet.
pub(super) fn voice(sequence: u16, rtp_time: u32, payload: bytes::Bytes, arrived: Instant) -> ReceivedPacket {
    ReceivedPacket {
        sequence,
        rtp_time: RtpTime(rtp_time),
        marker: false,
        payload,
        arrived: ArrivalTime(arrived),
        redundant: false,
    }
}
