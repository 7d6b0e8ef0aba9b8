//! How long the server is waited for, and how it is kept from falling silent.

use super::{News, Signaling, Stage};
use crate::end::{EndReason, SignalingFault};
use crate::session::io::{Outbox, SignalingCommand};
use crate::snapshot::Entrance;
use crate::stats::SessionCounters;
use parley_proto::ClientMessage;
use parley_proto::limits::SIGNAL_PING_S;
use std::time::{Duration, Instant};

const PING_EVERY: Duration = Duration::from_secs(SIGNAL_PING_S);
/// After a ping, silence for so long means the connection is dead.
const PONG_MAX: Duration = Duration::from_secs(5);
/// A call that never had an answer from its server is given up after this.
const FIRST_ANSWER_MAX: Duration = Duration::from_secs(15);
/// A person who went in and is not in by then is told.
const ENTER_MAX: Duration = Duration::from_secs(30);

impl Signaling {
    pub(super) fn time_out(
        &mut self,
        now: Instant,
        out: &mut Outbox,
        counters: &mut SessionCounters,
    ) -> Option<News> {
        out.signaling(SignalingCommand::Disconnect);
        self.on_closed(now, SignalingFault::TimedOut, None, counters)
    }

    pub(super) fn keep_alive(
        &mut self,
        now: Instant,
        out: &mut Outbox,
        counters: &mut SessionCounters,
    ) -> Option<News> {
        if self.awaits_pong() && now >= self.last_ping + PONG_MAX {
            return self.time_out(now, out, counters);
        }
        if now >= self.last_ping + PING_EVERY {
            self.last_ping = now;
            self.nonce = self.nonce.wrapping_add(1);
            out.signaling(SignalingCommand::Send(ClientMessage::Ping { nonce: self.nonce }));
        }
        None
    }

    fn awaits_pong(&self) -> bool {
        self.last_heard < self.last_ping
    }

    pub(super) fn keep_alive_at(&self) -> Instant {
        self.last_ping + if self.awaits_pong() { PONG_MAX } else { PING_EVERY }
    }

    /// When a call that has no room yet is given up.
    pub(super) fn patience_until(&self) -> Option<Instant> {
        if self.was_joined || self.stage == Stage::Over {
            return None;
        }
        let first_answer = self
            .out_since
            .filter(|_| self.room.is_none() || !self.answered)
            .map(|since| since + FIRST_ANSWER_MAX);
        // A former self in the room goes away by itself.
        let entering = self
            .entered_at
            .filter(|_| self.entrance() == Entrance::Free)
            .map(|at| (at + ENTER_MAX).max(self.former_self_until.unwrap_or(at)));
        first_answer.into_iter().chain(entering).min()
    }

    pub(super) fn patience_over(&mut self, now: Instant) -> Option<EndReason> {
        if self.patience_until().is_none_or(|until| now < until) {
            return None;
        }
        let fault = self.fault.unwrap_or(SignalingFault::TimedOut);
        Some(self.refusal.take().unwrap_or(EndReason::ServerUnreachable(fault)))
    }
}
