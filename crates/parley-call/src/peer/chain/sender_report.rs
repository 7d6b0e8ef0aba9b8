//! Sender reports (RFC 3550, 6.4.1) that tell the time of capture, in place of the library's.
//!
//! The other side puts sound and picture together by these reports. webrtc 0.21.1 pairs the RTP time of a packet with the
//! moment it entered the chain, which differs between sound and picture by what their encoders take. Here the pair comes
//! from the capture clock itself.

use super::{Lanes, Link};
use rtc::interceptor::{AttributedPacket, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::sender_report::SenderReport;
use rtc::shared::TransportContext;
use rtc::shared::time::SystemInstant;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often each stream reports. The first report goes with the first packet, so that sync starts at once.
const INTERVAL: Duration = Duration::from_secs(1);
/// A difference between the clocks larger than this is a new start and no drift.
const STEP_S: f64 = 0.1;

/// Which RTP time belongs to which moment of capture, for one stream. Written by the pump, read for the reports.
#[derive(Debug)]
pub(in crate::peer) struct CaptureClock {
    hz: f64,
    point: Mutex<Option<(Instant, u32)>>,
}

impl CaptureClock {
    pub(in crate::peer) fn new(hz: u32) -> Self {
        Self {
            hz: f64::from(hz),
            point: Mutex::new(None),
        }
    }

    /// What was captured at `captured` carries `rtp_time`. Single deviations are smoothed: a sound card tells its times
    /// in the rhythm of its buffers.
    pub(in crate::peer) fn observe(&self, captured: Instant, rtp_time: u32) {
        let mut point = self.point.lock().unwrap_or_else(PoisonError::into_inner);
        *point = Some((smoothed(*point, captured, rtp_time, self.hz), rtp_time));
    }

    /// The RTP time of what would be captured now.
    fn rtp_time(&self, now: Instant) -> Option<u32> {
        let point = *self.point.lock().unwrap_or_else(PoisonError::into_inner);
        let (captured, rtp_time) = point?;
        let ticks = now.saturating_duration_since(captured).as_secs_f64() * self.hz;
        // Through 64 bits, because a conversion to 32 would stop at their end, after half a day of silence.
        Some(rtp_time.wrapping_add(ticks as u64 as u32))
    }
}

fn smoothed(point: Option<(Instant, u32)>, captured: Instant, rtp_time: u32, hz: f64) -> Instant {
    let Some((then, earlier)) = point else {
        return captured;
    };
    let ticks = rtp_time.wrapping_sub(earlier) as i32;
    if ticks < 0 {
        return captured;
    }
    let predicted = then + Duration::from_secs_f64(f64::from(ticks) / hz);
    let (late, early) = (
        captured.saturating_duration_since(predicted),
        predicted.saturating_duration_since(captured),
    );
    if late.max(early).as_secs_f64() > STEP_S {
        return captured;
    }
    predicted + late / 16 - early / 16
}

/// One stream of ours.
struct Stream {
    clock: Arc<CaptureClock>,
    packets: u32,
    octets: u32,
    next: Option<Instant>,
}

/// See the module.
pub(in crate::peer) struct SenderReports {
    wall: SystemInstant,
    clocks: HashMap<u32, Arc<CaptureClock>>,
    streams: HashMap<u32, Stream>,
}

impl SenderReports {
    /// Reports for the streams whose SSRC is in `clocks`. `wall` ties the monotonic clock to the time of day.
    pub(in crate::peer) fn new(wall: SystemInstant, clocks: HashMap<u32, Arc<CaptureClock>>) -> Self {
        Self {
            wall,
            clocks,
            streams: HashMap::new(),
        }
    }
}

impl Link for SenderReports {
    fn on_sent(&mut self, packet: TaggedPacket, lanes: &mut Lanes) {
        if let Packet::Rtp(rtp) = &packet.message.packet
            && let Some(stream) = self.streams.get_mut(&rtp.header.ssrc)
        {
            stream.packets = stream.packets.wrapping_add(1);
            stream.octets = stream.octets.wrapping_add(rtp.payload.len() as u32);
            stream.next.get_or_insert(packet.now);
        }
        let now = packet.now;
        lanes.outward.push_back(packet);
        self.on_time(now, lanes);
    }

    fn on_time(&mut self, now: Instant, lanes: &mut Lanes) {
        for (ssrc, stream) in &mut self.streams {
            if stream.next.is_none_or(|next| now < next) {
                continue;
            }
            stream.next = Some(now + INTERVAL);
            let Some(rtp_time) = stream.clock.rtp_time(now) else {
                continue;
            };
            let report = SenderReport {
                ssrc: *ssrc,
                ntp_time: self.wall.ntp(now),
                rtp_time,
                packet_count: stream.packets,
                octet_count: stream.octets,
                ..Default::default()
            };
            lanes.outward.push_back(TaggedPacket {
                now,
                transport: TransportContext::default(),
                message: AttributedPacket::new(Packet::Rtcp(vec![Box::new(report)])),
            });
        }
    }

    fn next_time(&self) -> Option<Instant> {
        self.streams.values().filter_map(|stream| stream.next).min()
    }

    fn bind_local(&mut self, stream: &StreamInfo) {
        if let Some(clock) = self.clocks.get(&stream.ssrc) {
            let state = Stream {
                clock: Arc::clone(clock),
                packets: 0,
                octets: 0,
                next: None,
            };
            self.streams.insert(stream.ssrc, state);
        }
    }

    fn unbind_local(&mut self, stream: &StreamInfo) {
        self.streams.remove(&stream.ssrc);
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::super::testing::{audio_stream, rtp_packet, video_stream};
    use super::*;

    fn reports(lanes: &mut Lanes) -> Vec<SenderReport> {
        lanes
            .outward
            .drain(..)
            .filter_map(|packet| match packet.message.packet {
                Packet::Rtcp(parts) => parts[0].as_any().downcast_ref::<SenderReport>().cloned(),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn sound_and_picture_captured_together_are_reported_together() {
        let start = Instant::now();
        let (audio, video) = (
            Arc::new(CaptureClock::new(48_000)),
            Arc::new(CaptureClock::new(90_000)),
        );
        let clocks = [(1, Arc::clone(&audio)), (2, Arc::clone(&video))]
            .into_iter()
            .collect();
        let mut link = SenderReports::new(SystemInstant::now(start), clocks);
        link.bind_local(&audio_stream(1));
        link.bind_local(&video_stream(2, None, &[]));
        // Captured at the same moment; the sound reaches the chain after 25 ms, the picture after 60 ms.
        audio.observe(start, 1000);
        video.observe(start, 5000);
        let mut lanes = Lanes::default();
        link.on_sent(
            rtp_packet(start + Duration::from_millis(25), 1, 1, b"opus"),
            &mut lanes,
        );
        link.on_sent(
            rtp_packet(start + Duration::from_millis(60), 2, 1, b"h264"),
            &mut lanes,
        );
        let now = start + Duration::from_millis(2000);
        assert_eq!(
            reports(&mut lanes).len(),
            2,
            "the first reports go with the first packets"
        );
        link.on_time(now, &mut lanes);
        let mut both = reports(&mut lanes);
        both.sort_by_key(|report| report.ssrc);
        assert_eq!(both[0].ntp_time, both[1].ntp_time);
        assert_eq!(
            (both[0].rtp_time, both[1].rtp_time),
            (1000 + 96_000, 5000 + 180_000)
        );
        assert_eq!((both[0].packet_count, both[0].octet_count), (1, 4));
        assert_eq!(link.next_time(), Some(now + INTERVAL));
    }

    #[test]
    fn the_time_goes_on_through_a_day_of_silence() {
        let clock = CaptureClock::new(90_000);
        let start = Instant::now();
        clock.observe(start, 7);
        let (day, ticks) = (Duration::from_secs(24 * 3600), 24 * 3600 * 90_000_u64);
        assert_eq!(clock.rtp_time(start + day), Some((ticks + 7) as u32));
    }

    #[test]
    fn nothing_is_reported_of_a_stream_that_sent_nothing() {
        let clock = Arc::new(CaptureClock::new(48_000));
        let mut link = SenderReports::new(
            SystemInstant::now(Instant::now()),
            [(1, clock)].into_iter().collect(),
        );
        link.bind_local(&audio_stream(1));
        let mut lanes = Lanes::default();
        link.on_time(Instant::now() + Duration::from_secs(9), &mut lanes);
        assert!(lanes.outward.is_empty());
    }

    #[test]
    fn the_rhythm_of_a_sound_card_is_smoothed_and_a_step_is_followed() {
        let clock = CaptureClock::new(48_000);
        let start = Instant::now() + Duration::from_secs(1);
        for n in 0..500u32 {
            let uneven = Duration::from_millis(if n % 2 == 0 { 0 } else { 8 });
            clock.observe(start + Duration::from_millis(20) * n + uneven, n * 960);
        }
        let end = start + Duration::from_millis(10_000);
        let off = f64::from(clock.rtp_time(end).unwrap().wrapping_sub(500 * 960) as i32) / 48.0;
        assert!((-8.0..=0.0).contains(&off), "{off} ms");
        clock.observe(end + Duration::from_secs(5), 500 * 960);
        assert_eq!(clock.rtp_time(end + Duration::from_secs(5)), Some(500 * 960));
    }
}
