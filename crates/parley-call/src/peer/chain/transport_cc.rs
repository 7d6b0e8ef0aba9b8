//! Numbers every packet that leaves across all streams, and hears what became of it, in place of the library's two interceptors for that
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01).
//!
//! The library's numbers no retransmission, because only primary streams are announced to it, and tells its estimator less than the
//! reports say (`peer/estimate.rs`). An other side that reports on no packets may still tell its own estimate
//! (draft-alvestrand-rmcat-remb-03).

use super::{Lanes, Link, extension_id};
use crate::peer::estimate::{Congestion, InProbe};
use bytes::Bytes;
use rtc::interceptor::{Packet, StreamInfo, TaggedPacket};
use rtc::rtcp;
use rtc::rtcp::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
use rtc::rtcp::transport_feedbacks::transport_layer_cc::{
    PacketStatusChunk, SymbolTypeTcc, TransportLayerCc,
};
use rtc::sdp::extmap::TRANSPORT_CC_URI;
use rtc::shared::marshal::MarshalSize;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// One step of a report's reference time.
const REFERENCE_STEP: Duration = Duration::from_millis(64);

/// See the module.
pub(in crate::peer) struct TransportCc {
    congestion: Congestion,
    next: u16,
    /// The extension's number on each of our streams, those of retransmissions among them.
    streams: HashMap<u32, u8>,
}

impl TransportCc {
    pub(in crate::peer) fn new(congestion: Congestion) -> Self {
        Self {
            congestion,
            next: 1,
            streams: HashMap::new(),
        }
    }

    fn hear(&self, now: Instant, packet: &dyn rtcp::Packet) {
        let packet = packet.as_any();
        if let Some(report) = packet.downcast_ref::<TransportLayerCc>() {
            self.congestion.report(now, &statuses(report));
        } else if let Some(remb) = packet.downcast_ref::<ReceiverEstimatedMaximumBitrate>() {
            self.congestion.remb(now, f64::from(remb.bitrate));
        }
    }
}

impl Link for TransportCc {
    fn on_received(&mut self, packet: TaggedPacket, lanes: &mut Lanes) {
        if let Packet::Rtcp(compound) = &packet.message.packet {
            for part in compound {
                self.hear(packet.now, part.as_ref());
            }
        }
        lanes.inward.push_back(packet);
    }

    fn on_sent(&mut self, mut packet: TaggedPacket, lanes: &mut Lanes) {
        let probe = packet.message.custom::<InProbe>().copied();
        if let Packet::Rtp(rtp) = &mut packet.message.packet
            && let Some(id) = self.streams.get(&rtp.header.ssrc)
        {
            let number = self.next;
            let value = Bytes::copy_from_slice(&number.to_be_bytes());
            match rtp.header.set_extension(*id, value) {
                Ok(()) => {
                    self.next = self.next.wrapping_add(1);
                    self.congestion
                        .sent(packet.now, number, rtp.marshal_size(), probe);
                }
                Err(error) => tracing::debug!(%error, "a packet goes without a number"),
            }
        }
        lanes.outward.push_back(packet);
    }

    fn bind_local(&mut self, stream: &StreamInfo) {
        if let Some(id) = extension_id(stream, TRANSPORT_CC_URI) {
            self.streams.insert(stream.ssrc, id);
            self.streams.extend(stream.ssrc_rtx.map(|rtx| (rtx, id)));
        }
    }

    fn unbind_local(&mut self, stream: &StreamInfo) {
        self.streams.remove(&stream.ssrc);
        if let Some(rtx) = stream.ssrc_rtx {
            self.streams.remove(&rtx);
        }
    }
}

