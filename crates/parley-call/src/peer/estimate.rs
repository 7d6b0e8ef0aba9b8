//! How much may be sent: our congestion control (`crate::congestion`), shared by the link that numbers packets and hears reports
//! (`chain/transport_cc.rs`) and the pacer, which sends its probes. Told through a watch.
//!
//! Not on the library's `BandwidthEstimator`: its history tells a lost report as lost packets, forgets what was overtaken, and
//! does not count retransmissions.

use crate::congestion::{Estimator, Limits, ProbeCluster, Reception};
use parley_proto::Bitrate;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A change of less than this share is not worth a new target for every encoder.
const WORTH_TELLING: f64 = 0.01;

/// The estimate's bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Where it starts.
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

/// Marks a packet as part of a probe, as an attribute between the pacer and the numbering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InProbe(pub(super) u32);

/// See the module. Both links run in the library's task, one after the other: nobody ever waits for this lock.
#[derive(Debug, Clone)]
pub(super) struct Congestion(Arc<Mutex<Control>>);

#[derive(Debug)]
struct Control {
    estimator: Estimator,
    /// Time is counted from here.
    epoch: Instant,
    max: Bitrate,
    ceiling: Ceiling,
    told: watch::Sender<Bitrate>,
    /// It was told that the estimate is known.
    told_known: bool,
    /// What was lost was given up, and nobody heard of it yet.
    given_up: bool,
}

impl Congestion {
    /// An estimator whose time begins at `epoch`, where its estimate is told, and its ceiling.
    pub(super) fn new(bounds: Bounds, epoch: Instant) -> (Self, watch::Receiver<Bitrate>, Ceiling) {
        let (told, estimate) = watch::channel(bounds.start);
        let ceiling = Ceiling(Arc::new(AtomicU64::new(bounds.max.bps())));
        let [start, min, max] = [bounds.start, bounds.min, bounds.max].map(|rate| rate.bps() as f64);
        let control = Control {
            estimator: Estimator::new(Limits { start, min, max }),
            epoch,
            max: bounds.max,
            ceiling: ceiling.clone(),
            told,
            told_known: false,
            given_up: false,
        };
        (Self(Arc::new(Mutex::new(control))), estimate, ceiling)
    }

    /// A packet of `bytes` leaves under the transport-wide `number`.
    pub(super) fn sent(&self, now: Instant, number: u16, bytes: usize, probe: Option<InProbe>) {
        let mut control = self.control();
        let now = control.since_epoch(now);
        let moved = control
            .estimator
            .on_sent(number, now, bytes, probe.map(|probe| probe.0));
        if moved {
            control.tell();
        }
    }

    /// A packet of `bytes` leaves without a number.
    pub(super) fn sent_unnumbered(&self, now: Instant, bytes: usize) {
        let mut control = self.control();
        let now = control.since_epoch(now);
        control.estimator.on_sent_unnumbered(now, bytes);
    }

    /// A report came: numbers, and when each arrived by the other side's clock, if it did.
    pub(super) fn report(&self, now: Instant, statuses: &[(u16, Option<Duration>)]) {
        let mut control = self.control();
        control.follow_ceiling();
        let now = control.since_epoch(now);
        control.estimator.on_report(now, statuses);
        control.tell();
    }

    /// The other side's own estimate came.
    pub(super) fn remb(&self, now: Instant, bps: f64) {
        let mut control = self.control();
        control.follow_ceiling();
        let now = control.since_epoch(now);
        control.estimator.on_remb(now, bps);
        control.tell();
    }

    /// Receiver reports of our streams came.
    pub(super) fn reception(&self, now: Instant, streams: &[Reception]) {
        let mut control = self.control();
        control.follow_ceiling();
        let now = control.since_epoch(now);
        control.estimator.on_reception(now, streams);
        control.tell();
    }

    /// Packets go between another pair of addresses from now on.
    pub(super) fn rerouted(&self, now: Instant) {
        let mut control = self.control();
        let now = control.since_epoch(now);
        control.estimator.rerouted(now);
        control.tell();
    }

    /// The next probe, if it is time for one. `at_hand`: there is nothing to fill it up with, only so many bytes that wait.
    pub(super) fn next_probe(&self, now: Instant, at_hand: Option<usize>) -> Option<ProbeCluster> {
        let mut control = self.control();
        control.follow_ceiling();
        let now = control.since_epoch(now);
        control.estimator.poll_probe(now, at_hand)
    }

    /// Whether the estimate says something of the way, and is not only a guess, and what was put into the way to find that out has left
    /// it. That it does is told as a change of the estimate, the first time.
    pub(super) fn is_known(&self) -> bool {
        self.control().is_known()
    }

    /// More was lost than can be sent again in time, and nothing but key frames helps. Told as a change of the estimate.
    pub(super) fn give_up(&self) {
        let mut control = self.control();
        control.given_up = true;
        control.told.send_modify(|_| {});
    }

    /// Whether that was so since this was asked last.
    pub(super) fn take_given_up(&self) -> bool {
        std::mem::take(&mut self.control().given_up)
    }

    /// Whether the estimate is what the way carries, as far as is known.
    pub(super) fn is_at_capacity(&self) -> bool {
        self.control().estimator.is_at_capacity()
    }

