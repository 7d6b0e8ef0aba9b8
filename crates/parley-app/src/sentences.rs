//! Tests that a window can say in its language what this side says in English.
//!
//! Messages for people cross to the window as English sentences. Those under `sentences` in `ui/src/locales/en.json` are found
//! again there (`ui/src/lib/text/told.ts`) and said in the language in use; any other stays English. Nothing of this runs in
//! the app.

use parley_call::chat::SayError;
use parley_call::relay::ProxyError;
use parley_call::{EndReason, ProofFault, SignalingFault};
use parley_proto::{ErrorCode, ParseLinkError};
use std::collections::BTreeMap;
use std::path::Path;

/// Whether all of a message is made of sentences that the window knows.
pub(crate) fn is_known(message: &str) -> bool {
    fits(message.trim(), &sentences())
}

fn sentences() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/locales/en.json");
    let words: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let by_key: BTreeMap<String, String> = serde_json::from_value(words["sentences"].clone()).unwrap();
    by_key.into_values().collect()
}

fn fits(message: &str, sentences: &[String]) -> bool {
    message.is_empty()
        || sentences.iter().any(|sentence| {
            rest_after(message, sentence).is_some_and(|rest| fits(rest.trim_start(), sentences))
        })
}

/// What follows a sentence at the beginning of a message; a name in braces stands for any text.
fn rest_after<'a>(message: &'a str, sentence: &str) -> Option<&'a str> {
    let Some((before, named)) = sentence.split_once('{') else {
        return message.strip_prefix(sentence);
    };
    let (_, after) = named.split_once('}')?;
    let inner = message.strip_prefix(before)?;
    let at = inner.rfind(after).filter(|at| *at > 0)?;
    Some(&inner[at + after.len()..])
}

fn check(message: &str) {
    assert!(is_known(message), "not among the window's sentences: {message}");
}

#[test]
fn every_end_of_a_call_can_be_said() {
    let refused = |code| EndReason::Refused {
        code,
        message: "in the server's words".into(),
    };
    for reason in [
        EndReason::HungUp,
        EndReason::OtherLeft,
        EndReason::OtherLost,
        EndReason::ConnectionFailed,
        EndReason::NoConnection,
        EndReason::NoRelay,
        EndReason::NotGenuine(ProofFault::Wrong),
        EndReason::NotGenuine(ProofFault::Missing),
        EndReason::NotAParleyServer,
        EndReason::Internal("the peer"),
    ] {
        check(&reason.to_string());
    }
    for code in ErrorCode::ALL.into_iter().chain([ErrorCode::Unknown]) {
        check(&refused(code).to_string());
    }
}

#[test]
fn every_fault_of_the_server_and_of_a_link_can_be_said() {
    for fault in [
        SignalingFault::NameUnknown,
        SignalingFault::Refused,
        SignalingFault::TimedOut,
        SignalingFault::Tls,
        SignalingFault::Unencrypted,
        SignalingFault::NotAParleyServer,
        SignalingFault::PlaceKept,
        SignalingFault::Lost,
    ] {
        check(&fault.to_string());
        check(&format!("{fault} Parley keeps trying."));
        check(&format!(
            "{fault} Parley tries for a few more seconds, then gives up."
        ));
    }
    for fault in [
        ParseLinkError::NotALink,
        ParseLinkError::NoServer,
        ParseLinkError::BadRoom,
        ParseLinkError::BadSecret,
    ] {
        check(&fault.to_string());
    }
}

#[test]
fn why_a_message_is_not_sent_can_be_said() {
    for error in [SayError::Empty, SayError::TooLong, SayError::TooMany] {
        check(&error.to_string());
    }
    check("You are in no call. Join one first.");
    check("Nobody in the call can take files now.");
    check("Whoever this file was for is not in the call.");
}

#[test]
fn what_is_wrong_with_a_proxy_can_be_said() {
    for error in [ProxyError::Malformed, ProxyError::Unsupported] {
        check(&error.to_string());
    }
}

#[test]
fn why_nothing_is_recorded_can_be_said() {
    check("There is nobody to record yet.");
    check("The last recording is still ending. Try again in a moment.");
}

#[test]
fn a_sentence_that_the_window_does_not_have_is_noticed() {
    assert!(!is_known("The moon is full."));
    assert!(!is_known("Parley keeps trying. The moon is full."));
    assert!(!is_known(
        " lost the connection. The call goes on as soon as it is back."
    ));
}
