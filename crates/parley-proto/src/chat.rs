//! What two participants write to each other, over the data channel `parley-chat` (negotiated id 1): JSON, one frame each.
//!
//! Every text has an id chosen by its author and is answered by [`ChatFrame::Delivered`]. An author sends again, after a
//! fresh connection, what was not answered; a reader knows the ids it has shown and answers a second coming without showing
//! it twice. Unknown frames and fields are ignored.

use crate::id::MessageId;
use crate::limits::{CHAT_FRAME_BYTES_MAX, CHAT_TEXT_CHARS_MAX};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The label of the data channel.
pub const CHAT_CHANNEL_LABEL: &str = "parley-chat";
/// Its negotiated stream id.
pub const CHAT_CHANNEL_ID: u16 = 1;

/// One frame on the chat channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ChatFrame {
    /// Somebody wrote something.
    Text(ChatText),
    /// It is there.
    Delivered {
        /// Which.
        id: MessageId,
    },
    /// A frame of a newer client.
    #[serde(other)]
    Unknown,
}

/// One message. Its `Debug` leaves the words out: they are nobody's but the two's.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatText {
    /// Chosen by the author; another one for each message.
    pub id: MessageId,
    /// The words, inert: never markup.
    pub text: String,
}

impl fmt::Debug for ChatText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatText")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl ChatFrame {
    /// Reads what came. Nothing when it is too large or not a frame.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > CHAT_FRAME_BYTES_MAX {
            return None;
        }
        serde_json::from_slice(bytes).ok()
    }
}

/// What of a text is shown and sent: without control characters (line breaks and tabs stay), without characters that turn
/// the direction of writing around (they make one text look like another), without blank ends. Nothing when that leaves
/// nothing, or more than [`CHAT_TEXT_CHARS_MAX`].
#[must_use]
pub fn presentable(text: &str) -> Option<String> {
    if text.len() > CHAT_FRAME_BYTES_MAX {
        return None;
    }
    let text: String = text
        .chars()
        .filter(|character| matches!(character, '\n' | '\t') || !is_hidden(*character))
        .collect();
    let text = text.trim();
    let fits = !text.is_empty() && text.chars().count() <= CHAT_TEXT_CHARS_MAX;
    fits.then(|| text.to_owned())
}

/// Whether a character shows nothing itself and changes how others are read: a control character, or one of the directional
/// overrides and isolates of Unicode (UAX #9).
#[must_use]
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_and_nonsense_is_not() {
        let id = MessageId::from_bytes([5; 16]);
        let frame = ChatFrame::Text(ChatText {
            id,
            text: "hi <b>you</b>".into(),
        });
        let written = serde_json::to_vec(&frame).unwrap();
        assert_eq!(ChatFrame::read(&written), Some(frame.clone()));
        assert!(!format!("{frame:?}").contains("you"));
        assert_eq!(
            ChatFrame::read(br#"{"type":"sing","song":1}"#),
            Some(ChatFrame::Unknown)
        );
        for nonsense in [
            &b""[..],
            b"{",
            b"\xff",
            br#"{"type":"text"}"#,
            br#"{"type":"text","id":"x","text":""}"#,
        ] {
            assert_eq!(ChatFrame::read(nonsense), None);
        }
        let mut huge = written;
        huge.resize(CHAT_FRAME_BYTES_MAX + 1, b' ');
        assert_eq!(ChatFrame::read(&huge), None);
    }

    #[test]
    fn what_is_shown_is_inert() {
        for (given, shown) in [
            ("  hello\n", Some("hello")),
            ("a\u{0}b\u{1b}[31mc", Some("ab[31mc")),
            ("two\r\nlines", Some("two\nlines")),
            ("safe\u{202e}txt.exe", Some("safetxt.exe")),
            ("👍🏽", Some("👍🏽")),
            (" \u{7} ", None),
            ("", None),
        ] {
            assert_eq!(presentable(given).as_deref(), shown, "{given:?}");
        }
        let longest = "ü".repeat(CHAT_TEXT_CHARS_MAX);
        assert_eq!(presentable(&longest), Some(longest.clone()));
        assert_eq!(presentable(&format!("{longest}x")), None);
        let worst = ChatText {
            id: MessageId::from_bytes([0; 16]),
            text: "\"".repeat(CHAT_TEXT_CHARS_MAX),
        };
        let written = serde_json::to_vec(&ChatFrame::Text(worst)).unwrap();
        assert!(written.len() <= CHAT_FRAME_BYTES_MAX, "{}", written.len());
    }
}
