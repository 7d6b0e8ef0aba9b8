//! What is written to one client at once: several messages in one ([`parley_proto::ServerMessage::Several`]), for clients that take them
//! so. Sans-IO, owned by the connection's writer.
//!
//! Who comes, goes and changes can wait a moment ([`can_wait`]): the first such message goes at once, and what follows it within
//! [`GATHERED`] goes together. Anything else goes at once, with everything before it: the order stays. So in a call of two nothing is
//! later, and where hundreds come in together each of them is written to a few times a second.

use crate::time::Moment;
use axum::extract::ws::Utf8Bytes;
use parley_proto::ServerMessage;
use parley_proto::limits::SIGNAL_MESSAGE_BYTES_MAX;
use std::time::Duration;

/// Between two messages of what can wait.
const GATHERED: Duration = Duration::from_millis(150);
/// Messages in one.
const MESSAGES_MAX: usize = 256;
/// With so many bytes one waits no longer: half of what a client takes.
const BYTES_ENOUGH: usize = SIGNAL_MESSAGE_BYTES_MAX / 2;
/// What is around them.
const FRAME_BYTES: usize = 32;

/// Whether somebody is served as well by hearing of it a moment later.
pub(crate) const fn can_wait(message: &ServerMessage) -> bool {
    matches!(
        message,
        ServerMessage::ParticipantJoined { .. }
            | ServerMessage::ParticipantLeft { .. }
            | ServerMessage::ParticipantAway { .. }
            | ServerMessage::ParticipantBack { .. }
            | ServerMessage::ParticipantReady { .. }
            | ServerMessage::Participants { .. }
            | ServerMessage::ListensChanged { .. }
            | ServerMessage::RoleChanged { .. }
            | ServerMessage::ResumeToken { .. }
    )
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Bundle {
    texts: Vec<Utf8Bytes>,
    bytes: usize,
    /// Something in it cannot wait.
    urgent: bool,
    /// When one went last of which all could wait.
    patient_last: Option<Moment>,
}

impl Bundle {
    /// Whether one more message has room; one of any length does where nothing else is.
    pub(crate) fn has_room(&self, text: &Utf8Bytes) -> bool {
        let bytes = self.bytes + text.len() + FRAME_BYTES;
        self.texts.is_empty() || bytes <= SIGNAL_MESSAGE_BYTES_MAX && !self.is_full()
    }

    /// One more message. To be asked before: [`Bundle::has_room`].
    pub(crate) fn add(&mut self, text: Utf8Bytes, can_wait: bool) {
        self.bytes += text.len() + 1;
        self.urgent |= !can_wait;
        self.texts.push(text);
    }

    /// Whether it is to go before more is added.
    pub(crate) fn is_full(&self) -> bool {
        self.texts.len() >= MESSAGES_MAX || self.bytes >= BYTES_ENOUGH
    }

    /// When it goes; nothing while there is nothing in it.
    pub(crate) fn due(&self, now: Moment) -> Option<Moment> {
        if self.texts.is_empty() {
            return None;
        }
        let waits = self.patient_last.filter(|_| !self.urgent && !self.is_full());
        Some(waits.map_or(now, |last| last + GATHERED))
    }

    /// What goes, as one text; nothing while there is nothing in it.
    pub(crate) fn take(&mut self, now: Moment) -> Option<Utf8Bytes> {
        if !std::mem::take(&mut self.urgent) && !self.texts.is_empty() {
            self.patient_last = Some(now);
        }
        let bytes = std::mem::take(&mut self.bytes);
        let mut texts = std::mem::take(&mut self.texts);
        if texts.len() < 2 {
            return texts.pop();
        }
        let mut all = String::with_capacity(bytes + FRAME_BYTES);
        all.push_str(r#"{"type":"several","list":["#);
        for (at, text) in texts.iter().enumerate() {
            if at > 0 {
                all.push(',');
            }
            all.push_str(text);
        }
        all.push_str("]}");
        Some(all.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_proto::ParticipantId;

    const START: Moment = Moment::from_unix_ms(1_000_000);

    fn text(message: &ServerMessage) -> Utf8Bytes {
        serde_json::to_string(message).unwrap().into()
    }

    fn pong(nonce: u32) -> ServerMessage {
        ServerMessage::Pong { nonce }
    }

    fn away(n: u8) -> ServerMessage {
        let id = ParticipantId::from_bytes([n; 16]);
        ServerMessage::ParticipantAway { id }
    }

    fn add(bundle: &mut Bundle, message: &ServerMessage) {
        bundle.add(text(message), can_wait(message));
    }

    fn at(ms: u64) -> Moment {
        START + Duration::from_millis(ms)
    }

    #[test]
    fn the_first_goes_at_once_and_what_follows_soon_goes_together() {
        let mut bundle = Bundle::default();
        assert_eq!(bundle.due(START), None);
        add(&mut bundle, &away(1));
        assert_eq!(bundle.due(START), Some(START));
        assert_eq!(bundle.take(START), Some(text(&away(1))), "one is no bundle");
        for (n, ms) in [(2, 10), (3, 90), (4, 149)] {
            add(&mut bundle, &away(n));
            assert_eq!(bundle.due(at(ms)), Some(at(150)));
        }
        let all = bundle.take(at(150)).unwrap();
        let list = vec![away(2), away(3), away(4)];
        let read: ServerMessage = serde_json::from_str(&all).unwrap();
        assert_eq!(read, ServerMessage::Several { list });
        assert_eq!(bundle.take(at(150)), None);
        add(&mut bundle, &away(5));
        assert!(
            bundle.due(at(500)).is_some_and(|due| due <= at(500)),
            "long after"
        );
    }

    #[test]
    fn what_cannot_wait_takes_what_waits_with_it_and_delays_nothing() {
        let mut bundle = Bundle::default();
        add(&mut bundle, &away(1));
        bundle.take(START);
        add(&mut bundle, &away(2));
        assert_eq!(bundle.due(at(10)), Some(at(150)));
        add(&mut bundle, &pong(7));
        assert_eq!(bundle.due(at(20)), Some(at(20)));
        let read: ServerMessage = serde_json::from_str(&bundle.take(at(20)).unwrap()).unwrap();
        let list = vec![away(2), pong(7)];
        assert_eq!(read, ServerMessage::Several { list }, "in order");
        for ms in 21..40 {
            add(&mut bundle, &pong(7));
            assert_eq!(bundle.due(at(ms)), Some(at(ms)), "talk is not slowed down");
            bundle.take(at(ms));
        }
    }

    #[test]
    fn a_bundle_is_never_longer_than_a_client_takes() {
        let mut bundle = Bundle::default();
        add(&mut bundle, &away(0));
        bundle.take(START);
        let mut many = 0;
        while bundle.has_room(&text(&away(1))) {
            add(&mut bundle, &away(1));
            many += 1;
        }
        assert_eq!(many, MESSAGES_MAX);
        assert_eq!(bundle.due(START), Some(START), "a full one does not wait");
        for long in [60, 80, 127] {
            let mut bundle = Bundle::default();
            let text: Utf8Bytes = "x".repeat(long * 1024).into();
            while bundle.has_room(&text) {
                bundle.add(text.clone(), true);
            }
            assert!(
                bundle.take(START).unwrap().len() <= SIGNAL_MESSAGE_BYTES_MAX,
                "{long}"
            );
        }
    }
}
