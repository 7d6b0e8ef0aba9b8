//! Everything that reads text of strangers: messages of all three kinds, links, ids.

use parley_proto::chat::presentable;
use parley_proto::{
    ChatFrame, ChunkFrame, ClientMessage, ControlMessage, FileFrame, Link, ParticipantId, PeerMessage,
    RoomId, ServerMessage,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// Text is read or refused; what was read means the same after it was written and read again.
pub(crate) fn proto(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    survives::<PeerMessage>(&text);
    survives::<ControlMessage>(&text);
    survives::<ChatFrame>(&text);
    survives::<FileFrame>(&text);
    if let Some(shown) = presentable(&text) {
        assert_eq!(presentable(&shown), Some(shown.clone()), "shown is shown");
    }
    let bytes = data.to_vec().into();
    if let Some(frame) = ChunkFrame::read(&bytes) {
        assert_eq!(frame.write().freeze(), bytes, "a chunk is written as it was read");
    }
    // What two participants tell each other is passed on as it is, so only its presence is compared: a number in it may
    // have more digits than a double.
    let without_payload = |message: ClientMessage| match message {
        ClientMessage::Signal { to, .. } => ClientMessage::Signal {
            to,
            payload: serde_json::Value::Null,
        },
        ClientMessage::Tell { to, .. } => ClientMessage::Tell {
            payload: serde_json::Value::Null,
            to,
        },
        other => other,
    };
    survives_as::<ClientMessage>(&text, without_payload);
    let without_payload = |message: ServerMessage| match message {
        ServerMessage::Signal { from, .. } => ServerMessage::Signal {
            from,
            payload: serde_json::Value::Null,
        },
        ServerMessage::Told { from, .. } => ServerMessage::Told {
            from,
            payload: serde_json::Value::Null,
        },
        other => other,
    };
    survives_as::<ServerMessage>(&text, without_payload);
    if let Ok(link) = Link::find_in(&text) {
        assert_eq!(
            link.to_string().parse(),
            Ok(link.clone()),
            "as a web link: {link}"
        );
        assert_eq!(
            link.deep_link().parse(),
            Ok(link.clone()),
            "as a deep link: {}",
            link.deep_link()
        );
    }
    if let Ok(room) = text.parse::<RoomId>() {
        assert_eq!(room.to_string().parse(), Ok(room));
    }
    if let Ok(participant) = text.parse::<ParticipantId>() {
        assert_eq!(participant.to_string().parse(), Ok(participant));
    }
}

fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &str) {
    survives_as::<T>(text, |message| message);
}

fn survives_as<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &str, essence: impl Fn(T) -> T) {
    let Ok(message) = serde_json::from_str::<T>(text) else {
        return;
    };
    let written = serde_json::to_string(&message);
    assert!(written.is_ok(), "cannot be written: {message:?}");
    let again = written.and_then(|written| serde_json::from_str::<T>(&written));
    assert!(again.is_ok(), "cannot be read again: {message:?}");
    if let Ok(again) = again {
        assert_eq!(essence(message), essence(again));
    }
}
