//! How much may be sent: the library's GCC behind the library's port, with its growth capped, told through a watch.
//!
//! The library's GCC grows for as long as nothing is lost, also while the application sends a tenth of the estimate, and
//! would then be far beyond what the path was ever shown to carry. Deliberately not: probing, and an estimator of our own.

use parley_proto::Bitrate;
use rtc::interceptor::{BandwidthEstimator, EstimatorStats, Gcc, PacketReport};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The estimate is never more than this times what is really sent, ...
const GROWTH: f64 = 1.5;
/// ... measured over this time.
const WINDOW: Duration = Duration::from_secs(1);

/// The estimate's bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Where it starts. The cap on growth is never below this.
    pub(super) start: Bitrate,
    /// Never less.
    pub(super) min: Bitrate,
    /// Never more.
    pub(super) max: Bitrate,
}

/// The most the estimate may be, moved while it runs: there is more to send once a screen is shared.
#[derive(Debug, Clone)]
pub(super) struct Ceiling(Arc<AtomicU64>);

impl Ceiling {
    /// Moves it to `max` and `more` beside it.
    pub(super) fn raise(&self, max: Bitrate, more: Bitrate) {
        self.0.store(max.bps() + more.bps(), Ordering::Relaxed);
    }

    fn get(&self) -> Bitrate {
        Bitrate::from_bps(self.0.load(Ordering::Relaxed))
    }
}

/// See the module.
pub(super) struct CappedGcc {
    gcc: Gcc,
    bounds: Bounds,
    ceiling: Ceiling,
    sent: VecDeque<(Instant, usize)>,
    sent_bytes: usize,
    told: watch::Sender<Bitrate>,
}

impl CappedGcc {
    /// An estimator, where its estimate is told, and its ceiling.
    pub(super) fn new(bounds: Bounds) -> (Self, watch::Receiver<Bitrate>, Ceiling) {
        let (told, estimate) = watch::channel(bounds.start);
        let ceiling = Ceiling(Arc::new(AtomicU64::new(bounds.max.bps())));
        let estimator = Self {
            gcc: gcc(bounds.start, bounds),
            bounds,
            ceiling: ceiling.clone(),
            sent: VecDeque::new(),
            sent_bytes: 0,
            told,
        };
        (estimator, estimate, ceiling)
    }

    /// The library's estimator knows no other maximum than its first, so that it begins anew from where it is.
    fn follow_ceiling(&mut self) {
        let max = self.ceiling.get();
        if max != self.bounds.max {
            self.bounds.max = max;
            self.gcc = gcc(*self.told.borrow(), self.bounds);
        }
    }

    fn measure(&mut self, reports: &[PacketReport]) {
        for report in reports {
            self.sent.push_back((report.departure, report.size));
            self.sent_bytes += report.size;
        }
        let Some(newest) = self.sent.back().map(|(at, _)| *at) else {
            return;
        };
        while let Some((at, size)) = self.sent.front()
            && newest.saturating_duration_since(*at) > WINDOW
        {
            self.sent_bytes -= size;
            self.sent.pop_front();
        }
    }

    fn capped(&self) -> Bitrate {
        let sent = Bitrate::from_bps((self.sent_bytes * 8) as u64).scale(1.0 / WINDOW.as_secs_f64());
        let cap = sent.scale(GROWTH).max(self.bounds.start);
        Bitrate::from_bps(self.gcc.target_bitrate() as u64)
            .min(cap)
            .clamp(self.bounds.min, self.bounds.max)
    }
}

fn gcc(start: Bitrate, bounds: Bounds) -> Gcc {
    let [start, min, max] = [start, bounds.min, bounds.max].map(|rate| rate.bps() as f64);
    Gcc::new(start, min, max)
}

impl BandwidthEstimator for CappedGcc {
    fn on_reports(&mut self, now: Instant, reports: &[PacketReport]) {
        self.follow_ceiling();
        self.measure(reports);
        self.gcc.on_reports(now, reports);
        let capped = self.capped();
        self.told
            .send_if_modified(|told| std::mem::replace(told, capped) != capped);
    }

    fn target_bitrate(&self) -> f64 {
        self.told.borrow().bps() as f64
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.gcc.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.gcc.poll_timeout()
    }

    fn stats(&self) -> EstimatorStats {
        self.gcc.stats()
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        start: Bitrate::from_kbps(1_000),
        min: Bitrate::from_kbps(100),
        max: Bitrate::from_kbps(5_000),
    };

    /// `seconds` of feedback over a path that delivers `lost_pct` less than everything; packets of 1,000 bytes at `kbps`.
    fn after(seconds: u64, kbps: u64, lost_pct: u64) -> Bitrate {
        after_raised(seconds, kbps, lost_pct, Bitrate::ZERO)
    }

    /// The same with the ceiling raised at the start.
    fn after_raised(seconds: u64, kbps: u64, lost_pct: u64, raised_by: Bitrate) -> Bitrate {
        let start = Instant::now();
        let (mut gcc, estimate, ceiling) = CappedGcc::new(BOUNDS);
        ceiling.raise(BOUNDS.max, raised_by);
        let interval = Duration::from_micros(8_000_000 / kbps);
        let per_report = (100_000 / interval.as_micros()) as u64;
        let mut id = 0;
        while interval * (id as u32) < Duration::from_secs(seconds) {
            let reports: Vec<_> = (id..id + per_report)
                .map(|id| {
                    let at = interval * id as u32;
                    let arrived = id % 100 >= lost_pct;
                    PacketReport {
                        ssrc: 1,
                        id,
                        rtp_sequence_number: id as u16,
                        is_twcc: true,
                        twcc_sequence_number: id as u16,
                        size: 1000,
                        arrived,
                        departure: start + at,
                        arrival: arrived.then(|| at + Duration::from_millis(20)),
                        ecn: Default::default(),
                    }
                })
                .collect();
            id += per_report;
            gcc.on_reports(start + interval * id as u32, &reports);
        }
        *estimate.borrow()
    }

    #[test]
    fn a_clear_path_lets_the_estimate_grow_to_its_bound() {
        assert_eq!(after(60, 4_000, 0), BOUNDS.max);
    }

    #[test]
    fn a_raised_ceiling_gives_room_for_more() {
        let raised = after_raised(90, 6_000, 0, Bitrate::from_kbps(2_000));
        assert_eq!(raised, Bitrate::from_kbps(7_000));
    }

    #[test]
    fn the_estimate_does_not_run_away_from_what_is_sent() {
        let estimate = after(60, 1_000, 0).kbps();
        assert!((1_300..=1_550).contains(&estimate), "{estimate}");
        assert_eq!(
            after(60, 200, 0),
            BOUNDS.start,
            "a quiet sender keeps what it started with"
        );
    }

    #[test]
    fn heavy_loss_brings_the_estimate_down() {
        assert!(after(20, 1_000, 30) < Bitrate::from_kbps(400));
    }

    #[test]
    fn before_any_feedback_the_estimate_is_where_it_starts() {
        let (gcc, estimate, _) = CappedGcc::new(BOUNDS);
        assert_eq!(*estimate.borrow(), BOUNDS.start);
        assert_eq!(gcc.target_bitrate(), 1e6);
    }
}
