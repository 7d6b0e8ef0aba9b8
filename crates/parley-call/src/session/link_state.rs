//! How the way to the other side is, and what helps when it is not well: an ICE restart, then a fresh connection, then
//! nothing more. Time counts only while the other side can be told about it.

use super::stopwatch::Stopwatch;
use crate::end::EndReason;
use crate::port::ConnectionPhase;
use std::time::{Duration, Instant};

/// A connection that has not come up by then is replaced.
const CONNECT_MAX: Duration = Duration::from_secs(8);
/// One that failed before it ever stood is replaced after this: candidates may still be on their way.
const FAILED_AT_FIRST_MAX: Duration = Duration::from_secs(1);
/// Disconnected may mend itself; after this ICE is restarted.
const DISCONNECTED_MAX: Duration = Duration::from_secs(2);
/// An ICE restart that has not helped by then is followed by a fresh connection.
const ICE_RESTART_MAX: Duration = Duration::from_secs(5);
/// The side that came first waits so much longer, so that normally only one side acts.
const OTHER_SIDE_FIRST: Duration = Duration::from_millis(1_500);
/// A way that is not found by then is not looked for any more.
const OUTAGE_MAX: Duration = Duration::from_secs(30);
/// Without media and without a way to tell the other side anything, the call is over after this.
const SILENCE_MAX: Duration = Duration::from_secs(75);

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remedy {
    RestartIce,
    FreshConnection,
    GiveUp(EndReason),
    /// Neither media nor messages pass: how it ends depends on who is missing.
    GiveUpSilent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The first attempt of a connection.
    Connecting,
    Connected,
    /// Failed before it ever stood.
    FailedAtFirst,
    /// Stood, and stopped.
    Disconnected,
    /// Stood, and is dead.
    Failed,
    RestartingIce,
}

#[derive(Debug)]
pub(super) struct LinkState {
    polite: bool,
    step: Step,
    /// Time in this step while the other side can be told.
    in_step: Stopwatch,
    /// Time without media while the other side can be told.
    outage: Stopwatch,
    /// Time without media while it cannot.
    silence: Stopwatch,
    /// Since when there has been no media.
    down_since: Option<Instant>,
    reachable: bool,
    /// When data channels were seen to stand still on a connection that stands.
    stuck_at: Option<Instant>,
}

impl LinkState {
    pub(super) fn new(now: Instant, polite: bool, reachable: bool) -> Self {
        let mut state = Self {
            polite,
            step: Step::Connecting,
            in_step: Stopwatch::default(),
            outage: Stopwatch::default(),
            silence: Stopwatch::default(),
            down_since: Some(now),
            reachable,
            stuck_at: None,
        };
        state.run(now);
        state
    }

    pub(super) fn is_connected(&self) -> bool {
        self.step == Step::Connected
    }

    /// Since when there has been no media; `None` while there is.
    pub(super) const fn down_since(&self) -> Option<Instant> {
        self.down_since
    }

    /// How long there was no media, in time that counts.
    pub(super) fn outage(&self, now: Instant) -> Duration {
        self.outage.elapsed(now)
    }

    /// How long the current step lasts, in time that counts.
    pub(super) fn in_step(&self, now: Instant) -> Duration {
        self.in_step.elapsed(now)
    }

    /// When the current step will have lasted for `total`.
    pub(super) fn step_reaches(&self, total: Duration) -> Option<Instant> {
        self.in_step.reaches(total)
    }

    pub(super) fn set_reachable(&mut self, now: Instant, reachable: bool) {
        self.reachable = reachable;
        self.run(now);
    }

    /// A fresh connection takes the place of the one there was.
    pub(super) fn renew(&mut self, now: Instant) {
        self.go(now, Step::Connecting);
    }

    pub(super) fn on_phase(&mut self, now: Instant, phase: ConnectionPhase) {
        let next = match (phase, self.step) {
            (ConnectionPhase::Connected, _) => {
                self.outage.reset();
                self.silence.reset();
                Step::Connected
            }
            (ConnectionPhase::Disconnected, Step::Connected) => Step::Disconnected,
            (ConnectionPhase::Failed, Step::Connecting) => Step::FailedAtFirst,
            (ConnectionPhase::Failed, Step::Connected | Step::Disconnected) => Step::Failed,
            _ => return,
        };
        if next != self.step {
            self.go(now, next);
        }
    }

    /// Media flows, and data channels do not.
    pub(super) fn on_stuck(&mut self, now: Instant) {
        if self.step == Step::Connected {
            self.stuck_at.get_or_insert(now);
        }
    }

    /// The other side is mending it: no need to do the same.
    pub(super) fn on_offer(&mut self, now: Instant) {
        if matches!(self.step, Step::Disconnected | Step::Failed) {
            self.go(now, Step::RestartingIce);
        }
    }

    /// What is due now, if anything. `RestartIce` is to be carried out; the others are followed by `renew` or the end.
    pub(super) fn due(&mut self, now: Instant) -> Option<Remedy> {
        if self.outage.elapsed(now) >= OUTAGE_MAX {
            return Some(Remedy::GiveUp(EndReason::ConnectionFailed));
        }
        if self.silence.elapsed(now) >= SILENCE_MAX {
            return Some(Remedy::GiveUpSilent);
        }
        if self.stuck_until().is_some_and(|until| now >= until) {
            return Some(Remedy::FreshConnection);
        }
        if self.step_max().is_none_or(|max| self.in_step.elapsed(now) < max) {
            return None;
        }
        if matches!(self.step, Step::Disconnected | Step::Failed) {
            self.go(now, Step::RestartingIce);
            return Some(Remedy::RestartIce);
        }
        Some(Remedy::FreshConnection)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        [
            self.step_max().and_then(|max| self.in_step.reaches(max)),
            self.stuck_until(),
            self.outage.reaches(OUTAGE_MAX),
            self.silence.reaches(SILENCE_MAX),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Until when somebody else may mend what is stuck.
    fn stuck_until(&self) -> Option<Instant> {
        let wait = if self.polite {
            Duration::ZERO
        } else {
            OTHER_SIDE_FIRST
        };
        self.stuck_at.filter(|_| self.reachable).map(|at| at + wait)
    }

    fn step_max(&self) -> Option<Duration> {
        let max = match self.step {
            Step::Connected => return None,
            Step::Connecting => CONNECT_MAX,
            Step::FailedAtFirst => FAILED_AT_FIRST_MAX,
            Step::Disconnected => DISCONNECTED_MAX,
            Step::Failed => Duration::ZERO,
            Step::RestartingIce => ICE_RESTART_MAX,
        };
        Some(if self.polite { max } else { max + OTHER_SIDE_FIRST })
    }

    fn go(&mut self, now: Instant, step: Step) {
        self.step = step;
        self.down_since = match step {
            Step::Connected => None,
            _ => self.down_since.or(Some(now)),
        };
        self.in_step.reset();
        self.stuck_at = None;
        self.run(now);
    }

    fn run(&mut self, now: Instant) {
        let out = self.step != Step::Connected;
        self.in_step.set_running(now, out && self.reachable);
        self.outage.set_running(now, out && self.reachable);
        self.silence.set_running(now, out && !self.reachable);
    }
}
