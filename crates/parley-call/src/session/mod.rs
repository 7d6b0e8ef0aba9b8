//! What decides in a call: a value without sockets, threads or clocks. Owned by the [`crate::call`] driver.
//!
//! The contract: after creating it, and after every [`Session::handle`], take outputs with [`Session::poll_output`] until
//! there is none, carry them out in order, then wait for an input or for [`Session::poll_timeout`], whichever is first;
//! that moment is an input too ([`Input::Timeout`]). Time never goes backwards. After [`SessionEvent::Ended`] nothing
//! more comes out.
//!
//! `signaling` knows the server, `peer_link` the other person of a call of two, `group` the SFU and the people of a larger one,
//! `pairs` the ways for files between two of those; `stay` brings them together.

mod backoff;
mod candidates;
mod context;
mod group;
mod handover;
mod held_offer;
mod ice;
mod io;
mod leg;
mod link_state;
mod missing;
mod negotiation;
mod pace;
mod pairing;
mod pairs;
mod peer_link;
mod presence;
mod proof_exchange;
mod rate;
mod recording;
mod roster;
mod second;
mod signaling;
mod stay;
mod stopwatch;
#[cfg(test)]
mod tests;
mod ways;

pub use handover::NetworkChange;
pub(crate) use ice::usable as offered;
pub use io::{Input, LaneCommand, Output, PairCommand, SessionEvent, SignalingCommand, SignalingEvent};

use crate::snapshot::CallSnapshot;
use crate::stats::SessionCounters;
use context::Context;
use io::Outbox;
use parley_proto::{JoinToken, LinkSecret, MediaState, RoomId, ServerAddress};
use stay::Stay;
use std::time::Instant;

/// What a session begins with.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// The server.
    pub server: ServerAddress,
    /// The room; none to make one.
    pub room: Option<RoomId>,
    /// The secret of the link; 16 fresh random bytes when a room is made.
    pub secret: LinkSecret,
    /// What the link carries beside it, for the server.
    pub invitation: Option<JoinToken>,
    /// The name others see.
    pub name: String,
    /// What microphone and camera do.
    pub media: MediaState,
    /// A random number, another one for each session: spreads attempts to come back over time, and tells the words of a group apart that it seals.
    pub seed: u64,
    /// The person wants only to listen, if that can be.
    pub only_listens: bool,
}

/// One call, from the green room to its end.
#[derive(Debug)]
pub struct Session {
    stay: Stay,
    out: Outbox,
    counters: SessionCounters,
}

impl Session {
    /// A call in the green room. Its first timeout is at once: that is when it reaches for the server.
    #[must_use]
    pub fn new(now: Instant, config: SessionConfig) -> Self {
        Self {
            stay: Stay::new(now, config),
            out: Outbox::default(),
            counters: SessionCounters::default(),
        }
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Instant, input: Input) {
        if self.stay.ended().is_some() {
            return;
        }
        let mut cx = Context::new(now, &mut self.out, &mut self.counters);
        self.stay.handle(input, &mut cx);
    }

    /// What is to be done next, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop()
    }

    /// When to come back with [`Input::Timeout`], if nothing happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.stay.deadline()
    }

    /// From when on the next [`Input::Frame`] is taken; nothing while none is.
    #[must_use]
    pub fn takes_frame_at(&self, now: Instant) -> Option<Instant> {
        self.stay.takes_frame_at(now)
    }

    /// The state as others may see it.
    #[must_use]
    pub fn snapshot(&self) -> CallSnapshot {
        self.stay.snapshot()
    }

    /// What was counted.
    #[must_use]
    pub const fn counters(&self) -> SessionCounters {
        self.counters
    }
}
