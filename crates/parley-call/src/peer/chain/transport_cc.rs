//! Numbers every packet that leaves across all streams, and hears what became of it, in place of the library's two interceptors for that
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01).
//!
//! The library's numbers no retransmission, because only primary streams are announced to it, and tells its estimator less than the
//! reports say (`peer/estimate.rs`). An other side that reports on no packets may still tell its own estimate
//! (draft-alvestrand-rmcat-remb-03), and one that does not do that either sends receiver reports ([`Reports`]).

use super::reports::Reports;
use super::voice_fates::VoiceFates;
use super::{Lanes, Link, extension_id};
use crate::peer::estimate::{Congestion, InProbe};
use crate::peer::meter::Meter;
use bytes::Bytes;
use rtc::interceptor::{Packet, StreamInfo, TaggedPacket};
use rtc::rtcp;
use rtc::rtcp::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
use rtc::rtcp::transport_feedbacks::transport_layer_cc::{
    PacketStatusChunk, SymbolTypeTcc, TransportLayerCc,
};
use rtc::rtp;
use rtc::sdp::extmap::TRANSPORT_CC_URI;
use rtc::shared::marshal::MarshalSize;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One step of a report's reference time.
const REFERENCE_STEP: Duration = Duration::from_millis(64);
/// Packets that one datagram is believed to report on: as many as are remembered of what was sent. Sixteen bytes can claim to be about
/// four times as many, and there is room for many of those.
const STATUSES_MAX: usize = 16_384;

/// See the module.
pub(in crate::peer) struct TransportCc {
    congestion: Congestion,
    next: u16,
    /// The extension's number on each of our streams, those of retransmissions among them.
    streams: HashMap<u32, u8>,
    reports: Reports,
    voice: Option<Voice>,
}

/// The stream of one's own voice, and where it is told what becomes of it.
struct Voice {
    ssrc: u32,
    fates: VoiceFates,
    meter: Arc<Meter>,
}

impl TransportCc {
    pub(in crate::peer) fn new(congestion: Congestion) -> Self {
        Self {
            congestion,
            next: 1,
            streams: HashMap::new(),
            reports: Reports::default(),
            voice: None,
        }
    }

    /// From now on the meter is told what becomes of each packet of this stream.
    pub(in crate::peer) fn telling_of_voice(mut self, ssrc: u32, meter: Arc<Meter>) -> Self {
        self.voice = Some(Voice {
            ssrc,
            fates: VoiceFates::default(),
            meter,
        });
        self
    }

    /// One part of a datagram, of which `left` packets more are believed to be reported on.
    fn hear(&mut self, now: Instant, packet: &dyn rtcp::Packet, left: &mut usize) {
        let packet = packet.as_any();
        if let Some(report) = packet.downcast_ref::<TransportLayerCc>() {
            let statuses = statuses(report, *left);
            *left = left.saturating_sub(usize::from(report.packet_status_count));
            self.congestion.report(now, &statuses);
            if let Some(voice) = &mut self.voice {
                voice.meter.voice_fates.add(voice.fates.report(now, &statuses));
            }
        } else if let Some(remb) = packet.downcast_ref::<ReceiverEstimatedMaximumBitrate>() {
            self.congestion.remb(now, f64::from(remb.bitrate));
        }
    }
}

impl TransportCc {
    fn send(&mut self, now: Instant, rtp: &mut rtp::Packet, probe: Option<InProbe>) {
        let number = self.next;
        let is_numbered = self.streams.get(&rtp.header.ssrc).is_some_and(|id| {
            let value = Bytes::copy_from_slice(&number.to_be_bytes());
            let set = rtp.header.set_extension(*id, value);
            if let Err(error) = &set {
                tracing::debug!(%error, "a packet goes without a number");
            }
            set.is_ok()
        });
        let bytes = rtp.marshal_size();
        if is_numbered {
            self.next = self.next.wrapping_add(1);
            self.congestion.sent(now, number, bytes, probe);
            if let Some(voice) = self.voice.as_mut().filter(|voice| voice.ssrc == rtp.header.ssrc) {
                voice.fates.sent(now, number);
            }
        } else {
            self.congestion.sent_unnumbered(now, bytes);
        }
    }
}

