//! Video packets in any order, with any numbers, at any time.

use crate::bytes::Plan;
use crate::start::START;
use bytes::Bytes;
use parley_media::packet::ReceivedPacket;
use parley_media::time::{ArrivalTime, RtpTime};
use parley_media::video::frame_buffer::FrameBuffer;
use std::time::{Duration, Instant};

/// Pictures come out with nothing made up: no more than packets went in, and a deadline never keeps the receiver spinning.
pub(crate) fn frame_buffer(data: &[u8]) {
    let mut plan = Plan(data);
    let mut buffer = FrameBuffer::new();
    let mut now = *START;
    let (mut packets, mut payload_bytes, mut picture_bytes) = (0u64, 0usize, 0usize);
    while !plan.is_over() {
        let control = plan.byte();
        now += Duration::from_millis(u64::from(control >> 4) * 7);
        match control & 0x7 {
            0 => buffer.require_key_frame(),
            1 => buffer.set_round_trip(Duration::from_millis(u64::from(plan.u16()))),
            kind => {
                let packet = packet(&mut plan, kind, now);
                packets += 1;
                payload_bytes += packet.payload.len();
                buffer.insert(packet);
            }
        }
        while let Some(picture) = buffer.pop(now) {
            picture_bytes += picture.unit.data.len();
        }
        let _ = buffer.take_key_frame_request(now);
        settle(&mut buffer, now);
    }
    let counters = buffer.counters();
    assert!(counters.pictures <= packets, "{counters:?}");
    // Each unit gains a start code; an aggregate spends at least three bytes on each of its units.
    assert!(
        picture_bytes <= payload_bytes * 3 + 8 * packets as usize,
        "{picture_bytes}"
    );
}

fn packet(plan: &mut Plan<'_>, kind: u8, now: Instant) -> ReceivedPacket {
    let sequence = if kind == 7 {
        plan.u16()
    } else {
        u16::from(plan.byte())
    };
    let rtp_time = RtpTime(u32::from(plan.byte()) * 3000);
    let length = usize::from(plan.byte());
    ReceivedPacket {
        sequence,
        rtp_time,
        marker: kind & 1 == 1,
        payload: Bytes::copy_from_slice(plan.take(length)),
        arrived: ArrivalTime(now),
        redundant: false,
    }
}

/// A deadline that has come must be gone once it was acted upon: otherwise the receiver would spin.
fn settle(buffer: &mut FrameBuffer, now: Instant) {
    if buffer.deadline().is_some_and(|deadline| deadline <= now) {
        while buffer.pop(now).is_some() {}
        let _ = buffer.take_key_frame_request(now);
        let deadline = buffer.deadline();
        assert!(
            deadline.is_none_or(|deadline| deadline > now),
            "a deadline that stays"
        );
    }
}
