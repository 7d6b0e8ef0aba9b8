//! Sends again twice what a server asks for once.
//!
//! Where packets are lost all the time, requests and answers are lost as well. [`nack`](super::nack) asks twice within one round trip
//! there; a server on str0m asks once, looks every 33 ms whether to ask again, and whoever watches waits for both ways of the packet
//! on top. So each answer is followed by its twin, a little later, so that a run of lost packets does not take both. Over a way with a
//! queue the pacer below drops it.

use super::nack::twin_after;
use super::{Lanes, Link, is_audio};
use crate::peer::meter::Meter;
use rtc::interceptor::{Attribute, AttributedPacket, Packet, StreamInfo, TaggedPacket};
use rtc::rtp;
use rtc::shared::TransportContext;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// From this share of packets on that were asked for: twins are as much again, which is little while the share is.
const FROM: f32 = 0.02;
/// Packets over which the share is taken.
const PACKETS: f32 = 200.0;
/// Those that wait. More are not lost by chance; they go without a twin.
const WAITING_MAX: usize = 64;

/// See the module.
pub(in crate::peer) struct Twins {
    meter: Arc<Meter>,
    pictures: HashSet<u32>,
    share: f32,
    waiting: VecDeque<(Instant, rtp::Packet)>,
}

impl Twins {
    /// The round trip is read from the meter.
    pub(in crate::peer) fn new(meter: Arc<Meter>) -> Self {
        Self {
            meter,
            pictures: HashSet::new(),
            share: 0.0,
            waiting: VecDeque::new(),
        }
    }

    fn count(&mut self, was_asked_for: bool) {
        self.share += (f32::from(u8::from(was_asked_for)) - self.share) / PACKETS;
    }
}

impl Link for Twins {
    fn on_sent(&mut self, packet: TaggedPacket, lanes: &mut Lanes) {
        if let Packet::Rtp(rtp) = &packet.message.packet {
            let is_again = packet.message.has(&Attribute::Retransmission);
            if is_again || self.pictures.contains(&rtp.header.ssrc) {
                self.count(is_again);
            }
            if is_again && self.share >= FROM && self.waiting.len() < WAITING_MAX {
                let round_trip_ms = self.meter.round_trip_ms.get().clamp(0.0, 10_000.0);
                let pause = twin_after(Duration::from_secs_f32(round_trip_ms / 1000.0));
                self.waiting.push_back((packet.now + pause, rtp.clone()));
            }
        }
        lanes.outward.push_back(packet);
    }

    fn on_time(&mut self, now: Instant, lanes: &mut Lanes) {
        // In the order in which they came: the pause between changes slowly.
        while self.next_time().is_some_and(|at| at <= now)
            && let Some((_, twin)) = self.waiting.pop_front()
        {
            let mut message = AttributedPacket::new(Packet::Rtp(twin));
            message.add(Attribute::Retransmission);
            lanes.outward.push_back(TaggedPacket {
                now,
                transport: TransportContext::default(),
                message,
            });
        }
    }

    fn next_time(&self) -> Option<Instant> {
        self.waiting.front().map(|(at, _)| *at)
    }

    fn bind_local(&mut self, stream: &StreamInfo) {
        if !is_audio(stream) {
            self.pictures.insert(stream.ssrc);
        }
    }

    fn unbind_local(&mut self, stream: &StreamInfo) {
        self.pictures.remove(&stream.ssrc);
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::super::testing::{drain_out, rtp_packet, video_stream};
    use super::super::{Linked, rtp_of};
    use super::*;
    use rtc::interceptor::Interceptor as _;
    use rtc::sansio::Protocol as _;

    const VIDEO: u32 = 1;
    const RTX: u32 = 2;

    /// Sends 400 packets, each `one_in`th of which is asked for, and gives how often each of those was sent again, with the
    /// time between both.
    fn sent_again(one_in: u16) -> Vec<(u16, Vec<u128>)> {
        let meter = Arc::new(Meter::default());
        meter.round_trip_ms.set(40.0);
        let mut chain = Linked::new(Twins::new(meter));
        chain.bind_local_stream(&video_stream(VIDEO, Some(RTX), &[]));
        let start = Instant::now();
        let mut seen: Vec<(u16, Vec<u128>)> = Vec::new();
        for ms in 0..1_700u64 {
            let now = start + Duration::from_millis(ms);
            if ms % 4 == 0 && ms < 1_600 {
                let n = (ms / 4) as u16;
                chain.handle_write(rtp_packet(now, VIDEO, n, b"x")).unwrap();
                if n % one_in == 1 {
                    let mut again = rtp_packet(now, RTX, n, b"x");
                    again.message.add(Attribute::Retransmission);
                    chain.handle_write(again).unwrap();
                }
            }
            chain.handle_timeout(now).unwrap();
            for packet in drain_out(&mut chain) {
                let header = &rtp_of(&packet).unwrap().header;
                if header.ssrc == RTX {
                    let at = packet.now.duration_since(start).as_millis();
                    match seen.iter_mut().find(|(n, _)| *n == header.sequence_number) {
                        Some((_, times)) => times.push(at),
                        None => seen.push((header.sequence_number, vec![at])),
                    }
                }
            }
        }
        assert_eq!(chain.poll_timeout(), None, "nothing waits for ever");
        seen
    }

    #[test]
    fn what_is_lost_of_a_bad_way_is_sent_again_twice_with_a_pause_between() {
        let seen = sent_again(20);
        let (_, late) = seen.split_at(seen.len() / 2);
        for (n, times) in late {
            assert_eq!(times.len(), 2, "{n}");
            assert_eq!(times[1] - times[0], 10, "{n}: a quarter of the round trip");
        }
    }

    #[test]
    fn what_is_rarely_lost_is_sent_again_once() {
        for (n, times) in sent_again(100) {
            assert_eq!(times.len(), 1, "{n}");
        }
    }

    #[test]
    fn a_flood_of_requests_gets_few_twins() {
        let mut chain = Linked::new(Twins::new(Arc::new(Meter::default())));
        chain.bind_local_stream(&video_stream(VIDEO, Some(RTX), &[]));
        let now = Instant::now();
        for n in 0..10_000 {
            let mut again = rtp_packet(now, RTX, n, b"x");
            again.message.add(Attribute::Retransmission);
            chain.handle_write(again).unwrap();
        }
        assert_eq!(drain_out(&mut chain).len(), 10_000);
        chain.handle_timeout(now + Duration::from_secs(1)).unwrap();
        assert_eq!(drain_out(&mut chain).len(), WAITING_MAX);
    }
}