impl Link for TransportCc {
    fn on_received(&mut self, packet: TaggedPacket, lanes: &mut Lanes) {
        if let Packet::Rtcp(compound) = &packet.message.packet {
            let mut left = STATUSES_MAX;
            for part in compound {
                self.hear(packet.now, part.as_ref(), &mut left);
            }
            let streams = self.reports.read(packet.now, compound);
            if !streams.is_empty() {
                self.congestion.reception(packet.now, &streams);
            }
        }
        lanes.inward.push_back(packet);
    }

    fn on_sent(&mut self, mut packet: TaggedPacket, lanes: &mut Lanes) {
        let probe = packet.message.custom::<InProbe>().copied();
        match &mut packet.message.packet {
            Packet::Rtp(rtp) => self.send(packet.now, rtp, probe),
            Packet::Rtcp(compound) => self.reports.sent(packet.now, compound),
            _ => {}
        }
        lanes.outward.push_back(packet);
    }

    fn bind_local(&mut self, stream: &StreamInfo) {
        self.reports.bind(stream.ssrc);
        if let Some(id) = extension_id(stream, TRANSPORT_CC_URI) {
            self.streams.insert(stream.ssrc, id);
            self.streams.extend(stream.ssrc_rtx.map(|rtx| (rtx, id)));
        }
    }

    fn unbind_local(&mut self, stream: &StreamInfo) {
        self.reports.unbind(stream.ssrc);
        self.streams.remove(&stream.ssrc);
        if let Some(rtx) = stream.ssrc_rtx {
            self.streams.remove(&rtx);
        }
    }
}

