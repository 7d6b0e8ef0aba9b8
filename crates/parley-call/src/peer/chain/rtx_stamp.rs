//! Stamps retransmissions with MID and, in simulcast, the repaired RID (RFC 8852, RFC 8843).
//!
//! The NACK responder of webrtc 0.21.1 makes retransmissions without any header extension. Whoever tells streams apart by
//! MID and RID (an SFU, a browser before it saw the SSRC) cannot place them, and the loss is never mended.

use super::{Lanes, Link, extension_id};
use bytes::Bytes;
use rtc::interceptor::{Packet, StreamInfo, TaggedPacket};
use rtc::sdp::extmap::{SDES_MID_URI, SDES_REPAIR_RTP_STREAM_ID_URI, SDES_RTP_STREAM_ID_URI};
use std::collections::HashMap;

/// What the packets of a stream carried last, and under which numbers it must go again.
#[derive(Debug, Default, Clone)]
struct Stamps {
    mid_id: Option<u8>,
    rid_id: Option<u8>,
    repaired_rid_id: Option<u8>,
    mid: Option<Bytes>,
    rid: Option<Bytes>,
}

/// See the module. MID and RID are learned from the first transmissions that pass here.
#[derive(Debug, Default)]
pub(in crate::peer) struct RtxStamp {
    streams: HashMap<u32, Stamps>,
    /// SSRC of the retransmissions -> SSRC of the stream.
    primaries: HashMap<u32, u32>,
}

impl Link for RtxStamp {
    fn on_sent(&mut self, mut packet: TaggedPacket, lanes: &mut Lanes) {
        if let Packet::Rtp(rtp) = &mut packet.message.packet {
            let header = &mut rtp.header;
            if let Some(stamps) = self.streams.get_mut(&header.ssrc) {
                if let Some(mid) = stamps.mid_id.and_then(|id| header.get_extension(id)) {
                    stamps.mid = Some(mid);
                }
                if let Some(rid) = stamps.rid_id.and_then(|id| header.get_extension(id)) {
                    stamps.rid = Some(rid);
                }
            } else if let Some(stamps) = self
                .primaries
                .get(&header.ssrc)
                .and_then(|ssrc| self.streams.get(ssrc))
            {
                for (id, value) in [
                    (stamps.mid_id, &stamps.mid),
                    (stamps.repaired_rid_id, &stamps.rid),
                ] {
                    if let (Some(id), Some(value)) = (id, value)
                        && let Err(error) = header.set_extension(id, value.clone())
                    {
                        tracing::debug!(%error, "a retransmission goes without a stamp");
                    }
                }
            }
        }
        lanes.outward.push_back(packet);
    }

    fn bind_local(&mut self, stream: &StreamInfo) {
        let stamps = Stamps {
            mid_id: extension_id(stream, SDES_MID_URI),
            rid_id: extension_id(stream, SDES_RTP_STREAM_ID_URI),
            repaired_rid_id: extension_id(stream, SDES_REPAIR_RTP_STREAM_ID_URI),
            ..Stamps::default()
        };
        self.streams.insert(stream.ssrc, stamps);
        if let Some(rtx) = stream.ssrc_rtx {
            self.primaries.insert(rtx, stream.ssrc);
        }
    }

    fn unbind_local(&mut self, stream: &StreamInfo) {
        self.streams.remove(&stream.ssrc);
        self.primaries.retain(|_, primary| *primary != stream.ssrc);
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::super::testing::{drain_out, rtp_packet, tagged, video_stream};
    use super::super::{Linked, RTX_STAMP_SLOT, rtp_of};
    use super::*;
    use rtc::interceptor::{Interceptor, NackResponderBuilder, Registry, Slot};
    use rtc::rtcp::transport_feedbacks::transport_layer_nack::{NackPair, TransportLayerNack};
    use rtc::sansio::Protocol;
    use std::time::Instant;

    const EXTENSIONS: [(&str, u16); 3] = [
        (SDES_MID_URI, 3),
        (SDES_RTP_STREAM_ID_URI, 4),
        (SDES_REPAIR_RTP_STREAM_ID_URI, 5),
    ];

    /// Sends packet 7 with MID "0" and RID "h", has it asked for again, and gives what is sent then.
    fn retransmission(cured: bool) -> TaggedPacket {
        let now = Instant::now();
        let mut registry = Registry::new().with(Slot::NackResponder, NackResponderBuilder::new().build());
        if cured {
            registry = registry.with(Slot::from(RTX_STAMP_SLOT), Linked::new(RtxStamp::default()));
        }
        let mut chain = registry.build();
        chain.bind_local_stream(&video_stream(1, Some(2), &EXTENSIONS));
        let mut packet = rtp_packet(now, 1, 7, b"picture");
        if let Packet::Rtp(rtp) = &mut packet.message.packet {
            rtp.header.set_extension(3, Bytes::from_static(b"0")).unwrap();
            rtp.header.set_extension(4, Bytes::from_static(b"h")).unwrap();
        }
        chain.handle_write(packet).unwrap();
        drain_out(&mut chain);
        let nack = TransportLayerNack {
            sender_ssrc: 9,
            media_ssrc: 1,
            nacks: vec![NackPair {
                packet_id: 7,
                lost_packets: 0,
            }],
        };
        chain
            .handle_read(tagged(now, Packet::Rtcp(vec![Box::new(nack)])))
            .unwrap();
        drain_out(&mut chain).remove(0)
    }

    fn extensions_of(packet: &TaggedPacket) -> Vec<(u8, Vec<u8>)> {
        let header = &rtp_of(packet).unwrap().header;
        assert_eq!(header.ssrc, 2, "it goes in the RTX stream");
        header
            .get_extension_ids()
            .into_iter()
            .map(|id| (id, header.get_extension(id).unwrap().to_vec()))
            .collect()
    }

    #[test]
    fn retransmissions_carry_mid_and_repaired_rid() {
        assert_eq!(
            extensions_of(&retransmission(true)),
            [(3, b"0".to_vec()), (5, b"h".to_vec())]
        );
    }

    #[test]
    fn the_bare_library_still_sends_them_without() {
        // When this fails, the library was mended: drop the link.
        assert!(extensions_of(&retransmission(false)).is_empty());
    }
}
