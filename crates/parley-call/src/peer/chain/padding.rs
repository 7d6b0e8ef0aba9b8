//! Where padding ends: packets without anything in them that come in a stream of retransmissions (RFC 4588), for the other side to
//! learn from their arrival what the way carries.
//!
//! Above whoever reports arrivals, which is what they were sent for: one that nobody reports counts as lost, and the other side takes the
//! way for a narrow one. Below the reports of loss, for the numbers of such a stream have holes where retransmissions were turned back
//! ([`unrtx`](super::unrtx)).

use super::{Lanes, Link};
use rtc::interceptor::{Packet, StreamInfo, TaggedPacket};
use std::collections::HashSet;

/// See the module.
#[derive(Default)]
pub(in crate::peer) struct Padding {
    rtx: HashSet<u32>,
}

impl Link for Padding {
    fn on_received(&mut self, packet: TaggedPacket, lanes: &mut Lanes) {
        let ends = match &packet.message.packet {
            Packet::Rtp(rtp) => self.rtx.contains(&rtp.header.ssrc),
            _ => false,
        };
        if !ends {
            lanes.inward.push_back(packet);
        }
    }

    fn bind_remote(&mut self, stream: &StreamInfo) {
        self.rtx.extend(stream.ssrc_rtx);
    }

    fn unbind_remote(&mut self, stream: &StreamInfo) {
        if let Some(rtx) = stream.ssrc_rtx {
            self.rtx.remove(&rtx);
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
    use super::super::unrtx::UnRtx;
    use super::super::{Linked, PADDING_SLOT, UNRTX_SLOT};
    use super::*;
    use crate::peer::meter::Meter;
    use bytes::Bytes;
    use rtc::interceptor::{Interceptor as _, Registry, Slot, TwccReceiverBuilder};
    use rtc::rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
    use rtc::sansio::Protocol as _;
    use rtc::sdp::extmap::TRANSPORT_CC_URI;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    const PRIMARY: u32 = 1;
    const RTX: u32 = 2;
    const NUMBER: u8 = 5;

    fn numbered(now: Instant, ssrc: u32, sequence: u16, payload: &[u8]) -> TaggedPacket {
        let mut packet = rtp_packet(now, ssrc, sequence, payload);
        if let Packet::Rtp(rtp) = &mut packet.message.packet {
            let value = Bytes::copy_from_slice(&sequence.to_be_bytes());
            rtp.header.set_extension(NUMBER, value).unwrap();
        }
        packet
    }

    #[test]
    fn padding_is_reported_to_whoever_sent_it_and_is_nothing_to_anybody_else() {
        let start = Instant::now();
        let mut chain = Registry::new()
            .with(
                Slot::from(UNRTX_SLOT),
                Linked::new(UnRtx::new(Arc::new(Meter::default()))),
            )
            .with(Slot::TwccReceiver, TwccReceiverBuilder::new().build())
            .with(Slot::from(PADDING_SLOT), Linked::new(Padding::default()))
            .build();
        chain.bind_remote_stream(&video_stream(
            PRIMARY,
            Some(RTX),
            &[(TRANSPORT_CC_URI, NUMBER.into())],
        ));
        chain.handle_read(numbered(start, PRIMARY, 0, b"x")).unwrap();
        for sequence in 1..=4 {
            chain.handle_read(numbered(start, RTX, sequence, &[])).unwrap();
        }
        chain.handle_read(numbered(start, RTX, 5, &[7])).unwrap();
        assert_eq!(drain_in(&mut chain).len(), 1, "the picture's packet alone");

        chain.handle_timeout(start + Duration::from_millis(200)).unwrap();
        let reports: Vec<u16> = drain_out(&mut chain)
            .iter()
            .filter_map(|packet| match &packet.message.packet {
                Packet::Rtcp(parts) => parts.iter().find_map(|part| {
                    let report = part.as_any().downcast_ref::<TransportLayerCc>()?;
                    Some(report.recv_deltas.len() as u16)
                }),
                _ => None,
            })
            .collect();
        assert_eq!(reports, [6], "all that came");
    }
}
