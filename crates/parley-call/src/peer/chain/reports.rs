//! What receiver reports (RFC 3550, 6.4.1 and 6.4.2) say of our streams: what was lost, and the round trip by the sender report they answer.
//!
//! Owned by [`transport_cc`](super::transport_cc). Round trips are measured between our own clock's moments, so no wall clock of
//! either side has a say.

use crate::congestion::Reception;
use rtc::rtcp;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

/// Sender reports remembered: four streams, one a second each, answered within some seconds.
const SENT_MAX: usize = 64;
/// Blocks of one datagram that are looked at.
const BLOCKS_MAX: usize = 32;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Reports {
    own: HashSet<u32>,
    /// The middle of the wall clock's time in a sender report, by which it is named, and when it left.
    sent: VecDeque<(u32, Instant)>,
}

impl Reports {
    pub(super) fn bind(&mut self, ssrc: u32) {
        self.own.insert(ssrc);
    }

    pub(super) fn unbind(&mut self, ssrc: u32) {
        self.own.remove(&ssrc);
    }

    /// Our own reports leave.
    pub(super) fn sent(&mut self, now: Instant, compound: &[Box<dyn rtcp::Packet>]) {
        for part in compound {
            if let Some(report) = part.as_any().downcast_ref::<SenderReport>() {
                self.sent.push_back(((report.ntp_time >> 16) as u32, now));
                if self.sent.len() > SENT_MAX {
                    self.sent.pop_front();
                }
            }
        }
    }

    /// What the other side's say of our streams.
    pub(super) fn read(&self, now: Instant, compound: &[Box<dyn rtcp::Packet>]) -> Vec<Reception> {
        let blocks = compound.iter().flat_map(|part| {
            let part = part.as_any();
            let (receiver, sender) = (
                part.downcast_ref::<ReceiverReport>(),
                part.downcast_ref::<SenderReport>(),
            );
            let receiver = receiver.map(|report| &report.reports);
            let sender = sender.map(|report| &report.reports);
            receiver.or(sender).into_iter().flatten()
        });
        blocks
            .filter(|block| self.own.contains(&block.ssrc))
            .take(BLOCKS_MAX)
            .map(|block| Reception {
                ssrc: block.ssrc,
                fraction_lost: block.fraction_lost,
                highest: block.last_sequence_number,
                round_trip: self.round_trip(now, block),
            })
            .collect()
    }

    /// Since the report that it answers, without the time that it lay there.
    fn round_trip(&self, now: Instant, block: &ReceptionReport) -> Option<Duration> {
        let named = block.last_sender_report;
        let (_, left) = self.sent.iter().rev().find(|(name, _)| *name == named)?;
        let lay = Duration::from_secs_f64(f64::from(block.delay) / 65_536.0);
        now.saturating_duration_since(*left).checked_sub(lay)
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;

    fn answer(ssrc: u32, last_sender_report: u32, delay: u32) -> Vec<Box<dyn rtcp::Packet>> {
        let block = ReceptionReport {
            ssrc,
            last_sender_report,
            delay,
            ..Default::default()
        };
        vec![Box::new(ReceiverReport {
            reports: vec![block; 100],
            ..Default::default()
        })]
    }

    #[test]
    fn a_round_trip_is_from_a_sender_report_to_its_answer_without_the_time_it_lay_there() {
        let start = Instant::now();
        let mut reports = Reports::default();
        reports.bind(1);
        for second in 0..100u32 {
            let report = SenderReport {
                ntp_time: u64::from(second) << 32,
                ..Default::default()
            };
            reports.sent(start + Duration::from_secs(second.into()), &[Box::new(report)]);
        }
        let now = start + Duration::from_millis(98_300);
        let round_trip = |named: u32, delay| {
            let read = reports.read(now, &answer(1, named, delay));
            assert_eq!(read.len(), BLOCKS_MAX);
            read[0].round_trip
        };
        assert_eq!(round_trip(98 << 16, 65_536 / 4), Some(Duration::from_millis(50)));
        assert_eq!(
            round_trip(98 << 16, 65_536),
            None,
            "it cannot have lain there so long"
        );
        assert_eq!(round_trip(0, 0), None, "too old, or of none");
        assert!(reports.read(now, &answer(2, 98 << 16, 0)).is_empty(), "not ours");
    }
}