    /// The queue in the way, if there is one that counts.
    pub(super) fn queue(&self) -> Option<Duration> {
        let queue_ms = self.control().estimator.queue_ms()?;
        Some(Duration::from_secs_f64(queue_ms.clamp(0.0, 10_000.0) / 1000.0))
    }

    fn control(&self) -> MutexGuard<'_, Control> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Control {
    fn since_epoch(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.epoch)
    }

    fn follow_ceiling(&mut self) {
        let max = self.ceiling.get();
        if max != self.max {
            self.max = max;
            self.estimator.set_max(max.bps() as f64);
        }
    }

    fn is_known(&self) -> bool {
        self.estimator.is_known() && self.estimator.queue_ms().is_none()
    }

    fn tell(&mut self) {
        let target = Bitrate::from_bps(self.estimator.target() as u64);
        let is_first = !self.told_known && self.is_known();
        self.told_known |= is_first;
        self.told.send_if_modified(|told| {
            let is_worth = told.bps().abs_diff(target.bps()) as f64 > told.bps() as f64 * WORTH_TELLING;
            let is_new = is_first || is_worth || (target == self.max && *told != target);
            if is_new {
                *told = target;
            }
            is_new
        });
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

    /// `seconds` of reports over a path that delivers `lost_pct` less than everything; packets of 1,000 bytes at `kbps`. No probes.
    fn after(seconds: u64, kbps: u64, lost_pct: u64) -> Bitrate {
        after_raised(seconds, kbps, lost_pct, Bitrate::ZERO)
    }

    /// The same with the ceiling raised at the start.
    fn after_raised(seconds: u64, kbps: u64, lost_pct: u64, raised_by: Bitrate) -> Bitrate {
        let start = Instant::now();
        let (congestion, estimate, ceiling) = Congestion::new(BOUNDS, start);
        ceiling.raise(BOUNDS.max, raised_by);
        let interval = Duration::from_micros(8_000_000 / kbps);
        let per_report = (100_000 / interval.as_micros()) as u64;
        let mut id = 0;
        while interval * (id as u32) < Duration::from_secs(seconds) {
            let statuses: Vec<_> = (id..id + per_report)
                .map(|id| {
                    let at = interval * id as u32;
                    congestion.sent(start + at, id as u16, 1000, None);
                    let arrived = id % 100 >= lost_pct;
                    (id as u16, arrived.then(|| at + Duration::from_millis(20)))
                })
                .collect();
            id += per_report;
            congestion.report(start + interval * id as u32, &statuses);
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
        let (_, estimate, _) = Congestion::new(BOUNDS, Instant::now());
        assert_eq!(*estimate.borrow(), BOUNDS.start);
    }

    #[test]
    fn a_raised_ceiling_is_probed_up_to() {
        let start = Instant::now();
        let (congestion, _, ceiling) = Congestion::new(BOUNDS, start);
        while congestion.next_probe(start, None).is_some() {}
        ceiling.raise(BOUNDS.max, Bitrate::from_kbps(4_000));
        let probe = congestion
            .next_probe(start + Duration::from_secs(3), None)
            .unwrap();
        assert!(probe.bps > 1.5e6 && probe.bps <= 9e6, "{probe:?}");
    }

    #[test]
    fn it_is_known_once_what_was_put_into_the_way_to_find_out_has_left_it() {
        let start = Instant::now();
        let (congestion, ..) = Congestion::new(BOUNDS, start);
        let mut free_ms = 0;
        let (mut came, mut number) = (Vec::new(), 0u16);
        let (mut guessed, mut found, mut known) = (false, false, false);
        for ms in 0..3_000u64 {
            // A megabit a second over half of one, and after 400 ms a fifth of one.
            if ms % if ms < 400 { 8 } else { 40 } == 0 {
                congestion.sent(start + Duration::from_millis(ms), number, 1000, None);
                free_ms = ms.max(free_ms) + 16;
                came.push((number, free_ms + 20));
                number += 1;
            }
            if ms % 100 == 0 {
                let (there, under_way) = came.into_iter().partition(|(_, at)| *at <= ms);
                came = under_way;
                let there: Vec<(u16, u64)> = there;
                let statuses: Vec<_> = there
                    .iter()
                    .map(|(number, at)| (*number, Some(Duration::from_millis(*at))))
                    .collect();
                congestion.report(start + Duration::from_millis(ms + 20), &statuses);
            }
            let of_way = congestion.control().estimator.is_known();
            guessed |= !of_way;
            found |= of_way && !congestion.is_known();
            known = congestion.is_known();
        }
        assert!(guessed && found && known, "{guessed} {found} {known}");
    }

    #[test]
    fn the_estimate_falls_while_nothing_is_reported_and_is_back_with_the_next_report() {
        let start = Instant::now();
        let (congestion, estimate, _) = Congestion::new(BOUNDS, start);
        let at = |n: u64| start + Duration::from_millis(n * 10);
        let report = |n: u64| {
            let arrived = Duration::from_millis(n * 10 + 20);
            congestion.report(at(n) + Duration::from_millis(40), &[(n as u16, Some(arrived))]);
        };
        for n in 0..300 {
            congestion.sent(at(n), n as u16, 1000, None);
            if n < 10 {
                report(n);
            }
        }
        assert!(estimate.borrow().kbps() < 130, "{}", *estimate.borrow());
        report(299);
        assert_eq!(*estimate.borrow(), BOUNDS.start);
    }
}
