//! One call that was: who, when, how long, how good. A value.

use crate::view::EndCode;

/// Names one past call on this computer: 64 random bits, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(String);

impl CallId {
    /// From random bits.
    #[must_use]
    pub fn new(random: u64) -> Self {
        Self(format!("{random:016x}"))
    }

    /// From what a window or the file says; nothing if that is no id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hexadecimal = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        (text.len() == 16 && text.chars().all(hexadecimal)).then(|| Self(text.to_owned()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Seconds of connected time by how good the path was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seconds {
    /// Nothing to complain of.
    pub good: u32,
    /// Noticeably worse.
    pub fair: u32,
    /// Bad.
    pub poor: u32,
}

/// One call that was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastCall {
    /// Its name.
    pub id: CallId,
    /// When the two were first connected, in milliseconds since 1970.
    pub began_ms: u64,
    /// How long they were connected, in seconds; grows while the call is on.
    pub seconds: u64,
    /// The names of the others, as they called themselves.
    pub people: Vec<String>,
    /// Whether this side made the room.
    pub host: bool,
    /// How good it was.
    pub quality: Seconds,
    /// Times the media stopped and came back, or did not.
    pub interruptions: u32,
    /// Why it ended; nothing while it is on, or when Parley ended without seeing the end.
    pub end: Option<EndCode>,
    /// What the person said of it: 1 (bad) to 5 (good).
    pub stars: Option<u8>,
    /// How many messages of it are kept. Counted by the store, not kept.
    pub messages: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_are_ids() {
        let id = CallId::new(0xfeed);
        assert_eq!(id.as_str(), "000000000000feed");
        assert_eq!(CallId::parse(id.as_str()), Some(id));
        for other in [
            "",
            "feed",
            "000000000000FEED",
            "000000000000fee'",
            "0000000000000feed",
        ] {
            assert_eq!(CallId::parse(other), None, "{other}");
        }
    }
}