/// What a report says, no more than it claims to: its last chunk is filled up. A packet that came without a time says nothing.
fn statuses(report: &TransportLayerCc) -> Vec<(u16, Option<Duration>)> {
    let symbols = report.packet_chunks.iter().flat_map(|chunk| match chunk {
        PacketStatusChunk::RunLengthChunk(run) => {
            vec![run.packet_status_symbol; usize::from(run.run_length)]
        }
        PacketStatusChunk::StatusVectorChunk(vector) => vector.symbol_list.clone(),
    });
    let mut arrival = i64::try_from((REFERENCE_STEP * report.reference_time).as_micros()).unwrap_or(0);
    let mut deltas = report.recv_deltas.iter();
    symbols
        .take(usize::from(report.packet_status_count))
        .enumerate()
        .filter_map(|(n, symbol)| {
            let number = report.base_sequence_number.wrapping_add(n as u16);
            match symbol {
                SymbolTypeTcc::PacketNotReceived => Some((number, None)),
                SymbolTypeTcc::PacketReceivedWithoutDelta => None,
                SymbolTypeTcc::PacketReceivedSmallDelta | SymbolTypeTcc::PacketReceivedLargeDelta => {
                    arrival = arrival.saturating_add(deltas.next()?.delta);
                    let arrived = Duration::from_micros(u64::try_from(arrival).unwrap_or(0));
                    Some((number, Some(arrived)))
                }
            }
        })
        .collect()
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::super::testing::{drain_out, rtp_packet, tagged, video_stream};
    use super::super::{Linked, rtp_of};
    use super::*;
    use crate::peer::estimate::Bounds;
    use parley_proto::Bitrate;
    use rtc::interceptor::{
        CongestionControlBuilder, ConstantBitrate, Interceptor, Registry, Slot, TwccSenderBuilder,
    };
    use rtc::rtcp::transport_feedbacks::transport_layer_cc::{
        RecvDelta, RunLengthChunk, StatusChunkTypeTcc, StatusVectorChunk, SymbolSizeTypeTcc,
    };
    use rtc::sansio::Protocol;

    const BOUNDS: Bounds = Bounds {
        start: Bitrate::from_kbps(1_000),
        min: Bitrate::from_kbps(100),
        max: Bitrate::from_kbps(5_000),
    };

    /// The numbers under which a packet of a stream and one of its retransmissions leave.
    fn numbers(own: bool) -> Vec<Option<Vec<u8>>> {
        let now = Instant::now();
        let (congestion, ..) = Congestion::new(BOUNDS, now);
        let registry = if own {
            Registry::new().with(Slot::CongestionControl, Linked::new(TransportCc::new(congestion)))
        } else {
            Registry::new()
                .with(
                    Slot::CongestionControl,
                    CongestionControlBuilder::new(ConstantBitrate::new(1e6)).build(),
                )
                .with(Slot::TwccSender, TwccSenderBuilder::new().build())
        };
        let mut chain = registry.build();
        chain.bind_local_stream(&video_stream(1, Some(2), &[(TRANSPORT_CC_URI, 5)]));
        for ssrc in [1, 2] {
            chain.handle_write(rtp_packet(now, ssrc, 7, b"picture")).unwrap();
        }
        drain_out(&mut chain)
            .iter()
            .map(|packet| Some(rtp_of(packet)?.header.get_extension(5)?.to_vec()))
            .collect()
    }

    #[test]
    fn retransmissions_are_numbered_like_everything_else() {
        assert_eq!(numbers(true), [Some(vec![0, 1]), Some(vec![0, 2])]);
    }

    #[test]
    fn the_bare_library_still_numbers_no_retransmission() {
        // When this fails, the library was mended: its numbering could be used again.
        let numbers = numbers(false);
        assert!(numbers[0].is_some() && numbers[1].is_none(), "{numbers:?}");
    }

    fn report() -> TransportLayerCc {
        use SymbolTypeTcc::{PacketNotReceived as Lost, PacketReceivedSmallDelta as Came};
        TransportLayerCc {
            base_sequence_number: u16::MAX,
            packet_status_count: 5,
            reference_time: 2,
            packet_chunks: vec![
                PacketStatusChunk::RunLengthChunk(RunLengthChunk {
                    type_tcc: StatusChunkTypeTcc::RunLengthChunk,
                    packet_status_symbol: Came,
                    run_length: 2,
                }),
                PacketStatusChunk::StatusVectorChunk(StatusVectorChunk {
                    type_tcc: StatusChunkTypeTcc::StatusVectorChunk,
                    symbol_size: SymbolSizeTypeTcc::TwoBit,
                    symbol_list: vec![Lost, Came, Came, Lost, Lost, Lost, Lost],
                }),
            ],
            recv_deltas: [1_000, 2_000, -250]
                .map(|delta| RecvDelta {
                    type_tcc_packet: Came,
                    delta,
                })
                .to_vec(),
            ..Default::default()
        }
    }

    #[test]
    fn a_report_is_read_as_far_as_it_goes() {
        let at = |us: u64| Some(Duration::from_micros(128_000 + us));
        assert_eq!(
            statuses(&report()),
            [
                (u16::MAX, at(1_000)),
                (0, at(3_000)),
                (1, None),
                (2, at(2_750)),
                // The fifth claims to have come, and no time is left for it.
            ]
        );
    }

    #[test]
    fn remb_guides_while_no_packet_is_reported_on() {
        let now = Instant::now();
        let (congestion, estimate, _) = Congestion::new(BOUNDS, now);
        let mut chain = Registry::new()
            .with(Slot::CongestionControl, Linked::new(TransportCc::new(congestion)))
            .build();
        for (bitrate, expected_kbps) in [(2e6, 2_000), (f32::NAN, 2_000), (1e30, 5_000), (1.0, 100)] {
            let remb = ReceiverEstimatedMaximumBitrate {
                sender_ssrc: 1,
                bitrate,
                ssrcs: vec![1],
            };
            chain
                .handle_read(tagged(now, Packet::Rtcp(vec![Box::new(remb)])))
                .unwrap();
            assert_eq!(estimate.borrow().kbps(), expected_kbps);
        }
    }
}
