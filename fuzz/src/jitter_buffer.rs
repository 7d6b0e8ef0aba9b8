//! Sound packets in any order, with any numbers, at any time, holding anything.

use crate::bytes::Plan;
use crate::start::START;
use bytes::Bytes;
use parley_media::audio::BLOCK_SAMPLES;
use parley_media::audio::jitter::JitterBuffer;
use parley_media::packet::ReceivedPacket;
use parley_media::time::{ArrivalTime, RtpTime};
use std::time::Duration;

/// Whatever comes: each pull gives ten milliseconds of finite sound, and the figures stay figures.
pub(crate) fn jitter_buffer(data: &[u8]) {
    let mut plan = Plan(data);
    // No memory for a decoder is no fault of the buffer.
    let Ok(mut buffer) = JitterBuffer::new() else {
        return;
    };
    let mut now = *START;
    let mut packets = 0u64;
    let mut block = [0.0; BLOCK_SAMPLES];
    while !plan.is_over() {
        let control = plan.byte();
        now += Duration::from_millis(u64::from(control >> 4) * 3);
        if control & 0x3 == 0 {
            block.fill(f32::NAN);
            buffer.pull(now, &mut block);
            assert!(
                block.iter().all(|sample| sample.is_finite()),
                "sound that is none"
            );
        } else {
            packets += 1;
            buffer.insert(&packet(&mut plan, control & 0xf, now));
        }
    }
    let counters = buffer.counters();
    assert_eq!(counters.received, packets, "{counters:?}");
    assert!(buffer.jitter_ms().is_finite() && buffer.delay_ms().is_finite());
    assert!((0.0..=100.0).contains(&buffer.concealed_pct()));
}

fn packet(plan: &mut Plan<'_>, kind: u8, now: std::time::Instant) -> ReceivedPacket {
    // Mostly numbers near each other, as a real stream has; sometimes anything.
    let sequence = if kind & 0x4 == 0 {
        u16::from(plan.byte())
    } else {
        plan.u16()
    };
    let rtp_time = if kind & 0x8 == 0 {
        u32::from(sequence).wrapping_mul(960)
    } else {
        u32::from(plan.u16()) << 16 | u32::from(plan.u16())
    };
    let length = usize::from(plan.byte());
    ReceivedPacket {
        sequence,
        rtp_time: RtpTime(rtp_time),
        marker: kind & 0x1 == 1,
        payload: Bytes::copy_from_slice(plan.take(length)),
        arrived: ArrivalTime(now),
        redundant: kind & 0x3 == 3,
    }
}
