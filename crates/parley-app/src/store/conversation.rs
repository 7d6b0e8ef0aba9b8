//! What was written in a call that was, and a file that was not sent to its end. Values.

use std::fmt;
use std::path::PathBuf;

/// One message of a call that was. Its `Debug` leaves the words out.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptMessage {
    /// When it was sent or came, in milliseconds since 1970.
    pub at_ms: u64,
    /// The name of who wrote it; nothing for oneself.
    pub author: Option<String>,
    /// The words.
    pub text: String,
    /// The other side had it.
    pub delivered: bool,
}

impl fmt::Debug for KeptMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptMessage")
            .field("at_ms", &self.at_ms)
            .finish_non_exhaustive()
    }
}

/// A file that was offered and is not there yet: it can be offered again, and goes on where it stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// Where it is. There is one of each place and person.
    pub path: PathBuf,
    /// Its size in bytes when it was offered.
    pub size: u64,
    /// Whom it was for, as they called themselves; empty if nobody had come yet.
    pub to: String,
    /// When it was offered, in milliseconds since 1970.
    pub at_ms: u64,
}
