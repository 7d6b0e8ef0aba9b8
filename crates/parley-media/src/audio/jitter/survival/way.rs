//! A way between two ends as the cables of the quality lab are (`parley-tests`, `harness::cable`), in virtual time: loss, a rate with
//! a queue that drops at its tail, travel times that spread, packets that come late. Pure and seeded. Pictures share it, as bytes
//! that stand before the voice in the queue; they are not what is lost here, so that the voice meets all of the loss itself.

use super::Loss;
use crate::audio::jitter::tests::Dice;

/// One way. Milliseconds, and kbit/s.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    /// Of the voice's packets.
    pub(super) loss: Loss,
    /// How long a packet travels,
    pub(super) delay_ms: f64,
    /// and the standard deviation of that. The order stays.
    pub(super) jitter_ms: f64,
    /// So many of a hundred packets come so much later, after ones sent later.
    pub(super) late: Option<(f64, f64)>,
    /// What it carries from each moment on; nothing passes at 0. No limit where there is no entry.
    pub(super) carries: &'static [(f64, f64)],
    /// How long the queue may become.
    pub(super) queue_ms: f64,
    /// What pictures take of it from each moment on.
    pub(super) pictures: &'static [(f64, f64)],
}

/// From one picture to the next.
const PICTURE_MS: f64 = 1000.0 / 30.0;
/// The pacer sends a picture's packets in this part of that time (2.5 times the rate, `parley-call`, `peer/pacer`).
const PACED: f64 = 0.4;
const PICTURE_PACKET: f64 = 1_200.0;
/// The queue may always hold this much.
const QUEUE_BYTES_MIN: f64 = 3_000.0;
/// What IP, UDP, SRTP and RTP add to a packet.
const HEADERS: f64 = 20.0 + 8.0 + 10.0 + 20.0;

/// What stands in a table of moments at `at_ms`.
fn at(table: &[(f64, f64)], at_ms: f64) -> Option<f64> {
    let passed = table.iter().take_while(|(from_ms, _)| *from_ms <= at_ms);
    passed.last().map(|(_, value)| *value)
}

impl Way {
    /// When each packet comes out: given when it goes in, in order, and its bytes. Nothing for what is lost.
    pub(super) fn carry(&self, packets: &[(f64, usize)]) -> Vec<Option<f64>> {
        let mut dice = Dice(0x5eed_0017);
        let lost = self.loss.of(packets.len());
        let pictures = self.picture_packets(packets.last().map_or(0.0, |(at_ms, _)| *at_ms));
        let mut before = pictures.iter().peekable();
        let (mut free_ms, mut in_order_ms) = (0.0f64, 0.0f64);
        let mut carried = Vec::with_capacity(packets.len());
        for ((at_ms, bytes), lost) in packets.iter().zip(lost) {
            while let Some(picture_ms) = before.next_if(|picture_ms| *picture_ms <= at_ms) {
                self.queue(*picture_ms, PICTURE_PACKET, &mut free_ms);
            }
            let left = if lost {
                None
            } else {
                self.queue(*at_ms, *bytes as f64 + HEADERS, &mut free_ms)
            };
            carried.push(left.map(|left_ms| {
                let due_ms = left_ms + (self.delay_ms + self.jitter_ms * gauss(&mut dice)).max(0.0);
                if let Some((_, later_ms)) = self.late.filter(|(percent, _)| dice.roll() * 100.0 < *percent) {
                    return due_ms + later_ms;
                }
                in_order_ms = in_order_ms.max(due_ms);
                in_order_ms
            }));
        }
        carried
    }

    /// When a packet is on the wire as a whole; nothing when the queue is full or nothing passes.
    fn queue(&self, at_ms: f64, bytes: f64, free_ms: &mut f64) -> Option<f64> {
        let Some(kbps) = at(self.carries, at_ms) else {
            return Some(at_ms);
        };
        if kbps <= 0.0 {
            return None;
        }
        let room_ms = self.queue_ms.max(QUEUE_BYTES_MIN * 8.0 / kbps);
        let left_ms = free_ms.max(at_ms) + bytes * 8.0 / kbps;
        if left_ms - at_ms > room_ms {
            return None;
        }
        *free_ms = left_ms;
        Some(left_ms)
    }

    /// When packets of pictures go in, until `end_ms`.
    fn picture_packets(&self, end_ms: f64) -> Vec<f64> {
        let (mut packets, mut bytes) = (Vec::new(), 0.0);
        for picture in 0..(end_ms / PICTURE_MS) as u32 {
            let begin_ms = f64::from(picture) * PICTURE_MS;
            // What is no whole packet yet goes with the next picture.
            bytes += at(self.pictures, begin_ms).unwrap_or(0.0) * PICTURE_MS / 8.0;
            let count = (bytes / PICTURE_PACKET).floor();
            bytes -= count * PICTURE_PACKET;
            let step_ms = PICTURE_MS * PACED / count.max(1.0);
            packets.extend((0..count as u32).map(|packet| begin_ms + step_ms * f64::from(packet)));
        }
        packets
    }
}

/// Normal with mean 0 and deviation 1 (Box and Muller).
fn gauss(dice: &mut Dice) -> f64 {
    let (one, other) = (dice.roll().max(1e-12), dice.roll());
    (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos()
}
