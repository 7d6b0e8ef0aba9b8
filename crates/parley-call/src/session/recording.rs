//! Who may record whom, between this side and one other person. Sans-IO, a part of their link.
//!
//! Asked and answered over the control channel (`docs/protocol.md`): whoever wants to record asks, the other side's client
//! answers by its setting, and an answer that does not come counts as no. Knows nothing of files or pictures.

use crate::snapshot::{RecordingConsent, RecordingRefusal};
use parley_proto::{ControlMessage, RecordingState};
use std::time::{Duration, Instant};

/// An answer comes by itself, so it is there within a round trip. After this it counts as no.
const ANSWER_MAX: Duration = Duration::from_secs(4);
/// What is said before the other side's channel is open may be lost, so the question is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Recording {
    /// This side lets itself be recorded.
    allowed: bool,
    consent: RecordingConsent,
    asked: Option<Asked>,
    /// There was a wish at some time; before, there is nothing to tell.
    used: bool,
    /// What they were told of it; nothing when they may have missed it.
    told: Option<RecordingState>,
    theirs: RecordingState,
    /// What they were answered; nothing when they may have missed it, or asked again.
    answered: Option<bool>,
}

/// A question that waits for its answer.
#[derive(Debug, Clone, Copy)]
struct Asked {
    until: Instant,
    again_at: Instant,
}

impl Recording {
    /// What they said.
    pub(super) const fn consent(&self) -> RecordingConsent {
        self.consent
    }

    /// Whether they record this side.
    pub(super) fn they_record(&self) -> bool {
        self.theirs == RecordingState::On
    }

    /// This side wants to record, or does no more.
    pub(super) fn wish(&mut self, now: Instant, on: bool) {
        let going_on = matches!(self.consent, RecordingConsent::Asking | RecordingConsent::Agreed);
        if on && going_on {
            return;
        }
        self.used |= on;
        self.asked = on.then(|| Asked {
            until: now + ANSWER_MAX,
            again_at: now + ASK_AGAIN,
        });
        self.consent = if on {
            RecordingConsent::Asking
        } else {
            RecordingConsent::Unasked
        };
    }

    /// Whether this side lets itself be recorded.
    pub(super) const fn allow(&mut self, allowed: bool) {
        self.allowed = allowed;
    }

    /// They say how far they are. Each such word is answered.
    pub(super) fn on_state(&mut self, state: RecordingState) {
        if state != RecordingState::Unknown {
            self.theirs = state;
            self.answered = None;
        }
    }

    /// They say whether they may be recorded.
    pub(super) fn on_answer(&mut self, allowed: bool) {
        match (self.consent, allowed) {
            (RecordingConsent::Asking, true) => self.become_of_it(RecordingConsent::Agreed),
            (RecordingConsent::Asking | RecordingConsent::Agreed, false) => {
                self.become_of_it(RecordingConsent::Refused(RecordingRefusal::SaidNo));
            }
            _ => {}
        }
    }

    /// They may have missed what they were told.
    pub(super) const fn retell(&mut self) {
        self.told = None;
        self.answered = None;
    }

    pub(super) fn on_timeout(&mut self, now: Instant) {
        let Some(asked) = &mut self.asked else { return };
        if now >= asked.until {
            self.become_of_it(RecordingConsent::Refused(RecordingRefusal::NoAnswer));
        } else if now >= asked.again_at {
            asked.again_at = now + ASK_AGAIN;
            self.told = None;
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.asked.map(|asked| asked.until.min(asked.again_at))
    }

    /// What is to be said next, for as long as it can be said.
    pub(super) fn next_message(&mut self) -> Option<ControlMessage> {
        let state = match self.consent {
            RecordingConsent::Asking => RecordingState::Asking,
            RecordingConsent::Agreed => RecordingState::On,
            RecordingConsent::Unasked | RecordingConsent::Refused(_) => RecordingState::Off,
        };
        if self.used && self.told != Some(state) {
            self.told = Some(state);
            return Some(ControlMessage::Recording { state });
        }
        let asks = matches!(self.theirs, RecordingState::Asking | RecordingState::On);
        if asks && self.answered != Some(self.allowed) {
            self.answered = Some(self.allowed);
            return Some(ControlMessage::MayRecord {
                allowed: self.allowed,
            });
        }
        None
    }

    fn become_of_it(&mut self, consent: RecordingConsent) {
        self.asked = None;
        self.consent = consent;
    }
}
