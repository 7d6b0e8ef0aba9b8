//! What every part of the session gets along with an input: the time, and where its outputs go.

use super::io::Outbox;
use crate::end::EndReason;
use crate::stats::SessionCounters;
use parley_proto::{ClientMessage, PeerEnvelope, PeerMessage};
use std::time::Instant;

/// One turn of the session.
#[derive(Debug)]
pub(super) struct Context<'a> {
    /// The time of this input.
    pub(super) now: Instant,
    /// Commands to the drivers, events to the app.
    pub(super) out: &'a mut Outbox,
    /// What is counted.
    pub(super) counters: &'a mut SessionCounters,
    /// What is to be told to the other side, in order.
    pub(super) said: Vec<PeerMessage>,
    /// The same about a second connection.
    pub(super) said_beside: Vec<PeerEnvelope>,
    /// What is to be told to the server about a group, in order.
    pub(super) to_server: Vec<ClientMessage>,
    /// Set when the call went over to another network beside the one that it was on.
    pub(super) moved: bool,
    /// Set when the call cannot go on.
    pub(super) end: Option<EndReason>,
}

impl<'a> Context<'a> {
    pub(super) fn new(now: Instant, out: &'a mut Outbox, counters: &'a mut SessionCounters) -> Self {
        Self {
            now,
            out,
            counters,
            said: Vec::new(),
            said_beside: Vec::new(),
            to_server: Vec::new(),
            moved: false,
            end: None,
        }
    }

    /// Tells the other side, once this turn is over.
    pub(super) fn say(&mut self, message: PeerMessage) {
        self.said.push(message);
    }
}
