//! An honest stream of pictures over a line that loses, repeats, delays and sends again whatever it likes.

use crate::bytes::Plan;
use crate::start::START;
use bytes::Bytes;
use parley_media::packet::ReceivedPacket;
use parley_media::time::{ArrivalTime, RtpTime};
use parley_media::video::frame_buffer::{CompletePicture, FrameBuffer};
use parley_media::video::h264::packetize;
use std::time::Duration;

/// Packets that the line may still bring, the newest last: what is older is lost for good.
const ON_THE_WAY_MAX: usize = 400;
/// Ticks from one picture to the next.
const STEP: u32 = 3_000;

/// Whatever the line does: a picture that is handed out is exactly what was sent, and the one before it was handed out too, unless it
/// is a key frame. So nothing broken is ever shown.
pub(crate) fn frame_order(data: &[u8]) {
    let mut plan = Plan(data);
    let mut buffer = FrameBuffer::new();
    let mut now = *START;
    let mut sender = Sender::default();
    let mut last: Option<usize> = None;
    while !plan.is_over() {
        let control = plan.byte();
        now += Duration::from_millis(u64::from(control >> 4) * 9);
        match control & 0x7 {
            0..=2 => sender.send(control & 0x8 != 0 && control & 0x7 == 0, plan.byte()),
            3 => buffer.require_key_frame(),
            4 => buffer.set_round_trip(Duration::from_millis(plan.byte().into())),
            // One from the middle: overtaken, repeated, or sent again long after.
            5 => sender.bring(&mut buffer, plan.byte().into(), control & 0x8 != 0, now),
            // Some in order.
            _ => (0..control >> 3).for_each(|_| sender.bring(&mut buffer, 0, false, now)),
        }
        while let Some(picture) = buffer.pop(now) {
            let number = sender.number_of(&picture);
            let follows = last.is_some_and(|last| number == last + 1);
            assert!(picture.unit.key_frame || follows, "{number} after {last:?}");
            last = Some(number);
        }
        let _ = buffer.take_key_frame_request(now);
    }
}

#[derive(Default)]
struct Sender {
    sequence: u16,
    sent: Vec<Bytes>,
    on_the_way: Vec<ReceivedPacket>,
}

impl Sender {
    fn send(&mut self, key_frame: bool, size: u8) {
        let number = self.sent.len();
        let mut unit = Vec::new();
        if key_frame {
            unit.extend_from_slice(&[0, 0, 0, 1, 0x67, 66, 224, 31, 0, 0, 0, 1, 0x68, 206]);
        }
        unit.extend_from_slice(&[0, 0, 0, 1, if key_frame { 0x65 } else { 0x41 }]);
        unit.extend((0..=usize::from(size) * 2).map(|at| (number + at) as u8 | 1));
        let unit = Bytes::from(unit);
        let payloads = packetize(&unit, 100);
        let count = payloads.len();
        for (index, payload) in payloads.into_iter().enumerate() {
            self.on_the_way.push(ReceivedPacket {
                sequence: self.sequence,
                rtp_time: RtpTime(number as u32 * STEP),
                marker: index + 1 == count,
                payload,
                arrived: ArrivalTime(*START),
                redundant: false,
            });
            self.sequence = self.sequence.wrapping_add(1);
        }
        self.sent.push(unit);
        let too_many = self.on_the_way.len().saturating_sub(ON_THE_WAY_MAX);
        self.on_the_way.drain(..too_many);
    }

    fn bring(&mut self, buffer: &mut FrameBuffer, at: usize, again: bool, now: std::time::Instant) {
        if self.on_the_way.is_empty() {
            return;
        }
        let at = at % self.on_the_way.len();
        let mut packet = if again {
            self.on_the_way[at].clone()
        } else {
            self.on_the_way.remove(at)
        };
        packet.arrived = ArrivalTime(now);
        buffer.insert(packet);
    }

    fn number_of(&self, picture: &CompletePicture) -> usize {
        let number = (picture.rtp_time.0 / STEP) as usize;
        assert_eq!(picture.unit.data, self.sent[number], "picture {number}");
        number
    }
}
