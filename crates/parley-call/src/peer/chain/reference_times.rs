//! Answers those who receive from us and ask how far away we are (RFC 3611, 4.4 and 4.5).
//!
//! Whoever only receives sends no sender report that could be answered, so it knows the round trip by this alone. A server that asks
//! for lost packets again waits for an answer as long as the way takes; where it does not know, it waits for a way of 100 ms, and
//! whatever is lost twice stops the picture. The answer leaves at once.

use super::{Lanes, Link};
use rtc::interceptor::{AttributedPacket, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp;
use rtc::rtcp::extended_report::{
    DLRRReport, DLRRReportBlock, ExtendedReport, ReceiverReferenceTimeReportBlock,
};
use rtc::shared::TransportContext;
use std::collections::BTreeSet;

/// Questions of one datagram that are answered: each receiver asks under one SSRC.
const ANSWERS_MAX: usize = 8;
/// The least delay there is, in 1/65,536 of a second: 0 means that nobody asked.
const AT_ONCE: u32 = 1;

/// See the module.
#[derive(Default)]
pub(in crate::peer) struct ReferenceTimes {
    /// What we send, under the first of which we answer.
    own: BTreeSet<u32>,
}

/// Who asks, and the middle of the time that it named.
fn questions(compound: &[Box<dyn rtcp::Packet>]) -> impl Iterator<Item = DLRRReport> {
    let reports = compound
        .iter()
        .filter_map(|part| part.as_any().downcast_ref::<ExtendedReport>());
    reports.flat_map(|report| {
        let blocks = report
            .reports
            .iter()
            .filter_map(|block| block.as_any().downcast_ref::<ReceiverReferenceTimeReportBlock>());
        blocks.map(|block| DLRRReport {
            ssrc: report.sender_ssrc,
            last_rr: (block.ntp_timestamp >> 16) as u32,
            dlrr: AT_ONCE,
        })
    })
}

impl Link for ReferenceTimes {
    fn on_received(&mut self, packet: TaggedPacket, lanes: &mut Lanes) {
        if let (Packet::Rtcp(compound), Some(sender_ssrc)) = (&packet.message.packet, self.own.first()) {
            let reports: Vec<_> = questions(compound).take(ANSWERS_MAX).collect();
            if !reports.is_empty() {
                let answer = ExtendedReport {
                    sender_ssrc: *sender_ssrc,
                    reports: vec![Box::new(DLRRReportBlock { reports })],
                };
                lanes.outward.push_back(TaggedPacket {
                    now: packet.now,
                    transport: TransportContext::default(),
                    message: AttributedPacket::new(Packet::Rtcp(vec![Box::new(answer)])),
                });
            }
        }
        lanes.inward.push_back(packet);
    }

    fn bind_local(&mut self, stream: &StreamInfo) {
        self.own.insert(stream.ssrc);
    }

    fn unbind_local(&mut self, stream: &StreamInfo) {
        self.own.remove(&stream.ssrc);
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::super::Linked;
    use super::super::testing::{audio_stream, drain_in, drain_out, tagged};
    use super::*;
    use rtc::interceptor::Interceptor as _;
    use rtc::sansio::Protocol as _;
    use std::time::Instant;

    const OWN: u32 = 7;

    fn asked(ssrcs: impl Iterator<Item = u32>) -> TaggedPacket {
        let reports = ssrcs.map(|sender_ssrc| {
            let block = ReceiverReferenceTimeReportBlock {
                ntp_timestamp: 0x0123_4567_89ab_cdef,
            };
            Box::new(ExtendedReport {
                sender_ssrc,
                reports: vec![Box::new(block)],
            }) as Box<dyn rtcp::Packet>
        });
        tagged(Instant::now(), Packet::Rtcp(reports.collect()))
    }

    fn answers(link: &mut Linked<ReferenceTimes>) -> Vec<(u32, Vec<DLRRReport>)> {
        let told = drain_out(link).into_iter().map(|packet| {
            let Packet::Rtcp(compound) = packet.message.packet else {
                panic!("an answer is RTCP");
            };
            let report = compound[0].as_any().downcast_ref::<ExtendedReport>().unwrap();
            let block = report.reports[0].as_any().downcast_ref::<DLRRReportBlock>();
            (report.sender_ssrc, block.unwrap().reports.clone())
        });
        told.collect()
    }

    #[test]
    fn whoever_asks_is_told_its_own_time_again_at_once() {
        let mut link = Linked::new(ReferenceTimes::default());
        link.bind_local_stream(&audio_stream(OWN));
        link.handle_read(asked([33].into_iter())).unwrap();
        let expected = DLRRReport {
            ssrc: 33,
            last_rr: 0x4567_89ab,
            dlrr: AT_ONCE,
        };
        assert_eq!(answers(&mut link), [(OWN, vec![expected])]);
        assert_eq!(drain_in(&mut link).len(), 1, "others may want to read it too");
    }

    #[test]
    fn many_questions_in_one_datagram_get_few_answers() {
        let mut link = Linked::new(ReferenceTimes::default());
        link.bind_local_stream(&audio_stream(OWN));
        link.handle_read(asked(0..100)).unwrap();
        let told = answers(&mut link);
        assert_eq!((told.len(), told[0].1.len()), (1, ANSWERS_MAX));
    }

    #[test]
    fn who_sends_nothing_has_nothing_to_be_asked_again_for() {
        let mut link = Linked::new(ReferenceTimes::default());
        link.bind_local_stream(&audio_stream(OWN));
        link.unbind_local_stream(&audio_stream(OWN));
        link.handle_read(asked([33].into_iter())).unwrap();
        assert!(answers(&mut link).is_empty());
    }
}
