//! The parts together: what became of the packets in, a rate and probes out.

use super::acknowledged::Acknowledged;
use super::aimd::{Aimd, Measured};
use super::groups::Groups;
use super::history::History;
use super::idle::Idle;
use super::lately::Lately;
use super::loss::Loss;
use super::neighbour::Neighbour;
use super::packet::BYTES_MAX;
use super::probe::{ProbeCluster, Probes};
use super::reported::{Reception, Reported};
use super::silence::Silence;
use super::standing::Standing;
use super::trendline::{Trendline, Usage};
use std::time::Duration;

/// The other side's clock was set when a way is this much longer or shorter than the one before.
const CLOCK_SET_MS: f64 = 10_000.0;
/// A round trip before it was measured, and the longest believed.
const ROUND_TRIP_MS: f64 = 100.0;
const ROUND_TRIP_MAX_MS: f64 = 3_000.0;
/// What the other side said in a REMB holds for so long beside its reports.
const REMB_MS: f64 = 5_000.0;
/// With a shorter queue the way is calm.
const CALM_QUEUE_MS: f64 = 25.0;
/// What is shorter than this times the jitter may be jitter.
const QUEUE_JITTER: f64 = 2.0;

/// The rate's bounds, in bits a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    /// Where it starts.
    pub(crate) start: f64,
    /// Never less.
    pub(crate) min: f64,
    /// Never more.
    pub(crate) max: f64,
}

