//! Names of rooms and participants. Both are opaque to people and compared as a whole.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Bytes of a room id: 16 random ones, then an 8-byte check made by the server that issued it.
pub const ROOM_ID_BYTES: usize = 24;
/// How many of them are random.
pub const ROOM_ID_RANDOM_BYTES: usize = 16;

/// The unguessable name of a room: 32 characters of URL-safe base64.
///
/// The first 16 bytes are random, the last 8 are the issuing server's keyed check over them, so that a server knows its
/// own rooms again after a restart without a database, and tells a link to another server at once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoomId([u8; ROOM_ID_BYTES]);

/// The name of one participant in a room: 22 characters of URL-safe base64 (128 bits, chosen by the server).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ParticipantId([u8; 16]);

/// The name of one chat message: 22 characters of URL-safe base64 (128 bits, chosen by its author).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId([u8; 16]);

/// The name of one transfer of a file: 22 characters of URL-safe base64 (128 bits, chosen by the sender).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TransferId([u8; 16]);

/// Text that is not an id of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id")]
pub struct ParseIdError;

macro_rules! id_text {
    ($name:ident, $bytes:expr) => {
        impl $name {
            /// Wraps bytes that were chosen elsewhere.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The raw bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }

            /// The first six characters: enough to follow a log, too little to join.
            #[must_use]
            pub fn redacted(&self) -> String {
                let mut text = self.to_string();
                text.truncate(6);
                text
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
            }
        }

        // Ids reach logs through `{:?}`: never whole.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({}…)"), self.redacted())
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                // Longer than any id: do not even decode.
                if text.len() > 64 {
                    return Err(ParseIdError);
                }
                let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| ParseIdError)?;
                Ok(Self(bytes.try_into().map_err(|_| ParseIdError)?))
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseIdError;
            fn try_from(text: String) -> Result<Self, ParseIdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
    };
}

id_text!(RoomId, ROOM_ID_BYTES);
id_text!(ParticipantId, 16);
id_text!(MessageId, 16);
id_text!(TransferId, 16);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_the_trip_through_text() {
        let room = RoomId::from_bytes([7; ROOM_ID_BYTES]);
        assert_eq!(room.to_string().parse(), Ok(room));
        assert_eq!(room.to_string().len(), 32);
        let who = ParticipantId::from_bytes([0xfe; 16]);
        assert_eq!(who.to_string().parse(), Ok(who));
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for text in [
            "",
            "x",
            "not base64 at all!",
            &"A".repeat(31),
            &"A".repeat(33),
            &"A".repeat(10_000),
        ] {
            assert_eq!(text.parse::<RoomId>(), Err(ParseIdError), "{text:.40}");
        }
    }

    #[test]
    fn debug_output_does_not_give_the_id_away() {
        let room = RoomId::from_bytes([7; ROOM_ID_BYTES]);
        assert!(!format!("{room:?}").contains(&room.to_string()));
    }
}
