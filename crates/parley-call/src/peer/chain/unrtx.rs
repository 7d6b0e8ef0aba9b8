//! Turns retransmissions (RFC 4588) back into what was lost, before the NACK generator looks.
//!
//! webrtc 0.21.1 does that only behind its interceptors: its NACK generator never sees that the packet came, and asks
//! again every 100 ms without end. Forty lost packets made Chromium send 1,400 again. Padding, which browsers and our server send
//! in this stream to learn the bandwidth, passes as it came: its arrival is to be reported ([`padding`](super::padding)).

use super::{Lanes, Link};
use crate::peer::meter::Meter;
use rtc::interceptor::{Attribute, Packet, StreamInfo, TaggedPacket};
use std::collections::HashMap;
use std::sync::Arc;

/// The stream that a retransmission belongs to.
#[derive(Debug, Clone, Copy)]
struct Primary {
    ssrc: u32,
    payload_type: u8,
}

/// See the module.
pub(in crate::peer) struct UnRtx {
    primaries: HashMap<u32, Primary>,
    meter: Arc<Meter>,
}

impl UnRtx {
    pub(in crate::peer) fn new(meter: Arc<Meter>) -> Self {
        Self {
            primaries: HashMap::new(),
            meter,
        }
    }
}

impl Link for UnRtx {
    fn on_received(&mut self, mut packet: TaggedPacket, lanes: &mut Lanes) {
        if let Packet::Rtp(rtp) = &mut packet.message.packet
            && let Some(primary) = self.primaries.get(&rtp.header.ssrc)
            && let Some(original) = rtp.payload.first_chunk::<2>()
        {
            rtp.header.sequence_number = u16::from_be_bytes(*original);
            rtp.header.ssrc = primary.ssrc;
            rtp.header.payload_type = primary.payload_type;
            rtp.header.padding = false;
            rtp.payload = rtp.payload.slice(2..);
            packet.message.add(Attribute::Retransmission);
            self.meter.retransmissions_received.one();
        }
        lanes.inward.push_back(packet);
    }

    fn bind_remote(&mut self, stream: &StreamInfo) {
        if let Some(rtx) = stream.ssrc_rtx {
            let primary = Primary {
                ssrc: stream.ssrc,
                payload_type: stream.payload_type,
            };
            self.primaries.insert(rtx, primary);
        }
    }

    fn unbind_remote(&mut self, stream: &StreamInfo) {
        if let Some(rtx) = stream.ssrc_rtx {
            self.primaries.remove(&rtx);
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::super::testing::{drain_in, drain_out, rtp_packet, video_stream};
    use super::super::{Linked, UNRTX_SLOT};
    use super::*;
    use rtc::interceptor::{Interceptor, NackGeneratorBuilder, Registry, Slot};
    use rtc::sansio::Protocol;
    use std::time::{Duration, Instant};

    const PRIMARY: u32 = 1;
    const RTX: u32 = 2;

    /// Packets 1, 2, 4 come, 3 is lost and comes again as a retransmission 30 ms after it was asked for: how often is it
    /// asked for within two seconds?
    fn requests_for_one_lost_packet(cured: bool) -> usize {
        let start = Instant::now();
        let mut registry = Registry::new().with(Slot::NackGenerator, NackGeneratorBuilder::new().build());
        if cured {
            let link = UnRtx::new(Arc::new(Meter::default()));
            registry = registry.with(Slot::from(UNRTX_SLOT), Linked::new(link));
        }
        let mut chain = registry.build();
        chain.bind_remote_stream(&video_stream(PRIMARY, Some(RTX), &[]));
        for sequence in [1, 2, 4] {
            chain
                .handle_read(rtp_packet(start, PRIMARY, sequence, b"x"))
                .unwrap();
        }
        let mut requests = 0;
        for ms in (0..2000).step_by(10) {
            let now = start + Duration::from_millis(ms);
            chain.handle_timeout(now).unwrap();
            let asked = drain_out(&mut chain).len();
            if asked > 0 && requests == 0 {
                let mut again = rtp_packet(now + Duration::from_millis(30), RTX, 900, &[0, 3, b'x']);
                if let Packet::Rtp(rtp) = &mut again.message.packet {
                    rtp.header.payload_type = 97;
                }
                chain.handle_read(again).unwrap();
            }
            requests += asked;
            drain_in(&mut chain);
        }
        requests
    }

    #[test]
    fn a_packet_that_came_again_is_not_asked_for_any_more() {
        assert_eq!(requests_for_one_lost_packet(true), 1);
    }

    #[test]
    fn the_bare_library_still_asks_for_ever() {
        // When this fails, the library was mended: drop the link.
        assert!(requests_for_one_lost_packet(false) > 10);
    }

    fn received(packet: TaggedPacket) -> Vec<TaggedPacket> {
        let meter = Arc::new(Meter::default());
        let mut chain = Registry::new()
            .with(Slot::from(UNRTX_SLOT), Linked::new(UnRtx::new(meter)))
            .build();
        chain.bind_remote_stream(&video_stream(PRIMARY, Some(RTX), &[]));
        chain.handle_read(packet).unwrap();
        drain_in(&mut chain)
    }

    #[test]
    fn a_retransmission_becomes_the_packet_that_was_lost() {
        let out = received(rtp_packet(Instant::now(), RTX, 900, &[0x12, 0x34, 7, 8]));
        let Packet::Rtp(rtp) = &out[0].message.packet else {
            panic!("no RTP")
        };
        assert_eq!(
            (
                rtp.header.ssrc,
                rtp.header.sequence_number,
                rtp.header.payload_type
            ),
            (PRIMARY, 0x1234, 96)
        );
        assert_eq!(&rtp.payload[..], [7, 8]);
    }

    #[test]
    fn padding_and_stubs_are_no_retransmissions() {
        for payload in [&[][..], &[1]] {
            let out = received(rtp_packet(Instant::now(), RTX, 900, payload));
            assert_eq!(super::super::rtp_of(&out[0]).unwrap().header.ssrc, RTX);
        }
    }

    #[test]
    fn other_streams_pass_untouched() {
        let out = received(rtp_packet(Instant::now(), PRIMARY, 5, &[0x12, 0x34]));
        assert_eq!(super::super::rtp_of(&out[0]).unwrap().header.sequence_number, 5);
    }
}