/// What is behind the rate, to be looked at while something is tried.
#[cfg(test)]
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Figures {
    /// By delay, in bits a second.
    pub(super) by_delay: f64,
    /// By loss, if that has a say.
    pub(super) by_loss: Option<f64>,
    /// The share lost lately.
    pub(super) loss: f64,
    /// The round trip with the wait for the report.
    pub(super) round_trip_ms: f64,
    /// The queue in the way.
    pub(super) queue_ms: f64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Estimator {
    limits: Limits,
    target: f64,
    history: History,
    groups: Groups,
    trendline: Trendline,
    standing: Standing,
    acknowledged: Acknowledged,
    aimd: Aimd,
    loss: Loss,
    neighbour: Neighbour,
    idle: Idle,
    probes: Probes,
    silence: Silence,
    lately: Lately,
    reported: Reported,
    /// What left before this went another way.
    way_since_ms: f64,
    /// What the other side says may be sent at most, if it speaks REMB.
    remb: Option<(f64, f64)>,
    way_ms: Option<f64>,
    round_trip_ms: Option<f64>,
    heard: bool,
    known: bool,
}

impl Estimator {
    /// Starts at `limits.start`.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            target: limits.start.max(limits.min).min(limits.max),
            history: History::default(),
            groups: Groups::default(),
            trendline: Trendline::default(),
            standing: Standing::default(),
            acknowledged: Acknowledged::default(),
            aimd: Aimd::new(limits.start),
            loss: Loss::default(),
            neighbour: Neighbour::default(),
            idle: Idle::default(),
            probes: Probes::new(limits.start),
            silence: Silence::default(),
            lately: Lately::default(),
            reported: Reported::default(),
            way_since_ms: f64::NEG_INFINITY,
            remb: None,
            way_ms: None,
            round_trip_ms: None,
            heard: false,
            known: false,
        }
    }

    /// Whether the rate says something of the way, and is not only what was guessed at the start.
    pub(crate) const fn is_known(&self) -> bool {
        self.known
    }

    /// Whether the rate is what the way carries, as far as is known: what leaves faster than that waits in the way.
    pub(crate) fn is_at_capacity(&self) -> bool {
        self.aimd.is_at_capacity() || self.probes.is_full()
    }

    /// The rate, in bits a second, within the limits.
    pub(crate) const fn target(&self) -> f64 {
        self.target
    }

    /// The queue in the way in milliseconds, if it is one that counts or that is being let go.
    pub(crate) fn queue_ms(&self) -> Option<f64> {
        let queue_ms = self.standing.queue_ms();
        let least_ms = CALM_QUEUE_MS.max(self.standing.jitter_ms() * QUEUE_JITTER);
        (queue_ms >= least_ms || self.aimd.is_draining()).then_some(queue_ms)
    }

    /// What is behind it.
    #[cfg(test)]
    pub(super) fn figures(&self) -> Figures {
        Figures {
            by_delay: self.aimd.rate(),
            by_loss: self.loss.bound(),
            loss: self.loss.share(),
            round_trip_ms: self.round_trip_ms.unwrap_or(0.0),
            queue_ms: self.standing.queue_ms(),
        }
    }

    /// Moves the upper limit; when it rises, what is above is probed.
    pub(crate) fn set_max(&mut self, max: f64) {
        let before = std::mem::replace(&mut self.limits.max, max.max(self.limits.min));
        if self.limits.max > before {
            self.probes.raised(self.target, self.limits.max);
        }
        self.settle();
    }

    /// What the other side's own estimator says (draft-alvestrand-rmcat-remb-03): a bound, and the rate itself as long as it reports on
    /// no packets.
    pub(crate) fn on_remb(&mut self, now: Duration, bps: f64) {
        if !bps.is_finite() || bps <= 0.0 {
            return;
        }
        self.remb = Some((now.as_secs_f64() * 1000.0, bps));
        self.known = true;
        if !self.heard {
            self.aimd.set(bps.max(self.limits.min).min(self.limits.max));
        }
        self.settle();
    }

    /// What receiver reports say of our streams: the rate itself for as long as the other side tells nothing better.
    pub(crate) fn on_reception(&mut self, now: Duration, streams: &[Reception]) {
        let now_ms = now.as_secs_f64() * 1000.0;
        if !self.heard && self.remb.is_some_and(|(at, _)| now_ms - at > REMB_MS) {
            self.remb = None;
        }
        if self.heard || self.remb.is_some() {
            return;
        }
        let sent = self.idle.sent_bps();
        if let Some(rate) = self.reported.update(now_ms, self.aimd.rate(), sent, streams) {
            self.aimd.set(rate);
            self.known = true;
            self.settle();
        }
    }

    /// Packets go another way from now on, between another pair of addresses. What was learned of the old one is no queue in this one;
    /// the rate is what it was before the change was known, until this way shows what it carries, and it is probed.
    pub(crate) fn rerouted(&mut self, now: Duration) {
        let now_ms = now.as_secs_f64() * 1000.0;
        self.way_since_ms = now_ms;
        self.lately.add(now_ms, self.target);
        let rate = self.lately.highest();
        self.forget_way();
        self.aimd = Aimd::new(rate);
        self.loss = Loss::default();
        self.neighbour = Neighbour::default();
        self.silence = Silence::default();
        self.reported = Reported::default();
        self.round_trip_ms = None;
        self.settle();
        self.probes.rerouted(now_ms, self.target);
    }

    /// A packet of `bytes` left under the transport-wide `number`, as part of `probe`. Gives whether the target moved: it falls while
    /// reports stay away.
    pub(crate) fn on_sent(&mut self, number: u16, now: Duration, bytes: usize, probe: Option<u32>) -> bool {
        self.history.sent(number, now, bytes, probe);
        self.on_sent_unnumbered(now, bytes);
        let now_ms = now.as_secs_f64() * 1000.0;
        let round_trip_ms = self.round_trip_ms.unwrap_or(ROUND_TRIP_MS);
        let moved = self.heard && self.silence.sent(now_ms, self.target, round_trip_ms);
        if moved {
            self.settle();
        }
        moved
    }

    /// A packet of `bytes` left without a number: nobody will report on it.
    pub(crate) fn on_sent_unnumbered(&mut self, now: Duration, bytes: usize) {
        let bits = bytes.min(BYTES_MAX) as f64 * 8.0;
        self.idle.add(now.as_secs_f64() * 1000.0, bits);
    }

    /// A report that came at `now` of our clock: numbers, and when each arrived by the other side's clock, if it did.
    pub(crate) fn on_report(&mut self, now: Duration, statuses: &[(u16, Option<Duration>)]) {
        let skipped = self.history.skipped_by(statuses);
        let mut results = self.history.report(statuses);
        if results.is_empty() {
            return;
        }
        self.heard = true;
        let now_ms = now.as_secs_f64() * 1000.0;
        if self.silence.heard(now_ms) {
            self.aimd.set(self.aimd.rate().min(self.limits.start));
        }
        results.retain(|result| result.sent_ms() >= self.way_since_ms);
        if let Some(first_ms) = results.iter().find_map(|result| result.arrived_ms())
            && skipped > 0.0
        {
            // Most of what a lost report was about arrived; without it, the rate would look like half of what it is.
            self.acknowledged.add(first_ms, skipped);
        }
        let mut lost = false;
        let mut newest_sent_ms = None;
        for result in &results {
            let (sent_ms, bits) = (result.sent_ms(), result.bits());
            self.loss.add(sent_ms, bits, result.arrived.is_none());
            lost |= result.arrived.is_none();
            if let Some(arrived_ms) = result.arrived_ms() {
                self.arrived(sent_ms, arrived_ms, bits, result.probe);
                newest_sent_ms = Some(sent_ms);
            }
        }
        if let Some(sent_ms) = newest_sent_ms {
            self.measure_round_trip(now_ms - sent_ms);
        }
        self.idle.update(self.target);
        self.decide(now_ms, lost);
    }

    /// The next probe to send, if it is time for one. `at_hand`: there is nothing to fill it up with, only so many bytes that wait.
    pub(crate) fn poll_probe(&mut self, now: Duration, at_hand: Option<usize>) -> Option<ProbeCluster> {
        if self.silence.bound().is_some() {
            return None;
        }
        let now_ms = now.as_secs_f64() * 1000.0;
        let is_calm = self.heard
            && self.trendline.usage() != Usage::Over
            && self.standing.queue_ms() < CALM_QUEUE_MS
            && self.neighbour.rate().is_none()
            && !self.aimd.is_draining()
            && self.loss.bound().is_none_or(|bound| bound >= self.target);
        let max = self
            .remb
            .map_or(self.limits.max, |(_, remb)| remb.min(self.limits.max));
        self.probes.next(now_ms, self.target, max, is_calm, at_hand)
    }

    fn arrived(&mut self, sent_ms: f64, arrived_ms: f64, bits: f64, probe: Option<u32>) {
        let way_ms = arrived_ms - sent_ms;
        if self
            .way_ms
            .is_some_and(|before| (way_ms - before).abs() > CLOCK_SET_MS)
        {
            self.forget_way();
        }
        self.way_ms = Some(way_ms);
        self.standing.add(arrived_ms, way_ms);
        self.acknowledged.add(arrived_ms, bits);
        if let Some(id) = probe {
            self.probes.add(id, sent_ms, arrived_ms, bits);
        }
        if let Some(gap) = self.groups.add(sent_ms, arrived_ms) {
            self.trendline.add(gap);
        }
    }

    /// Delays and rates of another way, or by another clock, are not to be compared.
    fn forget_way(&mut self) {
        self.groups = Groups::default();
        self.trendline = Trendline::default();
        self.standing = Standing::default();
        self.acknowledged = Acknowledged::default();
        self.way_ms = None;
    }

    fn measure_round_trip(&mut self, measured_ms: f64) {
        if !(0.0..=ROUND_TRIP_MAX_MS).contains(&measured_ms) {
            return;
        }
        self.round_trip_ms = Some(match self.round_trip_ms {
            Some(before) => before * 0.8 + measured_ms * 0.2,
            None => measured_ms,
        });
    }

    fn decide(&mut self, now_ms: f64, lost: bool) {
        self.lately.add(now_ms, self.target);
        let measured = Measured {
            usage: self.trendline.usage(),
            rate: self.acknowledged.rate(),
            rate_now: self.acknowledged.rate_now(),
            queue_ms: self.standing.queue_ms(),
            jitter_ms: self.standing.jitter_ms(),
            round_trip_ms: self.round_trip_ms.unwrap_or(ROUND_TRIP_MS),
            idle: self.idle.is(),
        };
        if self.remb.is_some_and(|(at, _)| now_ms - at > REMB_MS) {
            self.remb = None;
        }
        let before_ms = self.aimd.decreased_ms();
        self.aimd.update(now_ms, measured);
        if self.aimd.decreased_ms() > before_ms {
            self.probes.disturbed();
        }
        let went_down = (self.aimd.decreased_ms(), measured.rate);
        self.neighbour.update(now_ms, measured, lost, went_down);
        self.neighbour.limit(self.limits.min, self.limits.max);
        let found = self.probes.found(now_ms, self.target, self.limits.max);
        let narrow = self.probes.take_narrow();
        if let Some(beside) = self.neighbour.rate() {
            self.aimd.set(beside);
        } else if let Some(narrow) = narrow
            && self.aimd.decreased_ms() == f64::NEG_INFINITY
        {
            // The first rate was a guess, and this is the first that is known.
            self.aimd.narrow(now_ms, narrow);
            self.probes.disturbed();
        } else if let Some(found) = found
            && !self.aimd.is_draining()
        {
            // While a queue is let go, what a probe found before it is no reason to fill it again.
            self.aimd.found(found);
        }
        // Where the most that may be is what was begun with, nothing is probed, and what comes through without a queue is known.
        let is_all =
            self.target >= self.limits.max && measured.rate.is_some() && measured.queue_ms < CALM_QUEUE_MS;
        self.known |= is_all || self.probes.is_heard() || self.aimd.decreased_ms() > f64::NEG_INFINITY;
        if self.aimd.is_draining() {
            // The end of the queue drops; that is dealt with.
            self.loss = Loss::default();
        } else {
            self.loss.update(self.aimd.rate(), measured.rate);
        }
        self.settle();
    }

    fn settle(&mut self) {
        let delay = self.aimd.rate().max(self.limits.min).min(self.limits.max);
        if delay != self.aimd.rate() && !self.aimd.is_draining() {
            self.aimd.set(delay);
        }
        let remb = self.remb.map(|(_, remb)| remb);
        let bounds = [self.loss.bound(), remb, self.silence.bound()];
        self.target = bounds
            .into_iter()
            .flatten()
            .fold(delay, f64::min)
            .max(self.limits.min)
            .min(self.limits.max);
    }
}
