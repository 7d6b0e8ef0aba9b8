//! What one connection may say: size, rate and sense of every message, before anything else sees it. Sans-IO.

use crate::limit::TokenBucket;
use crate::time::Moment;
use parley_proto::limits::{
    SIGNAL_BURST_MESSAGES_MAX, SIGNAL_MESSAGE_BYTES_MAX, SIGNAL_OFFENCES_MAX, SIGNAL_RATE_MESSAGES_PER_S,
};
use parley_proto::{ClientMessage, ErrorCode};

/// What to do with a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Hand it on.
    Pass(ClientMessage),
    /// Answer with this error, count it, and go on.
    Refuse(ErrorCode),
    /// Answer with this error, and close: it was one too many.
    Close(ErrorCode),
}

/// The gate of one connection.
#[derive(Debug)]
pub struct Gate {
    messages: TokenBucket,
    /// Mistakes are forgiven, one a second: a long call with a slightly odd client goes on, a flood does not.
    offences: TokenBucket,
}

impl Gate {
    /// A gate for a connection made now.
    #[must_use]
    pub fn new(now: Moment) -> Self {
        Self {
            messages: TokenBucket::new(now, SIGNAL_BURST_MESSAGES_MAX, SIGNAL_RATE_MESSAGES_PER_S),
            offences: TokenBucket::new(now, SIGNAL_OFFENCES_MAX, 1),
        }
    }

    /// Judges a text message.
    pub fn admit(&mut self, now: Moment, text: &str) -> Verdict {
        if !self.messages.take(now) {
            return self.offence(now, ErrorCode::TooFast);
        }
        if text.len() > SIGNAL_MESSAGE_BYTES_MAX {
            return self.offence(now, ErrorCode::TooLarge);
        }
        match serde_json::from_str(text) {
            Ok(message) => Verdict::Pass(message),
            Err(_) => self.offence(now, ErrorCode::Malformed),
        }
    }

    /// Judges a binary message: there is none in this protocol.
    pub fn admit_binary(&mut self, now: Moment) -> Verdict {
        self.offence(now, ErrorCode::Malformed)
    }

    /// Judges a ping or a pong, which say nothing but that somebody is there: a verdict only where there are too many.
    pub fn admit_control(&mut self, now: Moment) -> Option<Verdict> {
        let too_fast = !self.messages.take(now);
        too_fast.then(|| self.offence(now, ErrorCode::TooFast))
    }

    fn offence(&mut self, now: Moment, code: ErrorCode) -> Verdict {
        if self.offences.take(now) {
            Verdict::Refuse(code)
        } else {
            Verdict::Close(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    const START: Moment = Moment::from_unix_ms(0);

    #[test]
    fn a_flood_is_refused_and_then_closed_while_a_steady_client_is_not() {
        let ping = r#"{"type":"ping","nonce":1}"#;
        let mut gate = Gate::new(START);
        let verdicts: Vec<Verdict> = (0..500).map(|_| gate.admit(START, ping)).collect();
        let count = |wanted: &Verdict| verdicts.iter().filter(|v| *v == wanted).count();
        assert_eq!(
            count(&Verdict::Pass(ClientMessage::Ping { nonce: 1 })),
            SIGNAL_BURST_MESSAGES_MAX as usize
        );
        assert_eq!(
            count(&Verdict::Refuse(ErrorCode::TooFast)),
            SIGNAL_OFFENCES_MAX as usize
        );
        assert_eq!(verdicts.last(), Some(&Verdict::Close(ErrorCode::TooFast)));

        let mut gate = Gate::new(START);
        for n in 0..10_000u64 {
            let now = START + Duration::from_millis(n * 1000 / u64::from(SIGNAL_RATE_MESSAGES_PER_S));
            assert!(matches!(gate.admit(now, ping), Verdict::Pass(_)), "message {n}");
        }
    }

    #[test]
    fn a_flood_of_signs_of_life_is_a_flood_too() {
        let mut gate = Gate::new(START);
        let verdicts: Vec<_> = (0..500).filter_map(|_| gate.admit_control(START)).collect();
        assert_eq!(verdicts.len(), 500 - SIGNAL_BURST_MESSAGES_MAX as usize);
        assert_eq!(verdicts.last(), Some(&Verdict::Close(ErrorCode::TooFast)));

        let mut gate = Gate::new(START);
        for n in 0..1000 {
            assert_eq!(gate.admit_control(START + Duration::from_secs(n)), None);
        }
    }

    #[test]
    fn nonsense_is_answered_a_few_times_only() {
        let mut gate = Gate::new(START);
        for _ in 0..SIGNAL_OFFENCES_MAX {
            assert_eq!(gate.admit(START, "{"), Verdict::Refuse(ErrorCode::Malformed));
        }
        assert_eq!(gate.admit_binary(START), Verdict::Close(ErrorCode::Malformed));
    }

    #[test]
    fn a_message_over_the_limit_is_too_large() {
        let text = format!(
            r#"{{"type":"ping","nonce":1,"x":"{}"}}"#,
            "y".repeat(SIGNAL_MESSAGE_BYTES_MAX)
        );
        assert_eq!(
            Gate::new(START).admit(START, &text),
            Verdict::Refuse(ErrorCode::TooLarge)
        );
    }

    proptest! {
        #[test]
        fn any_text_passes_or_is_refused_but_never_a_panic(text in ".{0,400}") {
            let _ = Gate::new(START).admit(START, &text);
        }

        #[test]
        fn a_message_with_any_field_spoilt_is_never_a_panic(
            kind in "request_ticket|join|resume|signal|leave|ping|.{0,8}",
            value in "null|true|-1|1e999|\"\"|\\[\\]|\\{\\}|[0-9]{1,30}|\\[{1,200}",
        ) {
            let text = format!(r#"{{"type":"{kind}","version":{value},"room":{value},"ticket":{value},"to":{value},"payload":{value},"nonce":{value}}}"#);
            let _ = Gate::new(START).admit(START, &text);
        }
    }
}