/// What a report says, no more than it claims to, for its last chunk is filled up, and no more than `most`. A packet that came without a
/// time says nothing.
fn statuses(report: &TransportLayerCc, most: usize) -> Vec<(u16, Option<Duration>)> {
    let symbols = report.packet_chunks.iter().flat_map(|chunk| {
        let (run, list) = match chunk {
            PacketStatusChunk::RunLengthChunk(run) => (Some(run), None),
            PacketStatusChunk::StatusVectorChunk(vector) => (None, Some(vector)),
        };
        let run = run.map(|run| std::iter::repeat_n(run.packet_status_symbol, usize::from(run.run_length)));
        let list = list.map(|vector| vector.symbol_list.iter().copied());
        run.into_iter().flatten().chain(list.into_iter().flatten())
    });
    let mut arrival = i64::try_from((REFERENCE_STEP * report.reference_time).as_micros()).unwrap_or(0);
    let mut deltas = report.recv_deltas.iter();
    symbols
        .take(usize::from(report.packet_status_count).min(most))
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
    use rtc::rtcp::receiver_report::ReceiverReport;
    use rtc::rtcp::reception_report::ReceptionReport;
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
            statuses(&report(), STATUSES_MAX),
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

    #[test]
    fn a_few_bytes_are_not_believed_to_report_on_more_packets_than_are_remembered() {
        let run = PacketStatusChunk::RunLengthChunk(RunLengthChunk {
            type_tcc: StatusChunkTypeTcc::RunLengthChunk,
            packet_status_symbol: SymbolTypeTcc::PacketNotReceived,
            run_length: 8_191,
        });
        let flood = TransportLayerCc {
            packet_status_count: u16::MAX,
            packet_chunks: vec![run; 9],
            ..Default::default()
        };
        assert_eq!(statuses(&flood, STATUSES_MAX).len(), STATUSES_MAX);
        let now = Instant::now();
        let (congestion, ..) = Congestion::new(BOUNDS, now);
        let mut link = TransportCc::new(congestion);
        let mut left = STATUSES_MAX;
        link.hear(now, &flood, &mut left);
        assert_eq!(left, 0, "the next one in the same datagram says nothing");
        assert!(statuses(&flood, left).is_empty());
    }

    /// A report on our stream 1.
    fn reception(fraction_lost: u8, highest: u32) -> ReceiverReport {
        ReceiverReport {
            ssrc: 9,
            reports: vec![ReceptionReport {
                ssrc: 1,
                fraction_lost,
                last_sequence_number: highest,
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    #[test]
    fn receiver_reports_guide_where_nothing_else_is_told_and_only_within_the_bounds() {
        let start = Instant::now();
        let (congestion, estimate, _) = Congestion::new(BOUNDS, start);
        let mut chain = Registry::new()
            .with(Slot::CongestionControl, Linked::new(TransportCc::new(congestion)))
            .build();
        chain.bind_local_stream(&video_stream(1, None, &[]));
        let mut highest = 0u32;
        let mut second = |n: u64, fraction_lost, packets: u32| {
            let now = start + Duration::from_secs(n);
            for packet in 0..100u16 {
                chain
                    .handle_write(rtp_packet(now, 1, packet, &[0; 1188]))
                    .unwrap();
            }
            drain_out(&mut chain);
            highest = u32::wrapping_add(highest, packets);
            let report = reception(fraction_lost, highest);
            chain
                .handle_read(tagged(now, Packet::Rtcp(vec![Box::new(report)])))
                .unwrap();
            estimate.borrow().kbps()
        };
        let calm: Vec<u64> = (0..20).map(|n| second(n, 0, 100)).collect();
        assert!(calm[19] > 2_000, "{calm:?}");
        let lossy: Vec<u64> = (20..60).map(|n| second(n, 255, 100)).collect();
        assert_eq!(lossy[39], 100, "{lossy:?}");
        // Absurd numbers: backwards, and more than were ever sent.
        for n in 60..80 {
            let kbps = second(n, 128, u32::MAX / 3);
            assert!((100..=5_000).contains(&kbps), "{kbps}");
        }
    }

    /// Datagrams of an honest other side: each kind of feedback that is read here.
    fn honest() -> Vec<Vec<u8>> {
        let remb = ReceiverEstimatedMaximumBitrate {
            sender_ssrc: 1,
            bitrate: 2e6,
            ssrcs: vec![1],
        };
        let mut arrivals = report();
        for delta in &mut arrivals.recv_deltas {
            // A short one tells no time backwards.
            delta.delta = delta.delta.abs();
        }
        let parts: [Box<dyn rtcp::Packet>; 3] =
            [Box::new(arrivals), Box::new(remb), Box::new(reception(9, 70_000))];
        let alone = parts.iter().map(|part| vec![part.cloned()]);
        alone
            .chain([parts.to_vec()])
            .map(|parts| rtcp::packet::marshal(&parts).unwrap().to_vec())
            .collect()
    }

    #[test]
    fn whatever_comes_as_feedback_the_estimate_stays_within_its_bounds_and_the_call_goes_on() {
        let mut dice = 0x9E37_79B9_7F4A_7C15u64;
        let mut number = move || {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            dice
        };
        let honest = honest();
        let (mut read, mut now) = (0, Instant::now());
        for _ in 0..40 {
            let (congestion, estimate, _) = Congestion::new(BOUNDS, now);
            let mut chain = Registry::new()
                .with(Slot::CongestionControl, Linked::new(TransportCc::new(congestion)))
                .build();
            chain.bind_local_stream(&video_stream(1, None, &[(TRANSPORT_CC_URI, 5)]));
            for sequence in 0..500u16 {
                now += Duration::from_millis(number() % 60);
                chain
                    .handle_write(rtp_packet(now, 1, sequence, &[0; 1000]))
                    .unwrap();
                let mut datagram = honest[number() as usize % honest.len()].clone();
                for _ in 0..number() % 6 {
                    // Not the first bytes of the header, without which nothing is read at all.
                    let at = 4 + number() as usize % (datagram.len() - 4);
                    datagram[at] = number() as u8;
                }
                let Ok(parts) = rtcp::packet::unmarshal(&mut &datagram[..]) else {
                    continue;
                };
                read += 1;
                chain.handle_read(tagged(now, Packet::Rtcp(parts))).unwrap();
                let is = *estimate.borrow();
                assert!((BOUNDS.min..=BOUNDS.max).contains(&is), "{is}");
            }
            assert_eq!(drain_out(&mut chain).len(), 500, "everything left");
        }
        assert!(read > 10_000, "{read}");
    }
}
