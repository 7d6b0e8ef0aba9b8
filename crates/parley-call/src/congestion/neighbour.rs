//! A neighbour that fills the queue: who reacts to delay alone beside a TCP flow gives way until nothing is left.
//!
//! It is there when the queue stays although this side went down, as Copa decides it (Arun and Balakrishnan, NSDI 2018, 4.1). Then the
//! rate follows loss as a Reno flow's does, with smaller steps: up by 0.53 packets a round trip each round trip, down to 0.7
//! (AIMD pairs of equal share: Floyd, Handley and Padhye, 2000; the same numbers are in RFC 8312, 4.2). A queue that goes when
//! this side alone goes down was its own: that is tried now and then, for a neighbour may leave.

use super::aimd::Measured;

/// A queue shorter than this is none, nor is this share of the longest lately.
const EMPTY_MS: f64 = 12.0;
const EMPTY_SHARE: f64 = 0.1;
/// Nor is what jitter may be.
const EMPTY_JITTER: f64 = 2.0;
/// A queue that stays this long, with the rate down, is somebody else's.
const STAYS_MS: f64 = 2_500.0;
/// The queue must be gone for this long until the neighbour is.
const GONE_MS: f64 = 1_500.0;
/// Packets a round trip, each round trip.
const STEP: f64 = 0.53;
/// The same where nothing is known of what the way carries, so that nothing else ends the growth.
const STEP_UNKNOWN: f64 = 0.42;
/// Nor does it grow by more than this share of itself a second then: on a narrow way a packet a round trip is the rate doubled, and the
/// queue may have been our own first picture.
const GROWTH_UNKNOWN: f64 = 0.3;
const PACKET_BITS: f64 = 9_600.0;
/// What is kept when something is lost.
const KEPT: f64 = 0.7;
/// Above this share of what was carried alone the rate does not grow: half is fair and reached by being a little above it; drops at the end of a queue hit bursts
/// rather than evenly spaced packets.
const FAIR_SHARE: f64 = 0.6;
/// What was carried alone counts half after this.
const ALONE_MS: f64 = 300_000.0;
/// How often it is tried whether the queue is our own, and at what share of the rate.
const TRIAL_EVERY_MS: f64 = 12_000.0;
const TRIAL_SHARE: f64 = 0.5;
/// A queue that shrank to this share, in a trial or by itself, was our own.
const OWN_SHARE: f64 = 0.3;

#[derive(Debug, Clone, Copy)]
struct Trial {
    until_ms: f64,
    queue_ms: f64,
    rate: f64,
}

#[derive(Debug, Clone, Copy)]
struct Beside {
    rate: f64,
    lost_ms: f64,
    tried_ms: f64,
    trial: Option<Trial>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Neighbour {
    /// Since when there is a queue.
    since_ms: Option<f64>,
    empty_since_ms: Option<f64>,
    longest_ms: f64,
    /// The most that arrived while there was nobody beside.
    alone: f64,
    beside: Option<Beside>,
    updated_ms: f64,
}

impl Neighbour {
    /// The rate beside a neighbour, while there is one.
    pub(super) fn rate(&self) -> Option<f64> {
        self.beside.map(|beside| match beside.trial {
            Some(trial) => trial.rate * TRIAL_SHARE,
            None => beside.rate,
        })
    }

    /// `lost`: something was lost since the last time. `decreased_ms`: when the rate last went down for delay.
    pub(super) fn update(
        &mut self,
        now_ms: f64,
        measured: Measured,
        lost: bool,
        (decreased_ms, arrives): (f64, Option<f64>),
    ) {
        let Measured {
            queue_ms,
            jitter_ms,
            round_trip_ms,
            ..
        } = measured;
        let passed_ms = (now_ms - self.updated_ms).clamp(0.0, 1000.0);
        self.updated_ms = now_ms;
        self.longest_ms = (self.longest_ms * 0.5f64.powf(passed_ms / 5_000.0)).max(queue_ms);
        if queue_ms
            < EMPTY_MS
                .max(jitter_ms * EMPTY_JITTER)
                .max(self.longest_ms * EMPTY_SHARE)
        {
            self.since_ms = None;
            let empty_ms = now_ms - *self.empty_since_ms.get_or_insert(now_ms);
            if empty_ms > GONE_MS {
                self.beside = None;
            }
        } else {
            self.empty_since_ms = None;
            self.since_ms.get_or_insert(now_ms);
        }
        self.alone *= 0.5f64.powf(passed_ms / ALONE_MS);
        let fair = self.alone * FAIR_SHARE;
        match &mut self.beside {
            Some(beside) => beside.go_on(now_ms, passed_ms, queue_ms, round_trip_ms, lost, fair),
            None => {
                // A neighbour that was there first leaves no queue for a moment now and then, after a loss of its own.
                let is_alone = self.empty_since_ms.is_some_and(|since| now_ms - since > GONE_MS);
                if is_alone {
                    self.alone = self.alone.max(arrives.unwrap_or(0.0));
                }
                let stays = self.since_ms.is_some_and(|since| {
                    now_ms - since > STAYS_MS && decreased_ms > since && now_ms - decreased_ms < STAYS_MS
                });
                // One that goes down by itself was our own: a first picture too large for the way, say.
                if let Some(rate) = arrives
                    && stays
                    && queue_ms >= self.longest_ms * OWN_SHARE
                {
                    self.beside = Some(Beside {
                        rate,
                        lost_ms: now_ms,
                        tried_ms: now_ms,
                        trial: None,
                    });
                }
            }
        }
        let is_own = self.beside.is_some_and(|beside| {
            beside
                .trial
                .is_some_and(|trial| queue_ms < trial.queue_ms * OWN_SHARE)
        });
        if is_own {
            *self = Self {
                updated_ms: now_ms,
                alone: self.alone,
                ..Self::default()
            };
        }
    }

    /// Bounds the rate by what else is known.
    pub(super) fn limit(&mut self, min: f64, max: f64) {
        if let Some(beside) = &mut self.beside {
            beside.rate = beside.rate.max(min).min(max);
        }
    }
}

impl Beside {
    fn go_on(
        &mut self,
        now_ms: f64,
        passed_ms: f64,
        queue_ms: f64,
        round_trip_ms: f64,
        lost: bool,
        fair: f64,
    ) {
        if let Some(trial) = self.trial {
            if now_ms > trial.until_ms {
                self.trial = None;
                self.tried_ms = now_ms;
            }
            return;
        }
        let round_trip_ms = round_trip_ms.max(20.0);
        if lost && now_ms - self.lost_ms > round_trip_ms + 100.0 {
            self.rate *= KEPT;
            self.lost_ms = now_ms;
        } else if fair <= 0.0 || self.rate < fair {
            let (step, growth) = if fair > 0.0 {
                (STEP, 1.0)
            } else {
                (STEP_UNKNOWN, GROWTH_UNKNOWN)
            };
            let a_second = step * PACKET_BITS * 1e6 / (round_trip_ms * round_trip_ms);
            self.rate += a_second.min(self.rate * growth) * passed_ms / 1000.0;
        }
        if now_ms - self.tried_ms > TRIAL_EVERY_MS {
            self.trial = Some(Trial {
                until_ms: now_ms + (queue_ms * 2.0).min(1_500.0) + round_trip_ms,
                queue_ms,
                rate: self.rate,
            });
        }
    }
}
