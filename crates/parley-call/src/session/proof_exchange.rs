//! When proofs are sent and checked, and what follows. What a proof is stands in [`crate::proof`].
//!
//! Fingerprints do not change within a pair of connections: each connection has its own certificate. So a proof is sent
//! once both are known, may come before that (then it waits), and a right one is never taken back.

use super::context::Context;
use super::stopwatch::Stopwatch;
use crate::end::{EndReason, ProofFault};
use crate::port::PeerCommand;
use crate::proof::{ProofKey, ProofMac, Statement};
use crate::sdp::Fingerprint;
use parley_proto::{ParticipantId, PeerMessage, RoomId};
use std::time::{Duration, Instant};

/// How long a connected other side may take to prove itself, in time during which it could be heard.
const PROOF_MAX: Duration = Duration::from_secs(10);

/// Who proves what to whom.
#[derive(Debug, Clone)]
pub(super) struct Parties {
    pub(super) key: ProofKey,
    pub(super) room: RoomId,
    pub(super) me: ParticipantId,
    pub(super) other: ParticipantId,
    /// Whether this side came second.
    pub(super) polite: bool,
}

#[derive(Debug)]
pub(super) struct ProofExchange {
    parties: Parties,
    own: Option<Fingerprint>,
    theirs: Option<Fingerprint>,
    held: Option<ProofMac>,
    said: bool,
    proven: bool,
    waiting: Stopwatch,
}

impl ProofExchange {
    pub(super) fn new(parties: Parties) -> Self {
        Self {
            parties,
            own: None,
            theirs: None,
            held: None,
            said: false,
            proven: false,
            waiting: Stopwatch::default(),
        }
    }

    /// Between whom.
    pub(super) fn parties(&self) -> Parties {
        self.parties.clone()
    }

    pub(super) const fn proven(&self) -> bool {
        self.proven
    }

    /// The fingerprint the other side promised, once it did.
    pub(super) const fn theirs(&self) -> Option<Fingerprint> {
        self.theirs
    }

    pub(super) fn set_own(&mut self, fingerprint: Fingerprint, cx: &mut Context<'_>) {
        if self.own.replace(fingerprint) != Some(fingerprint) {
            self.said = false;
            self.go_on(cx);
        }
    }

    pub(super) fn set_theirs(&mut self, fingerprint: Fingerprint, cx: &mut Context<'_>) {
        if self.theirs.replace(fingerprint) != Some(fingerprint) {
            self.said = false;
            self.go_on(cx);
        }
    }

    /// A proof came.
    pub(super) fn on_proof(&mut self, text: &str, cx: &mut Context<'_>) {
        let Some(mac) = ProofMac::from_text(text) else {
            cx.counters.malformed_from_peer += 1;
            return;
        };
        if self.proven {
            // Repeats of the right one are normal after a loss; others prove nothing any more.
            cx.counters.proofs_ignored += u64::from(self.expected() != Some(mac));
            return;
        }
        self.held = Some(mac);
        self.go_on(cx);
    }

    /// Says the proof again: it may have been lost.
    pub(super) fn repeat(&mut self, cx: &mut Context<'_>) {
        self.said = false;
        self.say(cx);
    }

    /// Lets the clock run while the other side is connected and can be heard.
    pub(super) fn set_waiting(&mut self, now: Instant, waiting: bool) {
        self.waiting.set_running(now, waiting && !self.proven);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.waiting.reaches(PROOF_MAX)
    }

    pub(super) fn on_timeout(&mut self, cx: &mut Context<'_>) {
        if !self.proven && self.waiting.elapsed(cx.now) >= PROOF_MAX {
            cx.end = Some(EndReason::NotGenuine(ProofFault::Missing));
        }
    }

    fn go_on(&mut self, cx: &mut Context<'_>) {
        // Ours goes out before theirs is judged: both sides shall see what is wrong.
        self.say(cx);
        let (Some(expected), Some(held)) = (self.expected(), self.held) else {
            return;
        };
        self.held = None;
        if held != expected {
            cx.end = Some(EndReason::NotGenuine(ProofFault::Wrong));
        } else if !self.proven {
            self.proven = true;
            self.waiting.reset();
            cx.out.peer(PeerCommand::AllowMedia);
        }
    }

    fn say(&mut self, cx: &mut Context<'_>) {
        if self.said {
            return;
        }
        if let (Some(own), Some(theirs)) = (self.own, self.theirs) {
            self.said = true;
            let mac = self.parties.key.prove(&Statement {
                room: self.parties.room,
                sender: self.parties.me,
                receiver: self.parties.other,
                sender_polite: self.parties.polite,
                sender_fingerprint: own,
                receiver_fingerprint: theirs,
            });
            cx.say(PeerMessage::Proof { mac: mac.to_text() });
        }
    }

    /// What the other side must say.
    fn expected(&self) -> Option<ProofMac> {
        Some(self.parties.key.prove(&Statement {
            room: self.parties.room,
            sender: self.parties.other,
            receiver: self.parties.me,
            sender_polite: !self.parties.polite,
            sender_fingerprint: self.theirs?,
            receiver_fingerprint: self.own?,
        }))
    }
}
